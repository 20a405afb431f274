"""Fingerprinting: names by content, all problems at once, no needless rewriting."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from buildstatic.collect.fingerprint import (
    CircularReferences,
    Fingerprinted,
    Kept,
    Original,
    TreeOnDisk,
    UnresolvedReferences,
    fingerprint_files,
)
from buildstatic.collect.references import rewrite
from tests.collect.storages import (
    ManifestStaticFilesStorage,
    OnePassStorage,
    override_settings,
)

PICTURE = b"i"


def original(name: str, content: bytes, *, refers: bool = True) -> Original:
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    sha256 = hashlib.sha256(content).hexdigest()
    return Original(name, name, md5, sha256, len(content), content if refers else None)


def originals(**contents: bytes) -> tuple[Original, ...]:
    """Return a style sheet for each of *contents*, and the picture ``i.png``."""
    sheets = (original(f"{name}.css", content) for name, content in contents.items())
    return (*sheets, original("i.png", PICTURE, refers=False))


@pytest.fixture
def storage(tmp_path: Path) -> Any:
    return ManifestStaticFilesStorage(location=str(tmp_path / "root"))


def found(storage: Any, *files: Original, **how: Any) -> dict[str, Fingerprinted]:
    tree = TreeOnDisk(storage, files, how.pop("left", Kept.DIRECTORIES))
    return dict(fingerprint_files(storage, files, tree=tree, **how).files)


def test_files_are_named_by_content_after_rewriting(
    storage: Any,
) -> None:
    made = found(storage, *originals(a=b"url(b.css)", b=b"url(i.png)"))
    assert made["i.png"].name == "i.865c0c0b4ab0.png"
    assert made["i.png"].content is None
    assert made["b.css"].content == b'url("i.865c0c0b4ab0.png")'
    assert made["a.css"].content == f'url("{made["b.css"].name}")'.encode()
    for item in (made["a.css"], made["b.css"]):
        assert isinstance(item.content, bytes)
        assert item.digest == hashlib.md5(item.content, usedforsecurity=False).hexdigest()
        assert item.identity == hashlib.sha256(item.content).hexdigest()
        assert item.name.split(".")[1] == item.digest[:12]


def test_files_without_changes_have_no_new_content(
    storage: Any,
) -> None:
    made = found(storage, *originals(a=b"url(#here) url(data:x)"))
    assert made["a.css"].content is None


def test_all_broken_references_are_collected(storage: Any) -> None:
    files = originals(
        a=b"\nurl(missing.png)\nurl('i.png') url(other.png)",
        b=b"fine\n\n\xff",
        c=b"url(../../outside.png)",
    )
    with pytest.raises(UnresolvedReferences) as raised:
        found(storage, *files)
    messages = [str(problem) for problem in raised.value.broken]
    assert messages[:3] == [
        "a.css:2: url(missing.png): missing.png is not among the static files.",
        "a.css:3: url(other.png): other.png is not among the static files.",
        "b.css:3: not UTF-8 text.",
    ]
    assert messages[3].startswith("c.css:1: url(../../outside.png): The joined path")
    assert len(messages) == 4


@pytest.mark.parametrize("name", ["%20/a.png", "..%2F..%2Fa.png", "a%00.png", "%2F%2F[.png"])
def test_invalid_fingerprinted_names_are_reported(storage: Any, name: str) -> None:
    with pytest.raises(UnresolvedReferences) as raised:
        found(storage, original(name, PICTURE, refers=False), *originals(a=b"url(missing.png)"))
    problems = raised.value.broken
    assert [(problem.name, problem.line) for problem in problems] == [(name, 0), ("a.css", 1)]
    assert str(problems[0]).startswith(f"{name}: ")


def test_missing_source_map_is_a_warning_if_requested(storage: Any) -> None:
    messages: list[str] = []
    text = b"a{}\n/*# sourceMappingURL=a.css.map */\nurl(i.png)"
    made = found(storage, *originals(a=text, b=b"url(a.css)"), warn=messages.append)
    assert made["a.css"].content == (
        b'a{}\n/*# sourceMappingURL=a.css.map */\nurl("i.865c0c0b4ab0.png")'
    )
    assert messages == [
        "a.css:2: /*# sourceMappingURL=a.css.map */: a.css.map is not among the static files. "
        "The line is left unchanged."
    ]


def test_other_missing_files_remain_errors(
    storage: Any,
) -> None:
    text = b"/*# sourceMappingURL=a.css.map */\nurl(missing.png)"
    with pytest.raises(UnresolvedReferences) as raised:
        found(storage, *originals(a=text), warn=lambda _: None)
    assert [problem.text for problem in raised.value.broken] == ["url(missing.png)"]


def test_cycle_error_names_the_files(storage: Any) -> None:
    with pytest.raises(CircularReferences) as raised:
        found(storage, *originals(a=b"url(b.css)", b=b"url(a.css)", c=b"url(i.png)"))
    assert raised.value.names == ("a.css", "b.css")


def test_cycle_is_accepted_with_a_single_pass(tmp_path: Path) -> None:
    storage = OnePassStorage(location=str(tmp_path))
    made = found(storage, *originals(a=b"url(b.css)", b=b"url(a.css)"))
    raw = f"b.{hashlib.md5(b'url(a.css)', usedforsecurity=False).hexdigest()[:12]}.css"
    assert made["a.css"].content == f'url("{raw}")'.encode()


def test_files_are_rewritten_only_if_a_name_changed(
    storage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rewritten: list[str] = []

    def counted(storage: Any, name: str, *rest: Any) -> str:
        rewritten.append(name)
        return rewrite(storage, name, *rest)

    monkeypatch.setattr("buildstatic.collect.fingerprint.rewrite", counted)
    many = {f"s{number}": b"url(i.png)" for number in range(50)}
    found(storage, *originals(a=b"url(b.css)", b=b"url(i.png)", **many))
    assert sorted(rewritten) == sorted(["a.css", "a.css", "b.css", *(f"{n}.css" for n in many)])


@pytest.mark.parametrize("content", [b"url(i.png)", b"url(missing.png)", b"\xff", b"url(a.css)"])
def test_storage_is_restored(storage: Any, content: bytes) -> None:
    with suppress(UnresolvedReferences, CircularReferences):
        found(storage, *originals(a=content))
    assert not {"exists", "open", "file_hash"} & vars(storage).keys()
    assert not Path(storage.location).exists()


def test_references_to_existing_files_depend_on_what_is_kept(storage: Any) -> None:
    root = Path(storage.location)
    (root / "left").mkdir(parents=True)
    (root / "left" / "i.png").write_bytes(PICTURE)
    made = found(storage, *originals(a=b"url(left/i.png) url(left)"), left=Kept.FILES)
    assert made["a.css"].content == b'url("left/i.865c0c0b4ab0.png") url("left")'
    with pytest.raises(UnresolvedReferences) as raised:
        found(storage, *originals(a=b"url(left/i.png) url(left)"))
    assert [problem.text for problem in raised.value.broken] == ["url(left/i.png)"]
    with pytest.raises(UnresolvedReferences) as raised:
        found(storage, *originals(a=b"url(left/i.png) url(left)"), left=Kept.NOTHING)
    assert [problem.text for problem in raised.value.broken] == ["url(left/i.png)", "url(left)"]


def test_only_rewritten_files_replace_a_source_of_the_same_name(
    storage: Any,
) -> None:
    text, picture = original("a.css", b"no"), original("i.png", PICTURE, refers=False)
    made = found(
        storage,
        *(text, picture),
        original(f"a.{text.digest[:12]}.css", b"other"),
        original(f"i.{picture.digest[:12]}.png", b"other", refers=False),
    )
    assert [name for name, item in made.items() if item.is_taken] == ["i.png"]


def test_references_with_a_query_use_the_source_content(storage: Any) -> None:
    made = found(storage, *originals(a=b"url(b.css?v=1)", b=b"url(i.png)"))
    raw = hashlib.md5(b"url(i.png)", usedforsecurity=False).hexdigest()[:12]
    assert made["a.css"].content == f'url("b.{raw}.css?v=1")'.encode()


def test_static_url_of_the_settings_is_used(storage: Any) -> None:
    with override_settings(STATIC_URL="/files/"):
        made = found(storage, *originals(a=b"url(/files/i.png) url(/static/i.png)"))
    assert made["a.css"].content == b'url("/files/i.865c0c0b4ab0.png") url(/static/i.png)'
