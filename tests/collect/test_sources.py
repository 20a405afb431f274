"""Sources: each finder runs once, with Django's patterns; errors name it."""

from __future__ import annotations

import pytest

from tests.collect.conftest import Collect
from tests.collect.sites import Site, contents, manage

FINDER = """\
from pathlib import Path

from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.base import ContentFile
from django.core.files.storage import Storage


class Memory(Storage):
    prefix = None

    def _open(self, name, mode="rb"):
        return ContentFile(b"from memory")


class Generated(BaseFinder):
    def check(self, **kwargs):
        return []

    def list(self, ignore_patterns):
        with Path("asked").open("a") as file:
            file.write("asked ")
        yield "generated/data.txt", Memory()


class Raising(Generated):
    def list(self, ignore_patterns):
        yield "generated/data.txt", Memory()
        raise LookupError("nothing found")


class Unmade(Generated):
    def __init__(self):
        raise LookupError("not made")
"""


def with_finder(site: Site, name: str) -> None:
    site.write({"mysite/finders.py": FINDER})
    site.append(
        "STATICFILES_FINDERS = [\n"
        '    "django.contrib.staticfiles.finders.FileSystemFinder",\n'
        f'    "mysite.finders.{name}",\n]\n'
    )


def test_each_finder_runs_once(site: Site, collect: Collect) -> None:
    with_finder(site, "Generated")
    # Django says which path a file is copied from, so it cannot copy from such a storage itself.
    site.write({"static/generated/data.txt": "on disk"})
    ran = collect(site, "--noinput")
    assert ran.code == 0
    assert (site.root / "asked").read_text() == "asked "
    assert "generated/data.txt in Memory is not" in ran.err
    assert (site.tree / "generated/data.txt").read_text() == "on disk"


@pytest.mark.parametrize(
    ("finder", "message"),
    [
        pytest.param("Raising", "mysite/finders.py:28: LookupError: nothing found.", id="list"),
        pytest.param("Unmade", "mysite/finders.py:33: LookupError: not made.", id="made"),
        pytest.param("NoSuch", 'does not define a "NoSuch" attribute/class', id="import"),
    ],
)
def test_finder_errors_are_reported_before_writing(
    site: Site, collect: Collect, finder: str, message: str
) -> None:
    with_finder(site, finder)
    ran = collect(site, "--noinput")
    assert ran.code == 23
    assert f"The finder mysite.finders.{finder} failed: " in ran.err
    assert message in ran.err
    assert not site.tree.exists()


@pytest.mark.parametrize(
    "options",
    [
        pytest.param((), id="default"),
        pytest.param(("--no-default-ignore",), id="no-default"),
        pytest.param(("-i", "*.css", "--ignore", "js"), id="patterns"),
        pytest.param(("--ignore", "vendor/*.js", "--no-default-ignore"), id="paths"),
        pytest.param(("--ignore=./vendor/",), id="normalised"),
    ],
)
def test_ignore_patterns_equal_djangos(
    site: Site, collect: Collect, options: tuple[str, ...]
) -> None:
    site.write(
        {
            "static/.hidden": "1",
            "static/.well-known/security.txt": "2",
            "static/CVS/entries": "3",
            "static/old~": "4",
            "static/vendor/a.js": "5",
            "static/vendor/deep/b.js": "6",
        }
    )
    assert manage(site, "--noinput", *options).code == 0
    expected = contents(site.tree)
    site.tree.rename(site.root / "expected")
    assert collect(site, "--noinput", *options).code == 0
    assert contents(site.tree) == expected
