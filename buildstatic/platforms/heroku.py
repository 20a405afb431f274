"""What Heroku is told beside the Procfile: app.json, and the hook that collects.

The hook is ``bin/post_compile``. The classic Python buildpack runs it in the build directory, with
``python`` on PATH, BUILD_DIR, CACHE_DIR and the config vars in the environment, and fails the build
if it fails (heroku/heroku-buildpack-python: lib/hooks.sh, spec/hatchet/hooks_spec.rb). CACHE_DIR is
kept from one build to the next, and not part of the slug.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from buildstatic import __version__
from buildstatic.platforms import commands, procfile
from buildstatic.platforms.options import Options
from buildstatic.platforms.repository import repository
from buildstatic.project import Frontend, Project, Variable
from buildstatic.templates import GeneratedFile, render

NAME = "heroku"
IS_DEFAULT = False

STACK = "heroku-24"
DATABASE_URL = "DATABASE_URL"
HOSTS = ("ALLOWED_HOSTS", "DJANGO_ALLOWED_HOSTS")
POSTGRESQL = ("psycopg", "psycopg2", "psycopg2-binary", "asyncpg")
# What Heroku sets by itself (devcenter.heroku.com/articles/dynos, "Local environment variables").
GIVEN = {"PORT", "DYNO", "WEB_CONCURRENCY", "SOURCE_VERSION", "STACK", *commands.SYSTEM}

Entry = dict[str, str | bool]


def files(project: Project, options: Options) -> tuple[GeneratedFile, ...]:
    """Return the app.json of *project*, and bin/post_compile where the build collects."""
    in_release = procfile.collects_in_release(project, options)
    described = _app_json(project, in_release)
    return (described,) if in_release else (described, _hook(project))


def _app_json(project: Project, in_release: bool) -> GeneratedFile:
    """Return app.json (devcenter.heroku.com/articles/app-json-schema)."""
    origin = repository(project.root)
    name = origin.name if origin else project.root.resolve().name
    text = render(
        "app.json",
        name=name if 3 <= len(name) <= 30 and name.isprintable() else None,
        repository=f"https://github.com/{origin.owner}/{origin.name}" if origin else None,
        stack=STACK,
        buildpacks=(*_node(project), "heroku/python"),
        env=dict(_environment(project, in_release)),
        addons=["heroku-postgresql"] if _needs_postgresql(project) else [],
    )
    return GeneratedFile("app.json", text, notes=tuple(_notes(project, in_release)))


def _hook(project: Project) -> GeneratedFile:
    text = render(
        "post_compile",
        version=f"buildstatic {__version__}",
        requirement=f"buildstatic=={__version__}",
        collect=" ".join(('"$python" -I -m buildstatic collect --noinput', *_named(project))),
    )
    return GeneratedFile("bin/post_compile", text, executable=True)


def _named(project: Project) -> tuple[str, ...]:
    """Return the option for a manage.py that was named, and would not be found by itself."""
    if project.manage.source.startswith(project.manage.value):
        return ()
    return ("--manage", shlex.quote(project.manage.value))


def _node(project: Project) -> tuple[str, ...]:
    """Return the buildpack that builds the front-end; it looks for package.json in the root."""
    return ("heroku/nodejs",) if _frontend(project, in_root=True) else ()


def _frontend(project: Project, *, in_root: bool) -> Frontend | None:
    found = project.frontend.value if project.frontend else None
    return found if found and (found.directory == ".") == in_root else None


def _environment(project: Project, in_release: bool) -> Iterator[tuple[str, Entry]]:
    """Yield the variables that a new app needs, in the order in which they matter."""
    key = project.secret_key
    if key is not None:
        yield key.name, {"description": "SECRET_KEY of Django.", "generator": "secret"}
    module = commands.settings_module(project)
    if module is not None:
        yield "DJANGO_SETTINGS_MODULE", {"value": module}
    who = "The release phase collects." if in_release else "bin/post_compile collects."
    yield "DISABLE_COLLECTSTATIC", {"description": who, "value": "1"}
    taken = {key.name if key else "", "DJANGO_SETTINGS_MODULE", "DISABLE_COLLECTSTATIC", *GIVEN}
    if _needs_postgresql(project):
        taken.add(DATABASE_URL)
    for variable in project.variables:
        if variable.name not in taken:
            yield from _entries(variable)


def _entries(variable: Variable) -> Iterator[tuple[str, Entry]]:
    if variable.name in HOSTS:
        yield variable.name, {"description": "Its host names.", "value": ".herokuapp.com"}
    elif variable.required:
        yield variable.name, {"description": f"Read in {variable.source}.", "required": True}


def _needs_postgresql(project: Project) -> bool:
    """Tell whether the settings read the URL of a PostgreSQL database where Heroku puts it."""
    driver = project.database.value.driver if project.database else None
    read = any(variable.name == DATABASE_URL for variable in project.variables)
    return driver in POSTGRESQL and read


def _notes(project: Project, in_release: bool) -> Iterator[str]:
    yield from procfile.settings_note(project)
    who = "the release phase" if in_release else "bin/post_compile"
    yield (
        "Heroku: app.json is read when an app is made (a button, a review app). For one that is "
        f"there: `heroku config:set DISABLE_COLLECTSTATIC=1`, so that {who} collects, and not the "
        "buildpack."
    )
    if frontend := _frontend(project, in_root=False):
        yield (
            f"Heroku: heroku/nodejs looks for package.json in the root, and it is in "
            f"{frontend.directory}: put one there that installs and builds it."
        )
