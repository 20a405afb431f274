"""Complete an error of the settings: all variables that are missing, or the package to add."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from buildstatic.errors import BuildstaticError, SettingsInvalid, VariablesMissing
from buildstatic.project import Project, ProjectSettings, Variable
from buildstatic.project.environment import missing, paste
from buildstatic.project.manage import module_search


@contextmanager
def all_missing_variables(project: ProjectSettings, environ: Mapping[str, str]) -> Iterator[None]:
    """Raise VariablesMissing of the block with all variables that the settings require.

    An error of the settings counts as well if it names a variable that is not set, or the line that
    requires one. If it names a module that is not installed, its advice says how to add that.
    """
    try:
        yield
    except (VariablesMissing, SettingsInvalid) as error:
        required = {item.name: item for item in missing(project, environ)}
        known = {item.name: item for item in project.variables if item.name not in environ}
        if isinstance(error, VariablesMissing):
            named = error.names
        else:
            named = _named(error.problem, known, required)
            if not named:
                if advice := _missing_package(error.problem, project):
                    raise SettingsInvalid(error.problem, advice) from error
                raise
        others = [name for name in required if name not in named]
        also = f" The settings also require {', '.join(others)}." if others else ""
        unread = {name: Variable(name, True, project.settings.source) for name in named}
        variables = {**unread, **{name: known[name] for name in named if name in known}, **required}
        what = "it, or add a placeholder" if len(variables) == 1 else "them, or add placeholders"
        advice = f"Set {what} for collecting to pyproject.toml:\n\n{paste(variables.values())}"
        raise VariablesMissing(error.problem + also, advice, variables) from error


def _missing_package(problem: str, settings: ProjectSettings) -> str:
    """Return how to add the package that provides the module in the message *problem*.

    Empty if there is none, or if it is a module of the project or a dependency already.
    """
    # The second message is that of Django's database backends.
    found = re.search(r"No module named '([\w.]+)'|Error loading (\w+)\b.* module", problem)
    if found is None:
        return ""
    from packaging.requirements import Requirement

    from buildstatic.project.detect import detect
    from buildstatic.project.packages.distributions import (
        distribution,
        how_to_add,
        is_of_project,
    )

    module = found[1] or found[2]
    name = distribution(module)
    try:
        if isinstance(settings, Project):
            project = settings
        else:
            names = settings.manage.value, settings.settings.value
            project = detect(settings.root, manage=names[0], settings=names[1])
    except BuildstaticError:  # of what collecting does not need
        return ""
    search = module_search(project)
    if is_of_project(module, search) or Requirement(name).name.lower() in project.packages:
        return ""
    dependencies = project.dependencies.value if project.dependencies else None
    return (
        f"None of the dependencies has it. {how_to_add(name, dependencies)}\n\n"
        "If it is installed, name the project's Python with --python FILE."
    )


def _named(
    problem: str, known: Mapping[str, Variable], required: Mapping[str, Variable]
) -> tuple[str, ...]:
    """Return the variables that the message *problem* names by name or by line."""
    words = set(re.findall(r"\b[A-Z][A-Z0-9_]+\b", problem))
    lines = set(re.findall(r"[^\s:]+\.py:\d+(?=:)", problem))
    by_name = [name for name in known if name in words and (name in required or "_" in name)]
    by_line = [item.name for item in required.values() if item.source in lines]
    return tuple(dict.fromkeys((*by_name, *by_line)))
