"""Extracting the variants of an earlier image, and nothing else."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path
from zipfile import ZipFile

import pytest

from buildstatic.errors import ImageInvalid, ImageNotFound, StaticLayerNotFound
from buildstatic.oci.layer_compressor import Compression
from buildstatic.oci.reference import parse_reference
from buildstatic.oci.reuse import extract_variants
from tests.oci.images import CREATED, Base, base, put, static
from tests.oci.scratch import tar

TREE = "/app/staticfiles"


def extract(name: str, archive: Path) -> dict[str, bytes]:
    """Return the variants that are extracted, by the digest of their originals and the suffix."""
    count = extract_variants(parse_reference(name), TREE, archive)
    with ZipFile(archive) as variants:
        found = {item: variants.read(item) for item in variants.namelist()}
    assert len(found) == count
    return found


def variant(original: bytes, suffix: str) -> str:
    return f"{hashlib.sha256(original).hexdigest()}.{suffix}"


@pytest.mark.parametrize("how", ["gzip", "zstd", "none"])
def test_variants_of_the_marked_layer_are_extracted_by_content(
    tmp_path: Path, how: Compression
) -> None:
    files = {
        "a.css": "a",
        "a.css.br": "A",
        "css/b.0123.js": "b",
        "css/b.0123.js.gz": "B",
        "css/b.js": "b",
        "css/b.js.gz": "B",
        "c": "c",
        "c.zst": "C",
        "without.its.original.gz": "D",
    }
    put(base(tmp_path / "oci"), f"oci:{tmp_path / 'oci'}:new", static(tmp_path, files, how))
    assert extract(f"oci:{tmp_path / 'oci'}:new", tmp_path / "out") == {
        variant(b"a", "br"): b"A",
        variant(b"b", "gz"): b"B",
        variant(b"c", "zst"): b"C",
    }


def test_without_marked_layer_the_last_one_with_variants_is_used(tmp_path: Path) -> None:
    layers = (
        tar({"app/staticfiles/a.css": b"a", "app/staticfiles/a.css.gz": b"older"}),
        tar(
            {
                "app/other/b.css": b"b",
                "app/other/b.css.gz": b"elsewhere",
                "app/staticfiles/a.css": b"a",
                "app/staticfiles/a.css.gz": b"newer",
            }
        ),
        tar({"app/code.py": b"pass", "data": b"data", "data.gz": b"data"}),
    )
    Base(tmp_path / "oci").image(*layers, tag="1")
    assert extract(f"oci:{tmp_path / 'oci'}:1", tmp_path / "out") == {variant(b"a", "gz"): b"newer"}


def test_layer_of_the_code_above_is_not_read(tmp_path: Path) -> None:
    layers = (tar({"app/staticfiles/a.css": b"a", "app/staticfiles/a.css.gz": b"A"}), b"no tar")
    images = Base(tmp_path / "oci")
    config = images.config(*layers)
    steps = ("COPY /layer/ / # buildkit", "COPY . . # buildkit")
    history = [{"created": CREATED, "created_by": step} for step in steps]
    images.write({**config, "history": history}, *layers, tag="1")
    assert extract(f"oci:{tmp_path / 'oci'}:1", tmp_path / "out") == {variant(b"a", "gz"): b"A"}


def test_first_image_of_an_index_is_used(tmp_path: Path) -> None:
    images = Base(tmp_path / "oci")
    layer = tar({"app/staticfiles/a.css": b"a", "app/staticfiles/a.css.gz": b"A"})
    each = [images.image(layer, platform=name).descriptor for name in ("amd64", "arm64")]
    images.index(images.index(*each, tag="1").descriptor, tag="nested")
    for tag in ("1", "nested"):
        found = extract(f"oci:{tmp_path / 'oci'}:{tag}", tmp_path / tag)
        assert found == {variant(b"a", "gz"): b"A"}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("../out.gz", id="up"),
        pytest.param("app/staticfiles/../../../out.gz", id="up-from-the-tree"),
        pytest.param("/app/staticfiles/../../out.gz", id="absolute"),
        pytest.param("app/../x.css", id="not-a-variant"),
    ],
)
def test_entry_outside_of_the_layer_is_an_error_and_not_written(tmp_path: Path, name: str) -> None:
    Base(tmp_path / "oci").image(tar({name: b"evil"}), tag="1")
    with pytest.raises(ImageInvalid, match="outside of it"):
        extract(f"oci:{tmp_path / 'oci'}:1", tmp_path / "out")
    assert {path.name for path in tmp_path.iterdir()} == {"oci", "out"}
    assert not ZipFile(tmp_path / "out").namelist()


def links(*members: tuple[str, bytes, str]) -> bytes:
    """Return a tar of links, each with a name, a type and a target, and one file with a variant."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, kind, target in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, target
            archive.addfile(member)
        for name in ("app/staticfiles/sub/a.css", "app/staticfiles/sub/a.css.gz"):
            member = tarfile.TarInfo(name)
            member.size = 1
            archive.addfile(member, io.BytesIO(b"a"))
    return buffer.getvalue()


def test_links_are_neither_followed_nor_extracted(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "secret").write_text("secret")
    layer = links(
        ("app/staticfiles/sub", tarfile.SYMTYPE, str(tmp_path / "outside")),
        *(
            (f"app/staticfiles/{name}{suffix}", kind, target)
            for name, kind, target in (
                ("s", tarfile.SYMTYPE, str(tmp_path / "secret")),
                ("h", tarfile.LNKTYPE, str(tmp_path / "secret")),
                ("p", tarfile.FIFOTYPE, ""),
            )
            for suffix in ("", ".gz")
        ),
    )
    Base(tmp_path / "oci").image(layer, tag="1")
    extracted = extract(f"oci:{tmp_path / 'oci'}:1", tmp_path / "out")
    assert extracted == {variant(b"a", "gz"): b"a"}
    assert not any((tmp_path / "outside").iterdir())


def test_missing_variants_and_bad_layers_have_their_own_errors(tmp_path: Path) -> None:
    images = Base(tmp_path / "oci")
    images.image(tar({"app/staticfiles/a.css": b"a"}), tag="none")
    images.image(b"no tar at all" * 100, tag="broken")
    for tag, error in (
        ("none", StaticLayerNotFound),
        ("broken", ImageInvalid),
        ("missing", ImageNotFound),
    ):
        with pytest.raises(error):
            extract(f"oci:{tmp_path / 'oci'}:{tag}", tmp_path / tag)
