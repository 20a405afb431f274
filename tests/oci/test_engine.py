"""Connecting to the Docker engine, and the errors of it."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from buildstatic.errors import EngineFailed, EngineNotFound, EngineUnusable
from buildstatic.oci.engine import check_version, connect, failures
from tests.oci.tiny import engine_of


@pytest.fixture(autouse=True)
def leaked_sockets() -> Iterator[None]:
    """Ignore the socket that the SDK leaks if it cannot connect."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield
        gc.collect()


@pytest.mark.parametrize(
    ("version", "api"),
    [
        pytest.param("23.0.0", "1.42", id="the-oldest"),
        pytest.param("29.1.3", "1.52", id="new"),
        pytest.param("26.1.5+dfsg1", "1.45", id="debian"),
        pytest.param("27.5.1-1", "1.47", id="ubuntu"),
        pytest.param("dev", "1.42", id="from-a-branch"),
    ],
)
def test_engine_that_supports_link(version: str, api: str) -> None:
    check_version(version, api)


@pytest.mark.parametrize(
    ("version", "api"),
    [
        pytest.param("20.10.27", "1.41", id="the-newest-without"),
        pytest.param("19.03.15", "1.40", id="old"),
        pytest.param("22.06.0-beta.0", "1.42", id="a-beta"),
        pytest.param("dev", "1.41", id="from-a-branch"),
    ],
)
def test_engine_that_is_too_old_for_link(version: str, api: str) -> None:
    with pytest.raises(EngineUnusable, match=r"COPY --link requires 23\.0 or newer") as failure:
        check_version(version, api)
    assert version in failure.value.problem


def test_docker_host_selects_the_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with engine_of(tmp_path / "docker.sock", "24.0.1", "1.43") as host:
        monkeypatch.setenv("DOCKER_HOST", host)
        with closing(connect()) as client:
            assert client.version()["Version"] == "24.0.1"


@pytest.mark.parametrize("named_by", ["the-configuration", "the-environment"])
def test_docker_context_selects_the_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named_by: str
) -> None:
    from docker.context import ContextAPI

    configuration = tmp_path / "config.json"
    configuration.write_text("{}")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.delenv("DOCKER_CONTEXT", raising=False)
    with engine_of(tmp_path / "docker.sock", "24.0.1", "1.43") as host:
        ContextAPI.create_context("elsewhere", host=host)
        if named_by == "the-environment":
            monkeypatch.setenv("DOCKER_CONTEXT", "elsewhere")
        else:
            configuration.write_text('{"currentContext": "elsewhere"}')
        with closing(connect()) as client:
            assert client.version()["Version"] == "24.0.1"


def test_engine_that_responds_with_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with engine_of(tmp_path / "docker.sock", "24.0.1", "1.43", status=500) as host:
        monkeypatch.setenv("DOCKER_HOST", host)
        with pytest.raises(EngineFailed, match=r"responded with an error: broken\.$"):
            connect()


@pytest.mark.parametrize("host", ["nonsense", "http://", "unix:///nonexistent/docker.sock"])
def test_unreachable_engine(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", host)
    with pytest.raises(EngineNotFound, match=f"No Docker engine responds at {host}") as failure:
        connect()
    assert "DOCKER_HOST" in failure.value.advice


def test_ssh_without_paramiko(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "ssh://nowhere.invalid")
    with pytest.raises(EngineNotFound, match="requires paramiko") as failure:
        connect()
    assert failure.value.advice.endswith("pip install 'docker[ssh]'.")


def test_engine_that_fails_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with engine_of(tmp_path / "docker.sock", "24.0.1", "1.43") as host:
        monkeypatch.setenv("DOCKER_HOST", host)
        client = connect()
        with pytest.raises(EngineFailed, match="returned an error: broken"), failures():
            client.images.get("anything")
    (tmp_path / "docker.sock").unlink()
    client.close()
    with (
        pytest.raises(EngineFailed, match="The connection to the Docker engine failed"),
        failures(),
    ):
        client.ping()
    client.close()
