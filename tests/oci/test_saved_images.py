"""Reading an image's layers from what an engine or a builder saves."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from buildstatic.collect.codecs import load_codec
from buildstatic.oci.layer_lookup import Image
from buildstatic.oci.saved_images import read_saved_images
from tests.oci.scratch import build_image, digest, dump, read, tar

if TYPE_CHECKING:
    from docker import DockerClient

FIRST = tar({"app/a": b"1", "app/b": b"22"})
SECOND = tar({"app/c": b"333"})
FIRST_ENTRIES = [("app/a", "file", 1), ("app/b", "file", 2)]
SECOND_ENTRIES = [("app/c", "file", 3)]


def summary(image: Image) -> list[tuple[str, str | None, list[tuple[str, str, int]]]]:
    return [(each.diff_id, each.digest, entries(image, n)) for n, each in enumerate(image.layers)]


def entries(image: Image, index: int = 0) -> list[tuple[str, str, int]]:
    return [(each.path, each.kind, each.size) for each in image.layers[index].entries]


def config(*layers: bytes, architecture: str = "amd64", working_dir: str = "") -> bytes:
    return dump(
        {
            "os": "linux",
            "architecture": architecture,
            "config": {"WorkingDir": working_dir},
            "rootfs": {"type": "layers", "diff_ids": [digest(layer) for layer in layers]},
        }
    )


class Layout:
    """An OCI layout that is built piece by piece."""

    def __init__(self) -> None:
        self.files: dict[str, bytes | str] = {"oci-layout": dump({"imageLayoutVersion": "1.0.0"})}

    def put(self, content: bytes, **annotations: str) -> dict[str, object]:
        name = digest(content)
        self.files[f"blobs/{name.replace(':', '/')}"] = content
        return {"digest": name, "size": len(content), "annotations": annotations or None}

    def manifest(self, config: bytes, *layers: bytes, **annotations: str) -> dict[str, object]:
        blobs = [self.put(layer) for layer in layers]
        return self.put(dump({"config": self.put(config), "layers": blobs}), **annotations)

    def images(self, *manifests: dict[str, object]) -> tuple[Image, ...]:
        return read({**self.files, "index.json": dump({"manifests": manifests})})


def compressed(content: bytes, how: str) -> bytes:
    if how == "gzip":
        return gzip.compress(content)
    codec = load_codec("zst", "fast")
    assert codec
    return codec.compress(content)


@pytest.mark.parametrize("how", ["gzip", "zstd"])
def test_compressed_layer_has_digest_and_diff_id(how: str) -> None:
    layout, blob = Layout(), compressed(FIRST, how)
    manifest = layout.manifest(config(FIRST, SECOND, working_dir="/app"), blob, SECOND)
    (image,) = layout.images(manifest)
    assert (image.platform, image.working_dir) == ("linux/amd64", "/app")
    assert summary(image) == [
        (digest(FIRST), digest(blob), FIRST_ENTRIES),
        (digest(SECOND), None, SECOND_ENTRIES),
    ]


def test_damaged_layer_has_no_entries() -> None:
    layout = Layout()
    (image,) = layout.images(layout.manifest(config(FIRST), compressed(FIRST, "zstd")[:20]))
    assert image.layers[0].entries == ()


def test_index_has_an_image_per_platform_without_attestations() -> None:
    layout = Layout()
    statement = dump({"_type": "https://in-toto.io/Statement/v0.1"})
    attestation = layout.manifest(
        config(statement), statement, **{"vnd.docker.reference.type": "attestation-manifest"}
    )
    manifests = [
        layout.manifest(config(FIRST), FIRST),
        layout.manifest(config(FIRST, architecture="arm64"), FIRST),
        attestation,
        {"digest": digest(b"of a platform that was not pulled")},
    ]
    images = layout.images(layout.put(dump({"manifests": manifests})))
    assert [image.platform for image in images] == ["linux/amd64", "linux/arm64"]
    assert summary(images[0]) == summary(images[1]) == [(digest(FIRST), None, FIRST_ENTRIES)]
    assert images[0].working_dir == "/"


def test_archive_of_docker_before_25_links_to_equal_layers() -> None:
    (image,) = read(
        {
            "two/layer.tar": "../one/layer.tar",
            "one/VERSION": b"1.0",
            "one/json": dump({"id": "one"}),
            "one/layer.tar": FIRST,
            "config.json": config(FIRST, SECOND, FIRST),
            "three/layer.tar": SECOND,
            "manifest.json": dump(
                [
                    {
                        "Config": "config.json",
                        "Layers": ["one/layer.tar", "three/layer.tar", "two/layer.tar"],
                    }
                ]
            ),
            "repositories": dump({}),
        }
    )
    first, second = (digest(FIRST), None, FIRST_ENTRIES), (digest(SECOND), None, SECOND_ENTRIES)
    assert summary(image) == [first, second, first]


@pytest.mark.parametrize("name", ["{", '{"a": 1}', "[", "[]"])
def test_layer_whose_first_name_looks_like_json_is_a_layer(name: str) -> None:
    layout = Layout()
    layer = tar({name: b"1"})
    (image,) = layout.images(layout.manifest(config(layer), layer))
    assert entries(image) == [(name, "file", 1)]


def test_layer_without_files_is_read() -> None:
    layout = Layout()
    (image,) = layout.images(layout.manifest(config(tar({})), tar({})))
    assert summary(image) == [(digest(tar({})), None, [])]


def test_archive_is_read_once_from_a_stream() -> None:
    class Pipe(io.RawIOBase):
        def __init__(self, content: bytes) -> None:
            self.content = io.BytesIO(content)

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: object) -> int:
            return self.content.readinto(memoryview(buffer)[:7])  # type: ignore[arg-type]

    files: Mapping[str, bytes] = {
        "manifest.json": dump([{"Config": "c", "Layers": ["l"]}]),
        "c": config(FIRST),
        "l": FIRST,
    }
    (image,) = read_saved_images(io.BufferedReader(Pipe(tar(files))))
    assert entries(image) == FIRST_ENTRIES


@pytest.mark.engine
def test_docker_save_is_read_with_links(
    engine: DockerClient, tag: Callable[[str], str], tmp_path: Path
) -> None:
    (tmp_path / "{brace}").write_text("a layer's first name")
    (tmp_path / "app").mkdir()
    (tmp_path / "app/site.css").write_text("body {}")
    os.link(tmp_path / "app/site.css", tmp_path / "app/site.123.css")
    (tmp_path / "app/to").symlink_to("site.css")
    name = tag("archive")
    dockerfile = "FROM scratch AS all\nCOPY . /\nFROM scratch\nWORKDIR /app\n"
    dockerfile += "COPY --link [{]* /\nCOPY --link --from=all /app /app\n"
    built = build_image(engine, tmp_path, name, dockerfile)

    with subprocess.Popen(["docker", "save", name], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        (saved,) = read_saved_images(process.stdout)
        process.stdout.read()
    assert saved == built
    assert saved.working_dir == "/app"
    ids = engine.images.get(name).attrs["RootFS"]["Layers"]
    assert [layer.diff_id for layer in saved.layers] == ids
    assert entries(saved, -2) == [("{brace}", "file", 20)]
    assert sorted(entries(saved, -1)) == [
        ("app", "dir", 0),
        ("app/site.123.css", "file", 7),
        ("app/site.css", "link", 0),
        ("app/to", "symlink", 0),
    ]
