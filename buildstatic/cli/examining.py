"""What the project's own Python says of its static files, for ``check``."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

REMOTE = "the storage keeps its files elsewhere"

if TYPE_CHECKING:
    from buildstatic.project import Project
    from buildstatic.project.config import Config


def examined(
    project: Project, config: Config, python: Path | None
) -> tuple[Mapping[str, Any] | None, str]:
    """Return what `buildstatic.collect.examine` finds in *project*, or None and why it could not.

    It runs in a child, in which the project may do as it likes; what it prints goes to standard
    error. Raises `InterpreterNotFound` for a *python* that was named and does not do.
    """
    from buildstatic.collect import Request
    from buildstatic.errors import BuildstaticError
    from buildstatic.interpreter.find import check_python, find_python, has_django
    from buildstatic.interpreter.process import call
    from buildstatic.project.environment import placeholders
    from buildstatic.project.ignore import patterns

    if project.remote is not None and project.remote.value:
        return None, REMOTE
    root = project.root.absolute()
    request = Request(
        root=str(root),
        manage=str(root / project.manage.value),
        settings=project.settings.value,
        interactive=False,
        verbosity=0,
        patterns=patterns(project.root, config),
        libraries=tuple({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}),
    )
    environ = {**os.environ, **placeholders(project, config, os.environ)}
    if python is not None:
        check_python(python.absolute(), request.directory, environ)
    try:
        if python is None:
            python = (
                Path(sys.executable)
                if has_django()
                else find_python(root, request.directory, environ)
            )
        return call(python.absolute(), "examine", request, environ, stdout=2), ""
    except BuildstaticError as error:
        return None, error.problem
