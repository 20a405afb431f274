"""A tree in memory is fingerprinted at once if the storage's code cannot tell the difference."""

from __future__ import annotations

import posixpath
from typing import Any

import pytest

from buildstatic.collect.memory import post_process
from buildstatic.collect.storages.disk_access import only_computes
from tests.collect.census import MEMORY
from tests.collect.storages import ManifestStaticFilesStorage
from tests.collect.test_census import FILES, MISSING, compare, places

KEPT = ("vendor/", "js/")
seen: list[str] = []
AT_ONCE = {
    "ChangesItsArguments",
    "CompressedMissingFilesAllowed",
    "CompressedPrefixIsSkipped",
    "ErrorsAreReported",
    "HashInDirectory",
    "MissingFilesAllowed",
    "ManifestWithVersion",
    "NoManifest",
    "OnlyKnownContents",
    "Overwrites",
    "Packaged",
    "PackagedOnly",
    "PrefixIsSkipped",
    "ServedMissingFilesAllowed",
}


class Kept(ManifestStaticFilesStorage):  # type: ignore[misc]
    prefixes = KEPT
    names: list[str] = []  # noqa: RUF012


class Computes(Kept):
    def hashed_name(self, name: str, content: Any = None, filename: Any = None) -> str:
        root, suffix = posixpath.splitext(super().hashed_name(name, content, filename))
        return f"{root}-v1{suffix}".lower()


class KeepsPrefixes(Kept):
    def hashed_name(self, name: str, content: Any = None, filename: Any = None) -> str:
        if any(name.startswith(prefix) for prefix in (*KEPT, *self.prefixes)):
            return name
        return str(super().hashed_name(name, content, filename))


class Remembers(Kept):
    def hashed_name(self, name: str, *_: Any) -> str:
        seen.append(name)
        return name


class Counts(Kept):
    def hashed_name(self, name: str, *_: Any) -> str:
        self.count = getattr(self, "count", 0) + 1
        return name


class Reads(Kept):
    def hashed_name(self, name: str, content: Any = None, *_: Any) -> str:
        return f"{name}-{content.read()}"


class Looks(Kept):
    def hashed_name(self, name: str, *_: Any) -> str:
        return name if self.exists(name) else ""


class UsesDataThatChanges(Kept):
    def hashed_name(self, name: str, *_: Any) -> str:
        return name if name in self.names else ""


@pytest.fixture
def saved(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return a list of the trees that were fingerprinted at once."""
    found: list[Any] = []
    save = post_process._save

    def recording(tree: Any, made: Any) -> Any:
        found.append(tree)
        return save(tree, made)

    monkeypatch.setattr(post_process, "_save", recording)
    return found


@pytest.mark.parametrize("name", MEMORY)
def test_files_are_fingerprinted_at_once_where_possible(name: str, saved: list[Any]) -> None:
    with places(FILES) as root:
        compare(root, name)
    assert any(not (tree.needs_loop or tree.is_unused) for tree in saved) == (name in AT_ONCE)


def test_missing_file_is_left_to_the_code_of_the_storage(saved: list[Any]) -> None:
    with places(MISSING) as root:
        assert compare(root, "ErrorsAreReported")[0] == "memory"
    assert not saved


def test_names_that_exist_only_after_a_pass_are_found_by_a_lenient_storage() -> None:
    files = {**FILES, "css/z.css": b"a { background: url(../img/C.4a8a08f09d37.png) }"}
    with places(files) as root:
        compare(root, "MissingFilesAllowed")


@pytest.mark.parametrize("storage", [Computes, KeepsPrefixes])
def test_method_computes_a_name(storage: type) -> None:
    assert only_computes(storage, "hashed_name")


@pytest.mark.parametrize("storage", [Remembers, Counts, Reads, Looks, UsesDataThatChanges])
def test_method_does_more_than_compute(storage: type) -> None:
    assert not only_computes(storage, "hashed_name")
