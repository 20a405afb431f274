"""What worker processes read: each source, with its digests, and what the tree has in its place.

What goes in and out is made of what `marshal` knows: tuples, text, bytes and numbers.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import stat
from typing import Any

# Read whole up to here; larger files go through in pieces.
LARGE = 8 << 20
PIECE = 1 << 20
# What opening a socket, or a device that nothing is behind, answers.
UNOPENABLE = {errno.ENXIO, errno.ENODEV}
# What a case-insensitive regular expression takes for i, s and k beside these letters.
ODD_LETTERS = (b"\xc4\xb1", b"\xc4\xb0", b"\xc5\xbf", b"\xe2\x84\xaa")
# What the file in the place of a source is: none, an older one or no file, the same, another.
ABSENT, OLDER, SAME, OTHER = range(4)
IRREGULAR = "it is no regular file"

Needle = bytes | tuple[bytes, str, int]


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

    *target* is the file that it may be collected to already; *state* says what that is, or ABSENT
    for an empty name. *content* is None unless *is_text* and one of *needles* (see `matters`, None
    for any) is in it, or it is no UTF-8. The SHA-256 is empty unless *strong*. Without *hashed*
    nobody asks for digests, and what nothing is compared with is not read.
    """
    descriptor, before = open_regular(path)
    if not hashed and _target(target, before) != SAME:
        os.close(descriptor)
        return before.st_size, before.st_mtime_ns, "", "", _target(target, before), None
    try:
        state = _target(target, before)
        if before.st_size > LARGE and not is_text:
            content = None
            size, digests, state = _read_pieces(descriptor, before.st_size, target, state, strong)
        else:
            content = _read_whole(descriptor, before.st_size)
            size, digests = len(content), digest(content, strong)
            state = state if state != SAME or _holds(target, content) else OTHER
        if size != before.st_size or stamp(os.fstat(descriptor)) != stamp(before):
            raise Changed(errno.EBUSY, "it changed while it was read", path)
    finally:
        os.close(descriptor)
    if content is not None and not (is_text and matters(content, needles)):
        content = None
    return before.st_size, before.st_mtime_ns, *digests, state, content


def digest(content: bytes, strong: bool) -> tuple[str, str]:
    """Return the MD5 of *content*, and its SHA-256, empty unless *strong*."""
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return md5, hashlib.sha256(content).hexdigest() if strong else ""


def open_regular(path: str) -> tuple[int, os.stat_result]:
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
    descriptor = os.open(target, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return _read_whole(descriptor, len(content)) == content
    finally:
        os.close(descriptor)


def _read_whole(descriptor: int, size: int) -> bytes:
    """Return what is in a file, and a byte more than *size* of one that has grown."""
    content = os.read(descriptor, size + 1)
    while len(content) < size and (more := os.read(descriptor, size + 1 - len(content))):
        content += more
    return content


def _read_pieces(
    descriptor: int, size: int, target: str, state: int, strong: bool
) -> tuple[int, tuple[str, str], int]:
    """Return how much is in a file, which should be *size*, its digests, and the target's state."""
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    done = 0
    with open(target, "rb", buffering=0) if state == SAME else contextlib.nullcontext() as other:
        while done <= size and (piece := os.read(descriptor, PIECE)):
            done += len(piece)
            md5.update(piece)
            if strong:
                sha256.update(piece)
            if state == SAME and other is not None and other.read(len(piece)) != piece:
                state = OTHER
    return done, (md5.hexdigest(), sha256.hexdigest() if strong else ""), state


def stamp(found: os.stat_result) -> tuple[int, int]:
    """Return what is another after a change."""
    return found.st_size, found.st_mtime_ns


def matters(content: bytes, needles: tuple[Needle, ...] | None) -> bool:
    """Tell whether *content* has one of *needles*, or is no UTF-8.

    A needle in lower case is there in any case, one with capitals as it is. One with a pattern, and
    the flags of that, is there if it is in a line that the pattern matches in.
    """
    is_ascii = content.isascii()
    if needles is None or not (is_ascii or _is_text(content)):
        return True
    if any(_is_in_a_line(content, *needle) for needle in needles if isinstance(needle, tuple)):
        return True
    texts = [needle for needle in needles if isinstance(needle, bytes)]
    loose = [needle for needle in texts if needle == needle.lower()]
    if any(needle in content for needle in texts if needle not in loose):
        return True
    if not loose:
        return False
    lower = content.lower()
    if any(needle in lower for needle in loose):
        return True
    return not is_ascii and any(letter in content for letter in ODD_LETTERS)


def _is_in_a_line(content: bytes, needle: bytes, pattern: str, flags: int) -> bool:
    end = 0
    while (found := content.find(needle, end)) >= 0:
        start = content.rfind(b"\n", 0, found) + 1
        end = content.find(b"\n", found)
        end = len(content) if end < 0 else end
        if re.compile(pattern, flags).search(content[start:end].decode()):
            return True
    return False


def _is_text(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True
