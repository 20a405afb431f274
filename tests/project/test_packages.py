"""Packages and environment markers."""

from __future__ import annotations

import pytest
from packaging.requirements import Requirement

from buildstatic.project.packages import Package, join, marker_applies, package


def test_names_are_normalized() -> None:
    found = package(Requirement("Psycopg2_Binary[Some.Extra]>=2,<3"), "x:1")
    assert found == Package("psycopg2-binary", "<3,>=2", frozenset({"some-extra"}), "x:1")


def test_duplicates_are_joined() -> None:
    one = package(Requirement("psycopg[c]>=3"), "a:1")
    two = package(Requirement("psycopg[pool]<4"), "b:2")
    assert join([one, two]) == {
        "psycopg": Package("psycopg", ">=3,<4", frozenset({"c", "pool"}), "a:1")
    }


@pytest.mark.parametrize(
    ("marker", "expected"),
    [
        (None, True),
        ("", True),
        ("sys_platform == 'linux'", True),
        ("sys_platform == 'win32'", False),
        ("platform_system != 'Windows'", True),
        ("os_name == 'nt'", False),
        ("python_version >= '3.12'", True),
        ("python_version < '3.12'", False),
        ("python_full_version >= '3.12.1'", True),
        ("implementation_name == 'pypy'", False),
        ("platform_machine == 'aarch64'", True),
        ("platform_machine == 'arm64'", False),
        ("extra == 'dev'", False),
        ("no marker at all", True),
        ("nobody == 'knows'", True),
        (f"python_version >= '3.{'9' * 5000}'", True),
    ],
    ids=lambda value: str(value)[:40],
)
def test_markers_are_evaluated_for_linux(marker: str | None, expected: bool) -> None:
    assert marker_applies(marker, "3.12") is expected


def test_markers_with_extras() -> None:
    assert marker_applies("extra == 'dev'", "3.12", ["dev"])
    assert marker_applies("python_version >= '3'", "3.12", ["dev"])


@pytest.mark.parametrize(
    ("marker", "expected"),
    [
        ("python_version == '3.12'", True),
        ("python_full_version >= '3.12.4'", False),
        ("python_full_version < '3.12.4'", True),
    ],
)
def test_markers_with_patch_version(marker: str, expected: bool) -> None:
    assert marker_applies(marker, "3.12.3") is expected
