"""The scripts that build, and those that an installation runs."""

from __future__ import annotations

import pytest

from buildstatic.project.frontend.scripts import build_scripts, install_script_with_sources


@pytest.mark.parametrize(
    ("scripts", "expected"),
    [
        pytest.param({"build": "vite build", "dev": "vite"}, ["build"], id="build"),
        pytest.param({"prod": "webpack -p", "watch": "webpack -w"}, ["prod"], id="prod"),
        pytest.param({"production": "mix --production"}, ["production"], id="production"),
        pytest.param({"build-prod": "x", "build-dev": "x"}, ["build-prod"], id="hyphen"),
        pytest.param({"buildProd": "x"}, ["buildProd"], id="camel-case"),
        pytest.param(
            {"webpack:build:dev": "webpack", "webpack:build:prod": "webpack"},
            ["webpack:build:prod"],
            id="of-webpack",
        ),
        pytest.param(
            {"build": "webpack", "build:prod": "webpack --mode production"},
            ["build:prod"],
            id="production-takes-precedence",
        ),
        pytest.param(
            {"build": "npm run build:prod", "build:prod": "webpack"}, ["build"], id="run-by-build"
        ),
        pytest.param(
            {"build": "run-s 'build:*'", "build:css": "x", "build:js": "y"}, ["build"], id="pattern"
        ),
        pytest.param(
            {"build": "npm run clean && npm run build:css", "build:css": "x"}, ["build"], id="chain"
        ),
        pytest.param({"build:js": "x", "build:css": "y"}, ["build:js", "build:css"], id="parts"),
        pytest.param(
            {"build:js": "x", "build:css": "y", "start": "yarn build:css && yarn build:js && x"},
            ["build:css", "build:js"],
            id="parts-in-the-order-of-another-script",
        ),
        pytest.param(
            {"build:css": "x", "build:css:prod": "y", "build:js": "z"},
            ["build:css:prod", "build:js"],
            id="parts-for-production",
        ),
        pytest.param(
            {"build": "tsc -b && vite build", "build:watch": "x", "prebuild": "y"},
            ["build"],
            id="hooks-and-watchers",
        ),
        pytest.param({"prod": "node server.js"}, [], id="prod-that-serves"),
        pytest.param({"build": "tailwindcss -o x --watch"}, [], id="build-that-never-ends"),
        pytest.param({"build": "npm run build -w ui"}, ["build"], id="of-a-workspace"),
        pytest.param({"css": "sass a:b", "css:watch": "sass -w a:b"}, ["css"], id="by-command"),
        pytest.param({"heroku-postbuild": "cd web && npm ci"}, ["heroku-postbuild"], id="heroku"),
        pytest.param(
            {"build:styleguide": "kss", "build:storybook": "x", "webpack:build:prod": "webpack"},
            ["webpack:build:prod"],
            id="of-the-site",
        ),
        pytest.param(
            {"test": "jest", "lint": "eslint .", "start": "vite", "build:docs": "x"}, [], id="none"
        ),
        pytest.param({"build $(id)": "x", "--build": "x", "build\nRUN id": "x"}, [], id="hostile"),
        pytest.param({"build": "yarn build", "a": "yarn b", "b": "yarn a"}, ["build"], id="cycle"),
    ],
)
def test_build_scripts(scripts: dict[str, str], expected: list[str]) -> None:
    assert list(build_scripts(scripts)[0]) == expected


def test_other_candidates_are_returned() -> None:
    scripts = {"build": "vite build", "build:css": "sass a:b", "build:docs": "x"}
    assert build_scripts(scripts) == (("build",), ("build:css",))


@pytest.mark.parametrize(
    ("scripts", "expected"),
    [
        ({"postinstall": "node scripts/vendor.js"}, "postinstall"),
        ({"preinstall": "npx only-allow pnpm", "install": "make"}, "install"),
        ({"prepare": "npm run build", "build": "tsc"}, "prepare"),
        ({"prepare": "npm run hooks", "hooks": "is-ci || husky install"}, ""),
        ({"postinstall": "patch-package && husky install || true"}, ""),
        ({"postinstall": "NODE_ENV=x npx patch-package"}, ""),
        ({"prepare": "husky", "postprepare": "gulp"}, "postprepare"),
        ({"prepare": "yarn a", "a": "yarn b", "b": "yarn a"}, "prepare"),
        ({"build": "node build.js"}, ""),
    ],
)
def test_install_scripts_that_read_the_project(scripts: dict[str, str], expected: str) -> None:
    assert install_script_with_sources(scripts) == expected
