"""The front end and its version of Node."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from buildstatic.project import Fact, Frontend, frontend
from tests.project.tree import write

BUILD = '{\n  "scripts": {\n    "dev": "vite",\n    "build": "vite build"\n  }\n}\n'


def find(root: Path, manage: str = ".", *, modules: bool = False) -> Fact[Frontend] | None:
    return frontend.find(root, (root / manage).resolve(), modules=modules)


@pytest.mark.parametrize(
    ("lock", "manager"),
    [
        ("package-lock.json", "npm"),
        ("npm-shrinkwrap.json", "npm"),
        ("pnpm-lock.yaml", "pnpm"),
        ("yarn.lock", "yarn"),
        ("bun.lock", "bun"),
        ("bun.lockb", "bun"),
    ],
)
def test_package_manager_by_lock_file(tmp_path: Path, lock: str, manager: str) -> None:
    write(tmp_path, {"package.json": BUILD, lock: ""})
    assert find(tmp_path) == Fact(Frontend(manager, ".", lock), "package.json:4")


def test_npm_without_lock_file(tmp_path: Path) -> None:
    write(tmp_path, {"package.json": BUILD})
    assert find(tmp_path) == Fact(Frontend("npm", ".", None), "package.json:4")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("pnpm@9.1.0+sha512.abc", ("pnpm", "pnpm-lock.yaml")),
        ("yarn@4", ("yarn", None)),
        ("deno@2", ("npm", "package-lock.json")),
        (4, ("npm", "package-lock.json")),
    ],
)
def test_package_manager_field_takes_precedence(
    tmp_path: Path, asked: object, expected: tuple[str, str | None]
) -> None:
    package = {"scripts": {"build": "x"}, "packageManager": asked}
    files = {"package.json": json.dumps(package), "package-lock.json": "", "pnpm-lock.yaml": ""}
    found = find(write(tmp_path, files))
    assert found is not None
    assert (found.value.manager, found.value.lock) == expected


@pytest.mark.parametrize(
    ("place", "directory"),
    [
        ("package.json", "."),
        ("src/package.json", "src"),
        ("assets/package.json", "assets"),
        ("src/theme/package.json", "src/theme"),
        ("a/b/package.json", None),
        ("node_modules/package.json", None),
        (".cache/package.json", None),
    ],
)
def test_front_end_is_searched_one_level_below(
    tmp_path: Path, place: str, directory: str | None
) -> None:
    write(tmp_path, {place: BUILD, "src/manage.py": ""})
    found = find(tmp_path, "src")
    assert (found.value.directory if found else None) == directory


def test_package_json_without_build_script_is_skipped(tmp_path: Path) -> None:
    package = '{"scripts": {"lint": "x"}, "dependencies": {}}'
    write(tmp_path, {"package.json": package, "frontend/package.json": BUILD})
    assert find(tmp_path) == Fact(Frontend("npm", "frontend", None), "frontend/package.json:4")


@pytest.mark.parametrize(
    "package", ["{}", '{"scripts": []}', '{"scripts": {"build": null}}', '{"scripts": "build"}']
)
def test_no_front_end_without_build_script(tmp_path: Path, package: str) -> None:
    assert find(write(tmp_path, {"package.json": package})) is None


def test_collected_packages_require_no_build_script(tmp_path: Path) -> None:
    write(tmp_path, {"package.json": '{\n"dependencies": {"htmx.org": "2"}}', "yarn.lock": ""})
    assert find(tmp_path) is None
    expected = Frontend("yarn", ".", "yarn.lock", build=False, modules=True)
    assert find(tmp_path, modules=True) == Fact(expected, "package.json:2")


def test_package_manager_configuration(tmp_path: Path) -> None:
    names = (".npmrc", "pnpm-workspace.yaml", ".pnpmfile.cjs", "bunfig.toml", ".yarnrc")
    inner = (".yarn/releases/yarn.cjs", ".yarn/plugins/x.cjs", "patches/x.patch")
    write(tmp_path, {f"web/{name}": "" for name in ("package.json", *names, *inner)})
    commented = "; //npm.example.org/:_authToken=x\n"
    write(tmp_path, {"web/package.json": BUILD, "web/.npmrc": commented})
    found = find(tmp_path)
    assert found is not None
    assert sorted(found.value.files) == sorted(names)
    assert sorted(found.value.directories) == [".yarn/plugins", ".yarn/releases", "patches"]
    assert found.value.secret == ""


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (".npmrc", "engine-strict=true\n//registry.npmjs.org/:_authToken=npm_x\n"),
        (".npmrc", "\n//npm.example.org/:_password = eA==\n"),
        (".npmrc", "\n_auth=eA==\n"),
        (".yarnrc.yml", 'npmRegistryServer: "x"\nnpmAuthToken: "x"\n'),
    ],
)
def test_configuration_with_password_is_excluded(tmp_path: Path, name: str, text: str) -> None:
    write(tmp_path, {"package.json": BUILD, "bunfig.toml": "", name: text})
    found = find(tmp_path)
    assert found is not None
    assert (found.value.files, found.value.secret) == (("bunfig.toml",), f"{name}:2")


@pytest.mark.parametrize(
    ("asked", "configuration", "kind"),
    [
        ("yarn@1.22.22", None, "classic"),
        (None, None, "classic"),
        ("yarn@4.5.0+sha512.abc", None, "pnp"),
        ("yarn@^3", "nodeLinker: node-modules\n", "berry"),
        (None, "yarnPath: .yarn/releases/yarn-4.cjs\nnodeLinker: pnpm\n", "berry"),
        (None, "", "pnp"),
        ("yarn@1.22.22", "", "classic"),
        ("npm@10", "", "classic"),
    ],
)
def test_yarn_variant(
    tmp_path: Path, asked: str | None, configuration: str | None, kind: str
) -> None:
    package = {"scripts": {"build": "x"}, "packageManager": asked}
    extra = {} if configuration is None else {".yarnrc.yml": configuration}
    found = find(write(tmp_path, {"package.json": json.dumps(package), "yarn.lock": "", **extra}))
    assert found is not None
    assert found.value.yarn == kind


def node_version(directory: Path, root: Path, package: Mapping[str, object]) -> int:
    content = {**package, "scripts": {"build": "x"}}
    write(directory, {"package.json": json.dumps(content)})
    found = frontend.find(root, root)
    assert found is not None
    return found.value.node


def engines(version_range: object) -> dict[str, object]:
    return {"engines": {"node": version_range}}


@pytest.mark.parametrize(
    ("text", "major"),
    [
        ("20", 20),
        ("v20.11.1\n", 20),
        ("# comment\n\n18.20\n", 18),
        ("lts/iron", 20),
        ("lts/*", 22),
        ("node", 22),
        ("", 22),
        ("9999", 22),
    ],
)
@pytest.mark.parametrize("name", [".nvmrc", ".node-version", "web/.nvmrc"])
def test_node_version_from_file(tmp_path: Path, name: str, text: str, major: int) -> None:
    write(tmp_path, {name: text, "web/package.json": "{}"})
    assert node_version(tmp_path / "web", tmp_path, {}) == major


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
def test_node_version_in_engines_range(tmp_path: Path, version_range: object, major: int) -> None:
    assert node_version(tmp_path, tmp_path, engines(version_range)) == major
