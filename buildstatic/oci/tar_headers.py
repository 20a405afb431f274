"""The headers of a layer's tar, byte for byte as BuildKit writes them.

BuildKit writes layers with Go's ``archive/tar`` in PAX format (containerd, ``pkg/archive/tar.go``,
``ChangeWriter.HandleChange``): a plain ustar header if it can hold all values, else a PAX header
followed by a ustar header. Python's ``tarfile`` names and pads PAX headers differently.
"""

from __future__ import annotations

import posixpath
from typing import NamedTuple
from zlib import adler32

BLOCK_SIZE = 512
END_OF_ARCHIVE = bytes(2 * BLOCK_SIZE)
FILE, LINK, DIRECTORY = b"0", b"1", b"5"
_PAX_RECORDS = b"x"
_NAME_SIZE, _PREFIX_SIZE = 100, 155
_OCTAL_LIMIT = 1 << 33  # the first number that needs more than eleven octal digits
_MAGIC = b"ustar\x0000".ljust(72, b"\x00")  # followed by empty owner names
_NO_DEVICE = b"0000000\x00" * 2


class TarEntry(NamedTuple):
    """An entry of a layer, owned by root.

    *name* is relative, and ends in a slash for a directory. *kind* is FILE, LINK or DIRECTORY.
    *link* is the name of the earlier entry that a hard link refers to. *mtime* is in seconds,
    *size* is the number of bytes of a file's content.
    """

    name: bytes
    kind: bytes
    mode: int
    mtime: int
    size: int = 0
    link: bytes = b""


def tar_header(entry: TarEntry) -> bytes:
    """Return the header of *entry*: one block, or several if it needs PAX records."""
    name, prefix = _split_name(entry.name)
    mtime = entry.mtime if 0 <= entry.mtime < _OCTAL_LIMIT else 0
    size = entry.size if entry.size < _OCTAL_LIMIT else 0
    if (
        len(name) <= _NAME_SIZE
        and entry.name.isascii()
        and len(entry.link) <= _NAME_SIZE
        and entry.link.isascii()
        and mtime == entry.mtime
        and size == entry.size
    ):
        return _block(name, entry.mode, size, mtime, entry.kind, entry.link, _NO_DEVICE, prefix)
    name, link = (_truncated(_ascii(text)) for text in (entry.name, entry.link))
    return _pax_header(entry) + _block(
        name, entry.mode, size, mtime, entry.kind, link, _NO_DEVICE, b""
    )


def padding(size: int) -> int:
    """Return how many zero bytes follow a content of *size* bytes."""
    return -size % BLOCK_SIZE


def _split_name(name: bytes) -> tuple[bytes, bytes]:
    """Return the name and prefix fields for *name*; an empty prefix if it cannot be split.

    Go's ``splitUSTARPath``.
    """
    if len(name) <= _NAME_SIZE or not name.isascii():
        return name, b""
    length = min(len(name), _PREFIX_SIZE + 1)
    if length == len(name) and name.endswith(b"/"):
        length -= 1
    slash = name.rfind(b"/", 0, length)
    rest = name[slash + 1 :]
    return (rest, name[:slash]) if slash > 0 and 0 < len(rest) <= _NAME_SIZE else (name, b"")


def _pax_header(entry: TarEntry) -> bytes:
    """Return the PAX header with what a ustar header cannot hold, sorted by key like Go's."""
    records = {
        key: text
        for key, text in ((b"linkpath", entry.link), (b"path", entry.name))
        if len(text) > _NAME_SIZE or not text.isascii()
    }
    for key, number in ((b"mtime", entry.mtime), (b"size", entry.size)):
        if not 0 <= number < _OCTAL_LIMIT:
            records[key] = b"%d" % number
    content = b""
    for key, value in sorted(records.items()):
        record = b" %b=%b\n" % (key, value)
        # The length of a record includes the digits of the length.
        length = len(record) + len(str(len(record)))
        length = len(record) + len(str(length))
        content += b"%d%b" % (length, record)
    parent, last = posixpath.split(entry.name)
    name = _ascii(posixpath.join(parent, b"PaxHeaders.0", last))[:_NAME_SIZE].rstrip(b"/")
    header = _block(name, 0, len(content), 0, _PAX_RECORDS, b"", b"", b"")
    return header + content + bytes(padding(len(content)))


def _block(
    name: bytes,
    mode: int,
    size: int,
    mtime: int,
    kind: bytes,
    link: bytes,
    device: bytes,
    prefix: bytes,
) -> bytes:
    """Return a header block with its checksum, which is computed with spaces in its own field.

    The lower half of Adler-32 is one more than the sum of the bytes, up to 65,520. 512 bytes of
    ASCII never exceed that, and Python's ``sum`` would take most of the time of a small file.
    """
    start = b"%b%07o\x000000000\x000000000\x00%011o\x00%011o\x00" % (
        name.ljust(_NAME_SIZE, b"\x00"),
        mode,
        size,
        mtime,
    )
    end = b"%b%b%b%b%b" % (
        kind,
        link.ljust(_NAME_SIZE, b"\x00"),
        _MAGIC,
        device.ljust(16, b"\x00"),
        prefix.ljust(_PREFIX_SIZE + 12, b"\x00"),
    )
    checksum = (adler32(b"%b        %b" % (start, end)) & 0xFFFF) - 1
    return b"%b%06o\x00 %b" % (start, checksum, end)


def _ascii(text: bytes) -> bytes:
    return text if text.isascii() else bytes(byte for byte in text if byte < 128)


def _truncated(text: bytes) -> bytes:
    """Return *text* cut to the size of a field; a cut name may not look like a directory's.

    Go's ``formatter.formatString``.
    """
    field = bytearray(text[:_NAME_SIZE])
    if len(text) > _NAME_SIZE and field.endswith(b"/"):
        field[len(field[:-1].rstrip(b"/"))] = 0
    return bytes(field)
