"""Finding manage.py."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from buildstatic.errors import ProjectNotFound
from buildstatic.project.entry import find
from tests.project.tree import write


@pytest.mark.parametrize(
    "place",
    [
        pytest.param("manage.py", id="root"),
        pytest.param("backend/manage.py", id="one-below"),
        pytest.param("apps/backend/manage.py", id="two-below"),
        pytest.param("Ünïcode dir/manage.py", id="odd-name"),
    ],
)
def test_manage_py_is_found_down_to_two_levels(tmp_path: Path, place: str) -> None:
    write(tmp_path, {place: ""})
    assert find(tmp_path, None) == tmp_path / place


def test_the_shallowest_wins(tmp_path: Path) -> None:
    write(tmp_path, {"a/b/manage.py": "", "z/manage.py": "", "c/d/manage.py": ""})
    assert find(tmp_path, None) == tmp_path / "z/manage.py"


def test_three_levels_below_is_too_deep(tmp_path: Path) -> None:
    write(tmp_path, {"a/b/c/manage.py": ""})
    with pytest.raises(ProjectNotFound, match=r"no manage\.py"):
        find(tmp_path, None)


def test_several_at_one_depth_are_listed_and_manage_is_named(tmp_path: Path) -> None:
    write(tmp_path, {"shop/manage.py": "", "blog/manage.py": ""})
    with pytest.raises(ProjectNotFound) as caught:
        find(tmp_path, None)
    assert "blog/manage.py, shop/manage.py" in caught.value.problem
    assert caught.value.advice == "Name one: --manage blog/manage.py"


@pytest.mark.parametrize(
    "directory",
    [
        ".venv",
        "venv",
        "env",
        ".git",
        ".hidden",
        "node_modules",
        "site-packages",
        "vendor",
        "third_party",
        "build",
        "dist",
    ],
)
def test_hidden_and_vendored_directories_are_never_entered(tmp_path: Path, directory: str) -> None:
    write(tmp_path, {f"{directory}/manage.py": "", f"x/{directory}/manage.py": ""})
    with pytest.raises(ProjectNotFound):
        find(tmp_path, None)


def test_virtual_environments_are_never_entered_whatever_their_name(tmp_path: Path) -> None:
    write(tmp_path, {"python311/pyvenv.cfg": "", "python311/manage.py": "", "src/manage.py": ""})
    assert find(tmp_path, None) == tmp_path / "src/manage.py"


def test_links_to_directories_are_not_followed(tmp_path: Path) -> None:
    write(tmp_path, {"releases/2/manage.py": ""})
    (tmp_path / "current").symlink_to("releases/2")
    (tmp_path / "loop").symlink_to(".")
    assert find(tmp_path, None) == tmp_path / "releases/2/manage.py"


def test_a_directory_or_a_broken_link_is_no_manage_py(tmp_path: Path) -> None:
    (tmp_path / "manage.py").mkdir()
    (tmp_path / "a").mkdir()
    (tmp_path / "a/manage.py").symlink_to("nowhere")
    (tmp_path / "b").mkdir()
    (tmp_path / "b/manage.py").symlink_to("manage.py")
    with pytest.raises(ProjectNotFound):
        find(tmp_path, None)


def test_a_closed_directory_is_passed_by(closed: Path) -> None:
    write(closed.parent, {"site/manage.py": ""})
    assert find(closed.parent, None) == closed.parent / "site/manage.py"


@pytest.mark.parametrize(
    "named",
    [pytest.param("shop/manage.py", id="file"), pytest.param("shop", id="directory")],
)
def test_the_named_one_is_taken(tmp_path: Path, named: str) -> None:
    write(tmp_path, {"manage.py": "", "shop/manage.py": ""})
    assert find(tmp_path, named) == tmp_path / "shop/manage.py"


def test_the_named_one_may_have_another_name(tmp_path: Path) -> None:
    write(tmp_path, {"manage.py": "", "bin/run.py": ""})
    assert find(tmp_path, "bin/run.py") == tmp_path / "bin/run.py"


@pytest.mark.parametrize("named", ["nowhere/manage.py", "empty"])
def test_a_named_one_that_is_missing_is_said(tmp_path: Path, named: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ProjectNotFound, match=f"There is no {named}"):
        find(tmp_path, named)


def test_a_named_one_outside_of_the_root_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"manage.py": "", "root/x": ""})
    with pytest.raises(ProjectNotFound, match="outside"):
        find(tmp_path / "root", os.path.join("..", "manage.py"))  # noqa: PTH118
