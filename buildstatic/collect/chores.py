"""What worker processes do for a collection: read and hash files, and write files.

This module runs by itself in an isolated interpreter, so it imports the standard library alone, and
what goes in and out is made of what `marshal` knows: tuples, text, bytes and numbers.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import marshal
import os
import signal
import stat
import struct
import sys
from collections.abc import Callable
from typing import Any, BinaryIO

# Read whole up to here; larger files go through in pieces.
LARGE = 8 << 20
PIECE = 1 << 20
PREFIX = ".buildstatic-"
UNLINKABLE = {errno.EPERM, errno.EXDEV, errno.EMLINK, errno.ENOTSUP, errno.EOPNOTSUPP}
# What a case-insensitive regular expression takes for i, s and k beside these letters.
ODD_LETTERS = (b"\xc4\xb1", b"\xc4\xb0", b"\xc5\xbf", b"\xe2\x84\xaa")
# What the file in the place of a source is: none, an older one or no file, the same, another.
ABSENT, OLDER, SAME, OTHER = range(4)
FRAME = struct.Struct("<Q")
_names = iter(range(sys.maxsize))

Failure = tuple[str, int, str]


class Changed(OSError):
    """A source changed while it was collected."""


def read(
    path: str, target: str, needles: tuple[bytes, ...] | None, is_text: bool, strong: bool
) -> tuple[Any, ...]:
    """Read the source *path* and return ``(size, mtime_ns, md5, sha256, state, content)``.

    *target* is the file that it may be collected to already; *state* says what that is, or ABSENT
    for an empty name. *content* is None unless *is_text* and one of *needles* (lower case, None for
    any) is in it, or it is no UTF-8. The SHA-256 is empty unless *strong*.
    """
    descriptor, before = _open(path)
    with open(descriptor, "rb", buffering=0) as file:
        state = _target(target, before)
        if before.st_size > LARGE and not is_text:
            content = None
            digests, state = _read_pieces(file, target, state, strong)
        else:
            content = file.read()
            digests = digest(content, strong)
            state = state if state != SAME or _holds(target, content) else OTHER
        _check_unchanged(path, before, os.fstat(descriptor))
    if content is not None and not (is_text and _matters(content, needles)):
        content = None
    return before.st_size, before.st_mtime_ns, *digests, state, content


def digest(content: bytes, strong: bool) -> tuple[str, str]:
    """Return the MD5 of *content*, and its SHA-256, empty unless *strong*."""
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return md5, hashlib.sha256(content).hexdigest() if strong else ""


def _open(path: str) -> tuple[int, os.stat_result]:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no regular file", path)
    return descriptor, found


def _target(target: str, source: os.stat_result) -> int:
    """Return the state of *target* by Django's rule: whole seconds decide, and a link is none."""
    if not target:
        return ABSENT
    try:
        found = os.lstat(target)
    except FileNotFoundError:
        return ABSENT
    except NotADirectoryError:
        return ABSENT
    if not stat.S_ISREG(found.st_mode) or int(found.st_mtime) < int(source.st_mtime):
        return OLDER
    return SAME if found.st_size == source.st_size else OTHER


def _holds(target: str, content: bytes) -> bool:
    with open(target, "rb", buffering=0) as file:
        return file.read() == content


def _read_pieces(file: Any, target: str, state: int, strong: bool) -> tuple[tuple[str, str], int]:
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    with open(target, "rb", buffering=0) if state == SAME else contextlib.nullcontext() as other:
        while piece := file.read(PIECE):
            md5.update(piece)
            if strong:
                sha256.update(piece)
            if state == SAME and other is not None and other.read(len(piece)) != piece:
                state = OTHER
    return (md5.hexdigest(), sha256.hexdigest() if strong else ""), state


def _check_unchanged(path: str, before: os.stat_result, after: os.stat_result) -> None:
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise Changed(errno.EBUSY, "it changed while it was read", path)


def _matters(content: bytes, needles: tuple[bytes, ...] | None) -> bool:
    if not content.isascii():
        try:
            content.decode()
        except UnicodeDecodeError:
            return True
        if any(letter in content for letter in ODD_LETTERS):
            return True
    if needles is None:
        return True
    lower = content.lower()
    return any(needle in lower for needle in needles)


def write(
    source: str | bytes,
    size: int,
    modified: int,
    targets: tuple[str, ...],
    mode: int,
    seconds: int,
    links: bool,
) -> tuple[Any, ...]:
    """Write *source*, a path or a content, to *targets*; return how many copies it took.

    Each is written beside its place and renamed. A path must still have the *size* and the time
    *modified* (ns) that it was read with. *mode* is the files', -1 for the umask's; *seconds* the
    time that they get, and root as owner where we are root, -1 for neither. With *links* all
    are names of one file, where the file system can.
    """
    copies = 0
    first = ""
    for target in targets:
        if first and links and _link(first, target):
            continue
        _write(source, size, modified, target, mode, seconds)
        first, copies = first or target, copies + 1
    return (copies,)


def _write(
    source: str | bytes, size: int, modified: int, target: str, mode: int, seconds: int
) -> None:
    beside = _beside(target)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        try:
            if isinstance(source, bytes):
                _write_all(descriptor, source)
            else:
                _copy(source, size, modified, descriptor)
            _settle(descriptor, mode, seconds)
        finally:
            os.close(descriptor)
        os.rename(beside, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(beside)
        raise


def _beside(target: str) -> str:
    return f"{os.path.dirname(target)}/{PREFIX}{os.getpid()}-{next(_names)}"


def _copy(source: str, size: int, modified: int, descriptor: int) -> None:
    reading, found = _open(source)
    try:
        if (found.st_size, found.st_mtime_ns) != (size, modified):
            raise Changed(errno.EBUSY, "it changed while it was collected", source)
        written = 0
        while piece := os.read(reading, PIECE):
            _write_all(descriptor, piece)
            written += len(piece)
        if written != size:
            raise Changed(errno.EBUSY, "it changed while it was collected", source)
    finally:
        os.close(reading)


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _settle(descriptor: int, mode: int, seconds: int) -> None:
    if mode >= 0:
        os.fchmod(descriptor, mode)
    if seconds >= 0:
        if os.geteuid() == 0:
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
    os.link(first, beside)
    os.rename(beside, target)


CHORES: dict[str, Callable[..., tuple[Any, ...]]] = {"read": read, "write": write}


def do(name: str, batch: list[tuple[Any, ...]]) -> list[tuple[Any, ...] | Failure]:
    """Do the chore *name* for each of *batch*; a failure is returned in its place.

    A failure is ``("", errno, reason, file name)``: what `error_of` makes an OSError of again.
    """
    chore = CHORES[name]
    results: list[Any] = []
    for item in batch:
        try:
            results.append(chore(*item))
        except OSError as error:
            place = str(error.filename2 or error.filename or "")
            results.append(("", error.errno or 0, error.strerror or str(error), place))
        except ValueError as error:  # a null byte in a name
            results.append(("", errno.EINVAL, str(error), str(item[0])[:200]))
    return results


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Do what comes in, frame by frame, until the input ends."""
    while head := requests.read(FRAME.size):
        (length,) = FRAME.unpack(head)
        name, batch = marshal.loads(requests.read(length))
        data = marshal.dumps(do(name, batch))
        answers.write(FRAME.pack(len(data)) + data)
        answers.flush()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    serve(sys.stdin.buffer, sys.stdout.buffer)
