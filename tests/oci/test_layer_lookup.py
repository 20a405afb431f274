"""Finding the static layer by its content, and layers that hide it."""

from __future__ import annotations

import pytest

from buildstatic.errors import StaticLayerNotFound
from buildstatic.oci.layer_lookup import (
    Image,
    ImageLayer,
    StaticLayer,
    find_in_images,
    find_static_layer,
)
from buildstatic.oci.layer_reader import LayerEntry as Entry

BASE = ("usr/", "usr/bin/python", "app/")
CODE = ("app/", "app/manage.py", "app/mysite/settings.py")
TREE = ("app/", "app/staticfiles/", "app/staticfiles/a.css", "app/staticfiles/b/c.js")


def entry(path: str) -> Entry:
    """Return a directory if *path* ends in a slash, a symlink if in an @, else a file."""
    if path.endswith("/"):
        return Entry(path[:-1], "dir", 0)
    if path.endswith("@"):
        return Entry(path[:-1], "symlink", 0)
    return Entry(path, "file", 10)


def image(*layers: tuple[str, ...], working_dir: str = "/app") -> Image:
    return Image(
        "linux/amd64",
        working_dir,
        tuple(
            ImageLayer(f"sha256:{number}", f"sha256:packed{number}", tuple(map(entry, paths)))
            for number, paths in enumerate(layers)
        ),
    )


@pytest.mark.parametrize(
    ("layers", "position"),
    [
        ((TREE, BASE, CODE), 0),
        ((BASE, TREE, CODE), 1),
        ((BASE, CODE, TREE), 2),
        ((BASE, CODE, TREE, ("etc/passwd", "app/", "app/staticfiles.txt")), 2),
        (((*BASE, *CODE, *TREE),), 0),
        ((BASE, ("app/staticfiles/old.css",), TREE), 2),
    ],
)
def test_layer_with_the_static_files_is_found(
    layers: tuple[tuple[str, ...], ...], position: int
) -> None:
    found = find_static_layer(image(*layers), "staticfiles")
    assert (found.diff_id, found.digest) == (f"sha256:{position}", f"sha256:packed{position}")
    assert (found.path, found.files, found.bytes) == ("/app/staticfiles", 2, 20)


@pytest.mark.parametrize(
    ("static_root", "working_dir", "prefix"),
    [
        ("staticfiles", "/app", "app/staticfiles"),
        ("staticfiles", "/app/src", "app/src/staticfiles"),
        ("staticfiles", "/app/src", "app/staticfiles"),
        ("staticfiles", "/", "app/staticfiles"),
        ("public/static", "/srv/code", "srv/code/public/static"),
        ("/var/www/static", "/app", "var/www/static"),
        (None, "/app", "anywhere/at/all"),
    ],
)
def test_static_root_is_found_in_the_image(
    static_root: str | None, working_dir: str, prefix: str
) -> None:
    layer = (f"{prefix}/staticfiles.json", f"{prefix}/a.css")
    built = image(BASE, CODE, layer, working_dir=working_dir)
    found = find_static_layer(built, static_root)
    assert (found.path, found.files) == (f"/{prefix}", 2)


def test_hard_links_are_files_without_bytes() -> None:
    layer = ImageLayer(
        "sha256:1", None, (entry(TREE[2]), Entry("app/staticfiles/a.1.css", "link", 0))
    )
    found = find_static_layer(Image("linux/amd64", "/app", (layer,)), "staticfiles")
    assert found == StaticLayer("/app/staticfiles", 2, 10, "sha256:1", None)


@pytest.mark.parametrize("static_root", ["staticfiles", "/srv/static", None])
@pytest.mark.parametrize(
    "layers", [(BASE, CODE), (("app/staticfiles/",),), (("app/staticfiles/.wh.a.css",),), ()]
)
def test_image_without_static_files_is_an_error_if_they_are_required(
    static_root: str | None, layers: tuple[tuple[str, ...], ...]
) -> None:
    built = image(*layers)
    with pytest.raises(StaticLayerNotFound, match="COPY --link --from=static /layer/ /"):
        find_in_images([built], static_root)
    assert find_in_images([built], static_root, required=False) is None


@pytest.mark.parametrize(
    "later",
    [
        "app/staticfiles/a.css",
        "app/staticfiles/b/c.js/",
        "app/staticfiles/.wh.a.css",
        "app/staticfiles/b/.wh..wh..opq",
        "app/staticfiles/.wh..wh..opq",
        "app/.wh.staticfiles",
        "app/.wh..wh..opq",
        ".wh.app",
        ".wh..wh..opq",
        "app",
        "app@",
        "app/staticfiles@",
        "app/staticfiles/b",
    ],
)
def test_later_layer_that_hides_a_file_is_an_error(later: str) -> None:
    with pytest.raises(StaticLayerNotFound, match=r"later layer \(sha256:2\) hides /"):
        find_static_layer(image(BASE, TREE, (later,), CODE), "staticfiles")
    find_static_layer(image(BASE, (later,), TREE, CODE), "staticfiles")


@pytest.mark.parametrize(
    "later",
    [
        "app/",
        "app/staticfiles/",
        "app/staticfiles/new.css",
        "app/staticfiles/.wh.old.css",
        "app/mysite/.wh..wh..opq",
        "app/.wh.staticfiles.old",
        "srv/staticfiles/a.css",
    ],
)
def test_later_layer_that_hides_nothing_is_accepted(later: str) -> None:
    assert find_static_layer(image(BASE, TREE, (later,)), "staticfiles").files == 2


def test_files_of_earlier_layers_are_counted_as_older() -> None:
    before = ("app/staticfiles/a.css", "app/staticfiles/old.css", "app/staticfiles/older.css")
    whole = (*TREE, "app/staticfiles/d.css", "app/staticfiles/e.css")
    assert find_static_layer(image(before[:2], before, whole), "staticfiles").older == 2
    assert find_static_layer(image(whole), "staticfiles").older == 0
