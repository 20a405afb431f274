"""What a collection takes and returns: the request, the callbacks, and the result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True)
class CollectOptions:
    """The options of a collection; paths are absolute.

    The first eight are those of ``manage.py collectstatic``. *layer_root* is a directory to lay the
    files out in as in the image, in place of STATIC_ROOT. *compress* and *formats* (of gz, br and
    zst) choose the variants, in place of the storage's own. *cache* is the directory of compressed
    variants, by default ``~/.cache/buildstatic``; *reuse* an earlier tree to take them from.
    *hardlinks* makes equal files one file; *prune* removes files of earlier runs; *strict* fails on
    files of one path and different content; *missing_maps* is what to do about missing source maps.
    *before* and *after* are commands of manage.py, each with its arguments, that run before and
    after collecting.
    *explicit* names the options to warn about if the storage's own code has to ignore them.
    """

    interactive: bool = False
    clear: bool = False
    dry_run: bool = False
    ignore: tuple[str, ...] = ()
    default_ignore: bool = True
    link: bool = False
    post_process: bool = True
    verbosity: int = 1
    layer_root: Path | None = None
    compress: Literal["none", "fast", "best"] | None = None
    formats: tuple[str, ...] = ()
    cache: Path | None = None
    reuse: Path | None = None
    hardlinks: bool = False
    prune: bool = False
    strict: bool = False
    missing_maps: Literal["fail", "warn"] = "fail"
    explicit: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()

    def django_arguments(self) -> list[str]:
        """Return the arguments of ``manage.py collectstatic``."""
        switches = {
            "--noinput": not self.interactive,
            "--clear": self.clear,
            "--dry-run": self.dry_run,
            "--link": self.link,
            "--no-post-process": not self.post_process,
            "--no-default-ignore": not self.default_ignore,
        }
        arguments = [switch for switch, is_set in switches.items() if is_set]
        arguments += [f"--ignore={pattern}" for pattern in self.ignore]
        return [*arguments, f"--verbosity={self.verbosity}"]


@dataclass(frozen=True)
class Request:
    """A project, and how to collect its static files. Paths are absolute.

    - *root*, *manage*, *settings*: the project's directory, its manage.py, its settings module;
      *settings_given*: it takes precedence over the one that manage.py selects.
    - *patterns*: gitignore patterns to leave out, each with the file it comes from.
    - *libraries*: directories to import codecs and pathspec from.
    - *with_plan*: `collect` returns the plan as well.
    - *is_image*: this machine's directories are those of the image.
    """

    root: Path
    manage: Path
    settings: str
    settings_given: bool = True
    options: CollectOptions = field(default_factory=CollectOptions)
    patterns: tuple[tuple[str, str], ...] = ()
    libraries: tuple[str, ...] = ()
    with_plan: bool = False
    is_image: bool = True


def _ignore_progress(_step: str, _done: int, _total: int) -> None:
    """Report nothing."""


@dataclass(frozen=True)
class Callbacks:
    """Callbacks of a collection.

    *warn* takes a sentence. *progress* takes the name of a step, how much of it is done, and the
    total; the unit is files, for the step ``compress`` bytes.
    """

    warn: Callable[[str], None]
    progress: Callable[[str, int, int], None] = _ignore_progress


@dataclass(frozen=True)
class Summary:
    """What a collection did.

    Sources: *files* and *bytes* are collected, of which *copied* were written and *unmodified* were
    up to date; *equal* counts shadowed sources with the content of the collected one, *conflicts*
    are the paths of the others; *ignored* were left out.

    Output: *fingerprinted* files have a name by content; *variants* (of *variant_bytes*) were
    written, of which *hits* came from the cache and *reused* from an earlier tree; *stale* files of
    earlier runs remain, *removed* files were deleted; *copies* could not be hard links.

    *seconds* are by step. *own_code* is the reason why Django's and the storage's own code ran,
    empty if the collector did; *in_memory* is the reason why the storage's own code ran on a
    tree in memory.
    """

    files: int = 0
    bytes: int = 0
    copied: int = 0
    unmodified: int = 0
    fingerprinted: int = 0
    variants: int = 0
    variant_bytes: int = 0
    hits: int = 0
    reused: int = 0
    equal: int = 0
    conflicts: tuple[str, ...] = ()
    ignored: int = 0
    stale: int = 0
    removed: int = 0
    copies: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    own_code: str = ""
    in_memory: str = ""


@dataclass(frozen=True)
class CollectResult:
    """Django's closing line (empty at verbosity 0), the summary, and the plan if requested."""

    closing: str
    summary: Summary
    plan: dict[str, Any] | None = None
