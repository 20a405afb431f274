"""What worker processes do for a collection: read and hash files, and write files.

This module runs by itself in an isolated interpreter, so it imports the standard library alone, and
what goes in and out is made of what `marshal` knows: tuples, text, bytes and numbers.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import hashlib
import marshal
import os
import signal
import stat
import struct
import sys
from collections.abc import Callable, Iterator
from typing import IO, Any

# Read whole up to here; larger files go through in pieces.
LARGE = 8 << 20
PIECE = 1 << 20
PREFIX = ".buildstatic-"
UNLINKABLE = {
    *(errno.EPERM, errno.EXDEV, errno.EMLINK),
    *(errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS),
}
# What opening a socket, or a device that nothing is behind, answers.
UNOPENABLE = {errno.ENXIO, errno.ENODEV}
# What a case-insensitive regular expression takes for i, s and k beside these letters.
ODD_LETTERS = (b"\xc4\xb1", b"\xc4\xb0", b"\xc5\xbf", b"\xe2\x84\xaa")
# What the file in the place of a source is: none, an older one or no file, the same, another.
ABSENT, OLDER, SAME, OTHER = range(4)
IRREGULAR = "it is no regular file"
FRAME = struct.Struct("<Q")
_names = iter(range(sys.maxsize))

Failure = tuple[str, int, str]


class Changed(OSError):
    """A source changed while it was collected."""


def read(
    path: str,
    target: str,
    needles: tuple[bytes, ...] | None,
    is_text: bool,
    strong: bool,
    hashed: bool = True,
) -> tuple[Any, ...]:
    """Read the source *path* and return ``(size, mtime_ns, md5, sha256, state, content)``.

    *target* is the file that it may be collected to already; *state* says what that is, or ABSENT
    for an empty name. *content* is None unless *is_text* and one of *needles* (see `matters`, None
    for any) is in it, or it is no UTF-8. The SHA-256 is empty unless *strong*. Without *hashed*
    nobody asks for digests, and what nothing is compared with is not read.
    """
    descriptor, before = _open(path)
    if not hashed and _target(target, before) != SAME:
        os.close(descriptor)
        return before.st_size, before.st_mtime_ns, "", "", _target(target, before), None
    with open(descriptor, "rb", buffering=0) as file:
        state = _target(target, before)
        if before.st_size > LARGE and not is_text:
            content = None
            size, digests, state = _read_pieces(file, before.st_size, target, state, strong)
        else:
            content = _read_whole(file, before.st_size)
            size, digests = len(content), digest(content, strong)
            state = state if state != SAME or _holds(target, content) else OTHER
        if size != before.st_size or _stamp(os.fstat(descriptor)) != _stamp(before):
            raise Changed(errno.EBUSY, "it changed while it was read", path)
    if content is not None and not (is_text and matters(content, needles)):
        content = None
    return before.st_size, before.st_mtime_ns, *digests, state, content


def digest(content: bytes, strong: bool) -> tuple[str, str]:
    """Return the MD5 of *content*, and its SHA-256, empty unless *strong*."""
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return md5, hashlib.sha256(content).hexdigest() if strong else ""


def _open(path: str) -> tuple[int, os.stat_result]:
    """Open a regular file; a pipe without a writer does not block."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in UNOPENABLE:
            raise OSError(errno.EINVAL, IRREGULAR, path) from error
        raise
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, IRREGULAR, path)
    return descriptor, found


def _target(target: str, source: os.stat_result) -> int:
    """Return the state of *target* by Django's rule: whole seconds decide, and a link is none."""
    if not target:
        return ABSENT
    try:
        found = os.lstat(target)
    except (FileNotFoundError, NotADirectoryError):
        return ABSENT
    if not stat.S_ISREG(found.st_mode) or int(found.st_mtime) < int(source.st_mtime):
        return OLDER
    return SAME if found.st_size == source.st_size else OTHER


def _holds(target: str, content: bytes) -> bool:
    with open(target, "rb", buffering=0) as file:
        return file.read() == content


def _read_whole(file: Any, size: int) -> bytes:
    """Return what is in *file*, and a byte more than *size* of one that has grown."""
    content: bytes = file.read(size + 1)
    while len(content) < size and (more := file.read(size + 1 - len(content))):
        content += more
    return content


def _read_pieces(
    file: Any, size: int, target: str, state: int, strong: bool
) -> tuple[int, tuple[str, str], int]:
    """Return how much is in *file*, which should be *size*, its digests, and the target's state."""
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    done = 0
    with open(target, "rb", buffering=0) if state == SAME else contextlib.nullcontext() as other:
        while done <= size and (piece := file.read(PIECE)):
            done += len(piece)
            md5.update(piece)
            if strong:
                sha256.update(piece)
            if state == SAME and other is not None and other.read(len(piece)) != piece:
                state = OTHER
    return done, (md5.hexdigest(), sha256.hexdigest() if strong else ""), state


def _stamp(found: os.stat_result) -> tuple[int, int]:
    return found.st_size, found.st_mtime_ns


def matters(content: bytes, needles: tuple[bytes, ...] | None) -> bool:
    """Tell whether *content* has one of *needles*, or is no UTF-8.

    A needle in lower case is there in any case, one with capitals as it is.
    """
    is_ascii = content.isascii()
    if needles is None or not (is_ascii or _is_text(content)):
        return True
    loose = [needle for needle in needles if needle == needle.lower()]
    if any(needle in content for needle in needles if needle not in loose):
        return True
    if not loose:
        return False
    lower = content.lower()
    if any(needle in lower for needle in loose):
        return True
    return not is_ascii and any(letter in content for letter in ODD_LETTERS)


def _is_text(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


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
    reading, found = _open(source)
    try:
        done = 0
        if _stamp(found) == (size, modified):
            while done <= size and (piece := os.read(reading, PIECE)):
                yield piece
                done += len(piece)
        if done != size or _stamp(os.fstat(reading)) != (size, modified):
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


CHORES: dict[str, Callable[..., tuple[Any, ...]]] = {"read": read, "write": write}


def do(name: str, batch: list[tuple[Any, ...]]) -> Iterator[tuple[Any, ...] | Failure]:
    """Do the chore *name* for each of *batch*; a failure is yielded in its place.

    A failure is ``("", errno, reason, file name)``: what an OSError is made of.
    """
    chore = CHORES[name]
    for item in batch:
        try:
            yield chore(*item)
        except OSError as error:
            place = error.filename2 or error.filename or ""
            yield "", error.errno or 0, error.strerror or str(error), str(place)
        except ValueError as error:  # a name that the file system cannot have
            place = item[0] if isinstance(item[0], str) else item[3][0]
            yield "", errno.EINVAL, str(error), place


def send(stream: IO[bytes], value: Any) -> None:
    """Write *value* to *stream*, as one frame."""
    data = marshal.dumps(value)
    stream.write(FRAME.pack(len(data)) + data)
    stream.flush()


def receive(stream: IO[bytes]) -> Any:
    """Return the value of the next frame of *stream*, None where it ends before that does."""
    head = stream.read(FRAME.size)
    if len(head) < FRAME.size:
        return None
    (length,) = FRAME.unpack(head)
    data = stream.read(length)
    return None if len(data) < length else marshal.loads(data)


def serve(requests: IO[bytes], answers: IO[bytes], parent: int) -> None:
    """Do what comes in, frame by frame, until the input ends or the process *parent* has.

    The tree's lock ends with that process, so nothing is begun after it.
    """
    while request := receive(requests):
        results = []
        for result in do(*request):
            results.append(result)
            if os.getppid() != parent:
                return
        send(answers, results)


def _stop(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)


def main() -> None:
    """Serve on the standard streams; the argument is the process that started this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _stop)
    gc.disable()  # nothing here refers to itself
    try:
        serve(sys.stdin.buffer, sys.stdout.buffer, int(sys.argv[1]))
    except BrokenPipeError:
        os._exit(0)  # the interpreter would try to write again, and complain


if __name__ == "__main__":
    main()
