"""Writing generated files: all or none, and never over a hand edit."""

from __future__ import annotations

import os
import stat
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from buildstatic.errors import ConfigInvalid, FileError, FilesExist
from buildstatic.templates import GeneratedFile
from buildstatic.templates.write import FileChange, State, compare, diff, write
from tests.collect.test_django_command import tiny  # noqa: F401 - a fixture
from tests.project.conftest import closed  # noqa: F401 - a fixture

PROCFILE = GeneratedFile("Procfile", "web: gunicorn\n")
NESTED = GeneratedFile(".railway/railway.py", "text = 'ünï'\n")
SCRIPT = GeneratedFile("deploy.sh", "#!/bin/sh\n", executable=True)
FILES = (PROCFILE, NESTED, SCRIPT)


def tree(root: Path) -> dict[str, bytes | None]:
    """Return every path below *root*, with its bytes if it is a file."""
    return {
        str(path.relative_to(root)): path.read_bytes() if path.is_file() else None
        for path in sorted(root.rglob("*"))
    }


def stamps(root: Path) -> dict[Path, tuple[int, int, int]]:
    """Return what writing or changing a file would change."""
    stats = {path: path.stat() for path in root.rglob("*")}
    return {path: (stat.st_ino, stat.st_mtime_ns, stat.st_mode) for path, stat in stats.items()}


def states(root: Path, *files: GeneratedFile) -> list[State]:
    return [change.state for change in compare(root, files)]


def put(root: Path, *files: GeneratedFile, force: bool = False) -> None:
    write(root, compare(root, files), force=force)


def test_files_are_written_with_their_directories(tmp_path: Path) -> None:
    put(tmp_path, *FILES)
    assert tree(tmp_path) == {
        ".railway": None,
        ".railway/railway.py": NESTED.text.encode(),
        "Procfile": b"web: gunicorn\n",
        "deploy.sh": b"#!/bin/sh\n",
    }


def test_modes_follow_the_umask_and_scripts_are_executable(tmp_path: Path) -> None:
    umask = os.umask(0o027)
    try:
        put(tmp_path, PROCFILE, SCRIPT)
    finally:
        os.umask(umask)
    assert stat.S_IMODE((tmp_path / "Procfile").stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "deploy.sh").stat().st_mode) == 0o750


def test_writing_twice_changes_nothing(tmp_path: Path) -> None:
    put(tmp_path, *FILES)
    before = stamps(tmp_path)
    assert states(tmp_path, *FILES) == [State.UNCHANGED] * 3
    put(tmp_path, *FILES)
    assert stamps(tmp_path) == before


def test_a_different_file_prevents_writing(tmp_path: Path) -> None:
    (tmp_path / "deploy.sh").write_text("mine\n")
    before = tree(tmp_path)
    with pytest.raises(FilesExist, match=r"deploy\.sh") as caught:
        put(tmp_path, *FILES)
    assert "--diff" in caught.value.advice
    assert "--force" in caught.value.advice
    assert tree(tmp_path) == before


def test_force_overwrites_and_keeps_the_mode(tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_text("mine\n")
    (tmp_path / "Procfile").chmod(0o604)
    put(tmp_path, PROCFILE, force=True)
    assert (tmp_path / "Procfile").read_text() == PROCFILE.text
    assert stat.S_IMODE((tmp_path / "Procfile").stat().st_mode) == 0o604


def test_added_lines_need_no_force(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("mine\n")
    added = GeneratedFile(".gitignore", "mine\nours\n", appends=True)
    assert states(tmp_path, added) == [State.ADDED]
    put(tmp_path, added)
    assert (tmp_path / ".gitignore").read_text() == "mine\nours\n"


def test_executable_mode_is_restored(tmp_path: Path) -> None:
    (tmp_path / "deploy.sh").write_text(SCRIPT.text)
    (tmp_path / "deploy.sh").chmod(0o644)
    assert states(tmp_path, SCRIPT) == [State.MODE]
    put(tmp_path, SCRIPT)
    assert stat.S_IMODE((tmp_path / "deploy.sh").stat().st_mode) == 0o755


def test_line_endings_are_compared(tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_bytes(b"web: gunicorn\r\n")
    assert states(tmp_path, PROCFILE) == [State.DIFFERENT]


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize(
    ("link", "target"),
    [
        pytest.param("Procfile", "elsewhere/Procfile", id="to a file"),
        pytest.param("Procfile", "nowhere", id="to nothing"),
        pytest.param(".railway", "elsewhere", id="to a directory"),
    ],
)
def test_symbolic_links_are_rejected(tmp_path: Path, link: str, target: str, force: bool) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "Procfile").write_text("elsewhere\n")
    root = tmp_path / "root"
    root.mkdir()
    (root / link).symlink_to(f"../{target}")
    before = tree(tmp_path)
    with pytest.raises(FilesExist):
        put(root, *FILES, force=force)
    assert tree(tmp_path) == before
    assert (root / link).is_symlink()


def test_symbolic_link_to_equal_text_is_kept(tmp_path: Path) -> None:
    (tmp_path / "shared").write_text(PROCFILE.text)
    (tmp_path / "Procfile").symlink_to("shared")
    put(tmp_path, PROCFILE)
    assert (tmp_path / "Procfile").is_symlink()


@pytest.mark.parametrize("force", [False, True])
def test_directory_in_place_of_a_file_is_rejected(tmp_path: Path, force: bool) -> None:
    (tmp_path / "Procfile").mkdir()
    with pytest.raises(FilesExist, match="Cannot write Procfile"):
        put(tmp_path, *FILES, force=force)
    assert tree(tmp_path) == {"Procfile": None}


def test_file_in_place_of_a_directory_is_rejected(tmp_path: Path) -> None:
    (tmp_path / ".railway").touch()
    with pytest.raises(FilesExist, match=r"Cannot write \.railway/railway\.py"):
        put(tmp_path, *FILES)


def test_pipe_is_rejected_without_blocking(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "Procfile")
    with pytest.raises(FilesExist, match="Cannot write Procfile"):
        put(tmp_path, *FILES)


def test_failure_leaves_no_files(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(FileError, match="Is a directory"):
        write(tmp_path, [*compare(tmp_path, FILES), *_new(GeneratedFile("taken", ""))])
    assert tree(tmp_path) == {"taken": None}


def test_unwritable_directory_is_named(
    closed: Path,  # noqa: F811
) -> None:
    root = closed.parent / "site"
    root.mkdir()
    root.chmod(0o555)
    for file in (PROCFILE, NESTED):
        with pytest.raises(FileError) as caught:
            put(root, file)
        assert caught.value.problem == (f"Cannot write {file.path} in {root}: Permission denied.")
        assert caught.value.advice == (
            "Make that directory writable, or print the files with --stdout."
        )


def test_full_disk_leaves_no_files(
    tiny: Path,  # noqa: F811
) -> None:
    with (tiny / "filler").open("wb", buffering=0) as filler, suppress(OSError):
        while True:
            filler.write(b"x" * 1024)
    with pytest.raises(FileError) as caught:
        put(tiny, *FILES)
    assert f" in {tiny}: No space left on device." in caught.value.problem
    assert caught.value.advice.startswith("Free space on that disk, or")
    assert list(tree(tiny)) == ["filler"]


def _new(file: GeneratedFile) -> list[FileChange]:
    return [FileChange(file, None, State.NEW)]


def test_path_that_is_not_utf_8_is_rejected(tmp_path: Path) -> None:
    bad = GeneratedFile("Procfile", "web: \udcff\n")
    with pytest.raises(ConfigInvalid, match="not UTF-8"):
        put(tmp_path, bad)
    assert tree(tmp_path) == {}


@pytest.mark.parametrize(
    "before",
    [
        pytest.param(None, id="new"),
        pytest.param("", id="empty"),
        pytest.param("mine\n", id="another"),
        pytest.param("mine", id="no newline"),
        pytest.param("mine\r\n", id="CRLF"),
        pytest.param("mine\x0cpage\u2028line\n", id="other line ends"),
    ],
)
def test_git_applies_the_diff(tmp_path: Path, before: str | None) -> None:
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    if before is not None:
        (tmp_path / "Procfile").write_bytes(before.encode())
    (change,) = compare(tmp_path, [PROCFILE])
    patch = diff(change).encode()
    subprocess.run(["git", "apply", "-"], input=patch, cwd=tmp_path, check=True)
    assert states(tmp_path, PROCFILE) == [State.UNCHANGED]
    assert diff(compare(tmp_path, [PROCFILE])[0]) == ""
