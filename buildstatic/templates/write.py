"""Writing generated files: compared with existing files first, then all of them or none."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from difflib import unified_diff
from enum import Enum
from pathlib import Path

from buildstatic.atomic import remove_abandoned, replace_file
from buildstatic.errors import ConfigInvalid, FileError, FilesExist
from buildstatic.templates import GeneratedFile

WRITTEN_BY = re.compile(r"\A# Written by (buildstatic \S+)\. ")


class State(Enum):
    """What writing a file would change."""

    NEW = "new"
    UNCHANGED = "unchanged"
    ADDED = "lines added"
    MODE = "made executable"
    DIFFERENT = "different"


@dataclass(frozen=True)
class FileChange:
    """A generated file and the existing content, *before*, or None if there is no file yet."""

    file: GeneratedFile
    before: bytes | None
    state: State


def compare(root: Path, files: Iterable[GeneratedFile]) -> tuple[FileChange, ...]:
    """Compare *files* with the existing ones in *root*; nothing is written.

    Raises FilesExist if something other than a regular file is in the way, and ConfigInvalid if
    the text of a file contains a path that is not UTF-8.
    """
    return tuple(_compare(root, file) for file in files)


def _compare(root: Path, file: GeneratedFile) -> FileChange:
    path, after = root / file.path, encode(file)
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return FileChange(file, None, State.NEW)
    except NotADirectoryError:
        mode = 0
    if not stat.S_ISREG(mode):
        raise FilesExist(
            f"Cannot write {file.path}: something other than a regular file is in its place.",
            "Move it away, or print the generated file with --stdout.",
        )
    before = path.read_bytes()
    if before == after:
        lacks_mode = file.executable and not mode & stat.S_IXUSR
        state = State.MODE if lacks_mode else State.UNCHANGED
    elif file.appends and after.startswith(before):
        state = State.ADDED
    else:
        state = State.DIFFERENT
    return FileChange(file, before, state)


def encode(file: GeneratedFile) -> bytes:
    """Return the bytes of *file*; raises ConfigInvalid if it contains a path that is not UTF-8."""
    try:
        return file.text.encode()
    except UnicodeEncodeError:
        raise ConfigInvalid(
            f"{file.path} would contain a path that is not UTF-8.", "Rename that path."
        ) from None


def write(root: Path, changes: Sequence[FileChange], *, force: bool = False) -> None:
    """Write *changes* to *root*, all files or none; each is replaced atomically.

    Raises FilesExist if a file exists with different content and *force* is false, or if a symbolic
    link is in the way, and FileError if a file cannot be written.
    """
    different = [_name(change) for change in changes if change.state is State.DIFFERENT]
    if different and not force:
        raise FilesExist(
            f"These files exist and differ: {', '.join(different)}. Nothing was written.",
            "Show the differences with --diff, or overwrite the files with --force.",
        )
    pending = [change.file for change in changes if change.state is not State.UNCHANGED]
    for file in pending:
        _reject_links(root, file.path)
    with ExitStack() as undo:
        with ExitStack() as streams:
            for file in pending:
                path = root / file.path
                streams.enter_context(_file_errors(root, file.path))
                _make_directories(path.parent, undo)
                remove_abandoned(path.parent)
                stream = streams.enter_context(replace_file(path))
                stream.write(encode(file))
                stream.flush()  # a full disk must fail before the first file is replaced
                existing = path.stat() if path.exists() else os.fstat(stream.fileno())
                mode = stat.S_IMODE(existing.st_mode)
                if file.executable:
                    mode |= (mode & 0o444) >> 2
                os.fchmod(stream.fileno(), mode)
        undo.pop_all()


def _name(change: FileChange) -> str:
    """Return the path, with the version that wrote the existing file if it is another one."""
    existing = WRITTEN_BY.match((change.before or b"").decode(errors="replace"))
    generated = WRITTEN_BY.match(change.file.text)
    if existing is None or generated is None or existing[1] == generated[1]:
        return change.file.path
    return f"{change.file.path} (written by {existing[1]})"


def _reject_links(root: Path, path: str) -> None:
    """Raise FilesExist if *path* contains a symbolic link, which may lead out of the project."""
    place = root
    for part in Path(path).parts:
        place /= part
        if place.is_symlink():
            raise FilesExist(
                f"{place.relative_to(root)} is a symbolic link to {place.readlink()}, which is "
                "neither replaced nor followed. Nothing was written.",
                "Remove the link, or print the generated file with --stdout.",
            )


@contextmanager
def _file_errors(root: Path, path: str) -> Iterator[None]:
    """Raise FileError for an OSError while *path* is written."""
    try:
        yield
    except OSError as error:
        directory = next(parent for parent in (root / path).parents if parent.is_dir())
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        advice = "Free space on that disk" if is_full else "Make that directory writable"
        raise FileError(
            f"Cannot write {path} in {directory}: {error.strerror}.",
            f"{advice}, or print the files with --stdout.",
        ) from error


def _make_directories(directory: Path, undo: ExitStack) -> None:
    if not directory.is_dir():
        _make_directories(directory.parent, undo)
        directory.mkdir()
        undo.callback(directory.rmdir)


def diff(change: FileChange) -> str:
    """Return *change* as a unified diff for ``git apply``, empty if there is no difference."""
    old = (change.before or b"").decode(errors="replace")
    name = change.file.path
    before = "/dev/null" if change.before is None else f"a/{name}"
    lines = unified_diff(_lines(old), _lines(change.file.text), before, f"b/{name}")
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )


def _lines(text: str) -> list[str]:
    """Return the lines of *text* with their ends; str.splitlines splits at more than LF."""
    *whole, last = text.split("\n")
    return [*(f"{line}\n" for line in whole), *([last] if last else [])]
