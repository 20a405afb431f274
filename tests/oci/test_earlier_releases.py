"""Images that keep the static layers of earlier releases, in layouts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from buildstatic.errors import (
    BuildstaticError,
    ImageInvalid,
    ImageNotFound,
    StaticLayerNotFound,
    StaticRootInvalid,
)
from buildstatic.oci import documents as oci
from buildstatic.oci.append import AppendResult, keep_earlier
from buildstatic.oci.earlier_releases import open_earlier
from buildstatic.oci.reference import parse_reference
from tests.oci.images import Base, base, config_of, manifest_of, put, static, unpacked
from tests.oci.scratch import tar

TREE = "/app/staticfiles"
MANIFEST = "staticfiles.json"
COPY = "COPY /layer/ / # buildkit"


def files_of(number: int) -> dict[str, str]:
    """Return the static files of a release, with a style sheet that it adds."""
    names = ("site.css", f"css/only-é{number}.css")
    hashed = {name: name.replace(".css", f".{number:012x}.css") for name in names}
    contents = {name: f"{name} of {number}" for name in (*names, *hashed.values())}
    variants = {f"{name}.gz": "variant" for name in contents}
    return {**contents, **variants, MANIFEST: json.dumps({"paths": hashed})}


def visible(number: int) -> set[str]:
    """Return the names of a release that a later one keeps."""
    return {name for name in files_of(number) if f"{number:012x}" in name}


def release(
    directory: Path,
    number: int,
    *,
    keep: str | None = None,
    limit: int = 1,
    on: str | None = None,
    files: Mapping[str, str] | None = None,
) -> tuple[str, AppendResult]:
    """Put a release on the image *on*, keeping *keep*; return its name and the result."""
    name = f"oci:{directory / 'oci'}:{number}"
    layer = static(directory, files or files_of(number))
    with ExitStack() as stack:
        earlier = None
        if keep:
            earlier = stack.enter_context(open_earlier(parse_reference(keep), TREE, limit))
        result = put(on or base(directory / "oci"), name, layer, earlier=earlier)
    return name, result


def digests(name: str) -> list[str]:
    return [layer["digest"] for layer in manifest_of(name)["layers"]]


def marks(name: str) -> list[str]:
    """Return the marks in the history of an image."""
    comments = (str(entry.get("comment", "")) for entry in config_of(name)["history"])
    return [text.removeprefix("io.buildstatic.layer=") for text in comments if text]


def test_fingerprinted_files_stay_and_others_are_the_new_ones(tmp_path: Path) -> None:
    first, _ = release(tmp_path, 1)
    second, result = release(tmp_path, 2, keep=first)
    assert marks(second) == ["earlier", "whiteouts", "static"]
    assert digests(second)[2] == digests(first)[2]
    assert result.earlier == (config_of(first)["rootfs"]["diff_ids"][2],)
    files = unpacked(second, tmp_path / "bundle")
    tree = {name.removeprefix("app/staticfiles/"): files[name] for name in files}
    names = {name for name in tree if not name.startswith(("etc/", "app/"))}
    assert names == {*files_of(2)} | visible(1)
    assert tree["site.css"] == b"site.css of 2"
    assert json.loads(tree[MANIFEST]) == json.loads(files_of(2)[MANIFEST])


def test_release_with_the_same_static_files_has_the_same_layers(tmp_path: Path) -> None:
    first, _ = release(tmp_path, 1)
    second, _ = release(tmp_path, 2, keep=first)
    Base(tmp_path / "oci").image(tar({"app/code.py": b"changed"}), tag="code")
    code = f"oci:{tmp_path / 'oci'}:code"
    third, _ = release(tmp_path, 3, keep=second, on=code, files=files_of(2))
    assert digests(third)[1:] == digests(second)[2:]


@pytest.mark.parametrize("limit", [1, 2])
def test_number_of_earlier_releases_is_limited(tmp_path: Path, limit: int) -> None:
    name, layers = None, []
    for number in range(1, 5):
        name, result = release(tmp_path, number, keep=name, limit=limit)
        layers.append(digests(name)[-1])
        assert len(result.earlier) == min(limit, number - 1)
    assert name
    assert [each for each in digests(name) if each in layers] == layers[-1 - limit :]
    files = {Path(each).name for each in unpacked(name, tmp_path / "bundle")}
    for number in range(1, 4):
        kept = number >= 4 - limit
        assert (f"site.{number:012x}.css" in files, f"only-é{number}.css" in files) == (kept, False)


def test_rollback_keeps_the_release_that_it_replaces(tmp_path: Path) -> None:
    first, _ = release(tmp_path, 1)
    second, _ = release(tmp_path, 2, keep=first)
    third, _ = release(tmp_path, 3, keep=second, files=files_of(1))
    assert (digests(third)[2], digests(third)[-1]) == (digests(second)[-1], digests(first)[-1])


def test_base_with_earlier_releases_does_not_matter(tmp_path: Path) -> None:
    first, _ = release(tmp_path, 1)
    second, kept = release(tmp_path, 2, keep=first)
    assert release(tmp_path, 3, on=second)[1].digest == release(tmp_path, 3)[1].digest
    again = release(tmp_path, 2, keep=first, on=second)[1]
    assert again.digest == kept.digest


def test_chunks_of_vite_stay(tmp_path: Path) -> None:
    chunks: dict[str, Any] = {
        "main.ts": {"file": "assets/main-BRBmoGS9.js", "css": ["assets/main-5UjPuW-k.css"]},
        "_shared.js": {"file": "assets/shared-ChJ_j-JJ.js"},
        "plain.ts": {"file": "assets/plain.js", "assets": ["assets/photo.png"]},
        "other": "main-BRBmoGS9.js",
        "invalid": {"file": "assets/main.js", "css": 1},
    }
    kept = {"main-BRBmoGS9.js", "main-5UjPuW-k.css", "shared-ChJ_j-JJ.js"}
    names = ("plain.js", "photo.png", *kept)
    bundle = {f"vite/assets/{name}": name for name in names}
    bundle["vite/manifest.json"] = json.dumps(chunks)
    bundle["manifest.json"] = json.dumps({"name": "A web application", "icons": []})
    first, _ = release(tmp_path, 1, files={**files_of(1), **bundle})
    second, _ = release(tmp_path, 2, keep=first)
    files = {name.removeprefix("app/staticfiles/") for name in unpacked(second, tmp_path / "b")}
    assert files & bundle.keys() == {f"vite/assets/{name}" for name in kept}


@pytest.mark.parametrize("docker", [(False, True), (True, False), (True, True)])
def test_media_types_are_those_of_the_base(tmp_path: Path, docker: tuple[bool, bool]) -> None:
    first, _ = release(tmp_path, 1, on=base(tmp_path / "oci", "one", docker=docker[0]))
    second = base(tmp_path / "oci", "two", docker=docker[1])
    name, _ = release(tmp_path, 2, keep=first, on=second)
    types = [layer["mediaType"] for layer in manifest_of(name)["layers"]]
    assert {each.startswith("application/vnd.docker.") for each in types} == {docker[1]}
    assert marks(name) == ["earlier", "whiteouts", "static"]


def copied(images: Base, number: int, tag: str | None = None, **platform: str) -> oci.Document:
    """Write an image whose static layer a Dockerfile copied, with a layer above it."""
    tree = {f"app/staticfiles/{name}": text.encode() for name, text in files_of(number).items()}
    layers = tar({"app/code.py": b"pass"}), tar(tree), tar({"etc/last": b"1"})
    config = images.config(*layers, **platform)
    config["history"][2]["created_by"] = COPY
    return images.write(config, *layers, tag=tag)


@pytest.mark.parametrize("docker", [False, True], ids=["oci", "docker"])
def test_layers_are_put_below_the_static_layer_of_each_platform(
    tmp_path: Path, docker: bool
) -> None:
    images, name = Base(tmp_path / "oci", docker=docker), f"oci:{tmp_path / 'oci'}:both"
    copied(images, 1, tag="old")
    entries = []
    for number, platform in ((2, "amd64"), (3, "arm64")):
        made = copied(images, number, platform=platform).descriptor
        more = {"platform": {"os": "linux", "architecture": platform}}
        entries.append(oci.Descriptor(made.media_type, made.digest, made.size, more))
    images.index(*entries, tag="both")
    first = oci.parse_json(images_content(tmp_path, entries[0]), "")
    config = oci.parse_json(images_content(tmp_path, oci.parse_descriptor(first["config"], "")), "")
    old = parse_reference(f"oci:{tmp_path / 'oci'}:old")
    with open_earlier(old, None, 1) as earlier:
        result = keep_earlier(parse_reference(name), config["rootfs"]["diff_ids"][1], earlier)
    assert [len(each.earlier) for each in result.images] == [1, 1]
    for entry in manifest_of(name)["manifests"]:
        manifest = oci.parse_json(images_content(tmp_path, oci.parse_descriptor(entry, "")), "")
        assert manifest["layers"][1]["digest"] == digests(str(old))[1]
        described = oci.parse_descriptor(manifest["config"], "")
        history = oci.parse_json(images_content(tmp_path, described), "")["history"]
        marked = [entry.get("comment", "").rpartition("=")[2] for entry in history[1:]]
        assert marked == ["", "earlier", "whiteouts", "static", ""]


def images_content(directory: Path, descriptor: oci.Descriptor) -> bytes:
    return (directory / "oci" / oci.blob_path(descriptor.digest)).read_bytes()


def test_platform_without_a_static_layer_is_an_error(tmp_path: Path) -> None:
    first, _ = release(tmp_path, 1)
    name = base(tmp_path / "oci", "plain")
    before = manifest_of(name)
    with (
        open_earlier(parse_reference(first), TREE, 1) as earlier,
        pytest.raises(StaticLayerNotFound, match="no static layer for linux/amd64"),
    ):
        keep_earlier(parse_reference(name), "sha256:0", earlier)
    assert manifest_of(name) == before


def unusable(directory: Path, kind: str) -> str:
    """Write an image that cannot be kept, and return its name."""
    name = f"oci:{directory / 'oci'}:1"
    tree = {f"app/staticfiles/{name}": text.encode() for name, text in files_of(1).items()}
    changes: dict[str, dict[str, bytes]] = {
        "other files": {"app/code.py": b"pass"},
        "invalid manifest": {f"app/staticfiles/{MANIFEST}": b'{"paths": 1}'},
        "no manifest": {},
    }
    if kind == "missing":
        return f"oci:{directory / 'nowhere'}"
    if kind == "no static layer":
        return base(directory / "oci")
    if kind == "no manifest":
        return release(directory, 1, files={"site.css": "x"})[0]
    if kind == "another place":
        layer = {f"srv/static/{name}": text.encode() for name, text in files_of(1).items()}
    else:
        layer = {**tree, **changes[kind]}
    images = Base(directory / "oci")
    config: dict[str, Any] = images.config(tar(layer))
    config["history"][1]["created_by"] = COPY
    images.write(config, tar(layer), tag="1")
    return name


@pytest.mark.parametrize(
    ("kind", "error", "message"),
    [
        ("missing", ImageNotFound, "does not exist. Omit --keep for the first release."),
        ("no static layer", StaticLayerNotFound, "has no static layer. Keep an image"),
        ("no manifest", StaticLayerNotFound, "has no staticfiles.json"),
        ("other files", StaticLayerNotFound, "files other than app/staticfiles: app/code.py"),
        ("invalid manifest", ImageInvalid, "is not a valid manifest"),
        ("another place", StaticRootInvalid, "are in /srv/static, those of the new image in /app"),
    ],
)
def test_image_that_cannot_be_kept_is_an_error(
    tmp_path: Path, kind: str, error: type[BuildstaticError], message: str
) -> None:
    image = parse_reference(unusable(tmp_path, kind))
    with pytest.raises(error) as failure, open_earlier(image, TREE, 1):
        pass
    assert message in str(failure.value)
