"""``buildstatic cache``: what it prints, and what it leaves."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from buildstatic.collect.cache import BLOCK, DEFAULT_LIMIT, SIZE_VARIABLE, Cache
from buildstatic.collect.codecs import load_codec
from buildstatic.errors import ConfigInvalid
from tests.cli.conftest import Invoke


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    """Return a cache with three gzip files and a Brotli file, used in this order."""
    cache = Cache(tmp_path / "cache", DEFAULT_LIMIT)
    for number, suffix in enumerate(["gz", "gz", "gz", "br"]):
        codec = load_codec(suffix, "fast")
        assert codec is not None
        content = b"content %d" % number * 100
        before = {entry.path for entry in cache.entries()}
        cache.put(hashlib.sha256(content).hexdigest(), codec, codec.compress(content))
        [path] = {entry.path for entry in cache.entries()} - before
        os.utime(path, (1000 + number, 1000 + number))
    return cache


def kinds(cache: Cache) -> list[str]:
    return [entry.kind.partition("-")[0] for entry in cache.entries()]


def test_info(cache: Cache, invoke: Invoke) -> None:
    rows = dict(
        line.split(maxsplit=1)
        for line in invoke("cache", "info", "--cache", cache.directory).out.splitlines()
    )
    assert rows.pop("directory") == str(cache.directory)
    assert rows.pop("variants") == "4"
    assert rows.pop("size") == "16.4 kB of 1.0 GB"
    assert sorted(rows.values()) == ["1, 4.1 kB", "3, 12.3 kB"]
    document = json.loads(invoke("cache", "info", "--json", "--cache", cache.directory).out)
    usage = document.pop("kinds").values()
    assert document == {
        "directory": str(cache.directory),
        "variants": 4,
        "bytes": 4 * BLOCK,
        "limit": DEFAULT_LIMIT,
    }
    assert sorted(kind["variants"] for kind in usage) == [1, 3]


def test_default_directory(cache: Cache, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache.directory.parent))
    directory = cache.directory.rename(cache.directory.with_name("buildstatic"))
    document = json.loads(invoke("cache", "info", "--json").out)
    assert (document["directory"], document["variants"]) == (str(directory), 4)


def test_prune_removes_the_least_recently_used(cache: Cache, invoke: Invoke) -> None:
    out = invoke("cache", "prune", "--max-size", "9kB", "--cache", cache.directory).out
    assert kinds(cache) == ["libdeflate", "brotli"]
    assert out == "2 variants (8.2 kB) removed, 2 variants (8.2 kB) left.\n"


@pytest.mark.parametrize(("limit", "left"), [("5kB", 1), (None, 4)])
def test_prune_to_the_default_size(
    cache: Cache, limit: str | None, left: int, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    if limit:
        monkeypatch.setenv(SIZE_VARIABLE, limit)
    assert invoke("cache", "prune", "--cache", cache.directory).code == 0
    assert len(kinds(cache)) == left


def test_clear_keeps_other_files(cache: Cache, invoke: Invoke) -> None:
    (cache.directory / "notes").write_text("mine")
    out = invoke("cache", "clear", "--cache", cache.directory).out
    assert [path.name for path in cache.directory.iterdir()] == ["notes"]
    assert out.endswith(" removed, 0 variants (0 bytes) left.\n")


@pytest.mark.parametrize("command", ["info", "prune", "clear"])
def test_missing_cache_is_empty(command: str, tmp_path: Path, invoke: Invoke) -> None:
    assert invoke("cache", command, "--cache", tmp_path / "none").code == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", ["much", "-1", "1TB"])
def test_invalid_size(size: str, cache: Cache, invoke: Invoke) -> None:
    ran = invoke("cache", "prune", f"--max-size={size}", "--cache", cache.directory)
    assert ran.code == 2
    assert "such as 500MB or 2GB" in ran.err
    assert len(kinds(cache)) == 4


def test_invalid_variable(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SIZE_VARIABLE, "lots")
    ran = invoke("cache", "info")
    assert ran.code == ConfigInvalid.exit_code
    assert ran.err.startswith(f"error: {SIZE_VARIABLE}: 'lots'")


@pytest.mark.parametrize("command", ["info", "prune", "clear"])
def test_help(command: str, invoke: Invoke) -> None:
    lines = invoke("cache", command, "--help").out.splitlines()
    assert any(line.startswith("  --cache DIR  ") for line in lines)
    assert max(map(len, lines)) <= 100
