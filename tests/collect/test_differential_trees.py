"""Trees of any shape give the same result with Django's code and the collector."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from buildstatic.collect import collector, file_index
from tests.collect.inprocess import (
    Sources,
    Verdict,
    collect,
    run_collector,
    run_django,
    tree_of,
)
from tests.collect.storages import (
    MANIFEST_STORAGES,
    STORAGES,
    HashedOnlyStorage,
    ManifestStaticFilesStorage,
    OnePassStorage,
    SuffixStorage,
    override_settings,
)
from tests.collect.trees import Tree, chains, fingerprinted, trees, write

FUTURE = 4_000_000_000
PICTURE = b"i"
REFERS = b"x{y:url(i.png)}"
REWRITTEN = b'x{y:url("%s")}' % fingerprinted("i.png", PICTURE).encode()


@pytest.fixture(scope="module", autouse=True)
def _with_file_index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Use the file index however small and new the trees are."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(collector, "MIN_FILES", 1)
        patched.setattr(file_index, "SETTLING", 0)
        patched.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@dataclass
class Pair:
    """A directory for Django and one for the collector, with the same sources."""

    root: Path
    storage: Any
    tree: Tree
    sources: Sources = field(init=False)

    def __post_init__(self) -> None:
        directories = (("", self.root / "src"), ("pre", self.root / "css"))
        self.sources = Sources(directories)
        self.tree.write(*(directory for _, directory in directories))
        for place in ("reference", "actual"):
            write(self.root / place, self.tree.left, 1_500_000_000)

    def is_same(self, *, clear: bool = False, counted: bool = True) -> bool:
        """Collect with both and compare; return whether they succeeded."""
        reference = self.collected("reference", clear=clear)
        own = self.collected("actual", clear=clear)
        if self.is_crash(reference):
            return False
        assert own.error[1:] == reference.error[1:]
        # Without a message the error passed Django's command; the collector names the file.
        if reference.message:
            assert (own.error, own.message) == (reference.error, reference.message)
        if reference.error:
            return False
        if counted:
            assert {key: own.counts[key] for key in reference.counts} == reference.counts
        self.compare(tree_of(self.root / "actual"), tree_of(self.root / "reference"))
        return True

    def compare(self, own: dict[str, object], reference: dict[str, object]) -> None:
        """Compare both, but for files that Django removes though it did not create them.

        It does so with what has a name that it uses on its way, or that WhiteNoise sees it use.
        """
        more = own.keys() - reference.keys()
        assert more <= self.tree.left.keys() | self.tree.files.keys()
        assert {name: content for name, content in own.items() if name not in more} == reference

    def is_crash(self, reference: Verdict) -> bool:
        """Tell whether WhiteNoise deleted a file that it needs under another name."""
        is_deletion = reference.error[:1] in (("IsADirectoryError",), ("FileNotFoundError",))
        return is_deletion and self.storage is HashedOnlyStorage

    def collected(self, place: str, *, clear: bool) -> Verdict:
        loop = run_django if place == "reference" else run_collector
        storage = self.storage(location=str(self.root / place))
        return collect(loop, storage, self.sources, clear=clear)


@contextmanager
def pair(storage: Any, tree: Tree) -> Iterator[Pair]:
    root = Path(tempfile.mkdtemp())
    try:
        yield Pair(root, storage, tree)
    finally:
        shutil.rmtree(root)


EXAMPLES = settings(
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)


@pytest.mark.slow
@EXAMPLES
@given(storage=st.sampled_from(STORAGES), tree=trees(), clear=st.booleans())
def test_random_trees_equal_django(storage: Any, tree: Tree, *, clear: bool) -> None:
    with pair(storage, tree) as both:
        if not both.is_same(clear=clear) or not both.is_same():
            return
        name, content = tree.edit
        if name:
            write(both.root / "src", {name: content}, FUTURE)
            both.is_same(clear=clear)


@pytest.mark.slow
@EXAMPLES
@given(storage=st.sampled_from(MANIFEST_STORAGES), tree=chains())
def test_chains_need_as_many_passes_as_in_django(storage: Any, tree: Tree) -> None:
    with pair(storage, tree) as both:
        both.is_same()


def files(**contents: bytes) -> dict[str, bytes]:
    return {f"{name}.css": content for name, content in contents.items()}


TREES: dict[str, tuple[dict[str, bytes], dict[str, bytes]]] = {
    "a name that is outside when it is read as a URL": ({"%20/a.css": b""}, {}),
    "a name that is far outside": ({"..%2F..%2Fa.png": b""}, {}),
    "a name in a directory that is not there": ({"n%2Fa.css": REFERS, "i.png": PICTURE}, {}),
    "a name with an escape, met later": (
        {"d/a.css": b"url(../i%2520i.png)", "i%20i.png": PICTURE},
        {},
    ),
    "a name with an escape, met before": (
        {"a.css": b"url(d/i%2520i.png)", "d/i%20i.png": PICTURE},
        {},
    ),
    "a name with an escape, beside what it means": (
        {"d/a.css": b"url(../i%2520i.png)", "i%20i.png": PICTURE, "i i.png": b"other"},
        {},
    ),
    "a name with a hash": ({"a#b.png": PICTURE, "a.css": b"url(a%23b.png) url(a%2523b.png)"}, {}),
    "two names for one file": ({" a.css": REFERS, "a.css": REFERS, "i.png": PICTURE}, {}),
    "a path outside": ({"a.css": b"url(../../x.png)"}, {}),
    "an absolute path outside": ({"a.css": b"url(/static//etc/hosts)"}, {}),
    "an escaped path inside": ({"a.css": b"url(d/%252e%252e/i.png)", "i.png": PICTURE}, {}),
    "a directory": ({"a.css": b"url(d) url(d/) url(.)", "d/i.png": PICTURE}, {}),
    "a directory that is left": ({"a.css": b"url(l)"}, {"l/x": b"l"}),
    "a file that is left": ({"a.css": b"url(l.css)"}, {"l.css": b"l"}),
    "what is made before": (
        {"a.css": b"url(d/%s)" % fingerprinted("i.png", PICTURE).encode(), "d/i.png": PICTURE},
        {},
    ),
    "what is made later": (
        {"d/a.css": b"url(../%s)" % fingerprinted("i.png", PICTURE).encode(), "i.png": PICTURE},
        {},
    ),
    "a query means the raw content": (
        {"a.css": b"url(b.css?x) url(b.css)", "b.css": REFERS, "i.png": PICTURE},
        {},
    ),
    "a source with the raw name": (
        {"a.css": REFERS, "i.png": PICTURE, fingerprinted("a.css", REFERS): b"other"},
        {},
    ),
    "a source with the final name": (
        {"a.css": REFERS, "i.png": PICTURE, fingerprinted("a.css", REWRITTEN): b"other"},
        {},
    ),
    "a source with the name of a text": (
        {"a.css": b"no", fingerprinted("a.css", b"no"): b"other"},
        {},
    ),
    "a source with the name of a picture": (
        {"i.png": PICTURE, fingerprinted("i.png", PICTURE): b"other"},
        {},
    ),
    "a source as it was collected": (
        {"i.png": PICTURE, fingerprinted("i.png", PICTURE): PICTURE},
        {},
    ),
    "what is left has the raw name": (
        {"a.css": REFERS, "i.png": PICTURE},
        {fingerprinted("a.css", REFERS): b"left"},
    ),
    "what is left has the final name": (
        {"a.css": REFERS, "i.png": PICTURE},
        {fingerprinted("a.css", REWRITTEN): b"left"},
    ),
    "letters that are others in another case": (
        {"a.js": "\u0130mport './b.js'; \u0131mport './b.js';".encode(), "b.js": b"1"},
        {},
    ),
    "a suffix that ends in another": (
        {"a.css": b"", "b.min.css": b"src(i.png)", "i.png": b"i"},
        {},
    ),
    "itself": ({"a.css": b"url(a.css)"}, {}),
    "a circle": ({"a.css": b"url(b.css)", "b.css": b"url(a.css)"}, {}),
    "itself with a query": ({"a.css": b"url(a.css?x)"}, {}),
    "itself in a fragment": ({"a.css": b"url(#a.css)"}, {}),
    "a diamond": (
        files(a=b"url(b.css) url(c.css)", b=b"url(d.css)", c=b"url(d.css)", d=b"url(i.png)")
        | {"i.png": PICTURE},
        {},
    ),
    "no UTF-8": ({"a.css": b"\n\xff url(b.css)", "b.css": b"url(missing.png)"}, {}),
}


@pytest.mark.parametrize("clear", [False, True], ids=["", "clear"])
@pytest.mark.parametrize(
    "storage",
    [ManifestStaticFilesStorage, OnePassStorage, HashedOnlyStorage],
    ids=lambda s: s.__name__,
)
@pytest.mark.parametrize("name", TREES)
def test_special_trees_equal_django(name: str, storage: Any, *, clear: bool) -> None:
    contents, left = TREES[name]
    with pair(storage, Tree(contents, {}, left, ("", b""))) as both:
        both.is_same(clear=clear)


def test_overlapping_suffix_patterns_are_both_applied() -> None:
    contents = {"a.css": b"", "b.min.css": b"src(i.png)", "i.png": PICTURE}
    with pair(SuffixStorage, Tree(contents, {}, {}, ("", b""))) as both:
        assert both.is_same()
        assert b"src(i." in (both.root / "actual" / "b.min.96b540742869.css").read_bytes()


def test_patterns_match_the_source_name() -> None:
    reference = r"(?P<matched>see (?P<url>\S+))"
    patterns = (("pre/*", ((reference, "see %(url)s"),)), ("own/*", ((reference, "own %(url)s"),)))
    storage = type("Folders", (ManifestStaticFilesStorage,), {"patterns": patterns})
    prefixed = {"a.txt": b"see i.png", "own/b.txt": b"see ../i.png", "i.png": PICTURE}
    with pair(storage, Tree({"own/c.txt": b"see c.txt?x"}, prefixed, {}, ("", b""))) as both:
        assert both.is_same()


@pytest.mark.parametrize("url", ["/s/", "//cdn.example/s/", "https://cdn.example/s/"])
@pytest.mark.parametrize("storage", MANIFEST_STORAGES[:2], ids=lambda s: s.__name__)
def test_static_url_equals_django(storage: Any, url: str) -> None:
    refers = f"url({url}i.png) url(/static/i.png) url({url}missing.png?x)".encode()
    contents = {"a.css": refers, "d/b.css": refers[: refers.index(b") url(/static")] + b")"}
    with override_settings(STATIC_URL=url):
        for name, content in contents.items():
            tree = Tree({name: content, "i.png": PICTURE}, {}, {}, ("", b""))
            with pair(storage, tree) as both:
                both.is_same()
