"""What .gitignore and .dockerignore keep out, and what they let in."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.checks.projects import codes, one, repository, sound

DOCKER = {"Dockerfile": "FROM scratch\n"}


def test_a_tree_that_git_does_not_ignore_is_found_where_there_is_git(tmp_path: Path) -> None:
    root = sound(tmp_path)
    assert codes(root) == []
    finding = one(repository(root), "gitignore-lacks-static-root")
    assert (finding.place, finding.fix) == (".gitignore", "Add /staticfiles/")


@pytest.mark.parametrize("pattern", ["staticfiles", "/staticfiles/", "static*/", "*"], ids=str)
def test_a_tree_that_git_ignores_is_well(tmp_path: Path, pattern: str) -> None:
    root = repository(sound(tmp_path, {".gitignore": f"{pattern}\n"}), "shop", "blog", "assets")
    assert codes(root) == []


def test_a_repository_above_the_project_counts(tmp_path: Path) -> None:
    root = sound(tmp_path / "backend")
    (tmp_path / ".gitignore").write_text("staticfiles/\n")
    repository(tmp_path)
    assert codes(root) == []


@pytest.mark.parametrize(
    ("text", "place"),
    [
        pytest.param("*.pyc\nstatic/\n", ".gitignore:2", id="at-any-depth"),
        pytest.param("/shop/*\n!/shop/*.py\n", ".gitignore:1", id="by-name"),
    ],
)
def test_sources_that_git_ignores_are_found(tmp_path: Path, text: str, place: str) -> None:
    root = repository(sound(tmp_path, {".gitignore": f"{text}staticfiles/\n"}), "blog")
    finding = one(root, "gitignore-drops-sources")
    assert finding.place == place
    assert "git ignores shop/static" in finding.what


def test_sources_that_are_in_git_though_a_pattern_ignores_them_are_well(tmp_path: Path) -> None:
    root = sound(tmp_path, {".gitignore": "static/\nstaticfiles/\n"})
    assert codes(repository(root, "shop", "blog")) == []


def test_a_tree_that_goes_into_the_build_is_found_where_there_is_docker(tmp_path: Path) -> None:
    root = sound(tmp_path, {"Dockerfile": "FROM scratch\n"})
    finding = one(root, "dockerignore-lacks-static-root")
    assert (finding.place, finding.fix) == (".dockerignore", "Add staticfiles")
    (root / ".dockerignore").write_text("**/staticfiles\n")
    assert codes(root) == []


def test_the_dockerignore_of_the_dockerfile_goes_before_the_other(tmp_path: Path) -> None:
    root = sound(tmp_path, {**DOCKER, ".dockerignore": "staticfiles\n"})
    (root / "Dockerfile.dockerignore").write_text("*.pyc\n")
    assert one(root, "dockerignore-lacks-static-root").place == "Dockerfile.dockerignore"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        pytest.param("staticfiles\n**/static\n!blog/static\n", ".dockerignore:2", id="deep"),
        pytest.param("*\n!blog\n!assets\n", ".dockerignore:1", id="all-but"),
        pytest.param("staticfiles\nshop\n", ".dockerignore:2", id="the-app"),
    ],
)
def test_sources_that_a_build_does_not_get_are_found(tmp_path: Path, text: str, place: str) -> None:
    finding = one(sound(tmp_path, {".dockerignore": text}), "dockerignore-drops-sources")
    assert finding.place == place
    assert "keeps shop/static out of the build" in finding.what


def test_a_source_of_which_something_is_let_in_is_well(tmp_path: Path) -> None:
    text = "staticfiles\n**/*.svg\n"
    assert codes(sound(tmp_path, {".dockerignore": text})) == []


def test_what_the_front_end_builds_may_be_kept_out(tmp_path: Path) -> None:
    files = {
        "package.json": '{"scripts": {"build": "vite build"}}',
        "package-lock.json": "{}",
        ".dockerignore": "staticfiles\nassets\n",
    }
    assert codes(sound(tmp_path, files)) == []


def test_a_pattern_that_no_builder_takes_is_none_of_ours(tmp_path: Path) -> None:
    assert codes(sound(tmp_path, {".dockerignore": "[\n"})) == []
