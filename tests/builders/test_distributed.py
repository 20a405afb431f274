"""Remote builders: one over the network, and two that share only a registry."""

from __future__ import annotations

import io
import re
import subprocess
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from buildstatic.builders.buildx_queries import is_available
from buildstatic.dockerfile.generate import DockerfileOptions, generate_dockerfile
from buildstatic.project.detect import detect
from tests.builders.test_build import EXPORTED
from tests.builders.test_platforms import BOTH, generated, static_is_cached
from tests.oci.remote import builder, buildkit
from tests.oci.tiny import BASE, FINAL, STATIC, build, registry, second_engine, tiny
from tests.pages import Shell, blocks, environment, read
from tests.running import free_port

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = pytest.mark.engine

REPOSITORY = "buildstatic-tests/platforms"
NO_ENGINE = {"DOCKER_HOST": "unix:///nonexistent/docker.sock"}


@pytest.fixture
def reference() -> str:
    registry()
    return uuid.uuid4().hex[:8]


@pytest.fixture
def far(tmp_path: Path) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Return a remote builder, and an environment that has it and no engine."""
    if not is_available():
        pytest.skip("There is no docker command with buildx.")
    with buildkit(second_engine()) as address:
        name, environ = builder(address, tmp_path / "buildx")
        yield name, {**environ, **NO_ENGINE}


def site(root: Path, dockerfile: str | None = None) -> Path:
    """Write a project with files that no builder has cached."""
    own = {"static/js/site.js": f"/* {uuid.uuid4()} */"}
    return tiny(root, files=own) if dockerfile is None else tiny(root, dockerfile, own)


def test_remote_builder_pushes_without_an_engine(
    tmp_path: Path, far: tuple[str, Mapping[str, str]], reference: str, engine: DockerClient
) -> None:
    name = f"{registry()}/{REPOSITORY}:{reference}"
    options = ("--builder", far[0], "--tag", name, "--push", "--json")
    report = build(site(tmp_path / "tiny"), *options, environ=far[1]).report
    image = engine.images.pull(f"{registry()}/{REPOSITORY}", reference)
    try:
        assert image.id == report["id"]
        assert report["static"]["diff_id"] == image.attrs["RootFS"]["Layers"][-1]
    finally:
        engine.images.remove(name)


def test_previous_layer_is_read_from_the_registry(
    tmp_path: Path, far: tuple[str, Mapping[str, str]], reference: str
) -> None:
    root = site(tmp_path / "tiny")
    name = f"{registry()}/{REPOSITORY}:{reference}"

    def made(*options: str) -> Mapping[str, object]:
        words = ("--builder", far[0], "--tag", name, "--push", "--json", *options)
        static: Mapping[str, object] = build(root, *words, environ=far[1]).report["static"]
        return static

    first, again, several = made(), made(), made("--platform", BOTH)
    several_again = made("--platform", BOTH)
    (root / "static/js/site.js").write_text("other()")
    other = made()
    reused = [each["reused"] for each in (first, again, several, several_again, other)]
    assert reused == [None, True, True, True, False]
    assert first["diff_id"] == several["diff_id"] != other["diff_id"]


def test_remote_image_is_loaded_into_the_engine(
    tmp_path: Path,
    far: tuple[str, Mapping[str, str]],
    engine: DockerClient,
    tag: Callable[[str], str],
) -> None:
    root = site(tmp_path / "tiny")
    name = tag(f"far-{uuid.uuid4().hex[:8]}")
    here = {key: value for key, value in far[1].items() if key not in NO_ENGINE}
    report = build(root, "--builder", far[0], "--tag", name, "--json", environ=here).report
    layers = engine.images.get(name).attrs["RootFS"]["Layers"]
    assert report["static"]["diff_id"] == layers[-1]


def test_remote_builder_exports_files(tmp_path: Path, far: tuple[str, Mapping[str, str]]) -> None:
    root = site(tmp_path / "tiny", EXPORTED)
    out = tmp_path / "out"
    ran = build(root, "--builder", far[0], "--export", str(out), environ=far[1])
    assert ran.code == 0, ran.err
    for file in ("css/site.css", "js/site.js"):
        assert (out / file).read_bytes() == (root / "static" / file).read_bytes()


@pytest.mark.exhaustive  # buildx waits 20 seconds
def test_unreachable_builder_is_an_error(tmp_path: Path) -> None:
    if not is_available():
        pytest.skip("There is no docker command with buildx.")
    name, environ = builder(f"tcp://127.0.0.1:{free_port()}", tmp_path / "buildx")
    ran = build(site(tmp_path / "tiny"), "--builder", name, "--push", "--tag=x", environ=environ)
    assert (ran.code, ran.out) == (40, "")
    assert f"The builder {name} does not respond." in ran.err.splitlines()[-1]


@pytest.fixture
def base(engine: DockerClient, reference: str) -> Iterator[str]:
    """Return a base image with a shell that both builders pull from the registry.

    It has a digest of its own: a builder that has a step on the same base asks no other cache.
    """
    name = f"{registry()}/buildstatic-tests/base:{reference}"
    dockerfile = io.BytesIO(f"FROM {BASE}\nLABEL of={reference}\n".encode())
    engine.images.build(fileobj=dockerfile, tag=name)
    try:
        subprocess.run(
            ["docker", "push", "--quiet", name], check=True, capture_output=True, timeout=240
        )
        yield name
    finally:
        engine.images.remove(name)


def test_registry_cache_is_shared_by_builders(
    tmp_path: Path,
    far: tuple[str, Mapping[str, str]],
    reference: str,
    base: str,
    tag: Callable[[str], str],
) -> None:
    """The static stage writes the time, so that running it again changes the layer."""
    command = "mkdir -p /layer/app/staticfiles && date +%N > /layer/app/staticfiles/time.txt"
    lines = f"FROM {base} AS static\nWORKDIR /src\nRUN {command}\n{STATIC}{FINAL}"
    root = site(tmp_path / "tiny", lines)
    cache = f"type=registry,ref={registry()}/{REPOSITORY}:{reference}-cache"
    name = f"{registry()}/{REPOSITORY}:{reference}"
    options = ("--tag", name, "--push", "--json", "--cache-to", f"{cache},mode=max")
    made = build(root, "--builder", far[0], *options, environ=far[1])
    assert not static_is_cached(made)

    found = build(root, "--tag", tag("hit"), "--json", "--cache-from", cache)
    assert static_is_cached(found)
    assert found.report["static"]["diff_id"] == made.report["static"]["diff_id"]
    without = build(root, "--tag", tag("hit"), "--no-cache", "--json")
    assert without.report["static"]["diff_id"] != made.report["static"]["diff_id"]
    assert without.report["static"]["reused"] is False


@pytest.mark.exhaustive  # installs packages twice
def test_image_is_the_cache_of_an_empty_builder(
    tmp_path: Path, far: tuple[str, Mapping[str, str]], reference: str, base: str
) -> None:
    # Files that no other test has: BuildKit reuses a layer of equal files with other times.
    own = {
        "requirements.txt": f"# {uuid.uuid4()}\nDjango\ngunicorn\n",
        "static/js/site.js": f"/* {uuid.uuid4()} */",
    }
    root = tiny(tmp_path / "tiny", None, own)
    dockerfile = generate_dockerfile(detect(root, environ={}), DockerfileOptions(("true",))).text
    (root / "Dockerfile").write_text(dockerfile.replace(BASE, base))
    name = f"{registry()}/{REPOSITORY}:{reference}"
    made = build(root, "--tag", name, "--push", "--cache-to", "type=inline", "--json").report
    (root / "mysite/wsgi.py").write_text(f"{(root / 'mysite/wsgi.py').read_text()}# Changed.\n")
    options = ("--cache-from", f"type=registry,ref={name}", "--tag", f"{name}-2", "--push")
    found = build(root, "--builder", far[0], *options, "--json", environ=far[1]).report
    cached = {stage["name"]: stage["cached"] for stage in found["stages"]}
    assert cached == {"base": True, "deps": True, "runtime": True, "static": False, "web": False}
    assert found["static"]["diff_id"] == made["static"]["diff_id"]


def test_commands_of_the_how_to(
    tmp_path: Path, reference: str, base: str, tag: Callable[[str], str]
) -> None:
    root = tiny(tmp_path / "tiny", None, {"static/js/site.js": f"/* {uuid.uuid4()} */"})
    dockerfile = generated(root)
    assert BASE in dockerfile
    (root / "Dockerfile").write_text(dockerfile.replace(BASE, base))
    own = {**environment(tmp_path), "BUILDX_CONFIG": str(tmp_path / "buildx")}
    shell = Shell(root, own, tmp_path / "state")
    there = f"{registry()}/{REPOSITORY}:{reference}"
    text = read("docs/how-to/distributed.md").replace(" mysite:1", f" {tag(reference)}")
    text = text.replace("registry.example.org/mysite:cache", f"{there}-cache")
    text = text.replace("registry.example.org/mysite:1", there)
    lines = "".join(block.text for block in blocks(text)).replace("\\\n", "").splitlines()
    with buildkit(second_engine()) as address:
        printed = [
            shell.run(each.replace("tcp://buildkit.example.org:1234", address)) for each in lines
        ]
    assert len(lines) == 6
    found = [re.search(r"diffID +(sha256:\w{64})", each) for each in printed[1:]]
    assert len({each[1] for each in found if each}) == 1
    assert None not in found
    # Which steps are cached depends on what the first builder had cached, as the page says.
    assert "build-deps" in printed[4]
