"""Pushes to and pulls from a real registry, directly and through a proxy that injects faults."""

from __future__ import annotations

import base64
import json
import os
import socket
import tracemalloc
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from buildstatic.errors import (
    BuildstaticError,
    ImageInvalid,
    ImageNotFound,
    ImageReferenceInvalid,
    RegistryDenied,
    RegistryInsecure,
    RegistryUnavailable,
)
from buildstatic.oci import documents as oci
from buildstatic.oci.reference import parse_reference
from buildstatic.oci.stores import open_source, open_target
from tests.oci.images import (
    Base,
    base,
    config_of,
    content_of,
    manifest_of,
    put,
    static,
    tool,
    unpacked,
)
from tests.oci.proxy import IDENTITY_TOKEN, PASSWORD, USER, Fault, Proxy, proxy, write_certificate
from tests.oci.scratch import tar
from tests.oci.tiny import manifest, registry

BLOB = r"/blobs/sha256:"
UPLOAD = r"/blobs/uploads/"
MANIFEST = r"/manifests/"
HOSTILE = pytest.mark.limited(megabytes=512)


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no credentials and retry without delay."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    monkeypatch.delenv("DOCKER_AUTH_CONFIG", raising=False)
    monkeypatch.setattr("buildstatic.oci.stores.registry_client.BACKOFF", 0.01)


@pytest.fixture
def repository() -> str:
    """Return the name of a repository that does not exist yet."""
    registry()
    return f"buildstatic-tests/{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="module")
def pushed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a repository with an image ``base`` that no test changes."""
    directory = tmp_path_factory.mktemp("pushed")
    repository = f"buildstatic-tests/{uuid.uuid4().hex[:8]}"
    put(random_base(directory), f"{registry()}/{repository}:base", static(directory))
    return repository


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = write_certificate(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(file))
    return file


@contextmanager
def faulty(*faults: Fault) -> Iterator[Proxy]:
    """Serve a proxy with copies of *faults*, all of which must happen."""
    with proxy() as server:
        server.faults = [replace(fault) for fault in faults]
        yield server
        assert not any(fault.times for fault in server.faults)


def random_base(directory: Path) -> str:
    """Return an image whose layers are in no registry yet."""
    layers = (tar({name: os.urandom(200_000)}) for name in ("etc/one", "etc/two"))
    Base(directory / "base").image(*layers, tag="base")
    return f"oci:{directory / 'base'}:base"


def log_in(monkeypatch: pytest.MonkeyPatch, host: str, password: str = PASSWORD) -> None:
    pair = base64.b64encode(f"{USER}:{password}".encode()).decode()
    monkeypatch.setenv("DOCKER_AUTH_CONFIG", json.dumps({"auths": {host: {"auth": pair}}}))


def exists(repository: str, tag: str = "new") -> bool:
    try:
        return bool(manifest(repository, tag))
    except OSError:
        return False


def check_content(name: str) -> None:
    """Read all layers of the image, which verifies their digests."""
    layers = manifest_of(name)["layers"]
    assert layers
    for layer in layers:
        content_of(name, layer)


def test_pushed_image_is_read_by_skopeo_and_umoci(tmp_path: Path, repository: str) -> None:
    tag = f"{registry()}/{repository}:new"
    appended = put(random_base(tmp_path), tag, static(tmp_path))
    name, copy = f"docker://{tag}", f"oci:{tmp_path / 'copy'}:new"
    assert json.loads(tool("skopeo", "inspect", "--tls-verify=false", name))["Digest"] == (
        appended.digest
    )
    tool("skopeo", "copy", "--src-tls-verify=false", name, copy)
    files = unpacked(copy, tmp_path / "bundle")
    assert files["app/staticfiles/site.css"] == b"body{}"
    assert len(files["etc/one"]) == 200_000


def test_base_is_found_by_tag_and_digest(tmp_path: Path, pushed: str) -> None:
    name = f"{registry()}/{pushed}"
    with open_source(parse_reference(f"{name}:base")) as source:
        digest = source.resolve().descriptor.digest
    layer = static(tmp_path, {"new.css": "new"})
    by_tag = put(f"{name}:base", f"oci:{tmp_path / 'out'}:1", layer)
    by_digest = put(f"{name}@{digest}", f"oci:{tmp_path / 'out'}:2", layer)
    assert by_tag.digest == by_digest.digest
    with pytest.raises(ImageReferenceInvalid, match="Use a tag"):
        put(f"{name}:base", f"{name}@{digest}", layer)


def test_index_is_pushed_and_pulled_completely(tmp_path: Path, repository: str) -> None:
    layout = Base(tmp_path / "oci")
    entries = []
    for name in ("amd64", "arm64"):
        image = layout.image(tar({name: os.urandom(10)}), platform=name).descriptor
        entries.append(replace(image, extra={"platform": {"os": "linux", "architecture": name}}))
    layout.index(*entries, tag="all")
    tag, copy = f"{registry()}/{repository}:all", f"oci:{tmp_path / 'copy'}:all"
    put(f"oci:{tmp_path / 'oci'}:all", tag, static(tmp_path))
    tool("skopeo", "copy", "--all", "--src-tls-verify=false", f"docker://{tag}", copy)
    assert manifest_of(copy) == manifest_of(tag)
    put(tag, f"oci:{tmp_path / 'again'}", static(tmp_path))
    assert manifest_of(f"oci:{tmp_path / 'again'}") == manifest_of(tag)


def test_existing_blobs_are_reused_and_those_of_other_repositories_mounted(
    tmp_path: Path, repository: str
) -> None:
    name = random_base(tmp_path)
    layers = manifest_of(name)["layers"]
    with proxy() as server:
        put(name, f"{server.host}/{repository}:base", static(tmp_path))
        # The manifest comes last, once.
        assert server.seen[-1] == ("PUT", f"/v2/{repository}/manifests/base", 201)
        assert len(server.statuses("PUT", MANIFEST)) == 1
        server.seen.clear()
        put(name, f"{server.host}/{repository}:again", static(tmp_path))
        assert server.statuses("PUT", UPLOAD) == []
        new = static(tmp_path, {"new.css": repository})
        appended = put(f"{server.host}/{repository}:base", f"{server.host}/{repository}-b:new", new)
        assert server.statuses("POST", "mount=.*from=") == [201, 201]
        assert server.statuses("GET", BLOB + layers[0]["digest"].partition(":")[2]) == []
        assert len(server.statuses("PUT", UPLOAD)) == 2  # the layer and the configuration
    assert appended.mounted == sum(layer["size"] for layer in layers)


def test_denied_mount_becomes_an_upload(tmp_path: Path, repository: str) -> None:
    put(random_base(tmp_path), f"{registry()}/{repository}:base", static(tmp_path))
    with faulty(Fault("POST", "mount=", times=2, status=403)) as server:
        target = f"{server.host}/{repository}-b:new"
        appended = put(f"{server.host}/{repository}:base", target, static(tmp_path))
    assert appended.mounted == 0
    assert exists(f"{repository}-b")


def http_date(seconds: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Fault("PUT", UPLOAD, status=429, headers={"Retry-After": "0"}), id="429"),
        pytest.param(
            Fault("PUT", UPLOAD, status=429, headers={"Retry-After": http_date(-9)}), id="429-date"
        ),
        pytest.param(Fault("PUT", UPLOAD, status=500), id="500-upload"),
        pytest.param(Fault("POST", UPLOAD, status=503), id="503-start"),
        pytest.param(Fault("HEAD", BLOB, status=502), id="502-head"),
        pytest.param(Fault("PUT", UPLOAD, dropped=100_000), id="dropped-upload"),
        pytest.param(Fault("PUT", MANIFEST, dropped=10), id="dropped-manifest"),
        pytest.param(Fault("PUT", MANIFEST, status=500), id="500-manifest"),
    ],
)
def test_push_recovers_from_fault(tmp_path: Path, repository: str, fault: Fault) -> None:
    with faulty(fault) as server:
        appended = put(random_base(tmp_path), f"{server.host}/{repository}:new", static(tmp_path))
    tag = f"{registry()}/{repository}:new"
    with open_source(parse_reference(tag)) as source:
        assert source.resolve().descriptor.digest == appended.digest
    check_content(tag)


@pytest.mark.parametrize(
    ("fault", "resumed"),
    [
        pytest.param(Fault("GET", BLOB, times=3, cut=70_000), True, id="cut-blob"),
        pytest.param(Fault("GET", BLOB, status=500), False, id="500-blob"),
        pytest.param(
            Fault("GET", MANIFEST, status=429, headers={"Retry-After": "0"}), False, id="429"
        ),
        pytest.param(Fault("GET", MANIFEST, cut=10), False, id="cut-manifest"),
    ],
)
def test_pull_recovers_from_fault(tmp_path: Path, pushed: str, fault: Fault, resumed: bool) -> None:
    with faulty(fault) as server:
        put(f"{server.host}/{pushed}:base", f"oci:{tmp_path / 'out'}", static(tmp_path))
        assert (206 in server.statuses("GET", BLOB)) is resumed
    check_content(f"oci:{tmp_path / 'out'}")


def test_pull_recovers_if_the_registry_ignores_ranges(tmp_path: Path, pushed: str) -> None:
    digest = manifest(pushed, "base")["layers"][0]["digest"]
    cuts = (150_000, 70_000, 90_000, 150_001, None)
    faults = [Fault("GET", digest, cut=cut, ignore_range=True) for cut in cuts]
    with faulty(*faults) as server:
        put(f"{server.host}/{pushed}:base", f"oci:{tmp_path / 'out'}", static(tmp_path))
        assert server.statuses("GET", digest) == [200] * 5
    check_content(f"oci:{tmp_path / 'out'}")


@pytest.mark.parametrize(
    ("fault", "error", "message"),
    [
        pytest.param(Fault("PUT", UPLOAD, 99, 500), RegistryUnavailable, "with 500", id="500"),
        pytest.param(Fault("PUT", UPLOAD, 99, 404), RegistryUnavailable, "with 404", id="404"),
        pytest.param(
            Fault("PUT", UPLOAD, 99, 429, {"Retry-After": "3600"}),
            RegistryUnavailable,
            "3600 seconds",
            id="429",
        ),
        pytest.param(Fault("PUT", UPLOAD, 99, 403), RegistryDenied, "docker login", id="403"),
        pytest.param(Fault("PUT", MANIFEST, 99, 400), RegistryUnavailable, "with 400", id="400"),
        pytest.param(
            Fault("PUT", UPLOAD, 99, dropped=9), RegistryUnavailable, "Cannot reach", id="dropped"
        ),
    ],
)
@HOSTILE
def test_failed_push_leaves_the_tag(
    tmp_path: Path, repository: str, fault: Fault, error: type[BuildstaticError], message: str
) -> None:
    put(base(tmp_path / "old"), f"{registry()}/{repository}:new", static(tmp_path))
    before = manifest(repository, "new")
    with proxy() as server:
        server.faults = [replace(fault)]
        with pytest.raises(error, match=message):
            put(random_base(tmp_path), f"{server.host}/{repository}:new", static(tmp_path))
        assert len(server.seen) < 40
    assert manifest(repository, "new") == before


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        pytest.param(Fault("GET", BLOB, 99, corrupt=True), "has the digest sha256:", id="blob"),
        pytest.param(Fault("GET", MANIFEST, 99, corrupt=True), "sends sha256:", id="manifest"),
        pytest.param(Fault("GET", BLOB, 99, status=404), "is missing", id="missing"),
    ],
)
@HOSTILE
def test_corrupt_content_is_rejected(
    tmp_path: Path, pushed: str, fault: Fault, message: str
) -> None:
    with proxy() as server:
        server.faults = [replace(fault)]
        with pytest.raises(ImageInvalid, match=message):
            put(f"{server.host}/{pushed}:base", f"oci:{tmp_path / 'out'}", static(tmp_path))
    assert not (tmp_path / "out").exists()


def resolve(name: str, *, insecure: bool = False) -> None:
    with open_source(parse_reference(name), insecure=insecure) as source:
        source.resolve()


def test_unknown_image_is_named(repository: str) -> None:
    with pytest.raises(ImageNotFound, match=repository):
        resolve(f"{registry()}/{repository}:no")


def test_unreachable_registry_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(RegistryUnavailable, match=f"127.0.0.1:{port}: .*refused"):
        resolve(f"127.0.0.1:{port}/a:1")
    with pytest.raises(RegistryUnavailable, match="label empty or too long"):
        resolve(f"{'a' * 64}.example/a:1")


def test_plain_http_to_other_machines_requires_insecure(pushed: str) -> None:
    with proxy(address="0.0.0.0") as server:
        name = f"{server.host}/{pushed}:base"
        with pytest.raises(RegistryInsecure, match="--insecure"):
            resolve(name)
        assert {path for _, path, _ in server.seen} == {"/v2/"}
        resolve(name, insecure=True)


def test_untrusted_certificate_requires_insecure(
    pushed: str, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with proxy(certificate=certificate) as server:
        name = f"{server.host}/{pushed}:base"
        resolve(name)
        monkeypatch.delenv("REQUESTS_CA_BUNDLE")
        with pytest.raises(RegistryInsecure, match=r"certificate .* is not trusted: .*--insecure"):
            resolve(name)
        resolve(name, insecure=True)


@pytest.mark.parametrize("auth", ["basic", "bearer"])
@HOSTILE
def test_http_location_of_a_tls_registry_is_requested_with_tls(
    tmp_path: Path,
    repository: str,
    auth: str,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The registry behind the proxy returns only http: URLs.
    with proxy(auth, certificate=certificate) as server:
        log_in(monkeypatch, server.host)
        tag = f"{server.host}/{repository}:new"
        put(random_base(tmp_path), tag, static(tmp_path))
        put(tag, f"oci:{tmp_path / 'out'}", static(tmp_path))
        assert server.statuses("PUT", UPLOAD) == [201] * 4
    assert exists(repository)


@pytest.mark.parametrize("tls", [True, False], ids=["tls", "http"])
@HOSTILE
def test_redirect_to_plain_http_is_refused(
    tmp_path: Path,
    repository: str,
    tls: bool,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with (
        proxy(address="0.0.0.0") as other,
        proxy("basic", certificate=certificate if tls else None) as server,
    ):
        log_in(monkeypatch, server.host)
        location = {"Location": f"http://{other.host}/v2/{repository}/blobs/uploads/1"}
        for fault in (
            Fault("POST", UPLOAD, 99, 202, location),
            Fault("HEAD", BLOB, 99, 307, location),
        ):
            server.faults = [fault]
            with pytest.raises(RegistryInsecure, match=f"{other.host}, without TLS.* --insecure"):
                put(base(tmp_path / "oci"), f"{server.host}/{repository}:new", static(tmp_path))
        assert other.seen == []


@pytest.mark.parametrize(
    ("status", "headers", "body", "problem"),
    [
        (200, {"Content-Type": oci.MANIFEST}, bytes(20 << 20), "larger than"),
        (500, {}, bytes(20 << 20), "larger than"),
        (
            200,
            {"Content-Type": oci.MANIFEST, "Content-Encoding": "gzip"},
            b"{}",
            "encoded with gzip",
        ),
    ],
    ids=["document", "error", "encoded"],
)
@HOSTILE
def test_response_is_limited(
    tmp_path: Path, pushed: str, status: int, headers: dict[str, str], body: bytes, problem: str
) -> None:
    with proxy() as server:
        server.faults = [Fault("GET", MANIFEST, 99, status, headers, body)]
        with pytest.raises(RegistryUnavailable, match=problem):
            put(f"{server.host}/{pushed}:base", f"oci:{tmp_path / 'out'}", static(tmp_path))


@HOSTILE
def test_identity_token_is_not_sent_on(pushed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with proxy(address="0.0.0.0") as other, proxy("bearer") as server:
        config = {"auths": {server.host: {"identitytoken": IDENTITY_TOKEN}}}
        monkeypatch.setenv("DOCKER_AUTH_CONFIG", json.dumps(config))
        server.faults = [Fault("GET", "/token", 1, 307, {"Location": f"http://{other.host}/t"})]
        with (
            pytest.raises(RegistryDenied),
            open_source(parse_reference(f"{server.host}/{pushed}:base"), insecure=True) as source,
        ):
            source.resolve()
        assert server.statuses("POST", "/token") == [307]
        assert other.seen == []


@HOSTILE
def test_other_hosts_receive_no_credentials(
    tmp_path: Path, repository: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = static(tmp_path)
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with proxy(address="0.0.0.0") as other, proxy("basic") as server:
        log_in(monkeypatch, server.host)
        tag = f"{server.host}/{repository}:new"
        location = f"http://{other.host}/v2/{repository}/blobs/uploads/1"
        server.faults = [Fault("POST", UPLOAD, 1, 202, {"Location": location})]
        # The upload does not exist there, so a new one is started.
        put(random_base(tmp_path), tag, layer, insecure=True)
        assert other.statuses("PUT") == [404]
        digest = manifest(repository, "new")["layers"][0]["digest"]
        location = f"http://{other.host}/v2/{repository}/blobs/{digest}"
        server.faults = [Fault("GET", digest, 1, 307, {"Location": location})]
        put(tag, f"oci:{tmp_path / 'out'}", layer, insecure=True)
        assert other.statuses("GET", digest) == [200]
        assert other.authorized == []


@pytest.mark.parametrize("auth", ["basic", "bearer"])
def test_credentials_are_required_and_checked(
    tmp_path: Path, repository: str, auth: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, layer = base(tmp_path / "oci"), static(tmp_path)
    with proxy(auth) as server:
        tag = f"{server.host}/{repository}:new"
        with pytest.raises(RegistryDenied, match=r"requires credentials .* none are configured"):
            put(name, tag, layer)
        log_in(monkeypatch, server.host, "wrong")
        with pytest.raises(RegistryDenied, match=f"rejects the credentials of {USER}"):
            put(name, tag, layer)
        assert not exists(repository)
        log_in(monkeypatch, server.host)
        put(name, tag, layer)
        new = static(tmp_path, {"b": repository})
        assert put(tag, f"{server.host}/{repository}-b:new", new).mounted
    assert exists(f"{repository}-b")


def test_identity_token_is_exchanged(
    tmp_path: Path, repository: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with proxy("bearer") as server:
        config = {"auths": {server.host: {"identitytoken": IDENTITY_TOKEN}}}
        monkeypatch.setenv("DOCKER_AUTH_CONFIG", json.dumps(config))
        put(base(tmp_path / "oci"), f"{server.host}/{repository}:new", static(tmp_path))
    assert exists(repository)


def test_public_image_is_pulled_anonymously(tmp_path: Path, pushed: str) -> None:
    layer = static(tmp_path)
    with proxy("bearer") as server:
        server.is_public = True
        put(f"{server.host}/{pushed}:base", f"oci:{tmp_path / 'out'}", layer)
        assert server.issued == 1
        with pytest.raises(RegistryDenied, match="none are configured"):
            put(f"oci:{tmp_path / 'out'}", f"{server.host}/{pushed}-b:new", layer)
    assert not exists(f"{pushed}-b")


@pytest.mark.parametrize("source", ["file", "helper", "store"])
def test_credentials_come_from_config_file_and_helpers(
    tmp_path: Path, pushed: str, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with proxy("basic") as server:
        pair = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        configs: dict[str, dict[str, Any]] = {
            "file": {"auths": {server.host: {"auth": pair}}},
            "helper": {"credHelpers": {server.host: "of-the-tests"}},
            "store": {"credsStore": "of-the-tests", "auths": {server.host: {}}},
        }
        (tmp_path / "docker").mkdir()
        (tmp_path / "docker/config.json").write_text(json.dumps(configs[source]))
        helper = tmp_path / "docker-credential-of-the-tests"
        output = json.dumps({"Username": USER, "Secret": PASSWORD})
        helper.write_text(f"#!/bin/sh\necho '{output}'\n")
        helper.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
        resolve(f"{server.host}/{pushed}:base")


@pytest.mark.parametrize(
    "config",
    ["{", '{"auths": {"HOST": {"auth": "!"}}}', '{"credHelpers": {"HOST": "not-there"}}'],
    ids=["json", "base64", "helper"],
)
def test_unreadable_credentials_are_reported(
    pushed: str, config: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with proxy("basic") as server:
        monkeypatch.setenv("DOCKER_AUTH_CONFIG", config.replace("HOST", server.host))
        with pytest.raises(RegistryDenied, match="Cannot read the credentials"):
            resolve(f"{server.host}/{pushed}:base")


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_expired_token_is_renewed(
    tmp_path: Path, repository: str, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with proxy("bearer") as server:
        log_in(monkeypatch, server.host)
        # All tokens expire with the first response.
        server.faults = [Fault(method, "/blobs/", callback=server.tokens.clear)]
        put(random_base(tmp_path), f"{server.host}/{repository}:new", static(tmp_path))
        assert server.faults[0].times == 0
        assert server.statuses("PUT", MANIFEST) == [201]
        assert server.issued > 2
    assert exists(repository)


def test_busy_token_server_is_asked_again(pushed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with proxy("bearer") as server:
        log_in(monkeypatch, server.host)
        server.faults = [Fault("GET", "/token", 2, 429, {"Retry-After": "0"})]
        resolve(f"{server.host}/{pushed}:base")
        assert server.statuses("GET", "/token") == [429, 429, 200]


@pytest.mark.parametrize("body", [b"<html>", b'"token"', b"\xff"], ids=["html", "text", "binary"])
@HOSTILE
def test_invalid_token_response_is_reported(
    pushed: str, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with proxy("bearer") as server:
        log_in(monkeypatch, server.host)
        server.faults = [Fault("GET", "/token", status=200, body=body)]
        with pytest.raises(RegistryUnavailable, match=f"http://{server.host}/token"):
            resolve(f"{server.host}/{pushed}:base")


@pytest.mark.slow
def test_memory_does_not_grow_with_a_blob(tmp_path: Path, repository: str) -> None:
    size = 64 << 20
    Base(tmp_path / "oci").image(tar({"etc/one": b""}), tag="base")
    blob = Base(tmp_path / "oci").blob(bytes(size), oci.LAYER)
    layout = parse_reference(f"oci:{tmp_path / 'oci'}:base")
    target_reference = parse_reference(f"{registry()}/{repository}:big")
    tracemalloc.start()
    with open_source(layout) as source, open_target(target_reference) as target:
        target.put_blob(blob, lambda: source.open_blob(blob))
    with open_source(target_reference) as source, source.open_blob(blob) as stream:
        read = sum(len(chunk) for chunk in iter(lambda: stream.read(1 << 20), b""))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert read == size
    assert peak < 16 << 20


def test_docker_media_types_and_configuration_are_kept(tmp_path: Path, repository: str) -> None:
    name, tag = base(tmp_path / "oci", docker=True), f"{registry()}/{repository}:new"
    put(name, tag, static(tmp_path))
    assert config_of(tag)["config"] == config_of(name)["config"]
    assert manifest_of(tag)["mediaType"] == oci.DOCKER_MANIFEST
