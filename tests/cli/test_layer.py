"""``buildstatic layer``: what it writes, and that it writes all or nothing."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path, PurePosixPath

import pytest

from buildstatic.errors import FileError, StaticRootInvalid
from tests.collect.sites import Ran, make_site, run
from tests.running import started

ARGV = (sys.executable, "-m", "buildstatic", "layer")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a tree of one file."""
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/site.css").write_text("body {}\n")
    return tmp_path / "tree"


def layer(*arguments: str | Path, cwd: Path) -> Ran:
    return run(*ARGV, *arguments, cwd=cwd)


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_the_descriptor_says_what_the_summary_and_the_json_say(tree: Path) -> None:
    ran = layer(tree, "--at=/app/staticfiles", "-o", "l.tar.gz", "--json", cwd=tree.parent)
    assert ran.code == 0, ran.err
    assert names(tree.parent) == ["l.tar.gz", "l.tar.gz.json", "tree"]
    said = json.loads(ran.out)
    described = json.loads((tree.parent / "l.tar.gz.json").read_text())
    assert described["digest"] == said["digest"]
    assert described["annotations"]["containerd.io/uncompressed"] == said["diff_id"]
    assert described["size"] == (tree.parent / "l.tar.gz").stat().st_size
    assert said["diff_id"] in ran.err
    assert said["files"] == 1


def test_without_a_tree_it_is_the_layer_of_what_is_collected(tmp_path: Path) -> None:
    site = make_site(tmp_path / "site")
    site.place()
    collect = (sys.executable, "-m", "buildstatic", "collect", "--noinput", "--layer-root")
    assert run(*collect, tmp_path / "layer", cwd=site.root).code == 0
    one = layer("--path", site.root, "-o", "one.tar.gz", cwd=tmp_path)
    assert one.code == 0, one.err
    assert layer(tmp_path / "layer", "-o", "two.tar.gz", cwd=tmp_path).code == 0
    assert (tmp_path / "one.tar.gz").read_bytes() == (tmp_path / "two.tar.gz").read_bytes()


@pytest.mark.parametrize(
    ("options", "place"),
    [((), "app/staticfiles"), (("--at", "/srv/files"), "srv/files")],
    ids=["by the settings", "by --at"],
)
def test_without_a_tree_it_lies_where_an_image_has_it_whatever_this_machine_does(
    tmp_path: Path, options: tuple[str, ...], place: str
) -> None:
    site = make_site(tmp_path / "site")
    site.root.chmod(0o700)
    ran = layer("--path", site.root, *options, "-o", "l.tar.gz", "--json", cwd=tmp_path)
    assert ran.code == 0, ran.err
    said = json.loads(ran.out)
    with tarfile.open(tmp_path / "l.tar.gz") as written:
        held = written.getnames()
    parents = [str(each) for each in PurePosixPath(place).parents if each.name]
    assert held[: len(parents) + 1] == [*reversed(parents), place]
    assert all(each.startswith(f"{place}/") for each in held[len(parents) + 1 :])
    assert said["tree"] == f"/{place}"
    assert said["files"] > 1


def test_without_a_tree_it_is_the_layer_of_the_embedded_builder(tmp_path: Path) -> None:
    site = make_site(tmp_path / "site")
    build = (sys.executable, "-m", "buildstatic", "build", "--builder=embedded", "-o", "two.tar.gz")
    assert run(*build, site.root, cwd=tmp_path).code == 0
    assert layer("--path", site.root, "-o", "one.tar.gz", cwd=tmp_path).code == 0
    assert (tmp_path / "one.tar.gz").read_bytes() == (tmp_path / "two.tar.gz").read_bytes()


def test_without_a_tree_a_place_that_will_not_do_is_refused(tmp_path: Path) -> None:
    site = make_site(tmp_path / "site")
    site.place("/tmp/static")
    ran = layer("--path", site.root, "-o", "l", cwd=tmp_path)
    assert (ran.code, names(tmp_path)) == (StaticRootInvalid.exit_code, ["site"])
    assert layer("--path", site.root, "--at=/app/static", "-o", "l", cwd=tmp_path).code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("nowhere", "-o", "l"), id="missing"),
        pytest.param(("tree/site.css", "-o", "l"), id="file"),
        pytest.param(("tree", "-o", "tree/l"), id="output-in-tree"),
        pytest.param(("tree", "--settings", "x", "-o", "l"), id="collecting"),
        pytest.param(("--at", "app/static", "-o", "l"), id="relative-alone"),
        pytest.param(("tree", "--at", "app", "-o", "l"), id="relative"),
        pytest.param(("tree",), id="no-output"),
    ],
)
def test_wrong_use_is_code_2_and_writes_nothing(tree: Path, arguments: tuple[str, ...]) -> None:
    assert layer(*arguments, cwd=tree.parent).code == 2
    assert names(tree.parent) == ["tree"]
    assert names(tree) == ["site.css"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        pytest.param(("--at", "/tmp/x", "-o", "l"), StaticRootInvalid.exit_code, id="place"),
        pytest.param(("-o", "nowhere/l"), FileError.exit_code, id="directory"),
        pytest.param(("-o", "/dev/full"), FileError.exit_code, id="device"),
    ],
)
def test_what_fails_is_one_line_and_leaves_nothing(
    tree: Path, arguments: tuple[str, ...], code: int
) -> None:
    ran = layer("tree", *arguments, cwd=tree.parent)
    assert ran.code == code
    assert len(ran.err.splitlines()) == 1
    assert names(tree.parent) == ["tree"]
    assert not Path("/dev/full").is_file()


def test_a_failure_leaves_the_layer_that_was_there(tree: Path) -> None:
    assert layer("tree", "-o", "l", cwd=tree.parent).code == 0
    before = {name: (tree.parent / name).read_bytes() for name in ("l", "l.json")}
    (tree / "link").symlink_to("site.css")
    assert layer("tree", "-o", "l", cwd=tree.parent).code == FileError.exit_code
    assert {name: (tree.parent / name).read_bytes() for name in before} == before
    assert names(tree.parent) == ["l", "l.json", "tree"]


def test_a_full_disk_is_one_line_and_leaves_nothing(tree: Path) -> None:
    (tree / "large").write_bytes(bytes(1 << 22))
    limited = ("sh", "-c", 'ulimit -f 100; exec "$@"', "sh")
    ran = run(*limited, *ARGV, "tree", "--compression=none", "-o", "l", cwd=tree.parent)
    assert ran.code == FileError.exit_code
    assert "l cannot be written: File too large." in ran.err
    assert names(tree.parent) == ["tree"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_what_is_interrupted_leaves_no_half_file(tree: Path, number: int, code: int) -> None:
    with (tree / "large").open("wb") as file:
        file.truncate(20 << 30)
    command = (*ARGV, "tree", "-o", "l")
    with started(*command, cwd=tree.parent, stderr=subprocess.DEVNULL) as process:
        end = time.monotonic() + 120
        while len(names(tree.parent)) < 3:
            assert time.monotonic() < end
            time.sleep(0.02)
        process.send_signal(number)
        assert process.wait(120) == code
    assert names(tree.parent) == ["tree"]
