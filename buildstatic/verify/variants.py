"""Whether compressed variants are those of the files beside them."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

from buildstatic.collect import codecs
from buildstatic.collect.workers.cores import cores
from buildstatic.verify.results import CheckResult, Finding, gather, printable
from buildstatic.verify.tree import Tree

CHECK = "variants"
_ANEW = "Collect anew with --compress; an empty --cache makes all of them anew."
SUFFIXES = {".gz": "gz", ".br": "br", ".zst": "zst", ".zstd": "zst"}


def original(name: str) -> str:
    """Return the name of what *name* is a variant of, empty where it is none by its suffix."""
    root, suffix = os.path.splitext(name)  # noqa: PTH122 - a name of the tree, no path
    return root if suffix in SUFFIXES else ""


def check(tree: Tree) -> CheckResult:
    """Decompress every variant, and compare it with the file that it is a variant of."""
    pairs = {name: base for name in tree.files if (base := original(name)) in tree.files and base}
    return gather(CHECK, len(pairs), lambda: _findings(tree, pairs))


def _findings(tree: Tree, pairs: dict[str, str]) -> Iterator[Finding]:
    answers = _compared(tree, pairs)
    for name in pairs:
        if name not in answers:
            continue
        if answers[name] is None:
            what = "its codec is not installed, and it was not compared"
            advice = "Install brotli and zstandard beside buildstatic."
            yield Finding(CHECK, "warning", printable(name), what, advice)
        elif not answers[name]:
            what = f"it does not decompress to {printable(pairs[name])}"
            yield Finding(CHECK, "error", printable(name), what, _ANEW)


def _compared(tree: Tree, pairs: dict[str, str]) -> dict[str, bool | None]:
    """Tell of each variant, of several names of one the last, whether it is that of its file."""
    unique = {(tree.files[name].path, tree.files[base].path): name for name, base in pairs.items()}
    groups: dict[str, list[str]] = defaultdict(list)
    for (_, path), name in unique.items():
        groups[path].append(name)
    known = {suffix: codecs.load(kind, "fast") for suffix, kind in SUFFIXES.items()}

    def answers(names: list[str]) -> list[tuple[str, bool | None]]:
        content = tree.read(pairs[names[0]])
        return [(name, _is_kept(known[_suffix(name)], tree, name, content)) for name in names]

    # A file and one of its variants are in memory at once, as many as there are cores.
    with ThreadPoolExecutor(cores()) as pool:
        return dict(chain.from_iterable(pool.map(answers, groups.values())))


def _is_kept(codec: codecs.Codec | None, tree: Tree, name: str, content: bytes) -> bool | None:
    return codec.holds(tree.read(name), content) if codec else None


def _suffix(name: str) -> str:
    return name[name.rindex(".") :]
