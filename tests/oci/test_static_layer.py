"""Finding the static layer by its content, and layers that hide it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from buildstatic.errors import StaticLayerNotFound
from buildstatic.oci.layer_reader import LayerEntry as Entry
from buildstatic.oci.static_layer import Image, ImageLayer, StaticLayer, find_static_layer
from tests.oci.scratch import build_image

if TYPE_CHECKING:
    from docker import DockerClient


from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from buildstatic.errors import StaticRootInvalid
from buildstatic.oci.static_layer import check_layer_location, check_target_path
from buildstatic.project import Fact, Project
from tests.dockerfile.variants import plain
from tests.engine import inside

if TYPE_CHECKING:
    from docker import DockerClient


BASE = ("usr/", "usr/bin/python", "app/")
CODE = ("app/", "app/manage.py", "app/mysite/settings.py")
TREE = ("app/", "app/staticfiles/", "app/staticfiles/a.css", "app/staticfiles/b/c.js")
HIDDEN = {
    "removed": "RUN rm /app/staticfiles/a.css",
    "recreated": "RUN rm -r /app/staticfiles && mkdir /app/staticfiles",
    "a link in place of its parent": "RUN rm -r /app && ln -s /srv /app",
}
# Directories that are not used as STATIC_ROOT
SYSTEM = ("/etc", "/usr", "/var/lib", "/var/cache", "/var/log", "/var/spool")


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
def test_image_without_static_files_is_an_error(
    static_root: str | None, layers: tuple[tuple[str, ...], ...]
) -> None:
    with pytest.raises(StaticLayerNotFound, match="COPY --link --from=static /layer/ /"):
        find_static_layer(image(*layers), static_root)


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


@pytest.mark.engine
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


def project_with(root: Path, static_root: str) -> Project:
    return plain(root, static_root=Fact(static_root, "mysite/settings.py:120"))


@pytest.mark.parametrize(
    ("static_root", "directory", "reason"),
    [
        ("/tmp", "/tmp", "of mode 1777"),
        ("/tmp/static", "/tmp", "of mode 1777"),
        ("/var/tmp/x/y", "/var/tmp", "of mode 1777"),
        ("/var/run", "/var/run", "a symlink"),
        ("/var/run/static", "/var/run", "a symlink"),
        ("/lib/static", "/lib", "a symlink"),
        ("/data", "/data", "owned by the application"),
        ("/root/static", "/root", "of mode 0700"),
        ("/proc/static", "/proc", "not part of an image"),
        ("/srv/../tmp/static", "/tmp", "of mode 1777"),
        ("../tmp/static", "/tmp", "of mode 1777"),
        ("/app", "/app", "more than the static files"),
        (".", "/app", "more than the static files"),
        ("static/..", "/app", "more than the static files"),
        ("/", "/", "more than the static files"),
        ("..", "/", "more than the static files"),
    ],
)
def test_special_directories_are_refused(
    static_root: str, directory: str, reason: str, tmp_path: Path
) -> None:
    with pytest.raises(StaticRootInvalid, match="STATIC_ROOT is ") as refusal:
        check_layer_location(project_with(tmp_path, static_root))
    assert "mysite/settings.py:120" in refusal.value.problem
    assert f": {directory} " in refusal.value.problem
    assert reason in refusal.value.problem
    assert "BASE_DIR" in refusal.value.advice


@pytest.mark.parametrize(
    "static_root",
    [
        "staticfiles",
        "/app/staticfiles",
        "public/static",
        "/srv/static",
        "/var/www/static",
        "/usr/share/nginx/html",
        "/tmpfiles/static",
        "/database/static",
        "../static",
    ],
)
def test_other_directories_are_accepted(static_root: str, tmp_path: Path) -> None:
    (tmp_path / "public").mkdir()
    check_layer_location(project_with(tmp_path, static_root))
    check_layer_location(plain(tmp_path, static_root=None))


@pytest.mark.parametrize("static_root", ["linked/static", "linked/a/b", "/app/linked/static"])
def test_symlink_in_the_project_is_refused_as_a_parent(static_root: str, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "linked").symlink_to("real")
    with pytest.raises(StaticRootInvalid, match="/app/linked is a symlink"):
        check_layer_location(project_with(tmp_path, static_root))
    check_layer_location(project_with(tmp_path, "real/static"))


def test_static_root_itself_may_be_a_symlink(tmp_path: Path) -> None:
    (tmp_path / "staticfiles").symlink_to("/var/www/static")
    check_layer_location(project_with(tmp_path, "staticfiles"))


@pytest.mark.parametrize(
    "path",
    ["/", "/tmp/static", "/var/run", "/data/static", "/bin/x", "/srv/.wh.static", "/.wh.a/static"],
)
def test_target_path_in_a_special_directory_is_refused(path: str) -> None:
    with pytest.raises(StaticRootInvalid):
        check_target_path(PurePosixPath(path))


@pytest.mark.parametrize("path", ["/app/staticfiles", "/.static/files", "/a.wh.b"])
def test_target_path_of_its_own_is_accepted(path: str) -> None:
    check_target_path(PurePosixPath(path))


@pytest.mark.engine
@pytest.mark.parametrize("kind", ["-type l -xtype d", "-type d -not -perm 0755"])
def test_every_such_directory_of_the_base_image_is_refused(
    kind: str, engine: DockerClient, tmp_path: Path
) -> None:
    script = f"find / -xdev -mindepth 1 -maxdepth 2 {kind}"
    found = inside(engine, "python:3.13-slim", script).split()
    directories = [path for path in found if not path.startswith(SYSTEM)]
    assert {"/tmp", "/var/run"} & {*directories}
    for directory in directories:
        with pytest.raises(StaticRootInvalid):
            check_layer_location(project_with(tmp_path, f"{directory}/static"))
