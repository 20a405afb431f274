"""``check``: finds deployment problems in a project, and makes the fixes that are safe."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from tempfile import TemporaryFile

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion

from buildstatic.checks import Examination, Finding, load_context, run_checks, validate_silence
from buildstatic.checks.fixes import apply_fixes
from buildstatic.collect.request import CollectOptions, Request
from buildstatic.errors import (
    BuildstaticError,
    InterpreterNotFound,
    StorageRemote,
    VariablesMissing,
)
from buildstatic.interpreter.find import choose_python
from buildstatic.interpreter.process import call
from buildstatic.project import Edit, Fact, Project
from buildstatic.project.detect import detect
from buildstatic.project.environment import decide_on_static_files, placeholders_for
from buildstatic.project.manage import module_search
from buildstatic.project.packages import find_dependencies
from buildstatic.project.packages.python_version import DEFAULT_PYTHON
from buildstatic.project.settings import UNKNOWN, Settings
from buildstatic.project.static_files import backend
from buildstatic.workflows.collect import prepare
from buildstatic.workflows.missing_variables import all_missing_variables

NO_RUN = "--no-run"
# Bytes of a project's output that are kept, of its end.
MAX_OUTPUT = 20_000
REMOTE = "the storage keeps its files elsewhere"
MISSING_MODULE = re.compile(r"ModuleNotFoundError: No module named '([^'.]+)")
# What a package that is missing, or of another version, makes the project raise.
PACKAGE_ERRORS = re.compile(
    r"\b(?:ModuleNotFound|Import|Attribute|Type|Syntax|Assertion)Error\b|ImproperlyConfigured"
)
# What is said of a project that ended the process.
ENDED = re.compile(r"\bended the (?:collecting )?process\b")
# How each package manager installs a project's packages for `check`.
INSTALL = {
    "uv": "uv sync",
    "poetry": "poetry install",
    "pdm": "pdm sync",
    "pipenv": "pipenv sync",
    "pyproject": "pip install .",
    "conda": "conda env create",
}
VERSIONS = """\
import json
from importlib.metadata import distributions
print(json.dumps({str(d.metadata["Name"]): d.version for d in distributions()}))
"""


@dataclass(frozen=True)
class ProjectCheck:
    """The findings in *project*, most severe first, and the *edits* that it still needs.

    *skipped* says what was not looked at and why; it is empty if everything was. *undetermined*
    are the facts whose settings have a value that reading does not tell, and what it depends on.
    *notes* are worth knowing. *output* is what the project printed when it was imported, and
    *failed* whether that ended with an error of its own.
    """

    project: Project
    edits: Sequence[Edit]
    findings: Sequence[Finding]
    skipped: Sequence[str]
    undetermined: Mapping[str, Fact[str]]
    notes: Sequence[str]
    output: str = ""
    failed: bool = False


def check(
    path: Path,
    *,
    manage: str | None = None,
    settings: str | None = None,
    python: Path | None = None,
    run: bool = True,
) -> ProjectCheck:
    """Check the project in the directory *path*.

    *manage* is its manage.py, relative to *path*, and *settings* its settings module, in place of
    those found. With *run* the project is also imported, by *python* or the Python found, in a
    child process.

    Raises ProjectNotFound, SettingsInvalid, ConfigInvalid, and InterpreterNotFound for a *python*
    that cannot import Django. A project that fails to import has a finding, unless its packages
    are not installed in that Python.
    """
    project = detect(path, manage=manage, settings=settings, keep_invalid=True)
    validate_silence(project.config)
    examination = examine(project, python) if run else Examination(skipped=NO_RUN)
    context = load_context(project, examination, datetime.now(UTC).date())
    findings, incomplete = run_checks(context)
    skipped = list(incomplete)
    if examination.skipped:
        skipped.insert(0, f"references between static files ({examination.skipped})")
    if not context.settings.complete:
        skipped.append(f"settings that {context.settings.file} sets while it runs")
    undetermined = dict(_undetermined(project, context.settings))
    storage = (context.problems or {}).get("storage")
    notes = (*project.notes, *([storage] if storage else ()))
    return ProjectCheck(
        project,
        context.edits,
        findings,
        tuple(skipped),
        undetermined,
        notes,
        examination.output,
        failed=examination.failure is not None,
    )


def _undetermined(project: Project, settings: Settings) -> Iterator[tuple[str, Fact[str]]]:
    storage = backend(settings, legacy=True)
    values = {
        "static_root": settings.get("STATIC_ROOT"),
        "static_url": settings.get("STATIC_URL"),
        "storage": storage,
        "remote": storage,
    }
    for name, value in values.items():
        if getattr(project, name) is not None:
            continue
        if value is None:
            if not settings.complete:
                yield name, Fact("unknown", settings.file)
            continue
        variables = value.switches or value.reads
        if variables or value.data is UNKNOWN:
            text = f"depends on {' and '.join(variables)}" if variables else "unknown"
            yield name, Fact(text, value.source)


def fix(result: ProjectCheck) -> tuple[Finding, ...]:
    """Make the safe fixes of *result* and return the findings that were fixed.

    All files are written or none. Raises FileError and FilesExist.
    """
    return apply_fixes(result.project.root, result.findings)


def examine(project: Project, python: Path | None) -> Examination:
    """Return the problems that collecting *project* would have.

    It runs in a child process of *python*, or of the Python found, with placeholders for variables
    that are missing. Raises InterpreterNotFound for a
    *python* that cannot import Django.
    """
    if project.remote is not None and project.remote.value:
        return Examination(skipped=REMOTE)
    request, environ = prepare(project, CollectOptions(verbosity=0))
    try:
        chosen = choose_python(python, request.root, request.manage.parent, environ)
    except InterpreterNotFound as error:
        if python is not None:
            raise
        return Examination(skipped=f"{error.problem.rstrip('.')}; {_how_to_run(project)}")
    with TemporaryFile(buffering=0) as output:
        examination = _run(project, chosen, request, environ, output)
        return replace(examination, output=_end_of(output))


def _run(
    project: Project,
    python: Path,
    request: Request,
    environ: dict[str, str],
    output: FileIO,
) -> Examination:
    """Run *project* until it needs no more placeholders; the last run prints to *output*."""
    failure: BuildstaticError | None = None
    while True:
        output.seek(0)
        output.truncate()
        try:
            with all_missing_variables(project, environ):
                problems = call(python, "examine", request, environ, output=output.fileno())
            return Examination(problems, failure)
        except StorageRemote:
            return Examination(failure=failure, skipped=REMOTE)
        except VariablesMissing as error:
            # A layer is collected with placeholders for all but those of static files.
            if all(name in environ for name in error.names):
                return Examination(failure=failure or error)
            if decide_on_static_files(error.names, project):
                failure = failure or error
            environ |= placeholders_for(project, error.names)
        except BuildstaticError as error:
            if modules := _missing_node_modules(project, error):
                reason = f"{error.problem.rstrip('.')}; install the packages in {modules}"
                return Examination(failure=failure, skipped=reason)
            lacking = _lacking(project, python, error.problem + _reason_for_exit(error, output))
            if not lacking:
                return Examination(failure=failure or error)
            reason = f"{error.problem.rstrip('.')}; {python} lacks {lacking}"
            return Examination(failure=failure, skipped=f"{reason}; {_how_to_run(project)}")
        except RuntimeError as error:
            return Examination(failure=failure, skipped=f"internal error: {error}")


def _missing_node_modules(project: Project, error: BuildstaticError) -> str:
    """Return the missing directory that *error* names and that the image has; empty if none."""
    installed = [item.value.modules for item in project.frontends if item.value.modules]
    return next(
        (
            modules
            for modules in installed
            if modules in error.problem and not (project.root / modules).exists()
        ),
        "",
    )


def _reason_for_exit(error: BuildstaticError, output: FileIO) -> str:
    """Return what the project printed if that is why it ended the process, as manage.py may do."""
    return _end_of(output) if ENDED.search(error.problem) else ""


def _end_of(output: FileIO) -> str:
    output.seek(max(0, output.seek(0, os.SEEK_END) - MAX_OUTPUT))
    return output.read().decode(errors="replace")


def _lacking(project: Project, python: Path, error: str) -> str:
    """Return a package that *python* lacks and that *error* may come from; empty if there is none.

    That is a package of the project that is not installed, or in another version, or, if its
    packages are unknown, a missing module that is not the project's own.
    """
    search = module_search(project)
    module = MISSING_MODULE.search(error)
    is_own = module and (search.module(module[1]) or search.package(module[1]))
    if is_own or not PACKAGE_ERRORS.search(error):
        return ""
    named = project.python.value if project.python else DEFAULT_PYTHON
    packages = find_dependencies(project.root, search.manage, named).packages
    done = subprocess.run(
        [python, "-c", VERSIONS], capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    if done.returncode != 0:
        return "a working importlib.metadata"
    versions: dict[str, str] = {
        canonicalize_name(name): version for name, version in json.loads(done.stdout).items()
    }
    for package in packages.values():
        version = versions.get(package.name)
        if version is None:
            return f"{package.name} ({package.source})"
        try:
            fits = SpecifierSet(package.specifier).contains(version, prereleases=True)
        except (InvalidSpecifier, InvalidVersion):
            continue
        if not fits:
            return f"{package.name}{package.specifier} ({package.source}), it has {version}"
    return f"the module {module[1]}" if module and not packages else ""


def _how_to_run(project: Project) -> str:
    """Return what to do to have the project imported."""
    found = project.dependencies.value if project.dependencies else None
    command = INSTALL.get(found.manager, f"pip install -r {found.file}") if found else ""
    what = f"its packages ({command})" if command else "its packages"
    return f"install {what} in a virtual environment and set --python to its Python"
