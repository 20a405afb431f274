"""What a reading gathers as it goes, and where it stands."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from pathlib import Path, PurePosixPath

from buildstatic.project.search import Search
from buildstatic.project.settings.values import Value

# Where the root stands while a module is read: one level below the top, as in the image.
ROOT = PurePosixPath("/<root>")
STEPS = 300_000
DEPTH = 12


class End(Enum):
    """How a block of statements ends: it goes on, returns (or leaves a loop), or raises."""

    FALLS = auto()
    LEAVES = auto()
    RAISES = auto()


@dataclass
class Read:
    """One reading of an environment variable, as `Variable`; *bare* where no default was given."""

    name: str
    required: bool
    source: str
    kind: str
    bare: bool


@dataclass
class Reading:
    """What one reading gathers: modules by file, variables, and the environment that is set.

    *given* holds what the code itself puts into ``os.environ``, *offered* the same where it may not
    come to that. *missed* counts imports of the project's own that have no file. *unseen* are the
    places in the settings where names may be set that reading does not see. *steps* and *depth*
    bound the work on code that loops.
    """

    search: Search
    follower: Callable[[Sequence[ast.stmt], Frame], End]
    evaluator: Callable[[ast.expr, Frame], Value]
    modules: dict[tuple[Path, bool], dict[str, Value]] = field(default_factory=dict)
    reads: list[Read] = field(default_factory=list)
    given: dict[str, Value] = field(default_factory=dict)
    offered: dict[str, Value] = field(default_factory=dict)
    steps: int = STEPS
    depth: int = DEPTH
    missed: int = 0
    unseen: set[str] = field(default_factory=set)

    @property
    def cwd(self) -> PurePosixPath:
        """Return the directory that relative paths count from: manage.py's."""
        return self.place(self.search.manage)

    def place(self, path: Path) -> PurePosixPath:
        """Return *path* as the code sees it: below `ROOT` where it lies in the project."""
        return ROOT / self.search.relative(path)


@dataclass
class Frame:
    """Where the reading stands: a module or a function's body.

    *runs* is whether this code is reached in an empty environment; *site* the place of the call
    that led here; *tested* the variables that branches hung on; *prefix* that of environs;
    *distance* how many imports away from the settings this is; *included* the files that
    ``include`` took in.
    """

    reading: Reading
    file: Path
    names: dict[str, Value]
    outer: Frame | None = None
    runs: bool = True
    site: str = ""
    prefix: str = ""
    distance: int = 0
    returns: list[tuple[bool, Value]] = field(default_factory=list)
    tested: list[str] = field(default_factory=list)
    included: set[Path] = field(default_factory=set)

    def source(self, node: ast.AST) -> str:
        """Return ``file:line`` of *node*."""
        line = getattr(node, "lineno", 1)
        return f"{self.reading.search.relative(self.file)}:{line}"

    def overlook(self, node: ast.AST) -> None:
        """Note that *node* may set names of the settings that reading does not see."""
        if self.distance == 0:
            self.reading.unseen.add(self.source(node))

    def lookup(self, name: str) -> Value | None:
        """Return what *name* is worth here, or None where it was never set."""
        if name in self.names:
            return self.names[name]
        return self.outer.lookup(name) if self.outer else None

    def rename(self, names: dict[str, Value]) -> None:
        """Let *names* be the names here, in place: functions and importers look at the same."""
        kept = dict(names)
        self.names.clear()
        self.names.update(kept)

    def follow(self, body: Sequence[ast.stmt], frame: Frame) -> End:
        """Follow *body* in *frame*: `statements.follow`, which is built on all the rest."""
        return self.reading.follower(body, frame)

    def evaluate(self, node: ast.expr) -> Value:
        """Return what *node* is worth here: `expressions.evaluate`."""
        return self.reading.evaluator(node, self)

    def branch(self, runs: bool) -> Frame:
        """Return a frame for a branch: names of its own, all else shared."""
        return replace(self, names=dict(self.names), runs=self.runs and runs)
