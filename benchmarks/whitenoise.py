"""Measures the engine against WhiteNoise's compressed manifest storage: time, memory and bytes.

WhiteNoise takes minutes, so it runs once, and all of ours is compared with that run.
"""

from __future__ import annotations

import os
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

from collect import WHITENOISE, Measured, Place, collect, timed
from corpus import SITE, assets, scratch

RUNS = 3
STATIC_ROOT = Path("/buildstatic-bench")
TARGETS = {
    "cold, best": 0.45,
    "cold, fast": 0.05,
    "cache filled": 0.02,
    "memory": 0.40,
    "variants, bytes": 1.00,
    "layer root, disk": 0.55,
}


def run(directory: Path, cache: Path, how: str) -> Measured:
    """Run ``buildstatic collect`` into the layer root *directory*, as a container build does."""
    environment = {
        **os.environ,
        "STATIC_ROOT": str(STATIC_ROOT),
        "ASSETS": str(assets()),
        "STORAGE": WHITENOISE,
    }
    directory.mkdir(parents=True)
    words = ("collect", "--noinput", "--verbosity=0", "--path", str(SITE), "--compress", how)
    options = ("--layer-root", str(directory), "--cache", str(cache))
    os.sync()
    return timed([sys.executable, "-m", "buildstatic", *words, *options], environment)


def variant_bytes(tree: Path) -> int:
    """Return the bytes of all variants below *tree*."""
    return sum(entry.stat().st_size for entry in files(tree) if entry.name[-3:] in (".gz", ".br"))


def disk_bytes(tree: Path) -> int:
    """Return what *tree* takes on disk: a file with several names once."""
    blocks = {(s.st_dev, s.st_ino): s.st_blocks for s in (entry.stat() for entry in files(tree))}
    return sum(blocks.values()) * 512


def files(directory: Path) -> Iterator[os.DirEntry[str]]:
    """Yield every file below *directory*."""
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from files(Path(entry.path))
            else:
                yield entry


def seconds(measured: list[Measured]) -> float:
    """Return the median."""
    return statistics.median(each.seconds for each in measured)


def main() -> None:
    """Print each ratio with its target."""
    with scratch() as name:
        top = Path(name)
        theirs = Place(top / "theirs", top / "nowhere")
        peer = collect(theirs, WHITENOISE, engine=False)
        print(f"WhiteNoise: {peer.seconds:.1f} s, {peer.memory:.0f} MB", flush=True)
        best = [run(top / f"best{n}", top / f"cache{n}", "best") for n in range(RUNS)]
        fast = [run(top / f"fast{n}", top / f"quick{n}", "fast") for n in range(RUNS)]
        cached = [run(top / f"cached{n}", top / "cache0", "best") for n in range(RUNS)]
        tree = top / "best0" / STATIC_ROOT.relative_to("/")
        memory = max(each.memory for each in (*best, *fast, *cached))
        ratios = {
            "cold, best": seconds(best) / peer.seconds,
            "cold, fast": seconds(fast) / peer.seconds,
            "cache filled": seconds(cached) / peer.seconds,
            "memory": memory / peer.memory,
            "variants, bytes": variant_bytes(tree) / variant_bytes(theirs.tree),
            "layer root, disk": disk_bytes(tree) / disk_bytes(theirs.tree),
        }
        print(f"ours: {seconds(best):.1f}, {seconds(fast):.1f}, {seconds(cached):.1f} s")
    print(f"{'':<20}{'ratio':>8}{'target':>8}")
    for label, ratio in ratios.items():
        print(f"{label:<20}{ratio:>8.3f}{TARGETS[label]:>8.2f}")


if __name__ == "__main__":
    main()
