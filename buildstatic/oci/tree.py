"""Reads a tree that is to become a layer: in BuildKit's order, and only as long as it stays."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from typing import NamedTuple

from buildstatic.errors import FileError

# Whoever puts a link or a pipe in a file's place makes nobody follow it or wait for it.
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ESTALE)
# OCI image-spec, layer.md, "Whiteouts": such a name removes another one.
_WHITEOUT = b".wh."
_NO_FILE = -1


class Found(NamedTuple):
    """A file or a directory: *name* relative to the tree, its *status*, its descriptor if a file.

    The descriptor is at the beginning of the file, and closed when the next one is asked for.
    """

    name: bytes
    status: os.stat_result
    file: int = _NO_FILE


class _Directory(NamedTuple):
    name: bytes
    status: os.stat_result
    children: Iterator[os.DirEntry[bytes]]


def walk(root: bytes) -> Iterator[Found]:
    """Yield all that is below *root*, siblings by their bytes, what is in a directory after it.

    Memory grows with the largest directory, not with the tree.

    Raises `FileError` for what cannot be read, changes meanwhile, or has no place in a layer.
    """
    open_ = [_enter(root, b"")]
    while open_:
        directory = open_[-1]
        child = next(directory.children, None)
        if child is None:
            _leave(root, open_.pop())
            continue
        name = directory.name + b"/" + child.name if directory.name else child.name
        if child.name.startswith(_WHITEOUT):
            raise _whiteout(root, name)
        if child.is_file(follow_symlinks=False):
            yield from _file(root, name, child.path)
        elif child.is_dir(follow_symlinks=False):
            open_.append(_enter(root, name))
            yield Found(name, open_[-1].status)
        else:
            problem = f"{shown(root, name)} is neither a file nor a directory:"
            raise FileError(f"{problem} a layer holds nothing else.", "Take it out of the tree.")


def shown(root: bytes, name: bytes) -> str:
    """Return the path of *name* in *root* as it can be printed, in one line."""
    text = os.fsdecode(os.path.join(root, name) if name else root)
    return text if text.isprintable() else ascii(text)


def changed(root: bytes, name: bytes) -> FileError:
    """Return the error for what is no longer what it was."""
    problem = f"{shown(root, name)} changed while it was read."
    return FileError(problem, "Run it again when nothing else writes there.")


def _file(root: bytes, name: bytes, path: bytes) -> Iterator[Found]:
    try:
        file = os.open(path, _FLAGS)
    except OSError as error:
        raise unread(root, name, error) from error
    try:
        before = os.fstat(file)
        if not stat.S_ISREG(before.st_mode):
            raise changed(root, name)
        yield Found(name, before, file)
        if _state(before) != _state(os.fstat(file)):
            raise changed(root, name)
    finally:
        os.close(file)


def _enter(root: bytes, name: bytes) -> _Directory:
    path = os.path.join(root, name)
    try:
        status = os.stat(path, follow_symlinks=not name)
        with os.scandir(path) as found:
            children = sorted(found, key=lambda child: child.name)
    except OSError as error:
        raise unread(root, name, error) from error
    return _Directory(name, status, iter(children))


def _leave(root: bytes, directory: _Directory) -> None:
    path = os.path.join(root, directory.name)
    try:
        after = os.stat(path, follow_symlinks=not directory.name)
    except OSError as error:
        raise unread(root, directory.name, error) from error
    if _state(directory.status) != _state(after):
        raise changed(root, directory.name)


def _state(status: os.stat_result) -> tuple[int, ...]:
    """Return what differs after a write, a rename or a settling: all set the time of change."""
    return (status.st_dev, status.st_ino, status.st_mode, status.st_size, status.st_ctime_ns)


def unread(root: bytes, name: bytes, error: OSError) -> FileError:
    """Return the error for what *error* was raised by."""
    if error.errno in _GONE:
        return changed(root, name)
    problem = f"{shown(root, name)} cannot be read: {error.strerror}."
    return FileError(problem, "Make it readable.")


def _whiteout(root: bytes, name: bytes) -> FileError:
    problem = f"{shown(root, name)} would remove another file of the image:"
    return FileError(f"{problem} in a layer, .wh. marks what is gone.", "Call it otherwise.")
