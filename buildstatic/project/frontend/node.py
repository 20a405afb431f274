"""The Node that a front-end asks for: the major version, which names the image."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from buildstatic.project import files

DEFAULT = 22
MAJORS = range(10, 60)
# github.com/nodejs/Release/blob/main/CODENAMES.md
CODENAMES = {"hydrogen": 18, "iron": 20, "jod": 22, "krypton": 24}
VERSION = r"v?(\d{1,3})((?:\.(?:\d+|[xX*])){0,2})"


def find(directory: Path, root: Path, package: Mapping[str, object]) -> int:
    """Return the major version of Node for *package*, the package.json in *directory*.

    A version that is named goes before a range: that of .nvmrc or .node-version (beside it, else in
    *root*) or Volta's. Of the range in ``engines`` it is 22 if that is allowed, else the nearest.
    """
    named = (*_files(directory, root), _entry(package, "volta"))
    versions = filter(None, map(_version, named))
    return next(versions, None) or _nearest(_entry(package, "engines"))


def _files(directory: Path, root: Path) -> Iterator[str]:
    for place in dict.fromkeys((directory, root)):
        for name in (".nvmrc", ".node-version"):
            if files.is_file(place / name):
                lines = files.read_text(place / name, root).splitlines()
                yield next((line for line in map(str.strip, lines) if line[:1] not in "#"), "")


def _entry(package: Mapping[str, object], table: str) -> str:
    found = package.get(table)
    version = found.get("node") if isinstance(found, dict) else None
    return version if isinstance(version, str) else ""


def _version(text: str) -> int | None:
    """Return the major of ``v20.11``, ``20`` or ``lts/iron``; None for ``lts/*`` and ``node``."""
    name = text.strip().lower()
    exact = re.match(rf"(?:node[-@])?{VERSION}\b", name)
    found = int(exact[1]) if exact else CODENAMES.get(name.removeprefix("lts/"))
    return found if found in MAJORS else None


def _nearest(wanted: str) -> int:
    allowed = [major for major in MAJORS if _allows(wanted, major)]
    if DEFAULT in allowed or not allowed:
        return DEFAULT
    # An odd one is supported for half a year.
    stable = [major for major in allowed if major % 2 == 0] or allowed
    return min(stable, key=lambda major: (abs(major - DEFAULT), major))


def _allows(wanted: str, major: int) -> bool:
    """Say whether the range *wanted* (github.com/npm/node-semver) has a version of *major*."""
    return any(_all_hold(one, major) for one in wanted.split("||"))


def _all_hold(wanted: str, major: int) -> bool:
    between = re.fullmatch(rf"\s*{VERSION}\s+-\s+{VERSION}\s*", wanted)
    if between:
        return int(between[1]) <= major <= int(between[3])
    parts = re.findall(rf"([<>=^~]*)\s*{VERSION}", wanted)
    return all(_holds(sign, int(number), rest, major) for sign, number, rest in parts)


def _holds(sign: str, number: int, rest: str, major: int) -> bool:
    is_whole = not re.search(r"[1-9]", rest)
    match sign:
        case ">=":
            return major >= number
        case ">":
            return major > number or (major == number and bool(re.search(r"\.\d", rest)))
        case "<=":
            return major <= number
        case "<":
            return major < number or (major == number and not is_whole)
        case _:
            return major == number
