"""What is taken from an earlier image: its variants, from its static layer, and nothing else."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from buildstatic.errors import ImageInvalid, ImageNotFound, StaticLayerNotFound
from buildstatic.oci.layer_compression import Compression
from buildstatic.oci.reference import parse_reference
from buildstatic.oci.reuse import extract_variants
from tests.collect.sites import contents
from tests.oci.images import Base, base, put, static
from tests.oci.scratch import tar

TREE = "/app/staticfiles"


def take(name: str, into: Path) -> dict[str, bytes]:
    into.mkdir()
    count = extract_variants(parse_reference(name), TREE, into)
    found = contents(into)
    assert len(found) == count
    return found


@pytest.mark.parametrize("how", ["gzip", "zstd", "none"])
def test_the_variants_of_the_marked_layer_are_taken_and_no_other_file(
    tmp_path: Path, how: Compression
) -> None:
    files = {
        "a.css": "a",
        "a.css.br": "A",
        "css/b.js.gz": "B",
        "css/b.0123.js.gz": "B",
        "c.zst": "C",
    }
    put(base(tmp_path / "oci"), f"oci:{tmp_path / 'oci'}:new", static(tmp_path, files, how))
    taken = take(f"oci:{tmp_path / 'oci'}:new", tmp_path / "out")
    assert taken == {k: v.encode() for k, v in files.items() if k != "a.css"}


def test_without_a_mark_it_is_the_last_layer_that_has_any(tmp_path: Path) -> None:
    layers = (
        tar({"app/staticfiles/a.css.gz": b"older"}),
        tar({"app/staticfiles/a.css.gz": b"newer", "app/other/b.css.gz": b"elsewhere"}),
        tar({"app/code.py": b"pass", "data.gz": b"data"}),
    )
    Base(tmp_path / "oci").image(*layers, tag="1")
    assert take(f"oci:{tmp_path / 'oci'}:1", tmp_path / "out") == {"a.css.gz": b"newer"}


def test_of_an_index_it_is_an_image_s_layer(tmp_path: Path) -> None:
    images = Base(tmp_path / "oci")
    layer = tar({"app/staticfiles/a.css.gz": b"a"})
    each = [images.image(layer, platform=name).descriptor for name in ("amd64", "arm64")]
    images.index(images.index(*each, tag="1").descriptor, tag="nested")
    for tag in ("1", "nested"):
        assert take(f"oci:{tmp_path / 'oci'}:{tag}", tmp_path / tag) == {"a.css.gz": b"a"}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("../out.gz", id="up"),
        pytest.param("app/staticfiles/../../../out.gz", id="up-from-the-tree"),
        pytest.param("/app/staticfiles/../../out.gz", id="absolute"),
        pytest.param("app/../x.css", id="not-a-variant"),
    ],
)
def test_an_entry_that_climbs_out_is_refused_and_nothing_is_written(
    tmp_path: Path, name: str
) -> None:
    Base(tmp_path / "oci").image(tar({name: b"evil"}), tag="1")
    with pytest.raises(ImageInvalid, match="outside of it"):
        take(f"oci:{tmp_path / 'oci'}:1", tmp_path / "out")
    assert contents(tmp_path / "out") == {}
    assert not list(tmp_path.rglob("out.gz"))


def links(*members: tuple[str, bytes, str]) -> bytes:
    """Return a tar of members that are links: a name, a type and a target each."""
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


def test_no_link_leads_what_is_written_out_or_brings_anything_in(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "secret").write_text("secret")
    layer = links(
        ("app/staticfiles/sub", tarfile.SYMTYPE, str(tmp_path / "outside")),
        ("app/staticfiles/s.gz", tarfile.SYMTYPE, str(tmp_path / "secret")),
        ("app/staticfiles/h.gz", tarfile.LNKTYPE, str(tmp_path / "secret")),
        ("app/staticfiles/p.gz", tarfile.FIFOTYPE, ""),
    )
    Base(tmp_path / "oci").image(layer, tag="1")
    taken = take(f"oci:{tmp_path / 'oci'}:1", tmp_path / "out")
    assert taken == {"sub/a.css.gz": b"a"}
    assert not any((tmp_path / "outside").iterdir())


def test_what_is_no_layer_or_has_no_variant_is_an_error_of_its_own(tmp_path: Path) -> None:
    images = Base(tmp_path / "oci")
    images.image(tar({"app/staticfiles/a.css": b"a"}), tag="none")
    images.image(b"no tar at all" * 100, tag="broken")
    for tag, error in (
        ("none", StaticLayerNotFound),
        ("broken", ImageInvalid),
        ("missing", ImageNotFound),
    ):
        with pytest.raises(error):
            take(f"oci:{tmp_path / 'oci'}:{tag}", tmp_path / tag)


def test_a_file_where_a_directory_must_be_is_an_error(tmp_path: Path) -> None:
    layer = tar({"app/staticfiles/a.gz": b"a", "app/staticfiles/a.gz/b.gz": b"b"})
    Base(tmp_path / "oci").image(layer, tag="1")
    with pytest.raises(ImageInvalid, match="Cannot read the layer"):
        take(f"oci:{tmp_path / 'oci'}:1", tmp_path / "out")
