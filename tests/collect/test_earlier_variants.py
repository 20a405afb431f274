"""The archive of an earlier tree's variants, which anybody may have written."""

from __future__ import annotations

import hashlib
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import pytest

from buildstatic.collect.codecs import load_codec
from buildstatic.collect.earlier_variants import ARCHIVE, EarlierVariants, member_name

pytestmark = pytest.mark.limited
CONTENT = b"body { margin: 0 }\n" * 20
IDENTITY = hashlib.sha256(CONTENT).hexdigest()
CODEC = load_codec("gz", "best")
assert CODEC is not None
VARIANT = CODEC.compress(CONTENT)


def write(directory: Path, data: bytes, method: int = ZIP_STORED) -> Path:
    with ZipFile(directory / ARCHIVE, "w", method) as archive:
        archive.writestr(member_name(IDENTITY, "gz"), data)
    return directory / ARCHIVE


def find(directory: Path) -> bytes | None:
    assert CODEC is not None
    return EarlierVariants(directory).find(IDENTITY, CODEC, CONTENT, ("site.css",))


def test_variant_is_found_by_the_digest_of_its_original(tmp_path: Path) -> None:
    write(tmp_path, VARIANT)
    assert find(tmp_path) == VARIANT


def test_names_do_not_matter_beside_an_archive(tmp_path: Path) -> None:
    with ZipFile(tmp_path / ARCHIVE, "w"):
        (tmp_path / "site.css.gz").write_bytes(VARIANT)
    assert find(tmp_path) is None


def test_damaged_archive_has_no_wrong_variant(tmp_path: Path) -> None:
    path = write(tmp_path, VARIANT)
    whole = path.read_bytes()
    for place in range(len(whole)):
        for flip in (0x01, 0xFF):
            damaged = bytearray(whole)
            damaged[place] ^= flip
            path.write_bytes(damaged)
            assert find(tmp_path) in (None, VARIANT)
        path.write_bytes(whole[:place])
        assert find(tmp_path) is None


@pytest.mark.parametrize("data", [VARIANT, bytes(100_000_000)], ids=["variant", "bomb"])
def test_compressed_member_is_not_used(tmp_path: Path, data: bytes) -> None:
    write(tmp_path, data, ZIP_DEFLATED)
    assert find(tmp_path) is None
