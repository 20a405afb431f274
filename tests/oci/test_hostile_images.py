"""Images that are made to do damage: every reader of them ends with an error that names it."""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from buildstatic.errors import BuildstaticError
from buildstatic.oci import documents, layer_reader
from buildstatic.oci.earlier_releases import open_earlier
from buildstatic.oci.reference import parse_reference
from buildstatic.oci.reuse import extract_variants
from buildstatic.workflows.verify import verify
from tests.limits import run_limited
from tests.oci.images import Base, dump, put, static
from tests.oci.scratch import digest, tar

pytestmark = pytest.mark.limited
FILES = {
    "app/staticfiles/a.css": b"a",
    "app/staticfiles/a.css.gz": b"a",
    "app/staticfiles/staticfiles.json": b'{"paths": {}, "version": "1.1", "hash": ""}',
}


def read_with_all(name: str, directory: Path) -> list[str]:
    """Return the errors of verify, layer --base, build --reuse and --keep for the image *name*."""
    directory.mkdir(exist_ok=True)
    layer = static(directory)
    reference = parse_reference(name)

    def keep() -> None:
        with open_earlier(reference, None, 1):
            pass

    readers: tuple[Callable[[], object], ...] = (
        lambda: verify(name),
        lambda: put(name, f"oci:{directory / 'new'}:new", layer),
        lambda: extract_variants(reference, "/app/staticfiles", directory / "variants"),
        keep,
    )
    problems = []
    for read in readers:
        try:
            read()
        except BuildstaticError as error:
            problems.append(error.problem)
    shutil.rmtree(directory)
    return problems


def name_of(images: Base) -> str:
    return f"oci:{images.directory}:1"


def header(name: str, size: int, kind: bytes = tarfile.REGTYPE, **more: Any) -> bytes:
    """Return a tar header that claims *size* bytes."""
    member = tarfile.TarInfo(name)
    member.size, member.type = size, kind
    for key, value in more.items():
        setattr(member, key, value)
    return member.tobuf(tarfile.GNU_FORMAT)


def sparse() -> bytes:
    """Return a sparse member of a terabyte (www.gnu.org/software/tar/manual, "Sparse Formats")."""
    block = bytearray(header("app/staticfiles/a.css.gz", 0, b"S"))
    block[386:398] = b"00000000000\0"
    block[398:410] = b"00000000000\0"
    block[483:495] = b"77777777777\0"
    block[148:156] = b"        "
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


END = bytes(1024)
LAYERS = {
    "a negative size": header("app/staticfiles/a.css.gz", -512) + END,
    "a huge size": header("app/staticfiles/a.css.gz", 1 << 60) + END,
    "a huge PAX header": header("x", 1 << 40, b"x") + END,
    "a huge GNU name": header("././@LongLink", 1 << 40, b"L") + END,
    "a negative PAX header": header("x", -512, b"x") + END,
    "a sparse member": sparse() + END,
    "no tar": b"x" * 10_000,
    "nothing": b"",
}


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_layer_is_not_expanded(tmp_path: Path, layer: bytes) -> None:
    images = Base(tmp_path / "oci")
    images.image(layer, tag="1")
    run_limited(lambda: read_with_all(name_of(images), tmp_path / "read"))


def bomb(size: int) -> bytes:
    """Return a gzipped tar of a variant of *size* zeros."""
    file = io.BytesIO()
    with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=1, mtime=0) as output:
        output.write(header("app/staticfiles/a.css.gz", size))
        for _ in range(size >> 20):
            output.write(bytes(1 << 20))
        output.write(END)
    return file.getvalue()


def test_layer_may_not_grow_beyond_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layer_reader, "MAX_LAYER_SIZE", 16 << 20)
    images, compressed = Base(tmp_path / "oci"), bomb(64 << 20)
    config = images.config(b"")
    config["rootfs"]["diff_ids"] = [digest(b"x")]
    layers = (images.blob(compressed, f"{documents.LAYER}+gzip"),)
    described = images.blob(dump(config), documents.CONFIG)
    images.keep(documents.Manifest(documents.MANIFEST, described, layers).to_document(), "1")
    problems = read_with_all(name_of(images), tmp_path / "read")
    assert sum("larger than" in problem for problem in problems) >= 2


def test_entries_of_a_layer_are_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layer_reader, "MAX_LAYER_ENTRIES", 100)
    images = Base(tmp_path / "oci")
    images.image(tar({f"app/staticfiles/{n}.css": b"" for n in range(200)}), tag="1")
    problems = read_with_all(name_of(images), tmp_path / "read")
    assert sum("more than 100 entries" in problem for problem in problems) >= 2


def test_layer_that_is_listed_thousands_of_times_is_refused(tmp_path: Path) -> None:
    images = Base(tmp_path / "oci")
    document = images.image(tar(FILES))
    value = json.loads(document.content)
    value["layers"] *= 5000
    images.keep(documents.make_document(documents.MANIFEST, value), "1")
    problems = read_with_all(name_of(images), tmp_path / "read")
    assert [problem for problem in problems if "5000 entries" in problem] == problems != []


def test_index_is_read_once_and_not_too_deep(tmp_path: Path) -> None:
    images = Base(tmp_path / "oci")
    entry = images.image(tar(FILES)).descriptor
    for _ in range(3):
        entry = images.index(*[entry] * 900).descriptor
    images.index(entry, tag="1")
    run_limited(lambda: verify(name_of(images)))
    for _ in range(30):
        entry = images.index(entry, entry).descriptor
    images.index(entry, tag="1")
    run_limited(lambda: read_with_all(name_of(images), tmp_path / "read"))
    problems = read_with_all(name_of(images), tmp_path / "read")
    assert len(problems) == 4
    assert all("nested more than" in problem for problem in problems)


@pytest.mark.parametrize("kind", ["fifo", "directory", "link"])
def test_blob_that_is_no_file_is_missing(tmp_path: Path, kind: str) -> None:
    images = Base(tmp_path / "oci")
    images.image(tar(FILES), tag="1")
    for blob in (tmp_path / "oci/blobs/sha256").iterdir():
        blob.unlink()
        if kind == "fifo":
            os.mkfifo(blob)
        elif kind == "directory":
            blob.mkdir()
        else:
            blob.symlink_to("/dev/zero")
    run_limited(lambda: read_with_all(name_of(images), tmp_path / "read"))
    assert len(read_with_all(name_of(images), tmp_path / "read")) == 4


ODD: tuple[Any, ...] = (None, [], {}, -1, "x\0", [{}], [1], True, "../x")


def variants(value: Any) -> Iterator[Any]:
    """Yield *value* with each of its parts replaced by each of ODD, or left out."""
    if isinstance(value, dict | list):
        keys = list(value) if isinstance(value, dict) else range(len(value))
        for key in keys:
            for other in variants(value[key]):
                copy = value.copy()
                copy[key] = other
                yield copy
    yield from ODD


@pytest.mark.slow
@pytest.mark.parametrize("which", ["config", "manifest", "index", "index.json"])
def test_documents_may_have_any_shape(tmp_path: Path, which: str) -> None:
    images = Base(tmp_path / "oci")
    image = images.image(tar(FILES), tag="1")
    manifest = json.loads(image.content)
    index = json.loads(images.index(image.descriptor, tag="2").content)
    config = images.config(tar(FILES))
    file = tmp_path / "oci/index.json"
    original = json.loads(file.read_text())
    values = {"config": config, "manifest": manifest, "index": index, "index.json": original}

    def read() -> None:
        for value in variants(values[which]):
            content = dump(value)
            if which == "index.json":
                file.write_bytes(content)
            elif which == "config":
                described = images.blob(content, documents.CONFIG).to_json()
                changed = {**manifest, "config": described}
                images.keep(documents.make_document(documents.MANIFEST, changed), "1")
            else:
                kind = documents.MANIFEST if which == "manifest" else documents.INDEX
                blob = images.blob(content, kind)
                entry = {
                    **blob.to_json(),
                    "annotations": {"org.opencontainers.image.ref.name": "1"},
                }
                file.write_bytes(dump({**original, "manifests": [entry]}))
            try:
                read_with_all(name_of(images), tmp_path / "read")
            except Exception as error:
                raise AssertionError(repr(value)) from error

    run_limited(read, seconds=60)


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_archive_is_not_expanded(tmp_path: Path, layer: bytes) -> None:
    file = tmp_path / "image.tar"
    file.write_bytes(layer)
    with file.open("ab") as output:
        output.truncate(1 << 36)  # a sparse file: all of it can be read
    run_limited(lambda: read_with_all(f"docker-archive:{file}", tmp_path / "read"), seconds=20)


def test_archive_that_is_a_fifo_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "image.tar")
    run_limited(lambda: read_with_all(f"docker-archive:{tmp_path}/image.tar", tmp_path / "read"))
