"""Layer roots and STATIC_ROOTs that are refused, because a layer would do damage."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from buildstatic.collect.layer_root import Locations, check_layer_parents, check_layer_root
from buildstatic.errors import StaticRootInvalid
from tests.collect.conftest import Collect
from tests.collect.sites import PLACE, Site, contents

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can own what is tested here")


@pytest.fixture
def app() -> Iterator[Path]:
    """A directory of root with mode 0755, directly below ``/``."""
    path = Path(tempfile.mkdtemp(prefix="buildstatic-tests-", dir="/"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def tree(path: Path) -> Locations:
    return Locations(path, None)


@as_root
@pytest.mark.parametrize("mode", [0o755, 0o775, 0o555], ids=oct)
def test_directories_of_root_are_accepted(app: Path, mode: int) -> None:
    app.chmod(mode)
    check_layer_parents(tree(app / "not" / "yet" / "there"))
    (app / "staticfiles").mkdir(mode=0o700)
    check_layer_parents(tree(app / "staticfiles"))


@as_root
@pytest.mark.parametrize(
    ("owner", "group", "mode"),
    [
        pytest.param(10001, 0, 0o755, id="foreign-owner"),
        pytest.param(0, 10001, 0o775, id="writable-for-a-foreign-group"),
        pytest.param(0, 0, 0o700, id="private"),
        pytest.param(0, 0, 0o1777, id="like-tmp"),
        pytest.param(0, 0, 0o2755, id="setgid"),
    ],
)
def test_parents_that_would_change_are_refused(
    app: Path, owner: int, group: int, mode: int
) -> None:
    parent = app / "code"
    parent.mkdir()
    os.chown(parent, owner, group)
    parent.chmod(mode)
    with pytest.raises(StaticRootInvalid) as raised:
        check_layer_parents(tree(parent / "staticfiles"))
    assert f"would change {parent} to a root-owned directory" in raised.value.problem
    assert f"belongs to {owner}:{group} with mode {mode:04o}" in raised.value.problem
    assert "/app/staticfiles" in raised.value.advice


@as_root
@pytest.mark.parametrize("depth", ["", "static", "static/files"], ids=["place", "parent", "above"])
def test_symbolic_links_in_the_path_are_refused(app: Path, depth: str) -> None:
    (app / "real").mkdir()
    (app / "link").symlink_to("real")
    with pytest.raises(StaticRootInvalid) as raised:
        check_layer_parents(tree(app / "link" / depth))
    assert (
        f"{app / 'link'} to a root-owned directory, mode 0755, "
        "but it is a symbolic link to real" in (raised.value.problem)
    )
    assert raised.value.advice.endswith(f": {app / 'real' / depth}")


@as_root
def test_parent_that_is_a_file_is_refused(app: Path) -> None:
    (app / "file").touch()
    with pytest.raises(StaticRootInvalid, match="it is not a directory"):
        check_layer_parents(tree(app / "file" / "static"))


@as_root
def test_separate_manifest_directory_is_checked(app: Path) -> None:
    app.chmod(0o700)
    check_layer_parents(tree(Path(PLACE)))
    with pytest.raises(StaticRootInvalid):
        check_layer_parents(Locations(Path(PLACE), app))


@pytest.mark.parametrize(
    ("root", "message"),
    [
        pytest.param("project", "is the project's root", id="project"),
        pytest.param(".", "contains the project", id="parent"),
        pytest.param("/", "contains the project", id="slash"),
        pytest.param("project/staticfiles", "is STATIC_ROOT", id="static-root"),
        pytest.param("link", "is the project's root", id="link-to-the-project"),
    ],
)
def test_layer_root_that_contains_the_project_is_refused(
    tmp_path: Path, root: str, message: str
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (tmp_path / "link").symlink_to("project")
    with pytest.raises(StaticRootInvalid, match=message):
        check_layer_root(tmp_path / root, project, tree(project / "staticfiles"))


@pytest.mark.parametrize(
    "other", ["notes.txt", "app/notes.txt", "app/old/staticfiles/site.css", "home"]
)
def test_layer_root_with_other_files_is_refused(tmp_path: Path, other: str) -> None:
    layer = tmp_path / "layer"
    (layer / other).parent.mkdir(parents=True)
    (layer / other).touch()
    with pytest.raises(StaticRootInvalid, match="contains other files: "):
        check_layer_root(layer, tmp_path / "project", tree(Path("/app/staticfiles")))
    assert (layer / other).exists()


def test_links_in_a_layer_root_are_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere/staticfiles").mkdir(parents=True)
    (tmp_path / "layer").mkdir()
    (tmp_path / "layer/app").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StaticRootInvalid, match="contains other files: app"):
        check_layer_root(tmp_path / "layer", tmp_path / "project", tree(Path("/app/staticfiles")))


def test_earlier_content_is_accepted(tmp_path: Path) -> None:
    for name in ("layer/app/staticfiles/old/site.css", "layer/srv/staticfiles.json"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    places = Locations(Path("/app/staticfiles"), Path("/srv"))
    check_layer_root(tmp_path / "layer", tmp_path / "project", places)


def test_refused_static_root_writes_nothing(site: Site, collect: Collect) -> None:
    layer = site.root.parent / "layer"
    before = contents(site.root)
    ran = collect(site, "--noinput", "--layer-root", layer)
    assert ran.code == 20
    assert f"A layer with {site.tree} would change " in ran.err
    assert not layer.exists()
    assert {name for name in contents(site.root) if "__pycache__" not in name} == set(before)


def test_refused_layer_root_is_not_emptied(site: Site, collect: Collect) -> None:
    site.place()
    ran = collect(site, "--noinput", "--layer-root", site.root)
    assert ran.code == 20
    assert "Give --layer-root a directory of its own, such as /layer." in ran.err
    assert site.settings.exists()
