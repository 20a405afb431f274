"""The build context has the files that buildx sends, with every kind of name."""

from __future__ import annotations

import io
import os
import re
import socket
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from buildstatic.dockerfile.build_context import measure, read_context, write_tar
from buildstatic.errors import ConfigInvalid
from tests.oci.scratch import build_image, sent
from tests.project.conftest import closed as closed

if TYPE_CHECKING:
    from docker import DockerClient

FILES = (
    "README.md",
    "readme.md",
    ".env",
    "#notes",
    "!bang",
    "a b",
    "c+d",
    "a|b",
    "[x]",
    "x",
    "ä.css",
    "src/.env",
    "src/a b/x.pyc",
    "src/deep/er/x.pyc",
    "src/deep/er/keep.py",
    "node_modules/m/x.js",
    "src/node_modules/m/keep.js",
    "not_node_modules/x.js",
)
IGNORED = {
    "nothing": "",
    "names are rooted, and of one case": "x.pyc\nnode_modules\nreadme.md\n",
    "at any depth": "**/node_modules\n**/*.pyc\n**/.env\n",
    "all but": "*\n!src/deep\n!README.md\n",
    "all but what is deep": "*\n!**/keep.py\n!**/node_modules/**\n",
    "exceptions have an order": "src\n!src/deep\nsrc/deep/er\n!src/deep/er/keep.py\n",
    "an exception that is undone": "!src\nsrc\n",
    "an exception of what is above": "src/deep\n!src\n",
    "slashes": "/ a b\n/src/\n./node_modules/../x\n//README.md\n",
    "spaces": "  a b  \nsrc/a b\n! src/a b/x.pyc\n",
    "comments": "# x\n #notes\n\\#notes\n#\n\n",
    "a bang": "\\!bang\n",
    "brackets": "[x]\n[a-c]?[b-d]\n\\[x\\]\n",
    "negated": "[^a-z]*\n",
    "points": ".*\n!.env\n",
    "stars": "src/**\n!src/deep/*\n**er\n***js\n",
    "a bar": "a|b*\n",
    "carriage returns, and a mark": "\ufeffREADME.md\r\nsrc/deep\r\n",
    "lines end at nothing else": "x\x0bREADME.md\nx\u2028.env\n",
    "other alphabets": "ä.css\n",
    "the ignore file itself": ".dockerignore\n",
    "none of it": ".\n/\n..\n../x\n",
    "an open bracket": "x\n[a\n",
    "a lone bang": "x\n!\n",
}
SPECIAL = ("new\nline", "bad\udcff", "x" * 200, f"{'d' * 120}/{'y' * 120}", " lead", "{brace", "ä")


def fill(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.fsencode(name))
    return root


def members(root: Path, dockerfile: str = "FROM scratch\n") -> dict[str, tarfile.TarInfo]:
    target = io.BytesIO()
    write_tar(read_context(root), dockerfile, target)
    target.seek(0)
    with tarfile.open(fileobj=target) as archive:
        return {member.name: member for member in archive}


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in IGNORED.items()])
def test_dockerignore_matches_as_buildx_does(text: str, tmp_path: Path) -> None:
    root = fill(tmp_path / "context", *FILES)
    (root / ".dockerignore").write_bytes(text.encode())
    (root / "empty").mkdir()
    real = sent(root, tmp_path)
    if real is None:
        with pytest.raises(ConfigInvalid, match="is not a valid pattern"):
            read_context(root)
    else:
        assert list(read_context(root).paths) == real
        assert real == list(read_context(root, text).paths)


@pytest.mark.engine
def test_special_names_are_sent_by_both_builders(
    engine: DockerClient, tag: Callable[[str], str], tmp_path: Path
) -> None:
    root = fill(tmp_path / "context", *SPECIAL, "Dockerfile")
    (root / "to").symlink_to("nowhere")
    (root / "loop").symlink_to(".")
    image = build_image(engine, root, tag("special"))
    (layer,) = image.layers
    assert sorted(entry.path for entry in layer.entries) == sent(root, tmp_path)
    assert {e.path for e in layer.entries if e.kind == "symlink"} == {"to", "loop"}


def test_gnu_tar_owned_by_root_contains_the_dockerfile(tmp_path: Path) -> None:
    root = fill(tmp_path, "x" * 200, "Dockerfile", ".dockerignore", "run")
    (root / "run").chmod(0o755)
    target = io.BytesIO()
    write_tar(read_context(root), "FROM scratch AS é\n", target)
    assert target.getvalue()[257:265] == b"ustar  \0"
    with tarfile.open(fileobj=io.BytesIO(target.getvalue())) as archive:
        assert sorted(archive.getnames()) == ["Dockerfile", "run", "x" * 200]
        assert {(m.uid, m.gid, m.uname, m.gname) for m in archive} == {(0, 0, "", "")}
        assert archive.getmember("run").mode == 0o755
        dockerfile = archive.extractfile("Dockerfile")
        assert dockerfile is not None
        assert dockerfile.read().decode() == "FROM scratch AS é\n"


def test_sockets_and_pipes_are_omitted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path is short
    os.mkfifo("pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        assert set(members(tmp_path)) == {"Dockerfile"}


def test_size_and_largest_entries(tmp_path: Path) -> None:
    fill(tmp_path, "a/1", "a/2", "b", "c", "d", "left")
    (tmp_path / "a/1").write_bytes(b"x" * 100)
    (tmp_path / "a/link").symlink_to("1")
    (tmp_path / "b").write_bytes(b"x" * 70)
    size = measure(read_context(tmp_path, "left"))
    assert size.bytes == 100 + len("a/2") + 70 + len("c") + len("d")
    assert size.largest[:2] == (("a", 103), ("b", 70))


def test_unreadable_directory_is_an_error_unless_excluded(closed: Path) -> None:
    root = closed.parent
    for ignored in ("", "!data\n"):
        with pytest.raises(ConfigInvalid, match=re.escape(str(closed))):
            read_context(root, ignored)
    for ignored in ("data\n", "*\n!data/x\n"):
        assert read_context(root, ignored).paths == ()
