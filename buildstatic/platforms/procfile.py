"""Heroku's Procfile: migrations in the release phase, then the server.

The release phase runs in a dyno of its own whose files are thrown away, so it is no place to
collect into a local directory; the Python buildpack does that while the slug is built
(devcenter.heroku.com/articles/release-phase, devcenter.heroku.com/articles/django-assets).
"""

from __future__ import annotations

from collections.abc import Iterator

from buildstatic.platforms import commands
from buildstatic.platforms.options import Options
from buildstatic.project import Project
from buildstatic.templates import GeneratedFile, render

NAME = "procfile"
IS_DEFAULT = True


def files(project: Project, options: Options) -> tuple[GeneratedFile, ...]:
    """Return the Procfile of *project*."""
    in_release = collects_in_release(project, options)
    migrations = commands.migrations(project)
    release = commands.chain(*((commands.collect(project),) if in_release else ()), *migrations)
    text = render(
        "Procfile",
        remote=commands.is_remote(project),
        in_release=in_release,
        migrates=bool(migrations),
        release=commands.single_line(release, "Procfile") if release else "",
        web=commands.single_line(commands.serve(project, options), "Procfile"),
        processes=[
            (item.name, commands.single_line(item.command, "Procfile"))
            for item in commands.processes(project, options)
            if not item.schedule
        ],
    )
    return (
        GeneratedFile(
            "Procfile",
            text,
            notes=tuple(_notes(project, in_release)),
            warnings=_warnings(project, in_release),
            serves=(commands.serve(project, options),),
        ),
    )


def collects_in_release(project: Project, options: Options) -> bool:
    """Tell whether the release phase collects: for remote storage, or where that was asked for."""
    if options.collect_in is None:
        return commands.is_remote(project)
    return options.collect_in == "release"


def _warnings(project: Project, in_release: bool) -> tuple[str, ...]:
    if not in_release or commands.is_remote(project):
        return ()
    return (
        "Heroku throws away what the release phase writes, and the static files are kept in a "
        "local directory: the site will miss them. Leave out `--collect-in release`.",
    )


def settings_note(project: Project) -> Iterator[str]:
    """Yield how Heroku learns of the settings, where manage.py does not name them."""
    module = commands.settings_module(project)
    if module is not None:
        yield f"Heroku: name the settings, `heroku config:set DJANGO_SETTINGS_MODULE={module}`."


def _notes(project: Project, in_release: bool) -> Iterator[str]:
    yield from settings_note(project)
    if in_release and commands.is_remote(project):
        yield (
            "Heroku: collecting is in the release phase, so turn off the buildpack's own: "
            "`heroku config:set DISABLE_COLLECTSTATIC=1`."
        )
    if project.frontend is not None and project.frontend.value.build:
        yield (
            "Heroku: the front-end build runs before collecting if its buildpack comes first: "
            "`heroku buildpacks:add --index 1 heroku/nodejs`."
        )
