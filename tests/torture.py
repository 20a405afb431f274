"""Kill commands at random moments, and look at what they leave: ``make torture``.

After each kill the manifest is the old or the new one, every file that it names is whole, and every
file that a command writes is the old or the new one. The next run gives what an undisturbed one
does.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.samples import copy

SECONDS = 120
OPERATIONS: Mapping[str, tuple[str, ...]] = {
    "collect": ("collect", "--noinput", "--cache", "../cache"),
    "collect --layer-root": (
        *("collect", "--noinput", "--cache", "../cache"),
        *("--layer-root", "{directory}/layer-root"),
    ),
    "layer": ("layer", "--output", "../layer.tar.gz"),
    "layer --tag": ("layer", "--base", "oci:../base:1", "--tag", "oci:../image:1"),
    "generate": ("generate", "dockerfile", "dockerignore", "procfile", "compose", "--force"),
}


@dataclass
class Site:
    """A project whose sources change, in a directory of its own, and what a command makes of it."""

    directory: Path
    operation: str

    @property
    def root(self) -> Path:
        return self.directory / "site"

    def create(self) -> None:
        """Write the project, with some larger files, and the base image that `layer` needs."""
        copy("manifest", self.directory).rename(self.root)
        if "--layer-root" in OPERATIONS[self.operation]:
            # The parents of STATIC_ROOT have to belong to root, which those of a test do not.
            settings = self.root / "mysite/settings.py"
            text = settings.read_text().replace('BASE_DIR / "staticfiles"', '"/app/staticfiles"')
            settings.write_text(text)
        for number in range(30):
            file = self.root / f"static/js/{number}.js"
            file.parent.mkdir(exist_ok=True)
            file.write_text(f"// {number}\n" + f"call({number});\n" * 2000)
        if "oci:../base:1" in OPERATIONS[self.operation]:
            from tests.oci.images import base

            base(self.directory / "base", "1")

    def change(self, version: int) -> None:
        """Change sources, so that the next run has something to write."""
        (self.root / "static/css/site.css").write_text(f"body {{ margin: {version}px }}\n")
        (self.root / "static/js/1.js").write_text(f"version({version});\n" * 2000)
        (self.root / ".python-version").write_text(f"3.{12 + version % 2}\n")

    def start(self) -> subprocess.Popen[bytes]:
        """Start the command in a process group of its own."""
        words = OPERATIONS[self.operation]
        command = [word.format(directory=self.directory) for word in words]
        environ = {"PATH": os.environ["PATH"], "HOME": str(self.directory)}
        with (self.directory / "log").open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "buildstatic", *command],
                cwd=self.root,
                env=environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def run(self) -> float:
        """Run the command to its end, and return its time in seconds."""
        begin = time.monotonic()
        status = self.start().wait(SECONDS)
        assert status == 0, (self.directory / "log").read_text()
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
        places = [self.root / "staticfiles", *self.directory.glob("layer*")]
        places += [self.directory / "image"]
        files = [path for place in places for path in (place, *place.rglob("*"))]
        names = ("Dockerfile", ".dockerignore", "Procfile", "compose.yaml")
        files += [self.root / name for name in names]
        return {
            path.relative_to(self.directory).as_posix(): _digest(path)
            for path in files
            if path.is_file() and not path.name.startswith(".buildstatic-")
        }

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


def torture(operation: str, kills: int, directory: Path, *, seed: int = 0) -> int:
    """Kill *operation* *kills* times, and return how often it was killed before its end."""
    chance = random.Random(seed)
    site, reference = Site(directory / "killed", operation), Site(directory / "whole", operation)
    for each in (site, reference):
        each.directory.mkdir(parents=True)
        each.create()
        each.change(0)
    runs: list[dict[str, str]] = []
    seconds = 0.0
    for version in (0, 1):
        # A run of its own for each version: what is left of an earlier one stays in the tree.
        reference.change(version)
        seconds = reference.run()
        runs.append(reference.output())
    site.run()
    killed = 0
    for number in range(1, kills + 1):
        site.change(number % 2)
        killed += site.kill(chance.uniform(0, seconds))
        site.check_whole(*runs)
    site.change(1)
    site.run()
    end = site.output()
    site.check_whole(*runs)
    expected = {name: digest for name, digest in runs[1].items() if "/blobs/" not in name}
    assert {name: end.get(name) for name in expected} == expected
    return killed


def main() -> None:
    """Print how often each command was killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("operations", nargs="*", default=list(OPERATIONS))
    options = parser.parse_args()
    for operation in options.operations:
        directory = Path(tempfile.mkdtemp(prefix="torture-"))
        begin = time.monotonic()
        killed = torture(operation, options.kills, directory, seed=os.getpid())
        shutil.rmtree(directory)
        seconds = time.monotonic() - begin
        print(f"{operation:22} {options.kills} runs, {killed} killed, {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
