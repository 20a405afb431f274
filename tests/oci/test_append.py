"""Appending the static layer to images of any store, without an engine."""

from __future__ import annotations

import gzip
import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from buildstatic.errors import (
    BuildstaticError,
    ConfigInvalid,
    ImageInvalid,
    ImageNotFound,
)
from buildstatic.oci import documents as oci
from buildstatic.oci.append import source_date_epoch
from buildstatic.oci.layer_compressor import Compression
from tests.oci.images import (
    CREATED,
    Base,
    base,
    config_of,
    content_of,
    dump,
    manifest_of,
    put,
    static,
    tool,
    unpacked,
)
from tests.oci.scratch import tar


def test_layer_is_appended_and_nothing_else_changes(tmp_path: Path) -> None:
    name, tag = base(tmp_path / "oci"), f"oci:{tmp_path / 'oci'}:new"
    layer = static(tmp_path)
    result = put(name, tag, layer)
    before, after = config_of(name), config_of(tag)
    assert after["rootfs"]["diff_ids"] == [*before["rootfs"]["diff_ids"], layer[0].diff_id]
    assert after["history"][:-1] == before["history"]
    assert after["config"] == before["config"]
    manifest = manifest_of(tag)
    assert manifest["layers"][:-1] == manifest_of(name)["layers"]
    assert manifest["layers"][-1]["annotations"] == {"io.buildstatic.layer": "static"}
    assert content_of(tag, manifest["layers"][-1]) == layer[1].read_bytes()
    assert (result.images[0].platform, result.images[0].replaced) == ("linux/amd64", ())


@pytest.mark.parametrize("docker", [False, True], ids=["oci", "docker"])
@pytest.mark.parametrize("how", ["gzip", "none", "zstd"])
def test_media_types_are_consistent_and_skopeo_copies_them(
    tmp_path: Path, how: Compression, docker: bool
) -> None:
    name, tag = base(tmp_path / "oci", docker=docker), f"oci:{tmp_path / 'out'}:new"
    put(name, tag, static(tmp_path, how=how))
    manifest = manifest_of(tag)
    types = [manifest["mediaType"], manifest["config"]["mediaType"]]
    types += [layer["mediaType"] for layer in manifest["layers"]]
    stays = docker and how != "zstd"
    assert {each.startswith("application/vnd.docker.") for each in types} == {stays}
    if not stays:
        tool("skopeo", "copy", tag, f"oci:{tmp_path / 'copy'}:new")
        assert config_of(f"oci:{tmp_path / 'copy'}:new") == config_of(tag)


def test_earlier_static_layer_is_replaced_in_place(tmp_path: Path) -> None:
    directory = tmp_path / "oci"
    name, first, second = base(directory), f"oci:{directory}:1", f"oci:{directory}:2"
    old = static(tmp_path, {"old.css": "old"})
    put(name, first, old)
    config = config_of(first)
    later = Base(directory).blob(b"", oci.LAYER)
    config["rootfs"]["diff_ids"].append(later.digest)
    config["history"].append({"created_by": "later"})
    manifest = manifest_of(first)
    layers = tuple(oci.parse_descriptor(each, "") for each in manifest["layers"])
    described = Base(directory).blob(dump(config), oci.CONFIG)
    Base(directory).keep(
        oci.Manifest(oci.MANIFEST, described, (*layers, later)).to_document(), "with-later"
    )
    new = static(tmp_path, {"new.css": "new"})
    result = put(f"oci:{directory}:with-later", second, new)
    assert result.images[0].replaced == (old[0].diff_id,)
    after = config_of(second)
    expected = [*config_of(name)["rootfs"]["diff_ids"], new[0].diff_id, later.digest]
    assert after["rootfs"]["diff_ids"] == expected
    assert [each["created_by"] for each in after["history"]][-2:] == ["buildstatic layer", "later"]


def test_replacing_gives_the_same_digest_as_appending(tmp_path: Path) -> None:
    directory = tmp_path / "oci"
    name = base(directory)
    put(name, f"oci:{directory}:1", static(tmp_path, {"old.css": "old"}))
    new = static(tmp_path, {"new.css": "new"})
    replaced = put(f"oci:{directory}:1", f"oci:{directory}:2", new)
    assert replaced.digest == put(name, f"oci:{directory}:3", new).digest


def test_same_input_gives_the_same_digest_in_every_store(tmp_path: Path) -> None:
    name, layer = base(tmp_path / "oci"), static(tmp_path)
    digests = {
        put(name, tag, layer).digest
        for tag in (f"oci:{tmp_path / 'a'}", f"docker-archive:{tmp_path / 'b'}:site:1")
    }
    assert len(digests) == 1
    assert config_of(f"oci:{tmp_path / 'a'}")["created"] == CREATED


def test_source_date_epoch_is_the_time_of_image_and_layer(tmp_path: Path) -> None:
    tag = f"oci:{tmp_path / 'out'}"
    created = source_date_epoch({"SOURCE_DATE_EPOCH": "1700000000"})
    assert created == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    put(base(tmp_path / "oci"), tag, static(tmp_path), created=created)
    config = config_of(tag)
    assert config["created"] == config["history"][-1]["created"] == "2023-11-14T22:13:20Z"
    assert config["history"][0]["created"] == CREATED


@pytest.mark.parametrize("value", ["yesterday", "1e9", "9" * 30])
def test_invalid_source_date_epoch_is_an_error(value: str) -> None:
    with pytest.raises(ConfigInvalid, match="SOURCE_DATE_EPOCH"):
        source_date_epoch({"SOURCE_DATE_EPOCH": value})
    assert source_date_epoch({}) is None


@pytest.mark.parametrize("docker", [False, True], ids=["oci", "docker"])
def test_every_platform_gets_the_layer_and_attestations_are_dropped(
    tmp_path: Path, docker: bool
) -> None:
    directory = tmp_path / "oci"
    layout = Base(directory, docker=docker)
    entries = []
    for platform in ("amd64", "arm64"):
        image = layout.image(tar({platform: b"x"}), platform=platform).descriptor
        more = {"platform": {"os": "linux", "architecture": platform}}
        entries.append(oci.Descriptor(image.media_type, image.digest, image.size, more))
    statement = layout.image(tar({"statement": b"{}"})).descriptor
    unknown = {"platform": {"os": "unknown", "architecture": "unknown"}}
    entries.append(oci.Descriptor(statement.media_type, statement.digest, statement.size, unknown))
    layout.index(*entries, tag="all")
    layer, tag = static(tmp_path), f"oci:{tmp_path / 'out'}:all"
    result = put(f"oci:{directory}:all", tag, layer)
    assert [each.platform for each in result.images] == ["linux/amd64", "linux/arm64"]
    assert result.dropped == (statement.digest,)
    index = manifest_of(tag)
    assert index["mediaType"] == (oci.DOCKER_INDEX if docker else oci.INDEX)
    assert [each["platform"]["architecture"] for each in index["manifests"]] == ["amd64", "arm64"]
    for each in index["manifests"]:
        manifest = json.loads(content_of(tag, each))
        assert manifest["layers"][-1]["digest"] == layer[0].digest


def test_copies_by_skopeo_are_base_images(tmp_path: Path) -> None:
    name = base(tmp_path / "oci")
    copies = {
        "oci": f"oci:{tmp_path / 'copy'}:base",
        "archive": f"docker-archive:{tmp_path / 'copy.tar'}:site:1",
        "oci-archive": f"oci-archive:{tmp_path / 'oci.tar'}:base",
    }
    for kind, copied in copies.items():
        tool("skopeo", "copy", name, copied)
        tag = f"oci:{tmp_path / kind}-out:new"
        put(copied, tag, static(tmp_path))
        files = unpacked(tag, tmp_path / f"bundle-{kind}")
        assert files["etc/one"] == b"1" * 5000
        assert files["app/staticfiles/site.css"] == b"body{}"


def foreign(directory: Path) -> str:
    """Write an image whose first layer is a foreign one, without its blob."""
    layout = Base(directory)
    document = layout.image(tar({"Windows": b""}), tar({"etc/one": b"1"}))
    value = oci.parse_json(document.content, "")
    layer = value["layers"][0]
    layer["mediaType"] = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
    layer["urls"] = ["https://example.com/layer"]
    blob(directory, layer).unlink()
    layout.keep(oci.make_document(oci.MANIFEST, value), "base")
    return f"oci:{directory}:base"


def test_foreign_layer_is_kept_as_a_reference_in_a_layout_only(tmp_path: Path) -> None:
    name, layer = foreign(tmp_path / "oci"), static(tmp_path)
    tag = f"oci:{tmp_path / 'out'}:new"
    put(name, tag, layer)
    first, *others = manifest_of(tag)["layers"]
    assert first == manifest_of(name)["layers"][0]
    assert not blob(tmp_path / "out", first).exists()
    assert all(blob(tmp_path / "out", each).exists() for each in others)
    with pytest.raises(ImageInvalid, match=f"{first['digest']} is stored elsewhere"):
        put(name, f"docker-archive:{tmp_path / 'a.tar'}", layer)
    assert not (tmp_path / "a.tar").exists()


def test_layout_keeps_its_other_tags(tmp_path: Path) -> None:
    directory = tmp_path / "oci"
    base(directory, "one")
    put(base(directory, "two"), f"oci:{directory}:two", static(tmp_path))
    assert len(manifest_of(f"oci:{directory}:one")["layers"]) == 2
    assert len(manifest_of(f"oci:{directory}:two")["layers"]) == 3
    with pytest.raises(ImageNotFound, match="Available: one, two"):
        put(f"oci:{directory}", f"oci:{directory}:three", static(tmp_path))
    with pytest.raises(ImageNotFound, match="Available: one, two"):
        put(f"oci:{directory}:nope", f"oci:{directory}:three", static(tmp_path))


def artifact_entry(directory: Path, kind: str) -> oci.Descriptor:
    """Write an artifact of *kind* into a layout; return its index entry."""
    result = Base(directory).image(tar({kind: b"{}"})).descriptor
    unknown = {"platform": {"os": "unknown", "architecture": "unknown"}}
    more: dict[str, dict[str, Any]] = {
        "attestation": unknown,
        "signature": {"artifactType": "application/vnd.dev.cosign.artifact.sig.v1+json"},
        "blob": {},
    }
    media_type = "application/spdx+json" if kind == "blob" else result.media_type
    return replace(result, media_type=media_type, extra=more[kind])


@pytest.mark.parametrize("kind", ["attestation", "signature", "blob"])
@pytest.mark.parametrize("tag", ["base", None], ids=["tagged", "untagged"])
def test_artifact_is_not_taken_for_the_image(tmp_path: Path, kind: str, tag: str | None) -> None:
    directory = tmp_path / "oci"
    base(directory)
    manifests = json.loads((directory / "index.json").read_text())["manifests"]
    if tag is None:
        del manifests[0]["annotations"]
    manifests.insert(0, artifact_entry(directory, kind).to_json())
    (directory / "index.json").write_text(json.dumps({"manifests": manifests}))
    result = put(f"oci:{directory}", f"oci:{tmp_path / 'out'}", static(tmp_path))
    same = put(base(tmp_path / "same"), f"oci:{tmp_path / 'other'}", static(tmp_path))
    assert result.digest == same.digest


def test_without_tag_the_untagged_or_only_image_is_used(tmp_path: Path) -> None:
    directory = tmp_path / "oci"
    tagged = base(directory, "old")
    layer = static(tmp_path)
    put(tagged, f"oci:{directory}", layer)
    assert len(manifest_of(f"oci:{directory}")["layers"]) == 3
    index = json.loads((directory / "index.json").read_text())
    index["manifests"].append(Base(directory).image(tar({"c": b""})).descriptor.to_json())
    (directory / "index.json").write_text(json.dumps(index))
    with pytest.raises(ImageNotFound, match=r"contains 3 images\. .* Available: old"):
        put(f"oci:{directory}", f"oci:{tmp_path / 'out'}", layer)
    index["manifests"] = [artifact_entry(directory, "signature").to_json()]
    (directory / "index.json").write_text(json.dumps(index))
    with pytest.raises(ImageNotFound, match="contains no image"):
        put(f"oci:{directory}", f"oci:{tmp_path / 'out'}", layer)


def blob(directory: Path, described: dict[str, str]) -> Path:
    return directory / oci.blob_path(described["digest"])


def corrupt_layer(directory: Path) -> None:
    path = blob(directory, manifest_of(f"oci:{directory}:base")["layers"][0])
    path.write_bytes(bytes(path.stat().st_size))


def remove_layer(directory: Path) -> None:
    blob(directory, manifest_of(f"oci:{directory}:base")["layers"][0]).unlink()


def shorten_layer(directory: Path) -> None:
    path = blob(directory, manifest_of(f"oci:{directory}:base")["layers"][0])
    path.write_bytes(path.read_bytes()[:-1])


def lengthen_layer(directory: Path) -> None:
    path = blob(directory, manifest_of(f"oci:{directory}:base")["layers"][0])
    path.write_bytes(path.read_bytes() + b"x")


def replace_config(directory: Path) -> None:
    blob(directory, manifest_of(f"oci:{directory}:base")["config"]).write_bytes(b"{}")


def invalid_index(directory: Path) -> None:
    (directory / "index.json").write_text("{")


def index_without_list(directory: Path) -> None:
    (directory / "index.json").write_text('{"manifests": 3}')


def digest_with_dots(directory: Path) -> None:
    text = (directory / "index.json").read_text()
    (directory / "index.json").write_text(text.replace('"sha256:', '"sha256:../../'))


def remove_index(directory: Path) -> None:
    (directory / "index.json").unlink()


def artifact(directory: Path) -> None:
    config = Base(directory).blob(b"{}", "application/vnd.cncf.helm.config.v1+json")
    Base(directory).keep(oci.Manifest(oci.MANIFEST, config, ()).to_document(), "base")


def unknown_layer_type(directory: Path) -> None:
    layer = Base(directory).blob(b"x", "application/vnd.example.layer")
    config = Base(directory).blob(b"{}", oci.CONFIG)
    Base(directory).keep(oci.Manifest(oci.MANIFEST, config, (layer,)).to_document(), "base")


def unknown_manifest_type(directory: Path) -> None:
    schema1 = "application/vnd.docker.distribution.manifest.v1+prettyjws"
    Base(directory).keep(oci.make_document(schema1, {}), "base")


def too_few_diff_ids(directory: Path) -> None:
    Base(directory).write(Base(directory).config(), tar({"a": b""}), tag="base")


def other_diff_id(directory: Path) -> None:
    config = Base(directory).config(tar({"a": b""}))
    Base(directory).write(config, tar({"b": b""}), tag="base")


def layer_that_does_not_decompress(directory: Path) -> None:
    content = gzip.compress(bytes(3 << 20), 0)[:-4] + b"oops"
    layer = Base(directory).blob(content, f"{oci.LAYER}+gzip")
    config = Base(directory).blob(dump(Base(directory).config(tar({"a": b""}))), oci.CONFIG)
    Base(directory).keep(oci.Manifest(oci.MANIFEST, config, (layer,)).to_document(), "base")


def too_much_history(directory: Path) -> None:
    config = {**Base(directory).config(), "history": [{"created_by": "COPY"}]}
    Base(directory).write(config, tag="base")


def remove_layout(directory: Path) -> None:
    shutil.rmtree(directory)


@pytest.mark.limited
@pytest.mark.parametrize(
    ("break_", "failure", "message"),
    [
        (corrupt_layer, ImageInvalid, "has the digest"),
        (remove_layer, ImageInvalid, "is missing"),
        (shorten_layer, ImageInvalid, "ends after"),
        (lengthen_layer, ImageInvalid, "is longer than"),
        (replace_config, ImageInvalid, "ends after 2 of"),
        (invalid_index, ImageInvalid, "is not JSON"),
        (index_without_list, ImageInvalid, "no list of manifests"),
        (digest_with_dots, ImageInvalid, "is not a valid digest"),
        (remove_index, ImageInvalid, "is not an OCI layout"),
        (artifact, ImageInvalid, "is not an image"),
        (unknown_layer_type, ImageInvalid, "application/vnd.example.layer"),
        (unknown_manifest_type, ImageInvalid, "v1.prettyjws"),
        (too_few_diff_ids, ImageInvalid, "1 layers and 0 diffIDs"),
        (other_diff_id, ImageInvalid, "has the diffID sha256:.*, not "),
        (layer_that_does_not_decompress, ImageInvalid, "Cannot read the layer"),
        (too_much_history, ImageInvalid, "more entries"),
        (remove_layout, ImageNotFound, "does not exist"),
    ],
)
def test_invalid_base_image_is_an_error_and_leaves_nothing(
    tmp_path: Path, break_: object, failure: type[BuildstaticError], message: str
) -> None:
    assert callable(break_)
    name = base(tmp_path / "oci")
    layer = static(tmp_path)
    break_(tmp_path / "oci")
    before = sorted(tmp_path.rglob("*"))
    for tag in (f"oci:{tmp_path / 'deep/out'}:new", f"docker-archive:{tmp_path / 'out.tar'}"):
        with pytest.raises(failure, match=message):
            put(name, tag, layer)
        after = sorted(tmp_path.rglob("*"))
        assert after == before


def test_failure_leaves_the_existing_layout(tmp_path: Path) -> None:
    good, bad = base(tmp_path / "good"), base(tmp_path / "bad")
    tag = f"oci:{tmp_path / 'out'}:new"
    put(good, tag, static(tmp_path))
    Base(tmp_path / "bad").image(tar({"other": b"1"}), tar({"missing": b"2"}), tag="base")
    blob(tmp_path / "bad", manifest_of(bad)["layers"][1]).unlink()
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    with pytest.raises(ImageInvalid, match="missing"):
        put(bad, tag, static(tmp_path))
    after = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert after == before


def test_changed_layer_file_is_an_error(tmp_path: Path) -> None:
    layer, file = static(tmp_path)
    file.write_bytes(bytes(layer.size))
    with pytest.raises(ImageInvalid, match=r"layer\.tar"):
        put(base(tmp_path / "oci"), f"oci:{tmp_path / 'out'}", (layer, file))
    assert not (tmp_path / "out").exists()


def test_directory_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home/letter").write_text("dear")
    with pytest.raises(ImageInvalid, match="contains other files"):
        put(base(tmp_path / "oci"), f"oci:{tmp_path / 'home'}", static(tmp_path))
    assert [each.name for each in (tmp_path / "home").iterdir()] == ["letter"]


def test_corrupt_blob_of_the_target_is_replaced(tmp_path: Path) -> None:
    name, tag = base(tmp_path / "oci"), f"oci:{tmp_path / 'out'}:base"
    layer = static(tmp_path)
    first = put(name, tag, layer)
    corrupt_layer(tmp_path / "out")
    assert put(name, tag, layer).digest == first.digest
    for described in manifest_of(tag)["layers"]:
        content_of(tag, described)
