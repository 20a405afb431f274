"""Write a file completely or not at all: under a temporary name in its directory, then renamed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from buildstatic.errors import FileError

# What temporary names begin with, so that those of a killed process are recognized and removed.
PREFIX = ".buildstatic-"


def temporary_path(target: Path) -> Path:
    """Return an unused path in the directory of *target*, on the same file system."""
    return target.with_name(f"{PREFIX}{os.urandom(8).hex()}")


@contextmanager
def replace_file(path: Path, *, mode: int | None = None) -> Iterator[IO[bytes]]:
    """Yield a file that takes the place of *path* when the block succeeds.

    If the block or the writing fails, *path* is left unchanged and the temporary file is removed.
    *mode* is that of the new file, by default the umask's. A symbolic link is replaced, not
    followed. Raises OSError, naming *path*.
    """
    temporary = temporary_path(path)
    try:
        with temporary.open("xb") as file:
            yield file
            if mode is not None:
                os.fchmod(file.fileno(), mode)
        temporary.replace(path)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError) and error.filename == str(temporary):
            error.filename, error.filename2 = str(path), None
        raise


def replace_with_link(path: Path, existing: Path) -> None:
    """Make *path* a hard link to *existing*, replacing the file that is there. Raises OSError."""
    temporary = temporary_path(path)
    try:
        os.link(existing, temporary)
        temporary.replace(path)
    finally:
        # rename(2) does nothing if both names are the same file already.
        temporary.unlink(missing_ok=True)


@contextmanager
def replace_output(path: Path) -> Iterator[IO[bytes]]:
    """Do the same as `replace_file` for a file that the user named; a link is followed.

    Raises `FileError` if the file cannot be written or *path* exists and is not a regular file.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        raise FileError(f"{path} is not a regular file.", "Choose another path.")
    try:
        with replace_file(target) as file:
            yield file
    except OSError as error:
        problem = f"Cannot write {path}: {error.strerror}."
        raise FileError(problem, "Free disk space, or choose another path.") from error
