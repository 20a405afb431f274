"""app.json against its schema, and bin/post_compile run like the classic buildpack runs it."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from buildstatic import __version__
from buildstatic.builders.wheel import make_wheel
from buildstatic.cli import run
from buildstatic.platforms import heroku
from buildstatic.platforms.options import Options
from buildstatic.project import Database, Dependencies, Fact, Frontend, Project, Variable
from tests.collect import pythons
from tests.platforms.projects import (
    AWKWARD,
    DEFAULTS,
    in_directory,
    production,
    project,
    remote,
    with_frontend,
)
from tests.samples import copy
from tests.test_golden import GOLDEN

# One worker prepares the build system.
pytestmark = [pytest.mark.xdist_group("heroku"), pytest.mark.slow]
HERE = Path(__file__).parent
SCHEMA = json.loads((HERE / "app.schema.json").read_text())
COMPILE = HERE / "classic" / "compile"
OFF = {"DISABLE_COLLECTSTATIC": "1"}
SECRET = Variable("APP_KEY", True, "mysite/settings.py:5")
POSTGRESQL = Fact(Database("psycopg", (), ()), "requirements.txt:4")


def app(found: Project, options: Options = DEFAULTS) -> dict[str, Any]:
    """Return the app.json of *found*, valid."""
    parsed: dict[str, Any] = json.loads(heroku.files(found, options)[0].text)
    jsonschema.validate(parsed, SCHEMA)
    return parsed


def hook(found: Project) -> str:
    _, file = heroku.files(found, DEFAULTS)
    assert file.path == "bin/post_compile"
    assert file.executable
    return file.text


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("*/app.json")), ids=lambda f: f.parent.name)
def test_golden_files_are_valid(file: Path) -> None:
    jsonschema.validate(json.loads(file.read_text()), SCHEMA)


def test_secret_key_is_generated(tmp_path: Path) -> None:
    found = project(tmp_path, secret_key=SECRET, variables=(SECRET,))
    assert app(found)["env"]["APP_KEY"]["generator"] == "secret"


def test_only_required_variables_are_requested(tmp_path: Path) -> None:
    names = {"PAYMENTS_URL": True, "SENTRY_DSN": False, "PORT": True, "DATABASE_URL": True}
    variables = tuple(Variable(name, need, "mysite/settings.py:9") for name, need in names.items())
    found = project(tmp_path, variables=variables, database=POSTGRESQL)
    env = app(found)["env"]
    assert set(env) == {"DISABLE_COLLECTSTATIC", "PAYMENTS_URL"}
    assert env["PAYMENTS_URL"] == {"description": "Read in mysite/settings.py:9.", "required": True}


@pytest.mark.parametrize(
    ("driver", "variable", "addons"),
    [
        pytest.param("psycopg2-binary", "DATABASE_URL", ["heroku-postgresql"], id="postgresql"),
        pytest.param("psycopg", "DB_HOST", None, id="by parts, which the add-on does not set"),
        pytest.param("mysqlclient", "DATABASE_URL", None, id="another database"),
    ],
)
def test_postgresql_addon_if_its_url_is_read(
    tmp_path: Path, driver: str, variable: str, addons: list[str] | None
) -> None:
    variables = (Variable(variable, True, "mysite/settings.py:9", "database"),)
    database = Fact(Database(driver, (), ()), "requirements.txt:4")
    content = app(project(tmp_path, variables=variables, database=database))
    assert content.get("addons") == addons
    assert (variable in content["env"]) == (addons is None)


@pytest.mark.parametrize(
    ("manager", "existing", "expected"),
    [
        pytest.param("uv", None, "3.12\n", id="uv"),
        pytest.param("uv", "3.11", None, id="uv, existing"),
        pytest.param("pip", None, None, id="pip"),
    ],
)
def test_python_version_file_is_generated_for_uv(
    tmp_path: Path, manager: str, existing: str | None, expected: str | None
) -> None:
    dependencies = Fact(Dependencies(manager, "uv.lock", ("uv.lock",)), "uv.lock")
    python = Fact("3.12", "pyproject.toml:4")
    if existing:
        (tmp_path / ".python-version").write_text(existing)
    files = heroku.files(project(tmp_path, dependencies=dependencies, python=python), DEFAULTS)
    found = {file.path: file.text for file in files}
    assert found.get(".python-version") == expected


def test_variables_that_the_build_needs_are_noted(tmp_path: Path) -> None:
    found = project(tmp_path, secret_key=SECRET, variables=(SECRET,))
    assert "manage.py help collectstatic" in heroku.files(found, DEFAULTS)[0].notes[-1]
    assert "APP_KEY" in heroku.files(found, DEFAULTS)[0].notes[-1]


def test_front_end_buildpack_comes_first(tmp_path: Path) -> None:
    urls = [item["url"] for item in app(with_frontend(tmp_path))["buildpacks"]]
    assert urls == ["heroku/nodejs", "heroku/python"]


def test_front_end_in_a_subdirectory_is_noted(tmp_path: Path) -> None:
    below = Fact(Frontend("npm", "frontend", None), "frontend/package.json:3")
    found = replace(project(tmp_path), frontends=(below,))
    assert [item["url"] for item in app(found)["buildpacks"]] == ["heroku/python"]
    assert "but it is in frontend" in heroku.files(found, DEFAULTS)[0].notes[-1]


def test_production_settings_are_set(tmp_path: Path) -> None:
    env = app(production(tmp_path))["env"]
    assert env["DJANGO_SETTINGS_MODULE"] == {"value": "mysite.settings.production"}


def test_remote_storage_needs_no_hook(tmp_path: Path) -> None:
    (described,) = heroku.files(remote(tmp_path), DEFAULTS)
    assert json.loads(described.text)["env"]["DISABLE_COLLECTSTATIC"]["value"] == "1"
    in_build = heroku.files(remote(tmp_path), Options(collect_in="build"))
    assert [file.path for file in in_build] == ["app.json", "bin/post_compile"]


@pytest.mark.parametrize("directory", [*AWKWARD, "a\nb", "x", "n" * 31])
def test_any_directory_name_is_valid(tmp_path: Path, directory: str) -> None:
    root = tmp_path / directory
    content = app(project(root))
    fits = 3 <= len(directory) <= 30 and "\n" not in directory
    assert content.get("name") == (directory if fits else None)


@pytest.mark.parametrize("directory", AWKWARD)
def test_configured_manage_py_is_passed_on(tmp_path: Path, directory: str) -> None:
    found = in_directory(tmp_path, directory)
    named = replace(found, manage=Fact(f"{directory}/manage.py", "pyproject.toml:3"))
    line = hook(named).splitlines()[-1]
    assert shlex.split(line)[6:8] == ["--manage", f"{directory}/manage.py"]


@dataclass(frozen=True)
class Heroku:
    """A build system: the project's Python on PATH, and a cache directory that it keeps."""

    python: Path
    cache: Path
    wheels: Path

    def build(self, root: Path, **config: str) -> subprocess.CompletedProcess[str]:
        """Build *root* with *config*, the config vars, as the classic Python buildpack does."""
        found = os.environ.get("PIP_FIND_LINKS", "")
        config = {**config, "PIP_FIND_LINKS": f"{self.wheels} {found}".strip()}
        variables = root.with_name(f"{root.name}-env")
        shutil.rmtree(variables, ignore_errors=True)
        variables.mkdir()
        for name, value in config.items():
            (variables / name).write_text(value)
        return subprocess.run(
            [COMPILE, root, self.cache, variables],
            env=self.environment(root),
            capture_output=True,
            text=True,
            check=False,
        )

    def environment(self, root: Path) -> Mapping[str, str]:
        """Return what the build system itself has set: no config vars, and a home that is new."""
        pip = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        pip.setdefault("PIP_CACHE_DIR", str(Path.home() / ".cache" / "pip"))
        path = f"{self.python.parent}:{os.defpath}"
        return {**pip, "PATH": path, "HOME": f"{root}-home", "STACK": heroku.STACK}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Heroku:
    """Return a build system with an older buildstatic cached; pip finds the wheel of this one."""
    parent = tmp_path_factory.mktemp("heroku")
    needs = (pythons.DJANGO, "whitenoise", "brotli")
    python = pythons.environment(parent / "python", requirements=needs)
    (parent / "wheels").mkdir()
    make_wheel(parent / "wheels")
    older = parent / "cache" / "buildstatic" / "venv" / "bin" / "python"
    older.parent.mkdir(parents=True)
    older.write_text("#!/bin/sh\necho buildstatic 0.0.1\n")
    older.chmod(0o755)
    return Heroku(python, parent / "cache", parent / "wheels")


@pytest.fixture
def build_system(built: Heroku, tmp_path: Path) -> Heroku:
    """Return a build system whose own cache contains only buildstatic."""
    if not (built.cache / "buildstatic" / "variants").exists():
        assert built.build(slug("whitenoise", tmp_path / "first"), **OFF).returncode == 0
    (tmp_path / "cache" / "buildstatic").mkdir(parents=True)
    venv = built.cache / "buildstatic" / "venv"
    (tmp_path / "cache" / "buildstatic" / "venv").symlink_to(venv)
    return replace(built, cache=tmp_path / "cache")


def slug(name: str, parent: Path) -> Path:
    """Return the project *name* with the files generated for Heroku."""
    parent.mkdir(exist_ok=True)
    root = copy(name, parent)
    assert run(["generate", "heroku", "--path", str(root)]) == 0
    (root / "bin" / "post_compile").chmod(0o644)  # the buildpack makes it executable
    return root


def tree(root: Path) -> dict[str, bytes]:
    found = root / "staticfiles"
    return {str(p.relative_to(found)): p.read_bytes() for p in found.rglob("*") if p.is_file()}


def packages(python: Path) -> set[str]:
    return {path.name for path in python.parent.parent.glob("lib/python*/site-packages/*.*-info")}


@pytest.mark.exhaustive
def test_hook_installs_buildstatic_separately_and_collects(built: Heroku, tmp_path: Path) -> None:
    before = packages(built.python)
    root = slug("whitenoise", tmp_path)
    done = built.build(root, **OFF)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Skipping Django collectstatic" in done.stdout
    assert "static files copied" in done.stdout
    assert any(name.endswith(".css") for name in tree(root))
    assert any(name.endswith(".br") for name in tree(root))
    assert packages(built.python) == before
    program = built.cache / "buildstatic" / "venv" / "bin" / "buildstatic"
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"buildstatic {__version__}\n"
    assert not [path for path in root.rglob("*") if path.name == "buildstatic"]


def test_second_build_reuses_cached_variants(build_system: Heroku, tmp_path: Path) -> None:
    first, second = (slug("whitenoise", tmp_path / name) for name in ("one", "two"))
    done = build_system.build(first, **OFF)
    assert "from the cache" not in done.stdout, done.stdout + done.stderr
    done = build_system.build(second, **OFF)
    content = sum(name.endswith((".gz", ".br")) for name in tree(second))
    assert f"variants    {content}" in done.stdout
    assert "of them from the cache" in done.stdout
    assert tree(first) == tree(second)


def test_buildpack_collects_by_default(build_system: Heroku, tmp_path: Path) -> None:
    root = slug("whitenoise", tmp_path)
    done = build_system.build(root)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "heroku config:set DISABLE_COLLECTSTATIC=1" in done.stdout
    assert any(name.endswith(".css") for name in tree(root))
    assert not (build_system.cache / "buildstatic" / "variants").exists()


@pytest.mark.parametrize("value", ["", "0"])
def test_hook_does_nothing_if_the_buildpack_collects(tmp_path: Path, value: str) -> None:
    done = subprocess.run(
        [shutil.which("bash") or "bash", "-c", hook(project(tmp_path))],
        env={"DISABLE_COLLECTSTATIC": value, "PATH": "/nonexistent"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "heroku config:set DISABLE_COLLECTSTATIC=1"


def test_collects_without_secrets_and_ignores_the_pythonpath(
    build_system: Heroku, tmp_path: Path
) -> None:
    (tmp_path / "modules").mkdir()
    for name in ("click", "rich"):
        (tmp_path / "modules" / f"{name}.py").write_text("raise ImportError('incompatible')\n")
    root = slug("secret_key", tmp_path)
    done = build_system.build(root, **OFF, PYTHONPATH=str(tmp_path / "modules"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert tree(root)


def test_failed_collection_fails_the_build_with_one_error(
    build_system: Heroku, tmp_path: Path
) -> None:
    root = slug("whitenoise", tmp_path)
    with (root / "mysite" / "settings.py").open("a") as settings:
        settings.write("\nimport no_such_module\n")
    done = build_system.build(root, **OFF)
    assert done.returncode == 1
    *lines, last = done.stdout.splitlines()
    (error,) = (line for line in lines if line.startswith("       error: "))
    assert "no_such_module" in error
    assert last == " !     Error: Failed to run the bin/post_compile script."
    assert "Traceback" not in done.stdout
