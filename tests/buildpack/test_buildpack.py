"""The Cloud Native Buildpack, run by a minimal lifecycle that checks the specification."""

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
from buildstatic.errors import SettingsInvalid, StaticRootInvalid
from buildstatic.platforms import buildpack
from buildstatic.project import Fact
from tests.buildpack.lifecycle import FAIL, Lifecycle, Process, Ran, link, resolve
from tests.collect import pythons
from tests.engine import inside
from tests.pages import REPOSITORY
from tests.platforms.projects import project
from tests.running import fetch, serving
from tests.samples import copy

if TYPE_CHECKING:
    from docker import DockerClient

# One worker prepares what all builds share.
pytestmark = [pytest.mark.xdist_group("buildpack"), pytest.mark.slow]
BUILDPACK = REPOSITORY / "buildpack"
HERE = Path(__file__).parent
WEB = ("gunicorn", "--worker-tmp-dir", "/dev/shm", "--no-control-socket", "mysite.wsgi:application")
MIGRATE = "python manage.py migrate --noinput"
DJANGO = "#!/usr/bin/env python\nfrom django.core.management import execute_from_command_line\n"


def test_descriptor_follows_the_specification() -> None:
    descriptor = tomllib.loads((BUILDPACK / "buildpack.toml").read_text())
    assert descriptor["api"] == "0.12"
    assert descriptor["buildpack"]["version"] == buildstatic.__version__
    assert re.fullmatch(r"[A-Za-z0-9./-]+", descriptor["buildpack"]["id"])
    targets = {(target["os"], target["arch"]) for target in descriptor["targets"]}
    assert targets == {("linux", "amd64"), ("linux", "arm64")}
    for name in ("detect", "build"):
        assert (BUILDPACK / "bin" / name).stat().st_mode & 0o111 == 0o111


def test_source_distribution_contains_the_executable_buildpack(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "uv", "build", "--quiet", "--sdist", f"--out-dir={tmp_path}"]
    subprocess.run(build, cwd=REPOSITORY, check=True)
    (sdist,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        modes = {item.name.partition("/")[2]: item.mode for item in archive.getmembers()}
    assert {"buildpack/buildpack.toml", "buildpack/plan.toml"} <= set(modes)
    assert modes["buildpack/bin/detect"] & modes["buildpack/bin/build"] & 0o111 == 0o111


def make_lifecycle(parent: Path, files: dict[str, str]) -> Lifecycle:
    """Return a lifecycle for an application of *files*."""
    for name, text in {"README": "", **files}.items():
        path = parent / "app" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Lifecycle(BUILDPACK, parent / "app", parent / "work")


@pytest.mark.parametrize(
    ("files", "status", "line"),
    [
        pytest.param({"manage.py": DJANGO}, 0, "found a Django project: manage.py", id="root"),
        pytest.param({"a/manage.py": DJANGO}, 0, "found a Django project: a/manage.py", id="below"),
        pytest.param(
            {"it's $a/b c/manage.py": DJANGO},
            0,
            "found a Django project: it's $a/b c/manage.py",
            id="two-below",
        ),
        pytest.param(
            {"a/manage.py": "print('hi')\n", "b/c/manage.py": DJANGO},
            0,
            "found a Django project: b/c/manage.py",
            id="django's",
        ),
        pytest.param(
            {"pyproject.toml": '[tool.buildstatic]\nmanage = "a/b/c/manage.py"\n'},
            0,
            "found [tool.buildstatic] in pyproject.toml",
            id="configured",
        ),
        pytest.param(
            {"pyproject.toml": '[tool.buildstatic.env]\nA = "b"\n'},
            0,
            "found [tool.buildstatic] in pyproject.toml",
            id="configured-below",
        ),
        pytest.param(
            {}, FAIL, "no manage.py in this directory or up to two levels below", id="none"
        ),
        pytest.param(
            {"a/b/c/manage.py": DJANGO, "node_modules/x/manage.py": DJANGO, ".venv/manage.py": ""},
            FAIL,
            "no manage.py in this directory or up to two levels below",
            id="elsewhere",
        ),
        pytest.param(
            {"manage.py": "from flask_script import Manager\n", "pyproject.toml": "[project]\n"},
            FAIL,
            "manage.py does not belong to a Django project: it does not mention django",
            id="another-manage.py",
        ),
    ],
)
def test_detection(tmp_path: Path, files: dict[str, str], status: int, line: str) -> None:
    ran, plan = make_lifecycle(tmp_path, files).detect()
    assert ran == Ran(status, f"buildstatic: {line}\n", "")
    assert bool(plan) == (status == 0)


def test_detection_does_not_change_the_application(tmp_path: Path) -> None:
    lifecycle = make_lifecycle(tmp_path, {"manage.py": DJANGO})
    lifecycle.app.joinpath("manage.py").chmod(0o444)
    before = {path: path.stat().st_mtime_ns for path in lifecycle.app.rglob("*")}
    lifecycle.detect()
    assert {path: path.stat().st_mtime_ns for path in lifecycle.app.rglob("*")} == before


@pytest.mark.parametrize("place", ["", "/no/such/directory/plan.toml"])
def test_unwritable_plan_is_an_error(tmp_path: Path, place: str) -> None:
    ran, _ = make_lifecycle(tmp_path, {"manage.py": DJANGO}).detect(CNB_BUILD_PLAN_PATH=place)
    assert ran.status == 31
    assert f"buildstatic: cannot write the build plan to '{place}'" in ran.err


def provides(*names: str, requires: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the plan of a buildpack in a group before this one."""
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
def test_plan_requires_what_python_buildpacks_provide(
    tmp_path: Path, before: list[dict[str, Any]], entries: set[str]
) -> None:
    _, plan = make_lifecycle(tmp_path, {"manage.py": DJANGO}).detect()
    assert set(resolve(*before, plan) or ()) == entries


@pytest.mark.parametrize("value", ["1", "true", "yes"])
def test_disabled_buildpack_passes_and_does_nothing(tmp_path: Path, value: str) -> None:
    lifecycle = make_lifecycle(tmp_path, {"manage.py": DJANGO})
    off = replace(lifecycle, user={"BP_BUILDSTATIC_DISABLED": value})
    ran, plan = off.detect()
    assert (ran.status, bool(plan)) == (0, True)
    assert f"disabled by BP_BUILDSTATIC_DISABLED={value}" in ran.out
    ran = off.build()
    assert ran == Ran(0, f"buildstatic: disabled by BP_BUILDSTATIC_DISABLED={value}\n", "")
    assert list(off.layers.iterdir()) == []


@pytest.mark.parametrize("value", ["", "0", "false"])
def test_false_values_do_not_disable_it(tmp_path: Path, value: str) -> None:
    lifecycle = make_lifecycle(tmp_path, {"manage.py": DJANGO})
    ran, _ = replace(lifecycle, user={"BP_BUILDSTATIC_DISABLED": value}).detect()
    assert ran.out == "buildstatic: found a Django project: manage.py\n"


def test_missing_python_is_an_error(tmp_path: Path) -> None:
    lifecycle = make_lifecycle(tmp_path, {"manage.py": DJANGO})
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("sh", "sed", "rm"):
        (tools / name).symlink_to(shutil.which(name) or name)
    ran = lifecycle.build(PATH=str(tools))
    assert ran.status == 11
    assert ran.err == (
        "error: python is not on PATH. Put this buildpack after one that installs Python.\n"
    )


def add_older_version(cache: Path) -> None:
    """Put the layer of an older buildstatic into *cache*."""
    program = cache / "buildstatic" / "bin" / "python"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\necho buildstatic 0.0.1\n")
    program.chmod(0o755)
    (cache / "buildstatic.toml").write_text("[types]\ncache = true\n")


def test_requested_version_is_used(tmp_path: Path) -> None:
    lifecycle = make_lifecycle(tmp_path, {"manage.py": DJANGO})
    add_older_version(lifecycle.cache)
    user = {"BP_BUILDSTATIC_VERSION": "0.0.1"}
    ran = replace(lifecycle, programs=str(Path(sys.executable).parent), user=user).build()
    assert ran == Ran(0, "buildstatic: reusing 0.0.1 from the last build\nbuildstatic 0.0.1\n", "")


@pytest.mark.parametrize("place", ["a[b]*?", "back\\slash", 'it\'s "$HOME" ünï', "a/b", "x\x7f"])
def test_slice_matches_exactly_static_root(tmp_path: Path, place: str) -> None:
    files = {f"{place}/css/site.css": "", "manage.py": DJANGO, "axb/other": ""}
    lifecycle = make_lifecycle(tmp_path, files)
    found = project(lifecycle.app, static_root=Fact(place, "settings.py:1"))
    for file in buildpack.layers(found, collected=True):
        path = lifecycle.layers / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.text)
    (sliced,) = lifecycle.export().files
    assert f"{place}/css/site.css" in sliced
    assert all(name.startswith(place) for name in sliced)


def test_procfile_defines_the_processes(tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_text(
        "# comment\nweb: gunicorn 'my site' --bind 0:$PORT\nworker-1:  celery  -A x \n\nno line\n"
    )
    assert buildpack.processes(project(tmp_path)) == (
        buildpack.LaunchProcess("web", ("bash", "-c", "gunicorn 'my site' --bind 0:$PORT")),
        buildpack.LaunchProcess("worker-1", ("bash", "-c", "celery  -A x")),
    )


@pytest.mark.parametrize(
    ("static_root", "problem"),
    [("/srv/static", "outside of the app"), ("../static", "outside of the app"), (".", "the app")],
)
def test_static_root_must_be_a_directory_of_the_application(
    tmp_path: Path, static_root: str, problem: str
) -> None:
    found = project(tmp_path, static_root=Fact(static_root, "settings.py:1"))
    with pytest.raises(StaticRootInvalid, match=problem):
        buildpack.check_static_root(found)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Lifecycle:
    """Return what all builds share: the project's Python, the wheel, and a built buildstatic layer.

    All builds use one layers directory, because virtual environments cannot be moved.
    """
    parent = tmp_path_factory.mktemp("buildpack")
    needs = (pythons.DJANGO, "whitenoise", "brotli", "gunicorn")
    python = pythons.environment(parent / "python", requirements=needs)
    (parent / "wheels").mkdir()
    make_wheel(parent / "wheels")
    add_older_version(parent / "work" / "cache")
    user = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    user.setdefault("PIP_CACHE_DIR", str(Path.home() / ".cache" / "pip"))
    user["PIP_FIND_LINKS"] = f"{parent / 'wheels'} {user.get('PIP_FIND_LINKS', '')}".strip()
    lifecycle = Lifecycle(BUILDPACK, parent, parent / "work", str(python.parent), user)
    ran = replace(lifecycle, app=copy("startproject", parent)).build()
    assert ran.status == 0, ran.err
    assert f"installing {buildstatic.__version__}" in ran.out
    return lifecycle


@pytest.fixture
def app(prepared: Lifecycle, tmp_path: Path) -> Callable[[str], Lifecycle]:
    """Return a function from a project's name to its lifecycle, with only buildstatic cached."""

    def make(name: str) -> Lifecycle:
        layer = prepared.cache / "buildstatic"
        kept = tmp_path / "cache"
        shutil.copytree(layer, kept / "buildstatic", symlinks=True, copy_function=link)
        shutil.copy(layer.with_suffix(".toml"), kept)
        return replace(prepared, app=copy(name, tmp_path), kept=kept)

    return make


def build(lifecycle: Lifecycle) -> Ran:
    ran = lifecycle.build()
    assert ran.status == 0, ran.out + ran.err
    return ran


def test_rebuilds_reuse_layers_and_keep_the_static_layer(app: Callable[[str], Lifecycle]) -> None:
    lifecycle = app("whitenoise")
    first = build(lifecycle)
    assert f"buildstatic: reusing {buildstatic.__version__} from the last build" in first.out
    assert "from the cache" not in first.err
    before = lifecycle.export()
    (files,) = before.files
    tree = lifecycle.app / "staticfiles"
    paths = [path.relative_to(lifecycle.app).as_posix() for path in tree.rglob("*")]
    assert set(files) == {"staticfiles", *paths}
    assert "staticfiles/css/site.css.br" in files

    shutil.rmtree(tree)
    with (lifecycle.app / "mysite" / "urls.py").open("a") as views:
        views.write("\n# another view\n")
    second = build(lifecycle)
    variants = sum(path.suffix in (".br", ".gz") for path in tree.rglob("*"))
    assert f"variants    {variants}," in second.err
    assert "of them from the cache" in second.err
    assert lifecycle.types() == {
        "buildstatic": {"cache": True},
        "variants": {"cache": True},
        "environment": {"launch": True},
    }
    after = lifecycle.export()
    assert after.slices == before.slices
    assert after.rest != before.rest

    with (lifecycle.app / "static" / "css" / "site.css").open("a") as style:
        style.write("\nbody { color: red }\n")
    build(lifecycle)
    assert lifecycle.export().slices != after.slices


def test_image_migrates_and_serves(app: Callable[[str], Lifecycle]) -> None:
    lifecycle = app("startproject")
    build(lifecycle)
    image = lifecycle.export()
    release = ("bash", "-c", MIGRATE)
    assert image.processes == (Process("web", WEB, default=True), Process("release", release))
    assert image.environment == {"PORT": "8000"}
    path = f"{lifecycle.programs}:{os.defpath}"
    subprocess.run(release, cwd=lifecycle.app, check=True, env={"PATH": path})
    with serving(lifecycle.app, ["env", f"PATH={path}", *WEB]) as (url, _):
        assert b"--primary" in fetch(f"{url}/static/admin/css/base.css")


def test_remote_storage_is_collected_in_the_release(app: Callable[[str], Lifecycle]) -> None:
    lifecycle = app("remote")
    with (lifecycle.app / "mysite" / "settings.py").open("a") as settings:
        settings.write('DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3"}}\n')
    assert "the release process collects" in build(lifecycle).err
    image = lifecycle.export()
    assert image.slices == ()
    collect = "python manage.py collectstatic --noinput"
    assert Process("release", ("bash", "-c", f"{collect} && {MIGRATE}")) in image.processes


def test_project_without_static_files_builds(app: Callable[[str], Lifecycle]) -> None:
    lifecycle = app("whitenoise")
    settings = lifecycle.app / "mysite" / "settings.py"
    installed = '"django.contrib.staticfiles"'
    settings.write_text(settings.read_text().replace(installed, '"django.contrib.humanize"'))
    assert "Nothing was collected: " in build(lifecycle).err
    assert lifecycle.export().slices == ()


def test_failed_collection_is_one_error(app: Callable[[str], Lifecycle]) -> None:
    lifecycle = app("whitenoise")
    with (lifecycle.app / "mysite" / "settings.py").open("a") as settings:
        settings.write("\nimport no_such_module\n")
    ran = lifecycle.build()
    assert ran.status == SettingsInvalid.exit_code
    (error,) = (line for line in ran.err.splitlines() if line.startswith("error: "))
    assert "no_such_module" in error
    assert "Traceback" not in ran.err


def test_collects_without_secrets_and_ignores_the_pythonpath(
    app: Callable[[str], Lifecycle], tmp_path: Path
) -> None:
    """PYTHONPATH and PYTHONHOME as Heroku's and Paketo's buildpacks set them."""
    lifecycle = app("secret_key")
    (tmp_path / "modules").mkdir()
    for name in ("click", "rich"):
        (tmp_path / "modules" / f"{name}.py").write_text("raise ImportError('incompatible')\n")
    (packages,) = Path(lifecycle.programs).parent.glob("lib/python*/site-packages")
    paths = {"PYTHONPATH": f"{tmp_path / 'modules'}:{packages}", "PYTHONHOME": sys.base_prefix}
    lifecycle = replace(lifecycle, user={**lifecycle.user, **paths})
    build(lifecycle)
    assert lifecycle.export().slices


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


@pytest.mark.exhaustive
@pytest.mark.engine
def test_builds_in_a_container_with_another_python(
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
