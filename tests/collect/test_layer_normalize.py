"""Normalizing a layer root: equal content gives equal trees, including times and links."""

from __future__ import annotations

import errno
import os
from hashlib import sha256
from pathlib import Path

import pytest

from buildstatic.collect.layer_root import LayerRoot as Layer
from buildstatic.collect.layer_root import normalize
from buildstatic.collect.publish import EPOCH, content_time
from buildstatic.errors import CollectFailed
from tests.collect.sites import tar_digest

FILES = {"css/site.css": b"a", "css/site.1234.css": b"a", "img/dot.svg": b"b", "empty.txt": b""}


def make_layer(root: Path, files: dict[str, bytes] = FILES) -> Layer:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return Layer(root, root / "staticfiles.json")


def test_equal_trees_become_equal_layers(tmp_path: Path) -> None:
    one = make_layer(tmp_path / "one/layer")
    other = make_layer(tmp_path / "other/layer", dict(reversed(FILES.items())))
    for path in other.path.rglob("*"):
        path.chmod(0o700)
        os.utime(path, (1, 1))
    assert normalize(one) == normalize(other) == []
    assert tar_digest(one.path) == tar_digest(other.path)


def test_modes_are_fixed(tmp_path: Path) -> None:
    layer = make_layer(tmp_path / "layer")
    (layer.path / "img").chmod(0o2770)
    (layer.path / "css/site.css").chmod(0o4777)
    normalize(layer)
    for path in (layer.path, *layer.path.rglob("*")):
        assert path.stat().st_mode & 0o7777 == (0o755 if path.is_dir() else 0o644)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_owner_is_root_if_run_as_root(tmp_path: Path) -> None:
    layer = make_layer(tmp_path / "layer")
    for path in (layer.path, *layer.path.rglob("*")):
        os.chown(path, 10001, 10001)
    normalize(layer)
    owners = {(path.stat().st_uid, path.stat().st_gid) for path in layer.path.rglob("*")}
    assert owners == {(0, 0)}


def test_time_depends_on_content(tmp_path: Path) -> None:
    layer = make_layer(tmp_path / "layer")
    normalize(layer)
    for name, content in FILES.items():
        expected = EPOCH + int(sha256(content).hexdigest(), 16) % (180 * 86_400)
        assert (layer.path / name).stat().st_mtime_ns == expected * 1_000_000_000
        assert 1_704_067_200 <= expected < 1_704_067_200 + 180 * 86_400
    assert content_time("0") == EPOCH
    assert {path.stat().st_mtime for path in layer.path.rglob("*") if path.is_dir()} == {EPOCH}
    assert layer.path.stat().st_mtime == EPOCH


def test_equal_files_are_hard_links(tmp_path: Path) -> None:
    layer = make_layer(tmp_path / "layer")
    (layer.path / "css/linked.css").hardlink_to(layer.path / "css/site.css")
    assert normalize(layer) == []
    same = [layer.path / "css" / name for name in ("site.css", "site.1234.css", "linked.css")]
    assert len({path.stat().st_ino for path in same}) == 1
    names = {path.relative_to(layer.path).as_posix() for path in layer.path.rglob("*.*")}
    assert names == {*FILES, "css/linked.css"}


def test_files_are_copied_if_linking_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = make_layer(tmp_path / "layer")

    def refuse(*_: object) -> None:
        raise OSError(errno.EMLINK, "Too many links")

    monkeypatch.setattr(os, "link", refuse)
    assert normalize(layer) == [
        f"Files in {layer.path} that could not be hard-linked to equal files: 1."
    ]
    assert (layer.path / "css/site.1234.css").read_bytes() == b"a"
    assert len(list(layer.path.rglob("*.*"))) == len(FILES)


def test_manifest_is_sorted(tmp_path: Path) -> None:
    layer = make_layer(tmp_path / "layer")
    assert layer.manifest
    layer.manifest.write_text('{"paths": {"b": "b.1", "a": "a.2"}, "version": "1.1", "hash": "x"}')
    normalize(layer)
    assert layer.manifest.read_text() == (
        '{"paths": {"a": "a.2", "b": "b.1"}, "version": "1.1", "hash": "x"}'
    )


@pytest.mark.parametrize("text", ["", "[]", '{"paths": []}', '{"files": {"b": 1, "a": 1}}'])
def test_other_manifest_formats_are_unchanged(tmp_path: Path, text: str) -> None:
    layer = make_layer(tmp_path / "layer")
    assert layer.manifest
    layer.manifest.write_text(text)
    normalize(layer)
    assert layer.manifest.read_text() == text


def test_special_files_are_refused(tmp_path: Path) -> None:
    layer = make_layer(tmp_path / "layer")
    (layer.path / "css/link.css").symlink_to("site.css")
    with pytest.raises(CollectFailed, match=r"link\.css is neither a file nor a directory"):
        normalize(layer)
