"""Times writing a layer against tar; see README.md beside this file."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from corpus import assets

RUNS = 3
MEMORY = 150  # MB
TAR = "tar --sort=name -cf {out} -C {tree} ."
GZIP = "tar --sort=name -cf - -C {tree} . | gzip -6 > {out}"
CASES = {"none": (TAR, 1.5), "gzip": (GZIP, 0.5)}


def timed(command: list[str]) -> tuple[float, float]:
    """Run *command*; return wall seconds, and the peak of its memory in MB."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command} ended with status {process.returncode}.")
    return seconds, usage.ru_maxrss / 1024


def main() -> None:
    """Print a line for each compression: the ratio of the medians, and our peak memory."""
    tree = assets().resolve()
    print(f"{'':<8}{'peer s':>9}{'ours s':>9}{'ratio':>8}{'target':>8}{'MB':>7}{'most':>6}")
    for compression, (peer, target) in CASES.items():
        with tempfile.TemporaryDirectory(prefix="buildstatic-bench-") as directory:
            out = Path(directory, "layer")
            ours = [sys.executable, "-m", "buildstatic", "layer", str(tree), f"--output={out}"]
            theirs = ["sh", "-c", peer.format(tree=tree, out=out)]
            ours.append(f"--compression={compression}")
            runs = [(timed(theirs), timed(ours)) for _ in range(RUNS)]
        slow = statistics.median(run[0][0] for run in runs)
        quick = statistics.median(run[1][0] for run in runs)
        memory = max(run[1][1] for run in runs)
        print(
            f"{compression:<8}{slow:>9.2f}{quick:>9.2f}{quick / slow:>8.3f}{target:>8.2f}"
            f"{memory:>7.0f}{MEMORY:>6}",
            flush=True,
        )


if __name__ == "__main__":
    main()
