"""A STATIC_ROOT that a layer of its own would damage is refused before the build."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from buildstatic.errors import StaticRootInvalid
from buildstatic.oci.layer_location import check_static_root
from buildstatic.project import Fact, Project
from tests.engine import inside
from tests.oci.variants import plain

if TYPE_CHECKING:
    from docker import DockerClient


def at(root: Path, static_root: str) -> Project:
    return plain(root, static_root=Fact(static_root, "mysite/settings.py:120"))


@pytest.mark.parametrize(
    ("static_root", "place", "reason"),
    [
        ("/tmp", "/tmp", "of mode 1777"),
        ("/tmp/static", "/tmp", "of mode 1777"),
        ("/var/tmp/x/y", "/var/tmp", "of mode 1777"),
        ("/var/run", "/var/run", "a symlink"),
        ("/var/run/static", "/var/run", "a symlink"),
        ("/lib/static", "/lib", "a symlink"),
        ("/bin", "/bin", "a symlink"),
        ("/data", "/data", "owned by the application"),
        ("/data/static", "/data", "owned by the application"),
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
def test_a_place_that_is_not_a_plain_directory_of_roots_is_refused(
    static_root: str, place: str, reason: str, tmp_path: Path
) -> None:
    with pytest.raises(StaticRootInvalid, match="STATIC_ROOT is ") as refusal:
        check_static_root(at(tmp_path, static_root))
    assert "mysite/settings.py:120" in refusal.value.problem
    assert f": {place} " in refusal.value.problem
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
        "/opt/static",
        "../static",
    ],
)
def test_any_other_place_is_let_through(static_root: str, tmp_path: Path) -> None:
    (tmp_path / "public").mkdir()
    check_static_root(at(tmp_path, static_root))
    check_static_root(plain(tmp_path, static_root=None))


@pytest.mark.parametrize("static_root", ["linked/static", "linked/a/b", "/app/linked/static"])
def test_a_place_below_a_symlink_in_the_project_is_refused(
    static_root: str, tmp_path: Path
) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "linked").symlink_to("real")
    with pytest.raises(StaticRootInvalid, match="/app/linked is a symlink"):
        check_static_root(at(tmp_path, static_root))
    check_static_root(at(tmp_path, "real/static"))


def test_the_tree_itself_may_be_a_link_here_for_it_is_not_sent(tmp_path: Path) -> None:
    (tmp_path / "staticfiles").symlink_to("/var/www/static")
    check_static_root(at(tmp_path, "staticfiles"))


# Nobody's STATIC_ROOT.
OTHERS = ("/etc", "/usr", "/var/lib", "/var/cache", "/var/log", "/var/spool")


@pytest.mark.engine
@pytest.mark.parametrize("kind", ["-type l -xtype d", "-type d -not -perm 0755"])
def test_whatever_the_base_image_has_of_that_kind_is_refused(
    kind: str, engine: DockerClient, tmp_path: Path
) -> None:
    script = f"find / -xdev -mindepth 1 -maxdepth 2 {kind}"
    found = inside(engine, "python:3.13-slim", script).split()
    places = [place for place in found if not place.startswith(OTHERS)]
    assert {"/tmp", "/var/run"} & {*places}
    for place in places:
        with pytest.raises(StaticRootInvalid):
            check_static_root(at(tmp_path, f"{place}/static"))
