"""Evaluate a settings module without running it: the value of each name, the variables read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from buildstatic.project import Variable, files
from buildstatic.project.files import Search
from buildstatic.project.settings.environment import LateValue, read_late
from buildstatic.project.settings.evaluate import call
from buildstatic.project.settings.execute import execute, load
from buildstatic.project.settings.operations import normalize
from buildstatic.project.settings.scope import (
    Arguments,
    BudgetExceeded,
    Class,
    Evaluation,
    Frame,
    Function,
    VariableRead,
)
from buildstatic.project.settings.values import (
    ROOT,
    UNKNOWN,
    Instance,
    Ref,
    Value,
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
    evaluated. *complete* means that every name was seen, so a missing one is not set, and *ended*
    that evaluating took too long, so that no value is known. *classes* are
    the settings classes of django-configurations; *names* has the attributes of the selected one.
    """

    file: str
    names: Mapping[str, Value]
    variables: tuple[Variable, ...]
    complete: bool = True
    ended: bool = False
    modules: tuple[Path, ...] = ()
    classes: tuple[str, ...] = ()

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


def read(
    path: Path,
    search: Search,
    configuration: str | None = None,
    environ: Mapping[str, str] = MappingProxyType({}),
) -> Settings:
    """Evaluate the settings module in *path*, and what it imports from the project.

    *configuration* is the settings class of django-configurations to use, and *environ* are
    variables that are set. Raises `ConfigInvalid` if a file is not valid Python.
    """
    evaluation = Evaluation(search, execute)
    evaluation.environ.update({name: Value(text) for name, text in environ.items()})
    names: dict[str, Value] = {}
    classes: tuple[str, ...] = ()
    chosen = None
    try:
        names = load(path, evaluation)
        classes = tuple(name for name, value in names.items() if _is_configuration(value))
        chosen = configuration if configuration in classes else None
        if chosen is not None:
            names = {**names, **_class_settings(names[chosen], Frame(evaluation, path, names))}
        ended = False
    except (BudgetExceeded, RecursionError):
        names, ended = {}, True
    # Django reads dir() of the module (docs.python.org/3/reference/datamodel.html#module.__dir__).
    is_seen = not evaluation.unseen and "__dir__" not in names and not ended
    key = names.get("SECRET_KEY")
    if key is not None and key.data in (None, "") and len(key.reads) == 1:
        evaluation.require(key.reads)  # Django refuses an empty one
    return Settings(
        search.relative(path),
        names,
        _variables(evaluation.reads),
        complete=is_seen and not (classes and chosen is None),
        ended=ended,
        modules=tuple(dict.fromkeys(file for file, _ in evaluation.modules)),
        classes=classes,
    )


def _is_configuration(value: Value) -> bool:
    return isinstance(value.data, Class) and value.data.inherits("configurations", "Configuration")


def _class_settings(owner: Value, frame: Frame) -> dict[str, Value]:
    """Return the settings that django-configurations takes from the class *owner*.

    They are its attributes in capitals; methods are called without arguments.
    """
    if not isinstance(owner.data, Class):
        return {}
    names = dict(owner.data.names)
    settings = {name: value for name, value in names.items() if name.isupper()}
    for name, value in settings.items():
        if isinstance(value.data, LateValue):
            names[name] = read_late(value.data, name).at(value.source)
    instance = Value(Instance(names))
    for name, value in settings.items():
        if isinstance(value.data, Function):
            arguments = Arguments((instance,), {}, value.data.node, frame)
            names[name] = call(value, arguments).at(value.source)
    return {name: names[name] for name in settings}


def evaluate_script(path: Path, search: Search) -> Evaluation:
    """Evaluate *path* as a program (``__name__`` is ``__main__``), and return the final state."""
    evaluation = Evaluation(search, execute)
    file = Value(str(evaluation.place(path)))
    frame = Frame(evaluation, path, {"__file__": file, "__name__": Value("__main__")})
    with suppress(BudgetExceeded, RecursionError):
        execute(files.read_python(path, search.root).body, frame)
    return evaluation


def imports_os(file: str, search: Search) -> bool:
    """Return whether the module in *file*, relative to the root, has ``os`` among its names."""
    evaluation = Evaluation(search, execute)
    try:
        return load(search.root / file, evaluation).get("os", Value(None)).data == Ref("os")
    except (BudgetExceeded, RecursionError):
        return False


def _variables(reads: Sequence[VariableRead]) -> tuple[Variable, ...]:
    """Return each variable once, with the place that requires it, or else the first read."""
    found: dict[str, Variable] = {}
    for entry in reads:
        variable = Variable(entry.name, entry.required, entry.source, entry.kind, entry.choices)
        known = found.get(entry.name, variable)
        chosen = variable if variable.required and not known.required else known
        kind = known.kind if known.kind != "text" else variable.kind
        choices = tuple(dict.fromkeys((*known.choices, *variable.choices)))
        found[entry.name] = replace(chosen, kind=kind, choices=choices)
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
