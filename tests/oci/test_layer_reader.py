"""A layer's members, as tarfile reads them, whatever wrote the layer."""

from __future__ import annotations

import gzip
import io
import tarfile
import tempfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildstatic.errors import ImageInvalid
from buildstatic.oci.layer_reader import LayerEntry, normalized_path, read_layer, read_plain_layer
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


def written(entries: list[tuple[str, bytes, bytes, float, int]], form: int) -> bytes:
    """Return a tar of *entries*; what the format has no room for is left out."""
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


def told(members: tuple[LayerEntry, ...]) -> list[tuple[object, ...]]:
    return [
        (m.path, m.kind, m.size, m.name, m.mode, m.uid, m.gid, m.mtime, m.offset) for m in members
    ]


def in_part(content: bytes) -> tuple[LayerEntry, ...]:
    """Read *content* where it is a part of a file, with other bytes around it."""
    with tempfile.TemporaryFile() as file:
        file.write(b"before" + content + b"after")
        file.flush()
        return read_plain_layer(FileSlice(file.fileno(), 6, len(content)), "it")


@given(ENTRIES, st.sampled_from(FORMATS))
def test_members_are_those_of_tarfile(
    entries: list[tuple[str, bytes, bytes, float, int]], form: int
) -> None:
    content = written(entries, form)
    members = read_layer(io.BytesIO(content), "it")
    assert told(members) == by_tarfile(content)
    assert in_part(content) == members
    assert read_layer(io.BytesIO(gzip.compress(content)), "it") == members


@pytest.mark.parametrize("form", FORMATS, ids=["ustar", "gnu", "pax"])
def test_a_layer_that_breaks_off_anywhere_is_corrupt(form: int) -> None:
    letter = "e" if form == tarfile.USTAR_FORMAT else "é"
    names = [f"{'d/' * 60}{letter}{number}" for number in range(3)]
    content = written([(name, tarfile.REGTYPE, b"x" * 700, 5, 0) for name in names], form)
    last = read_layer(io.BytesIO(content), "it")[-1]
    # Between two blocks tarfile takes the end for that of the archive.
    for cut in (each for each in range(100, last.offset + 700, 97) if each % 512):
        for read in (lambda part: read_layer(io.BytesIO(part), "it"), in_part):
            with pytest.raises(ImageInvalid, match="Cannot read the layer it"):
                read(content[:cut])


def test_an_old_header_is_a_file_or_by_its_slash_a_directory() -> None:
    content = written([("a", tarfile.AREGTYPE, b"", 0, 0), ("b/", tarfile.AREGTYPE, b"", 0, 0)], 1)
    assert [each.kind for each in read_layer(io.BytesIO(content), "it")] == ["file", "dir"]


def test_a_global_header_is_for_all_that_follows() -> None:
    buffer = io.BytesIO()
    form, common = tarfile.PAX_FORMAT, {"uid": "77", "mtime": "12.5"}
    with tarfile.open(fileobj=buffer, mode="w", format=form, pax_headers=common) as archive:
        for name in ("a", "b", "c"):
            archive.addfile(tarfile.TarInfo(name))
    members = read_layer(io.BytesIO(buffer.getvalue()), "it")
    assert [(m.path, m.uid, m.mtime) for m in members] == [(n, 77, 12.5) for n in "abc"]


def test_a_member_of_a_wrong_checksum_is_no_member() -> None:
    content = bytearray(written([(n, tarfile.REGTYPE, b"x", 0, 0) for n in "abc"], FORMATS[0]))
    content[2 * 1024] ^= 1
    for read in (lambda part: read_layer(io.BytesIO(part), "it"), in_part):
        with pytest.raises(ImageInvalid, match="no header at byte 2048"):
            read(bytes(content))
