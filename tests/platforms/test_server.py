"""The server's command, checked by gunicorn itself."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import cast
from urllib.request import urlopen

import pytest

from buildstatic.errors import ConfigInvalid
from buildstatic.platforms.server import (
    ServerName,
    missing_package_warnings,
    missing_packages,
    serve_command,
    server_command,
)
from buildstatic.project import Connection, Database, Dependencies, Fact, Server
from tests.platforms.projects import AWKWARD, in_directory, project
from tests.running import free_port

SOCKET = "--no-control-socket"


def test_startproject_is_served_by_gunicorn(tmp_path: Path) -> None:
    assert server_command(project(tmp_path)) == (
        "gunicorn",
        "--worker-tmp-dir",
        "/dev/shm",
        "--no-control-socket",
        "mysite.wsgi:application",
    )


def test_server_changes_to_the_directory_of_manage_py(tmp_path: Path) -> None:
    assert server_command(in_directory(tmp_path, "src"))[:3] == ("gunicorn", "--chdir", "src")


@pytest.mark.parametrize(
    ("specifier", "expected"),
    [
        pytest.param("", True, id="any"),
        pytest.param(">=20", True, id="lower bound"),
        pytest.param("==23.0.0", False, id="old pin"),
        pytest.param("==23.*", False, id="old series"),
        pytest.param("<25.1", False, id="below"),
        pytest.param(">=22,<24", False, id="old range"),
        pytest.param("~=24.1", False, id="old compatible"),
        pytest.param("==25.1.0", True, id="first"),
        pytest.param("==25.3.0", True, id="pin of a minor"),
        pytest.param("==25.0.3", False, id="pin just below"),
        pytest.param("==25.*", True, id="series"),
        pytest.param("~=25.2", True, id="compatible"),
        pytest.param("~=26.1.0", True, id="compatible patch"),
        pytest.param(">25.1,<25.3", True, id="narrow range"),
        pytest.param("==30.2.1", True, id="far future"),
        pytest.param(">=20,!=27.0", True, id="with a hole"),
        pytest.param("==27.0.1.post1", True, id="post release"),
        pytest.param("===27.0.1", True, id="arbitrary equality"),
        pytest.param("nonsense", True, id="not a specifier"),
    ],
)
def test_control_socket_is_disabled_if_gunicorn_has_one(
    tmp_path: Path, specifier: str, expected: bool
) -> None:
    server = Fact(Server("gunicorn", specifier), "requirements.txt:1")
    assert (SOCKET in server_command(project(tmp_path, server=server))) is expected


def test_control_socket_is_disabled_for_unknown_versions(tmp_path: Path) -> None:
    assert SOCKET in server_command(project(tmp_path, server=None))
    other = Fact(Server("uvicorn-worker", "==0.3.0"), "requirements.txt:1")
    assert SOCKET in server_command(project(tmp_path, server=other))


@pytest.mark.parametrize("chosen", ["uvicorn-worker", None])
def test_asgi_only_projects_use_uvicorn_worker(tmp_path: Path, chosen: ServerName | None) -> None:
    argv = server_command(project(tmp_path, wsgi=None), chosen)
    assert argv[-3:] == (
        "--worker-class",
        "uvicorn_worker.UvicornWorker",
        "mysite.asgi:application",
    )


def test_uvicorn_worker_serves_asgi(tmp_path: Path) -> None:
    assert server_command(project(tmp_path), "uvicorn-worker")[-1] == "mysite.asgi:application"


@pytest.mark.parametrize(
    ("chosen", "file"),
    [
        ("gunicorn", "mysite/wsgi.py"),
        ("uvicorn-worker", "mysite/asgi.py"),
        (None, "mysite/wsgi.py"),
    ],
)
def test_missing_application_error_contains_the_file(
    tmp_path: Path, chosen: ServerName | None, file: str
) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        server_command(project(tmp_path, wsgi=None, asgi=None), chosen)
    heading, _, text = caught.value.advice.partition("\n\n")
    assert heading == f"Create {file}:"
    ast.parse(text)
    assert 'setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")' in text


@pytest.mark.parametrize("directory", [".", *AWKWARD])
def test_gunicorn_accepts_the_options(tmp_path: Path, directory: str) -> None:
    """``--check-config`` loads the application from the directory of ``--chdir``."""
    home = tmp_path / directory
    home.mkdir(exist_ok=True)
    (home / "mysite.py").write_text("def application(environ, start_response): ...\n")
    found = project(tmp_path, wsgi=Fact("mysite:application", ""))
    if directory != ".":
        found = project(
            tmp_path,
            wsgi=Fact("mysite:application", ""),
            manage=Fact(f"{directory}/manage.py", f"{directory}/manage.py"),
        )
    argv = [
        str(Path(sys.executable).with_name("gunicorn")),
        "--check-config",
        *server_command(found)[1:],
    ]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


SHELL = ("/bin/sh", "-c")


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("uvicorn", "uvicorn --host 0.0.0.0 --port ${PORT:-8000} mysite.asgi:application"),
        ("daphne", "daphne --bind 0.0.0.0 --port ${PORT:-8000} mysite.asgi:application"),
        (
            "granian",
            "granian --interface wsgi --host 0.0.0.0 --port ${PORT:-8000} "
            "--workers ${WEB_CONCURRENCY:-1} mysite.wsgi:application",
        ),
        (
            "hypercorn",
            "hypercorn --bind 0.0.0.0:${PORT:-8000} --workers ${WEB_CONCURRENCY:-1} "
            "wsgi:mysite.wsgi:application",
        ),
        (
            "uwsgi",
            "uwsgi --http-socket 0.0.0.0:${PORT:-8000} --module mysite.wsgi:application --master "
            "--die-on-term --need-app --enable-threads --processes ${WEB_CONCURRENCY:-1}",
        ),
        ("waitress", "waitress-serve --listen=0.0.0.0:${PORT:-8000} mysite.wsgi:application"),
    ],
)
def test_the_projects_server_is_started(tmp_path: Path, name: str, line: str) -> None:
    server = Fact(Server(name, ""), "requirements.txt:2")
    found = project(tmp_path, server=server)
    assert server_command(found) == (*SHELL, f"exec {line}")
    assert server_command(project(tmp_path), cast("ServerName", name)) == server_command(found)
    assert serve_command(found) == line
    below = in_directory(tmp_path, "my src", server=server)
    assert serve_command(below) == f"env '--chdir=my src' {line}"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("granian", "--interface asginl"),
        ("hypercorn", " mysite.asgi:application"),
        ("uwsgi", "uvicorn_worker.UvicornWorker mysite.asgi:application"),
    ],
)
def test_asgi_only_projects_are_served_as_asgi(tmp_path: Path, name: str, words: str) -> None:
    found = project(tmp_path, server=Fact(Server(name, ""), "r:1"), wsgi=None)
    assert words in serve_command(found)


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", ["uvicorn", "granian", "daphne", "hypercorn", "waitress", "uwsgi"])
def test_servers_accept_the_options_and_stop(tmp_path: Path, name: str) -> None:
    """Each is installed, started with the command line, answers, and stops on SIGTERM."""
    home = tmp_path / "my src"
    home.mkdir()
    (home / "mysite.py").write_text(
        "def wsgi(environ, start_response):\n"
        "    start_response('200 OK', [('Content-Length', '2')])\n"
        "    return [b'ok']\n"
        "async def asgi(scope, receive, send):\n"
        "    if scope['type'] != 'http':\n"
        "        raise ValueError('only HTTP')\n"
        "    await send({'type': 'http.response.start', 'status': 200, 'headers': []})\n"
        "    await send({'type': 'http.response.body', 'body': b'ok'})\n"
    )
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    bin_directory = tmp_path / "venv/bin"
    subprocess.run([bin_directory / "pip", "install", "-q", name], check=True)
    found = in_directory(
        tmp_path,
        "my src",
        server=Fact(Server(name, ""), "r:1"),
        wsgi=Fact("mysite:wsgi", "w:1"),
        asgi=Fact("mysite:asgi", "a:1"),
    )
    port = free_port()
    environ = {"PATH": f"{bin_directory}:{os.environ['PATH']}", "PORT": str(port)}
    process = subprocess.Popen(server_command(found), cwd=tmp_path, env=environ)
    try:
        for attempt in range(100):
            try:
                with urlopen(f"http://127.0.0.1:{port}/", timeout=5) as response:
                    assert response.read() == b"ok"
                break
            except OSError:
                assert attempt < 99
                time.sleep(0.1)
    finally:
        process.terminate()
    process.wait(20)


PIP = Dependencies("pip", "requirements.txt", ("requirements.txt",))


@pytest.mark.parametrize(
    ("server", "chosen", "expected"),
    [
        pytest.param(None, None, ("gunicorn",), id="none"),
        pytest.param(Server("daphne", ""), None, (), id="another"),
        pytest.param(Server("daphne", ""), "gunicorn", ("gunicorn",), id="another-is-chosen"),
        pytest.param(Server("pyuwsgi", ""), None, (), id="built-by-others"),
        pytest.param(Server("gunicorn", ""), None, (), id="gunicorn"),
        pytest.param(Server("gunicorn", ""), "uvicorn-worker", ("uvicorn-worker",), id="no-worker"),
        pytest.param(Server("uvicorn", ""), "uvicorn-worker", ("uvicorn-worker",), id="uvicorn"),
        pytest.param(Server("gunicorn", "", True), "uvicorn-worker", (), id="worker"),
        pytest.param(Server("uvicorn-worker", "", True), None, (), id="worker-brings-gunicorn"),
    ],
)
def test_missing_packages(
    tmp_path: Path, server: Server | None, chosen: ServerName | None, expected: tuple[str, ...]
) -> None:
    fact = Fact(server, "requirements.txt:2") if server else None
    found = project(tmp_path, server=fact, dependencies=Fact(PIP, "requirements.txt:1"))
    assert missing_packages(found, chosen) == expected
    texts = missing_package_warnings(found, chosen)
    assert len(texts) == len(expected)
    assert all(name in text for name, text in zip(expected, texts, strict=True))


def test_server_of_a_requirements_file_is_missing_from_a_lock_file(tmp_path: Path) -> None:
    lock = Dependencies("uv", "uv.lock", ("uv.lock",), servers=("uwsgi>=2",))
    server = Fact(Server("uwsgi", ">=2"), "requirements/web.txt:2")
    found = project(tmp_path, server=server, dependencies=Fact(lock, "uv.lock:1"))
    assert missing_packages(found) == ("uwsgi>=2",)
    assert missing_packages(found, "gunicorn") == ("gunicorn",)


@pytest.mark.parametrize(
    ("engine", "driver", "expected"),
    [
        ("postgresql", None, ("psycopg[binary]",)),
        ("postgresql", "psycopg2", ()),
        ("mysql", None, ()),
    ],
)
def test_driver_of_postgresql_is_missing(
    tmp_path: Path, engine: str, driver: str | None, expected: tuple[str, ...]
) -> None:
    found = project(
        tmp_path,
        server=Fact(Server("gunicorn", ""), "requirements.txt:2"),
        dependencies=Fact(PIP, "requirements.txt:1"),
        connection=Fact(Connection(engine), "s:1"),
        database=Fact(Database(driver, (), ()), "requirements.txt:3") if driver else None,
    )
    assert missing_packages(found) == expected


def test_asgi_only_projects_need_uvicorn_worker(tmp_path: Path) -> None:
    found = project(tmp_path, wsgi=None, dependencies=Fact(PIP, "requirements.txt:1"))
    assert missing_packages(found) == ("uvicorn-worker",)


def test_directories_of_the_project_may_require_what_is_missing(tmp_path: Path) -> None:
    """It is installed in the image nevertheless, and no platform is told that it is missing."""
    dependencies = Fact(Dependencies("pip", "r.txt", ("r.txt",), (".",)), "r.txt:1")
    found = project(tmp_path, server=None, dependencies=dependencies)
    assert missing_packages(found) == ("gunicorn",)
    assert missing_package_warnings(found) == ()


def test_nothing_is_missing_if_dependencies_are_unknown(tmp_path: Path) -> None:
    found = project(tmp_path, server=None, dependencies=None)
    assert missing_packages(found) == missing_package_warnings(found) == ()
