"""Detection: a directory in, a `Project` out. Reads files, imports nothing of the project."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from buildstatic.project import (
    application,
    config,
    connection,
    data,
    files,
    frontend,
    health,
    processes,
    python_version,
    static,
)
from buildstatic.project import manage as manage_module
from buildstatic.project import settings as settings_module
from buildstatic.project.model import Fact, Project
from buildstatic.project.packages import DEFAULT_PYTHON, dependencies, software
from buildstatic.project.search import Search


def detect(
    root: Path,
    *,
    manage: str | None = None,
    settings: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> Project:
    """Return the Django project in *root*, each fact with the place that it came from.

    *manage* and *settings* are what the command line names; *environ* is the environment, the
    process's own by default. Raises `ProjectNotFound`, `ProjectNotFound`, `SettingsInvalid`,
    `InterpreterNotFound` and `ConfigInvalid`.
    """
    root = root.resolve()
    wishes = config.load(root)
    script = manage_module.find(root, manage or wishes.manage)
    search = Search(root, script.resolve().parent)
    environ = os.environ if environ is None else environ
    chosen, notes = manage_module.choose_settings(search, script, settings, wishes, environ)
    read = settings_module.read(manage_module.locate(chosen, search), search)
    python = python_version.find(root, search.manage)
    installed = dependencies.find(root, search.manage, python.value if python else DEFAULT_PYTHON)
    legacy = software.reads_legacy(installed.packages)
    found = static.find(read, search, legacy=legacy)
    modules = data.node_modules(read)
    driver = software.database(installed.packages)
    name = files.relative(script, root)
    wsgi = application.find("wsgi", chosen.value, read, search)
    asgi = application.find("asgi", chosen.value, read, search)
    return Project(
        root=root,
        manage=Fact(name, f"{name}:1"),
        settings=chosen,
        wsgi=wsgi,
        asgi=asgi,
        python=python,
        dependencies=installed.fact,
        server=software.server(installed.packages),
        whitenoise=software.whitenoise(installed.packages),
        database=driver,
        frontend=frontend.find(root, search.manage, modules=modules is not None),
        static_root=found.static_root,
        static_url=found.static_url,
        storage=found.storage,
        remote=found.remote,
        media_root=data.media_root(read, search),
        sqlite=data.sqlite(read, search),
        node_modules=modules,
        gis=software.gis(read),
        python_path=_python_path((chosen, wsgi, asgi), search),
        needed=data.needed(read, search),
        variables=read.variables,
        secret_key=settings_module.secret_key(read),
        connection=connection.find(read, driver),
        health=health.find(read, search),
        processes=processes.find(chosen.value, installed.packages, search),
        notes=(
            *notes,
            *installed.notes,
            *_classes_note(read),
            *_legacy_note(read, legacy=legacy),
        ),
    )


def _python_path(modules: Iterable[Fact[str] | None], search: Search) -> Fact[str] | None:
    """Return the directory of those *modules* (``module:attribute``) that are in ``src`` alone."""
    for fact in modules:
        path = fact and search.module(name := fact.value.partition(":")[0])
        if path and search.is_in_src(name):
            return Fact("src", f"{search.relative(path)}:1")
    return None


def _classes_note(read: settings_module.Settings) -> tuple[str, ...]:
    if read.classes is None:
        return ()
    return (
        f"{read.classes} imports django-configurations: settings in classes are not read,"
        " so STATIC_ROOT and the others are left open.",
    )


def _legacy_note(read: settings_module.Settings, *, legacy: bool) -> tuple[str, ...]:
    value = read.get("STATICFILES_STORAGE")
    if value is None or legacy:
        return ()
    return (
        f"{value.source} sets STATICFILES_STORAGE, which Django 5.1 and later do not read:"
        ' move it to STORAGES["staticfiles"].',
    )
