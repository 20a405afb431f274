"""Writes a file so that it is there as a whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from buildstatic.errors import FileError


@contextmanager
def saving(path: Path) -> Iterator[IO[bytes]]:
    """Yield a file beside *path* that takes its place when the block ends, and goes if it fails.

    Raises `FileError`, also for *path* that is there and is no file.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        raise FileError(f"{path} is no file that could be replaced.", "Name another one.")
    beside = target.with_name(f".buildstatic-{secrets.token_hex(8)}")
    try:
        with beside.open("xb") as file:
            yield file
        beside.replace(target)
    except OSError as error:
        problem = f"{path} cannot be written: {error.strerror}."
        raise FileError(problem, "Make room, or name another place.") from error
    finally:
        beside.unlink(missing_ok=True)
