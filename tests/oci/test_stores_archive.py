"""Archives of images: reading, writing, compressed and corrupt ones."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from buildstatic.errors import (
    BuildstaticError,
    ImageInvalid,
    ImageNotFound,
)
from buildstatic.oci import documents as oci
from buildstatic.oci.append import append_layer
from buildstatic.oci.reference import EngineReference, parse_reference
from buildstatic.oci.stores import open_source, open_target
from buildstatic.oci.stores.archive import ArchiveTarget, machine, open_archive
from tests.collect.rights import disk
from tests.oci.images import (
    Base,
    base,
    manifest_of,
    put,
    static,
    tool,
    unpacked,
)
from tests.oci.scratch import digest, tar


def test_skopeo_reads_the_written_archive(tmp_path: Path) -> None:
    archive = f"docker-archive:{tmp_path / 'a.tar'}:site:1"
    layer = static(tmp_path)
    put(base(tmp_path / "oci"), archive, layer)
    seen = json.loads(tool("skopeo", "inspect", "--config", archive))
    assert seen["rootfs"]["diff_ids"][-1] == layer[0].diff_id
    tool("skopeo", "copy", f"oci-archive:{tmp_path / 'a.tar'}:1", f"oci:{tmp_path / 'copy'}:1")
    assert unpacked(f"oci:{tmp_path / 'copy'}:1", tmp_path / "bundle")["etc/two"] == b"2"


def several(directory: Path, *names: str) -> str:
    """Write an image for the platforms *names*, architectures with an optional variant."""
    layout = Base(directory)
    entries = []
    for name in names:
        architecture, _, variant = name.partition("/")
        image = layout.image(tar({"etc/platform": name.encode()}), platform=architecture).descriptor
        platform = {"os": "linux", "architecture": architecture}
        more = {"platform": {**platform, **({"variant": variant} if variant else {})}}
        entries.append(replace(image, extra=more))
    layout.index(*entries, tag="all")
    return f"oci:{directory}:all"


@pytest.mark.parametrize(
    ("machine", "names", "own"),
    [
        ("aarch64", ("amd64", "arm64/v8"), 1),
        ("armv7l", ("arm64/v8", "arm/v6", "arm/v7"), 2),
        ("x86_64", ("arm64", "amd64/v2"), 1),
        ("riscv64", ("arm64", "amd64"), 0),
    ],
)
def test_archive_manifest_names_the_image_of_this_machine(
    tmp_path: Path, machine: str, names: tuple[str, ...], own: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.machine", lambda: machine)
    archive = tmp_path / "a.tar"
    put(several(tmp_path / "oci", *names), f"docker-archive:{archive}:site:1", static(tmp_path))
    first = digest(tar({"etc/platform": names[own].encode()}))
    assert configuration(archive)["rootfs"]["diff_ids"][0] == first


def configuration(archive: Path) -> dict[str, Any]:
    """Return the configuration that manifest.json names."""
    with tarfile.open(archive) as tar_file:
        (entry,) = json.loads(read_member(tar_file, "manifest.json"))
        assert set(entry["Layers"]) <= set(tar_file.getnames())
        return dict(json.loads(read_member(tar_file, entry["Config"])))


def read_member(archive: tarfile.TarFile, name: str) -> bytes:
    stream = archive.extractfile(name)
    assert stream is not None
    return stream.read()


def nested(directory: Path, *names: str) -> str:
    """Write an index that contains only an index of *names*."""
    several(directory, *names)
    layout = Base(directory)
    inner = oci.make_document(oci.INDEX, manifest_of(f"oci:{directory}:all"))
    layout.index(layout.keep(inner, None).descriptor, tag="nested")
    return f"oci:{directory}:nested"


def test_archive_of_a_nested_index_names_an_image(tmp_path: Path) -> None:
    archive = tmp_path / "a.tar"
    named = nested(tmp_path / "oci", "s390x", "amd64", "arm64")
    result = put(named, f"docker-archive:{archive}:site:1", static(tmp_path))
    assert len(result.images) == 3
    own = machine().partition("/")[2]
    assert configuration(archive)["architecture"] == own
    put(f"docker-archive:{archive}", f"oci:{tmp_path / 'out'}", static(tmp_path))


@pytest.mark.parametrize(
    ("platform", "expected"),
    [("linux/s390x", ["linux/s390x"]), ("linux/arm", ["linux/arm"]), ("linux/386", None)],
)
def test_engine_of_one_platform_gets_only_its_image(
    tmp_path: Path, platform: str, expected: list[str] | None
) -> None:
    name = nested(tmp_path / "oci", "arm64", "s390x", "arm/v7")
    layer = static(tmp_path)
    with (
        open_source(parse_reference(name)) as source,
        tarfile.open(tmp_path / "a.tar", "w") as archive,
    ):
        target = ArchiveTarget(EngineReference("a:1"), archive, "a:1", platform)
        if expected is None:
            with pytest.raises(ImageNotFound, match="It has: linux/arm64, linux/s390x, linux/arm"):
                append_layer(source, target, *layer)
        else:
            result = append_layer(source, target, *layer)
            assert [image.platform for image in result.images] == expected


def test_platforms_that_the_engine_does_not_have_are_dropped(tmp_path: Path) -> None:
    layer = static(tmp_path)
    whole, saved = tmp_path / "whole.tar", tmp_path / "saved.tar"
    named = several(tmp_path / "oci", "arm64", "amd64")
    gone = put(named, f"docker-archive:{whole}:site:1", layer).images[0].digest
    with tarfile.open(whole) as source_file, tarfile.open(saved, "w") as target_file:
        for member in source_file:
            if member.name != oci.blob_path(gone):
                target_file.addfile(member, source_file.extractfile(member))
    tag = parse_reference(f"oci:{tmp_path / 'out'}")
    with (
        open_archive(saved, EngineReference("site:1"), None) as source,
        open_target(tag) as target,
    ):
        result = append_layer(source, target, *layer)
    assert [each.platform for each in result.images] == ["linux/amd64"]
    assert result.dropped == (gone,)
    with pytest.raises(ImageInvalid, match="is missing"):
        put(f"docker-archive:{saved}", f"oci:{tmp_path / 'other'}", layer)


@pytest.mark.parametrize(
    ("platform", "requested", "expected"),
    [
        ("linux/arm64", "linux/arm", False),
        ("linux/arm/v7", "linux/arm", True),
        ("linux/arm", "linux/arm", True),
        ("linux/arm64/v8", "linux/arm64", True),
        ("linux/arm", "linux/arm/v7", False),
        ("", "linux/arm", False),
    ],
)
def test_platform_matches_any_variant_of_its_architecture(
    platform: str, requested: str, expected: bool
) -> None:
    parts = dict(zip(("os", "architecture", "variant"), platform.split("/"), strict=False))
    descriptor = oci.Descriptor(oci.MANIFEST, "", 0, {"platform": parts} if platform else {})
    assert descriptor.is_for(requested) is expected


def test_compressed_archive_is_a_base_image(tmp_path: Path) -> None:
    plain, compressed = tmp_path / "a.tar", tmp_path / "a.tar.gz"
    put(base(tmp_path / "oci"), f"docker-archive:{plain}:site:1", static(tmp_path))
    compressed.write_bytes(gzip.compress(plain.read_bytes()))
    tag = f"oci:{tmp_path / 'out'}"
    result = put(f"docker-archive:{compressed}", tag, static(tmp_path, {"new.css": "new"}))
    assert len(result.images[0].replaced) == 1


@pytest.mark.parametrize(
    ("content", "failure", "message"),
    [
        (b"no tar at all", ImageInvalid, "is not an archive"),
        (tar({"a": b""}), ImageInvalid, "neither"),
        (tar({"manifest.json": b"{"}), ImageInvalid, "is not JSON"),
        (tar({"manifest.json": b"[]"}), ImageNotFound, "no such image"),
        (tar({"manifest.json": b'[{"Config": "c", "Layers": []}]'}), ImageInvalid, "missing"),
        (tar({"manifest.json": "manifest.json"}), ImageInvalid, "not a regular file"),
    ],
    ids=["text", "tar", "json", "empty", "config", "loop"],
)
def test_archive_without_an_image_is_an_error(
    tmp_path: Path, content: bytes, failure: type[BuildstaticError], message: str
) -> None:
    (tmp_path / "a.tar").write_bytes(content)
    with pytest.raises(failure, match=message):
        put(f"docker-archive:{tmp_path / 'a.tar'}", f"oci:{tmp_path / 'out'}", static(tmp_path))
    assert not (tmp_path / "out").exists()


COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "xz": lzma.compress,
    "bz2": bz2.compress,
}


@pytest.mark.limited
@pytest.mark.parametrize(
    ("kind", "how"),
    [
        ("gz", "truncated"),
        ("gz", "flipped"),
        ("gz", "trailing"),
        ("xz", "flipped"),
        ("bz2", "flipped"),
    ],
)
def test_corrupt_compressed_archive_is_an_error(tmp_path: Path, kind: str, how: str) -> None:
    content = b" ".join(b"%d" % number for number in range(100_000))
    compressed = bytearray(COMPRESSORS[kind](tar({"etc/one": content})))
    half = len(compressed) // 2
    if how == "truncated":
        del compressed[half:]
    elif how == "flipped":
        compressed[half : half + 100] = bytes(255 - byte for byte in compressed[half : half + 100])
    else:
        compressed += compressed[:half]
    (tmp_path / "a.tar").write_bytes(compressed)
    with pytest.raises(ImageInvalid, match=r"a\.tar is not an archive"):
        put(f"docker-archive:{tmp_path / 'a.tar'}", f"oci:{tmp_path / 'out'}", static(tmp_path))
    assert not (tmp_path / "out").exists()


def test_full_disk_is_not_reported_as_a_corrupt_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base_of = parse_reference(f"docker-archive:{tmp_path / 'a.tar.gz'}")
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(tar({"etc/one": bytes(1 << 20)})))
    with disk(tmp_path / "disk") as full:
        monkeypatch.setattr(tempfile, "tempdir", str(full))
        with pytest.raises(OSError, match="No space left"), open_source(base_of):
            pass


def test_archive_lists_its_files_once(tmp_path: Path) -> None:
    put(base(tmp_path / "oci"), f"docker-archive:{tmp_path / 'a.tar'}", static(tmp_path))
    with tarfile.open(tmp_path / "a.tar") as archive:
        names = archive.getnames()
    assert len(names) == len(set(names)) == 8
