"""Detect the Django project in a directory by reading its files; nothing is imported."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from buildstatic.project import (
    config,
    database,
    directories,
    files,
    frontend,
    serving,
    static_files,
)
from buildstatic.project.manage import choose_settings, find_script, locate
from buildstatic.project.model import Fact, Project
from buildstatic.project.packages import DEFAULT_PYTHON, dependencies, python_version, software
from buildstatic.project.search import Search
from buildstatic.project.settings import read, secret_key


def detect(
    root: Path,
    *,
    manage: str | None = None,
    settings: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> Project:
    """Return the Django project in *root*, each fact with its source.

    *manage* and *settings* are those of the command line; *environ* is by default the
    environment of this process. Raises `ProjectNotFound`, `SettingsInvalid`, `InterpreterNotFound`
    and `ConfigInvalid`.
    """
    root = root.resolve()
    environ = os.environ if environ is None else environ
    configuration = config.load(root)
    script = find_script(root, manage or configuration.manage)
    search = Search(root, script.resolve().parent)
    chosen, notes = choose_settings(search, script, settings, configuration, environ)
    evaluated = read(locate(chosen, search), search)
    python = python_version.find(root, search.manage)
    installed = dependencies.find(root, search.manage, python.value if python else DEFAULT_PYTHON)
    packages = installed.packages
    legacy = software.reads_legacy_storage(packages)
    static = static_files.find(evaluated, search, legacy=legacy)
    modules = directories.node_modules(evaluated)
    driver = software.database(packages)
    wsgi = serving.application("wsgi", chosen.value, evaluated, search)
    asgi = serving.application("asgi", chosen.value, evaluated, search)
    name = files.relative(script, root)
    notes = (*notes, *installed.notes)
    if evaluated.classes is not None:
        notes += (
            f"{evaluated.classes} imports django-configurations. Settings in classes are not"
            " read, so STATIC_ROOT and other settings are unknown.",
        )
    legacy_storage = evaluated.get("STATICFILES_STORAGE")
    if legacy_storage is not None and not legacy:
        notes += (
            f"{legacy_storage.source} sets STATICFILES_STORAGE, which Django 5.1 and later ignore."
            ' Move it to STORAGES["staticfiles"].',
        )
    return Project(
        root=root,
        manage=Fact(name, f"{name}:1"),
        settings=chosen,
        wsgi=wsgi,
        asgi=asgi,
        python=python,
        dependencies=installed.fact,
        server=software.server(packages),
        whitenoise=software.whitenoise(packages),
        database=driver,
        frontend=frontend.find(root, search.manage, modules=modules is not None),
        static_root=static.static_root,
        static_url=static.static_url,
        storage=static.storage,
        remote=static.remote,
        media_root=directories.media_root(evaluated, search),
        sqlite=database.sqlite(evaluated, search),
        node_modules=modules,
        gis=database.gis_packages(evaluated),
        python_path=_python_path((chosen, wsgi, asgi), search),
        needed=directories.needed(evaluated, search),
        variables=evaluated.variables,
        secret_key=secret_key(evaluated),
        connection=database.connection(evaluated, driver),
        health=serving.health_check(evaluated, search),
        processes=serving.processes(chosen.value, packages, search),
        notes=notes,
    )


def _python_path(modules: tuple[Fact[str] | None, ...], search: Search) -> Fact[str] | None:
    """Return ``src`` if one of *modules* (``module:attribute``) is evaluated only there."""
    for fact in modules:
        path = fact and search.module(name := fact.value.partition(":")[0])
        if path and search.is_in_src(name):
            return Fact("src", f"{search.relative(path)}:1")
    return None
