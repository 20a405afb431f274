"""The front ends of a project: which package.json are installed and built, and how."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from buildstatic.errors import ConfigInvalid
from buildstatic.project import Fact, frontend, static_files
from buildstatic.project.config import load
from buildstatic.project.files import Search
from buildstatic.project.frontend import Frontends
from tests.project.tree import read, write

BASE = "import os\nfrom pathlib import Path\nBASE_DIR = Path(__file__).resolve().parent.parent\n"
BUILD = '{\n  "scripts": {\n    "dev": "vite",\n    "build": "vite build"\n  }\n}\n'
PACKAGES = '{\n"dependencies": {"htmx.org": "2"}}'


def find(root: Path, files: Mapping[str, str], settings: str = "", manage: str = ".") -> Frontends:
    """Return the front ends of a project with *files*, and manage.py in *manage*."""
    write(root, files)
    found = read(root, {"mysite/settings.py": BASE + settings})
    search = Search(root, (root / manage).resolve())
    modules = static_files.node_modules(found, search)
    return frontend.find(found, search, modules, load(root))


def commands(frontends: Frontends) -> list[tuple[str, str]]:
    return [command for fact in frontends.found for command in fact.value.commands]


@pytest.mark.parametrize(
    ("place", "settings"),
    [
        pytest.param(".", "", id="in-the-root"),
        pytest.param("src", "", id="beside-manage"),
        pytest.param("web", "STATICFILES_DIRS = [BASE_DIR / 'web/dist']", id="static-files-dirs"),
        pytest.param("static", "STATICFILES_DIRS = [BASE_DIR / 'static']", id="that-directory"),
        pytest.param("a/b/web", "TEMPLATES = [{'DIRS': [BASE_DIR / 'a/b/web/dist']}]", id="deep"),
        pytest.param("web", "WHITENOISE_ROOT = BASE_DIR / 'web' / 'public'", id="another-setting"),
        pytest.param(
            "web",
            "WEBPACK_LOADER = {'DEFAULT': {'STATS_FILE': BASE_DIR / 'web/webpack-stats.json'}}",
            id="setting-of-a-package",
        ),
        pytest.param("shop/static_src", "INSTALLED_APPS = ['shop.apps.Shop']", id="app"),
        pytest.param("shop/js/src", "TAILWIND_APP_NAME = 'shop'", id="theme-of-tailwind"),
        pytest.param(
            "shop/static_src",
            "import os\nTAILWIND_APP_NAME = os.environ.get('THEME', 'shop')",
            id="theme-of-a-variable",
        ),
        pytest.param(
            "apps/look/static_src", "TAILWIND_APP_NAME = 'apps.look'", id="theme-in-a-package"
        ),
    ],
)
def test_front_end_that_the_settings_name(tmp_path: Path, place: str, settings: str) -> None:
    files = {f"{place}/package.json": BUILD, "shop/apps.py": "", "src/manage.py": ""}
    found = find(tmp_path, files, settings, "src")
    assert commands(found) == [(place, "npm run build")]
    assert found.found[0].source == f"{place}/package.json:4".removeprefix("./")
    assert found.unbuilt == ()


@pytest.mark.parametrize(
    "config",
    [
        {"web/vite.config.ts": "export default {build: {outDir: '../mysite/static/app'}}"},
        {"web/webpack.config.js": "path.join(__dirname, '..', 'mysite', 'static')"},
        {"web/package.json": '{"scripts": {"build": "sass a.scss ../mysite/static/a.css"}}'},
        {"web/package.json": '{"scripts": {"build": "vite build && cp -r dist ../shop/"}}'},
        {"web/angular.json": '{"outputPath": "../assets/dist"}'},
    ],
)
def test_front_end_whose_output_is_elsewhere(tmp_path: Path, config: dict[str, str]) -> None:
    settings = "INSTALLED_APPS = ['shop']\nSTATICFILES_DIRS = [BASE_DIR / 'assets']\n"
    files = {"web/package.json": BUILD, "shop/apps.py": "", **config}
    assert commands(find(tmp_path, files, settings)) == [("web", "npm run build")]


@pytest.mark.parametrize("path", ["../loader", "../../static", "../", "../README.md"])
def test_path_that_is_not_of_the_site_connects_nothing(tmp_path: Path, path: str) -> None:
    files = {"web/package.json": BUILD, "web/tsconfig.json": f'{{"extends": "{path}"}}'}
    assert find(tmp_path, files).found == ()


def test_monorepo_is_built_only_if_one_of_its_packages_is_needed(tmp_path: Path) -> None:
    files = {
        "package.json": '{"workspaces": ["apps/*"], "scripts": {"build": "turbo run build"}}',
        "apps/web/package.json": BUILD,
        "apps/api/package.json": "{}",
    }
    assert find(tmp_path, files, manage="apps/api").found == ()
    settings = "STATICFILES_DIRS = [BASE_DIR / 'apps/web/dist']"
    assert commands(find(tmp_path, files, settings, "apps/api")) == [(".", "npm run build")]


@pytest.mark.parametrize("place", ["web", "apps/web", "a/b/c/web"])
def test_build_script_that_the_settings_do_not_need_is_not_run(tmp_path: Path, place: str) -> None:
    found = find(tmp_path, {f"{place}/package.json": BUILD})
    assert found.found == ()
    assert found.unbuilt == (Fact(place, f"{place}/package.json:4"),)
    assert f'[[tool.buildstatic.frontend]] with directory = "{place}"' in found.notes[0]


@pytest.mark.parametrize(
    "place",
    [
        *("node_modules/x", ".cache/x", "docs", "tests/fixtures/x", "staticfiles/x", "a/b/c/d/e"),
        *("mysite/static/lib/jquery", "assets/vendored", "collected/x", "up/x"),
    ],
)
def test_package_that_is_not_a_part_of_the_site_is_ignored(tmp_path: Path, place: str) -> None:
    settings = (
        "STATICFILES_DIRS = [BASE_DIR / 'assets']\nINSTALLED_APPS = ['mysite']\n"
        "STATIC_ROOT = BASE_DIR / 'collected'\nMEDIA_ROOT = BASE_DIR / 'up'\n"
    )
    assert find(tmp_path, {f"{place}/package.json": BUILD}, settings) == Frontends()


def test_package_among_the_static_files_with_a_lock_file(tmp_path: Path) -> None:
    files = {"shop/static/js/package.json": BUILD, "shop/static/js/yarn.lock": ""}
    found = find(tmp_path, files, "INSTALLED_APPS = ['shop']")
    assert commands(found) == [("shop/static/js", "yarn run build")]


def test_each_front_end_is_found(tmp_path: Path) -> None:
    files = {
        "package.json": BUILD,
        "shop/frontend/package.json": BUILD,
        "shop/frontend/pnpm-lock.yaml": "",
        "blog/frontend/package.json": BUILD.replace('"build"', '"build:prod"'),
        "mobile/package.json": BUILD,
    }
    found = find(tmp_path, files, "INSTALLED_APPS = ['shop', 'blog']")
    assert commands(found) == [
        (".", "npm run build"),
        ("blog/frontend", "npm run build:prod"),
        ("shop/frontend", "pnpm run build"),
    ]


@pytest.mark.parametrize(
    "scripts",
    [
        {"build": "cd web && npm ci && npm run build"},
        {"postinstall": "npm --prefix ./web install", "build": "npm --prefix ./web run build"},
        {"build": "yarn --cwd=web && yarn --cwd=web build"},
    ],
)
def test_front_end_that_another_one_installs_is_not_installed_twice(
    tmp_path: Path, scripts: dict[str, str]
) -> None:
    files = {"package.json": json.dumps({"scripts": scripts}), "web/package.json": BUILD}
    found = find(tmp_path, files, "STATICFILES_DIRS = [BASE_DIR / 'web/dist']")
    assert commands(found) == [(".", "npm run build")]
    assert found.found[0].value.is_nested


WORKSPACES = {
    "package.json": '{"workspaces": ["packages/*"]}',
    "packages/web/package.json": '{"scripts": {"build": "x"}, "dependencies": {"@x/ui": "*"}}',
    "packages/ui/package.json": '{"name": "@x/ui", "scripts": {"build:js": "x"}}',
    "packages/mobile/package.json": '{"scripts": {"build": "x"}}',
}
WEB = "STATICFILES_DIRS = [BASE_DIR / 'packages/web/dist']"


def test_connected_workspaces_are_built_after_what_they_depend_on(tmp_path: Path) -> None:
    found = find(tmp_path, WORKSPACES, WEB)
    assert commands(found) == [
        ("packages/ui", "npm run build:js"),
        ("packages/web", "npm run build"),
    ]
    (fact,) = found.found
    assert (fact.value.directory, len(fact.value.workspaces)) == (".", 3)
    assert fact.source == "packages/ui/package.json:1"


def test_workspaces_that_depend_on_each_other(tmp_path: Path) -> None:
    ui = '{"name": "@x/ui", "scripts": {"build": "x"}, "dependencies": {"web": "*"}}'
    web = WORKSPACES["packages/web/package.json"].replace("{", '{"name": "web", ', 1)
    files = {**WORKSPACES, "packages/ui/package.json": ui, "packages/web/package.json": web}
    assert len(commands(find(tmp_path, files, WEB))) == 2


def test_build_script_of_the_root_builds_its_workspaces(tmp_path: Path) -> None:
    root = '{"workspaces": ["packages/*"], "scripts": {"build": "turbo run build"}}'
    found = find(tmp_path, {**WORKSPACES, "package.json": root}, WEB)
    assert commands(found) == [(".", "npm run build")]


@pytest.mark.parametrize(
    ("settings", "place", "modules"),
    [
        ("STATICFILES_DIRS = ['node_modules/htmx.org/dist']", ".", "node_modules"),
        ("STATICFILES_DIRS = [BASE_DIR / 'web/node_modules']", "web", "web/node_modules"),
        ("STATICFILES_FINDERS = ['npm.finders.NpmFinder']", ".", "node_modules"),
        (
            "STATICFILES_FINDERS = ['npm.finders.NpmFinder']\nNPM_ROOT_PATH = BASE_DIR / 'web'",
            "web",
            "web/node_modules",
        ),
        (
            "STATICFILES_FINDERS = ['django_node_assets.finders.NodeModulesFinder']\n"
            "NODE_MODULES_ROOT = os.path.join(BASE_DIR, 'web', 'node_modules')",
            "web",
            "web/node_modules",
        ),
    ],
)
def test_collected_packages_are_installed_without_a_build(
    tmp_path: Path, settings: str, place: str, modules: str
) -> None:
    found = find(tmp_path, {f"{place}/package.json": PACKAGES}, settings)
    (fact,) = found.found
    assert (fact.value.directory, fact.value.modules) == (place, modules)
    assert fact.value.build == ()
    assert fact.source.endswith("package.json:2")
    assert find(tmp_path, {}) == Frontends()


def test_package_json_without_packages_has_nothing_to_collect(tmp_path: Path) -> None:
    assert find(tmp_path, {"package.json": "{}"}, "STATICFILES_DIRS = ['node_modules']").found == ()


def test_choice_among_scripts_is_a_note(tmp_path: Path) -> None:
    scripts = {"build": "vite build", "build:css": "sass a:b"}
    found = find(tmp_path, {"package.json": json.dumps({"scripts": scripts})})
    assert commands(found) == [(".", "npm run build")]
    (note,) = found.notes
    assert "the image runs build, not build:css" in note
    assert 'directory = "." and scripts = ["build"]' in note


def test_invalid_package_json_of_the_project_is_an_error(tmp_path: Path) -> None:
    found = find(tmp_path, {"package.json": "{", "mysite/package.json": BUILD}, manage="mysite")
    (error,) = found.invalid
    assert error.problem.startswith("package.json:1: invalid JSON")
    assert commands(found) == [("mysite", "npm run build")]


def test_invalid_package_json_that_the_configuration_names(tmp_path: Path) -> None:
    table = '[[tool.buildstatic.frontend]]\ndirectory = "web"\n'
    found = find(tmp_path, {"web/package.json": "{", "pyproject.toml": f"\n{table}"})
    (error,) = found.invalid
    assert error.problem.startswith("web/package.json:1: invalid JSON")
    assert error.advice.endswith("[[tool.buildstatic.frontend]] in pyproject.toml:2 names it.")


def test_invalid_package_json_elsewhere_is_a_note(tmp_path: Path) -> None:
    found = find(tmp_path, {"web/package.json": "{{ name }}"})
    assert found.notes[0].startswith("Front-end: web/package.json:1: invalid JSON")


CONFIGURATION = """
[[tool.buildstatic.frontend]]
directory = "web"
scripts = ["build:css", "build"]
install_needs_sources = true

[[tool.buildstatic.frontend]]
"""


def test_configured_front_ends_replace_detected_ones(tmp_path: Path) -> None:
    web = '{"scripts": {"build": "a", "build:css": "b", "build:prod": "c"}}'
    files = {
        "pyproject.toml": CONFIGURATION,
        "web/package.json": web,
        "package.json": PACKAGES,
        "shop/package.json": BUILD,
    }
    found = find(tmp_path, files, "INSTALLED_APPS = ['shop']\nSTATICFILES_DIRS = ['node_modules']")
    assert commands(found) == [("web", "npm run build:css"), ("web", "npm run build")]
    assert [fact.value.modules for fact in found.found] == ["", "node_modules"]
    assert "configured" in found.found[0].value.needs_sources

    write(tmp_path, {"pyproject.toml": "[tool.buildstatic]\nfrontend = []\n"})
    assert find(tmp_path, {}, "INSTALLED_APPS = ['shop']") == Frontends()


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ('directory = "none"', "pyproject.toml:1: there is no package.json in none"),
        ('directory = ".."', r"pyproject.toml:1: there is no package.json in \.\."),
        ('scripts = ["prod"]', "package.json has no script prod. Its scripts: dev, build"),
    ],
)
def test_configured_front_end_that_does_not_exist(tmp_path: Path, table: str, message: str) -> None:
    files = {"pyproject.toml": f"[tool.buildstatic.frontend]\n{table}\n", "package.json": BUILD}
    with pytest.raises(ConfigInvalid, match=message):
        find(tmp_path, files)
