"""The major version of Node that a package.json or the files beside it ask for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from buildstatic.project import files

# With long-term support since 2026-10-28, until April 2029 (github.com/nodejs/Release).
DEFAULT_NODE = 26
MAX_LENGTH = 200  # of a range
NODE_MAJORS = range(10, 60)
# github.com/nodejs/Release/blob/main/CODENAMES.md
NODE_CODENAMES = {"hydrogen": 18, "iron": 20, "jod": 22, "krypton": 24, "lithium": 26}
NODE_VERSION = r"v?(\d{1,3})((?:\.(?:\d+|[xX*])){0,2})"


def node_version(directory: Path, root: Path, package: Mapping[str, object]) -> int:
    """Return the major version of Node for *package*, the package.json in *directory*.

    A version in .nvmrc, .node-version or .tool-versions (beside it, else in *root*) or of Volta
    takes precedence over the range in ``engines``. Of a range it is 26 if that is allowed, else the
    nearest.
    """
    named = []
    for place in dict.fromkeys((directory, root)):
        for name in (".nvmrc", ".node-version"):
            if files.is_file(place / name):
                lines = files.read_text(place / name, root).splitlines()
                named.append(next((ln for ln in map(str.strip, lines) if ln[:1] not in "#"), ""))
        if files.is_file(place / ".tool-versions"):
            text = files.read_text(place / ".tool-versions", root)
            named += re.findall(r"^\s*node(?:js)?[ \t]+(\S+)", text, re.MULTILINE)
    named.append(_node_entry(package, "volta"))
    for text in named:
        # v20.11, 20 or lts/iron; not lts/* or node.
        version = text.strip().lower()
        exact = re.match(rf"(?:node[-@])?{NODE_VERSION}\b", version)
        major = int(exact[1]) if exact else NODE_CODENAMES.get(version.removeprefix("lts/"))
        if major is not None and major in NODE_MAJORS:
            return major
    engines = _node_entry(package, "engines").split("||")
    allowed = [major for major in NODE_MAJORS if any(_matches(one, major) for one in engines)]
    if DEFAULT_NODE in allowed or not allowed:
        return DEFAULT_NODE
    # Odd versions are supported for half a year only.
    stable = [major for major in allowed if major % 2 == 0] or allowed
    return min(stable, key=lambda major: (abs(major - DEFAULT_NODE), major))


def _node_entry(package: Mapping[str, object], table: str) -> str:
    found = package.get(table)
    version = found.get("node") if isinstance(found, dict) else None
    return version if isinstance(version, str) and len(version) <= MAX_LENGTH else ""


def _matches(comparators: str, major: int) -> bool:
    """Return whether a version of *major* matches the range (github.com/npm/node-semver)."""
    between = re.fullmatch(rf"\s*{NODE_VERSION}\s+-\s+{NODE_VERSION}\s*", comparators)
    if between:
        return int(between[1]) <= major <= int(between[3])
    for sign, digits, rest in re.findall(rf"([<>=^~]*)\s*{NODE_VERSION}", comparators):
        number, is_whole = int(digits), not re.search(r"[1-9]", rest)
        match sign:
            case ">=":
                holds = major >= number
            case ">":
                holds = major > number or (major == number and bool(re.search(r"\.\d", rest)))
            case "<=":
                holds = major <= number
            case "<":
                holds = major < number or (major == number and not is_whole)
            case _:
                holds = major == number
        if not holds:
            return False
    return True
