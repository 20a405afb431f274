"""The tree that files are collected into: what is in it, its directories, and its lock."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from buildstatic.atomic import PREFIX
from buildstatic.errors import CollectFailed


@dataclass(frozen=True)
class Tree:
    """A directory on disk, and the modes of what is made in it (None leaves them to the umask)."""

    root: str
    file_mode: int | None
    directory_mode: int | None

    def path(self, name: str) -> str:
        """Return the path of the file *name*."""
        return f"{self.root}/{name}"


def tree_of(storage: Any) -> Tree:
    """Return the tree that *storage*, a ``FileSystemStorage``, keeps its files in."""
    return Tree(
        os.path.abspath(storage.location),
        storage.file_permissions_mode,
        storage.directory_permissions_mode,
    )


def names_in(tree: Tree) -> frozenset[str]:
    """Return the names of all files in *tree*, without what a killed run of ours left there."""
    return frozenset(_walk(tree.root, ""))


def _walk(directory: str, prefix: str) -> Iterator[str]:
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                name = f"{prefix}{entry.name}"
                is_directory = entry.is_dir(follow_symlinks=False)
                if entry.name.startswith(PREFIX):
                    shutil.rmtree(entry.path) if is_directory else os.unlink(entry.path)
                elif is_directory:
                    yield from _walk(entry.path, f"{name}/")
                else:
                    yield name
    except FileNotFoundError:
        return


@contextmanager
def locked(tree: Tree) -> Iterator[int]:
    """Hold the one lock of *tree*, which is made if it is not there; yield its descriptor.

    The lock is on the directory itself, so that no file of ours is in it, and held for as long as
    any process has the descriptor.
    """
    with held(tree.root, lambda: make_directories(tree, [""])) as descriptor:
        yield descriptor


@contextmanager
def held(directory: str, make: Callable[[], None]) -> Iterator[int]:
    """Hold the lock on *directory* itself, which *make* makes unless it is there."""
    descriptor = None
    while descriptor is None:
        make()
        descriptor = _hold(directory)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _hold(directory: str) -> int | None:
    """Return the descriptor of *directory*, locked; None where it went while we waited."""
    with suppress(FileNotFoundError), ExitStack() as undo:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        undo.callback(os.close, descriptor)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.path.samestat(os.fstat(descriptor), os.stat(directory)):
            undo.pop_all()
            return descriptor
    return None


def make_directories(tree: Tree, names: Iterable[str]) -> None:
    """Make the directories *names* with their parents, as ``FileSystemStorage._save`` does."""
    mode = tree.directory_mode
    before = os.umask(0o777 & ~mode) if mode is not None else None
    try:
        for name in sorted(set(names)):
            _make(tree, name, 0o777 if mode is None else mode)
    finally:
        if before is not None:
            os.umask(before)


def _make(tree: Tree, name: str, mode: int) -> None:
    directory = Path(tree.path(name)) if name else Path(tree.root)
    try:
        os.makedirs(directory, mode, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        blocked = next(p for p in (directory, *directory.parents) if p.exists() and not p.is_dir())
        problem = f"{blocked} is a file, and other files are to be collected below it."
        raise CollectFailed(problem, "Remove it, or collect with --clear.") from error


def remove(tree: Tree, names: Iterable[str]) -> None:
    """Remove the files *names* of *tree*; those that are gone, with a directory even, are."""
    for name in names:
        with suppress(FileNotFoundError, NotADirectoryError):
            os.unlink(tree.path(name))
