"""Errors of the project's code and of the file system, as errors that say what to do."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from buildstatic import tracebacks
from buildstatic.collect.request import Request
from buildstatic.errors import BuildstaticError, CollectFailed, FileError, VariablesMissing

_UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO}
_UNWRITABLE |= {errno.EFBIG}  # `ulimit -f`, or the file system's largest file
_INSTALLED = {"site-packages", "dist-packages"}
_SHORTEN = "Rename the source, or exclude it with --ignore PATTERN."


def describe_error(error: BaseException, request: Request) -> str:
    """Return ``file:line: Class: message.`` for *error*.

    The place is the innermost line of the project's own code, relative to the project's root; it
    is left out if *error* passed no line of the project.
    """
    return f"{_project_line(error, request)}{tracebacks.describe(error)}."


def missing_variable_error(error: BaseException, request: Request) -> VariablesMissing | None:
    """Return the error for the environment variable whose absence caused *error*, or None."""
    names = tracebacks.missing_variables(error)
    if not names:
        return None
    where = _project_line(error, request).removesuffix(": ") or f"The module {request.settings}"
    problem = f"{where} requires {tracebacks.not_set(names)}."
    return VariablesMissing(problem, names=names)


def finder_error(name: str, error: BaseException, request: Request) -> BuildstaticError:
    """Return the error for *error* of the finder *name*."""
    if variable := missing_variable_error(error, request):
        return variable
    match error:
        case OSError(errno=errno.ELOOP | errno.EACCES) if known := source_error(error):
            return known
    problem = f"The finder {name} failed: {describe_error(error, request)}"
    return CollectFailed(problem, "It is one of STATICFILES_FINDERS in the settings.")


def _project_line(error: BaseException, request: Request) -> str:
    def is_of_the_project(file: str) -> bool:
        path = Path(file)
        return path.is_relative_to(request.root) and not _INSTALLED.intersection(path.parts)

    if found := tracebacks.innermost_line(error, is_of_the_project):
        return f"{Path(found[0]).relative_to(request.root)}:{found[1]}: "
    return ""


def file_error(error: OSError, root: str | os.PathLike[str] | None) -> BuildstaticError | None:
    """Return the error for *error*, which is about a file in the tree *root* or a source."""
    return (_tree_error(error, os.path.abspath(root)) if root else None) or source_error(error)


def source_error(error: OSError) -> BuildstaticError | None:
    """Return the error for the source file that *error* names; None if it names no file."""
    name = error.filename
    if not isinstance(name, str) or not os.path.isabs(name):
        return None
    if error.errno == errno.ELOOP and (link := link_cycle(name)):
        problem = f"{link} is a symbolic link to {os.readlink(link)}, which is a cycle."
        return CollectFailed(problem, "Remove the link.")
    problem = f"{name} cannot be collected: {error.strerror}."
    if error.errno == errno.EBUSY:
        return CollectFailed(problem, "Run it again when no other process writes to the file.")
    if os.path.islink(name) and not os.path.exists(name):
        problem = f"{name} is a broken symbolic link (to {os.readlink(name)})."
    return CollectFailed(problem, "Fix it, or exclude it with --ignore PATTERN.")


def link_cycle(path: str, top: str = "/") -> str:
    """Return the first link on *path* below *top* that leads to a parent of itself, or to itself.

    Empty if there is none.
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


def _tree_error(error: OSError, root: str) -> BuildstaticError | None:
    """Return the error for *error*; None if it is not about the tree in *root* or its parents."""
    name = error.filename or root
    if not isinstance(name, str):
        return None
    if name == root and os.path.lexists(root) and not os.path.isdir(root):
        found = "a file" if os.path.exists(root) else f"a broken link (to {os.readlink(root)})"
        problem = f"{root}, the directory to collect to, is {found}."
        return CollectFailed(problem, "Remove it, or set STATIC_ROOT to another directory.")
    if not _is_inside(name, root) and not _is_inside(root, name):
        return None
    if error.errno in _UNWRITABLE:
        problem = f"{name} cannot be written: {error.strerror}."
        if error.errno == errno.EFBIG:
            return FileError(problem, "Raise the limit of file sizes (ulimit -f).")
        return FileError(problem, "Free some space, or make it writable.")
    if error.errno == errno.ENAMETOOLONG:
        return _name_too_long(name)
    if isinstance(error, IsADirectoryError):
        problem = f"{name} is a directory, but a file is to be collected there."
        return CollectFailed(problem, "Remove it, or collect with --clear.")
    return None


def _is_inside(path: str, directory: str) -> bool:
    return path == directory or path.startswith(directory.rstrip("/") + "/")


def _name_too_long(path: str) -> CollectFailed:
    directory, name = os.path.split(path)
    try:
        limit = os.pathconf(directory, "PC_NAME_MAX")
    except OSError:
        limit = 255
    size = len(os.fsencode(name))
    if size <= limit:
        return CollectFailed(f"The path {path} is too long for the system.", _SHORTEN)
    problem = (
        f"{name} in {directory} cannot be written: its name has {size} bytes, the limit of the "
        f"file system is {limit}."
    )
    return CollectFailed(problem, _SHORTEN)
