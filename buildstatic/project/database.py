"""Find the database that the settings connect to, and its driver."""

from __future__ import annotations

from buildstatic.project import Connection, Database, Fact, Packages, Sqlite, Variable
from buildstatic.project.files import Search
from buildstatic.project.packages.known import DRIVERS
from buildstatic.project.packages.python_version import DEFAULT_PYTHON
from buildstatic.project.packages.system import (
    GEODJANGO,
    SPATIALITE,
    find_system_packages,
    required,
)
from buildstatic.project.settings import Settings, Value, imports_os
from buildstatic.project.static_files import directory, entry

PARTS_OF_PSYCOPG = ("psycopg-c", "psycopg-binary")
SQLITE = "django.db.backends.sqlite3"
PARTS = ("HOST", "PORT", "NAME", "USER", "PASSWORD")
ENGINES_BY_BACKEND = {
    "postgresql": "postgresql",
    "postgis": "postgresql",
    "mysql": "mysql",
    "sqlite3": "sqlite",
    "spatialite": "sqlite",
    "oracle": "oracle",
}


def find_driver(packages: Packages, python: str = DEFAULT_PYTHON) -> Fact[Database] | None:
    """Return the first database driver among *packages*, with the Debian packages for all.

    *python* is the version that they are installed for.
    """
    found = {name: packages[name] for name in DRIVERS if name in packages}
    if not found:
        return None
    parts = {name: packages[name] for name in PARTS_OF_PSYCOPG if name in packages}
    needed = find_system_packages({**found, **parts}, python)
    first = next(iter(found.values()))
    return Fact(Database(first.name, needed.build, needed.run), first.source)


def find_connection(settings: Settings, driver: Fact[Database] | None) -> Fact[Connection] | None:
    """Return how *settings* connect to the default database; *driver* is the installed one.

    None if neither tells the engine. Django's name for no database is dummy.
    """
    if settings.get("DATABASES") is None and settings.complete:
        return Fact(Connection("dummy"), f"{settings.file}:1")
    database = entry(settings.get("DATABASES"), "default")
    url = _url_variable(settings, database)
    backend = entry(database, "ENGINE")
    installed = DRIVERS.get(driver.value.driver) if driver else None
    written = written_engine(settings)
    # A URL decides at run time: most likely for the installed driver, SQLite without one.
    engine = installed or written or "sqlite" if url else written or installed
    if engine is None:
        return None
    source = database.source if database and database.source else f"{settings.file}:1"
    parts: dict[str, str] = {}
    if database is not None and isinstance(database.data, dict):
        for part in PARTS:
            value = entry(database, part)
            if value is not None and value.reads and not (url and url.name in value.reads):
                parts[part] = value.reads[0]
    if backend is not None and isinstance(backend.data, str):
        has_gis = backend.data.startswith(GEODJANGO)
    else:
        has_gis = GEODJANGO in settings.listed("INSTALLED_APPS")
    is_postgis = engine == "postgresql" and has_gis
    return Fact(Connection(engine, url.name if url else None, parts, is_postgis), source)


def written_engine(settings: Settings) -> str | None:
    """Return the engine that the settings name for the default database.

    None if it is unknown, or SQLite unless the variable of a URL is set.
    """
    database = entry(settings.get("DATABASES"), "default")
    backend = entry(database, "ENGINE")
    engine = ENGINES_BY_BACKEND.get(str(backend.data).rpartition(".")[2]) if backend else None
    return None if engine == "sqlite" and _url_variable(settings, database) else engine


def _url_variable(settings: Settings, database: Value | None) -> Variable | None:
    """Return the variable with the database's URL."""
    read = database.reads if database else ()
    urls = [
        item
        for item in settings.variables
        if item.kind == "database" or item.name.endswith(("DATABASE_URL", "DB_URL"))
    ]
    urls.sort(key=lambda item: (item.name not in read, item.name != "DATABASE_URL"))
    return next(iter(urls), None)


def find_sqlite(settings: Settings, search: Search) -> Fact[Sqlite] | None:
    """Return the default database if it is SQLite in a file that does not depend on variables."""
    database = entry(settings.get("DATABASES"), "default")
    engine = entry(database, "ENGINE")
    if engine is None or engine.data != SQLITE:
        return None
    name = entry(database, "NAME")
    found = None if name is None or name.reads else directory(name, search)
    if found is None:
        return None
    file, _, _ = found.source.rpartition(":")
    return Fact(Sqlite(found.value, bool(file) and imports_os(file, search)), found.source)


def gis_packages(settings: Settings) -> Fact[tuple[str, ...]] | None:
    """Return the Debian packages that GeoDjango loads at run time, or None if it is not used."""
    databases = settings.get("DATABASES")
    names = databases.data if databases and isinstance(databases.data, dict) else ()
    backends = [entry(entry(databases, name), "ENGINE") for name in names]
    engines = [item for item in backends if item and str(item.data).startswith(f"{GEODJANGO}.")]
    apps = settings.get("INSTALLED_APPS")
    if apps is not None and GEODJANGO in settings.listed("INSTALLED_APPS"):
        source = apps.source
    elif engines:
        source = engines[0].source
    else:
        return None
    has_spatialite = any(engine.data == SPATIALITE for engine in engines)
    return Fact(required([GEODJANGO, *([SPATIALITE] if has_spatialite else [])]).run, source)
