"""Checks on the static layer of an image, and images that cannot be read."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from buildstatic.errors import ImageInvalid, StaticLayerNotFound
from buildstatic.oci import documents as oci
from buildstatic.oci.earlier_releases import read_release
from buildstatic.oci.layer_compressor import Compression
from buildstatic.workflows.verify import VerifyOptions, verify
from tests.oci.images import Base, layer_image, tool
from tests.verify.built import (
    TREE,
    Entry,
    appended,
    collected,
    entry,
    failed_checks,
    folder,
    plain,
    tar,
    tarred,
    verify_one,
)

BASE = tar(folder("usr/"), entry("usr/code.py", b"pass"), folder("app/"))
CODE = tar(folder("app/"), entry("app/manage.py", b"pass"))


@pytest.fixture(scope="module")
def static(site: Path) -> bytes:
    return tarred(site)


@pytest.mark.parametrize("layers", ["base", "base static", "static code", "base static code"])
def test_static_layer_is_found_at_any_position(tmp_path: Path, static: bytes, layers: str) -> None:
    known = {"base": BASE, "static": static, "code": CODE}
    chosen = [known[each] for each in f"{layers} static".split()[: len(layers.split())]]
    if static not in chosen:
        chosen.append(static)
    result = verify_one(plain(tmp_path, *chosen))
    assert result.findings == ()
    assert result.path == f"/{TREE}"


def test_marked_layer_takes_precedence_over_another_manifest(tmp_path: Path, static: bytes) -> None:
    other = tar(entry("usr/lib/site/staticfiles.json", b"{}"))
    result = verify_one(appended(tmp_path, static, BASE, other))
    assert (result.findings, result.path) == ((), f"/{TREE}")


@pytest.mark.parametrize(
    ("later", "what"),
    [
        (entry(f"{TREE}/css/site.css", b"other"), "hides it"),
        (entry(f"{TREE}/css/.wh.site.css"), "hides it"),
        (entry(f"{TREE}/.wh..wh..opq"), "hides it"),
        (entry("app/.wh.staticfiles"), "hides it"),
        (entry("app", "elsewhere"), "hides it"),
        (entry(f"{TREE}/new.css", b"new"), "adds it"),
    ],
    ids=["a file", "a whiteout", "opaque", "a whiteout above", "a link above", "a new file"],
)
def test_later_layer_that_changes_the_tree_fails(
    tmp_path: Path, static: bytes, later: Entry, what: str
) -> None:
    result = verify_one(plain(tmp_path, BASE, static, tar(later), CODE))
    assert failed_checks(result) == {"not hidden"}
    assert all(what in each.what for each in result.findings)


def test_static_files_in_an_earlier_layer_fail(tmp_path: Path, static: bytes) -> None:
    older = tar(folder(f"{TREE}/"), entry(f"{TREE}/old.css", b"a"), entry(f"{TREE}/css/site.css"))
    (found,) = verify_one(appended(tmp_path, static, BASE, older)).findings
    assert found.check == "one layer"
    assert found.what == "it also has 2 files in /app/staticfiles, 1 of them visible"


def test_two_marked_layers_fail(tmp_path: Path, static: bytes) -> None:
    base = Base(tmp_path / "oci")
    second = tar(folder("app/"), folder(f"{TREE}/"), entry(f"{TREE}/b.css", b"b"))
    config = base.config(second, static)
    for each in config["history"][1:]:
        each["comment"] = "io.buildstatic.layer=static"
    base.write(config, second, static, tag="twice")
    found = verify_one(f"oci:{tmp_path / 'oci'}:twice").findings
    assert {each.check for each in found} == {"one layer"}
    assert "2 layers are marked" in found[0].what


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the static layer of a later release."""
    return tarred(
        collected(tmp_path_factory.mktemp("newer"), {"css/site.css": "body { top: 0 }\n"})
    )


@pytest.fixture
def keeping(tmp_path: Path, static: bytes, newer: bytes) -> str:
    """Return an image that keeps the static layer of an earlier release."""
    old = appended(tmp_path, static, BASE, tag="old")
    return appended(tmp_path, newer, BASE, keep=old)


def test_layer_of_an_earlier_release_is_reported(keeping: str, static: bytes) -> None:
    result = verify_one(keeping)
    assert result.findings == ()
    (earlier,) = result.earlier
    assert earlier.diff_id == oci.digest_of(static)
    hashed = json.loads(member(static, f"{TREE}/staticfiles.json"))["paths"].values()
    variants = [f"{name}.{suffix}" for name in hashed for suffix in ("gz", "br", "zst")]
    with tarfile.open(fileobj=io.BytesIO(static)) as archive:
        names = {name.removeprefix(f"{TREE}/") for name in archive.getnames()}
    assert earlier.files == len(names & {*hashed, *variants})


def member(layer: bytes, name: str) -> bytes:
    """Return the content of the file *name* of a tar."""
    with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
        content = archive.extractfile(name)
        assert content
        return content.read()


@pytest.mark.parametrize(
    ("hides", "more", "what"),
    [
        (False, (), "other files of it are visible, such as /app/staticfiles/"),
        (True, (entry("usr/.wh.code.py"),), "it changes /usr/code.py"),
        (True, (entry(f"{TREE}/a.css"),), f"it changes /{TREE}/a.css"),
        (True, (entry(f"{TREE}/.wh..wh..opq"),), f"it changes /{TREE}; it may only delete files"),
    ],
    ids=["visible files", "a whiteout elsewhere", "a file", "opaque"],
)
def test_whiteouts_that_do_not_fit_the_earlier_release_fail(
    tmp_path: Path, static: bytes, newer: bytes, hides: bool, more: tuple[Entry, ...], what: str
) -> None:
    others = map(PurePosixPath, read_release(io.BytesIO(static), "").others if hides else ())
    whiteouts = (entry(str(path.with_name(f".wh.{path.name}"))) for path in others)
    base, layers = Base(tmp_path / "oci"), (BASE, static, tar(*whiteouts, *more), newer)
    config = base.config(*layers)
    for step, mark in zip(config["history"][2:], ("earlier", "whiteouts", "static"), strict=True):
        step["comment"] = f"io.buildstatic.layer={mark}"
    base.write(config, *layers, tag="made")
    (found,) = verify_one(f"oci:{tmp_path / 'oci'}:made").findings
    assert found.check == "earlier releases"
    assert what in found.what


def test_parents_are_compared_with_the_base_below_earlier_releases(
    tmp_path: Path, static: bytes, newer: bytes
) -> None:
    owned = tar(entry("app/", mode=0o755, uid=10001))
    old = appended(tmp_path, static, BASE, tag="old")
    result = verify_one(appended(tmp_path, newer, owned, keep=old))
    assert failed_checks(result) == {"parents"}


@pytest.mark.parametrize(
    ("parent", "what"),
    [
        (entry("app", "srv/app"), "in the base image it is a symbolic link to srv/app"),
        (entry("app/", mode=0o755, uid=10001), "its owner was 10001:10001 and is 0:0"),
        (entry("app/", mode=0o1777), "its mode was 1777 and is 0755"),
    ],
    ids=["a link", "an owner", "a mode"],
)
def test_changed_parent_directory_fails(
    tmp_path: Path, static: bytes, parent: Entry, what: str
) -> None:
    result = verify_one(appended(tmp_path, static, tar(parent)))
    assert failed_checks(result) == {"parents"}
    (found,) = result.findings
    assert found.where == "/app"
    assert found.what.startswith(what)


@pytest.mark.parametrize(
    "between",
    [entry(".wh.app"), entry(".wh..wh..opq"), folder("app/")],
    ids=["a whiteout", "opaque", "a directory"],
)
def test_parent_is_compared_with_the_topmost_layer(
    tmp_path: Path, static: bytes, between: Entry
) -> None:
    below = tar(entry("app", "srv/app"))
    assert verify_one(appended(tmp_path, static, below, tar(between))).findings == ()


def test_key_in_history_fails(tmp_path: Path, static: bytes) -> None:
    def add(config: dict[str, Any]) -> None:
        config["history"].append({"created_by": "ENV SECRET_KEY=0x9fJ2kQ8s", "empty_layer": True})

    (finding,) = verify_one(configured(tmp_path, static, add)).findings
    assert finding.check == "secrets"
    assert "0x9fJ2kQ8s" not in str(finding)


def test_key_in_environment_fails(tmp_path: Path, static: bytes) -> None:
    def add(config: dict[str, Any]) -> None:
        config["config"]["Env"] += ["SECRET_KEY=0x9fJ2kQ8s", "DEBUG=0"]

    (found,) = verify_one(configured(tmp_path, static, add)).findings
    assert (found.check, found.what) == ("secrets", "contains the value of SECRET_KEY")


def configured(directory: Path, static: bytes, change: Callable[[dict[str, Any]], None]) -> str:
    """Write an image whose configuration was changed by *change*; return its name."""
    base = Base(directory / "oci")
    config = base.config(BASE, static)
    change(config)
    base.write(config, BASE, static, tag="configured")
    return f"oci:{directory / 'oci'}:configured"


def test_every_platform_of_an_index_is_verified(tmp_path: Path, static: bytes) -> None:
    base = Base(tmp_path / "oci")
    wrong = tar(entry("app", "srv/app"))
    images = [
        base.image(below, static, platform=platform)
        for below, platform in ((BASE, "amd64"), (wrong, "arm64"))
    ]
    base.index(*(each.descriptor for each in images), tag="both")
    first, second = verify(f"oci:{tmp_path / 'oci'}:both", VerifyOptions())
    assert (first.platform, first.passed) == ("linux/amd64", True)
    assert (second.platform, failed_checks(second)) == ("linux/arm64", {"parents"})


def test_unknown_layer_type_of_a_platform_is_an_error_but_artifacts_are_skipped(
    tmp_path: Path, static: bytes
) -> None:
    base = Base(tmp_path / "oci")
    good, other = (base.image(BASE, static, platform=each) for each in ("amd64", "arm64"))
    value = oci.parse_json(other.content, "")
    value["layers"][0]["mediaType"] = "application/vnd.example.layer"
    unknown = base.keep(oci.make_document(oci.MANIFEST, value), None)
    name = f"oci:{tmp_path / 'oci'}:both"
    base.index(good.descriptor, unknown.descriptor, tag="both")
    with pytest.raises(ImageInvalid, match=r"vnd\.example\.layer"):
        verify(name, VerifyOptions())
    signature = replace(unknown.descriptor, extra={"artifactType": "application/vnd.example"})
    chart = base.blob(b"{}", "application/vnd.cncf.helm.config.v1+json")
    helm = base.keep(oci.Manifest(oci.MANIFEST, chart, ()).to_document(), None).descriptor
    blob = replace(unknown.descriptor, media_type="application/spdx+json")
    base.index(good.descriptor, signature, helm, blob, tag="both")
    assert verify_one(name).passed


@pytest.mark.parametrize("layers", [(BASE, "static"), ("static", BASE)], ids=["below", "above"])
def test_foreign_layer_is_skipped(
    tmp_path: Path, static: bytes, layers: tuple[bytes | str, ...]
) -> None:
    base = Base(tmp_path / "oci")
    tars = [static if isinstance(each, str) else each for each in layers]
    value = oci.parse_json(base.image(*tars).content, "")
    far = value["layers"][layers.index(BASE)]
    far["mediaType"] = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
    (tmp_path / "oci" / oci.blob_path(far["digest"])).unlink()
    base.keep(oci.make_document(oci.MANIFEST, value), "foreign")
    assert verify_one(f"oci:{tmp_path / 'oci'}:foreign").passed


def test_image_without_static_files_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StaticLayerNotFound, match="--static-root"):
        verify_one(plain(tmp_path, BASE, CODE))


def test_static_root_locates_unmarked_files_without_manifest(tmp_path: Path) -> None:
    layer = tar(folder("app/"), folder("app/public/"), entry("app/public/a.css", b"a"))
    name = plain(tmp_path, BASE, layer)
    with pytest.raises(StaticLayerNotFound):
        verify_one(name)
    assert verify_one(name, static_root="public").path == "/app/public"
    assert verify_one(name, static_root="/app/public").files == 1


@pytest.mark.parametrize(
    "bad",
    [
        entry("../../etc/passwd", b"x"),
        entry("/etc/passwd", b"x"),
        entry(f"{TREE}/../../../etc/passwd", b"x"),
        entry(f"{TREE}/link", "/etc/passwd"),
        entry(f"{TREE}/link", "../../../etc/passwd"),
        entry(f"{TREE}/.wh.something"),
    ],
    ids=lambda each: f"{each[0].name} {each[0].linkname}",
)
def test_entries_outside_of_the_layer_fail_and_are_not_written(tmp_path: Path, bad: Entry) -> None:
    inside = (
        folder("app/"),
        folder(f"{TREE}/"),
        entry(f"{TREE}/staticfiles.json", b'{"paths":{}}'),
    )
    name = plain(tmp_path, BASE, tar(*inside, bad))
    before = sorted(tmp_path.rglob("*"))
    result = verify_one(name)
    assert [each.check for each in result.findings if each.check == "entries"] == ["entries"]
    assert sorted(tmp_path.rglob("*")) == before


def test_hard_link_out_of_the_layer_fails(tmp_path: Path) -> None:
    member, _ = entry(f"{TREE}/shadow")
    member.type, member.linkname = b"1", "/etc/shadow"
    layer = tar(folder("app/"), folder(f"{TREE}/"), entry(f"{TREE}/a.css", b"a"), (member, b""))
    found = verify_one(plain(tmp_path, BASE, layer), static_root="staticfiles").findings
    assert [each.what for each in found if each.check == "entries"] == [
        "it is a hard link to etc/shadow, which is not in the layer"
    ]


def truncated(static: bytes) -> bytes:
    return static[: len(static) // 2 + 100]


def damaged(static: bytes) -> bytes:
    """Return a layer with an invalid header in its middle."""
    place = static.index(b"staticfiles/css/site.css", 1024) // 512 * 512
    return static[:place] + b"\xff" * 512 + static[place + 512 :]


def enormous(static: bytes) -> bytes:
    """Return a layer whose first header claims a size of 60 GB."""
    member, _ = entry("app/large", b"")
    member.size = 60 << 30
    return member.tobuf() + static


def enormous_header(static: bytes) -> bytes:
    """Return a layer with a PAX header that claims a size of 6 GB."""
    member, _ = entry("app/PaxHeaders/x", b"")
    member.type, member.size = b"x", 6 << 30
    return member.tobuf() + static


@pytest.mark.limited
@pytest.mark.parametrize(
    "change", [truncated, damaged, enormous, enormous_header, lambda _: b"no tar"]
)
def test_invalid_or_incomplete_tar_is_an_error(
    tmp_path: Path, static: bytes, change: Callable[[bytes], bytes]
) -> None:
    with pytest.raises(ImageInvalid, match="Cannot read the layer"):
        verify_one(plain(tmp_path, change(static)))


def test_wrong_diff_id_is_an_error(tmp_path: Path, static: bytes) -> None:
    base = Base(tmp_path / "oci")
    config = base.config(static)
    config["rootfs"]["diff_ids"] = ["sha256:" + "0" * 64]
    base.write(config, static, tag="wrong")
    with pytest.raises(ImageInvalid, match="has the diffID"):
        verify_one(f"oci:{tmp_path / 'oci'}:wrong")


@pytest.mark.parametrize("how", ["none", "gzip", "zstd"])
def test_every_compression_and_archive_is_verified(
    tmp_path: Path, site: Path, how: Compression
) -> None:
    name, archive = layer_image(tmp_path, site, how, BASE), tmp_path / "saved.tar"
    tool("skopeo", "copy", "--quiet", name, f"oci-archive:{archive}")
    for each in (name, f"docker-archive:{archive}"):
        result = verify_one(each)
        assert result.findings == ()
        assert {check.check: check.count for check in result.checks}["variants"] > 5


def test_wrong_digest_of_an_uncompressed_blob_is_an_error(tmp_path: Path, site: Path) -> None:
    name = layer_image(tmp_path, site, "none", BASE)
    blob = max((tmp_path / "oci/blobs/sha256").iterdir(), key=lambda each: each.stat().st_size)
    content = bytearray(blob.read_bytes())
    content[content.index(b".rule-7")] ^= 1
    blob.write_bytes(content)
    with pytest.raises(ImageInvalid, match="has the digest"):
        verify_one(name)


def test_wrong_digest_of_a_blob_is_an_error(tmp_path: Path, static: bytes) -> None:
    name = plain(tmp_path, BASE, static)
    blob = max((tmp_path / "oci/blobs/sha256").iterdir(), key=lambda each: each.stat().st_size)
    blob.write_bytes(gzip.compress(static + bytes(1024), mtime=0))
    with pytest.raises(ImageInvalid, match="blob"):
        verify_one(name)
