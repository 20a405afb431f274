"""References: files that contain one are found, broken ones are reported."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from buildstatic.collect.needles import needles
from buildstatic.collect.references import (
    MOST_BROKEN,
    BrokenReference,
    BrokenReferences,
    NameLookup,
    QuickPattern,
    rewrite,
)
from buildstatic.collect.workers.file_tasks import FOLDED_LETTERS, Needle, read
from tests.collect.storages import (
    ManifestStaticFilesStorage,
    ModulesStorage,
    OwnPatternsStorage,
    SuffixStorage,
)
from tests.limits import run_limited

EXAMPLES = settings(
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)


def storage_of(kind: Any, patterns: Any = None) -> Any:
    if patterns is not None:
        kind = type("Storage", (kind,), {"patterns": patterns})
    return kind(location="/nonexistent")


def is_kept(tmp_path: Path, storage: Any, name: str, content: bytes) -> bool:
    """Tell whether reading a source *name* with *content* keeps its content."""
    source = tmp_path / "source"
    source.write_bytes(content)
    return read(str(source), "", needles(storage, name), True, False)[-1] is not None


SUFFIXES = {"*.css": "a.css", "*.js": "a.js"}
PATTERNS = [
    (extension, number)
    for extension, patterns in storage_of(ModulesStorage)._patterns.items()
    for number, _ in enumerate(patterns)
]


@pytest.mark.parametrize(("extension", "number"), PATTERNS)
def test_files_that_match_a_django_pattern_are_kept(
    tmp_path: Path, extension: str, number: int
) -> None:
    storage = storage_of(ModulesStorage)
    pattern = storage._patterns[extension][number][0]

    @EXAMPLES
    @given(text=st.from_regex(pattern), swap=st.booleans())
    def look(text: str, swap: bool) -> None:
        text = text.swapcase() if swap else text
        assume(pattern.search(text) and not re.search("[\ud800-\udfff]", text))
        assert is_kept(tmp_path, storage, SUFFIXES[extension], text.encode())

    look()


def test_special_case_letters_are_complete() -> None:
    letters = re.compile("[a-z]", re.IGNORECASE)
    characters = map(chr, (*range(0x80, 0xD800), *range(0xE000, sys.maxunicode + 1)))
    assert sorted(c.encode() for c in characters if letters.match(c)) == sorted(FOLDED_LETTERS)


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        (r"url\(['\"]{0,1}\s*(?P<url>.*?)\)", (b"url(",)),
        (r"(?m)^(?P<matched>//# (?-i:sourceMappingURL)=(?P<url>.*))$", (b"sourceMappingURL",)),
        (r"(?P<matched>a(?:bcd)?efgh)", (b"efgh",)),
        (r"(?P<matched>(?:abcd|efgh)ij)", None),
        (r"(?P<matched>[a-z]+)", None),
        (r"(?P<matched>abcd(?=efgh))", (b"abcd",)),
        (r"(?P<matched>(?!abcd)efg)", (b"efg",)),
        (r"(?P<matched>(abcd)*xyz)", (b"xyz",)),
        (r"(?P<matched>(abcd)+)", None),
        (r"(?x) (?P<matched> ABC  DEF )", (b"abcdef",)),
        ("(?P<matched>größe)", None),
    ],
)
def test_needles_occur_in_every_match(pattern: str, wanted: tuple[bytes, ...] | None) -> None:
    storage = storage_of(ManifestStaticFilesStorage, (("*.css", ((pattern, "%(url)s"),)),))
    assert texts(needles(storage, "a.css")) == wanted


def texts(found: tuple[Needle, ...] | None) -> tuple[bytes, ...] | None:
    if found is None:
        return None
    return tuple(needle[0] if isinstance(needle, tuple) else needle for needle in found)


@pytest.mark.parametrize(
    ("extensions", "name", "others"),
    [
        (("*.css", "*.min.css"), "a.css", ("b.min.css",)),
        (("*.css", "main.css"), "a.css", ("main.css", "x/main.css")),
        (("*.css", "*.?ss"), "a.css", ("b.css",)),
        (("*.css", "*.[bc]ss"), "a.css", ("b.css",)),
        (("*.css", "css/*"), "a.css", ("css/b.css",)),
        (("*.css", "*"), "a.css", ("b.css",)),
        (("*file", "Makefile"), "Makefile", ("Makefile",)),
        (("*.css", "*css"), "a.css", ("b.css",)),
    ],
)
def test_needles_apply_to_every_file_of_a_suffix(
    extensions: tuple[str, str], name: str, others: tuple[str, ...]
) -> None:
    patterns = [
        (extension, ((rf"(?P<matched>needle{number}(?P<url>x))", "%(url)s"),))
        for number, extension in enumerate(extensions)
    ]
    storage = storage_of(ManifestStaticFilesStorage, tuple(patterns))
    found = needles(storage, name)
    assert found is not None
    for other in others:
        assert set(needles(storage, other) or ()) <= set(found)
    assert set(found) == {b"needle0x", b"needle1x"}


def test_suffix_without_patterns_has_no_needles() -> None:
    assert needles(storage_of(SuffixStorage), "a.png") == ()
    assert texts(needles(storage_of(ManifestStaticFilesStorage), "a.js")) == (b"sourceMappingURL",)
    assert needles(storage_of(OwnPatternsStorage), "js/a.png") is not None


@pytest.mark.parametrize(
    "content", [b"url(a.png)", b"URL(A)", b"\xff", "\u0130mport".encode(), b"@ImPort 'x'"]
)
def test_content_with_possible_references_is_kept(tmp_path: Path, content: bytes) -> None:
    assert is_kept(tmp_path, storage_of(ManifestStaticFilesStorage), "a.css", content)


def test_content_without_references_is_dropped(tmp_path: Path) -> None:
    storage = storage_of(ManifestStaticFilesStorage)
    assert not is_kept(tmp_path, storage, "a.css", "a { content: 'é' }".encode())
    assert not is_kept(tmp_path, storage, "a.js", b"url(a.png)")


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        (b"a\n//# sourceMappingURL=a.js.map", True),
        (b'x = "sourceMappingURL="\n//# sourceMappingURL=a.js.map\nb', True),
        (b'x = "//# sourceMappingURL=" + y', False),
        (b"//# sourcemappingurl=a.js.map", False),
    ],
)
def test_patterns_are_searched_in_matching_lines(
    tmp_path: Path, content: bytes, kept: bool
) -> None:
    storage = storage_of(ManifestStaticFilesStorage)
    assert is_kept(tmp_path, storage, "a.js", content) == kept


def rewritten(text: str, name: str = "a.css", known: Mapping[str, str] = {}) -> str:
    problems = BrokenReferences()
    names = NameLookup(known.get)
    result = rewrite(storage_of(ModulesStorage), name, name, text, names, problems)
    assert not problems.kept
    assert names.requested == known
    return result


def test_references_are_rewritten_by_the_installed_storage() -> None:
    known = {"i.png": "i.1.png", "b.css": "b.2.css"}
    assert rewritten("url(i.png?#iefix) @import 'b.css';", known=known) == (
        'url("i.1.png?#iefix") @import url("b.2.css");'
    )
    assert rewritten("import './b.js';", "a.js", {"b.js": "b.3.js"}).startswith('import"./b.3.js"')


def problem_in(text: str, name: str = "a.css") -> BrokenReference:
    problems = BrokenReferences()
    storage = storage_of(ModulesStorage)
    result = rewrite(storage, name, name, text, NameLookup(lambda _: None), problems)
    (problem,) = problems.kept
    assert result == text
    return problem


@pytest.mark.parametrize(
    ("text", "name", "line", "messages"),
    [
        ("url(missing.png)", "a.css", 1, "url(missing.png)"),
        ("\r\n\r\n  url(missing.png)", "a.css", 3, "url(missing.png)"),
        ("a\n@import 'missing.css';", "a.css", 2, "@import 'missing.css'"),
        ("a\n//# sourceMappingURL=a.js.map\n", "a.js", 2, "//# sourceMappingURL=a.js.map"),
        (
            "/*# sourceMappingURL=a.css.map */",
            "a.css",
            1,
            "/*# sourceMappingURL=a.css.map */",
        ),
        ("import {\n  a,\n} from './missing.js';", "a.js", 1, "import { a, } from './missing.js'"),
    ],
)
def test_broken_references_have_a_line_and_are_unchanged(
    text: str, name: str, line: int, messages: str
) -> None:
    problem = problem_in(text, name)
    assert problem.line == line
    assert str(problem).startswith(f"{name}:{line}: {messages}")
    assert str(problem).endswith(" is not among the static files.")
    assert problem.is_missing_map == ("sourceMappingURL" in text)


CSS = st.lists(
    st.sampled_from(
        [
            *("url(", "URL(", "@import", "@import url(", "sourceMappingURL=", "/*# ", "*/", "/*"),
            *("'", '"', ")", "(", " ", "\t", "\n", "\r\n", "a.css", "data:x", "\u0130", "\u017f"),
        ]
    ),
    max_size=40,
).map("".join)


@EXAMPLES
@given(CSS)
def test_css_is_searched_as_by_its_patterns(content: str) -> None:
    for pattern, *_ in storage_of(ManifestStaticFilesStorage)._patterns["*.css"]:
        expected = pattern.sub(lambda match: f"<{match[0]}|{match['url']}>", content)
        found = QuickPattern(pattern).sub(lambda match: f"<{match[0]}|{match['url']}>", content)
        assert found == expected


@pytest.mark.parametrize(
    "part",
    ["url(", "url('", "@import url(", "@import \n", "/* ", "/*# sourceMappingURL=", "url(data:x)"],
)
def test_large_css_is_searched_in_linear_time(tmp_path: Path, part: str) -> None:
    content = part * (1_000_000 // len(part)) + " " * 100_000

    def search() -> None:
        storage = storage_of(ManifestStaticFilesStorage)
        is_kept(tmp_path, storage, "a.css", content.encode())
        rewrite(storage, "a.css", "a.css", content, NameLookup(lambda _: None), BrokenReferences())

    run_limited(search, seconds=5, megabytes=128)


def test_many_broken_references_take_little_memory() -> None:
    content = "url(a.png)\n" * 30_000
    broken = BrokenReferences()

    def search() -> None:
        storage = storage_of(ManifestStaticFilesStorage)
        rewrite(storage, "a.css", "a.css", content, NameLookup(lambda _: None), broken)
        assert [reference.line for reference in broken.kept] == list(range(1, MOST_BROKEN + 1))

    run_limited(search, seconds=10, megabytes=16)


def test_long_references_are_shortened() -> None:
    messages = str(problem_in(f"url({'x' * 200}.png)"))
    assert messages.startswith(f"a.css:1: url({'x' * 95}…: ")


def test_names_left_to_the_storage_are_recorded() -> None:
    names = NameLookup({"a.css": "", "b.css": "b.1.css"}.get)
    assert [names.get(name) for name in ("a.css", "b.css", "c.css")] == [None, "b.1.css", None]
    assert names.requested == {"a.css": "", "b.css": "b.1.css"}
