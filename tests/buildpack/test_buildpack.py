"""The Cloud Native Buildpack, held to the specification by a lifecycle of our own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import buildstatic
from buildstatic.builders.wheel import make_wheel
from tests.buildpack.lifecycle import FAIL, Lifecycle, Process, Ran, link, resolve
from tests.collect import pythons
from tests.engine import inside
from tests.pages import REPOSITORY
from tests.running import fetch, serving
from tests.samples import copy

if TYPE_CHECKING:
    from docker import DockerClient

BUILDPACK = REPOSITORY / "buildpack"
HERE = Path(__file__).parent
WEB = ("gunicorn", "--worker-tmp-dir", "/dev/shm", "--no-control-socket", "mysite.wsgi:application")
MIGRATE = "python manage.py migrate --noinput"
DJANGO = "#!/usr/bin/env python\nfrom django.core.management import execute_from_command_line\n"


def test_the_descriptor_is_what_the_specification_wants() -> None:
    descriptor = tomllib.loads((BUILDPACK / "buildpack.toml").read_text())
    assert descriptor["api"] == "0.12"
    assert descriptor["buildpack"]["version"] == buildstatic.__version__
    assert re.fullmatch(r"[A-Za-z0-9./-]+", descriptor["buildpack"]["id"])
    targets = {(target["os"], target["arch"]) for target in descriptor["targets"]}
    assert targets == {("linux", "amd64"), ("linux", "arm64")}
    for name in ("detect", "build"):
        assert (BUILDPACK / "bin" / name).stat().st_mode & 0o111 == 0o111


def test_the_source_distribution_has_it_and_its_programs_can_be_run(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "uv", "build", "--quiet", "--sdist", f"--out-dir={tmp_path}"]
    subprocess.run(build, cwd=REPOSITORY, check=True)
    (sdist,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        modes = {item.name.partition("/")[2]: item.mode for item in archive.getmembers()}
    assert {"buildpack/buildpack.toml", "buildpack/plan.toml"} <= set(modes)
    assert modes["buildpack/bin/detect"] & modes["buildpack/bin/build"] & 0o111 == 0o111


def lifecycle(parent: Path, files: dict[str, str]) -> Lifecycle:
    """Return a lifecycle for an application of *files*."""
    for name, text in {"README": "", **files}.items():
        path = parent / "app" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Lifecycle(BUILDPACK, parent / "app", parent / "work")


@pytest.mark.parametrize(
    ("files", "status", "line"),
    [
        pytest.param({"manage.py": DJANGO}, 0, "manage.py is a Django project's", id="root"),
        pytest.param({"a/manage.py": DJANGO}, 0, "a/manage.py is a Django project's", id="below"),
        pytest.param(
            {"it's $a/b c/manage.py": DJANGO},
            0,
            "it's $a/b c/manage.py is a Django project's",
            id="two-below",
        ),
        pytest.param(
            {"a/manage.py": "print('hi')\n", "b/c/manage.py": DJANGO},
            0,
            "b/c/manage.py is a Django project's",
            id="the-one-that-is-django's",
        ),
        pytest.param(
            {"pyproject.toml": '[tool.buildstatic]\nmanage = "a/b/c/manage.py"\n'},
            0,
            "there is [tool.buildstatic] in pyproject.toml",
            id="configured",
        ),
        pytest.param(
            {"pyproject.toml": '[tool.buildstatic.env]\nA = "b"\n'},
            0,
            "there is [tool.buildstatic] in pyproject.toml",
            id="configured-below",
        ),
        pytest.param({}, FAIL, "there is no manage.py here or two levels below", id="none"),
        pytest.param(
            {"a/b/c/manage.py": DJANGO, "node_modules/x/manage.py": DJANGO, ".venv/manage.py": ""},
            FAIL,
            "there is no manage.py here or two levels below",
            id="elsewhere",
        ),
        pytest.param(
            {"manage.py": "from flask_script import Manager\n", "pyproject.toml": "[project]\n"},
            FAIL,
            "manage.py is no Django project's, there is no django in it",
            id="another-manage.py",
        ),
    ],
)
def test_every_outcome_of_detection_has_its_status_and_a_line_that_says_why(
    tmp_path: Path, files: dict[str, str], status: int, line: str
) -> None:
    ran, plan = lifecycle(tmp_path, files).detect()
    assert ran == Ran(status, f"buildstatic: {line}\n", "")
    assert bool(plan) == (status == 0)


def test_detection_changes_nothing_in_the_application(tmp_path: Path) -> None:
    made = lifecycle(tmp_path, {"manage.py": DJANGO})
    made.app.joinpath("manage.py").chmod(0o444)
    before = {path: path.stat().st_mtime_ns for path in made.app.rglob("*")}
    made.detect()
    assert {path: path.stat().st_mtime_ns for path in made.app.rglob("*")} == before


@pytest.mark.parametrize("place", ["", "/no/such/directory/plan.toml"])
def test_a_plan_that_cannot_be_written_is_an_error_and_no_failed_detection(
    tmp_path: Path, place: str
) -> None:
    ran, _ = lifecycle(tmp_path, {"manage.py": DJANGO}).detect(CNB_BUILD_PLAN_PATH=place)
    assert ran.status == 31
    assert f"buildstatic: the build plan cannot be written to '{place}'" in ran.err


def provides(*names: str, requires: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the plan of a buildpack in a group before ours."""
    return {
        "provides": [{"name": name} for name in names],
        "requires": [{"name": name} for name in requires],
    }


@pytest.mark.parametrize(
    ("before", "entries"),
    [
        pytest.param([{}], {"buildstatic"}, id="heroku"),
        pytest.param(
            [
                provides("cpython"),
                provides("pip", requires=("cpython",)),
                provides("site-packages", requires=("cpython", "pip")),
            ],
            {"buildstatic", "cpython", "site-packages"},
            id="paketo-pip",
        ),
        pytest.param(
            [provides("cpython"), provides("poetry-venv", requires=("cpython",))],
            {"buildstatic", "cpython", "poetry-venv"},
            id="paketo-poetry",
        ),
        pytest.param(
            [provides("conda-environment")], {"buildstatic", "conda-environment"}, id="paketo-conda"
        ),
        pytest.param([provides("cpython")], {"buildstatic", "cpython"}, id="python-alone"),
    ],
)
def test_the_plan_passes_after_each_python_buildpack_and_asks_it_for_what_it_has(
    tmp_path: Path, before: list[dict[str, Any]], entries: set[str]
) -> None:
    _, plan = lifecycle(tmp_path, {"manage.py": DJANGO}).detect()
    assert set(resolve(*before, plan) or ()) == entries


@pytest.mark.parametrize("value", ["1", "true", "yes"])
def test_turned_off_it_passes_and_does_nothing(tmp_path: Path, value: str) -> None:
    made = lifecycle(tmp_path, {"manage.py": DJANGO})
    off = replace(made, user={"BP_BUILDSTATIC_DISABLED": value})
    ran, plan = off.detect()
    assert (ran.status, bool(plan)) == (0, True)
    assert f"turned off by BP_BUILDSTATIC_DISABLED={value}" in ran.out
    ran = off.build()
    assert ran == Ran(0, f"buildstatic: turned off by BP_BUILDSTATIC_DISABLED={value}\n", "")
    assert list(off.layers.iterdir()) == []


@pytest.mark.parametrize("value", ["", "0", "false"])
def test_off_can_be_turned_off(tmp_path: Path, value: str) -> None:
    made = lifecycle(tmp_path, {"manage.py": DJANGO})
    ran, _ = replace(made, user={"BP_BUILDSTATIC_DISABLED": value}).detect()
    assert ran.out == "buildstatic: manage.py is a Django project's\n"


def test_without_python_the_order_of_the_buildpacks_is_pointed_out(tmp_path: Path) -> None:
    made = lifecycle(tmp_path, {"manage.py": DJANGO})
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("sh", "sed", "rm"):
        (tools / name).symlink_to(shutil.which(name) or name)
    ran = made.build(PATH=str(tools))
    assert ran.status == 11
    assert ran.err == (
        "error: There is no python on PATH. Put this buildpack after one that installs Python.\n"
    )


def has_older(cache: Path) -> None:
    """Let *cache* have the layer of an older buildstatic."""
    program = cache / "buildstatic" / "bin" / "python"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\necho buildstatic 0.0.1\n")
    program.chmod(0o755)
    (cache / "buildstatic.toml").write_text("[types]\ncache = true\n")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Lifecycle:
    """Return what every build here shares: the project's Python, and where pip finds our wheel."""
    parent = tmp_path_factory.mktemp("buildpack")
    needs = (pythons.DJANGO, "whitenoise", "brotli", "gunicorn")
    python = pythons.environment(parent / "python", requirements=needs)
    (parent / "wheels").mkdir()
    make_wheel(parent / "wheels")
    has_older(parent / "work" / "cache")
    return Lifecycle(BUILDPACK, parent, parent / "work", str(python.parent), pip(parent / "wheels"))


def pip(wheels: Path) -> dict[str, str]:
    """Return the variables by which pip finds our wheel, and what it finds without them."""
    kept = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    kept.setdefault("PIP_CACHE_DIR", str(Path.home() / ".cache" / "pip"))
    return {**kept, "PIP_FIND_LINKS": f"{wheels} {kept.get('PIP_FIND_LINKS', '')}".strip()}


@pytest.fixture
def app(shop: Lifecycle, tmp_path: Path) -> Callable[[str], Lifecycle]:
    """Return a function from a project's name to its lifecycle, with buildstatic in its cache.

    All have one layers directory, as builds do, since no virtual environment can be moved.
    """

    def made(name: str) -> Lifecycle:
        layer = shop.cache / "buildstatic"
        if not (layer / "pyvenv.cfg").exists():
            ran = replace(shop, app=copy("whitenoise", tmp_path / "first")).build()
            assert ran.status == 0, ran.err
            assert f"installing {buildstatic.__version__}" in ran.out
        kept = tmp_path / "cache"
        shutil.copytree(layer, kept / "buildstatic", symlinks=True, copy_function=link)
        shutil.copy(layer.with_suffix(".toml"), kept)
        return replace(shop, app=copy(name, tmp_path), kept=kept)

    return made


def built(app: Lifecycle) -> Ran:
    """Build *app*, which has to succeed."""
    ran = app.build()
    assert ran.status == 0, ran.out + ran.err
    return ran


def variants(app: Lifecycle) -> int:
    return sum(path.suffix in (".br", ".gz") for path in app.app.joinpath("staticfiles").rglob("*"))


def test_the_second_build_takes_buildstatic_and_the_variants_from_the_layers(
    app: Callable[[str], Lifecycle],
) -> None:
    made = app("whitenoise")
    first = built(made)
    assert f"buildstatic: {buildstatic.__version__} from the last build" in first.out
    assert "from the cache" not in first.err
    shutil.rmtree(made.app / "staticfiles")
    second = built(made)
    assert f"variants    {variants(made)}," in second.err
    assert "of them from the cache" in second.err
    assert made.types() == {
        "buildstatic": {"cache": True},
        "variants": {"cache": True},
        "environment": {"launch": True},
    }


def test_the_version_that_is_asked_for_is_the_one_that_is_called(tmp_path: Path) -> None:
    made = lifecycle(tmp_path, {"manage.py": DJANGO})
    has_older(made.cache)
    user = {"BP_BUILDSTATIC_VERSION": "0.0.1"}
    ran = replace(made, programs=str(Path(sys.executable).parent), user=user).build()
    assert ran == Ran(0, "buildstatic: 0.0.1 from the last build\nbuildstatic 0.0.1\n", "")


def test_the_static_files_are_a_layer_of_their_own(app: Callable[[str], Lifecycle]) -> None:
    made = app("whitenoise")
    built(made)
    image = made.export()
    (files,) = image.files
    below = (made.app / "staticfiles").rglob("*")
    assert set(files) == {"staticfiles", *(str(path.relative_to(made.app)) for path in below)}
    assert "staticfiles/css/site.css.br" in files


def test_a_change_in_a_view_keeps_the_static_layer(app: Callable[[str], Lifecycle]) -> None:
    made = app("whitenoise")
    built(made)
    before = made.export()
    shutil.rmtree(made.app / "staticfiles")
    with (made.app / "mysite" / "urls.py").open("a") as views:
        views.write("\n# another view\n")
    built(made)
    after = made.export()
    assert after.slices == before.slices
    assert after.rest != before.rest
    with (made.app / "static" / "css" / "site.css").open("a") as style:
        style.write("\nbody { color: red }\n")
    built(made)
    assert made.export().slices != after.slices


@pytest.mark.parametrize("place", ["a[b]*?", "back\\slash", 'it\'s "$HOME" ünï', "a/b", "x\x7f"])
def test_any_place_of_the_tree_is_matched_by_its_slice(
    app: Callable[[str], Lifecycle], place: str
) -> None:
    made = app("whitenoise")
    settings = made.app / "mysite" / "settings.py"
    settings.write_text(settings.read_text().replace('/ "staticfiles"', f"/ {place!r}"))
    built(made)
    (files,) = made.export().files
    assert f"{place}/css/site.css" in files
    assert all(file.startswith(place) for file in files)


def test_what_a_startproject_starts_are_gunicorn_and_the_migrations(
    app: Callable[[str], Lifecycle],
) -> None:
    made = app("startproject")
    built(made)
    image = made.export()
    assert image.processes == (
        Process("web", WEB, default=True),
        Process("release", ("bash", "-c", MIGRATE)),
    )
    assert image.environment == {"PORT": "8000"}


def test_the_procfile_says_what_is_started(app: Callable[[str], Lifecycle]) -> None:
    made = app("whitenoise")
    lines = (
        "# comment\nweb: gunicorn 'my site' --bind 0:$PORT\nworker-1:  celery  -A x \n\nno line\n"
    )
    (made.app / "Procfile").write_text(lines)
    built(made)
    assert made.export().processes == (
        Process("web", ("bash", "-c", "gunicorn 'my site' --bind 0:$PORT"), default=True),
        Process("worker-1", ("bash", "-c", "celery  -A x")),
    )


def test_the_image_serves_its_pages_and_static_files(app: Callable[[str], Lifecycle]) -> None:
    made = app("startproject")
    built(made)
    processes = {process.type: process.command for process in made.export().processes}
    subprocess.run(processes["release"], cwd=made.app, check=True, env={"PATH": path(made)})
    with serving(made.app, ["env", f"PATH={path(made)}", *processes["web"]]) as (url, _):
        assert_style_sheet(url)


def path(made: Lifecycle) -> str:
    return f"{made.programs}:{os.defpath}"


def assert_style_sheet(url: str) -> None:
    assert b"--primary" in fetch(f"{url}/static/admin/css/base.css")


def test_remote_storage_is_left_to_the_release(app: Callable[[str], Lifecycle]) -> None:
    made = app("remote")
    with (made.app / "mysite" / "settings.py").open("a") as settings:
        settings.write('DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3"}}\n')
    ran = built(made)
    assert "The static files are kept elsewhere: the release process collects them." in ran.err
    image = made.export()
    assert image.slices == ()
    collect = "python manage.py collectstatic --noinput"
    assert Process("release", ("bash", "-c", f"{collect} && {MIGRATE}")) in image.processes


def test_a_project_without_static_files_builds(app: Callable[[str], Lifecycle]) -> None:
    made = app("whitenoise")
    settings = made.app / "mysite" / "settings.py"
    installed = '"django.contrib.staticfiles"'
    settings.write_text(settings.read_text().replace(installed, '"django.contrib.humanize"'))
    assert "Nothing is collected: " in built(made).err
    assert made.export().slices == ()


@pytest.mark.parametrize(
    ("code", "status", "problem"),
    [
        pytest.param("import no_such_module", 13, "no_such_module", id="settings"),
        pytest.param("STATIC_ROOT = '/srv/static'", 20, "outside of the app", id="outside"),
        pytest.param("STATIC_ROOT = BASE_DIR", 20, "the application's directory", id="the-app"),
    ],
)
def test_what_goes_wrong_fails_the_build_with_one_line_and_its_code(
    app: Callable[[str], Lifecycle], code: str, status: int, problem: str
) -> None:
    made = app("whitenoise")
    with (made.app / "mysite" / "settings.py").open("a") as settings:
        settings.write(f"\n{code}\n")
    ran = made.build()
    assert ran.status == status
    last = ran.err.splitlines()[-1]
    assert last.startswith("error: ")
    assert problem in last
    assert "Traceback" not in ran.err


def test_a_build_without_the_secrets_collects(app: Callable[[str], Lifecycle]) -> None:
    made = app("secret_key")
    built(made)
    assert made.export().slices


def test_where_the_applications_python_has_its_packages_is_nothing_to_buildstatic(
    app: Callable[[str], Lifecycle], tmp_path: Path
) -> None:
    made = app("whitenoise")
    (tmp_path / "modules").mkdir()
    for name in ("click", "rich"):
        (tmp_path / "modules" / f"{name}.py").write_text("raise ImportError('an old one')\n")
    # As Heroku's and Paketo's buildpacks set them.
    (python,) = Path(made.programs).parent.glob("lib/python*/site-packages")
    paths = {"PYTHONPATH": f"{tmp_path / 'modules'}:{python}", "PYTHONHOME": sys.base_prefix}
    built(replace(made, user={**made.user, **paths}))
    assert made.export().slices


CONTAINER = """\
FROM python:3.13-slim
WORKDIR /workspace
COPY app/requirements.txt .
RUN pip install --quiet --requirement requirements.txt
COPY wheels /wheels
COPY buildpack /buildpack
COPY lifecycle.py /
COPY app .
RUN python /lifecycle.py /buildpack /workspace /cnb PIP_FIND_LINKS=/wheels > /seen.json
"""


@pytest.mark.engine
def test_it_builds_in_a_container_on_another_python(
    engine: DockerClient, tag: Callable[[str], str], tmp_path: Path
) -> None:
    context = tmp_path / "context"
    context.mkdir()
    copy("whitenoise", context).rename(context / "app")
    shutil.copytree(BUILDPACK, context / "buildpack")
    shutil.copy(HERE / "lifecycle.py", context)
    (context / "wheels").mkdir()
    make_wheel(context / "wheels")
    (context / "Dockerfile").write_text(CONTAINER)
    name = tag("buildpack")
    subprocess.run(["docker", "build", "--quiet", "--tag", name, context], check=True)
    seen = json.loads(inside(engine, name, "cat /seen.json"))
    assert seen["python"].startswith("3.13.")
    assert seen["detected"]["status"] == 0
    assert [build["status"] for build in seen["builds"]] == [0, 0], seen["builds"]
    assert "of them from the cache" in seen["builds"][1]["err"]
    first, second = seen["images"]
    assert first["slices"] == second["slices"] != []
    assert second["processes"][0]["command"] == list(WEB)
