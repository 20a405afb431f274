"""The state of an evaluation, and the scopes that statements are executed in."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from functools import cached_property
from pathlib import Path, PurePosixPath

from buildstatic.project import Fact
from buildstatic.project.files import Search
from buildstatic.project.settings.values import ROOT, Module, Value, union

# Far more than the settings of large projects take, and less than three seconds.
MAX_STEPS = 100_000
MAX_CALL_DEPTH = 12
# Values, names or bytes that are copied in the time of one step.
PER_STEP = 50


class BudgetExceeded(Exception):
    """Evaluating the settings takes more steps than those of any real project."""


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
    choices: tuple[str, ...] = ()


@dataclass(repr=False)
class Evaluation:
    """The state shared by all frames of one evaluation.

    *execute* runs a block of statements. *environ* has the environment variables that the code
    sets, *possible_environ* those that it sets in code that may not be reached. *module_paths* are
    the directories that it adds to ``sys.path``. *missing_imports* counts imports of project
    modules that do not exist. *unseen* are the places that may set names which the evaluation
    cannot see. *steps_left* and *calls_left* limit the work: every statement, every expression and
    what is copied is paid for with `pay`. *file_names* caches the relative names of files.
    """

    search: Search
    execute: Callable[[Sequence[ast.stmt], Frame], Flow]
    modules: dict[tuple[Path, bool], dict[str, Value]] = field(default_factory=dict)
    reads: list[VariableRead] = field(default_factory=list)
    environ: dict[str, Value] = field(default_factory=dict)
    possible_environ: dict[str, Value] = field(default_factory=dict)
    module_paths: list[Fact[PurePosixPath]] = field(default_factory=list)
    steps_left: int = MAX_STEPS
    calls_left: int = MAX_CALL_DEPTH
    missing_imports: int = 0
    unseen: set[str] = field(default_factory=set)
    file_names: dict[Path, str] = field(default_factory=dict)

    def pay(self, steps: int = 1, *, copied: int = 0) -> None:
        """Count *steps*, and *copied* values; raises BudgetExceeded if there are too many."""
        self.steps_left -= steps + copied // PER_STEP
        if self.steps_left < 0:
            raise BudgetExceeded

    @cached_property
    def cwd(self) -> PurePosixPath:
        """The working directory of the code: that of manage.py."""
        return self.place(self.search.manage)

    def require(self, names: Sequence[str]) -> None:
        """Record that the code fails if one of the variables *names* has no value."""
        self.pay(copied=len(self.reads))
        for entry in self.reads:
            if entry.bare and entry.name in names:
                entry.required = True

    def place(self, path: Path) -> PurePosixPath:
        """Return *path* as the code sees it: below `ROOT` if it is inside of the project."""
        return ROOT / self.search.relative(path)


@dataclass(repr=False)
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

    def call_place(self, node: ast.AST) -> str:
        """Return ``file:line`` of the outermost call that led to *node*."""
        return self.call_site or self.source(node)

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
        changed = (value for name, value in new.items() if self.names.get(name) is not value)
        self.evaluation.pay(copied=len(new) + sum(value.size for value in changed))
        self.names.clear()
        self.names.update(new)

    def branch(self, reached: bool) -> Frame:
        """Return a frame with a copy of the names, for a branch; everything else is shared."""
        self.evaluation.pay(copied=len(self.names) + len(self.evaluation.unseen))
        return replace(self, names=dict(self.names), reached=self.reached and reached)


@dataclass(frozen=True, eq=False, repr=False)
class Function:
    """A function of the project, and the frame that it was defined in."""

    node: ast.FunctionDef
    frame: Frame


@dataclass(frozen=True)
class Field:
    """An annotated attribute of a class, with its default.

    *kind* and *choices* are those of a variable with its value, see `Variable`. *names* are the
    variables that it is read from, if they are not called as the field. *factory* is a function
    that returns the default, *nested* the class of the annotation if it is the project's.
    """

    name: str
    source: str
    kind: str
    choices: tuple[str, ...]
    default: Value | None
    names: tuple[str, ...] = ()
    factory: Value | None = None
    nested: Class | None = None


@dataclass(frozen=True, eq=False, repr=False)
class Class(Module):
    """A class of the project: its attributes and fields with the inherited ones.

    *bases* are the dotted names of all base classes that are not the project's.
    """

    bases: frozenset[str]
    fields: Mapping[str, Field]

    def inherits(self, package: str, name: str) -> bool:
        """Return whether a base is called *name* and comes from *package* or one like it."""
        return any(
            base.startswith(package) and base.rpartition(".")[2] == name for base in self.bases
        )


@dataclass(frozen=True)
class Arguments:
    """The arguments of a call, its node and the frame that it is in."""

    positional: tuple[Value, ...]
    named: dict[str, Value]
    node: ast.AST
    frame: Frame

    @property
    def place(self) -> str:
        """The ``file:line`` of the outermost call that led to this one."""
        return self.frame.call_place(self.node)

    @property
    def reads(self) -> tuple[str, ...]:
        """The variables that the arguments were read from."""
        return union(*self.positional, *self.named.values())

    def get(self, position: int, *names: str) -> Value | None:
        """Return the argument at *position*, or the one called one of *names*, or None."""
        if position < len(self.positional):
            return self.positional[position]
        return next((self.named[name] for name in names if name in self.named), None)
