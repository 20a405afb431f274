"""What stands beside the code: uploads, a local database, installed packages."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildstatic.project import data
from buildstatic.project.model import Fact
from buildstatic.project.search import Search
from tests.project.tree import read

BASE = "import os\nfrom pathlib import Path\nBASE_DIR = Path(__file__).resolve().parent.parent\n"
SQLITE = "'ENGINE': 'django.db.backends.sqlite3'"


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
def test_uploads_are_where_media_root_says(tmp_path: Path, text: str, expected: str | None) -> None:
    settings = read(tmp_path, {"mysite/settings.py": BASE + text})
    found = data.media_root(settings, Search(tmp_path, tmp_path / "backend"))
    assert found == (Fact(expected, "mysite/settings.py:4") if expected else None)


@pytest.mark.parametrize(
    ("database", "expected"),
    [
        pytest.param(
            f"{{{SQLITE}, 'NAME': BASE_DIR / 'db.sqlite3'}}", "db.sqlite3", id="startproject"
        ),
        pytest.param(f"{{{SQLITE}, 'NAME': 'db.sqlite3'}}", "db.sqlite3", id="relative"),
        pytest.param(f"{{{SQLITE}, 'NAME': '/data/db'}}", "/data/db", id="absolute"),
        pytest.param(f"{{{SQLITE}, 'NAME': os.environ.get('DB', 'db')}}", None, id="environment"),
        pytest.param(f"{{{SQLITE}}}", None, id="no-name"),
        pytest.param("{'ENGINE': 'django.db.backends.postgresql', 'NAME': 'x'}", None, id="other"),
        pytest.param("dj_database_url.config(default='sqlite:///db')", None, id="url"),
    ],
)
def test_a_local_database_is_a_file_that_the_environment_has_no_say_in(
    tmp_path: Path, database: str, expected: str | None
) -> None:
    text = f"{BASE}import dj_database_url\nDATABASES = {{'default': {database}}}\n"
    found = data.sqlite(read(tmp_path, {"mysite/settings.py": text}), Search(tmp_path, tmp_path))
    assert found == (Fact(expected, "mysite/settings.py:5") if expected else None)


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
def test_collected_packages_of_npm_are_seen(
    tmp_path: Path, text: str, expected: int | None
) -> None:
    found = data.node_modules(read(tmp_path, {"mysite/settings.py": BASE + text}))
    assert found == (Fact(True, f"mysite/settings.py:{expected}") if expected else None)
