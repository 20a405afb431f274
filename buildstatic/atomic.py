"""Write a file completely or not at all: under a temporary name in its directory, then renamed.

And hold the lock on a directory in which that is done.
"""

from __future__ import annotations

import fcntl
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

from buildstatic.errors import FileError

# What temporary names begin with, so that those of a killed process are recognized and removed.
PREFIX = ".buildstatic-"
_TEMPORARY = re.compile(re.escape(PREFIX) + "[0-9a-f]{16}")


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
    lock = None
    try:
        with _create(temporary) as file:
            lock = os.dup(file.fileno())
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
    finally:
        if lock is not None:
            os.close(lock)


def _create(path: Path) -> IO[bytes]:
    """Create *path*, locked, so that it is not taken for that of a killed process."""
    while True:
        file = path.open("xb")
        with suppress(OSError):  # a file system without locks
            fcntl.flock(file, fcntl.LOCK_EX)
        if path.exists():
            return file
        file.close()  # removed before it was locked


def remove_abandoned(directory: Path) -> None:
    """Remove the files of killed `replace_file` calls from *directory*. Errors are ignored."""
    with suppress(OSError):
        for path in filter(lambda path: _TEMPORARY.fullmatch(path.name), directory.iterdir()):
            with suppress(OSError), open(path, "rb", opener=_no_follow) as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails while it is written
                if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    path.unlink()


def _no_follow(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


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
    remove_abandoned(target.parent)
    try:
        with replace_file(target) as file:
            yield file
    except OSError as error:
        problem = f"Cannot write {path}: {error.strerror}."
        raise FileError(problem, "Free disk space, or choose another path.") from error


@contextmanager
def lock_directory(directory: Path, make: Callable[[], None]) -> Iterator[int]:
    """Hold the lock on *directory* itself, which *make* creates unless it exists.

    The lock is on the directory, so that it contains no lock file, and is held for as long as any
    process has the yielded descriptor.
    """
    descriptor = None
    while descriptor is None:
        make()
        with suppress(FileNotFoundError), ExitStack() as on_error:
            opened = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            on_error.callback(os.close, opened)
            fcntl.flock(opened, fcntl.LOCK_EX)
            if os.path.samestat(os.fstat(opened), directory.stat()):  # not removed meanwhile
                on_error.pop_all()
                descriptor = opened
    try:
        yield descriptor
    finally:
        os.close(descriptor)
