"""Checks of STATIC_ROOT."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.checks.projects import clean_project, codes, only, repository

LINE = 'STATIC_ROOT = BASE_DIR / "staticfiles"\n'


def test_missing_static_root_is_reported_at_static_url(tmp_path: Path) -> None:
    finding = only(clean_project(tmp_path, change=(LINE, "")), "static-root-missing")
    assert finding.location == "mysite/settings.py:19"
    assert finding.fix == 'Add STATIC_ROOT = BASE_DIR / "staticfiles"'


@pytest.mark.parametrize(
    ("place", "relation"),
    [
        pytest.param('BASE_DIR / "assets"', "is assets", id="same"),
        pytest.param('BASE_DIR / "assets/collected"', "is inside assets", id="inside"),
        pytest.param("BASE_DIR", "contains assets", id="parent"),
        pytest.param('BASE_DIR / "shop/static"', "is shop/static", id="app"),
        pytest.param(
            'str(BASE_DIR / "shop" / "static" / "all")', "is inside shop/static", id="inside-app"
        ),
    ],
)
def test_static_root_in_source_directories(tmp_path: Path, place: str, relation: str) -> None:
    root = clean_project(tmp_path, change=(LINE, f"STATIC_ROOT = {place}\n"))
    finding = only(root, "static-root-in-sources")
    assert finding.location == "mysite/settings.py:20"
    assert f"STATIC_ROOT {relation}, a source directory" in finding.what


def test_static_root_with_sources_is_not_to_be_ignored(tmp_path: Path) -> None:
    """Ignoring it in git and in builds would drop the sources."""
    root = clean_project(tmp_path, change=(LINE, 'STATIC_ROOT = BASE_DIR / "assets"\n'))
    (root / "Dockerfile").touch()
    assert codes(repository(root, "assets")) == ["static-root-in-sources"]


def test_static_root_with_the_same_prefix_is_accepted(tmp_path: Path) -> None:
    change = (LINE, 'STATIC_ROOT = BASE_DIR / "assets2"\n')
    assert codes(clean_project(tmp_path, change=change)) == []


def test_tracked_collected_files(tmp_path: Path) -> None:
    root = clean_project(tmp_path, {"staticfiles/site.css": "", ".gitignore": "staticfiles/\n"})
    (root / "staticfiles/.gitkeep").touch()
    repository(root, "manage.py", "staticfiles/.gitkeep")
    assert codes(root) == []
    repository(root, "staticfiles/site.css")
    finding = only(root, "static-root-in-git")
    assert finding.file == "staticfiles/site.css"
    assert finding.what == "git tracks 1 collected file in staticfiles."
    assert finding.autofix is None
