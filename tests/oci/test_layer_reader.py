"""The entries of a layer are those that tarfile reads, whatever wrote the layer."""

from __future__ import annotations

import gzip
import io
import tarfile
import tempfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildstatic.errors import ImageInvalid
from buildstatic.oci.layer_reader import (
    LayerEntry,
    LayerReader,
    normalized_path,
    open_layer,
    read_layer,
    read_plain_layer,
)
from buildstatic.oci.stream import FileSlice

FORMATS = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]
KINDS = [tarfile.REGTYPE, tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.DIRTYPE]
KIND_NAMES = dict(zip(KINDS, ["file", "link", "symlink", "dir"], strict=True))
NAMES = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=140
)
ENTRIES = st.lists(
    st.tuples(
        st.one_of(NAMES, st.sampled_from(["a/", "./b", "c//d", "e" * 99, "f/" * 70, "g" * 300])),
        st.sampled_from(KINDS),
        st.binary(max_size=1500),
        st.one_of(st.integers(0, 2**31), st.sampled_from([-5, 2**33, 1.5])),
        st.sampled_from([0, 1000, 2**21 - 1, 2**21, 2**40]),
    ),
    max_size=8,
)


def write_tar(entries: list[tuple[str, bytes, bytes, float, int]], form: int) -> bytes:
    """Return a tar of *entries*, without those that the format cannot hold."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for name, kind, content, mtime, owner in entries:
            member = tarfile.TarInfo(name)
            member.type, member.mtime, member.uid, member.gid = kind, mtime, owner, 0
            member.linkname = "target/of it" if kind in KINDS[1:3] else ""
            member.size = len(content) if kind == tarfile.REGTYPE else 0
            try:
                archive.addfile(member, io.BytesIO(content))
            except ValueError:
                continue
    return buffer.getvalue()


def by_tarfile(content: bytes) -> list[tuple[object, ...]]:
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
        return [
            (
                normalized_path(each.name),
                KIND_NAMES[each.type],
                each.size if each.isreg() else 0,
                each.name,
                each.mode & 0o7777,
                each.uid,
                each.gid,
                each.mtime,
                each.offset_data,
            )
            for each in archive
        ]


def fields(entries_read: tuple[LayerEntry, ...]) -> list[tuple[object, ...]]:
    return [
        (m.path, m.kind, m.size, m.name, m.mode, m.uid, m.gid, m.mtime, m.offset)
        for m in entries_read
    ]


def read_slice(content: bytes) -> tuple[LayerEntry, ...]:
    """Read *content* as a slice of a file, with other bytes around it."""
    with tempfile.TemporaryFile() as file:
        file.write(b"before" + content + b"after")
        file.flush()
        return read_plain_layer(FileSlice(file.fileno(), 6, len(content)), "it")


@given(ENTRIES, st.sampled_from(FORMATS))
def test_entries_are_those_of_tarfile(
    entries: list[tuple[str, bytes, bytes, float, int]], form: int
) -> None:
    content = write_tar(entries, form)
    entries_read = read_layer(io.BytesIO(content), "it")
    assert fields(entries_read) == by_tarfile(content)
    assert read_slice(content) == entries_read
    assert read_layer(io.BytesIO(gzip.compress(content)), "it") == entries_read


@pytest.mark.parametrize("form", FORMATS, ids=["ustar", "gnu", "pax"])
def test_truncated_layer_is_an_error(form: int) -> None:
    letter = "e" if form == tarfile.USTAR_FORMAT else "é"
    names = [f"{'d/' * 60}{letter}{number}" for number in range(3)]
    content = write_tar([(name, tarfile.REGTYPE, b"x" * 700, 5, 0) for name in names], form)
    last = read_layer(io.BytesIO(content), "it")[-1]
    # tarfile accepts the end of the file between two blocks as the end of the archive.
    for cut in (each for each in range(100, last.offset + 700, 97) if each % 512):
        for read in (lambda tar: read_layer(io.BytesIO(tar), "it"), read_slice):
            with pytest.raises(ImageInvalid, match="Cannot read the layer it"):
                read(content[:cut])


def test_old_header_is_a_file_or_a_directory_by_its_slash() -> None:
    content = write_tar(
        [("a", tarfile.AREGTYPE, b"", 0, 0), ("b/", tarfile.AREGTYPE, b"", 0, 0)], 1
    )
    assert [each.kind for each in read_layer(io.BytesIO(content), "it")] == ["file", "dir"]


def test_global_header_applies_to_all_entries() -> None:
    buffer = io.BytesIO()
    form, common = tarfile.PAX_FORMAT, {"uid": "77", "mtime": "12.5"}
    with tarfile.open(fileobj=buffer, mode="w", format=form, pax_headers=common) as archive:
        for name in ("a", "b", "c"):
            archive.addfile(tarfile.TarInfo(name))
    entries_read = read_layer(io.BytesIO(buffer.getvalue()), "it")
    assert [(m.path, m.uid, m.mtime) for m in entries_read] == [(n, 77, 12.5) for n in "abc"]


def test_wrong_checksum_is_an_error() -> None:
    content = bytearray(write_tar([(n, tarfile.REGTYPE, b"x", 0, 0) for n in "abc"], FORMATS[0]))
    content[2 * 1024] ^= 1
    for read in (lambda tar: read_layer(io.BytesIO(tar), "it"), read_slice):
        with pytest.raises(ImageInvalid, match="no header at byte 2048"):
            read(bytes(content))


def test_content_is_read_with_its_entry_or_skipped() -> None:
    content = bytes(range(256)) * 8200  # longer than a chunk
    names = ["a", "é", "b", "c"]
    tar = write_tar([(name, tarfile.REGTYPE, content, 5, 0) for name in names], FORMATS[2])
    with open_layer(io.BytesIO(gzip.compress(tar, 1)), "it") as layer:
        found = {
            entry.path: b"".join(layer.chunks()) for entry in layer if entry.path in ("é", "c")
        }
    assert found == {"é": content, "c": content}


def test_truncated_content_is_an_error() -> None:
    tar = write_tar([("a", tarfile.REGTYPE, b"x" * 700, 5, 0)], FORMATS[0])
    layer = LayerReader(io.BytesIO(tar[:700]), "it")
    with pytest.raises(ImageInvalid, match="unexpected end of data"):
        [[*layer.chunks()] for _ in layer]
