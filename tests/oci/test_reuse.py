"""Extracting the variants of an earlier image, and nothing else."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from buildstatic.errors import ImageInvalid, ImageNotFound, StaticLayerNotFound
from buildstatic.oci.layer_writer import Compression
from buildstatic.oci.reference import parse_reference
from buildstatic.oci.reuse import extract_variants
from tests.collect.sites import contents
from tests.oci.images import Base, base, put, static
from tests.oci.scratch import tar

TREE = "/app/staticfiles"


def extract(name: str, into: Path) -> dict[str, bytes]:
    into.mkdir()
    count = extract_variants(parse_reference(name), TREE, into)
    found = contents(into)
    assert len(found) == count
    return found


@pytest.mark.parametrize("how", ["gzip", "zstd", "none"])
def test_only_variants_of_the_marked_layer_are_extracted(tmp_path: Path, how: Compression) -> None:
    files = {
        "a.css": "a",
        "a.css.br": "A",
        "css/b.js.gz": "B",
        "css/b.0123.js.gz": "B",
        "c.zst": "C",
    }
    put(base(tmp_path / "oci"), f"oci:{tmp_path / 'oci'}:new", static(tmp_path, files, how))
    extracted = extract(f"oci:{tmp_path / 'oci'}:new", tmp_path / "out")
    assert extracted == {k: v.encode() for k, v in files.items() if k != "a.css"}


def test_without_marked_layer_the_last_one_with_variants_is_used(tmp_path: Path) -> None:
    layers = (
        tar({"app/staticfiles/a.css.gz": b"older"}),
        tar({"app/staticfiles/a.css.gz": b"newer", "app/other/b.css.gz": b"elsewhere"}),
        tar({"app/code.py": b"pass", "data.gz": b"data"}),
    )
    Base(tmp_path / "oci").image(*layers, tag="1")
    assert extract(f"oci:{tmp_path / 'oci'}:1", tmp_path / "out") == {"a.css.gz": b"newer"}


def test_first_image_of_an_index_is_used(tmp_path: Path) -> None:
    images = Base(tmp_path / "oci")
    layer = tar({"app/staticfiles/a.css.gz": b"a"})
    each = [images.image(layer, platform=name).descriptor for name in ("amd64", "arm64")]
    images.index(images.index(*each, tag="1").descriptor, tag="nested")
    for tag in ("1", "nested"):
        assert extract(f"oci:{tmp_path / 'oci'}:{tag}", tmp_path / tag) == {"a.css.gz": b"a"}


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
    assert contents(tmp_path / "out") == {}
    assert not list(tmp_path.rglob("out.gz"))


def links(*members: tuple[str, bytes, str]) -> bytes:
    """Return a tar of links, each with a name, a type and a target, and one variant."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, kind, target in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, target
            archive.addfile(member)
        member = tarfile.TarInfo("app/staticfiles/sub/a.css.gz")
        member.size = 1
        archive.addfile(member, io.BytesIO(b"a"))
    return buffer.getvalue()


def test_links_are_neither_followed_nor_extracted(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "secret").write_text("secret")
    layer = links(
        ("app/staticfiles/sub", tarfile.SYMTYPE, str(tmp_path / "outside")),
        ("app/staticfiles/s.gz", tarfile.SYMTYPE, str(tmp_path / "secret")),
        ("app/staticfiles/h.gz", tarfile.LNKTYPE, str(tmp_path / "secret")),
        ("app/staticfiles/p.gz", tarfile.FIFOTYPE, ""),
    )
    Base(tmp_path / "oci").image(layer, tag="1")
    extracted = extract(f"oci:{tmp_path / 'oci'}:1", tmp_path / "out")
    assert extracted == {"sub/a.css.gz": b"a"}
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


def test_file_in_place_of_a_directory_is_an_error(tmp_path: Path) -> None:
    layer = tar({"app/staticfiles/a.gz": b"a", "app/staticfiles/a.gz/b.gz": b"b"})
    Base(tmp_path / "oci").image(layer, tag="1")
    with pytest.raises(ImageInvalid, match="Cannot read the layer"):
        extract(f"oci:{tmp_path / 'oci'}:1", tmp_path / "out")
