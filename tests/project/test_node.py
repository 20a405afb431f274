"""The Node that a front-end asks for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from buildstatic.project import frontend
from tests.project.tree import write


def node_version(directory: Path, root: Path, package: Mapping[str, object]) -> int:
    content = {**package, "scripts": {"build": "x"}}
    write(directory, {"package.json": json.dumps(content)})
    found = frontend.find(root, root)
    assert found is not None
    return found.value.node


def engines(wanted: object) -> dict[str, object]:
    return {"engines": {"node": wanted}}


@pytest.mark.parametrize(
    ("text", "major"),
    [
        ("20", 20),
        ("v20.11.1\n", 20),
        ("# ours\n\n18.20\n", 18),
        ("lts/iron", 20),
        ("lts/*", 22),
        ("node", 22),
        ("", 22),
        ("9999", 22),
    ],
)
@pytest.mark.parametrize("name", [".nvmrc", ".node-version", "web/.nvmrc"])
def test_a_file_names_the_version(tmp_path: Path, name: str, text: str, major: int) -> None:
    write(tmp_path, {name: text, "web/package.json": "{}"})
    assert node_version(tmp_path / "web", tmp_path, {}) == major


def test_the_nearest_file_goes_before_the_package(tmp_path: Path) -> None:
    write(tmp_path, {".nvmrc": "18", "web/.node-version": "20"})
    package = {"volta": {"node": "24.1.0"}, **engines("^16")}
    assert node_version(tmp_path / "web", tmp_path, package) == 20
    assert node_version(tmp_path, tmp_path, package) == 18


def test_voltas_version_goes_before_a_range(tmp_path: Path) -> None:
    assert node_version(tmp_path, tmp_path, {"volta": {"node": "20.1.0"}, **engines(">=18")}) == 20


@pytest.mark.parametrize(
    ("wanted", "major"),
    [
        ("20", 20),
        ("20.x", 20),
        ("^20.9.0", 20),
        ("~20.9", 20),
        ("=20", 20),
        (">=18", 22),
        (">= 18.0.0", 22),
        (">=24", 24),
        (">23", 24),
        (">=18 <21", 20),
        (">=18.0.0 <=20", 20),
        ("<22", 20),
        ("<22.5", 22),
        ("18 - 20", 20),
        ("^18 || ^20 || >=22", 22),
        ("^18 || ^20", 20),
        ("21", 21),
        ("*", 22),
        ("", 22),
        ("<4", 22),
        (20, 22),
        (None, 22),
    ],
)
def test_of_a_range_it_is_the_usual_one_or_the_nearest(
    tmp_path: Path, wanted: object, major: int
) -> None:
    assert node_version(tmp_path, tmp_path, engines(wanted)) == major
