"""The dependencies of buildstatic are listed with their licences, and locked for CI."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

REPOSITORY = Path(__file__).parent.parent
PAGE = REPOSITORY / "docs" / "reference" / "dependencies.md"
LOCK = REPOSITORY / ".github" / "constraints.txt"
# What other systems, interpreters or extras need.
ENVIRONMENTS: tuple[dict[str, str | AbstractSet[str]], ...] = (
    {"extra": "", "python_version": "3.11", "python_full_version": "3.11.9"},
    {"extra": "", "python_version": "3.14", "python_full_version": "3.14.1"},
)


def required(name: str) -> set[NormalizedName]:
    """Return the names of what *name* requires, directly or not."""
    found: set[NormalizedName] = set()
    pending: list[str] = [name]
    while pending:
        for line in distribution(pending.pop()).requires or ():
            requirement = Requirement(line)
            marker = requirement.marker
            is_needed = marker is None or any(map(marker.evaluate, ENVIRONMENTS))
            needed = canonicalize_name(requirement.name)
            if is_needed and needed not in found:
                found.add(needed)
                pending += [needed] if is_installed(needed) else []
    return found


def is_installed(name: str) -> bool:
    return any(Distribution.discover(name=name))


def licence(name: str) -> str:
    """Return the family of the licence in the metadata of *name*."""
    metadata = distribution(name).metadata
    classifiers = metadata.get_all("Classifier") or ()
    licences = [value for value in classifiers if value.startswith("License :: ")]
    text = next(iter(metadata.get_all("License") or ()), "").partition("\n")[0]
    expressions = metadata.get_all("License-Expression") or ()
    return family(" ".join([*expressions, *licences, text]))


def family(text: str) -> str:
    """Return the first known licence that *text* names."""
    found = re.search("Apache|BSD|MIT|MPL|PSF", text)
    assert found, text
    return found[0]


def test_licence_of_each_dependency_is_listed() -> None:
    rows = re.findall(r"^\| ([\w.-]+) \| .+ \| (.+) \|$", PAGE.read_text(), re.M)
    listed = {canonicalize_name(name): text for name, text in rows if name != "package"}
    expected = required("buildstatic")
    assert sorted(listed) == sorted(expected)
    for name in filter(is_installed, expected):
        assert family(listed[name]) == licence(name), name


def test_all_dependencies_are_locked_for_ci() -> None:
    locked = {canonicalize_name(line.partition("==")[0]) for line in LOCK.read_text().splitlines()}
    assert required("buildstatic") <= locked
