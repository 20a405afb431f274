"""Base images written piece by piece, a static layer to append, and other tools."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from buildstatic.oci import documents as oci
from buildstatic.oci.append import AppendResult, append
from buildstatic.oci.documents import Descriptor, Document
from buildstatic.oci.layer_compressor import Compression
from buildstatic.oci.layer_writer import WrittenLayer, write_layer
from buildstatic.oci.reference import LayoutReference, parse_reference
from buildstatic.oci.stores import open_source, open_target
from buildstatic.oci.stream import open_bytes
from tests.oci.scratch import digest, tar

CREATED = "2024-05-06T07:08:09Z"


TIME = 1_704_067_200


def static(
    directory: Path, files: Mapping[str, str] = {"site.css": "body{}"}, how: Compression = "gzip"
) -> tuple[WrittenLayer, Path]:
    """Write a static layer with *files*; return it with its file."""
    root = directory / "layer"
    shutil.rmtree(root, ignore_errors=True)
    for name, content in files.items():
        path = root / "app/staticfiles" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    for path in (*root.rglob("*"), root):
        os.utime(path, (TIME, TIME))
    file = directory / "layer.tar"
    with file.open("wb") as output:
        return write_layer(root, output, how), file


def put(base: str, tag: str, layer: tuple[WrittenLayer, Path], **options: Any) -> AppendResult:
    """Append *layer* to *base* as *tag*."""
    return append(parse_reference(base), parse_reference(tag), *layer, **options)


class Base:
    """Writes images to an OCI layout."""

    def __init__(self, directory: Path, *, docker: bool = False) -> None:
        self.directory = directory
        self.docker = docker

    def blob(self, content: bytes, media_type: str) -> Descriptor:
        """Write a blob."""
        found = Document(Descriptor(media_type, oci.digest_of(content), len(content)), content)
        with open_target(LayoutReference(self.directory)) as target:
            target.put_blob(found.descriptor, lambda: open_bytes(content))
        return found.descriptor

    def image(self, *layers: bytes, tag: str | None = None, platform: str = "amd64") -> Document:
        """Write an image of the tars *layers*."""
        config = self.config(*layers, platform=platform)
        return self.write(config, *layers, tag=tag)

    def config(self, *layers: bytes, platform: str = "amd64") -> dict[str, Any]:
        """Return the configuration of an image of *layers*."""
        return {
            "created": CREATED,
            "architecture": platform,
            "os": "linux",
            "config": {"Labels": {"the": "label"}, "Env": ["PATH=/bin"], "WorkingDir": "/app"},
            "rootfs": {"type": "layers", "diff_ids": [digest(layer) for layer in layers]},
            "history": [
                {"created": CREATED, "created_by": "CMD", "empty_layer": True},
                *({"created": CREATED, "created_by": f"COPY {n}"} for n in range(len(layers))),
            ],
        }

    def write(self, config: Mapping[str, Any], *layers: bytes, tag: str | None = None) -> Document:
        """Write an image with *config*."""
        words = oci.DOCKER_LAYER + ".gzip" if self.docker else oci.LAYER + "+gzip"
        kinds = (oci.DOCKER_MANIFEST, oci.DOCKER_CONFIG)
        manifest, config_type = kinds if self.docker else (oci.MANIFEST, oci.CONFIG)
        blobs = tuple(self.blob(gzip.compress(each, mtime=0), words) for each in layers)
        described = oci.Manifest(manifest, self.blob(dump(config), config_type), blobs)
        return self.keep(described.to_document(), tag)

    def index(self, *entries: Descriptor, tag: str | None = None) -> Document:
        """Write an index of *entries*."""
        media_type = oci.DOCKER_INDEX if self.docker else oci.INDEX
        return self.keep(oci.Index(media_type, entries).to_document(), tag)

    def keep(self, document: Document, tag: str | None) -> Document:
        """Write a manifest under *tag*, or only as a blob."""
        with open_target(LayoutReference(self.directory, tag)) as target:
            (target.put_image if tag else target.put_manifest)(document)
        return document


def dump(value: object) -> bytes:
    """Return *value* as JSON."""
    return json.dumps(value).encode()


def base(directory: Path, tag: str = "base", *, docker: bool = False) -> str:
    """Write an image of two layers and return its name."""
    Base(directory, docker=docker).image(
        tar({"etc/one": b"1" * 5000, "app/code.py": b"pass"}), tar({"etc/two": b"2"}), tag=tag
    )
    return f"oci:{directory}:{tag}"


def layer_image(directory: Path, root: Path, how: Compression, *base: bytes) -> str:
    """Append the layer root *root*, compressed as *how*, to layers *base*; return the name."""
    directory.mkdir(exist_ok=True)
    file = directory / "layer"
    with file.open("wb") as output:
        layer = write_layer(root, output, how)
    Base(directory / "oci").image(*base, tag="base")
    name = f"oci:{directory / 'oci'}:{how}"
    put(f"oci:{directory / 'oci'}:base", name, (layer, file))
    return name


def manifest_of(name: str) -> dict[str, Any]:
    """Return the manifest or index of *name*."""
    with open_source(parse_reference(name)) as source:
        return oci.parse_json(source.resolve().content, name)


def content_of(name: str, described: Mapping[str, Any]) -> bytes:
    """Return a blob of the image *name*."""
    descriptor = oci.parse_descriptor(described, name)
    with open_source(parse_reference(name)) as source, source.open_blob(descriptor) as stream:
        return stream.read()


def config_of(name: str) -> dict[str, Any]:
    """Return the configuration of the image *name*."""
    return oci.parse_json(content_of(name, manifest_of(name)["config"]), name)


def tool(*command: str | Path, **environment: str) -> str:
    """Run skopeo or umoci and return its output; skip the test if it is not installed."""
    if shutil.which(str(command[0])) is None:
        pytest.skip(f"{command[0]} is not installed (Debian's package {command[0]}).")
    done = subprocess.run(
        [str(each) for each in command],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def unpacked(name: str, directory: Path) -> dict[str, bytes]:
    """Return the files of an image in a layout, as umoci unpacks them."""
    tool("umoci", "unpack", "--rootless", "--image", name.removeprefix("oci:"), directory)
    root = directory / "rootfs"
    files = (path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}
