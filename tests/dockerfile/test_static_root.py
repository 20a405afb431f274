"""Where STATIC_ROOT is in the image, and where it may be a separate layer."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pytest

from buildstatic.dockerfile.layer_location import check_layer_location, check_target_path
from buildstatic.dockerfile.static_root import static_root_in_image
from buildstatic.errors import StaticRootInvalid
from buildstatic.project import Fact, Project
from tests.dockerfile.variants import plain
from tests.engine import inside

if TYPE_CHECKING:
    from docker import DockerClient

# Directories that are not used as STATIC_ROOT
SYSTEM = ("/etc", "/usr", "/var/lib", "/var/cache", "/var/log", "/var/spool")


@pytest.mark.parametrize(
    ("static_root", "tree"),
    [
        pytest.param("staticfiles", "/app/staticfiles", id="in the root"),
        pytest.param("src/static", "/app/src/static", id="in a directory"),
        pytest.param("/srv/static", "/srv/static", id="outside"),
        pytest.param("../static", "/static", id="above"),
        pytest.param(None, "/app/staticfiles", id="unknown"),
    ],
)
def test_static_root_in_image(static_root: str | None, tree: str) -> None:
    fact = Fact(static_root, "settings.py:1") if static_root else None
    assert static_root_in_image(plain(Path("/x"), static_root=fact)) == tree


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


def test_data_directory_is_accepted_if_the_application_does_not_own_it(tmp_path: Path) -> None:
    check_layer_location(project_with(tmp_path, "/data/static"), owns_data=False)


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
