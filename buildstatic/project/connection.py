"""The default database: what it is, and the variables that the settings read its place from."""

from __future__ import annotations

from collections.abc import Iterator

from buildstatic.project.model import Connection, Database, Fact, Variable
from buildstatic.project.settings import Settings, Value
from buildstatic.project.static import entry

GIS = "django.contrib.gis"
PARTS = ("HOST", "PORT", "NAME", "USER", "PASSWORD")
DRIVERS = {
    "psycopg": "postgresql",
    "psycopg2": "postgresql",
    "psycopg2-binary": "postgresql",
    "asyncpg": "postgresql",
    "mysqlclient": "mysql",
    "pymysql": "mysql",
    "mysql-connector-python": "mysql",
    "oracledb": "oracle",
}
BACKENDS = {
    "postgresql": "postgresql",
    "postgis": "postgresql",
    "mysql": "mysql",
    "sqlite3": "sqlite",
    "spatialite": "sqlite",
    "oracle": "oracle",
}


def find(settings: Settings, driver: Fact[Database] | None) -> Fact[Connection] | None:
    """Return how *settings* reach the default database; *driver* is the one that is installed.

    None where neither says which it is. Django's own name for no database at all is dummy.
    """
    if settings.get("DATABASES") is None and settings.complete and not settings.classes:
        return Fact(Connection("dummy"), f"{settings.file}:1")
    database = entry(settings.get("DATABASES"), "default")
    url = _url(settings, database)
    engine = _engine(database, driver.value.driver if driver else None, url)
    if engine is None:
        return None
    source = database.source if database and database.source else f"{settings.file}:1"
    parts = dict(_parts(database))
    has_gis = engine == "postgresql" and _has_gis(settings, database)
    return Fact(Connection(engine, url.name if url else None, parts, has_gis), source)


def _has_gis(settings: Settings, database: Value | None) -> bool:
    """Tell whether *settings* use PostGIS: by the backend, or, if a URL says it, by the app."""
    named = entry(database, "ENGINE")
    if named is not None and isinstance(named.data, str):
        return named.data.startswith(GIS)
    return GIS in settings.listed("INSTALLED_APPS")


def _engine(database: Value | None, driver: str | None, url: Variable | None) -> str | None:
    """Return the engine; where a URL decides, that of the driver, and SQLite if there is none."""
    installed = DRIVERS.get(driver or "")
    named = entry(database, "ENGINE")
    written = BACKENDS.get(str(named.data).rpartition(".")[2]) if named else None
    if url is not None:
        return installed or written or "sqlite"
    return written or installed


def _url(settings: Settings, database: Value | None) -> Variable | None:
    """Return the variable that holds the database's URL."""
    read = database.reads if database else ()
    urls = [item for item in settings.variables if _is_url(item)]
    urls.sort(key=lambda item: (item.name not in read, item.name != "DATABASE_URL"))
    return next(iter(urls), None)


def _is_url(variable: Variable) -> bool:
    return variable.kind == "database" or variable.name.endswith(("DATABASE_URL", "DB_URL"))


def _parts(database: Value | None) -> Iterator[tuple[str, str]]:
    """Yield the entries of the database that are each read from a variable, with its name."""
    if database is None or not isinstance(database.data, dict):
        return
    for part in PARTS:
        value = entry(database, part)
        if value is not None and value.reads:
            yield part, value.reads[0]
