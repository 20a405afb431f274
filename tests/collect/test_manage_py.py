"""``manage.py collectstatic`` with buildstatic.django: output, errors and files are Django's."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.collect.sites import Ran, Site, contents, make_site, manage
from tests.collect.test_differential import decoded

MANIFEST = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
# A finder as projects write it: what it offers is not what lies on the disk.
FINDER = """\
from django.contrib.staticfiles.finders import BaseStorageFinder
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage


class Loud(FileSystemStorage):
    def __init__(self):
        super().__init__("loud")

    def _open(self, name, mode="rb"):
        return ContentFile(super()._open(name, mode).read().upper())

    {more}


class LoudFinder(BaseStorageFinder):
    storage = Loud
"""
NO_TIMES = """\
def get_modified_time(self, name):
        raise NotImplementedError
"""


def twins(parent: Path) -> tuple[Site, Site]:
    """Write one project twice; the second has our app."""
    theirs, ours = make_site(parent / "theirs" / "site"), make_site(parent / "ours" / "site")
    ours.append('INSTALLED_APPS.insert(0, "buildstatic.django")\n')
    return theirs, ours


def said(ran: Ran, site: Site) -> tuple[int, list[str], str]:
    """Return the exit code, the lines (in which order, is the disk's), and the last of stderr."""
    out = sorted(ran.out.replace(str(site.root), "").splitlines())
    return ran.code, out, (ran.err.splitlines() or [""])[-1]


def assert_same(theirs: Site, ours: Site, *arguments: str) -> Ran:
    """Run both; assert that one says and does what the other does. Return what ours did."""
    expected = manage(theirs, *arguments)
    ran = manage(ours, *arguments)
    assert said(ran, ours) == said(expected, theirs), ran.err
    assert decoded(ours.tree) == decoded(theirs.tree)
    return ran


@pytest.mark.parametrize("verbosity", ["0", "1", "2"])
def test_output_equals_djangos(tmp_path: Path, verbosity: str) -> None:
    theirs, ours = twins(tmp_path)
    for site in (theirs, ours):
        site.app("shop", {"css/site.css": "shadowed", "shop/shop.js": "let shop;\n"})
        site.storage("django.contrib.staticfiles.storage.StaticFilesStorage")
    for _ in range(2):
        assert_same(theirs, ours, "--noinput", f"--verbosity={verbosity}")
    assert_same(theirs, ours, "--noinput", f"--verbosity={verbosity}", "--ignore=*.js", "--clear")


def test_links_and_dry_runs_run_djangos_code(tmp_path: Path) -> None:
    theirs, ours = twins(tmp_path)
    assert_same(theirs, ours, "--noinput", "--dry-run")
    assert not ours.tree.exists()
    assert_same(theirs, ours, "--noinput", "--link")
    assert (ours.tree / "js" / "site.js").is_symlink()
    assert_same(theirs, ours, "--noinput")
    assert not (ours.tree / "js" / "site.js").is_symlink()


def test_missing_static_root_fails_as_in_django(tmp_path: Path) -> None:
    theirs, ours = twins(tmp_path)
    for site in (theirs, ours):
        site.append("STATIC_ROOT = None\n")
    assert "without having set the STATIC_ROOT" in assert_same(theirs, ours, "--noinput").err
    for site in (theirs, ours):
        site.append("STATICFILES_DIRS = []\n")
    assert assert_same(theirs, ours, "--noinput").code == 0


def test_all_broken_references_are_reported_as_by_django(tmp_path: Path) -> None:
    theirs, ours = twins(tmp_path)
    broken = {f"static/css/{name}.css": f'a {{ b: url("no-{name}.png") }}\n' for name in "ab"}
    for site in (theirs, ours):
        site.write(broken)
        site.storage(MANIFEST)
    expected, ran = manage(theirs, "--noinput"), manage(ours, "--noinput")
    assert (expected.code, ran.code) == (1, 1)
    for err in (expected.err, ran.err):
        assert "Post-processing 'css/" in err
        assert "could not be found with <django.contrib.staticfiles.storage.Manifest" in err
    assert ran.err.count("Also: ") == 1
    assert all(name in ran.err for name in ("no-a.png", "no-b.png"))


def test_reference_cycles_fail_as_in_django(tmp_path: Path) -> None:
    theirs, ours = twins(tmp_path)
    for site in (theirs, ours):
        site.write({"static/a.css": '@import "b.css";', "static/b.css": '@import "a.css";'})
        site.storage(MANIFEST)
    expected, ran = manage(theirs, "--noinput"), manage(ours, "--noinput")
    assert (expected.code, ran.code) == (1, 1)
    assert ran.err.splitlines()[0] == expected.err.splitlines()[0]
    assert ran.err.splitlines()[-1] == expected.err.splitlines()[-1]


def test_lazy_source_storages_are_collected(tmp_path: Path) -> None:
    theirs, ours = twins(tmp_path)
    for site in (theirs, ours):
        site.write({"media/css/more.css": 'b { c: url("dot.svg") }', "media/css/dot.svg": "<svg/>"})
        site.append('MEDIA_ROOT = BASE_DIR / "media"\n')
        site.append(f"STATICFILES_FINDERS = {FINDERS}\n")
        site.storage(MANIFEST)
        site.append(DEFAULT)
    for _ in range(2):
        assert assert_same(theirs, ours, "--noinput").code == 0
    assert len(contents(ours.tree)) == 11


DEFAULT = 'STORAGES["default"] = {"BACKEND": "django.core.files.storage.FileSystemStorage"}\n'
FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.DefaultStorageFinder",
]


@pytest.mark.parametrize("more", ["", NO_TIMES], ids=["with-times", "without-times"])
def test_content_changed_by_a_source_storage_is_collected(tmp_path: Path, more: str) -> None:
    theirs, ours = twins(tmp_path)
    for site in (theirs, ours):
        site.write({"finding.py": FINDER.format(more=more), "loud/loud.txt": "loud"})
        site.append('STATICFILES_FINDERS = ["finding.LoudFinder"]\n')
    for _ in range(2):
        assert assert_same(theirs, ours, "--noinput").code == 0
    assert contents(ours.tree) == {"loud.txt": b"LOUD"}


@pytest.mark.parametrize("place", ["BASE_DIR", 'BASE_DIR / "static"', 'BASE_DIR / "mysite"'])
def test_clear_refuses_to_remove_other_files(tmp_path: Path, place: str) -> None:
    _, ours = twins(tmp_path)
    ours.write({"shop/static/shop/shop.css": "shop", "shop/__init__.py": ""})
    ours.append(f'INSTALLED_APPS += ["shop"]\nSTATIC_ROOT = {place}\n')
    ours.append('STATICFILES_DIRS = [("own", BASE_DIR / "static" / "js")]\n')
    before = set(contents(ours.root))
    ran = manage(ours, "--noinput", "--clear")
    assert ran.code == 1
    assert ran.err.startswith("CommandError: --clear would remove ")
    assert before <= set(contents(ours.root))


def test_invalid_cache_size_is_reported(tmp_path: Path) -> None:
    _, ours = twins(tmp_path)
    ran = manage(ours, "--noinput", environ={"BUILDSTATIC_CACHE_SIZE": "much"})
    assert ran.code == 1
    assert ran.err.startswith("CommandError: ")
    assert "BUILDSTATIC_CACHE_SIZE" in ran.err
