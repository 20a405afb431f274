"""Requirements files, as pip reads them.

https://pip.pypa.io/en/stable/reference/requirements-file-format/
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    parse_sdist_filename,
    parse_wheel_filename,
)

from buildstatic.errors import ConfigInvalid
from buildstatic.project import files
from buildstatic.project.packages import Package, Packages, canonical, holds, join, package

SHORT = {"r": "requirement", "c": "constraint", "e": "editable", "f": "find-links"}
ARCHIVES = (".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
VCS = ("git+", "hg+", "svn+", "bzr+")


@dataclass
class Requirements:
    """What requirements files state: packages, the *files* read, the *local* directories used."""

    root: Path
    python: str
    found: list[Package] = field(default_factory=list)
    constraints: list[Package] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    local: list[Path] = field(default_factory=list)

    @property
    def packages(self) -> Packages:
        """Return the packages by name, with the specifiers of the constraints on them."""
        names = {item.name for item in self.found}
        return join([*self.found, *(item for item in self.constraints if item.name in names)])


def read(path: Path, root: Path, python: str) -> Requirements:
    """Read the requirements file *path* and what it includes, for *python* (``3.13``) on Linux.

    Raises `ConfigInvalid`, with file and line, for a file that is missing or outside of *root*, and
    for a line that is no requirement.
    """
    result = Requirements(root, python)
    _read(path, result, result.found)
    return result


def _read(path: Path, result: Requirements, into: list[Package]) -> None:
    if path in result.files:
        return
    result.files.append(path)
    for number, line in _lines(files.read_text(path, result.root)):
        place = f"{files.relative(path, result.root)}:{number}"
        if line.startswith("-"):
            _option(line, path, place, result, into)
        else:
            _requirement(line, path, place, result, into)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the logical lines with the number of their first: joined, without comments."""
    start, held = 0, ""
    for number, line in enumerate([*text.splitlines(), ""], start=1):
        if not held:
            start = number
        is_comment = bool(re.match(r"\s*#", line))
        if line.endswith("\\") and not is_comment:
            held += line[:-1]
            continue
        full, held = held + ("" if is_comment else line), ""
        content = re.sub(r"(^|\s)#.*$", "", full).strip()
        if content:
            yield start, content


def _option(line: str, path: Path, place: str, result: Requirements, into: list[Package]) -> None:
    """Follow ``-r``, ``-c``, ``-e`` and ``--find-links``; all other options are pip's business."""
    found = re.match(r"(?:--([a-z-]+)(?:=|\s+|$)|-([a-z])\s*=?)(.*)", line)
    if not found:
        return
    name, value = found[1] or SHORT.get(found[2], ""), found[3].strip()
    match name:
        case "requirement" | "constraint":
            target = result.constraints if name == "constraint" else into
            included = _included(value, path, place, result)
            if included:
                _read(included, result, target)
        case "editable":
            _requirement(value, path, place, result, into)
        case "find-links" if not _is_url(value):
            _local(value, path, place, result)


def _included(value: str, path: Path, place: str, result: Requirements) -> Path | None:
    """Return the file that ``-r value`` names, seen from the file it stands in."""
    if _is_url(value):
        return None
    included = files.resolved(path.parent / _unquoted(value))
    if not included.is_relative_to(result.root):
        problem = f"{place}: {value} lies outside of {result.root}."
        raise ConfigInvalid(problem, "Take a directory that holds both as the project's root.")
    if not files.is_file(included):
        raise ConfigInvalid(f"{place}: there is no file {value}.", "Add it, or drop the line.")
    return included


def _unquoted(value: str) -> str:
    try:
        return " ".join(shlex.split(value))
    except ValueError:
        return value


def _is_url(value: str) -> bool:
    return bool(re.match(r"[a-z+]+://", value))


def _requirement(
    line: str, path: Path, place: str, result: Requirements, into: list[Package]
) -> None:
    text = re.split(r"\s-", f" {line}", maxsplit=1)[0].strip()  # --hash=…, --config-settings=…
    if _is_path(text):
        _local(text, path, place, result)
        return
    requirement = _by_url(text) or _parsed(text, place)
    if requirement and holds(requirement.marker, result.python):
        into.append(package(requirement, place))


def _parsed(text: str, place: str) -> Requirement:
    try:
        return Requirement(text)
    except InvalidRequirement as error:
        reason = str(error).splitlines()[0].rstrip(".:")
        problem = f"{place}: {text} is no requirement: {reason}."
        raise ConfigInvalid(problem, "Write it as name==version.") from error


def _is_path(text: str) -> bool:
    bare = text.partition(";")[0].partition("[")[0].strip()
    return not re.search(r"\s@\s|://", bare) and (
        bare.startswith((".", "/")) or "/" in bare or bare.lower().endswith(ARCHIVES)
    )


def _by_url(text: str) -> Requirement | None:
    """Return the requirement behind ``git+https://…#egg=name`` or ``https://…/name-1.0.whl``."""
    if not _is_url(text):
        return None
    address, _, marker = text.partition(" ;")
    address, _, fragment = address.strip().partition("#")
    egg = re.search(r"egg=([\w.\-]+(?:\[[^\]]*\])?)", fragment)
    name = egg[1] if egg else _archive_name(address)
    return Requirement(f"{name} ;{marker}" if marker else name) if name else _nameless(address)


def _nameless(address: str) -> Requirement:
    stem = address.partition("@")[0] if address.startswith(VCS) else address
    name = re.sub(r"\W+", "-", stem.rstrip("/").rpartition("/")[2].removesuffix(".git")).strip("-")
    return Requirement(name or "unnamed")


def _archive_name(address: str) -> str:
    filename = address.rpartition("/")[2]
    try:
        if filename.endswith(".whl"):
            return parse_wheel_filename(filename)[0]
        return parse_sdist_filename(filename)[0]
    except (InvalidWheelFilename, InvalidSdistFilename):
        return ""


def _is_there(path: Path) -> bool:
    return files.is_file(path) or files.is_directory(path)


def _local(text: str, path: Path, place: str, result: Requirements) -> None:
    """Note a directory, or a file, of the project's own that is installed from."""
    bare = _unquoted(text.partition(";")[0].partition("[")[0].strip().removeprefix("file:"))
    # pip counts from the directory it runs in: the root; a line like this may mean its file's.
    places = [files.resolved(directory / bare) for directory in (result.root, path.parent)]
    inside = [candidate for candidate in places if candidate.is_relative_to(result.root)]
    base = next((candidate for candidate in inside if _is_there(candidate)), None)
    if base is None:
        if bare.startswith("/"):  # a place in the image
            return
        raise ConfigInvalid(f"{place}: there is no {bare} in the project.", "Add it, or drop it.")
    (result.local if files.is_directory(base) else result.files).append(base)
    name = _archive_name(base.name) if files.is_file(base) else ""
    if name:
        result.found.append(Package(canonical(name), "", frozenset(), place))
