"""The front-end build."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from buildstatic.errors import ConfigInvalid
from buildstatic.project import frontend
from buildstatic.project.model import Fact, Frontend
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
def test_the_lock_file_says_who_installs(tmp_path: Path, lock: str, manager: str) -> None:
    write(tmp_path, {"package.json": BUILD, lock: ""})
    assert find(tmp_path) == Fact(Frontend(manager, ".", lock), "package.json:4")


def test_without_a_lock_file_it_is_npm(tmp_path: Path) -> None:
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
def test_package_manager_decides_between_lock_files(
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
def test_it_is_in_the_root_beside_manage_py_or_one_level_below(
    tmp_path: Path, place: str, directory: str | None
) -> None:
    write(tmp_path, {place: BUILD, "src/manage.py": ""})
    found = find(tmp_path, "src")
    assert (found.value.directory if found else None) == directory


def test_one_without_a_build_script_gives_way(tmp_path: Path) -> None:
    package = '{"scripts": {"lint": "x"}, "dependencies": {}}'
    write(tmp_path, {"package.json": package, "frontend/package.json": BUILD})
    assert find(tmp_path) == Fact(Frontend("npm", "frontend", None), "frontend/package.json:4")


@pytest.mark.parametrize(
    "package", ["{}", '{"scripts": []}', '{"scripts": {"build": null}}', '{"scripts": "build"}']
)
def test_no_build_script_is_no_front_end(tmp_path: Path, package: str) -> None:
    assert find(write(tmp_path, {"package.json": package})) is None


def test_installed_packages_that_are_collected_need_no_build_script(tmp_path: Path) -> None:
    write(tmp_path, {"package.json": '{\n"dependencies": {"htmx.org": "2"}}', "yarn.lock": ""})
    assert find(tmp_path) is None
    expected = Frontend("yarn", ".", "yarn.lock", build=False, modules=True)
    assert find(tmp_path, modules=True) == Fact(expected, "package.json:2")


def test_the_node_is_the_one_asked_for(tmp_path: Path) -> None:
    write(tmp_path, {"package.json": BUILD, ".nvmrc": "20"})
    found = find(tmp_path)
    assert found is not None
    assert found.value.node == 20


def test_the_manager_s_own_configuration_is_known(tmp_path: Path) -> None:
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
def test_configuration_with_a_password_is_set_apart(tmp_path: Path, name: str, text: str) -> None:
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
def test_yarn_is_the_classic_one_or_berry(
    tmp_path: Path, asked: str | None, configuration: str | None, kind: str
) -> None:
    package = {"scripts": {"build": "x"}, "packageManager": asked}
    extra = {} if configuration is None else {".yarnrc.yml": configuration}
    found = find(write(tmp_path, {"package.json": json.dumps(package), "yarn.lock": "", **extra}))
    assert found is not None
    assert found.value.yarn == kind


def test_a_broken_package_json_is_said_with_its_line(tmp_path: Path) -> None:
    write(tmp_path, {"package.json": '{\n"scripts": {,}\n}'})
    with pytest.raises(ConfigInvalid, match=r"^package.json:2: invalid JSON"):
        find(tmp_path)
