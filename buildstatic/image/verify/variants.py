"""Whether compressed variants are those of the files beside them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from buildstatic.collect import codecs
from buildstatic.image.verify.finding import Checked, Finding, gather, shown
from buildstatic.image.verify.tree import Tree

CHECK = "variants"
_ANEW = "Collect anew with --compress; an empty --cache makes all of them anew."
SUFFIXES = {".gz": "gz", ".br": "br", ".zst": "zst", ".zstd": "zst"}


def original(name: str) -> str:
    """Return the name of what *name* is a variant of, empty where it is none by its suffix."""
    root, suffix = os.path.splitext(name)  # noqa: PTH122 - a name of the tree, no path
    return root if suffix in SUFFIXES else ""


def check(tree: Tree) -> Checked:
    """Decompress every variant, and compare it with the file that it is a variant of."""
    pairs = {name: base for name in tree.files if (base := original(name)) in tree.files and base}
    return gather(CHECK, len(pairs), lambda: _findings(tree, pairs))


def _findings(tree: Tree, pairs: dict[str, str]) -> Iterator[Finding]:
    unique = {(tree.files[name].path, tree.files[base].path): name for name, base in pairs.items()}
    names = tuple(unique.values())
    known = {suffix: codecs.load(kind, "fast") for suffix, kind in SUFFIXES.items()}

    def is_kept(name: str) -> bool | None:
        codec = known[_suffix(name)]
        return codec.holds(tree.read(name), tree.read(pairs[name])) if codec else None

    # A variant and its file are in memory at once, as many as there are cores.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, kept in zip(names, pool.map(is_kept, names), strict=True):
            if kept is None:
                what = "its codec is not installed, and it was not compared"
                advice = "Install brotli and zstandard beside buildstatic."
                yield Finding(CHECK, "warning", shown(name), what, advice)
            elif not kept:
                what = f"it does not decompress to {shown(pairs[name])}"
                yield Finding(CHECK, "error", shown(name), what, _ANEW)


def _suffix(name: str) -> str:
    return name[name.rindex(".") :]
