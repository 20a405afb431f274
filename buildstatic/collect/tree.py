"""The output tree: its files, its directories, and the lock that is held while it changes."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from buildstatic.atomic import PREFIX, lock_directory, temporary_path
from buildstatic.errors import CollectFailed

NAME_MAX = 255  # bytes, of a file's name on Linux


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


@dataclass(frozen=True)
class LockedTree(Tree):
    """A tree that no other process changes.

    *files* are those that it has, *lock* is the descriptor of its lock, *staging* the path of a
    staging directory in it, which does not exist yet.
    """

    files: frozenset[str]
    lock: int
    staging: Path

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing in it, but for the staging directory."""
        return all(path == self.staging for path in Path(self.root).iterdir())


@contextmanager
def locked_tree(storage: Any, *, starts_empty: bool = False) -> Iterator[LockedTree]:
    """Yield the tree of *storage*, which is created if it does not exist, and hold its lock.

    If it *starts_empty*, its files are not listed, as they will be removed. The staging directory
    is removed when the block ends.
    """
    tree = tree_of(storage)
    with lock_directory(Path(tree.root), lambda: make_directories(tree, [""])) as descriptor:
        files = frozenset() if starts_empty else list_files(tree)
        staging = temporary_path(Path(tree.path("staging")))
        try:
            values = (tree.root, tree.file_mode, tree.directory_mode)
            yield LockedTree(*values, files, descriptor, staging)
        finally:
            with suppress(FileNotFoundError):
                shutil.rmtree(staging)


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
            except ValueError as error:  # a name that no directory can have
                raise OSError(errno.EINVAL, str(error), str(directory)) from error
    finally:
        if before is not None:
            os.umask(before)


def remove_files(tree: Tree, names: Iterable[str]) -> None:
    """Remove the files *names* of *tree*, unless they do not exist."""
    for name in names:
        with suppress(FileNotFoundError, NotADirectoryError):
            os.unlink(tree.path(name))
