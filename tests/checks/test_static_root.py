"""STATIC_ROOT: not set, where the sources are, or checked in."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.checks.projects import codes, one, repository, sound

LINE = 'STATIC_ROOT = BASE_DIR / "staticfiles"\n'


def test_a_static_root_that_is_not_set_is_found_at_static_url(tmp_path: Path) -> None:
    finding = one(sound(tmp_path, change=(LINE, "")), "static-root-missing")
    assert finding.place == "mysite/settings.py:19"
    assert finding.fix == 'Write STATIC_ROOT = BASE_DIR / "staticfiles"'


@pytest.mark.parametrize(
    ("place", "how"),
    [
        pytest.param('BASE_DIR / "assets"', "is assets", id="the-same"),
        pytest.param('BASE_DIR / "assets/collected"', "is in assets", id="inside"),
        pytest.param("BASE_DIR", "holds assets", id="around"),
        pytest.param('BASE_DIR / "shop/static"', "is shop/static", id="an-apps"),
        pytest.param('str(BASE_DIR / "shop" / "static" / "all")', "is in shop/static", id="in-one"),
    ],
)
def test_a_static_root_among_the_sources_is_found(tmp_path: Path, place: str, how: str) -> None:
    root = sound(tmp_path, change=(LINE, f"STATIC_ROOT = {place}\n"))
    finding = one(root, "static-root-in-sources")
    assert finding.place == "mysite/settings.py:20"
    assert f"STATIC_ROOT {how}, where static files come from" in finding.what


def test_a_neighbour_of_the_sources_is_none_of_them(tmp_path: Path) -> None:
    assert codes(sound(tmp_path, change=(LINE, 'STATIC_ROOT = BASE_DIR / "assets2"\n'))) == []


def test_collected_files_in_git_are_found_and_those_that_are_ignored_are_not(
    tmp_path: Path,
) -> None:
    root = sound(tmp_path, {"staticfiles/site.css": "", ".gitignore": "staticfiles/\n"})
    repository(root, "manage.py")
    assert codes(root) == []
    repository(root, "staticfiles")
    finding = one(root, "static-root-in-git")
    assert finding.file == "staticfiles/site.css"
    assert finding.what == "1 collected file of staticfiles is in git."
    assert finding.autofix is None
