"""Directories that the settings name."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildstatic.project import directories
from buildstatic.project.model import Fact
from buildstatic.project.search import Search
from tests.platforms.projects import project
from tests.project.tree import read, write

BASE = "import os\nfrom pathlib import Path\nBASE_DIR = Path(__file__).resolve().parent.parent\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("MEDIA_ROOT = BASE_DIR / 'media'", "media"),
        ("MEDIA_ROOT = os.path.join(BASE_DIR, 'a', 'media/')", "a/media"),
        ("MEDIA_ROOT = '/data/media'", "/data/media"),
        ("MEDIA_ROOT = os.environ.get('MEDIA', 'media')", "backend/media"),
        ("MEDIA_ROOT = os.environ['MEDIA']", None),
        ("MEDIA_ROOT = ''", None),
        ("", None),
    ],
)
def test_media_root(tmp_path: Path, text: str, expected: str | None) -> None:
    settings = read(tmp_path, {"mysite/settings.py": BASE + text})
    found = directories.media_root(settings, Search(tmp_path, tmp_path / "backend"))
    assert found == (Fact(expected, "mysite/settings.py:4") if expected else None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("STATICFILES_DIRS = [\nBASE_DIR / 'static',\nBASE_DIR / 'node_modules',\n]", 6),
        ("STATICFILES_DIRS = [('npm', BASE_DIR / 'node_modules/htmx.org/dist')]", 4),
        ("STATICFILES_DIRS = (os.path.join(BASE_DIR, 'node_modules'),)", 4),
        ("STATICFILES_DIRS = [BASE_DIR / 'node_modules.old', find()]", None),
        ("STATICFILES_DIRS = find()", None),
        ("", None),
    ],
)
def test_node_modules_in_staticfiles_dirs(tmp_path: Path, text: str, expected: int | None) -> None:
    found = directories.node_modules(read(tmp_path, {"mysite/settings.py": BASE + text}))
    assert found == (Fact(True, f"mysite/settings.py:{expected}") if expected else None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("STATICFILES_DIRS = [BASE_DIR / 'assets']", ("assets",), id="static"),
        pytest.param("STATICFILES_DIRS = [('media', BASE_DIR / 'a')]", ("a",), id="with-a-prefix"),
        pytest.param("STATICFILES_DIRS = [find(), '/srv/a']", ("/srv/a",), id="outside"),
        pytest.param(
            "TEMPLATES = [{'DIRS': [BASE_DIR / 'media/emails']}, {}]",
            ("media/emails",),
            id="templates",
        ),
        pytest.param("INSTALLED_APPS = ['shop.blog', 'django.x']", ("shop/blog",), id="app"),
        pytest.param("INSTALLED_APPS = ['shop.apps.Shop', 'b']", ("shop",), id="app-config"),
        pytest.param("INSTALLED_APPS = find()\nTEMPLATES = find()", (), id="unknown"),
    ],
)
def test_directories_that_settings_name_are_needed(
    tmp_path: Path, text: str, expected: tuple[str, ...]
) -> None:
    write(tmp_path, {"shop/apps.py": "", "shop/blog/models.py": ""})
    settings = read(tmp_path, {"mysite/settings.py": BASE + text})
    assert directories.needed(settings, Search(tmp_path, tmp_path)) == expected


@pytest.mark.parametrize(
    ("media_root", "manage", "needed", "expected"),
    [
        pytest.param(None, "manage.py", (), "media", id="usual"),
        pytest.param(None, "backend/manage.py", (), "backend/media", id="beside-manage"),
        pytest.param(None, "manage.py", ("static", "mediator"), "media", id="needs-another"),
        pytest.param(None, "manage.py", ("media",), None, id="is-needed"),
        pytest.param(None, "manage.py", ("media/static",), None, id="holds-what-is-needed"),
        pytest.param(None, "backend/manage.py", ("media",), "backend/media", id="not-that-one"),
        pytest.param("up", "manage.py", ("media",), "up", id="stated"),
        pytest.param("up", "manage.py", ("up/static",), None, id="stated-and-needed"),
        pytest.param("/data", "manage.py", (), None, id="outside"),
        pytest.param(".", "manage.py", (), None, id="everything"),
    ],
)
def test_uploads_directory_contains_nothing_needed(
    tmp_path: Path,
    media_root: str | None,
    manage: str,
    needed: tuple[str, ...],
    expected: str | None,
) -> None:
    found = project(
        tmp_path,
        manage=Fact(manage, f"{manage}:1"),
        media_root=Fact(media_root, "s:1") if media_root else None,
        needed=needed,
    )
    assert directories.uploads(found) == expected
