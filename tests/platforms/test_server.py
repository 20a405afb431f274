"""The server's command, checked by gunicorn itself."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from buildstatic.errors import ConfigInvalid
from buildstatic.platforms.server import (
    ServerName,
    missing_package_warnings,
    missing_packages,
    server_command,
)
from buildstatic.project import Dependencies, Fact, Server
from tests.platforms.projects import AWKWARD, in_directory, project

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


PIP = Dependencies("pip", "requirements.txt", ("requirements.txt",))


@pytest.mark.parametrize(
    ("server", "chosen", "expected"),
    [
        pytest.param(None, None, ("gunicorn",), id="none"),
        pytest.param(Server("daphne", ""), None, ("gunicorn",), id="another"),
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


def test_asgi_only_projects_need_uvicorn_worker(tmp_path: Path) -> None:
    found = project(tmp_path, wsgi=None, dependencies=Fact(PIP, "requirements.txt:1"))
    assert missing_packages(found) == ("uvicorn-worker",)


@pytest.mark.parametrize(
    "dependencies",
    [
        pytest.param(None, id="no-dependencies"),
        pytest.param(Dependencies("pip", "r.txt", ("r.txt",), (".",)), id="a-directory"),
    ],
)
def test_nothing_is_missing_if_dependencies_are_unknown(
    tmp_path: Path, dependencies: Dependencies | None
) -> None:
    fact = Fact(dependencies, "r.txt:1") if dependencies else None
    assert missing_packages(project(tmp_path, server=None, dependencies=fact)) == ()
