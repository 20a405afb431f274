"""The check of SQLite where files are discarded."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.checks.projects import clean_project, codes, only

SQLITE = """
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"},
}
"""
IGNORE = {".dockerignore": "staticfiles\n"}
FLY = '[mounts]\nsource = "d"\ndestination = "/app/data"\n'


@pytest.mark.parametrize(
    ("file", "text", "reason"),
    [
        pytest.param("Procfile", "web: gunicorn mysite.wsgi\n", "Heroku discards", id="heroku"),
        pytest.param("railpack.json", '{"deploy": {}}', "Railway discards", id="railway"),
        pytest.param("fly.toml", 'app = "x"\n', "Fly discards", id="fly"),
        pytest.param("render.yaml", "services:\n- type: web\n", "Render discards", id="render"),
        pytest.param("Dockerfile", "FROM python\n", "has no volume", id="container"),
    ],
)
def test_sqlite_where_files_are_discarded(
    tmp_path: Path, file: str, text: str, reason: str
) -> None:
    root = clean_project(tmp_path, {**IGNORE, file: text}, ("", SQLITE))
    finding = only(root, "sqlite-not-kept")
    assert finding.line == 29
    assert reason in finding.what


@pytest.mark.parametrize(
    ("files", "settings"),
    [
        pytest.param({}, SQLITE, id="no-platform"),
        pytest.param({"fly.toml": FLY}, SQLITE, id="mount"),
        pytest.param(
            {
                "Dockerfile": "FROM python\n# The application writes SQLite to /data.\n",
                "Procfile": "# Heroku discards SQLite with each dyno.\nweb: gunicorn mysite.wsgi\n",
            },
            SQLITE,
            id="comment",
        ),
        pytest.param({"Dockerfile": "FROM python\nVOLUME /app/data\n"}, SQLITE, id="volume"),
        pytest.param(
            {"Dockerfile": "FROM python\n", "compose.yml": "services: {}\n"}, SQLITE, id="compose"
        ),
        pytest.param(
            {"Procfile": "web: gunicorn mysite.wsgi\n"},
            'import dj_database_url\nDATABASES = {"default": dj_database_url.config()}\n',
            id="url",
        ),
        pytest.param(
            {"Procfile": "web: gunicorn mysite.wsgi\n"},
            f"import os\nif 'DYNO' in os.environ:\n    DATABASES = connect()\nelse:"
            f"{SQLITE.replace('D', '    D', 1)}",
            id="conditional",
        ),
        pytest.param(
            {"Procfile": "web: gunicorn mysite.wsgi\n"},
            f"{SQLITE}\nimport dj_database_url\n"
            'DATABASES["default"].update(dj_database_url.config())\n',
            id="updated",
        ),
    ],
)
def test_sqlite_that_may_be_kept(tmp_path: Path, files: dict[str, str], settings: str) -> None:
    assert codes(clean_project(tmp_path, {**IGNORE, **files}, ("", settings))) == []
