"""The real registry, straight and through a proxy with every fault of networks and registries."""

from __future__ import annotations

import base64
import json
import os
import socket
import sys
import tracemalloc
import uuid
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
from buildstatic.oci.store import open_source, open_target
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
from tests.oci.proxy import IDENTITY, PASSWORD, USER, Fault, proxy, trusted
from tests.oci.scratch import tar
from tests.oci.tiny import manifest, registry

REPOSITORY = "buildstatic-tests"
BLOB = r"/blobs/sha256:"
UPLOAD = r"/blobs/uploads/"
MANIFEST = r"/manifests/"


@pytest.fixture
def repository() -> str:
    registry()
    return f"{REPOSITORY}/{uuid.uuid4().hex[:8]}"


@pytest.fixture(autouse=True)
def no_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    monkeypatch.delenv("DOCKER_AUTH_CONFIG", raising=False)


def random_base(directory: Path) -> str:
    """Return a base whose layers are in no registry yet."""
    first, second = (tar({name: os.urandom(200_000)}) for name in ("etc/one", "etc/two"))
    Base(directory).image(first, second, tag="base")
    return f"oci:{directory}:base"


def log_in(monkeypatch: pytest.MonkeyPatch, host: str, password: str = PASSWORD) -> None:
    pair = base64.b64encode(f"{USER}:{password}".encode()).decode()
    monkeypatch.setenv("DOCKER_AUTH_CONFIG", json.dumps({"auths": {host: {"auth": pair}}}))


def exists(repository: str, tag: str = "new") -> bool:
    try:
        return bool(manifest(repository, tag))
    except OSError:
        return False


def test_what_is_pushed_skopeo_and_umoci_take(tmp_path: Path, repository: str) -> None:
    tag = f"{registry()}/{repository}:new"
    made = put(random_base(tmp_path / "oci"), tag, static(tmp_path))
    options = ("--tls-verify=false", f"docker://{tag}")
    seen = json.loads(tool("skopeo", "inspect", *options))
    assert seen["Digest"] == made.digest
    tool("skopeo", "copy", "--src-tls-verify=false", options[1], f"oci:{tmp_path / 'copy'}:new")
    files = unpacked(f"oci:{tmp_path / 'copy'}:new", tmp_path / "bundle")
    assert files["app/staticfiles/site.css"] == b"body{}"
    assert len(files["etc/one"]) == 200_000


def test_an_image_in_a_registry_is_a_base_by_tag_and_by_digest(
    tmp_path: Path, repository: str
) -> None:
    pushed = f"{registry()}/{repository}"
    made = put(random_base(tmp_path / "oci"), f"{pushed}:1", static(tmp_path))
    new = static(tmp_path, {"new.css": "new"})
    digests = {
        put(name, f"oci:{tmp_path / 'out'}:{number}", new).digest
        for number, name in enumerate((f"{pushed}:1", f"{pushed}@{made.digest}"))
    }
    assert len(digests) == 1
    with pytest.raises(ImageReferenceInvalid, match="Use a tag"):
        put(f"{pushed}:1", f"{pushed}@{made.digest}", new)


def test_an_index_is_pushed_whole_and_skopeo_copies_all_of_it(
    tmp_path: Path, repository: str
) -> None:
    made = Base(tmp_path / "oci")
    entries = []
    for name in ("amd64", "arm64"):
        image = made.image(tar({name: os.urandom(10)}), platform=name).descriptor
        more = {"platform": {"os": "linux", "architecture": name}}
        entries.append(oci.Descriptor(image.media_type, image.digest, image.size, more))
    made.index(*entries, tag="all")
    tag = f"{registry()}/{repository}:all"
    put(f"oci:{tmp_path / 'oci'}:all", tag, static(tmp_path))
    copied = f"oci:{tmp_path / 'copy'}:all"
    tool("skopeo", "copy", "--all", "--src-tls-verify=false", f"docker://{tag}", copied)
    assert manifest_of(copied) == manifest_of(tag)
    put(tag, f"oci:{tmp_path / 'again'}", static(tmp_path))
    assert manifest_of(f"oci:{tmp_path / 'again'}") == manifest_of(tag)


def test_what_is_there_is_not_sent_again_and_what_is_elsewhere_is_mounted(
    tmp_path: Path, repository: str
) -> None:
    name = random_base(tmp_path / "oci")
    with proxy() as through:
        put(name, f"{through.host}/{repository}:base", static(tmp_path))
        through.seen.clear()
        put(name, f"{through.host}/{repository}:again", static(tmp_path))
        assert through.requests("PUT", UPLOAD) == []
        new = static(tmp_path, {"new.css": repository})
        made = put(f"{through.host}/{repository}:base", f"{through.host}/{repository}-b:new", new)
        assert through.requests("POST", "mount=.*from=") == [201, 201]
        layer = manifest_of(name)["layers"][0]["digest"]
        assert through.requests("GET", BLOB + layer.partition(":")[2]) == []
        assert len(through.requests("PUT", UPLOAD)) == 2  # the layer and the configuration
    assert made.mounted == sum(layer["size"] for layer in manifest_of(name)["layers"])


def test_a_mount_that_the_registry_does_not_make_is_an_upload(
    tmp_path: Path, repository: str
) -> None:
    name = random_base(tmp_path / "oci")
    with proxy() as through:
        put(name, f"{through.host}/{repository}:base", static(tmp_path))
        through.faults = [Fault("POST", "mount=", times=2, status=403)]
        made = put(
            f"{through.host}/{repository}:base",
            f"{through.host}/{repository}-b:1",
            static(tmp_path),
        )
        assert made.mounted == 0
    assert exists(f"{repository}-b", "1")


def test_the_tag_is_written_last(tmp_path: Path, repository: str) -> None:
    with proxy() as through:
        put(random_base(tmp_path / "oci"), f"{through.host}/{repository}:new", static(tmp_path))
        assert through.seen[-1] == ("PUT", f"/v2/{repository}/manifests/new", 201)
        assert len(through.requests("PUT", MANIFEST)) == 1


def later(seconds: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


FAULTS = [
    pytest.param(Fault("PUT", UPLOAD, status=429, headers={"Retry-After": "0"}), id="429-put"),
    pytest.param(Fault("PUT", UPLOAD, status=429, headers={"Retry-After": later(-9)}), id="date"),
    pytest.param(Fault("PUT", UPLOAD, status=500), id="500-put"),
    pytest.param(Fault("POST", UPLOAD, status=503), id="503-post"),
    pytest.param(Fault("HEAD", BLOB, status=502), id="502-head"),
    pytest.param(Fault("PUT", UPLOAD, drop=100_000), id="cut-put"),
    pytest.param(Fault("PUT", MANIFEST, drop=10), id="cut-manifest"),
    pytest.param(Fault("PUT", MANIFEST, status=500), id="500-manifest"),
]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_push_gets_over_a_fault(tmp_path: Path, repository: str, fault: Fault) -> None:
    name, layer = random_base(tmp_path / "oci"), static(tmp_path)
    with proxy() as through:
        through.faults = [Fault(**vars(fault))]
        made = put(name, f"{through.host}/{repository}:new", layer)
        assert through.faults[0].times == 0
    tag = f"{registry()}/{repository}:new"
    assert oci.digest_of(oci.make_document("", manifest_of(tag)).content) == made.digest
    for described in manifest_of(tag)["layers"]:
        content_of(tag, described)


PULLS = [
    pytest.param(Fault("GET", BLOB, times=3, cut=70_000), id="cut-blob"),
    pytest.param(Fault("GET", BLOB, status=500), id="500-blob"),
    pytest.param(Fault("GET", MANIFEST, status=429, headers={"Retry-After": "0"}), id="429"),
    pytest.param(Fault("GET", MANIFEST, cut=10), id="cut-manifest"),
]


@pytest.mark.parametrize("fault", PULLS)
def test_a_pull_gets_over_a_fault(tmp_path: Path, repository: str, fault: Fault) -> None:
    name, layer = random_base(tmp_path / "oci"), static(tmp_path)
    put(name, f"{registry()}/{repository}:new", layer)
    tag = f"oci:{tmp_path / 'out'}"
    with proxy() as through:
        through.faults = [Fault(**vars(fault))]
        put(f"{through.host}/{repository}:new", tag, layer)
        assert through.faults[0].times == 0
        assert (206 in through.requests("GET", BLOB)) is (fault.cut > 1000)
    for described in manifest_of(tag)["layers"]:
        content_of(tag, described)


@pytest.mark.parametrize("cuts", [(150_000, 70_000), (150_000, 70_000, 90_000, 150_001)])
def test_a_pull_gets_over_a_registry_that_begins_anew_and_is_cut_again(
    tmp_path: Path, repository: str, cuts: tuple[int, ...]
) -> None:
    layer = static(tmp_path)
    put(random_base(tmp_path / "oci"), f"{registry()}/{repository}:new", layer)
    tag = f"oci:{tmp_path / 'out'}"
    first = manifest(repository, "new")["layers"][0]["digest"]
    with proxy() as through:
        through.faults = [Fault("GET", first, cut=cut, whole=True) for cut in cuts]
        through.faults.append(Fault("GET", first, whole=True))
        put(f"{through.host}/{repository}:new", tag, layer)
        assert through.requests("GET", first) == [200] * (len(cuts) + 1)
    for described in manifest_of(tag)["layers"]:
        content_of(tag, described)


ENDLESS = [
    pytest.param(Fault("PUT", UPLOAD, 99, 500), RegistryUnavailable, "with 500", id="500"),
    pytest.param(Fault("PUT", UPLOAD, 99, 404), RegistryUnavailable, "with 404", id="404"),
    pytest.param(
        Fault("PUT", UPLOAD, 99, 429, {"Retry-After": "3600"}),
        RegistryUnavailable,
        "3600",
        id="429",
    ),
    pytest.param(Fault("PUT", UPLOAD, 99, 403), RegistryDenied, "docker login", id="403"),
    pytest.param(
        Fault("PUT", MANIFEST, 99, 400), RegistryUnavailable, "responded with 400", id="manifest"
    ),
    pytest.param(Fault("PUT", UPLOAD, 99, drop=9), RegistryUnavailable, "Cannot reach", id="cut"),
]


@pytest.mark.parametrize(("fault", "failure", "said"), ENDLESS)
def test_a_push_that_fails_says_why_and_leaves_the_tag(
    tmp_path: Path,
    repository: str,
    fault: Fault,
    failure: type[BuildstaticError],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("buildstatic.oci.stores.registry_client.BACKOFF", 0.01)
    put(random_base(tmp_path / "one"), f"{registry()}/{repository}:new", static(tmp_path))
    before = manifest(repository, "new")
    with proxy() as through:
        through.faults = [Fault(**vars(fault))]
        with pytest.raises(failure, match=said):
            put(random_base(tmp_path / "two"), f"{through.host}/{repository}:new", static(tmp_path))
        assert len(through.seen) < 40
    assert manifest(repository, "new") == before


@pytest.mark.parametrize("path", [BLOB, MANIFEST], ids=["blob", "manifest"])
def test_what_is_not_what_its_digest_says_is_refused(
    tmp_path: Path, repository: str, path: str
) -> None:
    put(random_base(tmp_path / "oci"), f"{registry()}/{repository}:new", static(tmp_path))
    with proxy() as through:
        through.faults = [Fault("GET", path, times=99, spoilt=True)]
        with pytest.raises(ImageInvalid, match="sha256:"):
            put(f"{through.host}/{repository}:new", f"oci:{tmp_path / 'out'}", static(tmp_path))
    assert not (tmp_path / "out").exists()


def test_a_base_that_is_not_there_is_named(tmp_path: Path, repository: str) -> None:
    with pytest.raises(ImageNotFound, match=repository):
        put(f"{registry()}/{repository}:no", f"oci:{tmp_path / 'out'}", static(tmp_path))


def test_a_blob_that_the_registry_has_lost_is_named(tmp_path: Path, repository: str) -> None:
    put(random_base(tmp_path / "oci"), f"{registry()}/{repository}:new", static(tmp_path))
    with proxy() as through:
        through.faults = [Fault("GET", BLOB, times=9, status=404)]
        with pytest.raises(ImageInvalid, match="is missing"):
            put(f"{through.host}/{repository}:new", f"oci:{tmp_path / 'out'}", static(tmp_path))


def test_nobody_at_the_address_is_unreachable(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(RegistryUnavailable, match="refused"):
        put(f"127.0.0.1:{port}/a:1", f"oci:{tmp_path / 'out'}", static(tmp_path))


def test_a_host_that_no_name_server_could_have_is_unreachable(tmp_path: Path) -> None:
    with pytest.raises(RegistryUnavailable, match="label empty or too long"):
        put(f"{'a' * 64}.example/a:1", f"oci:{tmp_path / 'out'}", static(tmp_path))


def test_http_off_this_machine_wants_insecure(tmp_path: Path, repository: str) -> None:
    name, layer = base(tmp_path / "oci"), static(tmp_path)
    with proxy(address="0.0.0.0") as through:
        tag = f"{through.host}/{repository}:new"
        with pytest.raises(RegistryInsecure, match="--insecure"):
            put(name, tag, layer)
        assert {method for method, _, _ in through.seen} == {"GET"}
        put(name, tag, layer, insecure=True)
    assert exists(repository)


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = trusted(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(file))
    return file


@pytest.mark.parametrize("auth", ["basic", "bearer"])
def test_a_registry_that_does_not_know_of_its_tls_is_sent_to_by_tls(
    tmp_path: Path,
    repository: str,
    auth: str,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Every Location that it answers begins with http:.
    with proxy(auth, certificate=certificate) as through:
        log_in(monkeypatch, through.host)
        tag = f"{through.host}/{repository}:new"
        put(random_base(tmp_path / "oci"), tag, static(tmp_path))
        put(tag, f"oci:{tmp_path / 'out'}", static(tmp_path))
        assert through.requests("PUT", UPLOAD) == [201] * 4
    assert exists(repository)


@pytest.mark.parametrize("by_tls", [True, False], ids=["tls", "http"])
def test_nothing_is_sent_on_without_tls(
    tmp_path: Path,
    repository: str,
    by_tls: bool,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name, layer = random_base(tmp_path / "oci"), static(tmp_path)
    with (
        proxy(address="0.0.0.0") as other,
        proxy("basic", certificate=certificate if by_tls else None) as through,
    ):
        log_in(monkeypatch, through.host)
        place = f"http://{other.host}/v2/{repository}/blobs/uploads/1"
        tag = f"{through.host}/{repository}:new"
        through.faults = [Fault("POST", UPLOAD, 99, 202, {"Location": place})]
        with pytest.raises(RegistryInsecure, match=f"{other.host}, without TLS.* --insecure"):
            put(name, tag, layer)
        through.faults = [Fault("HEAD", BLOB, 99, 307, {"Location": place})]
        with pytest.raises(RegistryInsecure, match=other.host):
            put(name, tag, layer)
        assert other.seen == []


def test_what_is_sent_on_by_leave_goes_without_credentials(
    tmp_path: Path, repository: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, layer = random_base(tmp_path / "oci"), static(tmp_path)
    with proxy(address="0.0.0.0") as other, proxy("basic") as through:
        log_in(monkeypatch, through.host)
        place = f"http://{other.host}/v2/{repository}/blobs/uploads/1"
        through.faults = [Fault("POST", UPLOAD, 1, 202, {"Location": place})]
        # There is no such upload, so it is begun anew.
        put(name, f"{through.host}/{repository}:new", layer, insecure=True)
        assert other.requests("PUT") == [404]
        assert other.authorized == []


@pytest.mark.parametrize("auth", ["basic", "bearer"])
def test_credentials_are_those_of_docker(
    tmp_path: Path, repository: str, auth: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, layer = base(tmp_path / "oci"), static(tmp_path)
    with proxy(auth) as through:
        tag = f"{through.host}/{repository}:new"
        with pytest.raises(RegistryDenied, match=r"requires credentials .* none are configured"):
            put(name, tag, layer)
        log_in(monkeypatch, through.host, "wrong")
        with pytest.raises(RegistryDenied, match=f"rejects the credentials of {USER}"):
            put(name, tag, layer)
        assert not exists(repository)
        log_in(monkeypatch, through.host)
        put(name, tag, layer)
        made = put(tag, f"{through.host}/{repository}-b:new", static(tmp_path, {"b": repository}))
        assert made.mounted
    assert exists(repository)
    assert exists(f"{repository}-b")


def test_an_identity_token_gets_the_others(
    tmp_path: Path, repository: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with proxy("bearer") as through:
        config = {"auths": {through.host: {"identitytoken": IDENTITY}}}
        monkeypatch.setenv("DOCKER_AUTH_CONFIG", json.dumps(config))
        tag = f"{through.host}/{repository}:new"
        put(base(tmp_path / "oci"), tag, static(tmp_path))
        made = put(tag, f"{through.host}/{repository}-b:new", static(tmp_path, {"b": repository}))
        assert made.mounted
    assert exists(repository)


def test_a_public_image_wants_no_credentials_and_a_push_does(
    tmp_path: Path, repository: str
) -> None:
    layer = static(tmp_path)
    put(base(tmp_path / "oci"), f"{registry()}/{repository}:new", layer)
    with proxy("bearer") as through:
        through.is_public = True
        tag = f"{through.host}/{repository}:new"
        put(tag, f"oci:{tmp_path / 'out'}", layer)
        assert through.issued == 1
        with pytest.raises(RegistryDenied, match="none are configured"):
            put(tag, f"{through.host}/{repository}-b:new", layer)
    assert not exists(f"{repository}-b")


@pytest.mark.parametrize("where", ["file", "helper", "store"])
def test_the_files_and_the_helpers_of_docker_are_asked(
    tmp_path: Path, repository: str, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with proxy("basic") as through:
        pair = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        configs: dict[str, dict[str, Any]] = {
            "file": {"auths": {through.host: {"auth": pair}}},
            "helper": {"credHelpers": {through.host: "of-the-tests"}},
            "store": {"credsStore": "of-the-tests", "auths": {through.host: {}}},
        }
        (tmp_path / "docker").mkdir()
        (tmp_path / "docker/config.json").write_text(json.dumps(configs[where]))
        helper = tmp_path / "docker-credential-of-the-tests"
        answer = json.dumps({"Username": USER, "Secret": PASSWORD})
        helper.write_text(f"#!{sys.executable}\nprint('''{answer}''')\n")
        helper.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
        put(base(tmp_path / "oci"), f"{through.host}/{repository}:new", static(tmp_path))
    assert exists(repository)


@pytest.mark.parametrize(
    "config",
    ["{", '{"auths": {"HOST": {"auth": "!"}}}', '{"credHelpers": {"HOST": "not-there"}}'],
    ids=["json", "base64", "helper"],
)
def test_credentials_that_cannot_be_read_are_named(
    tmp_path: Path, repository: str, config: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with proxy("basic") as through:
        monkeypatch.setenv("DOCKER_AUTH_CONFIG", config.replace("HOST", through.host))
        with pytest.raises(RegistryDenied, match="Cannot read"):
            put(base(tmp_path / "oci"), f"{through.host}/{repository}:new", static(tmp_path))


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_token_that_expires_is_fetched_anew(
    tmp_path: Path, repository: str, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, layer = random_base(tmp_path / "oci"), static(tmp_path)
    with proxy("bearer") as through:
        log_in(monkeypatch, through.host)
        put(name, f"{through.host}/{repository}:warm", layer)
        issued = through.issued
        # This one is answered, and after it no token is good any more.
        through.faults = [Fault(method, "/blobs/", then=through.tokens.clear)]
        put(random_base(tmp_path / "two"), f"{through.host}/{repository}:new", layer)
        assert through.issued > issued + 2
    assert exists(repository)


def test_a_token_server_that_is_busy_is_asked_again(
    tmp_path: Path, repository: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with proxy("bearer") as through:
        log_in(monkeypatch, through.host)
        busy = {"Retry-After": "0"}
        through.faults = [Fault("GET", "/token", times=2, status=429, headers=busy)]
        put(base(tmp_path / "oci"), f"{through.host}/{repository}:new", static(tmp_path))
    assert exists(repository)


@pytest.mark.parametrize(
    "body",
    [b"<html>", b"[]", b'"token"', b"", b"\xff"],
    ids=["html", "list", "text", "none", "odd"],
)
def test_a_token_server_that_answers_something_else_is_named(
    tmp_path: Path, repository: str, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with proxy("bearer") as through:
        log_in(monkeypatch, through.host)
        through.faults = [Fault("GET", "/token", status=200, body=body)]
        with pytest.raises(RegistryUnavailable, match=f"http://{through.host}/token"):
            put(base(tmp_path / "oci"), f"{through.host}/{repository}:new", static(tmp_path))


def test_memory_does_not_grow_with_a_blob(tmp_path: Path, repository: str) -> None:
    size = 64 << 20
    content = tmp_path / "blob"
    content.write_bytes(bytes(size))
    Base(tmp_path / "oci").image(tar({"etc/one": b""}), tag="base")
    blob = Base(tmp_path / "oci").blob(content.read_bytes(), oci.LAYER)
    pushed = parse_reference(f"{registry()}/{repository}:big")
    tracemalloc.start()
    layout = parse_reference(f"oci:{tmp_path / 'oci'}:base")
    with open_source(layout) as kept, open_target(pushed) as target:
        target.put_blob(blob, lambda: kept.open_blob(blob))
    with open_source(pushed) as source, source.open_blob(blob) as stream:
        read = sum(len(chunk) for chunk in iter(lambda: stream.read(1 << 20), b""))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert read == size
    assert peak < 16 << 20


def test_the_configuration_is_the_base_s(tmp_path: Path, repository: str) -> None:
    name, tag = base(tmp_path / "oci", docker=True), f"{registry()}/{repository}:new"
    put(name, tag, static(tmp_path))
    assert config_of(tag)["config"] == config_of(name)["config"]
    assert manifest_of(tag)["mediaType"] == oci.DOCKER_MANIFEST
