"""Times collecting by the engine against Django and WhiteNoise; see README.md beside this file."""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from corpus import SITE, assets

PLAIN = "django.contrib.staticfiles.storage.StaticFilesStorage"
MANIFEST = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
WHITENOISE = "whitenoise.storage.CompressedManifestStaticFilesStorage"
RUNS = 3


@dataclass(frozen=True)
class Place:
    """Where one run writes: its tree, and its cache."""

    tree: Path
    cache: Path


@dataclass(frozen=True)
class Measured:
    """What a run took: wall seconds, and the peak of its memory in MB."""

    seconds: float
    memory: float


def collect(place: Place, storage: str, *, engine: bool) -> Measured:
    """Run ``manage.py collectstatic`` once."""
    environment = {
        **os.environ,
        "STATIC_ROOT": str(place.tree),
        "ASSETS": str(assets()),
        "STORAGE": storage,
        "XDG_CACHE_HOME": str(place.cache),
        "ENGINE": "1" if engine else "",
    }
    command = [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity=0"]
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=SITE, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"collectstatic ended with status {process.returncode}.")
    return Measured(seconds, usage.ru_maxrss / 1024)


def cold(place: Place) -> None:
    """Leave neither a tree nor a cache."""
    shutil.rmtree(place.tree, ignore_errors=True)
    shutil.rmtree(place.cache, ignore_errors=True)


def cached(place: Place) -> None:
    """Leave the cache alone, as a container build does."""
    shutil.rmtree(place.tree, ignore_errors=True)


def warm(_place: Place) -> None:
    """Leave all as it is."""


@dataclass(frozen=True)
class Case:
    """A line of the table: the storage, what is left between runs, and the target ratio.

    *runs* is how often: what takes WhiteNoise minutes is measured once by the peer.
    """

    storage: str
    before: Callable[[Place], None]
    target: float
    peer_runs: int = RUNS


CASES = {
    "plain-cold": Case(PLAIN, cold, 0.35),
    "manifest-cold": Case(MANIFEST, cold, 0.20),
    "manifest-warm": Case(MANIFEST, warm, 0.15),
    "whitenoise-cold": Case(WHITENOISE, cold, 0.45, peer_runs=1),
    "whitenoise-cached": Case(WHITENOISE, cached, 0.02, peer_runs=1),
}


def measure(case: Case, runs: int, *, engine: bool) -> list[Measured]:
    """Run *case* and return what each run took; a run that is not counted comes first."""
    with tempfile.TemporaryDirectory(prefix="buildstatic-bench-") as directory:
        place = Place(Path(directory, "tree"), Path(directory, "cache"))
        if case.before is not cold:
            collect(place, case.storage, engine=engine)
        measured = []
        for _ in range(runs):
            case.before(place)
            measured.append(collect(place, case.storage, engine=engine))
        return measured


def main(names: list[str]) -> None:
    """Print a line for each of the cases *names*, all of them by default."""
    assets()
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    print(f"{'':<20}{'peer s':>9}{'ours s':>9}{'ratio':>8}{'target':>8}{'memory':>8}")
    for name in names or list(CASES):
        case = CASES[name]
        peer_case = case if case.before is not cached else Case(case.storage, cold, case.target)
        peer = measure(peer_case, case.peer_runs, engine=False)
        ours = measure(case, RUNS, engine=True)
        slow, quick = (statistics.median(m.seconds for m in each) for each in (peer, ours))
        memory = max(m.memory for m in ours) / max(m.memory for m in peer)
        print(
            f"{name:<20}{slow:>9.2f}{quick:>9.2f}{quick / slow:>8.3f}{case.target:>8.2f}"
            f"{memory:>8.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main(sys.argv[1:])
