"""The tasks that read and write: correct digests, and no incomplete files."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from buildstatic.atomic import PREFIX
from buildstatic.collect.workers import file_tasks
from buildstatic.collect.workers.file_tasks import (
    ABSENT,
    CHUNK,
    LARGE,
    OLDER,
    OTHER,
    SAME,
    SMALL,
    Changed,
    read,
    write,
)
from buildstatic.collect.workers.pool import HOME, PROGRAM
from buildstatic.collect.workers.worker import read_frame, run_task, write_frame
from tests.collect.conftest import Collect
from tests.collect.rights import as_nobody, disk, public_directory
from tests.collect.sites import Site

SIZES = [0, 1, CHUNK, LARGE, LARGE + 1, LARGE + CHUNK + 7]
each_size = pytest.mark.parametrize("size", SIZES)


def content(size: int) -> bytes:
    return (b"0123456789abcde\n" * (size // 16 + 1))[:size]


def names(directory: Path) -> list[str]:
    """Return the names of what is in *directory*."""
    return sorted(path.name for path in directory.iterdir())


def make(path: Path, size: int) -> bytes:
    path.write_bytes(content(size))
    return content(size)


def digests(data: bytes) -> tuple[str, str]:
    return hashlib.md5(data).hexdigest(), hashlib.sha256(data).hexdigest()


@each_size
def test_read_returns_size_and_digests(tmp_path: Path, size: int) -> None:
    path = tmp_path / "a"
    data = make(path, size)
    found = read(str(path), "", (), False, True)
    assert found == (size, path.stat().st_mtime_ns, *digests(data), ABSENT, None)
    assert read(str(path), "", (), False, False)[3] == ""


@each_size
def test_content_is_returned_if_it_contains_a_needle(tmp_path: Path, size: int) -> None:
    path = tmp_path / "a"
    data = make(path, size) + b"@IMPORT 'b.css'"
    path.write_bytes(data)
    returned = data if len(data) <= SMALL else b""
    assert read(str(path), "", (b"@import",), True, True)[2:4] == digests(data)
    assert read(str(path), "", (b"@import",), True, True)[-1] == returned
    assert read(str(path), "", (b"url(", b"@import"), True, True)[-1] == returned
    assert read(str(path), "", (b"url(",), True, True)[-1] is None
    assert read(str(path), "", None, True, True)[-1] == returned
    assert read(str(path), "", None, False, True)[-1] is None


@pytest.mark.parametrize(
    "special",
    ["\N{KELVIN SIGN}", "\N{LATIN SMALL LETTER LONG S}", b"\xff"],
    ids=["k", "s", "not UTF-8"],
)
def test_text_with_folded_letters_or_not_utf8_is_returned(
    tmp_path: Path, special: str | bytes
) -> None:
    path = tmp_path / "a"
    data = special if isinstance(special, bytes) else special.encode()
    path.write_bytes(data)
    assert read(str(path), "", (b"never",), True, True)[-1] == data
    path.write_bytes("é".encode())
    assert read(str(path), "", (b"never",), True, True)[-1] is None


@pytest.mark.parametrize("size", [5, LARGE + 5])
def test_state_of_the_file_in_the_tree(tmp_path: Path, size: int) -> None:
    path, target = tmp_path / "a", tmp_path / "b"
    data = make(path, size)

    def state() -> int:
        found: int = read(str(path), str(target), (), False, True)[-2]
        return found

    assert state() == ABSENT
    target.write_bytes(data)
    assert state() == SAME
    target.write_bytes(data[:-1] + b"x")
    assert state() == OTHER
    target.write_bytes(data + b"x")
    assert state() == OTHER
    target.write_bytes(data)
    os.utime(target, (1, 1))
    assert state() == OLDER
    target.unlink()
    target.symlink_to(path)
    assert state() == OLDER
    target.unlink()
    target.mkdir()
    assert state() == OLDER


def pipe(path: Path) -> None:
    os.mkfifo(path)


def bound(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(path.parent)
        try:
            server.bind(path.name)
        finally:
            os.chdir(here)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


each_kind = pytest.mark.parametrize(
    "place", [pipe, bound, device, Path.mkdir], ids=["pipe", "socket", "device", "directory"]
)


@each_kind
def test_only_regular_files_are_read(tmp_path: Path, place: Any) -> None:
    place(tmp_path / "special")
    with pytest.raises(OSError, match="it is not a regular file") as caught:
        read(str(tmp_path / "special"), "", (), False, True)
    assert caught.value.filename == str(tmp_path / "special")


@pytest.mark.parametrize("place", [pipe, bound, device], ids=["pipe", "socket", "device"])
def test_source_that_is_not_a_regular_file_is_named(
    site: Site, collect: Collect, place: Any
) -> None:
    place(site.root / "static" / "special")
    ran = collect(site, "--noinput")
    assert ran.code == 23
    assert (
        f"{site.root / 'static/special'} cannot be collected: it is not a regular file." in ran.err
    )
    assert "--ignore" in ran.err


def test_unreadable_file_is_named() -> None:
    with public_directory() as place:
        path = place / "closed"
        make(path, 5)
        path.chmod(0)
        with as_nobody(), pytest.raises(PermissionError) as caught:
            read(str(path), "", (), False, True)
        assert caught.value.filename == str(path)


@pytest.mark.parametrize("size", [100, LARGE + 100], ids=["at once", "in chunks"])
@pytest.mark.parametrize("change", ["grows", "shrinks", "is written over"])
def test_file_that_changes_while_read_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, change: str
) -> None:
    path = tmp_path / "a"
    make(path, size)
    opened = file_tasks.open_regular

    def changing(name: str) -> tuple[int, os.stat_result]:
        found = opened(name)
        disturb(path, change, size)
        return found

    monkeypatch.setattr(file_tasks, "open_regular", changing)
    with pytest.raises(Changed) as caught:
        read(str(path), "", (), False, True)
    assert caught.value.filename == str(path)


def disturb(path: Path, change: str, size: int) -> None:
    before = path.stat().st_mtime_ns
    with path.open("r+b") as file:
        file.truncate({"grows": size + 1, "shrinks": size - 1}.get(change, size))
        file.write(b"x")
    os.utime(path, ns=(before + 1, before + 1))


@pytest.mark.parametrize("size", [100, LARGE + 100], ids=["at once", "in chunks"])
def test_growing_file_is_not_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    path = tmp_path / "log"
    make(path, size)
    modified = path.stat().st_mtime_ns
    opened = file_tasks.open_regular

    def growing(name: str) -> tuple[int, os.stat_result]:
        found = opened(name)
        os.truncate(path, 1 << 40)  # more than any memory, and hours to read
        return found

    monkeypatch.setattr(file_tasks, "open_regular", growing)
    monkeypatch.setattr(file_tasks, "open_regular", growing)
    with pytest.raises(Changed):
        read(str(path), "", (), False, True)
    os.truncate(path, size)
    os.utime(path, ns=(modified, modified))
    with pytest.raises(Changed):
        write(str(path), size, modified, (str(tmp_path / "target"),), -1, -1, False)
    assert names(tmp_path) == ["log"]


def put(source: str | bytes, *targets: Path, links: bool = False, **how: int) -> int:
    """Write *source*, and return how many copies it took."""
    size, modified = 0, 0
    if isinstance(source, str):
        found = Path(source).stat()
        size, modified = found.st_size, found.st_mtime_ns
    places = tuple(map(str, targets))
    mode, seconds = how.get("mode", -1), how.get("seconds", -1)
    (copies,) = write(source, size, modified, places, mode, seconds, links)
    assert isinstance(copies, int)
    return copies


@each_size
@pytest.mark.parametrize("links", [False, True])
def test_file_is_written_under_all_names(tmp_path: Path, size: int, links: bool) -> None:
    source = tmp_path / "source"
    data = make(source, size)
    targets = [tmp_path / name for name in "abc"]
    assert put(str(source), *targets, links=links) == (1 if links else 3)
    assert [target.read_bytes() for target in targets] == [data] * 3
    assert {target.stat().st_nlink for target in targets} == {3 if links else 1}
    assert source.stat().st_nlink == 1


def test_mode_time_and_owner(tmp_path: Path) -> None:
    put(b"text", tmp_path / "a", mode=0o604, seconds=123)
    found = (tmp_path / "a").stat()
    assert (found.st_mode & 0o7777, found.st_mtime_ns) == (0o604, 123 * 10**9)
    assert (found.st_uid, found.st_gid) == (os.geteuid(), os.getegid())


NAMES = [
    pytest.param("with space", id="space"),
    pytest.param("two\nlines", id="newline"),
    pytest.param("'\"$(x)`\\", id="quotes"),
    pytest.param(os.fsdecode(b"caf\xe9"), id="not UTF-8"),
    pytest.param("é" * 127, id="long"),
    pytest.param("-rf", id="dash"),
]


@pytest.mark.parametrize("name", NAMES)
def test_unusual_names(tmp_path: Path, name: str) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    source, first, second = tmp_path / "in" / name, tmp_path / "out" / name, tmp_path / "out" / "b"
    make(source, 100)
    assert read(str(source), str(first), (), False, True)[0] == 100
    assert put(str(source), first, second, links=True) == 1
    assert names(tmp_path / "out") == sorted(["b", name])


def test_impossible_name_is_an_error(tmp_path: Path) -> None:
    name = str(tmp_path / "a\0b")
    for task, item in (
        ("read", (name, "", (), False, True)),
        ("write", (b"secret content", 0, 0, (name,), -1, -1, False)),
    ):
        [failure] = run_task(task, [item])
        assert failure[0] == ""
        assert failure[1] == errno.EINVAL
        assert failure[3] == name


def test_failure_does_not_stop_the_batch(tmp_path: Path) -> None:
    make(tmp_path / "a", 5)
    items = [(str(tmp_path / name), "", (), False, False) for name in ("none", "a")]
    failure, found = run_task("read", items)
    assert failure == ("", errno.ENOENT, "No such file or directory", str(tmp_path / "none"))
    assert found[0] == 5


@pytest.mark.parametrize(
    ("change", "size"),
    [("grows", 0), ("grows", 100), ("shrinks", 100), ("is written over", 100)],
)
def test_source_changed_since_it_was_read_is_not_written(
    tmp_path: Path, change: str, size: int
) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    make(source, size)
    target.write_text("before")
    found = source.stat()
    disturb(source, change, size)
    with pytest.raises(Changed) as caught:
        write(str(source), size, found.st_mtime_ns, (str(target),), -1, -1, False)
    assert caught.value.filename == str(source)
    assert target.read_text() == "before"
    assert names(tmp_path) == ["source", "target"]


def test_source_that_changes_while_copied_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    make(source, 100)
    opened = file_tasks.open_regular

    def changing(name: str) -> tuple[int, os.stat_result]:
        found = opened(name)
        disturb(source, "is written over", 100)
        return found

    monkeypatch.setattr(file_tasks, "open_regular", changing)
    with pytest.raises(Changed):
        put(str(source), target)
    assert names(tmp_path) == ["source"]


def test_directory_with_files_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b/kept").touch()
    for links in (False, True):
        [failure] = run_task(
            "write", [(b"x", 0, 0, (str(tmp_path / "a"), str(tmp_path / "b")), -1, -1, links)]
        )
        assert failure == ("", errno.EISDIR, "Is a directory", str(tmp_path / "b"))
    assert names(tmp_path) == ["a", "b"]
    assert names(tmp_path / "b") == ["kept"]


@pytest.mark.parametrize("links", [False, True], ids=["copies", "links"])
def test_empty_directories_are_replaced(tmp_path: Path, links: bool) -> None:
    (tmp_path / "b/c/d").mkdir(parents=True)
    targets = (str(tmp_path / "a"), str(tmp_path / "b"))
    [done] = run_task("write", [(b"x", 0, 0, targets, -1, -1, links)])
    assert done == (1 if links else 2,)
    assert (tmp_path / "b").read_bytes() == b"x"
    assert names(tmp_path) == ["a", "b"]


def test_unwritable_directory_names_the_file() -> None:
    with public_directory() as place:
        with as_nobody():
            [failure] = run_task("write", [(b"x", 0, 0, (str(place / "a"),), -1, -1, False)])
        assert failure == ("", errno.EACCES, "Permission denied", str(place / "a"))


def test_full_disk_leaves_no_incomplete_file(tmp_path: Path) -> None:
    source = tmp_path / "source"
    make(source, 100_000)
    with disk(tmp_path / "disk") as place:
        (place / "a").write_text("before")
        with pytest.raises(OSError, match="No space left"):
            put(str(source), place / "a")
        assert (place / "a").read_text() == "before"
        assert names(place) == ["a"]


def test_read_only_disk(tmp_path: Path) -> None:
    with (
        disk(tmp_path / "disk", "ro") as place,
        pytest.raises(OSError, match="Read-only file system") as caught,
    ):
        put(b"x", place / "a")
    assert Path(str(caught.value.filename)).parent == tmp_path / "disk"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    """Return a directory on another file system than *tmp_path* is on."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
        if Path(name).stat().st_dev == tmp_path.stat().st_dev:
            pytest.skip("there is only one file system")
        yield Path(name)


def test_copy_across_file_systems(tmp_path: Path, elsewhere: Path) -> None:
    targets = [tmp_path / "a", elsewhere / "b", elsewhere / "c"]
    assert put(b"text", *targets, links=True) == 2  # b and c can be one again
    assert [target.read_text() for target in targets] == ["text"] * 3
    assert (elsewhere / "b").samefile(elsewhere / "c")
    assert names(tmp_path) == ["a"]
    assert names(elsewhere) == ["b", "c"]


def test_copy_if_links_are_forbidden() -> None:
    if Path("/proc/sys/fs/protected_hardlinks").read_text().strip() != "1" or os.geteuid() != 0:
        pytest.skip("nothing forbids a link here")
    with public_directory() as place:
        place.chmod(0o777)
        put(b"text", place / "a", mode=0o600)
        with as_nobody():
            assert not file_tasks._link(str(place / "a"), str(place / "b"))
        assert names(place) == ["a"]


@pytest.mark.slow
def test_copies_beyond_the_link_limit(tmp_path: Path) -> None:
    most = os.pathconf(tmp_path, "PC_LINK_MAX")
    kind = subprocess.run(
        ["stat", "-f", "-c", "%T", tmp_path], capture_output=True, check=True, encoding="ascii"
    ).stdout.strip()
    if kind != "ext2/ext3" or most > 70_000:
        pytest.skip("only ext4 has a limit that can be reached")
    targets = [tmp_path / str(number) for number in range(most + 10)]
    assert put(b"text", *targets, links=True) == 2
    assert {target.stat().st_nlink for target in (targets[0], targets[-1])} == {most, 10}
    shutil.rmtree(tmp_path)


def test_existing_link_is_kept(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    for _ in range(2):
        assert put(b"text", first, second, links=True) == 1
        assert first.samefile(second)
    assert file_tasks._link(str(first), str(second))
    assert names(tmp_path) == ["a", "b"]


def test_link_replaces_file_and_symlink(tmp_path: Path) -> None:
    first, second, mine = tmp_path / "a", tmp_path / "b", tmp_path / "mine"
    mine.write_text("mine")
    for place in (lambda: second.write_text("before"), lambda: second.symlink_to(mine)):
        second.unlink(missing_ok=True)
        place()
        assert put(b"text", first, second, links=True) == 1
        assert first.samefile(second)
        assert not second.is_symlink()
    assert mine.read_text() == "mine"


def test_files_of_a_killed_run_are_removed(site: Site, collect: Collect) -> None:
    assert collect(site, "--noinput").code == 0
    for directory in (site.tree, site.tree / "css"):
        (directory / f"{PREFIX}4711-0").write_text("half")
    assert collect(site, "--noinput").code == 0
    assert list(site.tree.rglob(f"{PREFIX}*")) == []


def test_frames() -> None:
    stream = io.BytesIO()
    values: list[Any] = [("read", [("a\udce9", b"\0", 1, None)]), [], ""]
    for value in values:
        write_frame(stream, value)
    frames = stream.getvalue()
    assert [read_frame(stream) for stream in [io.BytesIO(frames)] for _ in values] == values
    first = io.BytesIO()
    write_frame(first, values[0])
    for length in range(len(first.getvalue())):
        assert read_frame(io.BytesIO(first.getvalue()[:length])) is None


def test_worker_runs_in_an_isolated_interpreter() -> None:
    stream = io.BytesIO()
    write_frame(stream, ("read", [("/none", "", (), False, False)]))
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", PROGRAM, str(HOME), str(os.getpid())],
        input=stream.getvalue(),
        capture_output=True,
        check=True,
    )
    assert read_frame(io.BytesIO(done.stdout)) == [
        ("", errno.ENOENT, "No such file or directory", "/none")
    ]
