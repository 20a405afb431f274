"""Disturb commands, and look at what they leave: ``make torture``.

They are killed at random moments, each call that changes the disk fails once, sixteen run at once,
the disk is full, and memory is limited. After each the manifest is the old or the new one, every
file that it names is whole, and every file that a command writes is the old or the new one. The
next run gives what an undisturbed one does.
"""

from __future__ import annotations

import argparse
import errno
import hashlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from pathlib import Path

import pytest
from docker.errors import APIError, ImageNotFound

from buildstatic.atomic import PREFIX
from buildstatic.oci.engine_lookup import find_by_tree
from tests.engine import REPOSITORY, connect
from tests.oci import tiny
from tests.samples import copy

SECONDS = 600
FAULTS = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EACCES, errno.EMFILE)
INTERNAL_ERROR = 70
RUNS = 16
MEGABYTES = 256
ENVIRON = ("PATH", "DOCKER_HOST")
OPERATIONS: Mapping[str, tuple[str, ...]] = {
    "collect": ("collect", "--noinput", "--compress", "fast", "--cache", "../cache"),
    "collect --layer-root": (
        *("collect", "--noinput", "--compress", "fast", "--cache", "../cache"),
        *("--layer-root", "{directory}/layer-root"),
    ),
    "layer": ("layer", "--output", "../layer.tar.gz"),
    "layer --tag": ("layer", "--base", "oci:../base:1", "--tag", "oci:../image:1"),
    "layer --tag registry": ("layer", "--base", "oci:../base:1", "--tag", "{image}"),
    "build": (
        *("build", "--builder", "embedded"),
        *("--base", "oci:../base:1", "--tag", "oci:../image:1"),
    ),
    "build on the engine": ("build", "--tag", "{image}"),
    "generate": ("generate", "dockerfile", "dockerignore", "procfile", "compose", "--force"),
}


@dataclass
class Site:
    """A project whose sources change, in a directory of its own, and what a command makes of it."""

    directory: Path
    operation: str
    files: int = 30
    image_ids: set[str] = field(default_factory=set)

    @property
    def root(self) -> Path:
        return self.directory / "site"

    @property
    def on_engine(self) -> bool:
        """Whether the image is one of the engine, else of a registry."""
        return self.operation == "build on the engine"

    @property
    def image(self) -> str:
        """Its image in the registry or the engine, if there is one."""
        if "{image}" not in OPERATIONS[self.operation]:
            return ""
        name = hashlib.sha256(str(self.directory).encode()).hexdigest()[:16]
        if self.on_engine:
            return f"{REPOSITORY}:torture-{name}"
        return f"{tiny.registry()}/buildstatic-tests/{name}:1"

    def create(self) -> None:
        """Write the project, with some larger files, and the base image that `layer` needs."""
        if self.on_engine:
            connect().close()
        self.temporary.mkdir(parents=True)
        copy("manifest", self.directory).rename(self.root)
        if "--layer-root" in OPERATIONS[self.operation]:
            # The parents of STATIC_ROOT have to belong to root, which those of a test do not.
            settings = self.root / "mysite/settings.py"
            text = settings.read_text().replace('BASE_DIR / "staticfiles"', '"/app/staticfiles"')
            settings.write_text(text)
        for number in range(self.files):
            file = self.root / f"static/js/{number}.js"
            file.parent.mkdir(exist_ok=True)
            file.write_text(f"// {number}\n" + f"call({number});\n" * 2000)
        if "oci:../base:1" in OPERATIONS[self.operation]:
            from tests.oci.images import base

            base(self.directory / "base", "1")

    def change(self, version: int) -> None:
        """Change sources, so that the next run has something to write.

        For `collect` the cache is removed, so that worker processes compress what has changed.
        """
        if self.operation == "collect":
            shutil.rmtree(self.directory / "cache", ignore_errors=True)
        (self.root / "static/css/site.css").write_text(f"body {{ margin: {version}px }}\n")
        (self.root / "static/js/1.js").write_text(f"version({version});\n" * 22_000)
        if self.on_engine:  # or the engine has all steps in its build cache
            (self.root / "mysite/unique.py").write_text(f"number = {time.time_ns()}\n")
        if self.operation == "generate":
            (self.root / ".python-version").write_text(f"3.{12 + version % 2}\n")

    def start(
        self, environ: Mapping[str, str] = {}, before: Callable[[], None] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start the command in a process group of its own, after it has called *before*."""
        words = OPERATIONS[self.operation]
        command = [word.format(directory=self.directory, image=self.image) for word in words]
        with (self.directory.parent / f"{self.directory.name}.log").open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "buildstatic", *command],
                cwd=self.root,
                env={
                    **{name: os.environ[name] for name in ENVIRON if name in os.environ},
                    "HOME": str(self.directory),
                    "TMPDIR": str(self.temporary),
                    "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                    **environ,
                },
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=before,
            )

    @property
    def temporary(self) -> Path:
        """The directory for the temporary files of its runs."""
        return self.directory / "tmp"

    @property
    def log(self) -> str:
        """What the last run printed."""
        return (self.directory.parent / f"{self.directory.name}.log").read_text()

    def run(self) -> float:
        """Run the command to its end, and return its time in seconds."""
        begin = time.monotonic()
        status = self.start().wait(SECONDS)
        assert status == 0, self.log
        return time.monotonic() - begin

    def kill(self, delay: float) -> bool:
        """Kill the command after *delay* seconds; return whether it was still running."""
        process = self.start()
        try:
            process.wait(delay)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
        return process.wait(SECONDS) == -signal.SIGKILL

    def output(self) -> dict[str, str]:
        """Return the digest of each file that the command writes, temporary ones left out."""
        image = {}
        if self.image:
            image["image"] = self._read_image() if self.on_engine else _pushed_digest(self.image)
        places = [self.root / "staticfiles", *self.directory.glob("layer*")]
        places += [self.directory / "image"]
        files = [path for place in places for path in (place, *place.rglob("*"))]
        names = ("Dockerfile", ".dockerignore", "Procfile", "compose.yaml")
        files += [self.root / name for name in names]
        return image | {
            path.relative_to(self.directory).as_posix(): _digest(path)
            for path in files
            if path.is_file() and f"/{PREFIX}" not in str(path)
        }

    def _read_image(self) -> str:
        """Extract the static files of the engine's image, and return the digest of its content."""
        tree = self.directory / "layer-of-image"
        shutil.rmtree(tree, ignore_errors=True)
        with closing(connect()) as client:
            try:
                image = client.images.get(self.image)
            except ImageNotFound:
                return ""
            assert image.id
            self.image_ids.add(image.id)
            container = client.containers.create(image.id)
            try:
                stream, _ = container.get_archive("/app/staticfiles")
                with tarfile.open(fileobj=BytesIO(b"".join(stream))) as archive:
                    archive.extractall(tree, filter="data")
            finally:
                container.remove()
            layer = find_by_tree(client, image.id, "/app/staticfiles")
        # That of the code differs each time.
        content = (layer and layer.diff_id, image.attrs["Config"])
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def remove_images(self) -> None:
        """Remove what the engine has of its images."""
        if self.image_ids:
            with closing(connect()) as client:
                for name in (self.image, *self.image_ids):
                    with suppress(APIError):  # not there, or also that of another site
                        client.images.remove(name)

    def left(self) -> list[Path]:
        """Return what is left of killed runs, but for the cache, which removes the oldest."""
        found = self.directory.rglob(f"{PREFIX}*")
        kept = {"cache", ".cache", self.temporary.name}
        return [path for path in found if not kept.intersection(path.parts)]

    def check_complete(self, whole: Mapping[str, str]) -> None:
        """Raise AssertionError if a file of the run *whole* is missing, or another one."""
        expected = {name: digest for name, digest in whole.items() if "/blobs/" not in name}
        found = self.output()
        assert {name: found.get(name) for name in expected} == expected
        assert self.left() == []

    def check_whole(self, *allowed: Mapping[str, str]) -> None:
        """Raise AssertionError for a file that is in none of *allowed*, or missing of a manifest.

        A file is whole if it equals that of one of the runs, by its name.
        """
        found = self.output()
        for name, digest in found.items():
            if "image/blobs/" in name:  # named by its digest
                assert name.endswith(digest), f"{name} is not whole"
                continue
            assert any(each.get(name) == digest for each in allowed), f"{name} is not whole"
        for manifest in (name for name in found if name.endswith("staticfiles.json")):
            directory = manifest.rpartition("/")[0]
            paths = json.loads((self.directory / manifest).read_text())["paths"]
            missing = [name for name in paths.values() if f"{directory}/{name}" not in found]
            assert not missing, f"{manifest} names {missing[0]}, which is missing"


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _pushed_digest(name: str) -> str:
    """Return the digest of the image *name*, all of whose blobs are read; empty without one."""
    from buildstatic.errors import ImageNotFound
    from tests.oci.images import content_of, manifest_of

    try:
        manifest = manifest_of(name)
    except ImageNotFound:
        return ""
    for blob in (manifest["config"], *manifest["layers"]):
        content_of(name, blob)
    return hashlib.sha256(json.dumps(manifest).encode()).hexdigest()


@contextmanager
def disturbed(
    operation: str, directory: Path, files: int = 30
) -> Iterator[tuple[Site, float, list[dict[str, str]]]]:
    """Yield a site with *files* on which *operation* has run, its seconds, and its whole runs.

    The runs are of two versions. At the end an undisturbed run must give the files of the second.
    """
    site, reference = (Site(directory / name, operation, files) for name in ("site", "whole"))
    for each in (site, reference):
        each.directory.mkdir(parents=True)
        each.create()
        each.change(0)
    runs: list[dict[str, str]] = []
    seconds = 0.0
    try:
        for version in (0, 1):
            # A run of its own for each version: what is left of an earlier one stays in the tree.
            reference.change(version)
            seconds = reference.run()
            runs.append(reference.output())
        assert runs[0] != runs[1]
        site.run()
        yield site, seconds, runs
        site.change(1)
        site.run()
        site.check_whole(*runs)
        site.check_complete(runs[1])
    finally:
        for each in (site, reference):
            each.remove_images()


def torture(operation: str, kills: int, directory: Path, *, seed: int = 0, files: int = 30) -> int:
    """Kill *operation* *kills* times, and return how often it was killed before its end."""
    chance = random.Random(seed)
    killed = 0
    with disturbed(operation, directory, files) as (site, seconds, runs):
        for number in range(1, kills + 1):
            site.change(number % 2)
            killed += site.kill(chance.uniform(0, seconds))
            site.check_whole(*runs)
            assert not site.on_engine or site.left() == []
    return killed


def build_faults(directory: Path) -> Path:
    """Compile tests/faults/fault.c, or skip the test if there is no compiler."""
    library = directory / "fault.so"
    if not (compiler := shutil.which("cc")):
        pytest.skip("no C compiler")
    source = Path(__file__).with_name("faults") / "fault.c"
    command = [compiler, "-Wall", "-Werror", "-shared", "-fPIC", "-o", str(library), str(source)]
    subprocess.run(command, check=True)
    return library


def fail_calls(
    operation: str, numbers: range, directory: Path, *, kinds: Sequence[int] = FAULTS
) -> tuple[int, int]:
    """Let each of the calls *numbers* that changes the disk fail, with each of *kinds*.

    Returns how many runs had a fault, and how many of them ended with an error.
    """
    directory.mkdir(exist_ok=True)
    library, count = build_faults(directory), directory / "count"
    faults = errors = version = 0
    with disturbed(operation, directory, files=1) as (site, _, runs):
        for kind in kinds:
            for number in numbers:
                version = 1 - version
                site.change(version)
                count.write_bytes(bytes(8))
                environ = {
                    "LD_PRELOAD": str(library),
                    "FAULT_DIRECTORY": str(site.directory),
                    "FAULT_COUNT": str(count),
                    "FAULT_AT": str(number),
                    "FAULT_ERRNO": str(kind),
                }
                status = site.start(environ).wait(SECONDS)
                assert "Traceback" not in site.log, site.log
                site.check_whole(*runs)
                assert [*site.left(), *site.temporary.iterdir()] == []
                if status:
                    assert status != INTERNAL_ERROR, site.log
                    assert os.strerror(kind) in site.log, site.log
                    site.run()
                site.check_complete(runs[version])
                if int.from_bytes(count.read_bytes(), sys.byteorder) < number:
                    break
                faults += 1
                errors += status != 0
    return faults, errors


def run_together(operation: str, runs: int, directory: Path) -> None:
    """Start *operation* *runs* times at once on one tree and one cache; all must succeed."""
    with disturbed(operation, directory) as (site, _, whole):
        site.change(1)
        processes = [site.start() for _ in range(runs)]
        assert [process.wait(SECONDS * runs) for process in processes] == [0] * runs, site.log
        site.check_whole(*whole)


def fill_disk(operation: str, numbers: range, directory: Path) -> int:
    """Run *operation* with *numbers* of 4 KiB that are free; return how many runs failed.

    *directory* is a small file system.
    """
    failed = 0
    filler = directory / "filler"
    with disturbed(operation, directory) as (site, _, runs):
        for number in numbers:
            site.change(number % 2)
            free = os.statvfs(directory).f_bavail * os.statvfs(directory).f_frsize
            filler.write_bytes(bytes(max(0, free - number * 4096)))
            status = site.start().wait(SECONDS)
            assert status != INTERNAL_ERROR, site.log
            failed += status != 0
            site.check_whole(*runs)
            filler.unlink()
            site.run()
            site.check_whole(*runs)
    return failed


def limit_memory(files: int, megabytes: int, directory: Path) -> float:
    """Collect *files* of 1 MB, each process with *megabytes* of memory; return the seconds."""
    site = Site(directory, "collect")
    site.create()
    for number in range(files):
        (site.root / f"static/js/large-{number}.js").write_text(f"call({number:09d});\n" * 60_000)
    limit = megabytes * 2**20
    begin = time.monotonic()
    process = site.start(before=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)))
    assert process.wait(SECONDS * 10) == 0, site.log
    manifest = json.loads((site.root / "staticfiles/staticfiles.json").read_text())
    assert len(manifest["paths"]) >= files
    return time.monotonic() - begin


def main() -> None:
    """Print what was done to each command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--files", type=int, default=300)
    parser.add_argument("operations", nargs="*", default=list(OPERATIONS))
    options = parser.parse_args()

    def report(text: str, run: Callable[[Path], object]) -> None:
        with tempfile.TemporaryDirectory(prefix="torture-") as place:
            begin = time.monotonic()
            try:
                result = run(Path(place, "x"))
            except pytest.skip.Exception as skipped:
                result = f"skipped: {skipped}"
            print(f"{text}: {result} ({time.monotonic() - begin:.0f} s)", flush=True)

    def on_small_disk(place: Path) -> int:
        from tests.collect.rights import disk

        with disk(place, "size=16m") as mounted:
            return fill_disk("collect", range(0, 400, 8), mounted)

    seed = os.getpid()
    for name in options.operations:
        kill = partial(torture, name, options.kills, seed=seed)
        report(f"{name}, killed in {options.kills} runs", kill)
        fail = partial(fail_calls, name, range(1, options.calls))
        report(f"{name}, runs with a fault and with an error", fail)
    report(f"collect, {RUNS} at once", lambda place: run_together("collect", RUNS, place))
    report("collect, errors in 50 runs on a disk that fills", on_small_disk)
    report(
        f"collect, {options.files} MB in {MEGABYTES} MB of memory, seconds",
        lambda place: limit_memory(options.files, MEGABYTES, place),
    )


if __name__ == "__main__":
    main()
