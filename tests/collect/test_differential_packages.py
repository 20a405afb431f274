"""Real packages give the same names, bytes, manifest and variants as with Django.

A site of Django REST framework and Wagtail, with packages from npm in STATICFILES_DIRS, is
collected by ``manage.py collectstatic`` and by buildstatic. Only `make test-all` runs all storages;
those that compress get a smaller site, because WhiteNoise takes minutes.
"""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path

import brotli
import pytest

from tests.collect.packages import APPS, PACKAGES, node_modules, python_with_apps
from tests.collect.sites import Site, contents, make_site, run

pytestmark = pytest.mark.slow

DJANGOS = "django.contrib.staticfiles.storage"
WHITENOISES = "whitenoise.storage"
DEFAULT = {"BACKEND": "django.core.files.storage.FileSystemStorage"}
SMALL = ("jquery", "leaflet")
VARIANTS = {".gz": gzip.decompress, ".br": brotli.decompress}
FILES = {
    "css/a.css": "a { background: url(../img/dot.svg) }",
    "css/b.css": "b { color: red }",
    "img/dot.svg": "<svg/>",
    "js/a.js": "var a = 1;",
    "js/b.js": "var b = 2;",
    "js/large.js": "var c = 3;\n" * 5000,
}
PIPELINE = """\
COMPRESS_ROOT = STATIC_ROOT
COMPRESS_URL = STATIC_URL
PIPELINE = {
    "CSS_COMPRESSOR": "pipeline.compressors.NoopCompressor",
    "JS_COMPRESSOR": "pipeline.compressors.NoopCompressor",
    "STYLESHEETS": {"all": {"source_filenames": ["css/*.css"], "output_filename": "all.css"}},
    "JAVASCRIPT": {
        "all": {"source_filenames": ["js/b.js", "js/*.js"], "output_filename": "packed/all.js"}
    },
}
"""
ONLY_HASHED = "WHITENOISE_KEEP_ONLY_HASHED_FILES = True\n"


@pytest.fixture(scope="module")
def python(environments: Path) -> Path:
    return python_with_apps(environments)


@pytest.fixture(scope="module")
def packages(environments: Path) -> Path:
    return node_modules(environments)


def make(root: Path, packages: Path, names: tuple[str, ...], storage: str, more: str) -> Site:
    site = make_site(root)
    site.append(APPS + more)
    site.storage(storage)
    site.append(f"STORAGES['default'] = {DEFAULT!r}\n")
    places = [(name, str(packages / name)) for name in names]
    site.append(f"STATICFILES_DIRS += {places!r}\n")
    return site


@pytest.mark.parametrize(
    ("storage", "more", "least"),
    [
        pytest.param(
            f"{DJANGOS}.StaticFilesStorage", "", 5000, id="plain", marks=pytest.mark.exhaustive
        ),
        pytest.param(f"{DJANGOS}.ManifestStaticFilesStorage", "", 10_000, id="manifest"),
        pytest.param(
            f"{WHITENOISES}.CompressedStaticFilesStorage",
            "",
            800,
            id="compressed",
            marks=pytest.mark.exhaustive,
        ),
        pytest.param(
            f"{WHITENOISES}.CompressedManifestStaticFilesStorage",
            "",
            1600,
            id="compressed manifest",
            marks=pytest.mark.exhaustive,
        ),
        pytest.param(
            f"{WHITENOISES}.CompressedManifestStaticFilesStorage",
            ONLY_HASHED,
            800,
            id="compressed manifest, only hashed",
            marks=pytest.mark.exhaustive,
        ),
    ],
)
def test_real_packages_equal_django(
    tmp_path: Path, python: Path, packages: Path, storage: str, more: str, least: int
) -> None:
    names = SMALL if storage.startswith(WHITENOISES) else tuple(PACKAGES)
    reference = make(tmp_path / "reference" / "site", packages, names, storage, more)
    actual = make(tmp_path / "actual" / "site", packages, names, storage, more)
    expected = run(python, "manage.py", "collectstatic", "--noinput", cwd=reference.root)
    assert expected.code == 0, expected.err
    command = (sys.executable, "-m", "buildstatic", "collect", "--noinput", "--python", python)
    cache = tmp_path / "cache"
    for _ in range(2):
        ran = run(*command, "--cache", cache, cwd=actual.root)
        assert ran.code == 0, ran.err
        assert "Django's own code was used" not in ran.err
        assert_same(contents(reference.tree), contents(actual.tree), least)


@pytest.mark.parametrize(
    ("storage", "way"),
    [
        pytest.param("pipeline.storage.PipelineManifestStorage", "in memory", id="pipeline"),
        pytest.param(
            "django_manifeststaticfiles_enhanced.storage.EnhancedManifestStaticFilesStorage",
            "in memory",
            id="enhanced",
        ),
        pytest.param(
            "compressor.storage.GzipCompressorFileStorage",
            "has its own save",
            id="compressor",
        ),
    ],
)
def test_storages_of_other_packages_equal_django(
    tmp_path: Path, python: Path, storage: str, way: str
) -> None:
    places = []
    for name in ("reference", "actual"):
        site = make_site(tmp_path / name / "site", {f"static/{n}": c for n, c in FILES.items()})
        site.append(PIPELINE)
        site.storage(storage)
        places.append(site)
    reference, actual = places
    expected = run(python, "manage.py", "collectstatic", "--noinput", cwd=reference.root)
    assert expected.code == 0, expected.err
    command = (sys.executable, "-m", "buildstatic", "collect", "--noinput", "--python", python)
    ran = run(*command, cwd=actual.root)
    assert ran.code == 0, ran.err
    assert way in ran.err
    assert_same(contents(reference.tree), contents(actual.tree), len(FILES))


def assert_same(reference: dict[str, bytes], actual: dict[str, bytes], least: int) -> None:
    """Assert that *actual* equals *reference*, which has at *least* so many files."""
    assert len(reference) >= least
    assert sorted(actual) == sorted(reference)
    if manifest := reference.pop("staticfiles.json", None):
        assert json.loads(actual.pop("staticfiles.json")) == json.loads(manifest)
    other = [name for name in reference if actual[name] != reference[name]]
    variants = [name for name in other if Path(name).suffix in VARIANTS]
    assert other == variants
    for name in variants:
        decompress = VARIANTS[Path(name).suffix]
        assert decompress(actual[name]) == decompress(reference[name]), name
