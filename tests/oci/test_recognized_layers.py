"""Static layers that a Dockerfile copied are replaced by the appended layer."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from buildstatic.oci.append import AppendResult
from buildstatic.oci.layer_writer import WrittenLayer
from buildstatic.oci.static_layer import copied_layers, recognize_static_layers
from buildstatic.oci.stores import find_image, open_source
from buildstatic.oci.stores.base import first_manifest, read_config
from tests.oci.images import Base, config_of, put, static, unpacked
from tests.oci.scratch import build_image
from tests.oci.tiny import DOCKERFILE, tiny
from tests.verify.built import Entry, entry, folder, tar, verify_one

if TYPE_CHECKING:
    from docker import DockerClient

PARENTS = (folder("app/"), folder("app/staticfiles/"))
OLD = (*PARENTS, entry("app/staticfiles/old.css", b"old"))
CODE = tar(folder("app/"), entry("app/code.py", b"pass"))
BUILDKIT = "COPY /layer/ / # buildkit"
NEW = {"new.css": "new", "css/more.css": "more"}


def appended(
    directory: Path, old: tuple[Entry, ...], line: str = BUILDKIT, working: str = "/app"
) -> tuple[AppendResult, list[str]]:
    """Append a layer to an image with the layer *old*; return the result and the diffIDs."""
    images, layers = Base(directory / "oci"), (CODE, tar(*old), tar(entry("etc/last", b"1")))
    config = images.config(*layers)
    config["config"]["WorkingDir"] = working
    config["history"][2]["created_by"] = line
    images.write(config, *layers, tag="base")
    name = f"oci:{directory / 'oci'}"
    result = put(f"{name}:base", f"{name}:new", static(directory, NEW))
    return result, config_of(f"{name}:new")["rootfs"]["diff_ids"]


@pytest.mark.parametrize(
    "line",
    [
        BUILDKIT,
        "COPY --link --from=static /layer/ /",
        "COPY --link /layer/ / # buildkit",
        "/bin/sh -c #(nop) COPY dir:0a1b2c in / ",
    ],
)
def test_copied_layer_is_replaced_in_place(tmp_path: Path, line: str) -> None:
    result, diff_ids = appended(tmp_path, OLD, line)
    assert len(diff_ids) == 3
    assert result.images[0].replaced != ()
    assert result.images[0].replaced[0] not in diff_ids
    assert result.images[0].kept == ()
    assert set(unpacked(f"oci:{tmp_path / 'oci'}:new", tmp_path / "bundle")) == {
        "app/code.py",
        "app/staticfiles/new.css",
        "app/staticfiles/css/more.css",
        "etc/last",
    }


def test_copied_layer_is_found_beside_a_lost_entry_of_the_history(tmp_path: Path) -> None:
    images = Base(tmp_path / "oci")
    layers = (tar(entry("etc/first", b"1")), CODE, tar(*OLD), tar(entry("etc/last", b"1")))
    config = images.config(*layers)
    history = config["history"]
    history[3]["created_by"] = BUILDKIT
    history.pop(1)
    history.append({"created_by": "[web 2/2] COPY . .", "comment": "buildkit.exporter.image.v0"})
    images.write(config, *layers, tag="base")
    with open_source(find_image(f"oci:{tmp_path / 'oci'}:base")) as source:
        found = first_manifest(source)
        settings = read_config(source, found)
        assert list(copied_layers(found, settings, "")) == [1, 2]
        recognized = recognize_static_layers(source, found, settings, "/app/staticfiles")
    assert recognized.indexes == (2,)


LINK = entry("app/staticfiles/link", "../code.py")


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ((entry("app/manage.py", b"pass"),), "it also contains /app/manage.py"),
        ((folder("srv/"),), "it also contains /srv"),
        ((LINK,), "it also contains /app/staticfiles/link"),
        ((entry("app/staticfiles/.wh.a.css"),), "it also contains /app/staticfiles/.wh.a.css"),
    ],
    ids=["code", "a directory", "a symlink", "a whiteout"],
)
def test_layer_with_other_files_is_kept_with_a_reason(
    tmp_path: Path, more: tuple[Entry, ...], why: str
) -> None:
    result, diff_ids = appended(tmp_path, (*OLD, *more))
    assert len(diff_ids) == 4
    assert result.images[0].replaced == ()
    assert result.images[0].kept == (f"{diff_ids[1]}, which has static files: {why}",)


def test_layer_of_the_working_directory_is_kept(tmp_path: Path) -> None:
    result, diff_ids = appended(tmp_path, OLD, working="/app/staticfiles/deeper")
    assert (len(diff_ids), result.images[0].replaced) == (4, ())
    assert "the working directory" in result.images[0].kept[0]


@pytest.mark.parametrize(
    ("old", "line"),
    [
        (OLD, "RUN collectstatic # buildkit"),
        (OLD, "COPY staticfiles /app/staticfiles # buildkit"),
        ((entry("etc/x", b"1"),), BUILDKIT),
        ((folder("app/"), folder("app/other/"), entry("app/other/a.css", b"1")), BUILDKIT),
    ],
    ids=["another line", "another place", "no static file", "another tree"],
)
def test_other_layers_are_kept_without_a_reason(
    tmp_path: Path, old: tuple[Entry, ...], line: str
) -> None:
    result, diff_ids = appended(tmp_path, old, line)
    assert (len(diff_ids), result.images[0].replaced, result.images[0].kept) == (4, (), ())


def test_marked_layer_takes_precedence(tmp_path: Path) -> None:
    appended(tmp_path, (*OLD, entry("app/manage.py", b"pass")))
    name, newer = f"oci:{tmp_path / 'oci'}", static(tmp_path, {"newer.css": "newer"})
    result = put(f"{name}:new", f"{name}:newer", newer)
    assert (len(result.images[0].replaced), result.images[0].kept) == (1, ())


@pytest.mark.engine
def test_layer_of_an_image_built_by_the_engine_is_replaced(
    engine: DockerClient, tmp_path: Path, tag: Callable[[str], str]
) -> None:
    name = tag(f"recognized-{uuid.uuid4().hex[:8]}")
    build_image(engine, tiny(tmp_path / "site"), name, DOCKERFILE)
    before = engine.images.get(name).attrs["RootFS"]["Layers"]
    layer: tuple[WrittenLayer, Path] = static(tmp_path, {"staticfiles.json": "{}", **NEW})
    result = put(f"docker:{name}", f"docker:{name}", layer)
    assert result.images[0].replaced == (before[-1],)
    after = engine.images.get(name).attrs["RootFS"]["Layers"]
    assert after == [*before[:-1], layer[0].diff_id]
    verified = verify_one(f"docker:{name}")
    assert (verified.files, verified.path) == (3, "/app/staticfiles")
    assert [each.check for each in verified.findings if each.check == "one layer"] == []
