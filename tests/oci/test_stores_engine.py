"""Images of a real engine as base and as target: saved, loaded, pulled and run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from buildstatic.errors import ImageNotFound, ImageReferenceInvalid
from buildstatic.oci import documents as oci
from buildstatic.oci.reference import EngineReference, RegistryReference, parse_reference, with_tag
from buildstatic.oci.reuse import extract_variants
from buildstatic.oci.stores import find_image
from buildstatic.workflows.verify import VerifyOptions, verify
from tests.oci.images import Base, manifest_of, put, static, tool, unpacked
from tests.oci.scratch import build_image, tar
from tests.oci.tiny import registry, second_engine

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = pytest.mark.engine

CSS = "body { color: #123 }\n"
PATH = "/app/staticfiles/site.css"
DOCKERFILE = 'FROM scratch\nCOPY . /\nENTRYPOINT ["/bin/cat"]\n'


@pytest.fixture
def name(engine: DockerClient, tmp_path: Path, tag: Callable[[str], str]) -> str:
    """Return the name of an image that contains only ``cat``."""
    made = tag(f"cat-{uuid.uuid4().hex[:8]}")
    build_image(engine, cat(tmp_path / "cat"), made, DOCKERFILE)
    return made


def new(name: str) -> str:
    """Return a second name, which is removed after the run like *name*."""
    return name.replace(":cat-", ":new-cat-")


def cat(root: Path) -> Path:
    """Copy ``cat`` and its libraries below *root*."""
    binary = shutil.which("cat") or pytest.skip("cat is not installed.")
    listed = subprocess.run(["ldd", binary], capture_output=True, text=True, check=True).stdout
    libraries = [word for word in listed.split() if word.startswith("/")]
    for source, target in [(binary, "/bin/cat"), *((each, each) for each in libraries)]:
        place = root / target.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(os.path.realpath(source), place)
    return root


def run_cat(client: DockerClient, image: str) -> str:
    """Return the static file, as a container of *image* prints it."""
    return client.containers.run(image, [PATH], remove=True, network_disabled=True).decode()


@pytest.fixture
def second() -> Iterator[DockerClient]:
    """Return a client of the second engine."""
    from docker import DockerClient

    with closing(DockerClient(base_url=second_engine(), timeout=120)) as client:
        yield client


def test_layer_is_appended_and_replaced_in_engine_images(
    tmp_path: Path, engine: DockerClient, name: str
) -> None:
    before = engine.images.get(name).attrs
    old = static(tmp_path, {"site.css": "old"})
    put(f"docker:{name}", f"docker:{new(name)}", old)
    layer = static(tmp_path, {"site.css": CSS})
    appended = put(f"docker:{new(name)}", f"docker:{new(name)}", layer)
    assert appended.images[0].replaced == (old[0].diff_id,)
    assert run_cat(engine, new(name)) == CSS
    after = engine.images.get(new(name)).attrs
    assert after["RootFS"]["Layers"] == [*before["RootFS"]["Layers"], layer[0].diff_id]
    assert after["Config"]["Entrypoint"] == before["Config"]["Entrypoint"] == ["/bin/cat"]


def test_docker_save_archive_goes_to_a_registry_that_the_engine_pulls_from(
    tmp_path: Path, engine: DockerClient, name: str
) -> None:
    archive = tmp_path / "saved.tar"
    subprocess.run(["docker", "save", "-o", archive, name], check=True, timeout=240)
    repository = f"{registry()}/buildstatic-tests/{uuid.uuid4().hex[:8]}"
    layer = static(tmp_path, {"site.css": CSS})
    made = put(f"docker-archive:{archive}:{name}", f"{repository}:new", layer)
    pulled = engine.images.pull(repository, "new")
    try:
        assert f"{repository}@{made.digest}" in pulled.attrs["RepoDigests"]
        assert run_cat(engine, f"{repository}:new") == CSS
    finally:
        engine.images.remove(f"{repository}:new")


def test_engine_loads_the_archive(tmp_path: Path, engine: DockerClient, name: str) -> None:
    archive = tmp_path / "made.tar"
    layer = static(tmp_path, {"site.css": CSS}, "zstd")
    put(f"docker:{name}", f"docker-archive:{archive}:{new(name)}", layer)
    subprocess.run(["docker", "load", "--quiet", "-i", archive], check=True, timeout=240)
    assert run_cat(engine, new(name)) == CSS


def test_engine_without_containerd_receives_its_own_platform(
    tmp_path: Path, engine: DockerClient, tag: Callable[[str], str]
) -> None:
    several = platforms(tmp_path / "oci", "arm64", "amd64", "s390x")
    one = tag(f"one-{uuid.uuid4().hex[:8]}")
    made = put(several, f"docker:{one}", static(tmp_path))
    version = engine.version()
    assert [each.platform for each in made.images] == [f"linux/{version['Arch']}"]
    assert engine.images.get(one).attrs["Architecture"] == version["Arch"]
    with pytest.raises(ImageNotFound, match="It has: linux/s390x"):
        put(platforms(tmp_path / "other", "s390x"), f"docker:{one}", static(tmp_path))


def platforms(directory: Path, *names: str) -> str:
    made = Base(directory)
    entries = []
    for each in names:
        image = made.image(tar({each: b"x"}), platform=each).descriptor
        more = {"platform": {"os": "linux", "architecture": each}}
        entries.append(oci.Descriptor(image.media_type, image.digest, image.size, more))
    made.index(*entries, tag="all")
    return f"oci:{directory}:all"


def test_containerd_store_receives_all_platforms(
    tmp_path: Path, second: DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", second_engine())
    name = f"buildstatic-tests:several-{uuid.uuid4().hex[:8]}"
    made = put(platforms(tmp_path / "oci", "arm64", "amd64"), f"docker:{name}", static(tmp_path))
    try:
        assert second.images.get(name).id == made.digest
        again = put(f"docker:{name}", f"oci:{tmp_path / 'out'}", static(tmp_path))
    finally:
        second.images.remove(name)
    assert again.digest == made.digest


def test_missing_platforms_of_an_engine_image_are_dropped(
    tmp_path: Path, second: DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", second_engine())
    repository = f"{registry()}/buildstatic-tests/{uuid.uuid4().hex[:8]}"
    layer = static(tmp_path, {"site.css": CSS, "site.css.gz": "packed"})
    whole = put(platforms(tmp_path / "oci", "arm64", "amd64"), f"{repository}:1", layer)
    second.images.pull(repository, "1", platform="linux/amd64")
    name = f"docker:{repository}:1"
    # Some engine versions save the complete index, others only the pulled platform.
    made = put(name, f"oci:{tmp_path / 'out'}:1", static(tmp_path, {"new.css": "new"}))
    assert [each.platform for each in made.images] == ["linux/amd64"]
    assert set(made.dropped) <= {whole.images[0].digest}
    assert extract_variants(parse_reference(name), "/app/staticfiles", tmp_path / "variants") == 1
    (verified,) = verify(name, VerifyOptions(static_root="/app/staticfiles"))
    assert verified.platform == "linux/amd64"


@pytest.mark.usefixtures("second")
def test_buildx_export_is_a_base_without_its_attestations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", second_engine())
    (tmp_path / "context").mkdir()
    (tmp_path / "context/Dockerfile").write_text("FROM scratch\nCOPY . /etc/\n")
    (tmp_path / "context/one").write_text("1")
    archive = tmp_path / "buildx.tar"
    options = ["--platform=linux/amd64,linux/arm64", "--provenance=true"]
    command = ["docker", "buildx", "build", "--quiet", *options]
    output = f"--output=type=oci,dest={archive}"
    subprocess.run([*command, output, tmp_path / "context"], check=True, timeout=120)
    tag = f"oci:{tmp_path / 'out'}:new"
    made = put(f"docker-archive:{archive}", tag, static(tmp_path))
    assert [each.platform for each in made.images] == ["linux/amd64", "linux/arm64"]
    assert len(made.dropped) == 2
    assert len(manifest_of(tag)["manifests"]) == 2
    (own,) = [each for each in made.images if each.platform == "linux/amd64"]
    assert own.digest in json.dumps(manifest_of(tag))
    one = f"oci:{tmp_path / 'one'}:new"
    tool("skopeo", "--override-os=linux", "--override-arch=amd64", "copy", tag, one)
    assert unpacked(one, tmp_path / "bundle")["etc/one"] == b"1"


def test_unknown_engine_image_is_named(tmp_path: Path, engine: DockerClient) -> None:
    assert engine.ping()
    with pytest.raises(ImageNotFound, match="docker images"):
        put("docker:buildstatic-tests:never", f"oci:{tmp_path / 'out'}", static(tmp_path))


def test_image_id_is_a_base_but_not_a_target(
    tmp_path: Path, engine: DockerClient, name: str
) -> None:
    image_id = engine.images.get(name).id
    layer, tag = static(tmp_path), f"oci:{tmp_path / 'out'}"
    assert put(f"docker:{image_id}", tag, layer).digest == put(f"docker:{name}", tag, layer).digest
    with pytest.raises(ImageReferenceInvalid, match="Use a tag"):
        put(f"docker:{name}", f"docker:{image_id}", layer)


def test_name_without_registry_is_looked_up_in_the_engine_first(name: str) -> None:
    assert find_image(name) == EngineReference(with_tag(name))
    assert find_image(f"{name}-gone") == parse_reference(f"{name}-gone")
    assert isinstance(find_image(f"127.0.0.1:5000/{name}"), RegistryReference)
