"""What is among the packages: the server, WhiteNoise, the database driver; and what GIS needs."""

from __future__ import annotations

from collections.abc import Iterator

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from buildstatic.project.model import Database, Fact, Server
from buildstatic.project.packages import Package, Packages
from buildstatic.project.settings import Settings
from buildstatic.project.static import entry

# In the order of preference: the first that is there is the one that is started.
SERVERS = (
    "gunicorn",
    "uvicorn-worker",
    "uvicorn",
    "daphne",
    "hypercorn",
    "granian",
    "waitress",
    "uwsgi",
)
POSTGRES_BUILD = ("gcc", "libc6-dev", "libpq-dev")
POSTGRES_RUN = ("libpq5",)
MYSQL_BUILD = ("gcc", "libc6-dev", "pkg-config", "default-libmysqlclient-dev")
MYSQL_RUN = ("libmariadb3",)
# Each driver with the Debian packages that it needs to be built, and to run. psycopg is in
# `_psycopg` (https://www.psycopg.org/psycopg3/docs/basic/install.html).
DRIVERS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "psycopg": ((), ()),
    "psycopg2": (POSTGRES_BUILD, POSTGRES_RUN),
    "psycopg2-binary": ((), ()),
    "mysqlclient": (MYSQL_BUILD, MYSQL_RUN),
    "pymysql": ((), ()),
    "mysql-connector-python": ((), ()),
    "oracledb": ((), ()),
    "asyncpg": ((), ()),
}

GIS = "django.contrib.gis"
# What GeoDjango names for Debian; the second for SpatiaLite
# (docs.djangoproject.com/en/stable/ref/contrib/gis/install/geolibs, …/install/spatialite).
GIS_RUN = ("binutils", "gdal-bin", "libproj-dev")
SPATIALITE_RUN = ("libsqlite3-mod-spatialite",)


def server(packages: Packages) -> Fact[Server] | None:
    """Return the application server among *packages*."""
    found = next((packages[name] for name in SERVERS if name in packages), None)
    if found is None:
        return None
    value = Server(found.name, found.specifier, "uvicorn-worker" in packages)
    return Fact(value, found.source)


def whitenoise(packages: Packages) -> Fact[bool] | None:
    """Return whether WhiteNoise is among *packages*: a fact, or None."""
    found = packages.get("whitenoise")
    return Fact(True, found.source) if found else None


def database(packages: Packages) -> Fact[Database] | None:
    """Return the first database driver among *packages*, with what all of them need."""
    found = [packages[name] for name in DRIVERS if name in packages]
    if not found:
        return None
    needs = [_needs(item, packages) for item in found]
    build = tuple(dict.fromkeys(name for wanted, _ in needs for name in wanted))
    run = tuple(dict.fromkeys(name for _, wanted in needs for name in wanted))
    return Fact(Database(found[0].name, build, run), found[0].source)


def _needs(item: Package, packages: Packages) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return _psycopg(item, packages) if item.name == "psycopg" else DRIVERS[item.name]


def _psycopg(item: Package, packages: Packages) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Psycopg 3: compiled with ``[c]``, complete in itself with ``[binary]``, else on libpq."""
    if "c" in item.extras or "psycopg-c" in packages:
        return POSTGRES_BUILD, POSTGRES_RUN
    if "binary" in item.extras or "psycopg-binary" in packages:
        return (), ()
    return (), POSTGRES_RUN


def gis(settings: Settings) -> Fact[tuple[str, ...]] | None:
    """Return the Debian packages that GeoDjango loads as it runs, None where it is not used."""
    engines = tuple(_engines(settings))
    spatialite = any(engine.endswith(".spatialite") for engine, _ in engines)
    apps = settings.get("INSTALLED_APPS")
    if apps is not None and GIS in settings.listed("INSTALLED_APPS"):
        source = apps.source
    elif engines:
        source = engines[0][1]
    else:
        return None
    return Fact((*GIS_RUN, *(SPATIALITE_RUN if spatialite else ())), source)


def _engines(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield GeoDjango's engines among the databases', with their places."""
    databases = settings.get("DATABASES")
    for name in databases.data if databases and isinstance(databases.data, dict) else ():
        engine = entry(entry(databases, name), "ENGINE")
        if engine is not None and str(engine.data).startswith(f"{GIS}."):
            yield str(engine.data), engine.source


def reads_legacy(packages: Packages) -> bool:
    """Say whether the project's Django reads STATICFILES_STORAGE: 5.1 and later do not.

    Where the version is open, the newest will be installed.
    """
    django = packages.get("django")
    try:
        specifier = SpecifierSet(django.specifier if django else "<5")
        stated = [Version(item.version.removesuffix(".*")) for item in specifier]
        candidates = [Version("5.1"), Version("5.2"), Version("6"), Version("99"), *stated]
        return not any(
            version >= Version("5.1") and specifier.contains(version, prereleases=True)
            for version in candidates
        )
    except ValueError:  # no specifier, no version, or a number of thousands of digits
        return True
