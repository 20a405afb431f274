"""``buildstatic build``: what it refuses before an engine is used."""

from __future__ import annotations

import gc
import os
import socket
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from buildstatic.builders.base import BuildOptions, BuildResult
from buildstatic.cli.build_summary import summarize
from buildstatic.errors import (
    ConfigInvalid,
    EngineNotFound,
    EngineUnusable,
    StaticRootInvalid,
    UnsupportedByBuilder,
)
from buildstatic.workflows.build import BuildOutcome
from tests.cli.conftest import Invoke
from tests.oci.tiny import (
    DOCKERFILE,
    DOORS,
    SETTINGS,
    WITHOUT_DOCKER,
    build,
    engine_of,
    tiny,
)
from tests.running import free_port

NO_ENGINE = "unix:///nonexistent/docker.sock"
# Reads what root can read, but does not write: the interpreter may be in root's home directory.
NOBODY = (
    *("/usr/bin/setpriv", "--reuid=12345", "--regid=12345", "--clear-groups"),
    *("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"),
)
# The docker SDK does not close a socket that it cannot connect.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(autouse=True)
def _no_engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DOCKER_HOST", NO_ENGINE)
    yield
    gc.collect()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tiny(tmp_path / "tiny")


def test_requirements_that_a_project_without_any_needs_are_named(
    tmp_path: Path, invoke: Invoke
) -> None:
    root = tiny(tmp_path / "tiny", None, {"mysite/urls.py": "import rest_framework\n"})
    (root / "requirements.txt").unlink()
    ran = invoke("build", root)
    assert ran.code == ConfigInvalid.exit_code
    assert "Create requirements.txt:\n\nDjango\ndjangorestframework\n" in ran.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param(["--push"], "--push requires --tag", id="push"),
        pytest.param(["--export", "x", "--tag", "x"], "--export does not build an image", id="tag"),
        pytest.param(["--export", "x", "--target", "static"], "--export", id="target"),
        pytest.param(["--builder", "other", "-o", "l"], "embedded builder", id="output"),
        pytest.param(["--builder", "o", "--base", "x", "-t", "x"], "embedded builder", id="base"),
        pytest.param(["--insecure"], "embedded builder", id="insecure"),
        pytest.param(["--keep", "x"], "--keep requires --tag", id="keep"),
        pytest.param(["--keep", "x", "-t", "x", "--provenance"], "omit --sbom", id="attestations"),
        pytest.param(["--python", "/bin/sh"], "embedded builder", id="python"),
        pytest.param(["--serve", "nginx", "-o", "l"], "does not support --serve", id="serve"),
        pytest.param(["--group", "web", "-o", "l"], "--group and --extra require", id="group"),
    ],
)
def test_usage_errors(root: Path, options: list[str], message: str, invoke: Invoke) -> None:
    ran = invoke("build", root, *options)
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err


@DOORS
@pytest.mark.parametrize("where", ["socket", "port"])
def test_no_engine(
    root: Path,
    door: Mapping[str, str],
    where: str,
    invoke: Invoke,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    host = f"tcp://127.0.0.1:{free_port()}" if where == "port" else NO_ENGINE
    for name, value in {**door, "DOCKER_HOST": host}.items():
        monkeypatch.setenv(name, value)
    ran = invoke("build", root, "--tag", "x")
    assert (ran.code, ran.out) == (EngineNotFound.exit_code, "")
    assert ran.err == (
        f"error: No Docker engine responds at {host}. Start Docker, or select another engine with "
        "DOCKER_HOST or `docker context use`. Without an engine, `buildstatic build --base IMAGE "
        "--tag IMAGE` adds the static files to an image.\n"
    )


@pytest.fixture
def shared_directory() -> Iterator[Path]:
    """Yield a directory that every user may write to."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o777)
        yield Path(directory)


@pytest.mark.slow
def test_engine_that_denies_access(shared_directory: Path) -> None:
    root, path = tiny(shared_directory / "tiny"), shared_directory / "docker.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        path.chmod(0)
        environ = {"DOCKER_HOST": f"unix://{path}", "HOME": str(shared_directory)}
        ran = build(root, environ=environ, before=NOBODY if os.getuid() == 0 else ())
    assert (ran.code, ran.out) == (EngineUnusable.exit_code, "")
    assert ran.err.startswith(f"error: Access to the Docker engine at unix://{path} was denied. ")
    assert ran.err.count("\n") == 1


@DOORS
@pytest.mark.parametrize(
    ("version", "api"),
    [
        pytest.param("20.10.24", "1.41", id="before COPY --link"),
        pytest.param("1.9.1", "1.21", id="before the SDK"),
        pytest.param("library-import", "1.41", id="no number"),
    ],
)
def test_old_engine(
    tmp_path: Path,
    root: Path,
    door: Mapping[str, str],
    version: str,
    api: str,
    invoke: Invoke,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with engine_of(tmp_path / "docker.sock", version, api) as host:
        for name, value in {**door, "DOCKER_HOST": host}.items():
            monkeypatch.setenv(name, value)
        ran = invoke("build", root)
    assert (ran.code, ran.out) == (EngineUnusable.exit_code, ""), ran.err
    # The server of this test prints tracebacks before, as buildx hangs up on it.
    message = ran.err.splitlines()[-1]
    assert message.startswith("error: ")
    assert "too old" in message or f"{version}, but COPY --link requires 23.0" in message
    assert "Upgrade it" in message


@pytest.mark.parametrize(
    ("options", "named"),
    [
        pytest.param(["--secret", "id=a,src=manage.py"], "--secret", id="secret"),
        pytest.param(["--export", "out"], "--export", id="export"),
        pytest.param(["--cache-to", "type=local,dest=c"], "--cache-to", id="cache-to"),
        pytest.param(["--builder", "other"], "--builder", id="builder"),
        pytest.param(["--sbom", "--provenance"], "--sbom, --provenance", id="attestations"),
        pytest.param(["--platform", "linux/amd64,linux/arm64"], "several platforms", id="comma"),
        pytest.param(
            ["--platform", "linux/amd64", "--platform", "linux/arm64"],
            "several platforms",
            id="platforms",
        ),
    ],
)
def test_options_that_the_engine_api_does_not_support(
    tmp_path: Path,
    options: list[str],
    named: str,
    invoke: Invoke,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    root = tiny(tmp_path / "tiny", f"{DOCKERFILE}FROM static AS export\n")
    for name, value in WITHOUT_DOCKER.items():
        monkeypatch.setenv(name, value)
    ran = invoke("build", root, *options)
    assert (ran.code, ran.out) == (UnsupportedByBuilder.exit_code, "")
    assert ran.err.startswith("error: The engine's API does not support ")
    assert named in ran.err


def test_large_context(root: Path, invoke: Invoke) -> None:
    large = root / "backups" / "dump.sql"
    large.parent.mkdir()
    large.touch()
    os.truncate(large, 3 << 30)
    ran = invoke("build", root, "--tag", "x")
    warning, error = ran.err.splitlines()
    assert warning.startswith("warning: The build context is 3.2 GB, ")
    assert "backups (3.2 GB)" in warning
    assert ".dockerignore" in warning
    assert error.startswith("error: No Docker engine")
    (root / ".dockerignore").write_text("backups\n")
    assert "warning" not in invoke("build", root, "--tag", "x").err


@pytest.mark.parametrize(
    "static_root",
    [
        pytest.param('BASE_DIR / "public" / "static"', id="below a symlink"),
        pytest.param('"/var/run/mysite/static"', id="below a symlink of the image"),
        pytest.param('"/tmp/static"', id="in a directory that is not 0755"),
    ],
)
@pytest.mark.parametrize("dockerfile", [DOCKERFILE, None], ids=["own", "generated"])
def test_static_root_that_cannot_be_a_layer(
    tmp_path: Path, static_root: str, dockerfile: str | None, invoke: Invoke
) -> None:
    settings = SETTINGS.replace('BASE_DIR / "staticfiles"', static_root)
    assert settings != SETTINGS
    root = tiny(tmp_path / "tiny", dockerfile, {"mysite/settings.py": settings})
    (root / "public").symlink_to("elsewhere")
    ran = invoke("build", root)
    assert (ran.code, ran.out) == (StaticRootInvalid.exit_code, "")
    assert "STATIC_ROOT is /" in ran.err
    assert "mysite/settings.py:7" in ran.err


def test_dockerfile_without_a_static_stage(tmp_path: Path, invoke: Invoke) -> None:
    root = tiny(tmp_path / "tiny", "FROM scratch AS mine\nCOPY . .\n")
    ran = invoke("build", root, "--target", "mine")
    assert ran.code == ConfigInvalid.exit_code
    warning, error = ran.err.splitlines()
    assert warning.startswith("warning: Dockerfile has no stage named static: ")
    assert error == (
        "error: The Dockerfile has no stage mine. It has: base, deps, runtime, buildstatic-wheels, "
        "buildstatic-previous, collect, static, export, web."
    )
    assert not list(root.glob(".dockerignore"))


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (("--target", "static"), "The image of static has no static files to keep. Omit --keep."),
        (("--serve", "nginx"), "The image of the last stage has no static files to keep. Set --ta"),
    ],
)
def test_image_without_static_files_keeps_none(
    tmp_path: Path, options: tuple[str, ...], what: str, invoke: Invoke
) -> None:
    ran = invoke("build", tiny(tmp_path / "tiny", None), "--tag=x", "--keep=oci:old", *options)
    assert (ran.code, ran.out) == (ConfigInvalid.exit_code, "")
    assert what in ran.err


def test_unreadable_dockerfile(root: Path, invoke: Invoke) -> None:
    (root / "Dockerfile").write_bytes(b"FROM scratch AS static\n# \xff\n")
    ran = invoke("build", root)
    assert ran.code == ConfigInvalid.exit_code
    assert "Dockerfile" in ran.err


def test_selected_dependencies_of_an_own_dockerfile_are_an_error(
    root: Path, invoke: Invoke
) -> None:
    ran = invoke("build", root, "--requirement", "requirements.txt")
    assert (ran.code, ran.out) == (ConfigInvalid.exit_code, "")
    assert "Dockerfile is built as it is" in ran.err


def test_serve_adds_stages_to_the_generated_dockerfile(tmp_path: Path, invoke: Invoke) -> None:
    root = tiny(tmp_path / "tiny", None)
    ran = invoke("build", root, "--serve", "nginx", "--target", "none")
    assert ran.code == ConfigInvalid.exit_code
    assert ran.err.splitlines()[-1] == (
        "error: The Dockerfile has no stage none. It has: base, deps, runtime, buildstatic-wheels, "
        "buildstatic-previous, collect, static, export, assets, manifest, web."
    )
    assert invoke("build", root, "--serve", "nginx").code == EngineNotFound.exit_code


@pytest.mark.parametrize(
    ("dockerfile", "static_url", "message"),
    [
        pytest.param(
            DOCKERFILE,
            '"static/"',
            "--serve nginx: the existing Dockerfile has no stages assets and manifest",
            id="own Dockerfile",
        ),
        pytest.param(None, '"static/?v=2"', "mysite/settings.py:6: STATIC_URL", id="query"),
    ],
)
def test_serve_that_is_not_possible(
    tmp_path: Path, dockerfile: str | None, static_url: str, message: str, invoke: Invoke
) -> None:
    settings = SETTINGS.replace('"static/"', static_url)
    root = tiny(tmp_path / "tiny", dockerfile, {"mysite/settings.py": settings})
    ran = invoke("build", root, "--serve", "nginx")
    assert (ran.code, ran.out) == (ConfigInvalid.exit_code, "")
    assert message in ran.err


def test_unknown_static_url_is_a_note(tmp_path: Path, invoke: Invoke) -> None:
    settings = SETTINGS.replace('"static/"', "secrets.token_hex()")
    root = tiny(tmp_path / "tiny", None, {"mysite/settings.py": settings})
    assert "STATIC_URL cannot" in invoke("build", root, "--serve", "nginx").err
    assert "STATIC_URL cannot" not in invoke("build", root, "--tag", "x").err


def test_application_that_cannot_import_settings_classes(tmp_path: Path, invoke: Invoke) -> None:
    line = "from {} import get_wsgi_application"
    files = {
        "mysite/settings.py": "from configurations import Configuration\n"
        "class Prod(Configuration):\n    WSGI_APPLICATION = 'mysite.wsgi.application'\n",
        "mysite/wsgi.py": f"{line.format('django.core.wsgi')}\napplication = None\n",
    }
    root = tiny(tmp_path / "tiny", None, files)
    printed = invoke("build", root, "--tag", "x").err
    assert "warning: mysite/wsgi.py, in place of line 1, " in printed
    assert f"\n\n{line.format('configurations.wsgi')}\n" in printed


@pytest.mark.parametrize(
    ("tag", "options", "words"),
    [
        pytest.param("mysite:1", {}, "docker run --rm --publish=8000:8000 mysite:1", id="local"),
        pytest.param(None, {}, "docker run --rm --publish=8000:8000 0123456789ab", id="no tag"),
        pytest.param("me/mysite", {}, "docker run --rm --publish=8000:8000 me/mysite", id="user"),
        pytest.param("registry.example.org/x", {}, "docker push registry.example.org/x", id="push"),
        pytest.param("localhost:5000/x", {}, "docker push localhost:5000/x", id="port"),
        pytest.param("registry.example.org/x", {"push": True}, "", id="pushed"),
        pytest.param("mysite:1", {"target": "static"}, "", id="target"),
    ],
)
def test_next_command_uses_the_image(tag: str | None, options: dict[str, Any], words: str) -> None:
    result = BuildResult(tag, "sha256:0123456789abcdef", None, None, (), 1.0)
    outcome = BuildOutcome(result, run_options=("--publish=8000:8000",))
    assert " ".join(summarize(outcome, BuildOptions(**options)).next_command) == words
