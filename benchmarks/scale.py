"""Times a file's share at 100,000 files against 10,000: what is quadratic shows here."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from collect import MANIFEST, RUNS
from corpus import SITE, scratch

FEW, MANY = 10_000, 100_000
TARGET = 1.15


def make(root: Path, count: int) -> Path:
    """Write *count* small files, a tenth of them style sheets that refer to another."""
    for number in range(count):
        directory = root / f"{number // 100:04}"
        if number % 100 == 0:
            directory.mkdir(parents=True)
        if number % 10:
            (directory / f"{number}.txt").write_text(f"{number}\n" * 50)
        else:
            (directory / f"{number}.css").write_text(f"a {{ background: url({number + 1}.txt) }}\n")
    return root


def seconds(assets: Path, tree: Path) -> float:
    """Collect *assets* into *tree*, which is not there, and return the wall time of it."""
    environment = {
        **os.environ,
        "ASSETS": str(assets),
        "STATIC_ROOT": str(tree),
        "STORAGE": MANIFEST,
        "ENGINE": "1",
    }
    command = [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity=0"]
    started = time.perf_counter()
    subprocess.run(command, cwd=SITE, env=environment, check=True)
    return time.perf_counter() - started


def main() -> None:
    """Print the seconds of both, and the ratio of a file's share."""
    with scratch() as directory:
        place = Path(directory)
        sites = {count: make(place / str(count), count) for count in (FEW, MANY)}
        taken = {
            count: statistics.median(
                seconds(site, place / f"tree-{count}-{run}") for run in range(RUNS)
            )
            for count, site in sites.items()
        }
    ratio = (taken[MANY] / MANY) / (taken[FEW] / FEW)
    print(f"{FEW:,}: {taken[FEW]:.2f} s, {MANY:,}: {taken[MANY]:.2f} s")
    print(f"{'a file, 10 times':<20}{ratio:>8.3f}{TARGET:>8.2f}")


if __name__ == "__main__":
    main()
