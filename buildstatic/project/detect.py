"""Detect the Django project in a directory by reading its files; nothing is imported."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from buildstatic.project import Fact, Project, SystemPackages, frontend, static_files
from buildstatic.project.application import (
    early_import,
    find_application,
    find_health_check,
    find_processes,
    find_server,
    python_path,
)
from buildstatic.project.database import (
    find_connection,
    find_driver,
    find_sqlite,
    gis_packages,
    written_engine,
)
from buildstatic.project.manage import find_settings, locate
from buildstatic.project.packages import find_dependencies
from buildstatic.project.packages.known import NO_OPTIONS, DependencyOptions
from buildstatic.project.packages.python_version import (
    DEFAULT_PYTHON,
    find_python_version,
    newest_python,
    old_django,
    supported,
)
from buildstatic.project.packages.system import find_system_packages
from buildstatic.project.settings import Settings, read

# Commands of manage.py that apps require before collecting, each from the app's own documentation:
# they compile into the sources, or write to STATIC_ROOT what the manifest has to contain.
COMMANDS_BEFORE = {
    "sass_processor": "compilescss",  # github.com/jrief/django-sass-processor
    "django_js_reverse": "collectstatic_js_reverse",  # django-js-reverse on PyPI
    "statici18n": "compilejsi18n",  # django-statici18n.readthedocs.io
}
# After it (django-compressor.readthedocs.io, "Offline compression").
COMPRESSOR, COMPRESS = "compressor", "compress"


def detect(
    root: Path,
    *,
    manage: str | None = None,
    settings: str | None = None,
    dependencies: DependencyOptions = NO_OPTIONS,
    environ: Mapping[str, str] | None = None,
    keep_invalid: bool = False,
) -> Project:
    """Return the Django project in *root*, each fact with its source.

    *manage*, *settings* and *dependencies* are those of the command line; *environ* is by default
    the environment of this process. With *keep_invalid* the project may have front ends that
    cannot be read. Raises `ProjectNotFound`, `SettingsInvalid`,
    `InterpreterNotFound` and `ConfigInvalid`.
    """
    found = find_settings(root, manage, settings, os.environ if environ is None else environ)
    root, configuration, chosen, notes = found.search.root, found.config, found.chosen, found.notes
    search, evaluated, selected = found.search, found.evaluated, found.selected
    required = find_python_version(root, search.manage)
    python, python_notes = supported(required) if required else (None, ())
    installed = find_dependencies(
        root,
        search.manage,
        python.value if python else DEFAULT_PYTHON,
        DependencyOptions(
            dependencies.requirements or configuration.requirements,
            configuration.groups if dependencies.groups is None else dependencies.groups,
            configuration.extras if dependencies.extras is None else dependencies.extras,
            written_engine(evaluated),
        ),
    )
    packages = installed.packages
    if limit := newest_python(packages):
        required = find_python_version(root, search.manage, limit.value) or limit
        python, python_notes = supported(required)
    whitenoise = packages.get("whitenoise")
    version = python.value if python else DEFAULT_PYTHON
    needed = find_system_packages(packages, version)
    legacy = static_files.reads_legacy_storage(packages)
    static = static_files.find(evaluated, search, legacy=legacy)
    root_setting = evaluated.get("STATIC_ROOT")
    if root_setting and not configuration.env.keys().isdisjoint(root_setting.reads):
        name = selected.value if selected else None
        given = read(locate(chosen, search), search, name, configuration.env)
        given_root = static_files.find(given, search, legacy=legacy).static_root
        static = replace(static, static_root=given_root or static.static_root)
    modules = static_files.node_modules(evaluated, search)
    frontends = frontend.find(evaluated, search, modules, configuration)
    if frontends.invalid and not keep_invalid:
        raise frontends.invalid[0]
    driver = find_driver(packages, version)
    wsgi = find_application("wsgi", chosen.value, evaluated, search)
    asgi = find_application("asgi", chosen.value, evaluated, search)
    url = static.static_url.value if static.static_url else "/static/"
    web_server = static_files.find_web_server(url, search) if url.strip("/") else None
    notes = (
        *notes,
        *python_notes,
        *installed.notes,
        *frontends.notes,
        *_notes_on_settings(evaluated, selected),
    )
    is_local = static.remote is not None and not static.remote.value
    if django := old_django(packages):
        notes += (
            f"{django.source} has Django {django.value}; buildstatic collects with 4.2 or newer,"
            " so the image's static files are collected by manage.py collectstatic.",
        )
    if web_server is not None and whitenoise is None and is_local:
        notes += (
            f"{web_server.value} serves {url} ({web_server.source}), so WhiteNoise is not"
            " suggested. The files for it: buildstatic build --serve"
            f" {web_server.value.lower()} --target assets.",
        )
    legacy_storage = evaluated.get("STATICFILES_STORAGE")
    if legacy_storage is not None and not legacy:
        notes += (
            f"{legacy_storage.source} sets STATICFILES_STORAGE, which Django 5.1 and later ignore."
            ' Move it to STORAGES["staticfiles"].',
        )
    return Project(
        **vars(found.project()),
        wsgi=wsgi,
        asgi=asgi,
        python=python,
        dependencies=installed.fact,
        web_server=web_server,
        server=find_server(packages, asgi=asgi is not None, wsgi=wsgi is not None),
        whitenoise=Fact(True, whitenoise.source) if whitenoise else None,
        database=driver,
        frontends=frontends.found,
        static_root=static.static_root,
        static_url=static.static_url,
        storage=static.storage,
        remote=static.remote,
        media_root=static_files.media_root(evaluated, search),
        sqlite=find_sqlite(evaluated, search),
        node_modules=modules,
        unbuilt=frontends.unbuilt,
        invalid=frontends.invalid,
        gis=gis_packages(evaluated),
        python_path=python_path((chosen, wsgi, asgi), found.added, search),
        log_files=static_files.log_files(evaluated, search),
        sqlite_files=static_files.sqlite_files(evaluated, search),
        early_import=early_import(chosen.value, (wsgi, asgi), search),
        storage_switch=static.storage_switch,
        needed=static_files.needed(evaluated, search),
        connection=find_connection(evaluated, driver),
        health=find_health_check(evaluated, search),
        processes=find_processes(chosen.value, packages, search),
        packages=packages,
        before=commands_before(evaluated),
        after=commands_after(evaluated),
        system=SystemPackages(
            (*needed.build, *configuration.build_packages),
            (*needed.run, *configuration.run_packages),
        ),
        notes=notes,
    )


def _notes_on_settings(settings: Settings, selected: Fact[str] | None) -> Iterator[str]:
    """Yield a note if no settings class is *selected*, or another one than for development.

    Or if evaluating the settings took too long.
    """
    if settings.ended:
        yield (
            f"{settings.file} takes too long to evaluate: the values of its settings are unknown."
            " Set what is needed in [tool.buildstatic], or shorten it."
        )
    if settings.classes and selected is None:
        yield (
            f"{settings.file} has settings classes ({', '.join(settings.classes)}), and neither"
            " wsgi.py nor manage.py selects one. Set DJANGO_CONFIGURATION in"
            " [tool.buildstatic.env]."
        )
    if selected is not None and selected.source.startswith(f"{settings.file}:"):
        yield (
            f"The image uses the settings class {selected.value} ({selected.source}), not the one"
            " for development. DJANGO_CONFIGURATION in [tool.buildstatic.env] selects another."
        )


def commands_before(settings: Settings) -> tuple[str, ...]:
    """Return the commands that the installed apps require before collecting."""
    return tuple(command for app, command in COMMANDS_BEFORE.items() if _has_app(settings, app))


def commands_after(settings: Settings) -> tuple[str, ...]:
    """Return the commands that the installed apps require after collecting."""
    offline = settings.get("COMPRESS_OFFLINE")
    is_offline = offline is not None and offline.data is True
    return (COMPRESS,) if is_offline and _has_app(settings, COMPRESSOR) else ()


def _has_app(settings: Settings, name: str) -> bool:
    apps = settings.listed("INSTALLED_APPS")
    return any(isinstance(app, str) and app.partition(".")[0] == name for app in apps)
