"""``manage.py collectstatic`` with buildstatic.django: output, errors and files are Django's."""

from __future__ import annotations

import gc
import sys
from pathlib import Path

import pytest

from tests.collect.sites import Ran, Site, contents, make_site, manage, run
from tests.collect.test_differential import decoded

MANIFEST = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
# A finder as projects write it: what it offers is not what lies on the disk.
FINDER = """\
from django.contrib.staticfiles.finders import BaseStorageFinder
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, Storage


class Loud(FileSystemStorage):
    def __init__(self):
        super().__init__("loud")

    def _open(self, name, mode="rb"):
        return ContentFile(super()._open(name, mode).read().upper())

    {more}


class LoudFinder(BaseStorageFinder):
    storage = Loud
"""
# The base class of all storages has no times.
NO_TIMES = "get_modified_time = Storage.get_modified_time"


def twins(parent: Path) -> tuple[Site, Site]:
    """Write one project twice; the second has the app buildstatic.django."""
    reference, actual = (
        make_site(parent / "reference" / "site"),
        make_site(parent / "actual" / "site"),
    )
    actual.append('INSTALLED_APPS.insert(0, "buildstatic.django")\n')
    return reference, actual


def output_of(ran: Ran, site: Site) -> tuple[int, list[str], str]:
    """Return exit code, lines in any order (Django's is that of the disk), and the last error."""
    out = sorted(ran.out.replace(str(site.root), "").splitlines())
    return ran.code, out, (ran.err.splitlines() or [""])[-1]


def assert_same(reference: Site, actual: Site, *arguments: str) -> Ran:
    """Run both and compare; return the result of *actual*."""
    expected = manage(reference, *arguments)
    ran = manage(actual, *arguments)
    assert output_of(ran, actual) == output_of(expected, reference), ran.err
    assert decoded(actual.tree) == decoded(reference.tree)
    return ran


@pytest.mark.slow
@pytest.mark.parametrize("verbosity", ["0", "1", "2"])
def test_output_equals_djangos(tmp_path: Path, verbosity: str) -> None:
    reference, actual = twins(tmp_path)
    for site in (reference, actual):
        site.app("shop", {"css/site.css": "shadowed", "shop/shop.js": "let shop;\n"})
        site.storage("django.contrib.staticfiles.storage.StaticFilesStorage")
    for _ in range(2):
        assert_same(reference, actual, "--noinput", f"--verbosity={verbosity}")
    assert_same(
        reference, actual, "--noinput", f"--verbosity={verbosity}", "--ignore=*.js", "--clear"
    )


@pytest.mark.slow
def test_links_and_dry_runs_run_djangos_code(tmp_path: Path) -> None:
    reference, actual = twins(tmp_path)
    assert_same(reference, actual, "--noinput", "--dry-run")
    assert not actual.tree.exists()
    assert_same(reference, actual, "--noinput", "--link")
    assert (actual.tree / "js" / "site.js").is_symlink()
    assert_same(reference, actual, "--noinput")
    assert not (actual.tree / "js" / "site.js").is_symlink()


def test_missing_static_root_fails_as_in_django(tmp_path: Path) -> None:
    reference, actual = twins(tmp_path)
    for site in (reference, actual):
        site.append("STATIC_ROOT = None\n")
    assert "without having set the STATIC_ROOT" in assert_same(reference, actual, "--noinput").err
    for site in (reference, actual):
        site.append("STATICFILES_DIRS = []\n")
    assert assert_same(reference, actual, "--noinput").code == 0


def test_all_broken_references_are_reported_as_by_django(tmp_path: Path) -> None:
    reference, actual = twins(tmp_path)
    broken = {f"static/css/{name}.css": f'a {{ b: url("no-{name}.png") }}\n' for name in "ab"}
    for site in (reference, actual):
        site.write(broken)
        site.storage(MANIFEST)
    expected, ran = manage(reference, "--noinput"), manage(actual, "--noinput")
    assert (expected.code, ran.code) == (1, 1)
    for err in (expected.err, ran.err):
        assert "Post-processing 'css/" in err
        assert "could not be found with <django.contrib.staticfiles.storage.Manifest" in err
    assert ran.err.count("Also: ") == 1
    assert all(name in ran.err for name in ("no-a.png", "no-b.png"))


def test_reference_cycles_fail_as_in_django(tmp_path: Path) -> None:
    reference, actual = twins(tmp_path)
    for site in (reference, actual):
        site.write({"static/a.css": '@import "b.css";', "static/b.css": '@import "a.css";'})
        site.storage(MANIFEST)
    expected, ran = manage(reference, "--noinput"), manage(actual, "--noinput")
    assert (expected.code, ran.code) == (1, 1)
    assert ran.err.splitlines()[0] == expected.err.splitlines()[0]
    assert ran.err.splitlines()[-1] == expected.err.splitlines()[-1]


def test_lazy_source_storages_are_collected(tmp_path: Path) -> None:
    reference, actual = twins(tmp_path)
    for site in (reference, actual):
        site.write({"media/css/more.css": 'b { c: url("dot.svg") }', "media/css/dot.svg": "<svg/>"})
        site.append('MEDIA_ROOT = BASE_DIR / "media"\n')
        site.append(f"STATICFILES_FINDERS = {FINDERS}\n")
        site.storage(MANIFEST)
        site.append(DEFAULT)
    for _ in range(2):
        assert assert_same(reference, actual, "--noinput").code == 0
    assert len(contents(actual.tree)) == 11


DEFAULT = 'STORAGES["default"] = {"BACKEND": "django.core.files.storage.FileSystemStorage"}\n'
FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.DefaultStorageFinder",
]


@pytest.mark.parametrize("more", ["", NO_TIMES], ids=["with-times", "without-times"])
def test_content_changed_by_a_source_storage_is_collected(tmp_path: Path, more: str) -> None:
    reference, actual = twins(tmp_path)
    for site in (reference, actual):
        site.write({"finding.py": FINDER.format(more=more), "loud/loud.txt": "loud"})
        site.append('STATICFILES_FINDERS = ["finding.LoudFinder"]\n')
    for _ in range(2):
        assert assert_same(reference, actual, "--noinput").code == 0
    assert contents(actual.tree) == {"loud.txt": b"LOUD"}


@pytest.mark.parametrize("place", ["BASE_DIR", 'BASE_DIR / "static"', 'BASE_DIR / "mysite"'])
def test_clear_refuses_to_remove_other_files(tmp_path: Path, place: str) -> None:
    _, actual = twins(tmp_path)
    actual.write({"shop/static/shop/shop.css": "shop", "shop/__init__.py": ""})
    actual.append(f'INSTALLED_APPS += ["shop"]\nSTATIC_ROOT = {place}\n')
    actual.append('STATICFILES_DIRS = [("own", BASE_DIR / "static" / "js")]\n')
    before = set(contents(actual.root))
    ran = manage(actual, "--noinput", "--clear")
    assert ran.code == 1
    assert ran.err.startswith("CommandError: --clear would remove ")
    assert before <= set(contents(actual.root))


def test_invalid_cache_size_is_reported(tmp_path: Path) -> None:
    _, actual = twins(tmp_path)
    ran = manage(actual, "--noinput", environ={"BUILDSTATIC_CACHE_SIZE": "much"})
    assert ran.code == 1
    assert ran.err.startswith("CommandError: ")
    assert "BUILDSTATIC_CACHE_SIZE" in ran.err


def test_other_commands_keep_the_usual_garbage_collection(tmp_path: Path) -> None:
    _, actual = twins(tmp_path)
    program = "import gc; print(gc.get_threshold())"
    ran = run(sys.executable, "manage.py", "shell", "-c", program, cwd=actual.root)
    assert str(gc.get_threshold()) in ran.out
