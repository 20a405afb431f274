"""Image references: skopeo's prefixes for files, Docker's syntax for registries."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from buildstatic.errors import ImageReferenceInvalid
from buildstatic.oci.reference import (
    ArchiveReference,
    EngineReference,
    LayoutReference,
    Reference,
    RegistryReference,
    is_path,
    parse_reference,
)
from buildstatic.oci.stores import find_image

SHA = f"sha256:{'a' * 64}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("oci:out", LayoutReference(Path("out"))),
        ("oci:/a/b:v1", LayoutReference(Path("/a/b"), "v1")),
        ("docker-archive:a.tar", ArchiveReference(Path("a.tar"))),
        ("docker-archive:a.tar:site", ArchiveReference(Path("a.tar"), "site:latest")),
        ("oci-archive:a.tar:x/site:2", ArchiveReference(Path("a.tar"), "x/site:2")),
        ("docker:site", EngineReference("site:latest")),
        (f"docker:{SHA}", EngineReference(SHA)),
        ("site", RegistryReference("docker.io", "library/site", "latest")),
        ("me/site:1", RegistryReference("docker.io", "me/site", "1")),
        ("localhost/site", RegistryReference("localhost", "site", "latest")),
        ("127.0.0.1:5000/a/b:t", RegistryReference("127.0.0.1:5000", "a/b", "t")),
        ("[::1]:5000/a:t", RegistryReference("[::1]:5000", "a", "t")),
        (f"ghcr.io/a/b@{SHA}", RegistryReference("ghcr.io", "a/b", None, SHA)),
        (f"ghcr.io/a/b:t@{SHA}", RegistryReference("ghcr.io", "a/b", "t", SHA)),
        ("a-1.b--c.EXAMPLE:5/a/b:t", RegistryReference("a-1.b--c.EXAMPLE:5", "a/b", "t")),
        ("docker://ghcr.io/a/b:t", RegistryReference("ghcr.io", "a/b", "t")),
    ],
    ids=str,
)
def test_reference_is_parsed_and_formatted(text: str, expected: Reference) -> None:
    assert parse_reference(text) == expected
    assert parse_reference(str(expected)) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", "oci:", "docker-archive:", "docker:", "Site", "a//b", "a:b:c", "a@sha256:1", "x y"),
        *("-/a", "a..b.example/app:1", "a.-b.example/app", "a-.example:5/app"),
    ],
)
def test_invalid_reference_is_rejected_with_the_syntax(text: str) -> None:
    with pytest.raises(ImageReferenceInvalid, match="oci:DIR"):
        parse_reference(text)


@pytest.mark.parametrize(
    ("registry", "expected"),
    [
        ("127.0.0.1:5000", True),
        ("127.8.0.1", True),
        ("localhost:5000", True),
        ("[::1]:5000", True),
        ("0.0.0.0:5000", False),
        ("localhost.example.com", False),
        ("10.0.0.1:5000", False),
    ],
)
def test_loopback_registries_are_recognized(registry: str, expected: bool) -> None:
    assert RegistryReference(registry, "a").is_loopback is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("./site", True),
        ("/srv/site", True),
        ("~/site", True),
        ("site/", True),
        ("site.tar", True),
        ("dist/site.tar.zst", True),
        ("example.com/site.tar", True),
        ("site", False),
        ("dist/site", False),
        ("site:1.tar", False),
        ("docker-archive:site.tar", False),
        ("oci:/srv/site", False),
    ],
)
def test_paths_are_not_names(text: str, expected: bool) -> None:
    assert is_path(text) is expected


# docker-py does not close the socket that it could not connect.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_name_without_registry_is_in_docker_hub_if_no_engine_responds(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    assert find_image("site") == RegistryReference("docker.io", "library/site", "latest")
    gc.collect()
