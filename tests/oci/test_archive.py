"""An image's layers, read from whatever an engine or a builder saves it as."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from buildstatic.collect.codecs import load
from buildstatic.oci.archive import Entry, Image, Layer, read_archive
from tests.oci.scratch import build_image, digest, dump, read, tar

if TYPE_CHECKING:
    from docker import DockerClient

FIRST = tar({"app/a": b"1", "app/b": b"22"})
SECOND = tar({"app/c": b"333"})
ENTRIES = (Entry("app/a", "file", 1), Entry("app/b", "file", 2))
OTHER = (Entry("app/c", "file", 3),)


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
    """An OCI layout that is put together piece by piece."""

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


def test_a_zstd_layer_is_read_on_every_python() -> None:
    layout, codec = Layout(), load("zst", "fast")
    assert codec
    packed = codec.compress(FIRST)
    manifest = layout.manifest(config(FIRST), packed)
    (image,) = layout.images(manifest)
    assert image.layers == (Layer(digest(FIRST), digest(packed), ENTRIES),)


def test_a_zstd_layer_that_is_damaged_has_no_more_entries() -> None:
    layout, codec = Layout(), load("zst", "fast")
    assert codec
    packed = codec.compress(FIRST)[:20]
    (image,) = layout.images(layout.manifest(config(FIRST), packed))
    assert image.layers[0].entries == ()


def test_a_compressed_layer_has_a_digest_beside_its_diff_id() -> None:
    layout = Layout()
    packed = gzip.compress(FIRST)
    manifest = layout.manifest(config(FIRST, SECOND, working_dir="/app"), packed, SECOND)
    assert layout.images(manifest) == (
        Image(
            "linux/amd64",
            "/app",
            (
                Layer(digest(FIRST), digest(packed), ENTRIES),
                Layer(digest(SECOND), None, OTHER),
            ),
        ),
    )


def test_every_platform_of_an_index_is_an_image_and_an_attestation_is_none() -> None:
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
    assert images[0].layers == images[1].layers == (Layer(digest(FIRST), None, ENTRIES),)
    assert images[0].working_dir == "/"


def test_the_layout_of_before_docker_25_keeps_a_layer_once_and_links_to_it() -> None:
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
    first, second = (Layer(digest(FIRST), None, ENTRIES), Layer(digest(SECOND), None, OTHER))
    assert image.layers == (first, second, first)


@pytest.mark.parametrize("name", ["{", '{"a": 1}', "[", "[]"])
def test_a_layer_is_no_document_though_its_first_name_looks_like_one(name: str) -> None:
    layout = Layout()
    layer = tar({name: b"1"})
    (image,) = layout.images(layout.manifest(config(layer), layer))
    assert image.layers[0].entries == (Entry(name, "file", 1),)


def test_a_layer_without_files_is_read() -> None:
    layout = Layout()
    (image,) = layout.images(layout.manifest(config(tar({})), tar({})))
    assert image.layers == (Layer(digest(tar({})), None, ()),)


@pytest.mark.engine
def test_what_docker_saves_is_read_link_by_link(
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
        (saved,) = read_archive(process.stdout)
        process.stdout.read()
    assert saved == built
    assert saved.working_dir == "/app"
    ids = engine.images.get(name).attrs["RootFS"]["Layers"]
    assert [layer.diff_id for layer in saved.layers] == ids
    brace, tree = ({e.path: (e.kind, e.size) for e in la.entries} for la in saved.layers[-2:])
    assert brace == {"{brace}": ("file", 20)}
    assert tree == {
        "app": ("dir", 0),
        "app/site.123.css": ("file", 7),
        "app/site.css": ("link", 0),
        "app/to": ("symlink", 0),
    }


def test_the_archive_is_read_once_from_a_stream() -> None:
    class Pipe(io.RawIOBase):
        def __init__(self, content: bytes) -> None:
            self.content = io.BytesIO(content)

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: object) -> int:
            return self.content.readinto(memoryview(buffer)[:7])  # type: ignore[arg-type]

    files = {
        "manifest.json": dump([{"Config": "c", "Layers": ["l"]}]),
        "c": config(FIRST),
        "l": FIRST,
    }
    (image,) = read_archive(io.BufferedReader(Pipe(tar(files))))
    assert image.layers[0].entries == ENTRIES
