"""The settings as their files say: what each is worth, and the variables that they read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from buildstatic.project.model import Variable
from buildstatic.project.search import Search
from buildstatic.project.settings.modules import evaluate_script
from buildstatic.project.settings.modules import read as read_module
from buildstatic.project.settings.state import Read, Reading
from buildstatic.project.settings.values import UNKNOWN, Module, Ref, Value, plain

__all__ = [
    "UNKNOWN",
    "Module",
    "Reading",
    "Ref",
    "Settings",
    "Value",
    "evaluate_script",
    "plain",
    "read",
]


@dataclass(frozen=True)
class Settings:
    """The names of a settings module, and the environment variables that were read for them.

    *file* is the module's, relative to the root. *complete* says that reading has seen whatever
    may set a name, so that one it does not have is not set. *classes* is where
    django-configurations is imported: then the settings are attributes of a class, and *names* has
    none of them.
    """

    file: str
    names: Mapping[str, Value]
    variables: tuple[Variable, ...]
    classes: str | None = None
    complete: bool = True

    def get(self, name: str) -> Value | None:
        """Return what *name* is worth, or None where the settings leave Django's default."""
        return self.names.get(name)

    def text(self, name: str) -> Value | None:
        """Return *name* where it is known to be text, else None."""
        value = self.get(name)
        return value if value is not None and isinstance(value.data, str) else None

    def listed(self, name: str) -> tuple[object, ...]:
        """Return the entries of the list *name*; UNKNOWN stands for what cannot be told."""
        value = self.get(name)
        if value is None:
            return ()
        entries = plain(value)
        return entries if isinstance(entries, tuple) else (UNKNOWN,)


def read(path: Path, search: Search) -> Settings:
    """Read the settings module in *path*, and what it imports of the project's own.

    Raises `ConfigInvalid` where a file is not valid Python.
    """
    names, reading = read_module(path, search)
    variables = _variables(reading.reads)
    complete = not reading.unseen and reading.steps >= 0
    return Settings(search.relative(path), names, variables, _classes(names), complete)


def imports_os(file: str, search: Search) -> bool:
    """Say whether code in *file*, relative to the root, can say ``os``."""
    names, _ = read_module(search.root / file, search)
    return names.get("os", Value(None)).data == Ref("os")


def _classes(names: Mapping[str, Value]) -> str | None:
    modules = [value.data for value in names.values() if isinstance(value.data, Module)]
    inner = [value for module in modules for value in module.names.values()]
    for value in (*names.values(), *inner):
        if isinstance(value.data, Ref) and value.data.name.partition(".")[0] == "configurations":
            return value.source
    return None


def _variables(reads: Sequence[Read]) -> tuple[Variable, ...]:
    """Return each variable once, with the place where it is demanded, or first read."""
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

    Where several have a say (``"dev" if DEBUG else env("KEY")``), the one named like a key.
    """
    value = settings.get("SECRET_KEY")
    names = value.reads if value else ()
    likely = [name for name in names if "KEY" in name.upper() or "SECRET" in name.upper()]
    chosen = (likely or list(names))[:1]
    return next((item for item in settings.variables if item.name in chosen), None)
