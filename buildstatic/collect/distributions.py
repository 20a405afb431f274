"""The installed distributions that files belong to."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterable
from importlib.metadata import Distribution, distributions


def owners(paths: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return the distribution of each of *paths*, absolute, that one has installed.

    It has a ``name`` and a ``version``, and a ``purl`` (package-url/purl-spec) if it was installed
    from an index. Files of an editable installation belong to none.
    """
    wanted: dict[str, str] = {}
    directories: dict[str, str] = {}
    for path in paths:
        directory, name = os.path.split(path)
        if directory not in directories:
            directories[directory] = os.path.realpath(directory)
        wanted[f"{directories[directory]}/{name}"] = path
    owned: dict[str, dict[str, str]] = {}
    for distribution in distributions():
        root = os.path.realpath(str(distribution.locate_file("")))
        names = (f"{root}/{name}" for name in _installed_files(distribution))
        if found := [wanted[name] for name in names if name in wanted]:
            owned |= dict.fromkeys(found, _describe(distribution))
    return owned


def _installed_files(distribution: Distribution) -> list[str]:
    """Return the files of *distribution*, relative to where it is installed."""
    record = distribution.read_text("RECORD")
    if record is None:
        return [str(file) for file in distribution.files or ()]
    # PackagePath objects for tens of thousands of files would take a second.
    return [row[0] for row in csv.reader(record.splitlines()) if row]


def _describe(distribution: Distribution) -> dict[str, str]:
    name, version = distribution.metadata["Name"], distribution.version
    described = {"name": name, "version": version}
    # packaging.python.org/en/latest/specifications/direct-url: not from an index
    if distribution.read_text("direct_url.json") is None:
        canonical = re.sub(r"[-_.]+", "-", name).lower()
        described["purl"] = f"pkg:pypi/{canonical}@{version.replace('+', '%2B')}"
    return described
