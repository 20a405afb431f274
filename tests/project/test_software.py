"""Server, WhiteNoise, database driver and Django version."""

from __future__ import annotations

import pytest
from packaging.requirements import Requirement

from buildstatic.project.model import Fact, Server
from buildstatic.project.packages import Packages, join, package, software

PG_BUILD = ("gcc", "libc6-dev", "libpq-dev")
MYSQL_BUILD = ("gcc", "libc6-dev", "pkg-config", "default-libmysqlclient-dev")


def packages(*lines: str) -> Packages:
    return join(package(Requirement(line), f"r.txt:{n}") for n, line in enumerate(lines, 1))


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["gunicorn>=23"], Fact(Server("gunicorn", ">=23"), "r.txt:1")),
        (["uvicorn[standard]==0.34"], Fact(Server("uvicorn", "==0.34"), "r.txt:1")),
        (["uvicorn", "gunicorn"], Fact(Server("gunicorn", ""), "r.txt:2")),
        (["gunicorn", "uvicorn-worker"], Fact(Server("gunicorn", "", True), "r.txt:1")),
        (["uvicorn", "uvicorn-worker"], Fact(Server("uvicorn-worker", "", True), "r.txt:2")),
        (["Daphne"], Fact(Server("daphne", ""), "r.txt:1")),
        (["uWSGI"], Fact(Server("uwsgi", ""), "r.txt:1")),
        (["django"], None),
    ],
)
def test_server(lines: list[str], expected: Fact[Server] | None) -> None:
    assert software.server(packages(*lines)) == expected


def test_whitenoise() -> None:
    assert software.whitenoise(packages("django", "WhiteNoise[brotli]")) == Fact(True, "r.txt:2")
    assert software.whitenoise(packages("django")) is None


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
    found = software.database(packages(*lines))
    assert found is not None
    value = found.value
    assert (value.driver, value.build_packages, value.run_packages) == (driver, build, run)


def test_no_database_driver() -> None:
    assert software.database(packages("django", "django-redis")) is None


@pytest.mark.parametrize(
    ("line", "legacy"),
    [
        ("django==4.2.16", True),
        ("django>=4.2,<5", True),
        ("django~=5.0.1", True),
        ("django<5.1", True),
        ("django==5.0.*", True),
        ("django==5.1", False),
        ("django>=5.1.2,<5.2", False),
        ("django~=5.0", False),
        ("django==6.1.3", False),
        ("django>=4.2", False),
        ("django", False),
        ("gunicorn", True),
        (f"django=={'9' * 5000}", True),
    ],
    ids=lambda value: str(value)[:30],
)
def test_legacy_storage_setting_by_django_version(line: str, legacy: bool) -> None:
    assert software.reads_legacy_storage(packages(line)) is legacy
