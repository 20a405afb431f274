"""Django's own tests of collectstatic pass with buildstatic's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.django_suite.places import RUNNER, environment, image, report, sdist

pytestmark = pytest.mark.slow

# Django 4.2 has 169 tests of its staticfiles, 5.2 has 190; most collect by a storage that is known.
TESTS, COLLECTIONS = 160, 100


@pytest.mark.parametrize(
    "door",
    # Worker processes replace the command in the same way as "patch".
    ["app", pytest.param("patch", marks=pytest.mark.exhaustive)],
)
def test_djangos_own_tests_pass(door: str, workshop: Path, tmp_path: Path) -> None:
    assert_whole(here(door, workshop, tmp_path), "5.2")


@pytest.mark.exhaustive
def test_djangos_own_tests_pass_by_worker_processes(workshop: Path, tmp_path: Path) -> None:
    found = here("processes", workshop, tmp_path)
    assert_whole(found, "5.2")
    assert found["processes"] > COLLECTIONS


@pytest.mark.exhaustive
def test_django_alone_does_not_run_the_collector(workshop: Path, tmp_path: Path) -> None:
    found = here("none", workshop, tmp_path)
    assert found["tests"] > TESTS
    assert found["collector"] == 0


@pytest.mark.exhaustive
@pytest.mark.engine
@pytest.mark.parametrize("door", ["app", "patch"])
@pytest.mark.parametrize(
    ("version", "python"),
    [
        pytest.param("4.2", "3.11", id="django-4.2"),
        pytest.param("5.2", "3.13", id="django-5.2"),
        pytest.param("6", "3.13", id="newest-django-6"),
    ],
)
def test_djangos_own_tests_pass_on_other_pythons(
    version: str,
    python: str,
    door: str,
    workshop: Path,
    tmp_path: Path,
    tag: Callable[[str], str],
) -> None:
    name = image(workshop, version, python, tag(f"django-suite-{version}"))
    found = report(["docker", "run", "--rm", "--network=none", name, door], tmp_path)
    assert found["python"].startswith(f"{python}.")
    assert_whole(found, version)


def here(door: str, workshop: Path, cwd: Path) -> dict[str, Any]:
    """Run the tests of Django 5.2 on the Python that runs this one."""
    python = environment(workshop, "5.2")
    return report([python, "-P", RUNNER, sdist(workshop, "5.2"), door], cwd)


def assert_whole(found: dict[str, Any], version: str) -> None:
    """Assert that every test of Django *version* ran, and that the collector was used."""
    assert found["django"].startswith(f"{version}.")
    assert found["failed"] == []
    assert found["skipped"] == []
    assert found["tests"] > TESTS
    assert found["collector"] > COLLECTIONS
