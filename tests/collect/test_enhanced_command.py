"""The command of django-manifeststaticfiles-enhanced and buildstatic give the same files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.collect.conftest import Collect
from tests.collect.sites import Site, contents, make_site, manage
from tests.collect.test_differential_packages import assert_same

STORAGE = "django_manifeststaticfiles_enhanced.storage.EnhancedManifestStaticFilesStorage"
APP = "django_manifeststaticfiles_enhanced"
FILES = {
    "static/css/a.css": "@import 'b.css'; a { background: url(../img/dot.svg) }",
    "static/css/b.css": "@import 'a.css';",
    "static/img/dot.svg": "<svg/>",
    "static/js/a.js": "var a = 1;\n//# sourceMappingURL=missing.map\n",
}
HASHED_ONLY = "{'keep_original_files': False}"
MODES = "FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o750\n"


def make_pair(root: Path, apps: tuple[str, ...], options: str, settings: str) -> tuple[Site, Site]:
    """Return two equal sites; *apps* are only in the second one."""
    reference, actual = (make_site(root / name / "site", FILES) for name in ("first", "second"))
    for site in (reference, actual):
        site.append(f"INSTALLED_APPS.insert(0, '{APP}')\n{settings}")
        site.storage(STORAGE, options)
    actual.append(f"INSTALLED_APPS[:0] = {apps!r}\n")
    return reference, actual


@pytest.mark.parametrize("settings", ["", MODES], ids=["in memory", "on the disk"])
@pytest.mark.parametrize("options", ["{}", HASHED_ONLY], ids=["all files", "hashed only"])
def test_warnings_are_no_errors(
    tmp_path: Path, collect: Collect, options: str, settings: str
) -> None:
    reference, actual = make_pair(tmp_path, (), options, settings)
    for clear in ((), (), ("--clear",)):
        expected = manage(reference, "--noinput", *clear)
        ran = collect(actual, "--noinput", *clear)
        assert (expected.code, ran.code) == (0, 0), ran.err
        assert ("ran in memory" in ran.err) is (not settings)
        assert "sourcemap reference 'missing.map'" in expected.out
        assert "sourcemap reference 'missing.map'" in ran.out
        assert_same(contents(reference.tree), contents(actual.tree), len(FILES))


@pytest.mark.parametrize("options", ["{}", HASHED_ONLY], ids=["all files", "hashed only"])
def test_manage_py_with_both_apps_gives_the_same_files(tmp_path: Path, options: str) -> None:
    reference, actual = make_pair(tmp_path, ("buildstatic.django",), options, "")
    for site in (reference, actual):
        assert manage(site, "--noinput").code == 0
    assert_same(contents(reference.tree), contents(actual.tree), len(FILES))


def test_warning_is_an_error_where_django_has_its_own_command(site: Site, collect: Collect) -> None:
    site.write(FILES)
    site.append(f"INSTALLED_APPS.append('{APP}')\n")
    site.storage(STORAGE)
    assert manage(site, "--noinput").code == 1
    ran = collect(site, "--noinput")
    assert ran.code == 23
    assert "SourcemapWarning" in ran.err
