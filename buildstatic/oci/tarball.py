"""The headers of a layer's tar, byte for byte those that BuildKit writes.

BuildKit writes layers with Go's ``archive/tar``, asked for PAX (containerd, ``pkg/archive/tar.go``,
``ChangeWriter.HandleChange``): plain ustar where that can say it all, else a PAX header before the
plain one. Python's ``tarfile`` names and pads these differently, so they are written here.
"""

from __future__ import annotations

import posixpath
from typing import NamedTuple
from zlib import adler32

BLOCK = 512
END = bytes(2 * BLOCK)
FILE, LINK, DIRECTORY = b"0", b"1", b"5"
_NAME, _PREFIX = 100, 155
_OCTAL = 1 << 33  # what eleven digits hold
_MAGIC = b"ustar\x0000".ljust(72, b"\x00")  # with the names of no owner
_EXTENDED = b"x"
_NO_DEVICE = b"0000000\x00" * 2


class Entry(NamedTuple):
    """A member of a layer, root's as all are.

    *name* is relative, that of a directory ends in a slash; *kind* is FILE, LINK or DIRECTORY;
    *link* is the name of the earlier member that a link is the same file as. *mtime* is in seconds,
    *size* that of a file's content.
    """

    name: bytes
    kind: bytes
    mode: int
    mtime: int
    size: int = 0
    link: bytes = b""


def header(entry: Entry) -> bytes:
    """Return the header of *entry*, of one block or, where it needs PAX, of several."""
    name, prefix = _split(entry.name)
    if len(name) <= _NAME and _is_plain(entry):
        return _block(entry, name, entry.link, prefix)
    records = b"".join(_record(key, value) for key, value in _beyond(entry))
    return (
        _extended_header(entry.name, len(records))
        + _padded(records)
        + _block(entry, _cut(_ascii(entry.name)), _cut(_ascii(entry.link)))
    )


def padding(size: int) -> int:
    """Return how many zeros follow a content of *size* bytes."""
    return -size % BLOCK


def _is_plain(entry: Entry) -> bool:
    return (
        entry.name.isascii()
        and len(entry.link) <= _NAME
        and entry.link.isascii()
        and 0 <= entry.mtime < _OCTAL
        and entry.size < _OCTAL
    )


def _split(name: bytes) -> tuple[bytes, bytes]:
    """Return *name* in its two parts, the second empty where it need not or cannot be split.

    Go's ``splitUSTARPath``.
    """
    if len(name) <= _NAME or not name.isascii():
        return name, b""
    length = min(len(name), _PREFIX + 1)
    if length == len(name) and name.endswith(b"/"):
        length -= 1
    slash = name.rfind(b"/", 0, length)
    rest = name[slash + 1 :]
    return (rest, name[:slash]) if slash > 0 and 0 < len(rest) <= _NAME else (name, b"")


def _beyond(entry: Entry) -> list[tuple[bytes, bytes]]:
    """Return what the plain header of *entry* cannot say, sorted as Go sorts it."""
    texts = [(b"linkpath", entry.link), (b"path", entry.name)]
    records = [(key, text) for key, text in texts if len(text) > _NAME or not text.isascii()]
    numbers = [(b"mtime", entry.mtime), (b"size", entry.size)]
    records += [(key, b"%d" % value) for key, value in numbers if not 0 <= value < _OCTAL]
    return sorted(records)


def _record(key: bytes, value: bytes) -> bytes:
    """Return a record of PAX: its length counts itself."""
    rest = b" %b=%b\n" % (key, value)
    length = len(rest) + len(str(len(rest)))
    length = len(rest) + len(str(length))
    return b"%d%b" % (length, rest)


def _extended_header(name: bytes, size: int) -> bytes:
    parent, last = posixpath.split(name)
    place = _ascii(posixpath.join(parent, b"PaxHeaders.0", last))[:_NAME].rstrip(b"/")
    return _sealed(place, 0, size, 0, _EXTENDED, b"", b"", b"")


def _block(entry: Entry, name: bytes, link: bytes, prefix: bytes = b"") -> bytes:
    mtime = entry.mtime if 0 <= entry.mtime < _OCTAL else 0
    size = entry.size if entry.size < _OCTAL else 0
    return _sealed(name, entry.mode, size, mtime, entry.kind, link, _NO_DEVICE, prefix)


def _sealed(
    name: bytes,
    mode: int,
    size: int,
    mtime: int,
    kind: bytes,
    link: bytes,
    device: bytes,
    prefix: bytes,
) -> bytes:
    """Return a block with its checksum, which is taken with spaces in its own place.

    The lower half of Adler-32 is one more than the sum of the bytes, up to 65,520: 512 bytes of
    ASCII never exceed that, and Python's ``sum`` would take most of the time of a small file.
    """
    start = b"%b%07o\x000000000\x000000000\x00%011o\x00%011o\x00" % (
        name.ljust(_NAME, b"\x00"),
        mode,
        size,
        mtime,
    )
    end = b"%b%b%b%b%b" % (
        kind,
        link.ljust(_NAME, b"\x00"),
        _MAGIC,
        device.ljust(16, b"\x00"),
        prefix.ljust(_PREFIX + 12, b"\x00"),
    )
    checksum = (adler32(b"%b        %b" % (start, end)) & 0xFFFF) - 1
    return b"%b%06o\x00 %b" % (start, checksum, end)


def _ascii(text: bytes) -> bytes:
    return text if text.isascii() else bytes(byte for byte in text if byte < 128)


def _cut(text: bytes) -> bytes:
    """Return what a field has of *text*; one that is cut may not look like a directory's.

    Go's ``formatter.formatString``.
    """
    field = bytearray(text[:_NAME])
    if len(text) > _NAME and field.endswith(b"/"):
        field[len(field[:-1].rstrip(b"/"))] = 0
    return bytes(field)


def _padded(content: bytes) -> bytes:
    return content + bytes(padding(len(content)))
