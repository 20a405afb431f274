"""Never different from ServeStatic and django-manifeststaticfiles-enhanced, in this process."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buildstatic.collect.fingerprint import Original, Unresolved
from buildstatic.collect.storage_overlay import Left
from buildstatic.collect.storages.kind import Kind, Present
from buildstatic.collect.storages.recognize import recognize
from tests.collect.inprocess import Verdict, collect, djangos, ours, tree_of
from tests.collect.sites import PLACE, contents, make_site, run
from tests.collect.storages import (
    ENHANCED_STORAGES,
    SERVED_STORAGES,
    EnhancedModulesStorage,
    LexedStorage,
    ManifestStaticFilesStorage,
    StrictMapsStorage,
    enhanced,
    is_prehashed,
    override_settings,
)
from tests.collect.test_differential_trees import EXAMPLES, FUTURE, PICTURE, TREES, Pair
from tests.collect.trees import Tree, chains, fingerprinted, trees, write

ENHANCED = "django_manifeststaticfiles_enhanced"
ATIME = 7


@dataclass
class Served(Pair):
    """A pair of which the manifests have stats, each of its own files."""

    def collected(self, place: str, *, clear: bool) -> Verdict:
        with override_settings(STATIC_ROOT=str(self.root / place)):
            return super().collected(place, clear=clear)

    def is_crash(self, theirs: Verdict) -> bool:
        """Tell whether ServeStatic has looked for a file by what its name means as a URL."""
        return theirs.error[:1] in (("IsADirectoryError",), ("FileNotFoundError",))

    def compare(self, own: dict[str, object], theirs: dict[str, object]) -> None:
        self.take_stats("ours", own)
        self.take_stats("theirs", theirs)
        super().compare(own, theirs)

    def take_stats(self, place: str, files: dict[str, object]) -> None:
        """Take the stats out of the manifest in *files*, which have to be those of *place*."""
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


@dataclass
class Enhanced(Pair):
    """A pair of which theirs is collected by the *app*, which is installed, if it is not Django."""

    app: str = "django.contrib.staticfiles"

    def collected(self, place: str, *, clear: bool) -> Verdict:
        storage = self.storage(location=str(self.root / place))
        installed = {"INSTALLED_APPS": [self.app, "django.contrib.staticfiles"]}
        with nullcontext() if "contrib" in self.app else override_settings(**installed):
            if place == "theirs":
                verdict = collect(djangos, storage, self.sources, clear=clear, app=self.app)
            else:
                verdict = collect(ours, storage, self.sources, clear=clear)
        verdict.counts.pop("deleted", None)  # type: ignore[attr-defined]
        return Verdict(verdict.error, self.unprefixed(verdict.said), verdict.counts)

    def unprefixed(self, said: str) -> str:
        """Return *said* with the name that a file has in its source, as theirs says it of some."""
        return said.replace("'pre/", "'")

    def compare(self, own: dict[str, object], theirs: dict[str, object]) -> None:
        assert own == theirs


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


APPS = ("django.contrib.staticfiles", ENHANCED)


@settings(EXAMPLES, max_examples=200)
@given(
    storage=st.sampled_from(ENHANCED_STORAGES),
    app=st.sampled_from(APPS),
    tree=trees(),
    clear=st.booleans(),
)
def test_a_tree_of_any_shape_is_collected_as_enhanced_does(
    storage: Any, app: str, tree: Tree, *, clear: bool
) -> None:
    with pair(Enhanced, storage, tree, app) as both:
        sequence(both, tree, clear=clear)


@settings(EXAMPLES, max_examples=50)
@given(storage=st.sampled_from(ENHANCED_STORAGES), tree=chains())
def test_a_chain_is_collected_as_enhanced_does(storage: Any, tree: Tree) -> None:
    with pair(Enhanced, storage, tree) as both:
        assert both.is_same()


@settings(EXAMPLES, max_examples=150)
@given(storage=st.sampled_from(SERVED_STORAGES), tree=trees(), clear=st.booleans())
def test_a_tree_of_any_shape_is_collected_as_servestatic_does(
    storage: Any, tree: Tree, *, clear: bool
) -> None:
    with pair(Served, storage, tree) as both:
        sequence(both, tree, clear=clear)


MODULES = {
    "modules": {
        "a.js": b"import {b} from './b.js';\nexport * from \"./c.js\"\nimport('./d.js')",
        "b.js": b"import './c.js'; // import './missing.js'\n/* import './missing.js' */",
        "c.js": b"const s = \"import './missing.js'\"; x.import('./missing.js');",
        "d.js": b"import react from 'react'; import sheet from './e.css' with {type: 'css'}",
        "e.css": b"/* url(missing.png) */ a{b:url('i.png#x')} @import /* c */ 'f.css';",
        "f.css": b'a{b:url(/* c */ i.png )} c{d:url( "i.png?v=1#x" )}',
        "i.png": PICTURE,
    },
    "a circle of modules": {
        "a.js": b"import './b.js'; import './d.js'",
        "b.js": b"import './a.js'; import './c.js'",
        "c.js": b"import './d.js'",
        "d.js": b"export const d = 1",
        "e.js": b"import './a.js'",
    },
    "a circle with something missing": {
        "a.js": b"import './b.js'; import './missing.js'",
        "b.js": b"import './a.js'; import './gone.js'",
    },
    "source maps that are missing": {
        "a.css": b"a{}\n/*# sourceMappingURL=a.css.map */\n",
        "b.js": b"import './c.js'\n//# sourceMappingURL=b.js.map\n",
        "c.js": b"1\n//# sourceMappingURL=c.js.map\n",
        "c.js.map": b"{}",
    },
    "source maps that are missing in a circle": {
        "a.js": b"import './b.js'\n//# sourceMappingURL=a.js.map\n",
        "b.js": b"import './a.js'\n//# sourceMappingURL=b.js.map\n",
    },
    "what a build makes": {"a.js": b"import './worker';\nimport('./lazy.vue')", "b.js": b"1"},
    "templates": {
        "a.js": b"import('./b.js'); import(`./${x}.js`); import(`./b.js?${x}`)",
        "b.js": b"1",
    },
    "a warning that nobody hears": {"a.js": b"import(`./${x}.js`)"},
    "broken and not to be read": {
        "a.css": b"a{b:url(HTTP://[#x)}",
        "b.css": b"\n\xff",
        "c.css": b"a{b:url(missing.png)}\nc{d:url(gone.png)}",
        "d.css": b"a{b:url(../../../outside.png)}",
    },
    "a path outside, then nothing": {"a.css": b"url(../../x.png) url(missing.png)"},
    "one that was left out of the lists": {
        "vendor.css": b"url(missing.png)",
        "ab.css": b"url(missing/x)",
    },
}
ODD = {name: files for name, (files, _) in TREES.items()} | MODULES


@pytest.mark.parametrize("app", APPS, ids=["django's", "its own"])
@pytest.mark.parametrize("name", ODD)
def test_a_tree_with_something_odd_is_collected_as_enhanced_does(name: str, app: str) -> None:
    for storage in ENHANCED_STORAGES[1:-1]:
        with pair(Enhanced, storage, Tree(ODD[name], {}, {}, ("a.css", b"changed")), app) as both:
            sequence(both, both.tree, clear=True)


LEFT = {name: (files, left) for name, (files, left) in TREES.items() if left}


@pytest.mark.parametrize("name", sorted(LEFT.keys() - {"what is left has the final name"}))
@pytest.mark.parametrize("app", APPS, ids=["django's", "its own"])
def test_what_earlier_runs_have_left_means_what_it_does_to_enhanced(name: str, app: str) -> None:
    for storage in ENHANCED_STORAGES:
        with pair(
            Enhanced, storage, Tree(*LEFT[name][:1], {}, LEFT[name][1], ("", b"")), app
        ) as both:
            both.is_same()


@pytest.mark.parametrize("storage", SERVED_STORAGES[:2], ids=lambda s: s.__name__)
@pytest.mark.parametrize("name", TREES)
def test_a_tree_with_something_odd_is_collected_as_servestatic_does(
    name: str, storage: Any
) -> None:
    contents, left = TREES[name]
    with pair(Served, storage, Tree(contents, {}, left, ("", b""))) as both:
        both.is_same()


def test_variants_and_stats_are_those_that_servestatic_makes() -> None:
    texts = {f"{n}.css": b"body { color: red }\n" * n for n in (1, 2, 3, 5, 9, 400)}
    texts |= {"a.png": b"png" * 999, "b.bin": os.urandom(4000), "empty.css": b""}
    tree = Tree(texts, {}, {"gone.css": b"left"}, ("1.css", b"x{}" * 99))
    with override_settings(SERVESTATIC_SKIP_COMPRESS_EXTENSIONS=None):
        for storage in SERVED_STORAGES:
            for clear in (False, True):
                with pair(Variants, storage, tree) as both:
                    sequence(both, tree, clear=clear)
                    assert any(name.endswith(".br") for name in tree_of(both.root / "ours"))


class Variants(Served):
    """A pair of which the gzip files are compared by what is in them."""

    def compare(self, own: dict[str, object], theirs: dict[str, object]) -> None:
        for files, place in ((own, "ours"), (theirs, "theirs")):
            self.take_stats(place, files)
            zipped = {n: c for n, c in files.items() if n.endswith(".gz") and isinstance(c, bytes)}
            files.update({name: gzip.decompress(content) for name, content in zipped.items()})
        assert own == theirs


def problems_of(storage: Any, files: dict[str, bytes], **how: Any) -> list[str]:
    """Return what the engine says of *files*, none of which refers to what is there."""
    with pair(Enhanced, storage, Tree(files, {}, {}, ("", b""))) as both:
        originals = tuple(
            Original(name, name, hashlib.md5(content).hexdigest(), "", content)
            for name, content in files.items()
        )
        made = storage(location=str(both.root / "ours"))
        kind = recognize(made)
        assert isinstance(kind, Kind)
        assert kind.fingerprinting
        before = dict(vars(made))
        with pytest.raises(Unresolved) as raised:
            kind.fingerprinting.run(
                made, originals, Present(frozenset(), Left.DIRECTORIES), how.get("missing_maps")
            )
        kept = {name for name in before if name[0] != "_" and name != "hashed_files"}
        assert {name: vars(made)[name] for name in kept} == {name: before[name] for name in kept}
        assert not {"exists", "_save", "delete", "save_manifest"} & vars(made).keys()
        return [str(problem) for problem in raised.value.problems]


def test_every_reference_that_enhanced_cannot_follow_is_told_of_at_once() -> None:
    told = problems_of(LexedStorage, MODULES["broken and not to be read"])
    assert told.pop().startswith("d.css:1: ../../../outside.png: The joined path")
    assert told == [
        "a.css:1: HTTP://[#x: Invalid IPv6 URL.",
        "b.css:2: it is not UTF-8 text.",
        "c.css:1: missing.png: missing.png is not among the static files.",
        "c.css:2: gone.png: gone.png is not among the static files.",
    ]
    assert sorted(problems_of(LexedStorage, MODULES["a circle with something missing"])) == [
        "a.js:1: ./missing.js: missing.js is not among the static files.",
        "b.js:1: ./gone.js: gone.js is not among the static files.",
    ]
    told = problems_of(EnhancedModulesStorage, {"x.css": b"url(missing.png)\n\nurl(gone.png)"})
    assert told == [
        "x.css:1: missing.png: missing.png is not among the static files.",
        "x.css:3: gone.png: gone.png is not among the static files.",
    ]


@pytest.mark.parametrize("storage", [LexedStorage, StrictMapsStorage], ids=lambda s: s.__name__)
def test_a_missing_source_map_is_told_with_its_line_and_may_be_let_pass(storage: Any) -> None:
    files = MODULES["source maps that are missing"] | {"z.css": b"\na{b:url(missing.png)}"}
    told: list[str] = []
    places = [line.split(": ")[:2] for line in problems_of(storage, files)]
    assert sorted(places) == [
        ["a.css:2", "sourceMappingURL=a.css.map"],
        ["b.js:2", "sourceMappingURL=b.js.map"],
        ["z.css:2", "missing.png"],
    ]
    assert problems_of(storage, files, missing_maps=told.append) == [
        "z.css:2: missing.png: missing.png is not among the static files."
    ]
    assert told == []


def test_a_damaged_file_under_a_new_name_is_mended() -> None:
    picture = fingerprinted("i.png", PICTURE)
    text = b"x{y:url(%s)}" % picture.encode()
    left = {fingerprinted("a.css", text): b"left", picture: b"cut short"}
    files = {"a.css": b"x{y:url(i.png)}", "i.png": PICTURE}
    with pair(Enhanced, LexedStorage, Tree(files, {}, left, ("", b""))) as both:
        assert not both.collected("ours", clear=False).error
        found = tree_of(both.root / "ours")
        assert {name: found[name] for name in left} == dict(zip(left, (text, PICTURE), strict=True))


def test_a_callable_that_knows_hashed_names_is_asked() -> None:
    for prehashed in (is_prehashed, "tests.collect.storages.is_prehashed"):
        storage = partial(enhanced.EnhancedManifestStaticFilesStorage, prehashed=prehashed)
        files = {"x/a.js": b"1", "b.css": b"url(missing.png)", "c.css": b"url(b.css)"}
        with pair(Enhanced, storage, Tree(files, {}, {}, ("b.css", b"2"))) as both:
            sequence(both, both.tree, clear=False)
            assert "b.css" in tree_of(both.root / "ours")
            assert len(tree_of(both.root / "ours")) == 5


def test_a_source_with_a_new_name_of_another_is_collected_when_it_changes() -> None:
    name = fingerprinted("i.png", PICTURE)
    files = {"i.png": PICTURE, name: b"x"}
    for storage in (ManifestStaticFilesStorage, LexedStorage):
        with pair(Enhanced, storage, Tree(files, {}, {}, (name, b"y"))) as both:
            sequence(both, both.tree, clear=False)
            assert tree_of(both.root / "ours")[name] == b"y"


def test_the_stats_in_a_layer_root_are_those_of_an_image(tmp_path: Path) -> None:
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
