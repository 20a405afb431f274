"""The storage: what is missing from the settings is said with the line to paste."""

from __future__ import annotations

import pytest

from tests.collect.conftest import Collect
from tests.collect.sites import Site


@pytest.mark.parametrize(
    ("lines", "pasted"),
    [
        pytest.param("", 'STATIC_ROOT = BASE_DIR / "staticfiles"', id="path"),
        pytest.param(
            "BASE_DIR = str(BASE_DIR)\n",
            'STATIC_ROOT = os.path.join(BASE_DIR, "staticfiles")',
            id="string",
        ),
        pytest.param(
            "del BASE_DIR\n",
            'STATIC_ROOT = Path(__file__).resolve().parent.parent / "staticfiles"',
            id="none",
        ),
    ],
)
def test_a_missing_static_root_comes_with_the_line_to_paste(
    site: Site, collect: Collect, lines: str, pasted: str
) -> None:
    before = site.settings.read_text()
    site.append(f"STATIC_ROOT = None\n{lines}")
    ran = collect(site, "--noinput")
    assert ran.code == 20
    assert "STATIC_ROOT is not set in mysite.settings" in ran.err
    assert ran.err.endswith(f"\n\n    {pasted}\n")
    site.settings.write_text(f"{before}{lines}{pasted}\n")
    assert collect(site, "--noinput").code == 0


def test_staticfiles_must_be_installed(site: Site, collect: Collect) -> None:
    site.append("INSTALLED_APPS = []\n")
    ran = collect(site, "--noinput")
    assert ran.code == 21
    assert ran.err.endswith('\n\n    "django.contrib.staticfiles",\n')


def test_an_own_app_config_of_staticfiles_counts_as_installed(site: Site, collect: Collect) -> None:
    config = (
        "from django.contrib.staticfiles.apps import StaticFilesConfig\n\n\n"
        "class MyStaticFiles(StaticFilesConfig):\n    ignore_patterns = ['*.js']\n"
    )
    site.write({"mysite/apps.py": config})
    site.append('INSTALLED_APPS = ["mysite.apps.MyStaticFiles"]\n')
    ran = collect(site, "--noinput")
    assert ran.code == 0
    assert sorted(path.name for path in site.tree.rglob("*.*")) == ["dot.svg", "site.css"]


@pytest.mark.parametrize(
    ("backend", "said"),
    [
        pytest.param("nosuch.Storage", "Could not find backend 'nosuch.Storage'", id="import"),
        pytest.param("mysite.files.Broken", "mysite/files.py:6: ValueError: shut.", id="raise"),
    ],
)
def test_a_storage_that_cannot_be_made_is_said(
    site: Site, collect: Collect, backend: str, said: str
) -> None:
    code = (
        "from django.contrib.staticfiles.storage import StaticFilesStorage\n\n\n"
        "class Broken(StaticFilesStorage):\n"
        '    def __init__(self):\n        raise ValueError("shut")\n'
    )
    site.write({"mysite/files.py": code})
    site.storage(backend)
    ran = collect(site, "--noinput")
    assert ran.code == 23
    assert said in ran.err


def test_a_manifest_that_cannot_be_read_is_said(site: Site, collect: Collect) -> None:
    site.storage("django.contrib.staticfiles.storage.ManifestStaticFilesStorage")
    site.write({"staticfiles/staticfiles.json": "{"})
    ran = collect(site, "--noinput")
    assert ran.code == 23
    assert "ValueError: Couldn't load manifest 'staticfiles.json' (version 1.1)." in ran.err


def test_errors_of_the_system_checks_are_told_in_djangos_words(
    site: Site, collect: Collect
) -> None:
    site.append("STATICFILES_DIRS = [STATIC_ROOT]\n")
    site.tree.mkdir()
    ran = collect(site, "--noinput")
    assert ran.code == 13
    assert "(staticfiles.E002) The STATICFILES_DIRS setting should not contain" in ran.err


def test_a_warning_of_the_system_checks_stops_nothing(site: Site, collect: Collect) -> None:
    site.append('STATICFILES_DIRS += [BASE_DIR / "nowhere"]\n')
    ran = collect(site, "--noinput")
    assert ran.code == 0
    assert "(staticfiles.W004)" in ran.err
