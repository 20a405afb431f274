"""``build --reuse``: an earlier image's variants come into the build, by every builder."""

from __future__ import annotations

import json
import os
import re
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.oci.images import Base, base, put, static
from tests.oci.scratch import tar
from tests.oci.tiny import BASE, DOORS, FINAL, SETTINGS, STATIC, build, tiny

NOWHERE = {"DOCKER_HOST": "unix:///nonexistent/docker.sock", "PATH": os.defpath}
# What came in is among the static files.
SHOWS = (
    f"FROM scratch AS buildstatic-previous\nFROM {BASE} AS static\n{STATIC}"
    "RUN --mount=type=bind,from=buildstatic-previous,target=/previous \\\n"
    f"    cp -r /previous/. /layer/app/staticfiles/\n{FINAL}"
)
STORAGE = """
STORAGES = {
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
"""
LARGE = "body { color: red }\n" * 200


@pytest.fixture
def earlier(tmp_path: Path) -> str:
    """Return an image with two variants in its static layer."""
    files = {"css/site.css.gz": "1", "js/site.js.br": "2", "js/site.js": "3"}
    name = f"oci:{tmp_path / 'oci'}:earlier"
    put(base(tmp_path / "oci"), name, static(tmp_path, files))
    return name


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
@DOORS
def test_the_variants_are_where_the_dockerfile_mounts_them(
    tmp_path: Path, earlier: str, door: Mapping[str, str], tag: Callable[[str], str]
) -> None:
    root = tiny(tmp_path / "tiny", SHOWS)
    name = tag(f"reuse-{len(door)}")
    ran = build(root, "--tag", name, "--reuse", earlier, "--json", environ=door)
    assert ran.report["static"]["files"] == 4
    assert f"2 variants of {earlier} may be used again.\n" in ran.err


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
@DOORS
def test_without_that_image_it_is_a_warning_and_the_layer_of_a_plain_build(
    tmp_path: Path, door: Mapping[str, str], tag: Callable[[str], str]
) -> None:
    root = tiny(tmp_path / "tiny", SHOWS)
    name = tag(f"reuse-none-{len(door)}")
    plain = build(root, "--tag", name, "--json", environ=door).report
    ran = build(root, "--tag", name, "--reuse", f"oci:{tmp_path / 'x'}", "--json", environ=door)
    assert ran.err.startswith("warning: Nothing to reuse: ")
    assert ran.report["static"]["diff_id"] == plain["static"]["diff_id"]
    assert ran.report["static"]["files"] == 2


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
def test_the_engines_own_image_is_one_to_reuse(tmp_path: Path, tag: Callable[[str], str]) -> None:
    root = tiny(tmp_path / "tiny", SHOWS, {"static/css/site.css.gz": "of an engine"})
    build(root, "--tag", tag("reuse-engine"))
    (root / "static/css/site.css.gz").unlink()
    again = build(
        root, "--tag", tag("reuse-more"), "--reuse", f"docker:{tag('reuse-engine')}", "--json"
    )
    assert again.report["static"]["files"] == 3


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
def test_a_dockerfile_that_takes_nothing_in_is_said(
    tmp_path: Path, earlier: str, tag: Callable[[str], str]
) -> None:
    ran = build(tiny(tmp_path / "tiny"), "--tag", tag("reuse-not"), "--reuse", earlier)
    assert ran.code == 0, ran.err
    assert "warning: The Dockerfile has no stage buildstatic-previous: --reuse does n" in ran.err


def test_the_embedded_builder_compresses_nothing_twice(tmp_path: Path) -> None:
    settings = {"mysite/settings.py": SETTINGS + STORAGE, "static/css/large.css": LARGE}
    root = tiny(tmp_path / "tiny", None, settings)
    base(tmp_path / "oci")
    tags = ("--base", f"oci:{tmp_path / 'oci'}:base", "--tag", f"oci:{tmp_path / 'oci'}:1")
    environ = [{**NOWHERE, "XDG_CACHE_HOME": str(tmp_path / name)} for name in ("one", "two")]
    first = build(root, *tags, environ=environ[0])
    assert first.code == 0, first.err
    reuse = ("--reuse", f"oci:{tmp_path / 'oci'}:1", "-o", str(tmp_path / "again"))
    again = build(root, *reuse, environ=environ[1])
    assert again.code == 0, again.err
    found = re.search(r"^variants +(\d+),", first.err, re.M)
    assert found
    assert f"{found[1]} of them from the earlier tree" in again.err
    diff_ids = {line for r in (first, again) for line in r.out.splitlines() if "diffID" in line}
    assert len(diff_ids) == 1


def test_variants_of_other_content_are_not_believed(tmp_path: Path) -> None:
    settings = {"mysite/settings.py": SETTINGS + STORAGE, "static/css/large.css": LARGE}
    root = tiny(tmp_path / "tiny", None, settings)
    name = f"oci:{tmp_path / 'oci'}:1"
    put(base(tmp_path / "oci"), name, static(tmp_path, {"css/large.css.gz": "of something else"}))
    environ = {**NOWHERE, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    ran = build(root, "-o", str(tmp_path / "l"), "--reuse", name, "--json", environ=environ)
    assert ran.code == 0, ran.err
    with tarfile.open(tmp_path / "l") as tar:
        entry = tar.extractfile("app/staticfiles/css/large.css.gz")
        assert entry
        assert entry.read()[:2] == b"\x1f\x8b"
    assert json.loads(ran.out)["static"]["files"] > 4


def test_an_image_that_may_do_harm_ends_the_build(tmp_path: Path) -> None:
    Base(tmp_path / "oci").image(tar({"../x.gz": b"evil"}), tag="1")
    out = ("-o", str(tmp_path / "l"))
    ran = build(tiny(tmp_path / "tiny"), *out, "--reuse", f"oci:{tmp_path / 'oci'}:1")
    assert ran.code == 52
    assert not (tmp_path / "l").exists()
