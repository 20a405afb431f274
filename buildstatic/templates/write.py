"""Writing what was generated: compared first, then all of it or nothing."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from difflib import unified_diff
from enum import Enum
from pathlib import Path
from typing import IO

from buildstatic.atomic import replace_file
from buildstatic.errors import ConfigInvalid, FileError, FilesExist
from buildstatic.templates import GeneratedFile


class State(Enum):
    """What writing a file would do to the one that is there."""

    NEW = "new"
    UNCHANGED = "unchanged"
    ADDED = "lines added"
    MODE = "made executable"
    DIFFERENT = "different"


@dataclass(frozen=True)
class Change:
    """A generated file beside what is in its place: *before*, None where there is nothing."""

    file: GeneratedFile
    before: bytes | None
    state: State


def compare(root: Path, files: Iterable[GeneratedFile]) -> tuple[Change, ...]:
    """Return *files* beside what *root* has in their places; nothing is written.

    Raises FilesExist where something that is no file is in the way, ConfigInvalid where a file
    would name a path that is not UTF-8.
    """
    return tuple(_compare(root, file) for file in files)


def write(root: Path, changes: Sequence[Change], *, force: bool = False) -> None:
    """Write *changes* to *root*, each file beside its place and then renamed.

    Raises FilesExist, and writes nothing at all, if a file says something else already and not
    *force*, or if a symbolic link is in the way; FileError where a file cannot be written.
    """
    different = [change.file.path for change in changes if change.state is State.DIFFERENT]
    if different and not force:
        raise FilesExist(
            f"Already there, and different: {', '.join(different)}. Nothing was written.",
            "--diff shows how they differ, --force overwrites them.",
        )
    pending = [change for change in changes if change.state is not State.UNCHANGED]
    for change in pending:
        _refuse_links(root, change.file.path)
    with ExitStack() as undo:
        with ExitStack() as files:
            for change in pending:
                files.enter_context(_said(root, change.file.path))
                _make_directories((root / change.file.path).parent, undo)
                stream = files.enter_context(replace_file(root / change.file.path))
                stream.write(encoded(change.file))
                stream.flush()  # a full disk must show before the first file is replaced
                os.fchmod(stream.fileno(), _mode(root / change.file.path, stream, change.file))
        undo.pop_all()


def diff(change: Change) -> str:
    """Return *change* as a unified diff that ``git apply`` takes, empty where there is none."""
    old = (change.before or b"").decode(errors="replace")
    name = change.file.path
    before = "/dev/null" if change.before is None else f"a/{name}"
    lines = unified_diff(_lines(old), _lines(change.file.text), before, f"b/{name}")
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )


def _lines(text: str) -> list[str]:
    """Return the lines of *text* with their ends; ``splitlines`` would split at more than LF."""
    *whole, last = text.split("\n")
    return [*(f"{line}\n" for line in whole), *([last] if last else [])]


def _compare(root: Path, file: GeneratedFile) -> Change:
    path, after = root / file.path, encoded(file)
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return Change(file, None, State.NEW)
    except NotADirectoryError:
        mode = 0
    if not stat.S_ISREG(mode):
        raise FilesExist(
            f"{file.path} cannot be written: what is in its place is no such file.",
            "Move it away, or write the file elsewhere with --stdout.",
        )
    before = path.read_bytes()
    return Change(file, before, _state(file, before, after, mode))


def _state(file: GeneratedFile, before: bytes, after: bytes, mode: int) -> State:
    if before == after:
        lacks_mode = file.executable and not mode & stat.S_IXUSR
        return State.MODE if lacks_mode else State.UNCHANGED
    return State.ADDED if file.appends and after.startswith(before) else State.DIFFERENT


def encoded(file: GeneratedFile) -> bytes:
    """Return the bytes of *file*; raises ConfigInvalid where it names what is not UTF-8."""
    try:
        return file.text.encode()
    except UnicodeEncodeError:
        raise ConfigInvalid(
            f"{file.path} would name a path that is not UTF-8.", "Rename that path."
        ) from None


def _refuse_links(root: Path, path: str) -> None:
    """Raise FilesExist where *path* leads through a symbolic link, maybe out of the project."""
    place = root
    for part in Path(path).parts:
        place /= part
        if place.is_symlink():
            raise FilesExist(
                f"{place.relative_to(root)} is a symbolic link to {place.readlink()}, and "
                "writing would replace it or follow it. Nothing was written.",
                "Take the link away, or write the file where it leads to with --stdout.",
            )


@contextmanager
def _said(root: Path, path: str) -> Iterator[None]:
    """Raise FileError where the block fails to write *path*: where to, and what to do."""
    try:
        yield
    except OSError as error:
        place = next(parent for parent in (root / path).parents if parent.is_dir())
        problem = f"{path} cannot be written in {place}: {error.strerror}."
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        mend = "Make room on that disk" if is_full else "Let that directory be written to"
        raise FileError(problem, f"{mend}, or print the files with --stdout.") from error


def _make_directories(directory: Path, undo: ExitStack) -> None:
    if not directory.is_dir():
        _make_directories(directory.parent, undo)
        directory.mkdir()
        undo.callback(directory.rmdir)


def _mode(path: Path, stream: IO[bytes], file: GeneratedFile) -> int:
    """Return the mode of the file at *path*, else the usual; who may read it may execute it."""
    found = path.stat() if path.exists() else os.fstat(stream.fileno())
    mode = stat.S_IMODE(found.st_mode)
    return mode | (mode & 0o444) >> 2 if file.executable else mode
