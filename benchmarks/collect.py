"""Measures the collector against Django's collectstatic; see README.md beside this file."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from corpus import SITE, assets, scratch

PLAIN = "django.contrib.staticfiles.storage.StaticFilesStorage"
MANIFEST = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
ENHANCED = "django_manifeststaticfiles_enhanced.storage.EnhancedManifestStaticFilesStorage"
WHITENOISE = "whitenoise.storage.CompressedManifestStaticFilesStorage"
RUNS = 5


@dataclass(frozen=True)
class Place:
    """Where one run writes: its tree, and its cache."""

    tree: Path
    cache: Path


@dataclass(frozen=True)
class Measured:
    """What a run took: wall and CPU seconds, and the peak of its memory in MB."""

    seconds: float
    cpu: float
    memory: float


def collect(place: Place, storage: str, *, engine: bool, apps: str = "") -> Measured:
    """Run ``manage.py collectstatic`` once, with *apps* in INSTALLED_APPS as well."""
    environment = {
        **os.environ,
        "STATIC_ROOT": str(place.tree),
        "ASSETS": str(assets()),
        "STORAGE": storage,
        "APPS": apps,
        "XDG_CACHE_HOME": str(place.cache),
        "ENGINE": "1" if engine else "",
    }
    command = [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity=0"]
    return timed(command, environment)


def timed(command: list[str], environment: dict[str, str]) -> Measured:
    """Run *command* in the site's directory; the memory is that of its largest process.

    The CPU seconds are those of its child processes as well.
    """
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=SITE, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command} ended with status {process.returncode}.")
    return Measured(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def cold(place: Place, run: int) -> Place:
    """Begin with neither a tree nor a cache."""
    return Place(place.tree / str(run), place.cache / str(run))


def cached(place: Place, run: int) -> Place:
    """Begin with an empty tree and the cache that the last run has left."""
    return Place(place.tree / str(run), place.cache)


def warm(place: Place, _run: int) -> Place:
    """Begin with all that the last run has left."""
    return place


@dataclass(frozen=True)
class Case:
    """A line of the table: the storage, what each run begins with, and the target ratio.

    *apps* are added to INSTALLED_APPS, and the peer runs *peer_runs* times.
    """

    storage: str
    begin: Callable[[Place, int], Place]
    target: float
    apps: str = ""
    peer_runs: int = RUNS


CASES = {
    "plain-cold": Case(PLAIN, cold, 0.35),
    "manifest-cold": Case(MANIFEST, cold, 0.20),
    "manifest-warm": Case(MANIFEST, warm, 0.15),
    "toolbar-cold": Case(MANIFEST, cold, 0.20, apps="debug_toolbar"),
    "lenient-cold": Case("storages.Lenient", cold, 0.22),
    "pipeline-cold": Case("storages.Pipeline", cold, 0.40, apps="pipeline"),
    "enhanced-cold": Case(ENHANCED, cold, 0.40),
    # WhiteNoise takes minutes.
    "wrapped-cached": Case("storages.Wrapped", cached, 0.05, peer_runs=1),
}


def measure(case: Case, directory: Path) -> tuple[list[Measured], list[Measured]]:
    """Run *case* in *directory* with Django's code and with the collector, and return what it took.

    They take turns, since disk and memory become slower or faster meanwhile. What is to be there
    is made first.
    """
    places = {False: Place(directory / "peer", directory / "peer-cache")}
    places[True] = Place(directory / "ours", directory / "ours-cache")
    measured: dict[bool, list[Measured]] = {False: [], True: []}
    for engine, place in places.items():
        if case.begin is warm or (case.begin is cached and engine):
            collect(case.begin(place, -1), case.storage, engine=engine, apps=case.apps)
    for run in range(RUNS):
        for engine, place in places.items():
            if engine or run < case.peer_runs:
                os.sync()
                begun = case.begin(place, run)
                took = collect(begun, case.storage, engine=engine, apps=case.apps)
                measured[engine].append(took)
    return measured[False], measured[True]


def main(names: list[str]) -> None:
    """Print a line for each of the cases *names*, all of them by default."""
    assets()
    columns = ("peer s", "ours s", "ratio", "target", "CPU", "memory")
    print(f"{'':<20}" + "".join(f"{column:>9}" for column in columns))
    # Nothing is deleted before the end: it would keep the disk busy for a while.
    with scratch() as directory:
        for name in names or list(CASES):
            case = CASES[name]
            peer, ours = measure(case, Path(directory, name))
            slow, quick = (statistics.median(m.seconds for m in each) for each in (peer, ours))
            busy, idle = (statistics.median(m.cpu for m in each) for each in (peer, ours))
            memory = max(m.memory for m in ours) / max(m.memory for m in peer)
            figures = (quick / slow, case.target, idle / busy, memory)
            print(
                f"{name:<20}{slow:>9.2f}{quick:>9.2f}"
                + "".join(f"{figure:>9.3f}" for figure in figures),
                flush=True,
            )


if __name__ == "__main__":
    main(sys.argv[1:])
