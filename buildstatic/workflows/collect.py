"""``collect``: collects the static files of a project, with the project's own Python."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from buildstatic import collect as in_process
from buildstatic.collect import Callbacks, CollectResult, Request
from buildstatic.errors import VariablesMissing
from buildstatic.interpreter.find import check_python, find_python, has_django
from buildstatic.interpreter.process import call, collect_with
from buildstatic.project import Project, Variable
from buildstatic.project.config import ProjectConfig, ignore_patterns, load
from buildstatic.project.detect import detect
from buildstatic.project.environment import missing, paste, placeholders
from buildstatic.workflows import SILENT, Reporter

# Options that have no effect if the storage's own code collects.
_COLLECTOR_ONLY = ("prune", "hardlinks", "compress", "formats", "reuse", "missing_maps")


@dataclass(frozen=True)
class CollectOptions:
    """The options of a collection.

    The first eight are those of ``manage.py collectstatic``. *layer_root* is a directory to lay the
    files out in as in the image, in place of STATIC_ROOT. *compress* and *formats* (of gz, br and
    zst) choose the variants, in place of the storage's own. *cache* is the directory of compressed
    variants, by default ``~/.cache/buildstatic``; *reuse* an earlier tree to take them from.
    *hardlinks* makes equal files one file; *prune* removes files of earlier runs; *strict* fails on
    files of one path and different content; *missing_maps* is what to do about missing source maps.
    *explicit* names the options to warn about if the storage's own code has to ignore them.
    """

    interactive: bool = False
    clear: bool = False
    dry_run: bool = False
    ignore: tuple[str, ...] = ()
    default_ignore: bool = True
    link: bool = False
    post_process: bool = True
    verbosity: int = 1
    layer_root: Path | None = None
    compress: Literal["none", "fast", "best"] | None = None
    formats: tuple[str, ...] = ()
    cache: Path | None = None
    reuse: Path | None = None
    hardlinks: bool = False
    prune: bool = False
    strict: bool = False
    missing_maps: Literal["fail", "warn"] = "fail"
    explicit: tuple[str, ...] = ()

    @classmethod
    def configured(cls, path: Path, **given: Any) -> CollectOptions:
        """Return *given* on top of ``[tool.buildstatic.collect]`` of the project in *path*.

        Raises ConfigInvalid if that table is invalid.
        """
        config = dict(load(path.resolve()).options("collect"))
        if "cache" in config:
            config["cache"] = path.resolve() / config["cache"]
        explicit = tuple(
            f"--{name.replace('_', '-')}"
            for name in _COLLECTOR_ONLY
            if given.get(name) not in (None, False, (), "fail")
        )
        return cls(**{**config, **given}, explicit=explicit)


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

    Without *options* those of ``[tool.buildstatic.collect]`` hold. *manage* is the project's
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
    project = detect(path, manage=manage, settings=settings)
    options = options or CollectOptions.configured(path)
    return collect_project(
        project, options, python=python, with_plan=with_plan, isolate=isolate, report=report
    )


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
    project = detect(path, manage=manage, settings=settings)
    request, environ = _prepare(project, options or CollectOptions.configured(path))
    with all_missing_variables(project, environ):
        chosen = _choose_python(python, request, environ, isolate)
        if chosen:
            return call(chosen, "plan", request, environ)
        os.environ.update(environ)
        return in_process.plan(request)


def collect_project(
    project: Project,
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
    """
    request, environ = _prepare(project, options, with_plan=with_plan, is_image=is_image)
    tell = Callbacks(report.warn, report.progress)
    with all_missing_variables(project, environ):
        chosen = _choose_python(python, request, environ, isolate)
        if chosen:
            return collect_with(chosen, request, environ, tell)
        os.environ.update(environ)
        return in_process.collect(request, tell)


def _prepare(
    project: Project, options: CollectOptions, **values: Any
) -> tuple[Request, dict[str, str]]:
    """Return the request and the environment of a collection."""
    config = load(project.root)

    def absolute(path: Path | None) -> str | None:
        return str(path.absolute()) if path else None

    request = make_request(
        project,
        config,
        interactive=options.interactive,
        clear=options.clear,
        dry_run=options.dry_run,
        ignore=options.ignore,
        default_ignore=options.default_ignore,
        link=options.link,
        post_process=options.post_process,
        verbosity=options.verbosity,
        layer_root=absolute(options.layer_root),
        compress=options.compress or config.compress,
        formats=options.formats or config.formats,
        cache=absolute(options.cache),
        reuse=absolute(options.reuse),
        hardlinks=options.hardlinks,
        prune=options.prune,
        strict=options.strict,
        missing_maps=options.missing_maps,
        given=options.explicit,
        **values,
    )
    return request, {**os.environ, **placeholders(project, config, os.environ)}


def _choose_python(
    python: Path | None, request: Request, environ: Mapping[str, str], isolate: bool
) -> Path | None:
    """Return the Python for a child process, None to collect in this process."""
    if python is not None:
        return check_python(python.absolute(), request.directory, environ)
    if has_django():
        return Path(sys.executable) if isolate else None
    return find_python(Path(request.root), request.directory, environ)


@contextmanager
def all_missing_variables(project: Project, environ: Mapping[str, str]) -> Iterator[None]:
    """Raise VariablesMissing of the block with all variables that the settings require."""
    try:
        yield
    except VariablesMissing as error:
        variables = list(missing(project, environ))
        others = [variable.name for variable in variables if variable.name != error.name]
        if len(others) == len(variables):
            variables.insert(0, Variable(error.name, True, project.settings.source))
        also = f" The settings also require {', '.join(others)}." if others else ""
        advice = "Set them, or add placeholders for collecting to pyproject.toml:\n\n"
        raise VariablesMissing(
            error.problem + also, advice + paste(tuple(variables)), error.name
        ) from error


def make_request(project: Project, config: ProjectConfig, **values: Any) -> Request:
    """Return the request for *project*, with what only this process knows of it, and *values*."""
    root = project.root.absolute()
    return Request(
        root=str(root),
        manage=str(root / project.manage.value),
        settings=project.settings.value,
        patterns=ignore_patterns(project.root, config),
        libraries=tuple({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}),
        **values,
    )
