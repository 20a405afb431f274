"""Reads a tree that is to become a layer: in BuildKit's order, and only as long as it stays."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from buildstatic.errors import TreeUnfit

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
    children: Iterator[bytes]


def walk(root: bytes) -> Iterator[Found]:
    """Yield all that is below *root*, siblings by their bytes, what is in a directory after it.

    Memory grows with the largest directory, not with the tree.

    Raises `TreeUnfit` for what cannot be read, changes meanwhile, or has no place in a layer.
    """
    open_ = [_enter(root, b"")]
    while open_:
        directory = open_[-1]
        name = next(directory.children, None)
        if name is None:
            with _reading(root, directory.name):
                _check(root, directory.name, directory.status, _status(root, directory.name))
            open_.pop()
            continue
        child = os.path.join(directory.name, name)
        with _reading(root, child):
            status = _status(root, child)
        _check_name(root, child)
        if stat.S_ISDIR(status.st_mode):
            open_.append(_enter(root, child))
            yield Found(child, open_[-1].status)
        elif stat.S_ISREG(status.st_mode):
            yield from _file(root, child, status)
        else:
            problem = f"{shown(root, child)} is neither a file nor a directory:"
            raise TreeUnfit(f"{problem} a layer holds nothing else.", "Take it out of the tree.")


def shown(root: bytes, name: bytes) -> str:
    """Return the path of *name* in *root* as it can be printed, in one line."""
    text = os.fsdecode(os.path.join(root, name) if name else root)
    return text if text.isprintable() else ascii(text)


def changed(root: bytes, name: bytes) -> TreeUnfit:
    """Return the error for what is no longer what it was."""
    problem = f"{shown(root, name)} changed while it was read."
    return TreeUnfit(problem, "Run it again when nothing else writes there.")


def _file(root: bytes, name: bytes, status: os.stat_result) -> Iterator[Found]:
    with _reading(root, name):
        file = os.open(os.path.join(root, name), _FLAGS)
    try:
        _check(root, name, status, os.fstat(file))
        yield Found(name, status, file)
        _check(root, name, status, os.fstat(file))
    finally:
        os.close(file)


def _enter(root: bytes, name: bytes) -> _Directory:
    with _reading(root, name):
        status = os.stat(root) if not name else _status(root, name)
        children = sorted(os.listdir(os.path.join(root, name)))
    return _Directory(name, status, iter(children))


def _status(root: bytes, name: bytes) -> os.stat_result:
    return os.lstat(os.path.join(root, name)) if name else os.stat(root)


@contextmanager
def _reading(root: bytes, name: bytes) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _GONE:
            raise changed(root, name) from error
        problem = f"{shown(root, name)} cannot be read: {error.strerror}."
        raise TreeUnfit(problem, "Make it readable.") from error


def _check(root: bytes, name: bytes, before: os.stat_result, after: os.stat_result) -> None:
    """Raise where it was written to, renamed or settled: all of these set the time of change."""
    if _state(before) != _state(after):
        raise changed(root, name)


def _state(status: os.stat_result) -> tuple[int, ...]:
    return (status.st_dev, status.st_ino, status.st_mode, status.st_size, status.st_ctime_ns)


def _check_name(root: bytes, name: bytes) -> None:
    if os.path.basename(name).startswith(_WHITEOUT):
        problem = f"{shown(root, name)} would remove another file of the image:"
        raise TreeUnfit(f"{problem} in a layer, .wh. marks what is gone.", "Call it otherwise.")
