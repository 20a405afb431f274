"""``check``: finds deployment problems in a project, and makes the fixes that are safe."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from buildstatic.checks import Finding, load_context, run_checks, validate_silence
from buildstatic.checks.fixes import apply_fixes
from buildstatic.errors import BuildstaticError
from buildstatic.interpreter.find import check_python, find_python, has_django
from buildstatic.interpreter.process import call
from buildstatic.project import Edit, Project
from buildstatic.project.config import ProjectConfig, load
from buildstatic.project.detect import detect
from buildstatic.project.environment import placeholders
from buildstatic.workflows.collect import make_request

# Values of `CheckResult.unexamined` that are not failures.
NO_RUN = "--no-run"
REMOTE = "the storage keeps its files elsewhere"


@dataclass(frozen=True)
class CheckResult:
    """The findings in *project*, most severe first, and the *edits* that it still needs.

    *unexamined* says why the project was only read, not imported; it is empty if it was.
    """

    project: Project
    config: ProjectConfig
    edits: Sequence[Edit]
    findings: Sequence[Finding]
    unexamined: str


def check(
    path: Path,
    *,
    manage: str | None = None,
    settings: str | None = None,
    python: Path | None = None,
    run: bool = True,
) -> CheckResult:
    """Check the project in the directory *path*.

    *manage* is its manage.py, relative to *path*, and *settings* its settings module, in place of
    those found. With *run* the project is also imported, by *python* or the Python found, in a
    child process whose output goes to standard error.

    Raises ProjectNotFound, SettingsInvalid, ConfigInvalid, and InterpreterNotFound for a *python*
    that cannot import Django. A project that fails to import is not an error but *unexamined*.
    """
    project = detect(path, manage=manage, settings=settings)
    config = load(project.root)
    validate_silence(config)
    examined, reason = examine(project, config, python) if run else (None, NO_RUN)
    context = load_context(project, config, examined, datetime.now(UTC).date())
    return CheckResult(project, config, context.edits, run_checks(context), reason)


def fix(result: CheckResult) -> tuple[Finding, ...]:
    """Make the safe fixes of *result* and return the findings that were fixed.

    All files are written or none. Raises FileError and FilesExist.
    """
    return apply_fixes(result.project.root, result.findings)


def examine(
    project: Project, config: ProjectConfig, python: Path | None
) -> tuple[Mapping[str, Any] | None, str]:
    """Return the problems that collecting *project* would have, or None and why it did not run.

    It runs in a child process of *python*, or of the Python found. Raises InterpreterNotFound for a
    *python* that cannot import Django.
    """
    if project.remote is not None and project.remote.value:
        return None, REMOTE
    request = make_request(project, config, interactive=False, verbosity=0)
    environ = {**os.environ, **placeholders(project, config, os.environ)}
    if python is not None:
        check_python(python.absolute(), request.directory, environ)
    try:
        if python is None and has_django():
            python = Path(sys.executable)
        elif python is None:
            python = find_python(project.root.absolute(), request.directory, environ)
        return call(python.absolute(), "examine", request, environ, stdout=2), ""
    except BuildstaticError as error:
        return None, error.problem
