"""The database driver, the default database, the variables that it is read from, GeoDjango."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildstatic.project import Connection, Database, Fact, Sqlite, database
from buildstatic.project.files import Search
from buildstatic.project.packages.system import GEODJANGO, SPATIALITE, required
from tests.project.tree import packages, read

ENVIRON = "import os, environ, dj_database_url\nenv = environ.Env()\n"
SQLITE = "{'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': 'db'}}"
PARTS = """{'default': {
    'ENGINE': 'django.contrib.gis.db.backends.postgis',
    'HOST': os.environ['DB_HOST'],
    'NAME': os.environ.get('DB_NAME', 'x'),
    'USER': 'fixed',
    'PORT': int(os.environ.get('DB_PORT', '5432')),
}}"""


@pytest.mark.parametrize(
    ("text", "driver", "expected"),
    [
        pytest.param("", None, Connection("dummy"), id="none"),
        pytest.param(f"DATABASES = {SQLITE}", None, Connection("sqlite"), id="sqlite"),
        pytest.param(
            "DATABASES = {'default': env.db()}",
            "psycopg",
            Connection("postgresql", "DATABASE_URL"),
            id="django-environ",
        ),
        pytest.param(
            "DATABASES = {'default': env.db('MAIN_DB', default='sqlite:///db')}",
            "mysqlclient",
            Connection("mysql", "MAIN_DB"),
            id="another name",
        ),
        pytest.param(
            "DATABASES = {'default': env.db(default='sqlite:///db')}",
            None,
            Connection("sqlite", "DATABASE_URL"),
            id="no driver",
        ),
        pytest.param(
            "DATABASES = {'default': dj_database_url.parse(os.environ['DATABASE_URL'])}",
            "psycopg2-binary",
            Connection("postgresql", "DATABASE_URL"),
            id="dj-database-url",
        ),
        pytest.param(
            f"DATABASES = {SQLITE}\n"
            "if os.environ.get('DATABASE_URL'):\n"
            "    DATABASES['default'] = dj_database_url.config()",
            "psycopg",
            Connection("postgresql", "DATABASE_URL"),
            id="over SQLite",
        ),
        pytest.param(
            "DATABASES = {'default': env.db('A_URL'), 'replica': env.db()}",
            "psycopg",
            Connection("postgresql", "A_URL"),
            id="the default's own",
        ),
        pytest.param(
            f"DATABASES = {PARTS}",
            "psycopg",
            Connection(
                "postgresql",
                None,
                {"HOST": "DB_HOST", "PORT": "DB_PORT", "NAME": "DB_NAME"},
                has_gis=True,
            ),
            id="in parts, PostGIS",
        ),
        pytest.param(
            "DATABASES = {'default': env.db()}\nINSTALLED_APPS = ['django.contrib.gis']",
            "psycopg",
            Connection("postgresql", "DATABASE_URL", has_gis=True),
            id="PostGIS by a URL",
        ),
        pytest.param(
            "DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3',"
            " 'NAME': os.environ.get('DATABASE_PATH', 'db')}}",
            None,
            Connection("sqlite", None, {"NAME": "DATABASE_PATH"}),
            id="a path",
        ),
        pytest.param("DATABASES = make()", None, None, id="not known"),
        pytest.param("from elsewhere import *", "pymysql", Connection("mysql"), id="the driver"),
    ],
)
def test_connection_of_default_database(
    tmp_path: Path, text: str, driver: str | None, expected: Connection | None
) -> None:
    settings = read(tmp_path, {"mysite/settings.py": f"{ENVIRON}{text}\n"})
    installed = Fact(Database(driver, (), ()), "requirements.txt:1") if driver else None
    found = database.find_connection(settings, installed)
    assert (found.value if found else None) == expected


GIS_APPS = "INSTALLED_APPS = ['django.contrib.admin', 'django.contrib.gis']\n"
GIS_RUN = required([GEODJANGO]).run


@pytest.mark.parametrize(
    ("text", "needed"),
    [
        pytest.param(GIS_APPS, GIS_RUN, id="app"),
        pytest.param(
            "DATABASES = {'default': {'ENGINE': 'django.contrib.gis.db.backends.postgis'}}",
            GIS_RUN,
            id="engine",
        ),
        pytest.param(
            f"{GIS_APPS}DATABASES = {{'default': {{}}, 'places': {{'ENGINE': '{SPATIALITE}'}}}}",
            (*GIS_RUN, "libsqlite3-mod-spatialite"),
            id="another database",
        ),
    ],
)
def test_geodjango_requires_system_packages(
    text: str, needed: tuple[str, ...], tmp_path: Path
) -> None:
    found = database.gis_packages(read(tmp_path, {"mysite/settings.py": text}))
    assert found == Fact(needed, "mysite/settings.py:1")
    assert "gdal-bin" in needed


@pytest.mark.parametrize(
    "text", ["", "INSTALLED_APPS = ['gis']", "import x\nDATABASES = {'default': x.find()}"]
)
def test_no_gis_packages_without_geodjango(text: str, tmp_path: Path) -> None:
    assert database.gis_packages(read(tmp_path, {"mysite/settings.py": text})) is None


BASE = "import os\nfrom pathlib import Path\nBASE_DIR = Path(__file__).resolve().parent.parent\n"
SQLITE_ENGINE = "'ENGINE': 'django.db.backends.sqlite3'"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(
            f"{{{SQLITE_ENGINE}, 'NAME': BASE_DIR / 'db.sqlite3'}}", "db.sqlite3", id="startproject"
        ),
        pytest.param(f"{{{SQLITE_ENGINE}, 'NAME': 'db.sqlite3'}}", "db.sqlite3", id="relative"),
        pytest.param(f"{{{SQLITE_ENGINE}, 'NAME': '/data/db'}}", "/data/db", id="absolute"),
        pytest.param(
            f"{{{SQLITE_ENGINE}, 'NAME': os.environ.get('DB', 'db')}}", None, id="environment"
        ),
        pytest.param(f"{{{SQLITE_ENGINE}}}", None, id="no-name"),
        pytest.param("{'ENGINE': 'django.db.backends.postgresql', 'NAME': 'x'}", None, id="other"),
        pytest.param("dj_database_url.config(default='sqlite:///db')", None, id="url"),
    ],
)
def test_sqlite_file_that_does_not_depend_on_environment(
    tmp_path: Path, content: str, expected: str | None
) -> None:
    text = f"{BASE}import dj_database_url\nDATABASES = {{'default': {content}}}\n"
    found = database.find_sqlite(
        read(tmp_path, {"mysite/settings.py": text}), Search(tmp_path, tmp_path)
    )
    assert found == (Fact(Sqlite(expected, True), "mysite/settings.py:5") if expected else None)


@pytest.mark.parametrize(("first", "has_os"), [("", False), ("import os\n", True)])
def test_sqlite_knows_whether_settings_import_os(tmp_path: Path, first: str, has_os: bool) -> None:
    base = f"{first}DATABASES = {{'default': {{{SQLITE_ENGINE}, 'NAME': 'db'}}}}\n"
    files = {"mysite/settings.py": "import os\nfrom .base import *\n", "mysite/base.py": base}
    found = database.find_sqlite(read(tmp_path, files), Search(tmp_path, tmp_path))
    assert found is not None
    assert found.source.startswith("mysite/base.py:")
    assert found.value.imports_os is has_os


PG_BUILD = ("gcc", "libc6-dev", "libpq-dev")
MYSQL_BUILD = ("gcc", "libc6-dev", "pkg-config", "default-libmysqlclient-dev")


@pytest.mark.parametrize(
    ("lines", "driver", "build", "run"),
    [
        (["psycopg2"], "psycopg2", PG_BUILD, ("libpq5",)),
        (["psycopg2-binary"], "psycopg2-binary", (), ()),
        (["psycopg"], "psycopg", (), ("libpq5",)),
        (["psycopg[binary]"], "psycopg", (), ()),
        (["psycopg[binary,pool]"], "psycopg", (), ()),
        (["psycopg", "psycopg-binary"], "psycopg", (), ()),
        (["psycopg[c]"], "psycopg", PG_BUILD, ("libpq5",)),
        (["psycopg", "psycopg-c"], "psycopg", PG_BUILD, ("libpq5",)),
        (["mysqlclient"], "mysqlclient", MYSQL_BUILD, ("libmariadb3",)),
        (["PyMySQL"], "pymysql", (), ()),
        (["psycopg[binary]", "psycopg2"], "psycopg", PG_BUILD, ("libpq5",)),
        (
            ["mysqlclient", "psycopg2"],
            "psycopg2",
            (*PG_BUILD, "pkg-config", "default-libmysqlclient-dev"),
            ("libpq5", "libmariadb3"),
        ),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, list) else None,
)
def test_database_driver_with_system_packages(
    lines: list[str], driver: str, build: tuple[str, ...], run: tuple[str, ...]
) -> None:
    found = database.find_driver(packages(*lines))
    assert found is not None
    value = found.value
    assert (value.driver, value.build_packages, value.run_packages) == (driver, build, run)


@pytest.mark.parametrize(("python", "build"), [("3.12", ()), ("3.13", PG_BUILD)])
def test_wheels_of_the_driver_are_those_of_the_python(python: str, build: tuple[str, ...]) -> None:
    found = database.find_driver(packages("psycopg2-binary==2.9.9"), python)
    assert found is not None
    assert found.value.build_packages == build


def test_no_database_driver() -> None:
    assert database.find_driver(packages("django", "django-redis")) is None
