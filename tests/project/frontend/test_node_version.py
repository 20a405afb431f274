"""The version of Node that a package.json asks for."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildstatic.project.frontend.node_version import node_version
from tests.project.tree import write


def engines(version_range: object) -> dict[str, object]:
    return {"engines": {"node": version_range}}


@pytest.mark.parametrize(
    ("text", "major"),
    [
        ("20", 20),
        ("v20.11.1\n", 20),
        ("# comment\n\n18.20\n", 18),
        ("lts/iron", 20),
        ("lts/lithium", 26),
        ("lts/*", 26),
        ("node", 26),
        ("", 26),
        ("9999", 26),
    ],
)
@pytest.mark.parametrize("name", [".nvmrc", ".node-version", "web/.nvmrc"])
def test_node_version_from_file(tmp_path: Path, name: str, text: str, major: int) -> None:
    write(tmp_path, {name: text, "web/package.json": "{}"})
    assert node_version(tmp_path / "web", tmp_path, {}) == major


@pytest.mark.parametrize("line", ["nodejs 20.11.0", "python 3.13\n  node lts-iron\nnodejs v20"])
def test_node_version_from_tool_versions(tmp_path: Path, line: str) -> None:
    assert node_version(write(tmp_path, {".tool-versions": line}), tmp_path, {}) == 20


def test_node_version_file_takes_precedence(tmp_path: Path) -> None:
    write(tmp_path, {".nvmrc": "18", "web/.node-version": "20"})
    package = {"volta": {"node": "24.1.0"}, **engines("^16")}
    assert node_version(tmp_path / "web", tmp_path, package) == 20
    assert node_version(tmp_path, tmp_path, package) == 18


def test_volta_takes_precedence_over_engines(tmp_path: Path) -> None:
    assert node_version(tmp_path, tmp_path, {"volta": {"node": "20.1.0"}, **engines(">=18")}) == 20


@pytest.mark.parametrize(
    ("version_range", "major"),
    [
        ("20", 20),
        ("20.x", 20),
        ("^20.9.0", 20),
        ("~20.9", 20),
        ("=20", 20),
        (">=18", 26),
        (">= 18.0.0", 26),
        (">=24", 26),
        (">23", 26),
        (">=18 <21", 20),
        (">=18.0.0 <=20", 20),
        ("<22", 20),
        ("<22.5", 22),
        ("18 - 20", 20),
        ("^18 || ^20 || >=22", 26),
        ("^18 || ^20", 20),
        ("21", 21),
        ("*", 26),
        ("", 26),
        ("<4", 26),
        (20, 26),
        (None, 26),
    ],
)
def test_node_version_in_engines_range(tmp_path: Path, version_range: object, major: int) -> None:
    assert node_version(tmp_path, tmp_path, engines(version_range)) == major
