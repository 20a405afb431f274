"""Software among a project's packages: the server, WhiteNoise, the database driver, Django."""

from __future__ import annotations

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from buildstatic.project.model import Database, Fact, Server
from buildstatic.project.packages import Packages

# In order of preference: the first that is installed is started.
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
# Each driver with the Debian packages that building and running it requires. psycopg depends on its
# extras, see `_driver_requirements`.
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


def server(packages: Packages) -> Fact[Server] | None:
    """Return the application server among *packages*."""
    found = next((packages[name] for name in SERVERS if name in packages), None)
    if found is None:
        return None
    value = Server(found.name, found.specifier, "uvicorn-worker" in packages)
    return Fact(value, found.source)


def whitenoise(packages: Packages) -> Fact[bool] | None:
    """Return a fact if WhiteNoise is among *packages*, else None."""
    found = packages.get("whitenoise")
    return Fact(True, found.source) if found else None


def database(packages: Packages) -> Fact[Database] | None:
    """Return the first database driver among *packages*, with the Debian packages for all."""
    found = [name for name in DRIVERS if name in packages]
    if not found:
        return None
    required = [_driver_requirements(name, packages) for name in found]
    build = tuple(dict.fromkeys(name for names, _ in required for name in names))
    run = tuple(dict.fromkeys(name for _, names in required for name in names))
    return Fact(Database(found[0], build, run), packages[found[0]].source)


def _driver_requirements(name: str, packages: Packages) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the Debian packages to build and to run the driver *name*.

    psycopg 3 is compiled with ``[c]``, self-contained with ``[binary]``, and loads libpq otherwise
    (https://www.psycopg.org/psycopg3/docs/basic/install.html).
    """
    if name != "psycopg":
        return DRIVERS[name]
    extras = packages[name].extras
    if "c" in extras or "psycopg-c" in packages:
        return POSTGRES_BUILD, POSTGRES_RUN
    if "binary" in extras or "psycopg-binary" in packages:
        return (), ()
    return (), POSTGRES_RUN


def reads_legacy_storage(packages: Packages) -> bool:
    """Return whether the project's Django reads STATICFILES_STORAGE: 5.1 and later do not.

    If the version is not restricted, the newest is installed.
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
    except ValueError:  # an invalid specifier or version, or a number of thousands of digits
        return True
