"""Storages as people write them give the same result as with Django, in the expected way."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.collect.census import COLLECTOR, MEMORY, OWN_CODE
from tests.collect.inprocess import MANIFEST, Sources, Verdict, collect, run_django, tree_of
from tests.collect.test_differential_trees import EXAMPLES, FUTURE
from tests.collect.trees import Tree, trees, write

WAYS = {
    **dict.fromkeys(COLLECTOR, "collector"),
    **dict.fromkeys(MEMORY, "memory"),
    **dict.fromkeys(OWN_CODE, "own code"),
}
STORAGES = {**COLLECTOR, **MEMORY, **OWN_CODE}
FILES: Mapping[str, bytes] = {
    "css/a.css": b'@import "deep/b.css";\nbody { background: url("../img/dot.svg?x#y") }\n',
    "css/deep/b.css": b"a { src: url('../../img/dot.svg'); cursor: url(/static/img/C.png) }",
    "css/plain.css": b"b { color: red }",
    "img/dot.svg": b"<svg/>",
    "img/C.png": b"c",
    "js/a.js": b"import './b.js';\n//# sourceMappingURL=a.js.map\n",
    "js/a.js.map": b"{}",
    "js/b.js": b"export const b = 1;\n",
    "vendor/v.css": b"v { background: url(v.png) }",
    "vendor/v.png": b"v",
}
MISSING = {**FILES, "css/broken.css": b"a { background: url(missing.png) url(../img/dot.svg) }"}
EDITED = {"css/deep/b.css": b"a { cursor: url(../../img/C.png) }", "img/C.png": b"edited"}


@contextmanager
def places(files: Mapping[str, bytes]) -> Iterator[Path]:
    root = Path(tempfile.mkdtemp())
    try:
        write(root / "src", files)
        yield root
    finally:
        shutil.rmtree(root)


def compare(root: Path, name: str, *, clear: bool = False) -> tuple[str, Verdict]:
    """Collect with Django and with the collector, compare; return the way, and Django's verdict."""
    way = "own code"

    def run(command: Any) -> dict[str, list[str]]:
        nonlocal way
        from buildstatic.collect.storages import recognize
        from buildstatic.django.management.commands.collectstatic import collect

        way = "memory" if recognize(command.storage).in_memory else "collector"
        if (counts := collect(command, command.storage)) is None:
            way = "own code"
            return run_django(command)
        return counts

    sources = Sources((("", root / "src"),))
    verdicts = [
        collect(loop, STORAGES[name](location=str(root / place)), sources, clear=clear)
        for loop, place in ((run_django, "reference"), (run, "actual"))
    ]
    reference, own = verdicts
    if is_crash_of_servestatic(name, reference):
        assert not own.error
        return way, reference
    assert own.error[1:] == reference.error[1:]
    if reference.message:
        assert (own.error, own.message) == (reference.error, reference.message)
    if not reference.error:
        names = reference.counts.keys()
        assert counted(own, names) == counted(reference, names)
        assert parsed(root / "actual") == parsed(root / "reference")
    return way, reference


def is_crash_of_servestatic(name: str, reference: Verdict) -> bool:
    """Tell whether it looked for a file to compress by its name parsed as a URL, without a #."""
    crashes = (("FileNotFoundError",), ("IsADirectoryError",))
    return name.startswith("Served") and reference.error[:1] in crashes


def counted(verdict: Verdict, names: Iterable[str]) -> dict[str, list[str]]:
    """Return the counts *names* of *verdict*.

    Django does not copy a file again that it has rewritten under its own name; the collector does.
    """
    counts = {key: verdict.counts[key] for key in names}
    return {
        **counts,
        "unmodified": [],
        "modified": sorted(counts["modified"] + counts["unmodified"]),
    }


def parsed(root: Path) -> dict[str, object]:
    """Return the tree of *root*, with all manifests parsed, without times in ServeStatic's."""
    tree = tree_of(root)
    for name, content in tree.items():
        if name.endswith(".json") and isinstance(content, bytes):
            tree[name] = json.loads(content)
    if isinstance(manifest := tree.get(MANIFEST), dict) and "stats" in manifest:
        manifest["stats"] = {name: stat[6] for name, stat in manifest["stats"].items()}
    return tree


@pytest.mark.parametrize("clear", [False, True], ids=["", "clear"])
@pytest.mark.parametrize("name", STORAGES)
def test_small_tree_equals_django_in_the_expected_way(name: str, *, clear: bool) -> None:
    with places(FILES) as root:
        assert compare(root, name, clear=clear)[0] == WAYS[name]
        assert compare(root, name, clear=clear)[0] == WAYS[name]
        write(root / "src", EDITED, FUTURE)
        compare(root, name, clear=clear)


@pytest.mark.parametrize("name", STORAGES)
def test_verdict_on_a_missing_file_equals_django(name: str) -> None:
    with places(MISSING) as root:
        compare(root, name)


@pytest.mark.slow
@EXAMPLES
@given(name=st.sampled_from(sorted({**COLLECTOR, **MEMORY})), tree=trees(), clear=st.booleans())
def test_random_trees_equal_django(name: str, tree: Tree, *, clear: bool) -> None:
    with places({**tree.files, "css/a.css": b""}) as root:
        for place in ("reference", "actual"):
            write(root / place, tree.left, 1_500_000_000)
        if not compare(root, name, clear=clear)[1].error:
            compare(root, name)


def test_most_storages_are_collected_without_the_disk() -> None:
    assert len(COLLECTOR) + len(MEMORY) >= 36
