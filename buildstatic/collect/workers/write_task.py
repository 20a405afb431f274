"""The task that writes a content under all its names, each completely or not at all.

Arguments and results are what `marshal` can write: tuples, text, bytes and numbers.

It has its own temporary names and rename, without the objects of `buildstatic.atomic`, which would
cost as much time as the system calls of a small file.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from collections.abc import Iterator

from buildstatic.atomic import PREFIX
from buildstatic.collect.workers.read_task import CHUNK, LARGE, Changed, open_regular, stamp

# Errors of linking where a copy is written instead.
UNLINKABLE = {
    *(errno.EPERM, errno.EXDEV, errno.EMLINK),
    *(errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS),
}
_numbers = iter(range(sys.maxsize))


def write(
    source: str | bytes,
    size: int,
    modified: int,
    targets: tuple[str, ...],
    mode: int,
    seconds: int,
    links: bool,
    direct: bool = False,
) -> tuple[int]:
    """Write *source*, a path or a content, to *targets*; return how many copies were written.

    A temporary file is written and renamed, unless *direct* and the target does not exist. A path
    must still have the *size* and the time *modified* (ns) that it was read with. *mode* is the
    files' mode, -1 for the umask's; *seconds* their time, -1 for now; with a time, root also makes
    root their owner. With *links* all are hard links to one file, if the file system allows.
    """
    copies = 0
    first = ""
    if isinstance(source, str) and size <= LARGE:
        source = b"".join(_read_unchanged(source, size, modified))
    for target in targets:
        if first and links and _link(first, target):
            continue
        try:
            path = target if direct else _temporary_name(target)
            _write(source, size, modified, path, target, mode, seconds)
        except FileExistsError:  # another content has this name as well
            _write(source, size, modified, _temporary_name(target), target, mode, seconds)
        first, copies = target, copies + 1
    return (copies,)


def _write(
    source: str | bytes,
    size: int,
    modified: int,
    path: str,
    target: str,
    mode: int,
    seconds: int,
) -> None:
    """Write *source* to *path*, which must not exist, and rename it to *target*."""
    try:
        # In this block, as SIGTERM may arrive when the file exists and os.open has not returned.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        try:
            if isinstance(source, bytes):
                _write_all(descriptor, source)
            else:
                for chunk in _read_unchanged(source, size, modified):
                    _write_all(descriptor, chunk)
            _set_metadata(descriptor, mode, seconds)
        finally:
            os.close(descriptor)
        if path != target:
            _rename(path, target)
    except FileExistsError:  # of another process, or another content
        raise
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(path)
        if isinstance(error, OSError) and error.filename == path:
            error.filename = target
        raise


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _rename(path: str, target: str) -> None:
    """Rename *path* to *target*; empty directories there are removed."""
    try:
        os.rename(path, target)
    except IsADirectoryError:
        with contextlib.suppress(OSError):
            for directory, _, _ in os.walk(target, topdown=False):
                os.rmdir(directory)
        os.rename(path, target)


def _temporary_name(target: str) -> str:
    return f"{os.path.dirname(target)}/{PREFIX}{os.getpid()}-{next(_numbers)}"


def _read_unchanged(source: str, size: int, modified: int) -> Iterator[bytes]:
    """Yield the content of *source*; raises `Changed` unless it is as it was when it was read."""
    descriptor, found = open_regular(source)
    try:
        done = 0
        if stamp(found) == (size, modified):
            while done <= size and (chunk := os.read(descriptor, CHUNK)):
                yield chunk
                done += len(chunk)
        if done != size or stamp(os.fstat(descriptor)) != (size, modified):
            raise Changed(errno.EBUSY, "it changed while it was collected", source)
    finally:
        os.close(descriptor)


def _set_metadata(descriptor: int, mode: int, seconds: int) -> None:
    found = os.fstat(descriptor)
    if mode >= 0 and stat.S_IMODE(found.st_mode) != mode:
        os.fchmod(descriptor, mode)
    if seconds >= 0:
        if (found.st_uid or found.st_gid) and os.geteuid() == 0:
            os.fchown(descriptor, 0, 0)
        os.utime(descriptor, (seconds, seconds))


def _link(first: str, target: str) -> bool:
    """Make *target* a hard link to *first*; return False if the file system does not allow it."""
    try:
        try:
            os.link(first, target)
        except FileExistsError:
            if os.path.samestat(os.stat(first), os.lstat(target)):
                return True
            path = _temporary_name(target)
            try:
                os.link(first, path)
                _rename(path, target)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(path)
                raise
    except OSError as error:
        if error.errno in UNLINKABLE:
            return False
        raise
    return True
