"""Evaluate a settings module without running it: the value of each name, the variables read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from buildstatic.project import Variable, files
from buildstatic.project.files import Search
from buildstatic.project.settings.execute import execute, load
from buildstatic.project.settings.scope import Evaluation, Frame, VariableRead
from buildstatic.project.settings.values import (
    ROOT,
    UNKNOWN,
    Module,
    Ref,
    Value,
    normalize,
    plain,
)

__all__ = [
    "ROOT",
    "UNKNOWN",
    "Settings",
    "Value",
    "evaluate_script",
    "imports_os",
    "normalize",
    "plain",
    "read",
    "secret_key",
]


@dataclass(frozen=True)
class Settings:
    """The names of a settings module, and the environment variables that they are read from.

    *file* is the module's, relative to the root; *modules* are the files of all modules that were
    evaluated. *complete* means that every name was seen, so a missing one is not set. *classes* is
    the source of an import of django-configurations: its settings are attributes of a class, so
    *names* does not have them.
    """

    file: str
    names: Mapping[str, Value]
    variables: tuple[Variable, ...]
    classes: str | None = None
    complete: bool = True
    modules: tuple[Path, ...] = ()

    def get(self, name: str) -> Value | None:
        """Return the value of *name*, or None if it is not set."""
        return self.names.get(name)

    def text(self, name: str) -> Value | None:
        """Return the value of *name* if it is a known text, else None."""
        value = self.get(name)
        return value if value is not None and isinstance(value.data, str) else None

    def listed(self, name: str) -> tuple[object, ...]:
        """Return the entries of the list *name*; unknown entries are UNKNOWN."""
        value = self.get(name)
        if value is None:
            return ()
        entries = plain(value)
        return entries if isinstance(entries, tuple) else (UNKNOWN,)


def read(path: Path, search: Search) -> Settings:
    """Evaluate the settings module in *path*, and what it imports from the project.

    Raises `ConfigInvalid` if a file is not valid Python.
    """
    evaluation = Evaluation(search, execute)
    names = load(path, evaluation)
    return Settings(
        search.relative(path),
        names,
        _variables(evaluation.reads),
        classes=_configurations_import(names),
        complete=not evaluation.unseen and evaluation.steps_left >= 0,
        modules=tuple(dict.fromkeys(file for file, _ in evaluation.modules)),
    )


def evaluate_script(path: Path, search: Search) -> Evaluation:
    """Evaluate *path* as a program (``__name__`` is ``__main__``), and return the final state."""
    evaluation = Evaluation(search, execute)
    file = Value(str(evaluation.place(path)))
    frame = Frame(evaluation, path, {"__file__": file, "__name__": Value("__main__")})
    execute(files.read_python(path, search.root).body, frame)
    return evaluation


def imports_os(file: str, search: Search) -> bool:
    """Return whether the module in *file*, relative to the root, has ``os`` among its names."""
    names = load(search.root / file, Evaluation(search, execute))
    return names.get("os", Value(None)).data == Ref("os")


def _configurations_import(names: Mapping[str, Value]) -> str | None:
    modules = [value.data for value in names.values() if isinstance(value.data, Module)]
    inner = [value for module in modules for value in module.names.values()]
    for value in (*names.values(), *inner):
        if isinstance(value.data, Ref) and value.data.name.partition(".")[0] == "configurations":
            return value.source
    return None


def _variables(reads: Sequence[VariableRead]) -> tuple[Variable, ...]:
    """Return each variable once, with the place that requires it, or else the first read."""
    found: dict[str, Variable] = {}
    for entry in reads:
        known = found.get(entry.name)
        if known is None or (entry.required and not known.required):
            found[entry.name] = Variable(entry.name, entry.required, entry.source, entry.kind)
        if known and known.kind != "text":
            found[entry.name] = replace(found[entry.name], kind=known.kind)
    return tuple(found.values())


def secret_key(settings: Settings) -> Variable | None:
    """Return the variable that SECRET_KEY is read from, or None.

    Of several (``"dev" if DEBUG else env("KEY")``), the one with a name like a key's.
    """
    value = settings.get("SECRET_KEY")
    names = value.reads if value else ()
    likely = [name for name in names if "KEY" in name.upper() or "SECRET" in name.upper()]
    chosen = (likely or list(names))[:1]
    return next((item for item in settings.variables if item.name in chosen), None)
