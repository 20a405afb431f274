"""DEBUG, the storage and WhiteNoise's middleware, as the settings have them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.checks.projects import SETTINGS, codes, one, sound
from tests.project.tree import write

DEBUG = "DEBUG = False"
STORAGE = "whitenoise.storage.CompressedManifestStaticFilesStorage"
SECURITY = '    "django.middleware.security.SecurityMiddleware",\n'
WHITENOISE = '    "whitenoise.middleware.WhiteNoiseMiddleware",\n'
COMMON = '    "django.middleware.common.CommonMiddleware",\n'
BELOW = "stands below django.middleware.common"
MIDDLEWARE = SECURITY + WHITENOISE + COMMON


@pytest.mark.parametrize(
    ("value", "what"),
    [
        pytest.param("True", "DEBUG is on in mysite.settings.", id="on"),
        pytest.param(
            'bool(int(os.environ.get("DEBUG", "1")))',
            "DEBUG is on unless DEBUG turns it off.",
            id="on-by-default",
        ),
        pytest.param(
            'os.environ.get("DEBUG", "False")',
            "DEBUG is text read from DEBUG, and any text counts as true.",
            id="text",
        ),
    ],
)
def test_debug_that_is_on_is_found_where_it_is_set(tmp_path: Path, value: str, what: str) -> None:
    root = sound(tmp_path, change=(DEBUG, f"import os\nDEBUG = {value}"))
    finding = one(root, "debug-on")
    assert (finding.place, finding.what) == ("mysite/settings.py:6", what)


@pytest.mark.parametrize(
    "value",
    ['os.environ.get("DEBUG") == "1"', 'bool(os.environ.get("DEBUG"))', "whatever()"],
    ids=["compared", "not-set", "unknown"],
)
def test_debug_that_is_off_by_itself_is_well(tmp_path: Path, value: str) -> None:
    assert codes(sound(tmp_path, change=(DEBUG, f"import os\nDEBUG = {value}"))) == []


def test_the_settings_of_production_count_not_those_of_development(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    production = "from mysite.settings import *\nDEBUG = False\n"
    root = sound(tmp_path, {"mysite/prod.py": production}, change=(DEBUG, "DEBUG = True"))
    assert codes(root) == ["debug-on"]
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "mysite.prod")
    assert codes(root) == []


@pytest.mark.parametrize(
    ("backend", "wanted"),
    [
        pytest.param(
            "django.contrib.staticfiles.storage.StaticFilesStorage",
            "django.contrib.staticfiles.storage.ManifestStaticFilesStorage",
            id="django",
        ),
        pytest.param("whitenoise.storage.CompressedStaticFilesStorage", STORAGE, id="whitenoise"),
    ],
)
def test_a_storage_without_fingerprints_is_found(tmp_path: Path, backend: str, wanted: str) -> None:
    finding = one(sound(tmp_path, change=(STORAGE, backend)), "manifest-storage-off")
    assert finding.place == "mysite/settings.py:24"
    assert wanted in finding.fix


def test_djangos_default_storage_is_found(tmp_path: Path) -> None:
    lines = [line for line in SETTINGS.splitlines() if '"staticfiles": {' not in line]
    root = write(sound(tmp_path), {"mysite/settings.py": "\n".join(lines)})
    assert one(root, "manifest-storage-off").place == "mysite/settings.py:19"


@pytest.mark.parametrize(
    "backend", ["storages.backends.s3.S3Storage", "mysite.storage.Own"], ids=["remote", "own"]
)
def test_of_a_storage_that_is_not_known_nothing_is_said(tmp_path: Path, backend: str) -> None:
    assert codes(sound(tmp_path, change=(STORAGE, backend))) == []


@pytest.mark.parametrize(
    ("order", "what"),
    [
        pytest.param(SECURITY + COMMON + WHITENOISE, BELOW, id="last"),
        pytest.param(WHITENOISE + SECURITY + COMMON, "stands above SecurityMiddleware", id="first"),
        pytest.param(COMMON + WHITENOISE, BELOW, id="no-security"),
    ],
)
def test_whitenoise_in_the_wrong_place_is_found(tmp_path: Path, order: str, what: str) -> None:
    root = sound(tmp_path, change=(MIDDLEWARE, order))
    finding = one(root, "whitenoise-misplaced")
    number = next(n for n, line in enumerate(text(root).splitlines(), 1) if "whitenoise.m" in line)
    assert finding.place == f"mysite/settings.py:{number}"
    assert what in finding.what


def text(root: Path) -> str:
    return (root / "mysite/settings.py").read_text()


@pytest.mark.parametrize(
    "order",
    [
        pytest.param(WHITENOISE + COMMON, id="no-security"),
        pytest.param('    "corsheaders.middleware.CorsMiddleware",\n' + MIDDLEWARE, id="cors"),
    ],
)
def test_whitenoise_in_its_place_is_well(tmp_path: Path, order: str) -> None:
    assert codes(sound(tmp_path, change=(MIDDLEWARE, order))) == []


def test_whitenoise_that_is_inserted_by_code_is_where_the_code_puts_it(tmp_path: Path) -> None:
    insert = 'MIDDLEWARE.insert(1, "whitenoise.middleware.WhiteNoiseMiddleware")\n'
    root = sound(tmp_path / "1", change=(MIDDLEWARE + "]\n", f"{SECURITY}{COMMON}]\n{insert}"))
    assert codes(root) == []
    after = insert.replace("1", "2")
    root = sound(tmp_path / "2", change=(MIDDLEWARE + "]\n", f"{SECURITY}{COMMON}]\n{after}"))
    assert codes(root) == ["whitenoise-misplaced"]


def test_whitenoises_storage_without_its_middleware_is_found(tmp_path: Path) -> None:
    finding = one(sound(tmp_path, change=(WHITENOISE, "")), "whitenoise-missing")
    assert finding.place == "mysite/settings.py:12"


def test_whitenoise_around_the_application_is_enough(tmp_path: Path) -> None:
    wsgi = "from whitenoise import WhiteNoise\napplication = WhiteNoise(None)\n"
    assert codes(sound(tmp_path, {"mysite/wsgi.py": wsgi}, change=(WHITENOISE, ""))) == []
