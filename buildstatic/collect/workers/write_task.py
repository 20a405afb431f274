"""What worker processes write: each content under its names, whole or not at all.

What goes in and out is made of what `marshal` knows: tuples, text, bytes and numbers.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from collections.abc import Iterator
from typing import Any

from buildstatic.atomic import PREFIX
from buildstatic.collect.workers import read_task as chores
from buildstatic.collect.workers.read_task import LARGE, PIECE, Changed, stamp

UNLINKABLE = {
    *(errno.EPERM, errno.EXDEV, errno.EMLINK),
    *(errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS),
}
_names = iter(range(sys.maxsize))


def write(
    source: str | bytes,
    size: int,
    modified: int,
    targets: tuple[str, ...],
    mode: int,
    seconds: int,
    links: bool,
    direct: bool = False,
) -> tuple[Any, ...]:
    """Write *source*, a path or a content, to *targets*; return how many copies it took.

    Each is written beside its place and renamed, unless *direct* and nothing is there. A
    path must still have the *size* and the time *modified* (ns) that it was read with. *mode* is
    the files', -1 for the umask's; *seconds* the time that they get, and root as owner where we are
    root, -1 for neither. With *links* all are names of one file, where the file system can.
    """
    copies = 0
    first = ""
    if isinstance(source, str) and size <= LARGE:
        source = _content(source, size, modified)
    for target in targets:
        if first and links and _link(first, target):
            continue
        try:
            place = target if direct else _beside(target)
            _write(source, size, modified, place, target, mode, seconds)
        except FileExistsError:  # another content has this name as well
            _write(source, size, modified, _beside(target), target, mode, seconds)
        first, copies = target, copies + 1
    return (copies,)


def _write(
    source: str | bytes,
    size: int,
    modified: int,
    place: str,
    target: str,
    mode: int,
    seconds: int,
) -> None:
    """Write *source* to *place*, which must not be there, and call that *target*."""
    try:
        descriptor = _create(place, target)
        try:
            if isinstance(source, bytes):
                _write_all(descriptor, source)
            else:
                _copy(source, size, modified, descriptor)
            _settle(descriptor, mode, seconds)
        finally:
            os.close(descriptor)
        if place != target:
            _rename(place, target)
    except FileExistsError:  # of another's making
        raise
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(place)
        raise


def _create(beside: str, target: str) -> int:
    try:
        return os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    except OSError as error:
        error.filename = target
        raise


def _rename(beside: str, target: str) -> None:
    """Put *beside* into the place of *target*; empty directories there are no loss."""
    try:
        os.rename(beside, target)
    except IsADirectoryError:
        with contextlib.suppress(OSError):
            for directory, _, _ in os.walk(target, topdown=False):
                os.rmdir(directory)
        os.rename(beside, target)


def _beside(target: str) -> str:
    return f"{os.path.dirname(target)}/{PREFIX}{os.getpid()}-{next(_names)}"


def _content(source: str, size: int, modified: int) -> bytes:
    return b"".join(_pieces(source, size, modified))


def _copy(source: str, size: int, modified: int, descriptor: int) -> None:
    for piece in _pieces(source, size, modified):
        _write_all(descriptor, piece)


def _pieces(source: str, size: int, modified: int) -> Iterator[bytes]:
    """Yield the content of *source*, which must be what it was when it was read."""
    reading, found = chores.open_regular(source)
    try:
        done = 0
        if stamp(found) == (size, modified):
            while done <= size and (piece := os.read(reading, PIECE)):
                yield piece
                done += len(piece)
        if done != size or stamp(os.fstat(reading)) != (size, modified):
            raise Changed(errno.EBUSY, "it changed while it was collected", source)
    finally:
        os.close(reading)


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _settle(descriptor: int, mode: int, seconds: int) -> None:
    found = os.fstat(descriptor)
    if mode >= 0 and stat.S_IMODE(found.st_mode) != mode:
        os.fchmod(descriptor, mode)
    if seconds >= 0:
        if (found.st_uid or found.st_gid) and os.geteuid() == 0:
            os.fchown(descriptor, 0, 0)
        os.utime(descriptor, (seconds, seconds))


def _link(first: str, target: str) -> bool:
    """Make *target* another name of *first*; False where the file system will not."""
    try:
        try:
            os.link(first, target)
        except FileExistsError:
            _link_over(first, target)
    except OSError as error:
        if error.errno in UNLINKABLE:
            return False
        raise
    return True


def _link_over(first: str, target: str) -> None:
    if os.path.samestat(os.stat(first), os.lstat(target)):
        return
    beside = _beside(target)
    try:
        os.link(first, beside)
        _rename(beside, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(beside)
        raise
