"""The doctor as a whole: where nothing is wrong nothing is found, and each code is told of."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from buildstatic.checks import CHECKS, finding_codes
from buildstatic.project.keys import CODE
from tests.checks.projects import checked, found, sound
from tests.checks.projects import codes as found_codes
from tests.pages import read
from tests.samples import EXAMPLE, PROJECTS, copy
from tests.startproject import edited, startproject

# What is truly so in the projects that stand for others' ways.
TRUE = {"startproject": ["debug-on"], "whitenoise": ["manifest-storage-off"]}


def test_nothing_is_found_in_a_project_that_nothing_is_wrong_with(tmp_path: Path) -> None:
    checkup = checked(sound(tmp_path), runs=True)
    assert (list(checkup.findings), checkup.unexamined) == ([], "")


@pytest.mark.parametrize("name", [*sorted(path.name for path in PROJECTS.iterdir()), EXAMPLE.name])
def test_in_every_sample_only_what_is_true_is_found(tmp_path: Path, name: str) -> None:
    assert found_codes(copy(name, tmp_path), runs=True) == TRUE.get(name, [])


def test_a_new_project_lacks_what_it_lacks_and_no_more(tmp_path: Path) -> None:
    root = startproject(tmp_path)
    assert found_codes(root) == ["static-root-missing", "debug-on", "manifest-storage-off"]
    assert found_codes(edited(root), runs=True) == ["debug-on"]


def test_every_code_is_there_once_and_written_as_codes_are() -> None:
    every = [code for check in CHECKS for code in check.CODES]
    assert len(every) == len(set(every))
    assert [code for code in every if not re.fullmatch(CODE, code)] == []


def test_every_code_has_its_place_in_the_reference() -> None:
    shown = re.findall(r"^### `([a-z-]+)`$", read("docs/reference/check.md"), re.M)
    assert shown == list(finding_codes())


def test_the_gravest_come_first(tmp_path: Path) -> None:
    root = sound(tmp_path, change=('STATIC_ROOT = BASE_DIR / "staticfiles"\n', "DEBUG = True\n"))
    severities = [finding.severity for finding in found(root)]
    assert severities == sorted(severities, reverse=True)
    assert len(severities) > 1


def test_what_is_silenced_is_not_told(tmp_path: Path) -> None:
    root = sound(
        tmp_path,
        {"pyproject.toml": '[tool.buildstatic]\nsilence = ["debug-on"]\n'},
        change=("DEBUG = False", "DEBUG = True"),
    )
    assert found_codes(root) == []
