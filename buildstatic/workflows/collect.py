"""``collect``: collects the static files of a project, with the project's own Python."""

from __future__ import annotations

import errno
import os
import sysconfig
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any

from buildstatic.atomic import replace_output
from buildstatic.collect.request import Callbacks, CollectOptions, CollectResult, Request
from buildstatic.errors import BuildstaticError, VariablesMissing
from buildstatic.interpreter.find import choose_python, has_django
from buildstatic.interpreter.process import call, collect_with
from buildstatic.project import ProjectSettings, files
from buildstatic.project.config import ProjectConfig, ignore_patterns, load
from buildstatic.project.environment import (
    decide_on_static_files,
    placeholders,
    placeholders_for,
)
from buildstatic.project.manage import detect_settings
from buildstatic.workflows import SILENT, Reporter
from buildstatic.workflows.missing_variables import all_missing_variables

# Options that have no effect if the storage's own code collects.
_COLLECTOR_ONLY = ("prune", "hardlinks", "compress", "formats", "reuse", "missing_maps")


def configured_options(
    path: Path, config: ProjectConfig | None = None, **given: Any
) -> CollectOptions:
    """Return *given* on top of ``[tool.buildstatic]`` of the project in *path*.

    *config* is that table if it has been loaded. Raises ConfigInvalid if it is invalid.
    """
    root = path.resolve()
    config = config or load(root)
    own = config.options("collect")
    configured = {
        **own,
        "cache": root / own["cache"] if "cache" in own else None,
        "compress": config.compress,
        "formats": config.formats,
        "before": config.before or (),
        "after": config.after or (),
    }
    explicit = tuple(
        f"--{name.replace('_', '-')}"
        for name in _COLLECTOR_ONLY
        if given.get(name) not in (None, False, (), "fail")
    )
    return CollectOptions(**{**configured, **given}, explicit=explicit)


def collect(
    path: Path,
    options: CollectOptions | None = None,
    *,
    manage: str | None = None,
    settings: str | None = None,
    python: Path | None = None,
    with_plan: bool = False,
    isolate: bool = True,
    report: Reporter = SILENT,
) -> CollectResult:
    """Collect the static files of the project in the directory *path*.

    Without *options* those of ``[tool.buildstatic]`` hold. *manage* is the project's
    manage.py, relative to *path*, and *settings* its settings module, in place of those found. It
    runs in a child process of *python*, or of the Python found; without *isolate* and *python*, in
    this process if it can import Django, which becomes the project's: directory, path, environment
    and apps. *with_plan* includes the plan in the result.

    SECRET_KEY gets a random value if it is read from a variable that is not set, and other
    variables those of ``[tool.buildstatic.env]``.

    Raises ProjectNotFound, InterpreterNotFound, ConfigInvalid, SettingsInvalid, VariablesMissing,
    StaticRootInvalid, StaticfilesNotInstalled, StorageRemote, CollectFailed, CollectCancelled,
    FilesConflict, ReferencesBroken or FileError.
    """
    project = detect_settings(path, manage=manage, settings=settings)
    options = options or configured_options(path, project.config)
    return collect_project(
        project, options, python=python, with_plan=with_plan, isolate=isolate, report=report
    )


def collect_tar(
    tar: Path, path: Path, options: CollectOptions, *, report: Reporter = SILENT, **how: Any
) -> CollectResult:
    """Collect into a layer root, as `collect` does with *how*, and write it to the file *tar*.

    The layer root is in the temporary directory or, if that has too little space, beside *tar*.
    """
    temporary, tar = Path(gettempdir()), tar.parent.resolve() / tar.name
    try:
        return _collect_tar(temporary, tar, path, options, report=report, **how)
    except BuildstaticError as error:
        if os.strerror(errno.ENOSPC) not in error.problem:
            raise
    report.note(f"{temporary} is full: collecting again in {tar.parent}.")
    tar.parent.mkdir(parents=True, exist_ok=True)
    return _collect_tar(tar.parent, tar, path, options, report=report, **how)


def _collect_tar(
    directory: Path, tar: Path, path: Path, options: CollectOptions, **how: Any
) -> CollectResult:
    """Collect in *directory*; in a child process, so that it can be done twice."""
    from buildstatic.oci.layer_writer import write_layer

    with TemporaryDirectory(prefix="buildstatic-layer-", dir=directory) as temporary:
        root = Path(temporary, "layer")
        result = collect(path, replace(options, layer_root=root), **{**how, "isolate": True})
        with replace_output(tar) as file:
            write_layer(root, file, "none")
    return replace(result, closing=result.closing.replace(str(root), str(tar)))


def plan(
    path: Path,
    options: CollectOptions | None = None,
    *,
    manage: str | None = None,
    settings: str | None = None,
    python: Path | None = None,
    isolate: bool = True,
) -> dict[str, Any]:
    """Return what `collect` would collect, as JSON values, and write nothing.

    ``files`` are collected, ``shadowed`` have the path of an earlier source, ``ignored`` are left
    out by a rule. The parameters are those of `collect`, which raises the same.
    """
    project = detect_settings(path, manage=manage, settings=settings)
    request, environ = prepare(project, options or configured_options(path, project.config))
    with all_missing_variables(project, environ):
        if not isolate and python is None and has_django():
            from buildstatic.collect import main

            os.environ.update(environ)
            return main.plan(request)
        chosen = choose_python(python, request.root, request.manage.parent, environ)
        return call(chosen, "plan", request, environ)


def collect_project(
    project: ProjectSettings,
    options: CollectOptions,
    *,
    python: Path | None,
    isolate: bool,
    report: Reporter,
    with_plan: bool = False,
    is_image: bool = True,
) -> CollectResult:
    """Collect *project*; see `collect`.

    *is_image* is false if this machine's directories are not those of the image.

    For a layer root, variables that the settings require and that are not set get placeholders,
    with a warning, unless they are read for the static files.
    """
    request, environ = prepare(project, options, with_plan=with_plan, is_image=is_image)
    callbacks = Callbacks(report.warn, report.progress)
    if not isolate and python is None and has_django():
        from buildstatic.collect import main

        os.environ.update(environ)
        with all_missing_variables(project, environ):
            return main.collect(request, callbacks)
    chosen = choose_python(python, request.root, request.manage.parent, environ)
    while True:
        try:
            with all_missing_variables(project, environ):
                return collect_with(chosen, request, environ, callbacks)
        except VariablesMissing as error:
            can_be_replaced = options.layer_root and any(n not in environ for n in error.names)
            if not can_be_replaced or decide_on_static_files(error.names, project):
                raise
            environ |= placeholders_for(project, error.names)
            names = ", ".join(error.names)
            report.warn(f"Placeholders are used for variables that are not set: {names}.")


def prepare(
    project: ProjectSettings, options: CollectOptions, **values: Any
) -> tuple[Request, dict[str, str]]:
    """Return the request to collect *project*, and the environment to do it in.

    The request also has *values*, and what only this process knows of the project. The environment
    is this process's, with the variables of `placeholders`.
    """
    root = project.root.absolute()
    paths: dict[str, Any] = {
        name: files.resolved(path) if ".." in path.parts else path.absolute()
        for name in ("layer_root", "cache", "reuse")
        if (path := getattr(options, name))
    }
    request = Request(
        root=root,
        manage=root / project.manage.value,
        settings=project.settings.value,
        settings_given=not project.settings.source.startswith(f"{project.manage.value}:"),
        options=replace(options, **paths),
        patterns=ignore_patterns(project.root, project.config),
        libraries=tuple({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}),
        **values,
    )
    return request, {**os.environ, **placeholders(project, os.environ)}
