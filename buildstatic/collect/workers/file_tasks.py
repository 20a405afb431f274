"""The tasks that read a source and that write a file: one call of each for every file.

Reading computes the digests and compares the source with the file in the tree. Writing creates each
name completely or not at all, with its own temporary names and rename: the objects of
`buildstatic.atomic` would cost as much time as the system calls of a small file.

Arguments and results are what `marshal` can write: tuples, text, bytes and numbers.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import stat
import sys
from collections.abc import Iterator
from typing import Any

from buildstatic.atomic import PREFIX

# Files up to this size are read at once, larger ones in chunks.
LARGE = 8 << 20
CHUNK = 1 << 20
# Contents up to this size are returned; a batch of them takes little memory.
SMALL = 1 << 16
# Errors of opening a socket, or a device that does not exist.
UNOPENABLE = {errno.ENXIO, errno.ENODEV}
# What a case-insensitive regular expression also accepts for i, s and k.
FOLDED_LETTERS = (b"\xc4\xb1", b"\xc4\xb0", b"\xc5\xbf", b"\xe2\x84\xaa")
# The state of the file in the tree: missing, older or not a file, equal, different.
ABSENT, OLDER, SAME, OTHER = range(4)
# Errors of linking where a copy is written instead.
UNLINKABLE = {
    *(errno.EPERM, errno.EXDEV, errno.EMLINK),
    *(errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS),
}
IRREGULAR = "it is not a regular file"

Needle = bytes | tuple[bytes, str, int]
_numbers = iter(range(sys.maxsize))


class Changed(OSError):
    """A source changed while it was collected."""


def read(
    path: str,
    target: str,
    needles: tuple[Needle, ...] | None,
    is_text: bool,
    strong: bool,
    hashed: bool = True,
) -> tuple[Any, ...]:
    """Read the source *path* and return ``(size, mtime_ns, md5, sha256, state, content)``.

    *target* is the file in the tree that it may be equal to, and *state* its state; for an empty
    name it is ABSENT. *content* is None unless *is_text* and it contains one of *needles* (see
    `contains_needle`; None matches everything), or is not UTF-8; one larger than `SMALL` is empty,
    to be read again. The SHA-256 is empty unless
    *strong*. Without *hashed* the digests are empty, and a file without a target to compare is not
    read.
    """
    descriptor, before = open_regular(path)
    state = _target_state(target, before)
    if not hashed and state != SAME:
        os.close(descriptor)
        return before.st_size, before.st_mtime_ns, "", "", state, None
    content = None
    try:
        if before.st_size > LARGE and not is_text:
            size, digests, state = _read_chunks(descriptor, before.st_size, target, state, strong)
        else:
            content = _read_at_once(descriptor, before.st_size)
            size, digests = len(content), digest(content, strong)
            if state == SAME:
                other = os.open(target, os.O_RDONLY | os.O_CLOEXEC)
                try:
                    state = SAME if _read_at_once(other, size) == content else OTHER
                finally:
                    os.close(other)
        if size != before.st_size or stamp(os.fstat(descriptor)) != stamp(before):
            raise Changed(errno.EBUSY, "it changed while it was read", path)
    finally:
        os.close(descriptor)
    if content is not None and not (is_text and contains_needle(content, needles)):
        content = None
    elif content and len(content) > SMALL:
        content = b""
    return before.st_size, before.st_mtime_ns, *digests, state, content


def digest(content: bytes, strong: bool) -> tuple[str, str]:
    """Return the MD5 and the SHA-256 of *content*; the latter is empty unless *strong*."""
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return md5, hashlib.sha256(content).hexdigest() if strong else ""


def open_regular(path: str) -> tuple[int, os.stat_result]:
    """Open a regular file; a pipe without a writer does not block. Raises OSError."""
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


def stamp(found: os.stat_result) -> tuple[int, int]:
    """Return what changes when a file changes: its size and its time."""
    return found.st_size, found.st_mtime_ns


def contains_needle(content: bytes, needles: tuple[Needle, ...] | None) -> bool:
    """Return whether *content* contains one of *needles*, or is not UTF-8.

    A needle in lower case matches in any case, one with capitals only as written. One with a
    regular expression and its flags matches if a line that contains it matches the expression.
    """
    is_ascii = content.isascii()
    if needles is None or not (is_ascii or _is_utf8(content)):
        return True
    if any(_is_in_line(content, *needle) for needle in needles if isinstance(needle, tuple)):
        return True
    texts = [needle for needle in needles if isinstance(needle, bytes)]
    any_case = [needle for needle in texts if needle == needle.lower()]
    if any(needle in content for needle in texts if needle not in any_case):
        return True
    if not any_case:
        return False
    lower = content.lower()
    if any(needle in lower for needle in any_case):
        return True
    return not is_ascii and any(letter in content for letter in FOLDED_LETTERS)


def _target_state(target: str, source: os.stat_result) -> int:
    """Return the state of *target* by Django's rule: whole seconds count, a link is not a file."""
    if not target:
        return ABSENT
    try:
        found = os.lstat(target)
    except (FileNotFoundError, NotADirectoryError):
        return ABSENT
    if not stat.S_ISREG(found.st_mode) or int(found.st_mtime) < int(source.st_mtime):
        return OLDER
    return SAME if found.st_size == source.st_size else OTHER


def _read_at_once(descriptor: int, size: int) -> bytes:
    """Return the content of a file, and one byte more than *size* if it has grown."""
    content = os.read(descriptor, size + 1)
    while len(content) < size and (more := os.read(descriptor, size + 1 - len(content))):
        content += more
    return content


def _read_chunks(
    descriptor: int, size: int, target: str, state: int, strong: bool
) -> tuple[int, tuple[str, str], int]:
    """Return the real size of a file of the expected *size*, its digests, and *target*'s state."""
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    done = 0
    with open(target, "rb", buffering=0) if state == SAME else contextlib.nullcontext() as other:
        while done <= size and (chunk := os.read(descriptor, CHUNK)):
            done += len(chunk)
            md5.update(chunk)
            if strong:
                sha256.update(chunk)
            if state == SAME and other is not None and other.read(len(chunk)) != chunk:
                state = OTHER
    return done, (md5.hexdigest(), sha256.hexdigest() if strong else ""), state


def _is_in_line(content: bytes, needle: bytes, pattern: str, flags: int) -> bool:
    end = 0
    while (found := content.find(needle, end)) >= 0:
        start = content.rfind(b"\n", 0, found) + 1
        end = content.find(b"\n", found)
        end = len(content) if end < 0 else end
        line = content[start:end].decode()
        if not lacks_comment_end(pattern, line) and re.compile(pattern, flags).search(line):
            return True
    return False


def lacks_comment_end(pattern: str, line: str) -> bool:
    """Return whether *pattern* ends with a comment's end and *line* does not, so that none matches.

    Searching would take the square of the number of spaces at the end of *line*.
    """
    return pattern.endswith(r"\*/)$") and not line.endswith("*/")


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def write(
    source: str | bytes | tuple[int, int],
    size: int,
    modified: int,
    targets: tuple[str, ...],
    mode: int,
    seconds: int,
    links: bool,
    direct: bool = False,
) -> tuple[int]:
    """Write *source* to *targets*; return how many copies were written.

    *source* is a path, a content, or the descriptor and the offset of a content of this *size*.

    A temporary file is written and renamed, unless *direct* and the target does not exist. A path
    must still have the *size* and the time *modified* (ns) that it was read with. *mode* is the
    files' mode, -1 for the umask's; *seconds* their time, -1 for now; with a time, root also makes
    root their owner. With *links* all are hard links to one file, if the file system allows.
    """
    copies = 0
    first = ""
    if isinstance(source, str) and size <= LARGE:
        source = b"".join(read_unchanged(source, size, modified))
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
    source: str | bytes | tuple[int, int],
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
                chunks = (
                    read_unchanged(source, size, modified)
                    if isinstance(source, str)
                    else read_spooled(*source, size)
                )
                for chunk in chunks:
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


def read_unchanged(source: str, size: int, modified: int) -> Iterator[bytes]:
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


def read_spooled(descriptor: int, offset: int, size: int) -> Iterator[bytes]:
    """Yield the *size* bytes of the open file *descriptor* from *offset* on."""
    end = offset + size
    while offset < end:
        chunk = os.pread(descriptor, min(CHUNK, end - offset), offset)
        if not chunk:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        yield chunk
        offset += len(chunk)


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
