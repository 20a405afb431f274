"""Heroku's files besides the Procfile: app.json, .python-version, and the hook that collects.

The classic Python buildpack runs the hook bin/post_compile in the build directory, with ``python``
on PATH, BUILD_DIR, CACHE_DIR and the config vars in the environment, and fails the build if it
fails (heroku/heroku-buildpack-python: lib/hooks.sh, spec/hatchet/hooks_spec.rb). CACHE_DIR is kept
between builds and not part of the slug. With uv both Python buildpacks require a .python-version
(lib/python_version.sh there; heroku/buildpacks-python: src/python_version.rs).
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from buildstatic import __version__
from buildstatic.platforms.commands import SYSTEM_VARIABLES, settings_module
from buildstatic.platforms.options import Options
from buildstatic.platforms.procfile import (
    PYTHON_VERSION,
    app_notes,
    collects_in_release,
    requires_python_version,
)
from buildstatic.platforms.repository import github_repository
from buildstatic.project import Project
from buildstatic.templates import GeneratedFile, render

NAME = "heroku"
SUMMARY = "app.json and bin/post_compile for Heroku, beside the Procfile"
IS_DEFAULT = False

STACK = "heroku-26"
DATABASE_URL = "DATABASE_URL"
HOSTS = ("ALLOWED_HOSTS", "DJANGO_ALLOWED_HOSTS")
POSTGRESQL = ("psycopg", "psycopg2", "psycopg2-binary", "asyncpg")
# Set by Heroku (devcenter.heroku.com/articles/dynos, "Local environment variables").
SET_BY_HEROKU = {"PORT", "DYNO", "WEB_CONCURRENCY", "SOURCE_VERSION", "STACK", *SYSTEM_VARIABLES}

Entry = dict[str, str | bool]


def files(project: Project, options: Options) -> tuple[GeneratedFile, ...]:
    """Return the app.json of *project*, bin/post_compile if the build collects, .python-version.

    The latter is for uv only, unless there is one.

    https://devcenter.heroku.com/articles/app-json-schema
    """
    in_release = collects_in_release(project, options)
    origin = github_repository(project.root)
    name = origin.name if origin else project.root.resolve().name
    directories = [frontend.value.directory for frontend in project.frontends]
    # Heroku's buildpack looks for package.json in the root only.
    builds_frontend = "." in directories
    driver = project.database.value.driver if project.database else None
    reads_url = any(variable.name == DATABASE_URL for variable in project.variables)
    provided = options.database == "platform" and driver in POSTGRESQL and reads_url
    addons = ["heroku-postgresql"] if provided else []
    collector = "the release phase" if in_release else "bin/post_compile"
    notes = [
        *app_notes(project),
        "Heroku: app.json is only read when an app is created (button, review app). For an "
        "existing app run `heroku config:set DISABLE_COLLECTSTATIC=1`, so that "
        f"{collector} collects instead of the buildpack.",
    ]
    if names := [variable.name for variable in project.variables if variable.required]:
        notes.append(
            "Heroku: the Cloud Native Buildpack (Fir) imports the settings in the build, with "
            "`manage.py help collectstatic`, and fails without their required variables. Set "
            f"{', '.join(names)} before the first build."
        )
    if directories and not builds_frontend:
        notes.append(
            f"Heroku: heroku/nodejs expects package.json in the root, but it is in "
            f"{' and '.join(directories)}. Add one to the root that installs and builds it."
        )
    text = render(
        "app.json",
        name=name if 3 <= len(name) <= 30 and name.isprintable() else None,
        repository=f"https://github.com/{origin.owner}/{origin.name}" if origin else None,
        stack=STACK,
        buildpacks=(*(("heroku/nodejs",) if builds_frontend else ()), "heroku/python"),
        env=dict(_environment(project, in_release, has_database=bool(addons))),
        addons=addons,
    )
    found = [GeneratedFile("app.json", text, notes=tuple(notes))]
    if not in_release:
        found.append(_hook(project))
    if requires_python_version(project):
        from buildstatic.project.packages.python_version import DEFAULT_PYTHON

        version = project.python.value if project.python else DEFAULT_PYTHON
        found.append(GeneratedFile(PYTHON_VERSION, f"{version}\n"))
    return tuple(found)


def _hook(project: Project) -> GeneratedFile:
    collect = '"$python" -I -m buildstatic collect --noinput'
    if not project.manage.source.startswith(project.manage.value):  # named, not detected
        collect += f" --manage {shlex.quote(project.manage.value)}"
    text = render(
        "post_compile",
        version=f"buildstatic {__version__}",
        requirement=f"buildstatic=={__version__}",
        collect=collect,
    )
    return GeneratedFile("bin/post_compile", text, executable=True)


def _environment(
    project: Project, in_release: bool, *, has_database: bool
) -> Iterator[tuple[str, Entry]]:
    """Yield the variables that a new app needs, the most important first."""
    key = project.secret_key.name if project.secret_key else ""
    if key:
        yield key, {"description": "Django's SECRET_KEY.", "generator": "secret"}
    module = settings_module(project)
    if module is not None:
        yield "DJANGO_SETTINGS_MODULE", {"value": module}
    collector = (
        "The release phase collects."
        if in_release
        else "bin/post_compile collects the static files."
    )
    yield "DISABLE_COLLECTSTATIC", {"description": collector, "value": "1"}
    known = {key, "DJANGO_SETTINGS_MODULE", "DISABLE_COLLECTSTATIC", *SET_BY_HEROKU}
    for variable in project.variables:
        if variable.name in known or (has_database and variable.name == DATABASE_URL):
            continue
        if variable.name in HOSTS:
            yield (
                variable.name,
                {"description": "Host names of the site.", "value": ".herokuapp.com"},
            )
        elif variable.required:
            yield variable.name, {"description": f"Read in {variable.source}.", "required": True}
