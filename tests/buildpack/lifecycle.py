"""A minimal lifecycle that follows github.com/buildpacks/spec (buildpack.md, API 0.12).

It needs only the standard library and runs without buildstatic:
``python lifecycle.py BUILDPACK APP WORK [NAME=VALUE]...`` detects, builds twice, exports, and
prints the results as JSON.
"""

from __future__ import annotations

import glob
import hashlib
import io
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

FAIL = 100
RESERVED = {"build", "launch", "store"}
TYPE = re.compile(r"[A-Za-z0-9._-]+")
ARCH = {"x86_64": "amd64", "aarch64": "arm64"}
Plan = dict[str, Any]


@dataclass(frozen=True)
class Ran:
    """The result of a program of the buildpack: its exit status and its output."""

    status: int
    out: str
    err: str


@dataclass(frozen=True)
class Process:
    """A process of the image: no shell around *command*; *args* may be replaced by the user."""

    type: str
    command: tuple[str, ...]
    default: bool = False


@dataclass(frozen=True)
class Image:
    """The result of an export: *slices* and *rest* are digests, *files* the sliced files."""

    slices: tuple[str, ...]
    rest: str
    files: tuple[tuple[str, ...], ...]
    processes: tuple[Process, ...]
    environment: Mapping[str, str]

    @property
    def default(self) -> str:
        """The type of the process that starts by default."""
        return next((process.type for process in self.processes if process.default), "")


@dataclass(frozen=True)
class Lifecycle:
    """A *buildpack* and an *app*; *work* contains everything else.

    Its ``cache``, or the directory *kept*, is kept between builds. *programs* is what earlier
    buildpacks prepend to PATH in the build; *user* are variables that the user sets.
    """

    buildpack: Path
    app: Path
    work: Path
    programs: str = ""
    user: Mapping[str, str] = field(default_factory=dict)
    kept: Path | None = None

    @property
    def cache(self) -> Path:
        """The directory of the layers for the next build."""
        return self.kept or self.work / "cache"

    @property
    def layers(self) -> Path:
        """The directory for the layers of the buildpack."""
        return self.work / "layers"

    def detect(self, **more: str) -> tuple[Ran, Plan]:
        """Run ``bin/detect``; return its result and the plan it wrote."""
        plan = self.work / "plan.toml"
        plan.parent.mkdir(parents=True, exist_ok=True)
        plan.write_text("")
        environ = {**self._environment(), "CNB_BUILD_PLAN_PATH": str(plan), **more}
        ran = self._run("detect", (self._platform(), plan), environ)
        return ran, tomllib.loads(plan.read_text())

    def build(self, **more: str) -> Ran:
        """Restore the cache, run ``bin/build``, check the layers and store the cache.

        A failed build does not change the cache.
        """
        self._restore()
        plan = self.work / "buildpack-plan.toml"
        plan.write_text('[[entries]]\nname = "buildstatic"\n')
        environ = {
            **self._environment(),
            "CNB_LAYERS_DIR": str(self.layers),
            "CNB_BP_PLAN_PATH": str(plan),
            **more,
        }
        environ["PATH"] = ":".join(filter(None, (self.programs, environ["PATH"])))
        ran = self._run("build", (self.layers, self._platform(), plan), environ)
        if ran.status == 0:
            self._store()
        return ran

    def export(self) -> Image:
        """Make layers of the application's directory according to ``launch.toml``."""
        launch = self._launch()
        taken: set[Path] = set()
        slices = [sorted(self._sliced(item["paths"], taken)) for item in launch.get("slices", [])]
        rest = sorted(set(self.app.rglob("*")) - taken)
        return Image(
            slices=tuple(map(self._layer, slices)),
            rest=self._layer(rest),
            files=tuple(tuple(str(p.relative_to(self.app)) for p in part) for part in slices),
            processes=tuple(_processes(launch)),
            environment=dict(self._launch_environment()),
        )

    def types(self) -> dict[str, dict[str, bool]]:
        """Return the layers of the last build with their types."""
        found = (path for path in self.layers.glob("*.toml") if path.stem not in RESERVED)
        return {path.stem: tomllib.loads(path.read_text()).get("types", {}) for path in found}

    def _environment(self) -> dict[str, str]:
        """Return the environment of both programs; includes *user*, as `clear-env` is not set."""
        return {
            "PATH": os.defpath,
            "HOME": str(self.work / "home"),
            "CNB_BUILDPACK_DIR": str(self.buildpack),
            "CNB_PLATFORM_DIR": str(self._platform()),
            "CNB_TARGET_OS": "linux",
            "CNB_TARGET_ARCH": ARCH[platform.machine()],
            **self.user,
        }

    def _platform(self) -> Path:
        directory = self.work / "platform"
        (directory / "env").mkdir(parents=True, exist_ok=True)
        for name, value in self.user.items():
            (directory / "env" / name).write_text(value)
        return directory

    def _run(self, name: str, arguments: Sequence[Path], environ: Mapping[str, str]) -> Ran:
        program = [self.buildpack / "bin" / name, *arguments]
        done = subprocess.run(program, cwd=self.app, env=environ, capture_output=True, text=True)
        return Ran(done.returncode, done.stdout, done.stderr)

    def _restore(self) -> None:
        """Restore the layers of the cache, with their metadata but not their types."""
        shutil.rmtree(self.layers, ignore_errors=True)
        self.layers.mkdir(parents=True)
        for metadata in self.cache.glob("*.toml"):
            shutil.copytree(
                self.cache / metadata.stem,
                self.layers / metadata.stem,
                symlinks=True,
                copy_function=link,
            )
            kept = tomllib.loads(metadata.read_text()).get("metadata", {})
            lines = [f"{name} = {json.dumps(value)}\n" for name, value in kept.items()]
            (self.layers / metadata.name).write_text("".join(["[metadata]\n", *lines]))

    def _store(self) -> None:
        shutil.rmtree(self.cache, ignore_errors=True)
        self.cache.mkdir()
        directories = {path.name for path in self.layers.iterdir() if path.is_dir()}
        assert not directories & RESERVED, "a layer has a name that is reserved"
        for name, types in self.types().items():
            assert set(types) <= {"launch", "build", "cache"}
            if types.get("cache") and name in directories:
                shutil.copytree(
                    self.layers / name, self.cache / name, symlinks=True, copy_function=link
                )
                shutil.copy(self.layers / f"{name}.toml", self.cache)
        for name in directories:
            if not any(self.types().get(name, {}).values()):
                (self.layers / name).rename(self.layers / f"{name}.ignore")

    def _launch(self) -> dict[str, Any]:
        path = self.layers / "launch.toml"
        launch = tomllib.loads(path.read_text()) if path.exists() else {}
        assert set(launch) <= {"labels", "processes", "slices"}
        return launch

    def _sliced(self, patterns: Sequence[str], taken: set[Path]) -> set[Path]:
        """Return the files that *patterns* match, including the content of directories.

        ``**`` means ``*`` in Go (lifecycle, layers/slices.go: filepath.Glob).
        """
        found: set[Path] = set()
        for pattern in patterns:
            assert not pattern.startswith("/")
            assert ".." not in pattern.split("/")
            for match in (self.app / name for name in _go_glob(self.app, pattern)):
                found |= {match, *match.rglob("*")}
        found -= taken
        taken |= found
        return found

    def _layer(self, paths: Sequence[Path]) -> str:
        """Return the digest of a layer of *paths*, owned by root, with the lifecycle's time."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for path in paths:
                member = archive.gettarinfo(path, str(path.relative_to(self.app)))
                if member.islnk():
                    member.type, member.linkname, member.size = (
                        tarfile.REGTYPE,
                        "",
                        path.stat().st_size,
                    )
                member.uid = member.gid = 0
                member.uname = member.gname = ""
                member.mtime = 315532801
                with path.open("rb") if member.isreg() else io.BytesIO() as file:
                    archive.addfile(member, file)
        return hashlib.sha256(buffer.getvalue()).hexdigest()

    def _launch_environment(self) -> Iterator[tuple[str, str]]:
        """Yield the variables of launch layers; this buildpack only uses ``.default``."""
        for name, types in self.types().items():
            for file in (self.layers / name).glob("env.launch/*") if types.get("launch") else ():
                variable, _, action = file.name.partition(".")
                assert action == "default"
                yield variable, file.read_text()


def link(source: str, target: str) -> None:
    """Make *target* a hard link to *source*, because layers are large and not written to."""
    os.link(source, target, follow_symlinks=False)


def _go_glob(directory: Path, pattern: str) -> list[str]:
    """Return the result of Go's filepath.Glob, where a backslash escapes the next character."""
    parts = re.sub(r"\\(.)", lambda match: glob.escape(match[1]), pattern)
    return glob.glob(parts.replace("**", "*"), root_dir=directory)  # noqa: PTH207 - with escapes


def _processes(launch: Mapping[str, Any]) -> Iterator[Process]:
    found = launch.get("processes", [])
    types = [item["type"] for item in found]
    assert len(set(types)) == len(types), "two processes have one type"
    assert sum(item.get("default", False) for item in found) <= 1
    for item in found:
        assert TYPE.fullmatch(item["type"]), item["type"]
        assert set(item) <= {"type", "command", "args", "default", "working-dir"}
        assert isinstance(item["command"], list)
        yield Process(item["type"], tuple(item["command"]), item.get("default", False))


def resolve(*plans: Plan) -> tuple[str, ...] | None:
    """Return the names that the last of *plans* requires in the first trial that passes, or None.

    *plans* are those of the required buildpacks of a group, in order.
    """
    alternatives = [[plan, *plan.get("or", [])] for plan in plans]
    for trial in product(*alternatives):
        if _passes(trial):
            return tuple(item["name"] for item in trial[-1].get("requires", []))
    return None


def _passes(trial: Sequence[Plan]) -> bool:
    provided: set[str] = set()
    for number, plan in enumerate(trial):
        offered = {item["name"] for item in plan.get("provides", [])}
        provided |= offered
        if not {item["name"] for item in plan.get("requires", [])} <= provided:
            return False
        later = {item["name"] for other in trial[number:] for item in other.get("requires", [])}
        if not offered <= later:
            return False
    return True


def main(buildpack: str, app: str, work: str, *user: str) -> None:
    """Detect, build twice, and print the results as JSON."""
    variables = dict(item.split("=", 1) for item in user)
    programs = str(Path(sys.executable).parent)
    lifecycle = Lifecycle(Path(buildpack), Path(app), Path(work), programs, variables)
    detected, plan = lifecycle.detect()
    first = lifecycle.build()
    before = lifecycle.export()
    shutil.rmtree(lifecycle.app / "staticfiles", ignore_errors=True)
    second = lifecycle.build()
    seen = {
        "python": platform.python_version(),
        "detected": asdict(detected),
        "entries": resolve({}, plan),
        "builds": [asdict(first), asdict(second)],
        "images": [asdict(before), asdict(lifecycle.export())],
    }
    print(json.dumps(seen))


if __name__ == "__main__":
    main(*sys.argv[1:])
