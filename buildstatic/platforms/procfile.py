"""The Procfile: migrations in the release phase, then the server.

The release phase runs in a separate dyno whose files are discarded, so it must not collect into a
local directory. The Python buildpack collects during the build
(devcenter.heroku.com/articles/release-phase, devcenter.heroku.com/articles/django-assets).
"""

from __future__ import annotations

from collections.abc import Iterator

from buildstatic.platforms.commands import (
    collect_command,
    has_remote_storage,
    join_commands,
    migrate_commands,
    other_processes,
    require_single_line,
    settings_module,
    sqlite_note,
)
from buildstatic.platforms.options import Options
from buildstatic.platforms.server import serve_command
from buildstatic.project import Project
from buildstatic.templates import GeneratedFile, render

NAME = "procfile"
SUMMARY = "Procfile for Heroku and other platforms"
IS_DEFAULT = True

FILE = "Procfile"
PYTHON_VERSION = ".python-version"


def files(project: Project, options: Options) -> tuple[GeneratedFile, ...]:
    """Return the Procfile of *project*; raises ConfigInvalid if a command has line breaks."""
    in_release = collects_in_release(project, options)
    # A release phase would migrate a database that is discarded with its dyno.
    discards_database = any(sqlite_note(project))
    migrate = () if discards_database else migrate_commands(project)
    release = join_commands(*((collect_command(project),) if in_release else ()), *migrate)
    serve = require_single_line(serve_command(project, options.server), FILE)
    text = render(
        "Procfile",
        remote=has_remote_storage(project),
        in_release=in_release,
        migrates=bool(migrate),
        discards_database=discards_database,
        release=require_single_line(release, FILE) if release else "",
        web=serve,
        processes=[
            (item.name, require_single_line(item.command, FILE))
            for item in other_processes(project, options)
            if not item.schedule
        ],
    )
    warnings: tuple[str, ...] = ()
    if in_release and not has_remote_storage(project):
        warnings = (
            "Heroku discards files that the release phase writes, so the local static files will "
            "be missing from the site. Omit `--collect-in release`.",
        )
    notes = tuple(_notes(project, in_release))
    return (GeneratedFile(FILE, text, notes=notes, warnings=warnings, serves=(serve,)),)


def collects_in_release(project: Project, options: Options) -> bool:
    """Return whether the release phase collects: by default for remote storage only."""
    if options.collect_in is None:
        return has_remote_storage(project)
    return options.collect_in == "release"


def app_notes(project: Project) -> Iterator[str]:
    """Yield what the settings need on Heroku."""
    yield "Heroku: ALLOWED_HOSTS needs the domains of the app, such as NAME.herokuapp.com."
    yield from sqlite_note(project)
    module = settings_module(project)
    if module is not None:
        command = f"heroku config:set DJANGO_SETTINGS_MODULE={module}"
        yield f"Heroku: set the settings module: `{command}`."


def requires_python_version(project: Project) -> bool:
    """Return whether Heroku's Python buildpacks fail without a .python-version: with uv only."""
    dependencies = project.dependencies
    is_uv = dependencies is not None and dependencies.value.manager == "uv"
    return is_uv and not (project.root / PYTHON_VERSION).exists()


def _notes(project: Project, in_release: bool) -> Iterator[str]:
    yield from app_notes(project)
    if requires_python_version(project):
        yield (
            f"Heroku: with uv the file {PYTHON_VERSION} is required: `uv python pin`, or "
            "`buildstatic generate heroku`."
        )
    if in_release and has_remote_storage(project):
        yield (
            "Heroku: the release phase collects, so disable collecting in the buildpack: "
            "`heroku config:set DISABLE_COLLECTSTATIC=1`."
        )
    if any(frontend.value.build for frontend in project.frontends):
        yield (
            "Heroku: put the front-end's buildpack first, so that it builds before collecting: "
            "`heroku buildpacks:add --index 1 heroku/nodejs`."
        )
