"""What a tree is in a layer: as it stands there, or laid out as in an image."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import NamedTuple

from buildstatic.collect.codecs import FORMATS
from buildstatic.collect.layout import EPOCH, content_time, sorted_manifest
from buildstatic.oci.static_layer import MANIFEST
from buildstatic.oci.tarball import DIRECTORY, FILE, LINK, Entry
from buildstatic.oci.tree import Found, unread, walk

_MORSEL = 1 << 20
_VARIANTS = tuple(f".{suffix}".encode() for suffix in FORMATS)
_SECOND = 1_000_000_000


class Member(NamedTuple):
    """An entry, and its content: an open file, or, where it is not as on disk, its bytes."""

    entry: Entry
    content: int | bytes = b""


def as_they_stand(root: bytes) -> Iterator[Member]:
    """Yield what the layer root *root* is in a layer: modes, times and hard links as on disk.

    Raises `FileError`.
    """
    firsts: dict[tuple[int, int], tuple[bytes, int]] = {}
    for found in walk(root):
        mode = stat.S_IMODE(found.status.st_mode)
        mtime = found.status.st_mtime_ns // _SECOND
        if stat.S_ISDIR(found.status.st_mode):
            yield Member(Entry(found.name + b"/", DIRECTORY, mode, mtime))
        elif link := _first(firsts, found):
            yield Member(Entry(found.name, LINK, mode, mtime, link=link))
        else:
            entry = Entry(found.name, FILE, mode, mtime, found.status.st_size)
            yield Member(entry, found.file)


def _first(firsts: dict[tuple[int, int], tuple[bytes, int]], found: Found) -> bytes:
    """Return the first name of a file that was met before, and forget it after its last one."""
    if found.status.st_nlink == 1:
        return b""
    key = found.status.st_dev, found.status.st_ino
    name, left = firsts.pop(key, (b"", found.status.st_nlink))
    if left > 1:
        firsts[key] = name or found.name, left - 1
    return name


def laid_out(tree: bytes, at: PurePosixPath) -> Iterator[Member]:
    """Yield what the collected *tree* is in a layer where it lies *at*, an absolute path.

    As `buildstatic.collect.layout.lay_out` does it, but in passing: modes are fixed, times are the
    content's, a content has one file, the manifest is sorted. A content is read twice, as its time
    stands before it. A variant has its original's time, as collecting gives it. Memory grows by
    the names.

    Raises `FileError`.
    """
    place = os.fsencode(at.relative_to("/"))
    yield from map(Member, directories_above(at))
    known = _Known({}, {})
    for found in walk(tree):
        name = os.path.join(place, found.name)
        if stat.S_ISDIR(found.status.st_mode):
            yield Member(_directory(name))
            continue
        try:
            is_manifest = found.name == MANIFEST.encode()
            member = (_manifest if is_manifest else _file)(name, found, known)
        except OSError as error:
            raise unread(tree, found.name, error) from error
        yield member


class _Known(NamedTuple):
    """What was met: the first name of a content, by what it was made from; digests by name."""

    firsts: dict[tuple[bytes, bytes], bytes]
    digests: dict[bytes, bytes]


def directories_above(at: PurePosixPath) -> Iterator[Entry]:
    """Yield the directories that lead to what is below *at*, an absolute path; *at* is the last."""
    for parent in (*reversed(at.parents), at):
        if parent.name:
            yield _directory(os.fsencode(parent.relative_to("/")))


def _directory(name: bytes) -> Entry:
    return Entry(name + b"/", DIRECTORY, 0o755, EPOCH)


def _file(name: bytes, found: Found, known: _Known) -> Member:
    digest = known.digests[name] = _digest(found)
    original, suffix = os.path.splitext(name)
    # A variant has the time of what it was made from, which stands before it.
    identity = known.digests.get(original, digest) if suffix in _VARIANTS else digest
    size = found.status.st_size
    return _once(Member(_entry(name, identity, size), found.file), (identity, digest), known)


def _manifest(name: bytes, found: Found, known: _Known) -> Member:
    content = sorted_manifest(_read(found))
    digest = hashlib.sha256(content).digest()
    return _once(Member(_entry(name, digest, len(content)), content), (digest, digest), known)


def _entry(name: bytes, identity: bytes, size: int) -> Entry:
    return Entry(name, FILE, 0o644, content_time(identity.hex()), size)


def _once(member: Member, key: tuple[bytes, bytes], known: _Known) -> Member:
    """Return *member*, or, where its content was met before, a link to that."""
    first = known.firsts.setdefault(key, member.entry.name)
    if first == member.entry.name:
        return member
    return Member(member.entry._replace(kind=LINK, size=0, link=first))


def _digest(found: Found) -> bytes:
    """Return the SHA-256 of an open file, which is then at its beginning again."""
    sha256 = hashlib.sha256()
    while morsel := os.read(found.file, _MORSEL):
        sha256.update(morsel)
    os.lseek(found.file, 0, os.SEEK_SET)
    return sha256.digest()


def _read(found: Found) -> bytes:
    with os.fdopen(found.file, "rb", closefd=False) as file:
        return file.read()
