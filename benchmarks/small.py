"""Times collecting a startproject with the admin against Django; see README.md beside this file."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from collect import MANIFEST, WHITENOISE
from corpus import scratch

RUNS = 5
SETTINGS = """
import os

STATIC_ROOT = os.environ["STATIC_ROOT"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": os.environ["STORAGE"]},
}
if os.environ["ENGINE"]:
    INSTALLED_APPS.insert(0, "buildstatic.django")
"""
PEER = "manage.py collectstatic"
# The command of each row, and whether buildstatic.django is in INSTALLED_APPS.
COMMANDS = {
    PEER: (["manage.py", "collectstatic", "--noinput"], False),
    "with buildstatic.django": (["manage.py", "collectstatic", "--noinput"], True),
    "buildstatic collect": (["-m", "buildstatic", "collect", "--noinput"], False),
}
# The storages, each with the target ratio; what WhiteNoise compresses is in the cache.
TARGETS = {MANIFEST: 1.00, WHITENOISE: 0.25}


@dataclass(frozen=True)
class Times:
    """The wall seconds and the CPU seconds of a command and its child processes."""

    wall: float
    cpu: float


def collect(site: Path, command: str, storage: str, tree: Path, cache: Path) -> Times:
    """Run *command* once in *site*, into the directory *tree*, which does not exist."""
    words, is_engine = COMMANDS[command]
    environment = {
        **os.environ,
        "STATIC_ROOT": str(tree),
        "STORAGE": storage,
        "ENGINE": "1" if is_engine else "",
        "XDG_CACHE_HOME": str(cache),
    }
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    run = subprocess.run(
        [sys.executable, *words], cwd=site, env=environment, capture_output=True, text=True
    )
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if run.returncode:
        raise SystemExit(run.stderr)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Times(wall, cpu)


def main() -> None:
    """Print a line for each storage and command; the commands take turns."""
    print(f"{'':<42}{'wall s':>8}{'CPU s':>8}{'wall':>8}{'CPU':>8}{'target':>8}")
    with scratch() as directory:
        site, cache = Path(directory, "mysite"), Path(directory, "cache")
        startproject = ["-m", "django", "startproject", "mysite"]
        subprocess.run([sys.executable, *startproject], cwd=directory, check=True)
        with (site / "mysite/settings.py").open("a") as file:
            file.write(SETTINGS)
        for storage, target in TARGETS.items():
            measured: dict[str, list[Times]] = {command: [] for command in COMMANDS}
            for run in range(RUNS + 1):
                for command, times in measured.items():
                    tree = Path(directory, "trees", storage, command, str(run))
                    tree.parent.mkdir(parents=True, exist_ok=True)
                    times.append(collect(site, command, storage, tree, cache))
            # The first run of each fills the cache and compiles the modules.
            peer, *ours = (
                Times(
                    statistics.median(each.wall for each in times[1:]),
                    statistics.median(each.cpu for each in times[1:]),
                )
                for times in measured.values()
            )
            name = storage.rpartition(".")[2].removesuffix("StaticFilesStorage")
            print(f"{f'{name}, {PEER}':<42}{peer.wall:>8.2f}{peer.cpu:>8.2f}")
            for command, found in zip(list(COMMANDS)[1:], ours, strict=True):
                ratios = f"{found.wall / peer.wall:>8.2f}{found.cpu / peer.cpu:>8.2f}"
                figures = f"{found.wall:>8.2f}{found.cpu:>8.2f}{ratios}{target:>8.2f}"
                print(f"{f'{name}, {command}':<42}{figures}", flush=True)


if __name__ == "__main__":
    main()
