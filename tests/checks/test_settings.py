"""Checks of DEBUG, the storage and WhiteNoise's middleware in the settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildstatic.checks import Severity
from buildstatic.project.edits import BACKEND, STORAGES
from tests.checks.projects import SETTINGS, clean_project, codes, findings, only
from tests.project.tree import write
from tests.startproject import startproject

DEBUG = "DEBUG = False"
SECRET_KEY = next(line for line in SETTINGS.splitlines() if line.startswith("SECRET_KEY"))
DJANGO = "django.contrib.staticfiles.storage.StaticFilesStorage"
STORAGE = "whitenoise.storage.CompressedManifestStaticFilesStorage"
SECURITY = '    "django.middleware.security.SecurityMiddleware",\n'
WHITENOISE = '    "whitenoise.middleware.WhiteNoiseMiddleware",\n'
COMMON = '    "django.middleware.common.CommonMiddleware",\n'
MIDDLEWARE = SECURITY + WHITENOISE + COMMON
BELOW = "is below django.middleware.common"


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
            '"RENDER" not in os.environ',
            "DEBUG is on everywhere but on Render, which sets RENDER.",
            id="platform",
        ),
        pytest.param(
            'os.environ.get("DEBUG", "False")',
            "DEBUG is a string read from DEBUG, and every non-empty string is true.",
            id="string",
        ),
    ],
)
def test_debug_on(tmp_path: Path, value: str, what: str) -> None:
    root = clean_project(tmp_path, change=(DEBUG, f"import os\nDEBUG = {value}"))
    finding = only(root, "debug-on")
    assert (finding.location, finding.what) == ("mysite/settings.py:6", what)


@pytest.mark.parametrize(
    "value",
    ['os.environ.get("DEBUG") == "1"', 'bool(os.environ.get("DEBUG"))', "whatever()"],
    ids=["compared", "not-set", "unknown"],
)
def test_debug_off_by_default_is_accepted(tmp_path: Path, value: str) -> None:
    assert codes(clean_project(tmp_path, change=(DEBUG, f"import os\nDEBUG = {value}"))) == []


def test_production_settings_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    production = {"mysite/hosted.py": "from mysite.settings import *\nDEBUG = False\n"}
    root = clean_project(tmp_path, production, change=(DEBUG, "DEBUG = True"))
    assert codes(root) == ["debug-on"]
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "mysite.hosted")
    assert codes(root) == []


@pytest.mark.parametrize(
    ("key", "what"),
    [
        pytest.param(f"django-insecure-{'abcdef' * 9}", "the insecure key of a new", id="new"),
        pytest.param("changeme", "fewer than 50 characters", id="short"),
        pytest.param("abcd" * 20, "fewer than 5 different characters", id="repeated"),
    ],
)
def test_insecure_key_in_the_settings(tmp_path: Path, key: str, what: str) -> None:
    root = clean_project(tmp_path, change=(SECRET_KEY, f'SECRET_KEY = "{key}"'))
    finding = only(root, "secret-key-insecure")
    assert (finding.location, finding.severity) == ("mysite/settings.py:4", Severity.WARNING)
    assert what in finding.what


@pytest.mark.parametrize(
    "key",
    [
        'import os\nSECRET_KEY = os.environ.get("KEY", "changeme")',
        'from decouple import config\nSECRET_KEY = config("KEY", default="changeme")',
        'import environ\nenv = environ.Env()\nSECRET_KEY = env("KEY", default="changeme")',
    ],
    ids=["os", "decouple", "environ"],
)
def test_insecure_default_of_the_variable_of_the_key(tmp_path: Path, key: str) -> None:
    finding = only(clean_project(tmp_path, change=(SECRET_KEY, key)), "secret-key-insecure")
    assert (finding.file, finding.severity) == ("mysite/settings.py", Severity.INFO)
    assert "unless KEY sets another" in finding.what


@pytest.mark.parametrize(
    "key",
    [
        'os.environ.get("KEY", None)',
        'os.environ.get("KEY", "")',
        'os.environ["KEY"]',
        f'os.environ.get("KEY", "{"abcdef" * 9}")',
        "get_random_secret_key()",
    ],
    ids=["none", "empty", "required", "default", "random"],
)
def test_key_that_is_not_known_as_insecure(tmp_path: Path, key: str) -> None:
    change = (SECRET_KEY, f"import os\nSECRET_KEY = {key}")
    assert codes(clean_project(tmp_path, change=change)) == []


def test_hosts_of_the_local_machine_only(tmp_path: Path) -> None:
    change = ('["example.com"]', '["localhost", "127.0.0.1"]')
    assert only(clean_project(tmp_path, change=change), "allowed-hosts-local").line == 6


@pytest.mark.parametrize(
    "hosts",
    [
        '["localhost", "shop.example"]',
        '["*"]',
        '["localhost"] + find_hosts()',
        '__import__("os").environ.get("HOSTS", "localhost").split(",")',
    ],
    ids=["more", "all", "unknown", "variable"],
)
def test_other_hosts_are_accepted(tmp_path: Path, hosts: str) -> None:
    assert codes(clean_project(tmp_path, change=('["example.com"]', hosts))) == []


@pytest.mark.parametrize("backend", [DJANGO, "whitenoise.storage.CompressedStaticFilesStorage"])
def test_storage_without_fingerprints(tmp_path: Path, backend: str) -> None:
    finding = only(clean_project(tmp_path, change=(STORAGE, backend)), "manifest-storage-off")
    assert finding.location == "mysite/settings.py:24"
    assert STORAGE in finding.fix


def test_storage_without_fingerprints_behind_nginx(tmp_path: Path) -> None:
    files = {"nginx.conf": "location /static/ {\n", "requirements.txt": "Django\ngunicorn\n"}
    root = clean_project(tmp_path, files, change=(STORAGE, DJANGO))
    settings = root / "mysite/settings.py"
    settings.write_text(settings.read_text().replace(WHITENOISE, ""))
    fix = only(root, "manifest-storage-off").fix
    assert "django.contrib.staticfiles.storage.ManifestStaticFilesStorage" in fix


def test_default_storage_has_no_fingerprints(tmp_path: Path) -> None:
    lines = [line for line in SETTINGS.splitlines() if '"staticfiles": {' not in line]
    root = write(clean_project(tmp_path), {"mysite/settings.py": "\n".join(lines)})
    assert only(root, "manifest-storage-off").location == "mysite/settings.py:19"


@pytest.mark.parametrize(
    "backend", ["storages.backends.s3.S3Storage", "mysite.storage.Own"], ids=["remote", "own"]
)
def test_unknown_storage_is_not_judged(tmp_path: Path, backend: str) -> None:
    assert codes(clean_project(tmp_path, change=(STORAGE, backend))) == []


S3 = "storages.backends.s3.S3Storage"


def test_compressor_adds_the_fingerprints(tmp_path: Path) -> None:
    root = clean_project(tmp_path, change=(STORAGE, STORAGE.replace("Manifest", "")))
    settings = root / "mysite/settings.py"
    settings.write_text(settings.read_text().replace('"shop",', '"shop", "compressor",'))
    assert codes(root) == []


def test_storage_selected_by_a_variable(tmp_path: Path) -> None:
    text = f'if USE_S3:\n    STORAGES["staticfiles"] = {{"BACKEND": "{S3}"}}\n'
    settings = f'import os\nUSE_S3 = os.environ.get("USE_S3") == "1"\n{text}'
    root = clean_project(tmp_path, change=("", settings))
    finding = only(root, "storage-depends-on-variable")
    assert finding.location == "mysite/settings.py:30"
    assert finding.what.endswith("depends on USE_S3.")


def test_storage_fix_agrees_with_the_edits(tmp_path: Path) -> None:
    root = startproject(tmp_path)
    (finding,) = [each for each in findings(root) if each.code == "manifest-storage-off"]
    assert STORAGES in finding.fix


def test_storage_fix_agrees_with_the_edits_of_other_storages(tmp_path: Path) -> None:
    lines = [line for line in SETTINGS.splitlines() if '"staticfiles": {' not in line]
    root = write(clean_project(tmp_path), {"mysite/settings.py": "\n".join(lines)})
    assert f'STORAGES["staticfiles"] = {BACKEND}' in only(root, "manifest-storage-off").fix


@pytest.mark.parametrize(
    ("order", "what"),
    [
        pytest.param(SECURITY + COMMON + WHITENOISE, BELOW, id="last"),
        pytest.param(WHITENOISE + SECURITY + COMMON, "is above SecurityMiddleware", id="first"),
        pytest.param(COMMON + WHITENOISE, BELOW, id="no-security"),
        pytest.param(
            f"{SECURITY}{COMMON}]\nMIDDLEWARE.insert(2, {WHITENOISE.strip().rstrip(',')})\n_ = [\n",
            BELOW,
            id="inserted",
        ),
    ],
)
def test_misplaced_whitenoise(tmp_path: Path, order: str, what: str) -> None:
    root = clean_project(tmp_path, change=(MIDDLEWARE, order))
    finding = only(root, "whitenoise-misplaced")
    lines = (root / "mysite/settings.py").read_text().splitlines()
    number = next(n for n, line in enumerate(lines, 1) if "whitenoise.m" in line)
    assert finding.location == f"mysite/settings.py:{number}"
    assert what in finding.what


@pytest.mark.parametrize(
    "order",
    [
        pytest.param(WHITENOISE + COMMON, id="no-security"),
        pytest.param('    "corsheaders.middleware.CorsMiddleware",\n' + MIDDLEWARE, id="cors"),
        pytest.param(MIDDLEWARE.replace("whitenoise.middleware.", "shop.Own"), id="subclass"),
        pytest.param(
            f"{SECURITY}{COMMON}]\nMIDDLEWARE.insert(1, {WHITENOISE.strip().rstrip(',')})\n_ = [\n",
            id="inserted",
        ),
    ],
)
def test_whitenoise_in_position_is_accepted(tmp_path: Path, order: str) -> None:
    assert codes(clean_project(tmp_path, change=(MIDDLEWARE, order))) == []


def test_missing_whitenoise_middleware(tmp_path: Path) -> None:
    finding = only(clean_project(tmp_path, change=(WHITENOISE, "")), "whitenoise-missing")
    assert finding.location == "mysite/settings.py:12"


def test_whitenoise_in_wsgi_needs_no_middleware(tmp_path: Path) -> None:
    wsgi = {"mysite/wsgi.py": "from whitenoise import WhiteNoise\napplication = WhiteNoise(None)\n"}
    assert codes(clean_project(tmp_path, wsgi, change=(WHITENOISE, ""))) == []
