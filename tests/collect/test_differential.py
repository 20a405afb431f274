"""Never different from Django: the same names and bytes as ``manage.py collectstatic``."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from tests.collect.conftest import Collect
from tests.collect.sites import PLACE, Ran, Site, contents, make_site, manage

STORAGES = (
    "django.contrib.staticfiles.storage.StaticFilesStorage",
    "django.contrib.staticfiles.storage.ManifestStaticFilesStorage",
    "whitenoise.storage.CompressedManifestStaticFilesStorage",
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


@pytest.mark.parametrize("backend", STORAGES)
def test_the_tree_is_djangos(tmp_path: Path, collect: Collect, backend: str) -> None:
    theirs = make_real_site(tmp_path / "theirs" / "site", backend)
    ours = make_real_site(tmp_path / "ours" / "site", backend)
    expected, ran = manage(theirs, "--noinput"), collect(ours, "--noinput")
    assert (expected.code, ran.code) == (0, 0), ran.err
    assert said(ran, ours) == said(expected, theirs)
    assert last(ran, ours) == last(expected, theirs)
    assert decoded(ours.tree) == decoded(theirs.tree)
    assert len(contents(ours.tree)) > 150

    again, ran = manage(theirs, "--noinput"), collect(ours, "--noinput")
    assert (again.code, ran.code) == (0, 0)
    assert said(ran, ours) == said(again, theirs)
    assert last(ran, ours) == last(again, theirs)


@pytest.mark.parametrize("backend", STORAGES)
def test_the_tree_in_a_layer_root_is_djangos(
    tmp_path: Path, collect: Collect, backend: str
) -> None:
    theirs = make_real_site(tmp_path / "theirs" / "site", backend)
    ours = make_real_site(tmp_path / "ours" / "site", backend)
    ours.place()
    layer = tmp_path / "layer"
    assert manage(theirs, "--noinput").code == 0
    ran = collect(ours, "--noinput", "--layer-root", layer)
    assert ran.code == 0, ran.err
    assert decoded(layer / PLACE.removeprefix("/")) == decoded(theirs.tree)


def last(ran: Ran, site: Site) -> str:
    """Return the line that Django closes with."""
    return [line for line in said(ran, site) if "static file" in line][-1]


def said(ran: Ran, site: Site) -> list[str]:
    """Return the lines that Django printed; in which order it meets the files is the disk's.

    Of shadowed files, ours are told of by their content alone.
    """
    lines = ran.out.replace(str(site.root), "").splitlines()
    return sorted(line for line in lines if not line.startswith("Found another file"))


def decoded(tree: Path) -> dict[str, object]:
    """Return the files of *tree*, the manifest as a value: its order is the directories'."""
    files: dict[str, object] = dict(contents(tree))
    if manifest := files.get("staticfiles.json"):
        assert isinstance(manifest, bytes)
        files["staticfiles.json"] = json.loads(manifest)
    zipped = {name: gzip.decompress(contents(tree)[name]) for name in files if name[-3:] == ".gz"}
    return files | zipped
