"""Packages, and the markers that they are installed under."""

from __future__ import annotations

import pytest
from packaging.requirements import Requirement

from buildstatic.project.packages import Package, join, marker_applies, package


def test_a_name_is_spelt_as_the_standard_does() -> None:
    found = package(Requirement("Psycopg2_Binary[Some.Extra]>=2,<3"), "x:1")
    assert found == Package("psycopg2-binary", "<3,>=2", frozenset({"some-extra"}), "x:1")


def test_what_is_named_twice_has_both_and_stands_at_the_first() -> None:
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
def test_a_marker_is_asked_about_linux_and_the_project_s_python(
    marker: str | None, expected: bool
) -> None:
    assert marker_applies(marker, "3.12") is expected


def test_the_extras_that_are_asked_for_count() -> None:
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
def test_a_marker_is_asked_about_the_patch_that_is_known(marker: str, expected: bool) -> None:
    assert marker_applies(marker, "3.12.3") is expected
