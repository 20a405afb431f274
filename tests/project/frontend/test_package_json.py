"""What the installation of a package.json reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from buildstatic.errors import ConfigInvalid
from buildstatic.project import Frontend
from buildstatic.project.frontend.package_json import read_frontend, read_package, workspaces
from tests.project.tree import write


def frontend(root: Path, directory: str = ".", **package: Any) -> Frontend:
    """Return the front end in *directory*, whose package.json has the keys *package*."""
    write(root, {f"{directory}/package.json": json.dumps(package)})
    found = read_package((root / directory).resolve(), root)
    members, _ = workspaces(found)
    return read_frontend(found, members, (), "")


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
    write(tmp_path, {f"web/{lock}": ""})
    version = "1" if manager == "yarn" else ""
    assert frontend(tmp_path, "web") == Frontend(manager, "web", f"web/{lock}", version=version)


def test_npm_without_lock_file(tmp_path: Path) -> None:
    assert frontend(tmp_path) == Frontend("npm", ".", None)


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
    write(tmp_path, {"package-lock.json": "", "pnpm-lock.yaml": ""})
    found = frontend(tmp_path, packageManager=asked)
    assert (found.manager, found.lock) == expected


@pytest.mark.parametrize(
    ("lock", "pinned", "version"),
    [
        ("lockfileVersion: 5.4\n", None, "7"),
        ("lockfileVersion: '6.0'\n", None, "8"),
        ("lockfileVersion: '9.0'\n", None, "10"),
        ("lockfileVersion: '99.0'\n", None, ""),
        ("lockfileVersion: '6.0'\n", "pnpm@8.15.0", ""),
    ],
)
def test_pnpm_version_by_lock_file(
    tmp_path: Path, lock: str, pinned: str | None, version: str
) -> None:
    write(tmp_path, {"pnpm-lock.yaml": lock})
    assert frontend(tmp_path, packageManager=pinned).version == version


def test_package_manager_configuration(tmp_path: Path) -> None:
    names = (".npmrc", "pnpm-workspace.yaml", ".pnpmfile.cjs", "bunfig.toml", ".yarnrc")
    inner = (".yarn/releases/yarn.cjs", ".yarn/plugins/x.cjs", "patches/x.patch")
    write(tmp_path, {f"web/{name}": "" for name in (*names, *inner)})
    write(tmp_path, {"web/.npmrc": "; //npm.example.org/:_authToken=x\n"})
    found = frontend(tmp_path, "web")
    assert sorted(found.files) == sorted(names)
    assert sorted(found.directories) == [".yarn/plugins", ".yarn/releases", "patches"]
    assert found.secret == ""


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (".npmrc", "engine-strict=true\n//registry.example.org/:_authToken=npm_x\n"),
        (".npmrc", "\n//npm.example.org/:_password = eA==\n"),
        (".npmrc", "\n_auth=eA==\n"),
        (".yarnrc.yml", 'npmRegistryServer: "x"\nnpmAuthToken: "x"\n'),
    ],
)
def test_configuration_with_password_is_excluded(tmp_path: Path, name: str, text: str) -> None:
    write(tmp_path, {"bunfig.toml": "", name: text})
    found = frontend(tmp_path)
    assert (found.files, found.secret) == (("bunfig.toml",), f"{name}:2")


@pytest.mark.parametrize(
    ("name", "text", "variables"),
    [
        (".npmrc", "//npm.example.org/:_authToken=${NPM_TOKEN}\n", ("NPM_TOKEN",)),
        (".npmrc", "#${NO}\ncafile=${HOME}/x\n", ()),
        (".yarnrc.yml", 'npmAuthToken: "${NPM_TOKEN}"\n', ("NPM_TOKEN",)),
        (".yarnrc.yml", 'npmAuthToken: "${NPM_TOKEN:-}"\n', ()),
    ],
)
def test_variables_of_the_configuration(
    tmp_path: Path, name: str, text: str, variables: tuple[str, ...]
) -> None:
    write(tmp_path, {name: text})
    found = frontend(tmp_path)
    assert (found.files, found.secret, found.variables) == ((name,), "", variables)


@pytest.mark.parametrize(
    ("text", "is_public"),
    [
        ("# of the site\nVITE_API=/api\nexport VITE_NAME='x'\n", True),
        ("REACT_APP_API=/api", True),
        ("VITE_API=/api\nSECRET_KEY=x\n", False),
        ("", False),
    ],
)
def test_environment_of_the_build_is_public(tmp_path: Path, text: str, is_public: bool) -> None:
    write(tmp_path, {"web/.env.production": text, "web/.env": "SECRET_KEY=x"})
    expected = (".env.production",) if is_public else ()
    assert frontend(tmp_path, "web").public_environment == expected


@pytest.mark.parametrize(
    ("package", "node", "needed"),
    [
        ({"devDependencies": {"webpack": "^4.46.0"}}, "", True),
        ({"dependencies": {"react-scripts": "4.0.3"}}, "", True),
        ({"devDependencies": {"webpack": "^4.46.0"}}, "16", False),
        ({"devDependencies": {"webpack": "^5.0.0", "webpack-cli": "^4"}}, "", False),
        ({"devDependencies": {"webpack": "latest"}}, "", False),
    ],
)
def test_webpack_before_openssl_3(
    tmp_path: Path, package: dict[str, Any], node: str, needed: bool
) -> None:
    write(tmp_path, {".nvmrc": node})
    assert frontend(tmp_path, **package).needs_legacy_openssl == needed


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
    write(tmp_path, {"yarn.lock": ""})
    write(tmp_path, {} if configuration is None else {".yarnrc.yml": configuration})
    found = frontend(tmp_path, packageManager=asked)
    assert (found.yarn, found.version) == (kind, "" if asked or kind != "classic" else "1")


MEMBERS = {
    f"{place}/package.json": "{}"
    for place in (
        "apps/web",
        "packages/ui",
        "packages/deep/er",
        "packages/ui/node_modules/x",
        "lib",
    )
}


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        (["packages/*"], ("packages/ui",)),
        (["./apps/web/", "lib"], ("apps/web", "lib")),
        ({"packages": ["apps/*"], "nohoist": []}, ("apps/web",)),
        (["packages/**"], ("packages/ui", "packages/deep/er")),
        (["{apps,packages}/*"], ("apps/web", "packages/ui")),
        (["packages/**", "!packages/deep/**"], ("packages/ui",)),
        (["none/*", 4], ()),
        ("packages/*", ()),
        (None, ()),
    ],
)
def test_workspaces(tmp_path: Path, listed: object, expected: tuple[str, ...]) -> None:
    found = frontend(write(tmp_path, MEMBERS), workspaces=listed)
    assert sorted(found.workspaces) == sorted(expected)


def test_workspaces_of_pnpm(tmp_path: Path) -> None:
    write(tmp_path, {**MEMBERS, "pnpm-workspace.yaml": "packages:\n  - apps/*\n  - '!lib'\n"})
    assert frontend(tmp_path).workspaces == ("apps/web",)


def test_workspaces_of_a_package_below_the_root(tmp_path: Path) -> None:
    write(tmp_path, {f"site/{name}": text for name, text in MEMBERS.items()})
    assert frontend(tmp_path, "site", workspaces=["../site/lib"]).workspaces == ("site/lib",)


@pytest.mark.parametrize("pattern", ["../shared/*", "../shared", "linked/*"])
def test_workspace_outside_of_the_project_is_a_note(tmp_path: Path, pattern: str) -> None:
    root = tmp_path / "project"
    write(tmp_path, {"shared/ui/package.json": "{}"})
    write(root, {"package.json": f'{{"name": "x",\n"workspaces": ["{pattern}"]}}'})
    (root / "linked").symlink_to(tmp_path / "shared")
    members, notes = workspaces(read_package(root, root))
    assert members == ()
    assert f"package.json:2 names the workspace {pattern}, which is outside" in notes[0]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"package.json": "{\n,}"}, "package.json:2: invalid JSON"),
        ({"package.json": "[]"}, "package.json:1: not a JSON object. Write an object"),
        ({"package.json": "{}", "pnpm-workspace.yaml": "a: 1\n- b"}, "yaml:2: invalid YAML"),
        (
            {"package.json": '{"workspaces": ["ui"]}', "ui/package.json": "{"},
            "ui/package.json:1: invalid JSON",
        ),
    ],
)
def test_invalid_file_is_an_error(tmp_path: Path, files: dict[str, str], message: str) -> None:
    write(tmp_path, files)
    with pytest.raises(ConfigInvalid, match=message):
        workspaces(read_package(tmp_path, tmp_path))


@pytest.mark.parametrize(
    ("package", "reason"),
    [
        ({"scripts": {"postinstall": "node x.js"}}, "package.json:1 runs postinstall"),
        ({"scripts": {"prepare": "husky"}}, ""),
        ({"dependencies": {"ui": "file:./ui"}}, "package.json:1 installs ui from the project"),
        ({"devDependencies": {"ui": "link:../ui"}}, "package.json:1 installs ui from the project"),
        ({"dependencies": {"ui": "workspace:*", "react": "^19"}}, ""),
    ],
)
def test_installation_that_needs_the_project(
    tmp_path: Path, package: dict[str, Any], reason: str
) -> None:
    assert frontend(tmp_path, **package).needs_sources == reason


def test_install_script_of_a_workspace_needs_the_project(tmp_path: Path) -> None:
    write(tmp_path, {"ui/package.json": '{"scripts": {\n"prepare": "vite build"}}'})
    found = frontend(tmp_path, workspaces=["ui"])
    assert found.needs_sources == "ui/package.json:2 runs prepare"


@pytest.mark.parametrize(
    ("version", "lock", "needs_git"),
    [
        ("^4.17.21", "", False),
        ("npm:other@1.0.0", "", False),
        ("github:user/repository", "", True),
        ("user/repository#v1", "", True),
        ("git+https://git.example.org/x.git", "", True),
        ("https://example.org/x.tgz", "", False),
        ("https://example.org/x.git#main", "", True),
        ("1.0.0", '"resolved": "git+ssh://git@github.com/user/x.git#1234"', True),
        ("1.0.0", '"resolved": "https://registry.example.org/x/-/x-1.0.0.tgz"', False),
    ],
)
def test_git_dependencies(tmp_path: Path, version: str, lock: str, needs_git: bool) -> None:
    write(tmp_path, {"package-lock.json": lock})
    assert frontend(tmp_path, devDependencies={"x": version}).needs_git == needs_git
