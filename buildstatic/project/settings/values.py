"""The values of expressions, and the state of an evaluation."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from pathlib import Path, PurePosixPath
from typing import Final

from buildstatic.project.search import Search


class _Unknown(Enum):
    UNKNOWN = "unknown"


UNKNOWN: Final = _Unknown.UNKNOWN
# The project's root in evaluated paths: one level below the top, as in the image.
ROOT = PurePosixPath("/<root>")
MAX_LENGTH = 10_000
MAX_STEPS = 100_000
MAX_CALL_DEPTH = 12


@dataclass(frozen=True)
class Value:
    """The value of an expression, its source (``file:line``) and the variables it was read from.

    *data* is a constant, a `PurePosixPath`, a tuple of values (also for lists and sets), a dict of
    values, one of the classes below, or UNKNOWN. If the value depends on the branch taken,
    *options* has the possible data.
    """

    data: object
    source: str = ""
    reads: tuple[str, ...] = ()
    options: tuple[object, ...] = ()

    def at(self, source: str) -> Value:
        """Return the value with another *source*."""
        return Value(self.data, source, self.reads, self.options)


@dataclass(frozen=True)
class Ref:
    """A name from outside of the project: ``os.environ``, ``pathlib.Path``, ``str``."""

    name: str


@dataclass(frozen=True, eq=False)
class Module:
    """A module (or class) of the project, by its names."""

    names: Mapping[str, Value]


@dataclass(frozen=True, eq=False)
class Function:
    """A function of the project, and the frame that it was defined in."""

    node: ast.FunctionDef
    frame: Frame


@dataclass(frozen=True, eq=False)
class EnvReader:
    """A reader of environment variables from django-environ, environs or python-decouple.

    *defaults* are those declared with ``environ.Env(DEBUG=(bool, False))``.
    """

    library: str
    defaults: Mapping[str, Value] = field(default_factory=dict)


class Flow(Enum):
    """How a block of statements ends: it continues, leaves (return, break), or raises."""

    CONTINUES = auto()
    LEAVES = auto()
    RAISES = auto()


@dataclass
class VariableRead:
    """One read of an environment variable, see `Variable`; *bare* if it has no default."""

    name: str
    required: bool
    source: str
    kind: str
    bare: bool


@dataclass
class Evaluation:
    """The state shared by all frames of one evaluation.

    *environ* has the environment variables that the code sets, *possible_environ* those that it
    sets in code that may not be reached. *missing_imports* counts imports of project modules that
    do not exist. *unseen* are the places that may set names which the evaluation cannot see.
    *steps_left* and *calls_left* limit the work. *execute* runs a block of statements.
    *file_names* caches the relative names of files.
    """

    search: Search
    execute: Callable[[Sequence[ast.stmt], Frame], Flow]
    modules: dict[tuple[Path, bool], dict[str, Value]] = field(default_factory=dict)
    reads: list[VariableRead] = field(default_factory=list)
    environ: dict[str, Value] = field(default_factory=dict)
    possible_environ: dict[str, Value] = field(default_factory=dict)
    steps_left: int = MAX_STEPS
    calls_left: int = MAX_CALL_DEPTH
    missing_imports: int = 0
    unseen: set[str] = field(default_factory=set)
    file_names: dict[Path, str] = field(default_factory=dict)

    @property
    def cwd(self) -> PurePosixPath:
        """The working directory of the code: that of manage.py."""
        return self.place(self.search.manage)

    def place(self, path: Path) -> PurePosixPath:
        """Return *path* as the code sees it: below `ROOT` if it is inside of the project."""
        return ROOT / self.search.relative(path)


@dataclass
class Frame:
    """A scope: a module, a class or a function's body.

    *reached* is False for code that is not reached in an empty environment. *call_site* is the
    place of the outermost call that led here, *tested* the variables that branches depend on,
    *prefix* the one set by environs, *distance* the number of imports from the settings module,
    *included* the files of django-split-settings' ``include``.
    """

    evaluation: Evaluation
    file: Path
    names: dict[str, Value]
    outer: Frame | None = None
    reached: bool = True
    call_site: str = ""
    prefix: str = ""
    distance: int = 0
    returns: list[tuple[bool, Value]] = field(default_factory=list)
    tested: list[str] = field(default_factory=list)
    included: set[Path] = field(default_factory=set)

    def source(self, node: ast.AST) -> str:
        """Return ``file:line`` of *node*."""
        names = self.evaluation.file_names
        if self.file not in names:
            names[self.file] = self.evaluation.search.relative(self.file)
        return f"{names[self.file]}:{getattr(node, 'lineno', 1)}"

    def mark_unseen(self, node: ast.AST) -> None:
        """Record that *node* may set names of the settings that cannot be evaluated."""
        if self.distance == 0:
            self.evaluation.unseen.add(self.source(node))

    def lookup(self, name: str) -> Value | None:
        """Return the value of *name*, or None if it is not set."""
        if name in self.names:
            return self.names[name]
        return self.outer.lookup(name) if self.outer else None

    def replace_names(self, names: Mapping[str, Value]) -> None:
        """Replace all names in place: functions and importers share the dict."""
        new = dict(names)
        self.names.clear()
        self.names.update(new)

    def branch(self, reached: bool) -> Frame:
        """Return a frame with a copy of the names, for a branch; everything else is shared."""
        return replace(self, names=dict(self.names), reached=self.reached and reached)


@dataclass(frozen=True)
class Arguments:
    """The arguments of a call, its node and the frame that it is in."""

    positional: tuple[Value, ...]
    named: dict[str, Value]
    node: ast.AST
    frame: Frame

    @property
    def reads(self) -> tuple[str, ...]:
        """The variables that the arguments were read from."""
        return union(*self.positional, *self.named.values())

    def get(self, position: int, *names: str) -> Value | None:
        """Return the argument at *position*, or the one called one of *names*, or None."""
        if position < len(self.positional):
            return self.positional[position]
        return next((self.named[name] for name in names if name in self.named), None)


def bounded(data: object) -> object:
    """Return *data*, or UNKNOWN if it is longer than any real setting (``X += X``)."""
    is_large = isinstance(data, str | tuple | dict) and len(data) > MAX_LENGTH
    return UNKNOWN if is_large else data


def plain(value: Value) -> object:
    """Return the data of *value* as plain Python objects; unknown parts stay UNKNOWN."""
    match value.data:
        case tuple() as items:
            return tuple(plain(item) for item in items)
        case dict() as entries:
            return {key: plain(entry) for key, entry in entries.items()}
        case data:
            return data


def truth(value: Value) -> bool | None:
    """Return the truth of *value* in an empty environment, or None if it is unknown."""
    match value.data:
        case None | bool() | int() | float() | str() | dict():
            return bool(value.data)
        case tuple() as items:
            return bool(items) if all(item.data is not UNKNOWN for item in items) else None
        case PurePosixPath():
            return True
        case _:
            return None


def union(*values: Value | None) -> tuple[str, ...]:
    """Return the variables that any of *values* was read from, without duplicates."""
    return tuple(dict.fromkeys(name for value in values if value for name in value.reads))


def merge(one: Value | None, other: Value | None, tested: tuple[str, ...] = ()) -> Value:
    """Return the possible value of a name after one of two branches.

    If only one branch sets it, that value counts. Lists and dicts are joined, because they are
    searched for what they may contain. A value read from the variables that the branches depend on
    (*tested*) is dropped in favor of the one used if they are not set. Anything else is unknown,
    unless both are equal.
    """
    if one is None or other is None:
        return one or other or Value(UNKNOWN)
    reads, source = union(one, other), _later(one.source, other.source)
    if plain(one) == plain(other):
        return replace(other, reads=reads, source=source)
    for this, that in ((one, other), (other, one)):
        if this.reads and set(this.reads) <= set(tested):
            return replace(that, reads=reads)
    data: object = UNKNOWN
    match one.data, other.data:
        case tuple() as items, tuple() as more:
            known = [plain(item) for item in items]
            data = items + tuple(item for item in more if plain(item) not in known)
        case dict() as entries, dict() as more:
            keys = dict.fromkeys((*entries, *more))
            data = {key: merge(entries.get(key), more.get(key), tested) for key in keys}
    options = tuple(dict.fromkeys((*_options(one), *_options(other))))
    return Value(data, source, reads, options)


def merge_names(
    one: Mapping[str, Value], other: Mapping[str, Value], tested: tuple[str, ...] = ()
) -> dict[str, Value]:
    """Return the names after one of two branches, see `merge`."""
    return {
        name: one[name]
        if one.get(name) is other.get(name)
        else merge(one.get(name), other.get(name), tested)
        for name in dict.fromkeys((*one, *other))
    }


def _later(one: str, other: str) -> str:
    """Return the place further down if both are in the same file, else *other*."""
    (file, _, line), (file2, _, line2) = one.rpartition(":"), other.rpartition(":")
    is_below = file == file2 and line.isdigit() and line2.isdigit() and int(line) > int(line2)
    return one if is_below else other


def _options(value: Value) -> tuple[object, ...]:
    if value.options:
        return value.options
    return (value.data,) if isinstance(value.data, str | PurePosixPath | None) else (UNKNOWN,)


def put(container: Value, keys: tuple[object, ...], value: Value) -> Value:
    """Return *container* with *value* at the path *keys*; missing dicts on the way are created."""
    if not keys:
        return value
    key, rest = keys[0], keys[1:]
    if isinstance(container.data, tuple):
        items = list(container.data)
        if isinstance(key, int) and -len(items) <= key < len(items):
            items[key] = put(items[key], rest, value)
        return replace(container, data=tuple(items))
    entries = container.data if isinstance(container.data, dict) else {}
    inner = put(entries.get(key, Value(UNKNOWN, value.source)), rest, value)
    return replace(container, data={**entries, key: inner}, source=container.source or value.source)
