"""Times what no collecting of the site can do without: what is left of it is the engine's own."""

from __future__ import annotations

import hashlib
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from collect import PLAIN, RUNS
from corpus import SITE, assets, scratch

SETUP = "import django; django.setup()"


def set_up() -> None:
    """Start Python and set up Django."""
    environment = {
        **os.environ,
        "STATIC_ROOT": os.devnull,
        "ASSETS": str(assets()),
        "STORAGE": PLAIN,
        "DJANGO_SETTINGS_MODULE": "settings",
    }
    subprocess.run([sys.executable, "-c", SETUP], cwd=SITE, env=environment, check=True)


def digest() -> None:
    """Read every file of the npm packages and make its MD5, which is its fingerprint."""
    for directory, _, names in os.walk(assets()):
        for name in names:
            hashlib.md5(Path(directory, name).read_bytes(), usedforsecurity=False).hexdigest()


def seconds(action: Callable[[], object]) -> float:
    """Return the median wall time of *action*."""
    taken = []
    for _ in range(RUNS):
        os.sync()
        started = time.perf_counter()
        action()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def main() -> None:
    """Print the seconds of each."""
    assets()
    with scratch() as directory:
        copies = iter(Path(directory, str(run)) for run in range(RUNS))
        print(f"Python's start and django.setup()    {seconds(set_up):>6.2f} s")
        print(f"reading and MD5, one core            {seconds(digest):>6.2f} s")
        copying = seconds(lambda: subprocess.run(["cp", "-r", assets(), next(copies)], check=True))
        print(f"cp -r of the npm packages, one core  {copying:>6.2f} s")


if __name__ == "__main__":
    main()
