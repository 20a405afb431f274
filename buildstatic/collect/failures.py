"""What can be wrong with a file, in words: which it is, why, and what to do about it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from buildstatic.errors import BuildstaticError, CollectFailed, FileError

UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO}
AWAY = "Remove it, or collect with --clear."


def of_file(error: OSError, root: str | os.PathLike[str] | None) -> BuildstaticError | None:
    """Return what *error* says of the tree in *root*, if there is one, else of a source."""
    return (of_tree(error, os.path.abspath(root)) if root else None) or of_source(error)


def of_tree(error: OSError, root: str) -> BuildstaticError | None:
    """Return what *error* says of the tree in *root*; None if it is not about the tree."""
    name = error.filename or root
    if not isinstance(name, str):
        return None
    if name == root and os.path.lexists(root) and not os.path.isdir(root):
        problem = f"{root}, where files are to be collected, {_what_is_there(root)}."
        return CollectFailed(problem, "Remove it, or set STATIC_ROOT to another place.")
    if not _is_inside(name, root) and not _is_inside(root, name):
        return None
    if error.errno in UNWRITABLE:
        problem = f"{name} cannot be written: {error.strerror}."
        return FileError(problem, "Make room, or make it writable.")
    if error.errno == errno.ENAMETOOLONG:
        return _too_long(name)
    if isinstance(error, IsADirectoryError):
        problem = f"{name} is a directory, and a file is to be collected there."
        return CollectFailed(problem, AWAY)
    return None


def of_source(error: OSError) -> BuildstaticError | None:
    """Return what *error* says of the file that it names; None if it names none."""
    name = error.filename
    if not isinstance(name, str) or not os.path.isabs(name):
        return None
    if error.errno == errno.ELOOP and (link := circle(name)):
        problem = f"{link} is a link in a circle (to {os.readlink(link)}): there is no end to it."
        return CollectFailed(problem, "Remove the link.")
    if error.errno == errno.EBUSY:
        problem = f"{name} cannot be collected: {error.strerror}."
        return CollectFailed(problem, "Run it again when nothing writes there.")
    if os.path.islink(name) and not os.path.exists(name):
        problem = f"{name} is a link to nowhere ({os.readlink(name)})."
    else:
        problem = f"{name} cannot be collected: {error.strerror}."
    return CollectFailed(problem, "Mend it, or leave it out: --ignore PATTERN.")


def circle(path: str, top: str = "/") -> str:
    """Return the first link on *path* below *top* that leads to where the path has been.

    That may also be a link to itself. Empty if there is none.
    """
    start = Path(os.path.realpath(top))
    seen = {start, *start.parents}
    place = Path(top)
    for part in Path(path).relative_to(top).parts:
        place /= part
        real = Path(os.path.realpath(place))
        if place.is_symlink() and (real in seen or not os.path.exists(place)):
            return str(place)
        seen.add(real)
    return ""


def _what_is_there(place: str) -> str:
    if os.path.exists(place):
        return "is a file"
    return f"is a link to nowhere ({os.readlink(place)})"


def _too_long(path: str) -> CollectFailed:
    directory, name = os.path.split(path)
    try:
        most = os.pathconf(os.path.dirname(path), "PC_NAME_MAX")
    except OSError:
        most = 255
    size = len(os.fsencode(name))
    if size <= most:
        return CollectFailed(f"The path {path} is too long for the system.", _SHORTEN)
    where = f"{name} in {directory} cannot be written: its name has {size} bytes,"
    return CollectFailed(f"{where} and the file system takes {most}.", _SHORTEN)


_SHORTEN = "Give its source a shorter name, or leave it out: --ignore PATTERN."


def _is_inside(path: str, directory: str) -> bool:
    return path == directory or path.startswith(directory.rstrip("/") + "/")
