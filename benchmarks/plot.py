"""Plots time and memory of collecting by the number of files, beside Django's collectstatic.

Usage: python benchmarks/plot.py docs/scale.svg [FILES]...
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from collect import MANIFEST
from corpus import SITE
from scale import make

COUNTS = (1_000, 5_000, 20_000, 50_000, 100_000, 200_000)
ENGINES = {"Django": "", "buildstatic": "1"}


def measure(assets: Path, tree: Path, engine: str) -> tuple[float, float]:
    """Collect *assets* into the new *tree*; return seconds, and MB of the largest process."""
    environment = {
        **os.environ,
        "ASSETS": str(assets),
        "STATIC_ROOT": str(tree),
        "STORAGE": MANIFEST,
        "ENGINE": engine,
    }
    command = [sys.executable, str(SITE / "manage.py"), "collectstatic", "--noinput", "-v0"]
    started = time.perf_counter()
    pid = os.posix_spawn(sys.executable, command, environment)
    _, status, usage = os.wait4(pid, 0)
    if status:
        sys.exit("collectstatic failed.")
    return time.perf_counter() - started, usage.ru_maxrss / 1000


def main() -> None:
    """Measure once for each number of files, print the figures, and write the plot."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "buildstatic"
    from matplotlib import pyplot as plt

    output, *words = sys.argv[1:]
    counts = [int(word) for word in words] or list(COUNTS)
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in ENGINES}
    with tempfile.TemporaryDirectory(prefix="buildstatic-bench-") as directory:
        for count in counts:
            assets = make(Path(directory, str(count)), count)
            for name, engine in ENGINES.items():
                found[name].append(measure(assets, Path(directory, f"{name}-{count}"), engine))
                seconds, memory = found[name][-1]
                print(f"{count:>8,} {name:<12}{seconds:>8.1f} s{memory:>8.0f} MB", flush=True)
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
    for index, (axis, label) in enumerate(zip(axes, ("seconds", "MB"), strict=True)):
        for name, values in found.items():
            axis.plot(counts, [value[index] for value in values], marker="o", label=name)
        axis.set(xlabel="files", ylabel=label, xlim=0, ylim=0)
        axis.xaxis.set_major_formatter("{x:,.0f}")
        axis.grid(alpha=0.3)
    axes[0].legend()
    figure.savefig(output, metadata={"Date": None})


if __name__ == "__main__":
    main()
