"""Real projects give the same names and bytes as ``manage.py collectstatic``."""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path

import pytest

from tests.collect.conftest import Collect
from tests.collect.sites import PLACE, Ran, Site, contents, make_site, manage, run

STORAGES = (
    "django.contrib.staticfiles.storage.StaticFilesStorage",
    "django.contrib.staticfiles.storage.ManifestStaticFilesStorage",
    "whitenoise.storage.CompressedManifestStaticFilesStorage",
    "servestatic.storage.CompressedManifestStaticFilesStorage",
    "django_manifeststaticfiles_enhanced.storage.EnhancedManifestStaticFilesStorage",
)


def make_real_site(root: Path, backend: str) -> Site:
    """Write a project with the admin, Django REST framework and an app of its own."""
    site = make_site(root)
    site.append(
        "INSTALLED_APPS += [\n"
        '    "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes",\n'
        '    "django.contrib.messages", "django.contrib.sessions", "rest_framework",\n]\n'
    )
    site.app("shop", {"shop/shop.css": '@import "../css/site.css";', "admin/css/base.css": "shop"})
    site.write({"static/fonts/é.txt": "a name that is not ASCII", "static/empty.txt": ""})
    site.storage(backend)
    return site


# WhiteNoise and ServeStatic compress these sites for minutes.
SLOW_MARKED = [
    pytest.param(name, marks=[pytest.mark.exhaustive] if "Compressed" in name else [])
    for name in STORAGES
]


@pytest.mark.slow
@pytest.mark.parametrize("backend", SLOW_MARKED)
def test_tree_equals_djangos(tmp_path: Path, collect: Collect, backend: str) -> None:
    reference = make_real_site(tmp_path / "reference" / "site", backend)
    actual = make_real_site(tmp_path / "actual" / "site", backend)
    expected, ran = manage(reference, "--noinput"), collect(actual, "--noinput")
    assert (expected.code, ran.code) == (0, 0), ran.err
    assert output_of(ran, actual) == output_of(expected, reference)
    assert last(ran, actual) == last(expected, reference)
    assert decoded(actual.tree) == decoded(reference.tree)
    assert len(contents(actual.tree)) > 150

    again, ran = manage(reference, "--noinput"), collect(actual, "--noinput")
    assert (again.code, ran.code) == (0, 0)
    assert output_of(ran, actual) == output_of(again, reference)
    assert last(ran, actual) == last(again, reference)


@pytest.mark.parametrize("backend", SLOW_MARKED[1:3])
def test_tree_in_a_layer_root_equals_djangos(
    tmp_path: Path, collect: Collect, backend: str
) -> None:
    reference = make_real_site(tmp_path / "reference" / "site", backend)
    actual = make_real_site(tmp_path / "actual" / "site", backend)
    actual.place()
    layer = tmp_path / "layer"
    assert manage(reference, "--noinput").code == 0
    ran = collect(actual, "--noinput", "--layer-root", layer)
    assert ran.code == 0, ran.err
    assert decoded(layer / PLACE.removeprefix("/")) == decoded(reference.tree)


def last(ran: Ran, site: Site) -> str:
    """Return Django's closing line."""
    return [line for line in output_of(ran, site) if "static file" in line][-1]


def output_of(ran: Ran, site: Site) -> list[str]:
    """Return the lines that Django printed, sorted, since their order is that of the disk.

    Of shadowed files, actual are messages of by their content alone.
    """
    lines = ran.out.replace(str(site.root), "").splitlines()
    return sorted(line for line in lines if not line.startswith("Found another file"))


def decoded(tree: Path) -> dict[str, object]:
    """Return the files of *tree*, the manifest parsed: its order is that of the disk."""
    files: dict[str, object] = dict(contents(tree))
    if manifest := files.get("staticfiles.json"):
        assert isinstance(manifest, bytes)
        made = files["staticfiles.json"] = json.loads(manifest)
        made["stats"] = sorted(made.get("stats", ()))
    zipped = {name: gzip.decompress(contents(tree)[name]) for name in files if name[-3:] == ".gz"}
    return files | zipped


ZSTD = """\
from backports.zstd import *
from backports.zstd import zstd_version
"""


@pytest.mark.exhaustive
@pytest.mark.parametrize("level", [None, 1], ids=["default", "configured"])
def test_zstd_variants_are_made_if_servestatic_makes_them(
    tmp_path: Path, level: int | None
) -> None:
    """Python before 3.14 gets compression.zstd from backports.zstd."""
    library = tmp_path / "library" / "compression"
    if sys.version_info < (3, 14):
        library.mkdir(parents=True)
        (library / "zstd.py").write_text(ZSTD)
    environ = {"PYTHONPATH": str(library.parent)}
    trees = []
    for place in ("reference", "actual"):
        site = make_real_site(tmp_path / place / "site", STORAGES[3])
        site.append(f"SERVESTATIC_ZSTD_LEVEL = {level}\n")
        if place == "reference":
            assert manage(site, "--noinput", environ=environ).code == 0
        else:
            command = (sys.executable, "-m", "buildstatic", "collect", "--path", site.root)
            ran = run(*command, "--noinput", cwd=tmp_path, environ=environ)
            assert ran.code == 0, ran.err
        trees.append(decoded(site.tree))
    assert trees[0] == trees[1]
    assert any(name.endswith(".zstd") for name in trees[0])


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("SERVESTATIC_MINIFY = True", "its variants are minified (SERVESTATIC_MINIFY)"),
        (
            "SERVESTATIC_ZSTD_DICTIONARY = b'words'",
            "it compresses with a dictionary (SERVESTATIC_ZSTD_DICTIONARY)",
        ),
    ],
    ids=["minified", "a dictionary"],
)
def test_unsupported_servestatic_settings_run_its_own_code(
    tmp_path: Path, setting: str, reason: str
) -> None:
    site = make_site(tmp_path / "site")
    site.storage("servestatic.storage.CompressedStaticFilesStorage")
    site.append(f"{setting}\n")
    command = (sys.executable, "-m", "buildstatic", "collect", "--path", site.root)
    assert reason in run(*command, "--noinput", "--no-post-process", cwd=tmp_path).err
