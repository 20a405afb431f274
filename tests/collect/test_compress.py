"""Which variants are made: those of the storage's settings, or of the options."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

import pytest

from tests.collect.conftest import Collect
from tests.collect.pythons import REPOSITORY
from tests.collect.sites import Site

DJANGO = "django.contrib.staticfiles.storage.StaticFilesStorage"
WHITENOISE = "whitenoise.storage.CompressedStaticFilesStorage"
TEXT = "body { color: red }\n" * 99


def suffixes(site: Site, name: str) -> set[str]:
    """Return the suffixes of the variants that *name* has in the tree."""
    return {path.suffix[1:] for path in site.tree.glob(f"{name}.*")}


@pytest.fixture
def text(site: Site) -> Site:
    """Return a site with one text under names of which some are not compressed."""
    names = ("a.css", "b.png", "c.CSS", "d.avif", "e.jxl", "f.zst", "png", "g.png.css")
    site.write({f"static/{name}": TEXT for name in names})
    return site


@pytest.mark.parametrize(
    ("backend", "options", "expected"),
    [
        pytest.param(DJANGO, [], "", id="django's makes none"),
        pytest.param(WHITENOISE, [], "br gz", id="whitenoise's makes two"),
        pytest.param(DJANGO, ["--compress", "fast"], "br gz", id="fast"),
        pytest.param(DJANGO, ["--compress", "best"], "br gz", id="best"),
        pytest.param(DJANGO, ["--compress", "none"], "", id="none"),
        pytest.param(WHITENOISE, ["--compress", "none"], "", id="none of whitenoise's"),
        pytest.param(DJANGO, ["--formats", "zst"], "zst", id="one format"),
        pytest.param(WHITENOISE, ["--formats", "zst,gz"], "gz zst", id="others than whitenoise's"),
        pytest.param(WHITENOISE, ["--no-post-process"], "", id="no post-processing"),
    ],
)
def test_options_take_precedence_over_the_storage(
    text: Site, collect: Collect, tmp_path: Path, backend: str, options: list[str], expected: str
) -> None:
    text.storage(backend)
    ran = collect(text, "--noinput", "--cache", tmp_path / "cache", *options)
    assert ran.code == 0, ran.err
    assert suffixes(text, "a.css") == set(expected.split())


@pytest.mark.parametrize("backend", [DJANGO, WHITENOISE])
def test_compressed_formats_are_skipped(
    text: Site, collect: Collect, tmp_path: Path, backend: str
) -> None:
    text.storage(backend)
    ran = collect(text, "--noinput", "--cache", tmp_path / "cache", "--compress", "fast")
    assert ran.code == 0, ran.err
    assert compressed(text, ["c.CSS", "png", "g.png.css"]) == {"c.CSS", "png", "g.png.css"}
    assert compressed(text, ["b.png"]) == set()
    # WhiteNoise's own list is shorter.
    expected = set() if backend == DJANGO else {"d.avif", "e.jxl", "f.zst"}
    assert compressed(text, ["d.avif", "e.jxl", "f.zst"]) == expected


def compressed(site: Site, names: Collection[str]) -> set[str]:
    return {name for name in names if (site.tree / f"{name}.br").exists()}


def test_whitenoises_skip_setting(text: Site, collect: Collect, tmp_path: Path) -> None:
    text.storage(WHITENOISE)
    text.append('WHITENOISE_SKIP_COMPRESS_EXTENSIONS = ["css"]\n')
    assert collect(text, "--noinput", "--cache", tmp_path / "cache").code == 0
    assert compressed(text, ["a.css", "c.CSS"]) == set()
    assert compressed(text, ["b.png"]) == {"b.png"}


def test_missing_library_is_named() -> None:
    code = (
        f"import sys; sys.path.append({str(REPOSITORY)!r})\n"
        "from buildstatic.collect.request import CollectOptions\n"
        "from buildstatic.collect.storages.adapter import Adapter\n"
        "from buildstatic.collect.compress import variants_for\n"
        "plain = Adapter()\n"
        "variants = variants_for(None, plain, CollectOptions(compress='best'))\n"
        "print([codec.suffix for codec in variants.codecs])\n"
        "variants_for(None, plain, CollectOptions(compress='best', formats=('gz', 'br')))\n"
    )
    command = [sys.executable, "-I", "-S", "-c", code]
    done = subprocess.run(command, capture_output=True, encoding="utf-8")
    assert done.stdout == "['gz']\n"
    assert (
        "CollectFailed: The project's Python cannot import a library for .br files" in done.stderr
    )
    assert "Install brotli" in done.stderr
