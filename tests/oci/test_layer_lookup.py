"""The static layer, seen by the tree alone: the same that is found by reading the whole image."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from buildstatic.oci.layer_lookup import find_by_tree
from buildstatic.oci.static_layer import StaticLayer, find_static_layer
from tests.oci.scratch import build_image, engine_image
from tests.oci.test_layer_writer import LONG, make_tree, run_buildx, settle_directories, write

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = pytest.mark.engine

TREE = "app/staticfiles"


def seen(engine: DockerClient, tag: str, static_root: str = "staticfiles") -> StaticLayer | None:
    """Return what a glance at the image *tag* tells; no container is left of it."""
    image = str(engine.images.get(tag).id)
    layer = find_by_tree(engine, image, static_root)
    assert engine.containers.list(all=True, filters={"ancestor": image}) == []
    return layer


def built(context: Path, engine: DockerClient, tag: str) -> StaticLayer:
    """Build the image *tag* of the layer below *context*; return what reading all of it tells."""
    run_buildx(context, f"--tag={tag}")
    image = engine_image(engine, tag)
    return find_static_layer(image, "staticfiles")


def test_a_glance_tells_what_reading_the_image_tells(
    tmp_path: Path, engine: DockerClient, tag: Callable[[str], str]
) -> None:
    (tmp_path / "layer/app").mkdir(parents=True)
    make_tree(tmp_path / f"layer/{TREE}")
    settle_directories(tmp_path / "layer")
    name = tag("glance-kinds")
    layer = built(tmp_path, engine, name)
    assert layer.files > len(LONG)
    assert seen(engine, name) == layer


@pytest.fixture
def image(tmp_path: Path, engine: DockerClient, tag: Callable[[str], str]) -> str:
    write(tmp_path / "layer", f"{TREE}/site.css", b"body {}")
    settle_directories(tmp_path / "layer")
    name = tag("glance-base")
    layer = built(tmp_path, engine, name)
    assert seen(engine, name) == layer
    (tmp_path / "more.css").write_text("p {}")
    return name


def test_another_file_in_the_tree_requires_reading_the_image(
    tmp_path: Path, image: str, engine: DockerClient, tag: Callable[[str], str]
) -> None:
    name = tag("glance-more")
    build_image(engine, tmp_path, name, f"FROM {image}\nCOPY more.css /{TREE}/more.css\n")
    assert seen(engine, name) is None


def test_a_later_layer_elsewhere_changes_nothing(
    tmp_path: Path, image: str, engine: DockerClient, tag: Callable[[str], str]
) -> None:
    name = tag("glance-later")
    later = build_image(engine, tmp_path, name, f"FROM {image}\nCOPY more.css /elsewhere/\n")
    assert seen(engine, name) == find_static_layer(later, "staticfiles")


def test_a_later_layer_that_replaces_all_of_the_tree_is_the_static_one(
    tmp_path: Path, image: str, engine: DockerClient, tag: Callable[[str], str]
) -> None:
    name = tag("glance-replaced")
    copy = f"COPY more.css /{TREE}/site.css"
    read = find_static_layer(build_image(engine, tmp_path, name, f"FROM {image}\n{copy}\n"), TREE)
    assert seen(engine, name) in (None, read)


def test_files_of_an_earlier_layer_are_left_to_reading(
    tmp_path: Path, image: str, engine: DockerClient, tag: Callable[[str], str]
) -> None:
    name = tag("glance-older")
    last = f"COPY --link --from={image} / /"
    build_image(engine, tmp_path, name, f"FROM scratch\nCOPY more.css /{TREE}/\n{last}\n")
    assert seen(engine, name) is None


def test_an_image_without_the_tree_has_nothing_to_be_seen(image: str, engine: DockerClient) -> None:
    assert seen(engine, image, "elsewhere") is None
