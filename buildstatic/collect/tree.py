"""The tree that files are collected into: its files, its directories, and its lock."""

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
    """A directory on disk, and the modes of files and directories in it (None: the umask's)."""

    root: str
    file_mode: int | None
    directory_mode: int | None

    def path(self, name: str) -> str:
        """Return the path of the file *name*."""
        return f"{self.root}/{name}"


def tree_of(storage: Any) -> Tree:
    """Return the tree of *storage*, a ``FileSystemStorage``."""
    return Tree(
        os.path.abspath(storage.location),
        storage.file_permissions_mode,
        storage.directory_permissions_mode,
    )


def list_files(tree: Tree) -> frozenset[str]:
    """Return the names of all files in *tree*; remove what a killed run left there."""
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
def lock_tree(tree: Tree) -> Iterator[int]:
    """Hold the lock on *tree*, which is created if it does not exist; yield its descriptor."""
    with lock_directory(tree.root, lambda: make_directories(tree, [""])) as descriptor:
        yield descriptor


@contextmanager
def lock_directory(directory: str, make: Callable[[], None]) -> Iterator[int]:
    """Hold the lock on *directory* itself, which *make* creates unless it exists.

    The lock is on the directory, so that it contains no lock file, and is held for as long as any
    process has the yielded descriptor.
    """
    descriptor = None
    while descriptor is None:
        make()
        descriptor = _lock(directory)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _lock(directory: str) -> int | None:
    """Return the descriptor of *directory*, locked; None if it was removed meanwhile."""
    with suppress(FileNotFoundError), ExitStack() as on_error:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        on_error.callback(os.close, descriptor)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.path.samestat(os.fstat(descriptor), os.stat(directory)):
            on_error.pop_all()
            return descriptor
    return None


def make_directories(tree: Tree, names: Iterable[str]) -> None:
    """Create the directories *names* and their parents, as ``FileSystemStorage._save`` does."""
    mode = tree.directory_mode
    before = os.umask(0o777 & ~mode) if mode is not None else None
    try:
        for name in sorted(set(names)):
            directory = Path(tree.path(name)) if name else Path(tree.root)
            try:
                os.makedirs(directory, 0o777 if mode is None else mode, exist_ok=True)
            except (FileExistsError, NotADirectoryError) as error:
                blocking = next(
                    path
                    for path in (directory, *directory.parents)
                    if path.exists() and not path.is_dir()
                )
                problem = f"{blocking} is a file, but other files are collected below it."
                raise CollectFailed(problem, "Remove it, or collect with --clear.") from error
    finally:
        if before is not None:
            os.umask(before)


def remove_files(tree: Tree, names: Iterable[str]) -> None:
    """Remove the files *names* of *tree*, unless they do not exist."""
    for name in names:
        with suppress(FileNotFoundError, NotADirectoryError):
            os.unlink(tree.path(name))
