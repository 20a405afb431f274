"""The static layer of an image in the engine: by its tree the same as by reading the image."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from buildstatic.errors import StaticLayerNotFound
from buildstatic.oci.engine import layers_of, uses_containerd
from buildstatic.oci.engine_lookup import find_by_tree, find_in_engine, image_id_in_engine
from buildstatic.oci.layer_lookup import StaticLayer, find_static_layer
from tests.oci.scratch import build_image, engine_image
from tests.oci.test_layer_writer import LONG, make_tree, run_buildx, settle_directories, write
from tests.oci.tiny import second_engine

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = pytest.mark.engine

TREE = "app/staticfiles"
HIDDEN = {
    "removed": "RUN rm /app/staticfiles/a.css",
    "recreated": "RUN rm -r /app/staticfiles && mkdir /app/staticfiles",
    "a link in place of its parent": "RUN rm -r /app && ln -s /srv /app",
}


def found(engine: DockerClient, tag: str, static_root: str = "staticfiles") -> StaticLayer | None:
    """Return the static layer of the image *tag* by its tree; checks that no container is left."""
    image = image_id_in_engine(engine, None, f"sha256:{0:064}", tag)
    assert image is not None
    layer = find_by_tree(engine, image, static_root)
    assert engine.containers.list(all=True, filters={"ancestor": image}) == []
    return layer


def built(context: Path, engine: DockerClient, tag: str) -> StaticLayer:
    """Build the image *tag* of the layer in *context*; return its static layer by reading it."""
    run_buildx(context, f"--tag={tag}")
    return find_static_layer(engine_image(engine, tag), "staticfiles")


def test_tree_gives_the_layer_that_reading_the_image_gives(
    tmp_path: Path, engine: DockerClient, tag: Callable[[str], str]
) -> None:
    (tmp_path / "layer/app").mkdir(parents=True)
    make_tree(tmp_path / f"layer/{TREE}")
    settle_directories(tmp_path / "layer")
    name = tag("lookup-kinds")
    layer = built(tmp_path, engine, name)
    assert layer.files > len(LONG)
    assert found(engine, name) == layer
    assert layer.diff_id in layers_of(engine, name)
    assert layers_of(engine, f"{name}-missing") == ()


@pytest.fixture
def containerd(monkeypatch: pytest.MonkeyPatch) -> Iterator[DockerClient]:
    """Return a client of the second engine."""
    from docker import DockerClient

    monkeypatch.setenv("DOCKER_HOST", second_engine())
    with closing(DockerClient(base_url=second_engine(), timeout=120)) as client:
        yield client


def test_tree_gives_the_layer_in_the_containerd_store(
    tmp_path: Path, containerd: DockerClient
) -> None:
    assert uses_containerd(containerd)
    write(tmp_path / "layer", f"{TREE}/site.css", b"body {}")
    settle_directories(tmp_path / "layer")
    name = "buildstatic-tests:lookup-containerd"
    try:
        layer = built(tmp_path, containerd, name)
        by_tree = found(containerd, name)
        assert by_tree is not None
        assert (by_tree.diff_id, by_tree.files) == (layer.diff_id, 1)
        # Only the archive of the image has the digest of the compressed layer.
        assert (layer.digest is None, by_tree.digest) == (False, None)
    finally:
        containerd.images.remove(name, force=True)


@pytest.fixture
def image(
    request: pytest.FixtureRequest, tmp_path: Path, engine: DockerClient, tag: Callable[[str], str]
) -> str:
    """Return an image that no other test has: `found` counts the containers of it."""
    name = tag(f"lookup-{request.node.name}")
    write(tmp_path / "layer", f"{TREE}/site.css", name.encode())
    settle_directories(tmp_path / "layer")
    layer = built(tmp_path, engine, name)
    assert found(engine, name) == layer
    (tmp_path / "more.css").write_text("p {}")
    return name


def test_other_files_in_the_tree_require_reading_the_image(
    tmp_path: Path, image: str, engine: DockerClient, tag: Callable[[str], str]
) -> None:
    later, earlier = tag("lookup-more"), tag("lookup-older")
    build_image(engine, tmp_path, later, f"FROM {image}\nCOPY more.css /{TREE}/more.css\n")
    last = f"COPY --link --from={image} / /"
    build_image(engine, tmp_path, earlier, f"FROM scratch\nCOPY more.css /{TREE}/\n{last}\n")
    for name in (later, earlier):
        assert found(engine, name) is None
        image_id = str(engine.images.get(name).id)
        layer = find_in_engine(engine, image_id, "staticfiles")
        assert layer is not None
        assert (layer.files, layer.older) == (1, 1)


def test_later_layer_elsewhere_changes_nothing(
    tmp_path: Path, image: str, engine: DockerClient, tag: Callable[[str], str]
) -> None:
    name = tag("lookup-later")
    later = build_image(engine, tmp_path, name, f"FROM {image}\nCOPY more.css /elsewhere/\n")
    assert found(engine, name) == find_static_layer(later, "staticfiles")


def test_later_layer_that_replaces_the_tree_is_the_static_one(
    tmp_path: Path, image: str, engine: DockerClient, tag: Callable[[str], str]
) -> None:
    name = tag("lookup-replaced")
    copy = f"COPY more.css /{TREE}/site.css"
    read = find_static_layer(build_image(engine, tmp_path, name, f"FROM {image}\n{copy}\n"), TREE)
    assert found(engine, name) in (None, read)


def test_recorded_layer_is_not_read_again_below_other_layers(
    tmp_path: Path,
    image: str,
    engine: DockerClient,
    tag: Callable[[str], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def find(name: str, dockerfile: str | None = "FROM scratch") -> StaticLayer | None:
        return find_in_engine(engine, name, "staticfiles", dockerfile=dockerfile)

    with_command = "COPY --link --from=static /layer/ /\nRUN make"
    first = find(image)
    assert first == find(image, with_command) is not None
    above = tag("lookup-above")
    build_image(engine, tmp_path, above, f"FROM {image}\nCOPY more.css /elsewhere/\n")
    with monkeypatch.context() as unreadable:
        for name in ("create_container", "get_image"):
            unreadable.setattr(engine.api, name, None)
        assert find(image) == find(above) == find(image, with_command) == first
        for name, dockerfile in ((image, None), (image, "FROM python"), (above, with_command)):
            with pytest.raises(TypeError):
                find(name, dockerfile)
    text = f"FROM {image}\nCOPY more.css /{TREE}/site.css\n"
    other = find_static_layer(build_image(engine, tmp_path, above, text), "staticfiles")
    assert find(above, text) == other != first
    for record in (tmp_path / "cache").rglob("*.json"):
        record.write_text("{")
    assert find(image) == first


def test_image_without_the_tree(image: str, engine: DockerClient) -> None:
    assert found(engine, image, "elsewhere") is None
    with pytest.raises(StaticLayerNotFound):
        find_in_engine(engine, image, "elsewhere")


@pytest.mark.parametrize("last", [*HIDDEN.values(), None], ids=[*HIDDEN, "unchanged"])
def test_hidden_files_of_a_real_image_are_an_error(
    last: str | None, engine: DockerClient, tag: Callable[[str], str], tmp_path: Path
) -> None:
    for name in ("a.css", "b.css"):
        (tmp_path / name).write_text(name)
    lines = [
        "FROM python:3.13-slim",
        "WORKDIR /app",
        "COPY --link *.css /app/staticfiles/",
        last or "RUN touch /app/manage.py && chmod 0700 /app/staticfiles",
    ]
    dockerfile = "\n".join(lines)
    built = build_image(engine, tmp_path, tag(f"hidden-{uuid.uuid4().hex}"), dockerfile)
    if last is None:
        found = find_static_layer(built, "staticfiles")
        assert (found.files, found.diff_id) == (2, built.layers[-2].diff_id)
    else:
        with pytest.raises(StaticLayerNotFound, match=built.layers[-1].diff_id):
            find_static_layer(built, "staticfiles")
