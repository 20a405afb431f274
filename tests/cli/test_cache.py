"""``buildstatic cache``: what it shows, and what it leaves."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from buildstatic.cli import run
from buildstatic.collect.cache import BLOCK, LIMIT, VARIABLE, Cache
from buildstatic.collect.codecs import load
from buildstatic.errors import ConfigInvalid


@pytest.fixture(autouse=True)
def _no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    """Return a cache with three gzip files and one of brotli's, one used after the other."""
    cache = Cache(tmp_path / "cache", LIMIT)
    for number, suffix in enumerate(["gz", "gz", "gz", "br"]):
        codec = load(suffix, "fast")
        assert codec is not None
        content = b"content %d" % number * 100
        known = {entry.path for entry in cache.entries()}
        cache.put(hashlib.sha256(content).hexdigest(), codec, codec.compress(content))
        [path] = {entry.path for entry in cache.entries()} - known
        os.utime(path, (1000 + number, 1000 + number))
    return cache


def kinds(cache: Cache) -> list[str]:
    return [entry.kind.partition("-")[0] for entry in cache.entries()]


def test_info_says_where_it_is_and_what_it_holds_of_which_kind(
    cache: Cache, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["cache", "info", "--cache", str(cache.directory)]) == 0
    rows = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert rows.pop("directory") == str(cache.directory)
    assert rows.pop("variants") == "4"
    assert rows.pop("size") == "16.4 kB of 1.0 GB"
    assert sorted(rows.values()) == ["1, 4.1 kB", "3, 12.3 kB"]


def test_info_says_the_same_in_json(cache: Cache, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["cache", "info", "--json", "--cache", str(cache.directory)]) == 0
    document = json.loads(capsys.readouterr().out)
    held = document.pop("kinds")
    assert document == {
        "directory": str(cache.directory),
        "variants": 4,
        "bytes": 4 * BLOCK,
        "limit": LIMIT,
    }
    assert sorted(kind["variants"] for kind in held.values()) == [1, 3]
    assert sum(kind["bytes"] for kind in held.values()) == 4 * BLOCK


def test_by_itself_it_is_the_cache_that_collecting_uses(
    cache: Cache, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache.directory.parent))
    cache.directory.rename(cache.directory.with_name("buildstatic"))
    assert run(["cache", "info", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["directory"] == str(cache.directory.with_name("buildstatic"))
    assert document["variants"] == 4


def test_prune_leaves_what_was_used_last(cache: Cache, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["cache", "prune", "--max-size", "9kB", "--cache", str(cache.directory)]) == 0
    assert kinds(cache) == ["libdeflate", "brotli"]
    said = capsys.readouterr().out
    assert said == "2 variants (8.2 kB) removed, 2 variants (8.2 kB) left.\n"


def test_prune_holds_the_limit_of_the_variable(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "5kB")
    assert run(["cache", "prune", "--cache", str(cache.directory)]) == 0
    assert kinds(cache) == ["brotli"]


def test_prune_leaves_a_small_cache_alone(cache: Cache) -> None:
    assert run(["cache", "prune", "--cache", str(cache.directory)]) == 0
    assert len(kinds(cache)) == 4


def test_clear_leaves_only_what_is_not_the_caches(
    cache: Cache, capsys: pytest.CaptureFixture[str]
) -> None:
    (cache.directory / "notes").write_text("mine")
    assert run(["cache", "clear", "--cache", str(cache.directory)]) == 0
    assert [path.name for path in cache.directory.iterdir()] == ["notes"]
    assert capsys.readouterr().out.endswith(" removed, 0 variants (0 bytes) left.\n")


@pytest.mark.parametrize("command", ["info", "prune", "clear"])
def test_a_cache_that_is_not_there_is_an_empty_one(command: str, tmp_path: Path) -> None:
    assert run(["cache", command, "--cache", str(tmp_path / "none")]) == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", ["much", "-1", "1TB"])
def test_what_is_no_size_is_wrong_use(
    size: str, cache: Cache, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["cache", "prune", f"--max-size={size}", "--cache", str(cache.directory)]) == 2
    assert "such as 500MB or 2GB" in capsys.readouterr().err
    assert len(kinds(cache)) == 4


def test_a_variable_that_is_no_size_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "lots")
    assert run(["cache", "info"]) == ConfigInvalid.exit_code
    assert capsys.readouterr().err.startswith(f"error: {VARIABLE}: 'lots' is no size")


@pytest.mark.parametrize("command", ["info", "prune", "clear"])
def test_each_command_says_what_its_options_are_for(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["cache", command, "--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("  --cache DIR  ") for line in lines)
    assert max(map(len, lines)) <= 100
