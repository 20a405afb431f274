"""Whether compressed variants are those of the files beside them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from buildstatic.collect import codecs
from buildstatic.image.verify.finding import Checked, Finding, gather, shown
from buildstatic.image.verify.tree import Tree

CHECK = "variants"
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
    known = {suffix: codecs.load(suffix, "fast") for suffix in set(SUFFIXES.values())}

    def fault(name: str) -> str:
        codec = known[SUFFIXES[name[name.rindex(".") :]]]
        if codec is None:
            return "its codec is not installed, so it was not compared"
        is_kept = codec.holds(tree.read(name), tree.read(pairs[name]))
        return "" if is_kept else f"it does not decompress to {shown(pairs[name])}"

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        names = tuple(unique.values())
        for name, what in zip(names, pool.map(fault, names), strict=True):
            if what:
                severity = "warning" if "codec" in what else "error"
                advice = "Collect anew with --compress; an empty --cache makes all of them anew."
                yield Finding(CHECK, severity, shown(name), what, advice)  # type: ignore[arg-type]
