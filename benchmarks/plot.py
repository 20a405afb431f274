"""Plots time and memory of collecting by the number of files, beside Django's collectstatic.

Usage: python benchmarks/plot.py docs/scale.svg [FILES]...
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from collect import MANIFEST, Measured, timed
from corpus import scratch
from scale import make

COUNTS = (1_000, 5_000, 20_000, 50_000, 100_000, 200_000)
ENGINES = {"Django": "", "buildstatic": "1"}


def measure(assets: Path, tree: Path, engine: str) -> Measured:
    """Collect *assets* into the new *tree*."""
    environment = {
        **os.environ,
        "ASSETS": str(assets),
        "STATIC_ROOT": str(tree),
        "STORAGE": MANIFEST,
        "ENGINE": engine,
    }
    command = [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity=0"]
    return timed(command, environment)


def draw(output: str, counts: list[int], found: dict[str, list[Measured]]) -> None:
    """Write the plot of what was *found* for the numbers of files *counts*."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "buildstatic"
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
    for axis, field, label in zip(axes, ("seconds", "memory"), ("seconds", "MB"), strict=True):
        for name, values in found.items():
            axis.plot(counts, [getattr(took, field) for took in values], marker="o", label=name)
        axis.set(xlabel="files", ylabel=label, xlim=0, ylim=0)
        axis.xaxis.set_major_formatter("{x:,.0f}")
        axis.grid(alpha=0.3)
    axes[0].legend()
    figure.savefig(output, metadata={"Date": None})


def main() -> None:
    """Measure once for each number of files, print the figures, and write the plot."""
    output, *words = sys.argv[1:]
    counts = [int(word) for word in words] or list(COUNTS)
    found: dict[str, list[Measured]] = {name: [] for name in ENGINES}
    with scratch() as directory:
        for count in counts:
            assets = make(Path(directory, str(count)), count)
            for name, engine in ENGINES.items():
                took = measure(assets, Path(directory, f"{name}-{count}"), engine)
                found[name].append(took)
                figures = f"{took.seconds:>8.1f} s{took.memory:>8.0f} MB"
                print(f"{count:>8,} {name:<12}{figures}", flush=True)
        draw(output, counts, found)  # removing a million files takes minutes


if __name__ == "__main__":
    main()
