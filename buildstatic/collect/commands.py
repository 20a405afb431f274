"""Run commands of manage.py before and after collecting.

Commands before collecting write sources, such as compiled style sheets; some write them to
STATIC_ROOT, from where they have to be collected as well. Commands after it write into the tree,
which may be in a layer root. So while a command runs, every setting that is STATIC_ROOT or a path
below it is that path below another directory.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from buildstatic.atomic import PREFIX
from buildstatic.collect.layer_root import (
    LayerRoot,
    empty,
    inside,
    local_directories,
    relocate,
    settings_moved,
    static_root,
)
from buildstatic.collect.staticfiles import Finder
from buildstatic.errors import CollectFailed, CommandFailed, ConfigInvalid
from buildstatic.tracebacks import describe

# The next run removes it, as all names with this prefix.
INCOMPLETE = f"{PREFIX}incomplete"
_REPLACE = "To run other commands, or none, set `before` and `after` in [tool.buildstatic]."


@dataclass(frozen=True)
class _GeneratedFiles:
    """A finder of what commands wrote to STATIC_ROOT, now the directory *root*."""

    root: Path

    def list(self, ignore_patterns: list[str]) -> Iterator[tuple[str, Any]]:
        """Yield names and their storage."""
        from django.contrib.staticfiles.utils import get_files
        from django.core.files.storage import FileSystemStorage

        storage = FileSystemStorage(location=self.root)
        for name in get_files(storage, ignore_patterns):
            yield name, storage


def run_before(
    commands: Sequence[str], storage: Any, manage: Path, directory: Path
) -> tuple[Finder, ...]:
    """Run *commands* of *manage*, with STATIC_ROOT in *directory*; return finders of its files.

    Finders that exist already have to be loaded again afterwards. Raises `CommandFailed`.
    """
    from django.contrib.staticfiles.finders import get_finder

    trees = tuple(dict.fromkeys((*static_root(), *local_directories(storage))))
    with _relocated(storage, directory, trees):
        _run_commands(commands, manage)
    get_finder.cache_clear()
    found = [inside(directory, tree) for tree in trees]
    return tuple(Finder("STATIC_ROOT", _GeneratedFiles(tree)) for tree in found if tree.is_dir())


def run_after(commands: Sequence[str], storage: Any, manage: Path, layer: LayerRoot | None) -> None:
    """Run *commands* of *manage* on the tree that *storage* was collected to, maybe in *layer*.

    If a command fails, the layer is emptied. Elsewhere the manifest is removed, and `INCOMPLETE`
    created in a local tree, so that ``start`` collects again instead of serving an unfinished tree.
    Raises `CommandFailed`.
    """
    marks = [tree / INCOMPLETE for tree in local_directories(storage)] if layer is None else []
    for mark in marks:
        mark.unlink(missing_ok=True)
    try:
        with settings_moved(layer.path, static_root()) if layer else nullcontext():
            _run_commands(commands, manage)
    except BaseException:
        if layer:
            empty(layer)
        elif manifest_storage := getattr(storage, "manifest_storage", None):
            manifest_storage.delete(storage.manifest_name)
        for mark in marks:
            mark.touch()
        raise


def _run_commands(commands: Sequence[str], manage: Path) -> None:
    """Run *commands*, each as ``manage.py COMMAND``; what they print goes to standard error.

    Raises `CommandFailed` with the exit code of the command, and `ConfigInvalid`.
    """
    with _output_to_stderr():
        for command in commands:
            try:
                words = shlex.split(command)
            except ValueError as error:
                problem = f"The command {command!r} of {manage.name} is invalid: {error}."
                raise ConfigInvalid(problem, "Quote its arguments as in a shell.") from error
            try:
                _run(words, manage)
            except CommandFailed:
                print()  # It may not have ended its last line.
                raise


def _run(words: Sequence[str], manage: Path) -> None:
    from django.core.management import ManagementUtility

    command = f"{manage.name} {shlex.join(words)}"
    argv = [str(manage), *words]
    before, sys.argv = sys.argv, argv
    try:
        ManagementUtility(argv).fetch_command(words[0]).run_from_argv(argv)
    except SystemExit as error:
        if error.code in (None, 0):
            return
        status = error.code if isinstance(error.code, int) else 1
        problem = f"{command} failed with exit code {status}."
        raise CommandFailed(problem, f"Its output is above. {_REPLACE}", status) from error
    except Exception as error:
        problem = f"{command} failed: {describe(error)}."
        raise CommandFailed(problem, f"--traceback shows where. {_REPLACE}") from error
    finally:
        sys.argv = before


@contextmanager
def _output_to_stderr() -> Iterator[None]:
    """Let standard output be standard error, for child processes as well."""
    sys.stdout.flush()
    saved = os.dup(1)
    try:
        os.dup2(2, 1)
        with redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(saved, 1)
        os.close(saved)


@contextmanager
def _relocated(storage: Any, root: Path, trees: Sequence[Path]) -> Iterator[None]:
    """Move *storage* and the settings with a path in *trees* below *root* in the block."""
    manifest = getattr(storage, "manifest_storage", None)
    instances = [each for each in (storage, manifest) if each is not None]
    saved = [(instance, dict(vars(instance))) for instance in instances]
    with ExitStack() as stack:
        stack.enter_context(settings_moved(root, trees))
        if local_directories(storage):
            with suppress(CollectFailed):
                relocate(storage, root)
        try:
            yield
        finally:
            for instance, values in saved:
                vars(instance).clear()
                vars(instance).update(values)
