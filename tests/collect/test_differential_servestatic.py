"""Trees of any shape give the same result with ServeStatic's code and the collector."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.collect.inprocess import Verdict, tree_of
from tests.collect.sites import PLACE, contents, make_site, run
from tests.collect.storages import (
    SERVED_STORAGES,
    ManifestStaticFilesStorage,
    override_settings,
)
from tests.collect.test_differential_trees import EXAMPLES, FUTURE, PICTURE, TREES, Pair
from tests.collect.trees import Tree, fingerprinted, trees, write

ATIME = 7


@dataclass
class Served(Pair):
    """A pair whose manifests contain the stats of their own files."""

    def collected(self, place: str, *, clear: bool) -> Verdict:
        with override_settings(STATIC_ROOT=str(self.root / place)):
            return super().collected(place, clear=clear)

    def is_crash(self, reference: Verdict) -> bool:
        """Tell whether ServeStatic looked for a file by its name parsed as a URL."""
        return reference.error[:1] in (("IsADirectoryError",), ("FileNotFoundError",))

    def compare(self, own: dict[str, object], reference: dict[str, object]) -> None:
        self.take_stats("actual", own)
        self.take_stats("reference", reference)
        super().compare(own, reference)

    def take_stats(self, place: str, files: dict[str, object]) -> None:
        """Remove the stats from the manifest in *files*, and check them against *place*."""
        manifest = files.get("staticfiles.json")
        if not isinstance(manifest, dict) or "stats" not in manifest:
            return
        found = {
            name: list((self.root / place / name).stat())
            for name in files
            if not name.endswith("staticfiles.json")
        }
        stats = manifest.pop("stats")
        for values in (*found.values(), *stats.values()):
            values[ATIME] = 0
        assert stats == found


@contextmanager
def pair(made: Any, *arguments: Any) -> Iterator[Any]:
    root = Path(tempfile.mkdtemp())
    try:
        yield made(root, *arguments)
    finally:
        shutil.rmtree(root)


def sequence(both: Pair, tree: Tree, *, clear: bool) -> None:
    """Collect, collect again, change a source, and collect."""
    if not both.is_same(clear=clear) or not both.is_same():
        return
    name, content = tree.edit
    if name:
        write(both.root / "src", {name: content}, FUTURE)
        both.is_same(clear=clear)


@pytest.mark.slow
@EXAMPLES
@given(storage=st.sampled_from(SERVED_STORAGES), tree=trees(), clear=st.booleans())
def test_random_trees_equal_servestatic(storage: Any, tree: Tree, *, clear: bool) -> None:
    with pair(Served, storage, tree) as both:
        sequence(both, tree, clear=clear)


@pytest.mark.parametrize("storage", SERVED_STORAGES[:2], ids=lambda s: s.__name__)
@pytest.mark.parametrize("name", TREES)
def test_special_trees_equal_servestatic(name: str, storage: Any) -> None:
    contents, left = TREES[name]
    with pair(Served, storage, Tree(contents, {}, left, ("", b""))) as both:
        both.is_same()


@pytest.mark.slow
def test_variants_and_stats_equal_servestatic() -> None:
    texts = {f"{n}.css": b"body { color: red }\n" * n for n in (1, 2, 3, 5, 9, 400)}
    texts |= {"a.png": b"png" * 999, "b.bin": os.urandom(4000), "empty.css": b""}
    tree = Tree(texts, {}, {"gone.css": b"left"}, ("1.css", b"x{}" * 99))
    with override_settings(SERVESTATIC_SKIP_COMPRESS_EXTENSIONS=None):
        for storage in SERVED_STORAGES:
            for clear in (False, True):
                with pair(Variants, storage, tree) as both:
                    sequence(both, tree, clear=clear)
                    assert any(name.endswith(".br") for name in tree_of(both.root / "actual"))


class Variants(Served):
    """A pair whose gzip files are compared decompressed."""

    def compare(self, own: dict[str, object], reference: dict[str, object]) -> None:
        for files, place in ((own, "actual"), (reference, "reference")):
            self.take_stats(place, files)
            zipped = {n: c for n, c in files.items() if n.endswith(".gz") and isinstance(c, bytes)}
            files.update({name: gzip.decompress(content) for name, content in zipped.items()})
        assert own == reference


def test_damaged_fingerprinted_files_are_rewritten() -> None:
    picture = fingerprinted("i.png", PICTURE)
    text = b'x{y:url("%s")}' % picture.encode()
    left = {fingerprinted("a.css", text): b"left", picture: b"cut short"}
    files = {"a.css": b"x{y:url(i.png)}", "i.png": PICTURE}
    with pair(Pair, ManifestStaticFilesStorage, Tree(files, {}, left, ("", b""))) as both:
        assert not both.collected("actual", clear=False).error
        found = tree_of(both.root / "actual")
        assert {name: found[name] for name in left} == dict(zip(left, (text, PICTURE), strict=True))


def test_source_with_a_fingerprinted_name_is_updated() -> None:
    name = fingerprinted("i.png", PICTURE)
    files = {"i.png": PICTURE, name: b"x"}
    tree = Tree(files, {}, {}, (name, b"y"))
    with pair(Pair, ManifestStaticFilesStorage, tree) as both:
        sequence(both, tree, clear=False)
        assert tree_of(both.root / "actual")[name] == b"y"


def test_stats_in_a_layer_root_are_reproducible(tmp_path: Path) -> None:
    stats = []
    for place in ("one", "two"):
        site = make_site(tmp_path / place)
        site.storage("servestatic.storage.CompressedManifestStaticFilesStorage")
        site.place()
        layer = tmp_path / f"{place}-layer"
        command = (sys.executable, "-m", "buildstatic", "collect", "--path", site.root, "--noinput")
        ran = run(*command, "--layer-root", layer, cwd=tmp_path)
        assert ran.code == 0, ran.err
        tree = layer / PLACE.removeprefix("/")
        stats.append(json.loads((tree / "staticfiles.json").read_bytes())["stats"])
        assert stats[-1].keys() == contents(tree).keys() - {"staticfiles.json"}
        for name, values in stats[-1].items():
            found = (tree / name).stat()
            seconds = int(found.st_mtime)
            regular = [0o100644, 0, 0, 1, 0, 0, found.st_size, seconds, seconds, seconds]
            assert values == regular
    assert stats[0] == stats[1]
