"""Weighs what is collected: variants against WhiteNoise's, and the tree in a layer root."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from collect import WHITENOISE, Place, collect
from corpus import SITE, assets


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


def lay_out(tree: Path, layer: Path, cache: Path) -> Path:
    """Collect to *tree* below the layer root *layer*; return where that is."""
    environment = {
        **os.environ,
        "STATIC_ROOT": str(tree),
        "ASSETS": str(assets()),
        "STORAGE": WHITENOISE,
    }
    command = (sys.executable, "-m", "buildstatic", "collect", "--noinput", "-v0", "--path", SITE)
    options = ("--layer-root", layer, "--cache", cache)
    subprocess.run([*command, *options], env=environment, check=True)
    return layer / tree.relative_to("/")


def main() -> None:
    """Print each ratio with its target."""
    with tempfile.TemporaryDirectory(prefix="buildstatic-bench-") as directory:
        theirs = Place(Path(directory, "theirs"), Path(directory, "cache"))
        ours = Place(Path(directory, "ours"), Path(directory, "cache"))
        collect(theirs, WHITENOISE, engine=False)
        collect(ours, WHITENOISE, engine=True)
        laid = lay_out(Path("/buildstatic-bench"), Path(directory, "layer"), ours.cache)
        variants = variant_bytes(ours.tree) / variant_bytes(theirs.tree)
        disk = disk_bytes(laid) / disk_bytes(theirs.tree)
    print(f"{'variants, bytes':<20}{variants:>8.3f}{1.0:>8.2f}")
    print(f"{'layer root, disk':<20}{disk:>8.3f}{0.55:>8.2f}")


if __name__ == "__main__":
    main()
