"""The storages of django-static-compress give the same files as with Django."""

from __future__ import annotations

import random
import string
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.collect.packages import python_with_apps
from tests.collect.sites import Ran, Site, contents, make_site, run
from tests.collect.test_differential_packages import VARIANTS, assert_same

pytestmark = pytest.mark.slow

PLAIN = "static_compress.storage.CompressedStaticFilesStorage"
MANIFEST = "static_compress.storage.CompressedManifestStaticFilesStorage"
LARGE = "var a = 1; // a comment\n" * 2000
FILES = {
    "static/css/a.css": "a { background: url(../img/dot.svg) }\n",
    "static/css/large.css": "a { color: red }\n" * 3000,
    "static/img/dot.svg": "<svg/>",
    "static/js/large.js": LARGE,
    "static/js/same.js": LARGE,
    "static/js/small.js": "var b;",
    "static/large.txt": "text\n" * 10_000,
}
OF_THE_PROJECT = """\
from static_compress.mixin import CompressMixin
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage


class WithoutCss(CompressMixin, ManifestStaticFilesStorage):
    def _is_file_allowed(self, file):
        return not file.endswith(".css") and super()._is_file_allowed(file)

    def post_process(self, paths, *arguments, **options):
        kept = {name: path for name, path in paths.items() if name != "js/same.js"}
        yield from super().post_process(kept, *arguments, **options)


class ReadsTheDisk(CompressMixin, ManifestStaticFilesStorage):
    def _is_file_allowed(self, file):
        return open(self.path(file)).read(3) == "var"
"""


class Pair:
    """A site that Django collects, and an equal one that buildstatic collects."""

    def __init__(self, root: Path, python: Path, storage: str, settings: str = "") -> None:
        self.python = python
        self.reference, self.actual = (
            make_site(root / name / "site", FILES) for name in ("reference", "actual")
        )
        self.cache = root / "cache"
        for site in self.sites:
            site.write({"mysite/storages.py": OF_THE_PROJECT})
            site.append(settings)
            site.storage(storage)

    @property
    def sites(self) -> tuple[Site, Site]:
        return self.reference, self.actual

    def collect(self, *options: str | Path) -> tuple[Ran, Ran]:
        """Collect both, and return how that ended; buildstatic alone gets paths."""
        django = [option for option in options if option in ("--clear", "--no-post-process")]
        command = ("-m", "buildstatic", "collect", "--noinput", "--python", self.python)
        return (
            run(
                self.python,
                "manage.py",
                "collectstatic",
                "--noinput",
                *django,
                cwd=self.reference.root,
            ),
            run(sys.executable, *command, "--cache", self.cache, *options, cwd=self.actual.root),
        )

    def assert_equal(self) -> dict[str, bytes]:
        """Assert that both trees have the same files, and no larger variants; return one."""
        reference, actual = (contents(site.tree) for site in self.sites)
        assert_same(dict(reference), dict(actual), len(FILES))
        larger = [name for name in variants(actual) if len(actual[name]) > len(reference[name])]
        assert larger == []
        return actual


def variants(tree: Iterable[str]) -> list[str]:
    return [name for name in tree if Path(name).suffix in VARIANTS]


@pytest.fixture(scope="module")
def python(environments: Path) -> Path:
    return python_with_apps(environments)


@pytest.mark.parametrize(
    ("storage", "settings"),
    [
        pytest.param(PLAIN, "", id="plain"),
        pytest.param(MANIFEST, "", id="manifest"),
        pytest.param(PLAIN, 'STATIC_COMPRESS_METHODS = ["gz+zlib"]\n', id="zlib"),
        pytest.param(PLAIN, 'STATIC_COMPRESS_METHODS = ["br"]\n', id="brotli"),
        pytest.param(PLAIN, 'STATIC_COMPRESS_FILE_EXTS = ["txt"]\n', id="extensions"),
        pytest.param(PLAIN, "STATIC_COMPRESS_MIN_SIZE_KB = 0\n", id="small files"),
        pytest.param("mysite.storages.WithoutCss", "", id="of the project"),
    ],
)
def test_variants_equal_those_of_the_package(
    tmp_path: Path, python: Path, storage: str, settings: str
) -> None:
    pair = Pair(tmp_path, python, storage, settings)
    for options in ((), (), ("--clear",)):
        django, ran = pair.collect(*options)
        assert (django.code, ran.code) == (0, 0), ran.err
        assert "ran in memory" in ran.err
        assert variants(pair.assert_equal())


def test_variants_of_a_file_that_became_small_are_removed(tmp_path: Path, python: Path) -> None:
    pair = Pair(tmp_path, python, PLAIN)
    pair.collect()
    assert "js/large.js.gz" in pair.assert_equal()
    for site in pair.sites:
        site.write({"static/js/large.js": "small"})
    pair.collect("--clear")
    assert "js/large.js.gz" not in pair.assert_equal()


def test_incompressible_file_has_variants(tmp_path: Path, python: Path) -> None:
    pair = Pair(tmp_path, python, PLAIN, "STATIC_COMPRESS_MIN_SIZE_KB = 0\n")
    noise = "".join(random.Random(1).choices(string.printable, k=40))
    for site in pair.sites:
        site.write({"static/js/noise.js": noise})
    for _ in range(2):
        pair.collect()
        tree = pair.assert_equal()
        assert len(tree["js/noise.js.gz"]) > len(tree["js/noise.js"])


def test_other_efforts_are_used_if_given(tmp_path: Path, python: Path) -> None:
    pair = Pair(tmp_path, python, PLAIN)
    _, ran = pair.collect("--compress", "none")
    assert ran.code == 0
    assert variants(contents(pair.actual.tree)) == []


@pytest.mark.parametrize(
    ("storage", "settings", "reason"),
    [
        pytest.param(
            PLAIN,
            "STATIC_COMPRESS_KEEP_ORIGINAL = False\n",
            "CompressMixin has its own get_modified_time",
            id="originals are deleted",
        ),
        pytest.param(
            "mysite.storages.ReadsTheDisk", "", "its code uses open", id="looks at the disk"
        ),
    ],
)
def test_own_code_compresses_on_the_disk(
    tmp_path: Path, python: Path, storage: str, settings: str, reason: str
) -> None:
    pair = Pair(tmp_path, python, storage, settings)
    django, ran = pair.collect()
    assert (django.code, ran.code) == (0, 0), ran.err
    assert reason in ran.err
    pair.assert_equal()


def test_error_of_the_package_is_reported(tmp_path: Path, python: Path) -> None:
    """It looks for a fingerprinted file by the hash that it had before it was rewritten."""
    pair = Pair(tmp_path, python, MANIFEST, "STATIC_COMPRESS_MIN_SIZE_KB = 0\n")
    django, ran = pair.collect()
    assert (django.code, ran.code) == (1, 23)
    missing = django.err.rpartition("No such file or directory: ")[2].strip().strip("'")
    assert missing.replace("/reference/", "/actual/") in ran.err
    assert not pair.actual.tree.exists() or not contents(pair.actual.tree)
