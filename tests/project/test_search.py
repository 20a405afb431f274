"""The module search path."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildstatic.project.search import Search, is_module_name
from tests.project.tree import write


def test_search_order(tmp_path: Path) -> None:
    places = [tmp_path / name for name in ("backend/a.py", "a.py", "src/a.py")]
    write(tmp_path, {str(place.relative_to(tmp_path)): "" for place in places})
    search = Search(tmp_path, tmp_path / "backend")
    for place in places:
        assert search.module("a") == place
        place.unlink()
    assert search.module("a") is None


def test_package_takes_precedence_over_module(tmp_path: Path) -> None:
    write(tmp_path, {"a/__init__.py": "", "a.py": "", "b.py": "", "c/d.py": ""})
    search = Search(tmp_path, tmp_path)
    assert search.module("a") == tmp_path / "a/__init__.py"
    assert search.module("b") == tmp_path / "b.py"
    assert search.module("c") is None
    assert search.package("c") == tmp_path / "c"
    assert search.module("c.d") == tmp_path / "c/d.py"


@pytest.mark.parametrize("name", ["a" * 300, "a\0b", "nowhere.at.all"])
def test_invalid_name_is_not_found(tmp_path: Path, name: str) -> None:
    search = Search(tmp_path, tmp_path)
    assert (search.module(name), search.package(name)) == (None, None)


def test_unreadable_directory_has_no_modules(closed: Path) -> None:
    search = Search(closed.parent, closed)
    assert (search.module("a.b"), search.package("a")) == (None, None)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.b_1", True), ("a..b", False), ("", False), ("a/b", False), ("a b", False), ("1a", False)],
)
def test_is_module_name(name: str, expected: bool) -> None:
    assert is_module_name(name) is expected
