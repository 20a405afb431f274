"""The cache: shared by all, believed by none, no larger than it may be, and never in the way."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import zlib
from collections.abc import Callable
from dataclasses import replace
from gzip import GzipFile
from pathlib import Path
from textwrap import dedent

import pytest

from buildstatic.collect.cache import (
    BLOCK,
    DEFAULT_LIMIT,
    NOT_WORTH_IT,
    SIZE_VARIABLE,
    Cache,
    default_directory,
    find_cache,
    parse_size,
)
from buildstatic.collect.codecs import GZIP, Codec, load_codec
from buildstatic.collect.earlier_variants import EarlierVariants
from buildstatic.collect.workers.compress_task import Compressor
from buildstatic.errors import ConfigInvalid
from tests.collect.pythons import REPOSITORY
from tests.collect.rights import as_nobody, disk, public_directory

pytestmark = pytest.mark.limited
CONTENT = b"".join(b"a%d { margin: %dpx }\n" % (n * n % 97, n % 7) for n in range(200))


def gzip() -> Codec:
    codec = load_codec("gz", "fast")
    assert codec is not None
    return codec


CODEC = gzip()


def identity(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def keep(cache: Cache, content: bytes = CONTENT) -> bytes:
    """Put the variant of *content* into *cache* and return it."""
    data = CODEC.compress(content)
    cache.put(identity(content), CODEC, data)
    return data


def got(cache: Cache, content: bytes = CONTENT) -> bytes | None:
    return cache.get(identity(content), CODEC, content)


def files(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if not path.is_dir())


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "deep" / "cache")


def test_put_and_get(cache: Cache) -> None:
    assert got(cache) is None
    data = keep(cache)
    assert got(Cache(cache.directory)) == data
    assert len(files(cache.directory)) == 1


@pytest.mark.parametrize("content", [bytes(range(256)), b"", b"a"], ids=["dense", "empty", "one"])
def test_not_worth_it_is_stored(cache: Cache, content: bytes) -> None:
    cache.put(identity(content), CODEC, NOT_WORTH_IT)
    assert got(cache, content) == NOT_WORTH_IT


def test_foreign_mark_of_a_text_is_not_believed(cache: Cache) -> None:
    cache.put(identity(CONTENT), CODEC, NOT_WORTH_IT)
    assert got(cache) is None


def test_foreign_gzip_with_a_name_is_not_used(cache: Cache, tmp_path: Path) -> None:
    named = io.BytesIO()
    with GzipFile("hidden", "wb", fileobj=named, mtime=0) as file:
        file.write(CONTENT)
    gz = load_codec("gz", "best")
    assert gz is not None
    assert gz.is_variant(named.getvalue(), CONTENT)
    cache.put(identity(CONTENT), gz, named.getvalue())
    assert cache.get(identity(CONTENT), gz, CONTENT) is None
    cache.put(identity(CONTENT), gz, gz.compress(CONTENT))
    assert cache.get(identity(CONTENT), gz, CONTENT) is not None

    for data, found in ((named.getvalue(), False), (zlib.compress(CONTENT, 1, GZIP), True)):
        (tmp_path / "a.css.gz").write_bytes(data)
        variant = EarlierVariants(tmp_path).find(identity(CONTENT), gz, CONTENT, ("a.css",))
        assert variant == (data if found else None)


KEY = "a key of 16 characters, or more"


def foreign(cache: Cache) -> bytes:
    """Put a valid variant of CONTENT of another level into *cache*, as others could."""
    other = load_codec("gz", "best", 2)
    assert other is not None
    data = other.compress(CONTENT)
    assert data.startswith(CODEC.header)
    assert CODEC.is_variant(data, CONTENT)
    assert data != CODEC.compress(CONTENT)
    cache.put(identity(CONTENT), CODEC, data)
    return data


def test_without_a_key_a_foreign_variant_is_only_another_compression(cache: Cache) -> None:
    def made() -> list[bytes]:
        compressor = Compressor((CODEC,), cache, None, chained=True)
        return [each.data for each in compressor.variants(CONTENT, identity(CONTENT), ("a.css",))]

    data = foreign(cache)
    assert made() == [data]
    stored = CODEC.header + zlib.compress(CONTENT, 0, GZIP)[len(CODEC.header) :]
    assert CODEC.is_variant(stored, CONTENT)
    for refused in (stored, CODEC.compress(CONTENT + b"x"), NOT_WORTH_IT):
        cache.put(identity(CONTENT), CODEC, refused)
        assert made() == [CODEC.compress(CONTENT)]


def test_variant_not_kept_is_made_where_all_are_kept(cache: Cache) -> None:
    content = b"short"
    for keeps_all, expected in ((False, []), (True, [CODEC.compress(content)]), (False, [])):
        compressor = Compressor((CODEC,), cache, None, chained=False, keeps_all=keeps_all)
        variants = compressor.variants(content, identity(content), ("a.css",))
        assert [each.data for each in variants] == expected


@pytest.mark.parametrize("key", ["", "another key of the attacker"])
def test_with_a_key_foreign_variants_are_not_used(tmp_path: Path, key: str) -> None:
    keyed, others = Cache(tmp_path, key=KEY), Cache(tmp_path, key=key)
    foreign(others)
    # Under the name, too, that the entries with a key have.
    for path in files(tmp_path):
        path.replace(path.with_name(f"{path.name.removesuffix('.signed')}.signed"))
    assert got(keyed) is None
    data = keep(keyed)
    assert got(keyed) == data


def test_signed_variant_is_of_one_content_and_codec(tmp_path: Path) -> None:
    cache = Cache(tmp_path, key=KEY)
    keep(cache)
    newer = replace(CODEC, key=f"{CODEC.key}1")
    (path,) = files(tmp_path)
    path.replace(path.with_name(path.name.replace(CODEC.key, newer.key)))
    assert cache.get(identity(CONTENT), newer, CONTENT) is None
    assert [entry.kind for entry in cache.entries()] == [f"{newer.key}.signed"]


def test_key_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    foreign(Cache(tmp_path))
    monkeypatch.setenv("BUILDSTATIC_CACHE_KEY", KEY)
    cache = find_cache(tmp_path)
    assert got(cache) is None
    assert KEY not in repr(cache)


def test_short_key_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUILDSTATIC_CACHE_KEY", "short")
    with pytest.raises(ConfigInvalid, match="BUILDSTATIC_CACHE_KEY has fewer than 16"):
        find_cache(tmp_path)


def test_levels_and_versions_are_separate(cache: Cache) -> None:
    keep(cache)
    newer = replace(CODEC, key=f"{CODEC.key}1")
    assert cache.get(identity(CONTENT), newer, CONTENT) is None


def replaced_by_a_link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


def replaced_by_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    "corrupt",
    [
        pytest.param(lambda path: path.write_bytes(b""), id="empty"),
        pytest.param(lambda path: path.write_bytes(b"\0" * 50), id="zeros"),
        pytest.param(lambda path: path.write_bytes(path.read_bytes()[:-1]), id="cut short"),
        pytest.param(lambda path: path.write_bytes(CODEC.compress(b"other")), id="another's"),
        pytest.param(lambda path: path.write_bytes(NOT_WORTH_IT + b"\n"), id="nearly a mark"),
        pytest.param(lambda path: os.truncate(path, 1 << 40), id="a terabyte"),
        pytest.param(replaced_by_a_link, id="a link"),
        pytest.param(replaced_by_a_pipe, id="a pipe"),
    ],
)
def test_corrupt_variant_is_replaced(cache: Cache, corrupt: Callable[[Path], object]) -> None:
    data = keep(cache)
    [path] = files(cache.directory)
    corrupt(path)
    assert got(cache) is None
    keep(cache)
    assert got(cache) == data
    assert not path.is_symlink()


def test_directory_instead_of_a_variant(cache: Cache) -> None:
    keep(cache)
    [path] = files(cache.directory)
    path.unlink()
    path.mkdir()
    assert got(cache) is None
    keep(cache)
    assert files(cache.directory) == []
    assert cache.prune(0) == []


def contents(count: int) -> list[bytes]:
    return [b"content %d " % number * 50 for number in range(count)]


def fill(cache: Cache, count: int) -> list[bytes]:
    """Keep *count* variants, each used a second after the one before, and return their contents."""
    for number, content in enumerate(contents(count)):
        before = set(files(cache.directory))
        keep(cache, content)
        [path] = set(files(cache.directory)) - before
        os.utime(path, (1000 + number, 1000 + number))
    return contents(count)


def test_least_recently_used_is_removed_first(cache: Cache) -> None:
    first, second, third, fourth = fill(cache, 4)
    assert got(cache, second)
    replace(cache, limit=2 * BLOCK).evict()
    kept = [content for content in (first, second, third, fourth) if got(cache, content)]
    assert kept == [second, fourth]


def test_nothing_is_removed_below_the_limit(cache: Cache) -> None:
    fill(cache, 3)
    replace(cache, limit=3 * BLOCK).evict()
    assert len(files(cache.directory)) == 3


def test_other_versions_and_incomplete_files_are_removed(cache: Cache) -> None:
    keep(cache)
    [path] = files(cache.directory)
    older = cache.directory / "v0" / path.relative_to(cache.directory / "v1")
    older.parent.mkdir(parents=True)
    older.write_bytes(b"older")
    leftover = path.with_name(".buildstatic-0123456789abcdef")
    leftover.write_bytes(b"half")
    assert {entry.path for entry in cache.entries()} == {str(path), str(older), str(leftover)}
    assert {entry.kind for entry in cache.entries()} == {CODEC.key, "incomplete"}
    assert len(cache.clear()) == 3
    assert list(cache.directory.iterdir()) == []


def test_other_files_stay(cache: Cache, tmp_path: Path) -> None:
    keep(cache)
    [path] = files(cache.directory)
    mine = [
        cache.directory / "notes.txt",
        cache.directory / "v1" / "notes.txt",
        path.with_name("notes.txt"),
        cache.directory / "src" / path.parent.name / path.name,
    ]
    for file in mine:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("mine")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / path.name).write_text("mine")
    (cache.directory / "v1" / "00").symlink_to(elsewhere)
    assert [entry.path for entry in cache.clear()] == [str(path)]
    assert files(cache.directory) == sorted(mine)
    assert (elsewhere / path.name).exists()


def python(code: str, *arguments: object) -> subprocess.Popen[str]:
    """Start *code* with *arguments* in an interpreter of its own."""
    command = [sys.executable, "-c", dedent(code), *map(str, arguments)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=REPOSITORY, stdin=pipe, stdout=pipe, encoding="utf-8")


WORK = """
    import hashlib, sys
    from pathlib import Path
    from buildstatic.collect.cache import Cache
    from buildstatic.collect.codecs import load_codec
    codec, cache = load_codec("gz", "fast"), Cache(Path(sys.argv[1]), int(sys.argv[2]))
    hits = 0
    for round in range(5):
        for number in range(200):
            content = b"content %d " % number * 50
            identity = hashlib.sha256(content).hexdigest()
            data = cache.get(identity, codec, content)
            hits += data is not None
            assert data is None or data == codec.compress(content)
            cache.put(identity, codec, codec.compress(content))
        cache.evict()
    print(hits)
"""


@pytest.mark.slow
@pytest.mark.parametrize("limit", [DEFAULT_LIMIT, 50 * BLOCK], ids=["roomy", "tight"])
def test_two_processes_share_the_cache(tmp_path: Path, limit: int) -> None:
    both = [python(WORK, tmp_path, limit) for _ in range(2)]
    hits = [int(process.communicate()[0]) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert min(hits) > 0
    assert all(path.name[0] != "." for path in files(tmp_path))
    Cache(tmp_path, limit).evict()
    left = min(200, limit // BLOCK)
    # A process that removes variants counts the incomplete file of the other as well.
    assert left - (10 if left < 200 else 0) <= len(files(tmp_path)) <= left


CHURN = """
    import pathlib, sys
    place = pathlib.Path(sys.argv[1])
    files = [place / f"{number:062x}.gz-1" for number in range(300)]
    print("ready", flush=True)
    while True:
        for file in files:
            file.write_bytes(b"x")
        for file in files:
            file.unlink(missing_ok=True)
"""


def test_file_removed_by_another_process(cache: Cache) -> None:
    keep(cache)
    [path] = files(cache.directory)
    command = [sys.executable, "-c", dedent(CHURN), str(path.parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as other:
        try:
            assert other.stdout
            other.stdout.readline()
            assert all(str(path) in {e.path for e in cache.entries()} for _ in range(300))
            cache.prune(DEFAULT_LIMIT)
        finally:
            other.kill()


@pytest.mark.slow
def test_variant_of_another_process_is_found(tmp_path: Path) -> None:
    for expected in (800, 1000):
        assert int(python(WORK, tmp_path, DEFAULT_LIMIT).communicate()[0]) == expected


def test_only_one_process_evicts(cache: Cache) -> None:
    fill(cache, 3)
    small = replace(cache, limit=BLOCK)
    code = """
        import fcntl, os, sys
        fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), fcntl.LOCK_EX)
        print("locked", flush=True)
        sys.stdin.read()
    """
    with python(code, cache.directory) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        small.evict()
        assert len(files(cache.directory)) == 3
        holder.communicate()
    small.evict()
    assert len(files(cache.directory)) == 1


def test_read_only_cache_is_read() -> None:
    with public_directory() as place:
        cache = Cache(place / "cache", BLOCK)
        first, second = contents(2)
        data = keep(cache, first)
        keep(cache, second)
        for directory in (place, *place.rglob("*/")):
            directory.chmod(0o555)
        try:
            with as_nobody():
                keep(cache, CONTENT)
                cache.evict()
                assert got(cache, CONTENT) is None
                assert got(cache, first) == data
        finally:
            for directory in (place, *place.rglob("*/")):
                directory.chmod(0o755)


def test_unreadable_cache_is_empty() -> None:
    with public_directory() as place:
        cache = Cache(place / "cache")
        keep(cache)
        cache.directory.chmod(0)
        with as_nobody():
            assert got(cache) is None
            keep(cache)
            cache.evict()
        cache.directory.chmod(0o755)


@pytest.mark.parametrize("place", ["/dev/null/cache", "/proc/cache"])
def test_impossible_directory_is_empty(place: str) -> None:
    cache = Cache(Path(place))
    keep(cache)
    cache.evict()
    assert got(cache) is None
    assert (cache.entries(), cache.prune(0), cache.clear()) == ([], [], [])


def test_full_disk_leaves_no_incomplete_file(tmp_path: Path) -> None:
    with disk(tmp_path / "disk") as place:
        cache = Cache(place / "cache")
        large = [os.urandom(15_000) + bytes(5_000) for _ in range(6)]
        for content in large:
            keep(cache, content)
        kept = [content for content in large if got(cache, content)]
        assert 0 < len(kept) < len(large)
        assert len(files(place)) == len(kept)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("1000", 1000),
        ("500MB", 500_000_000),
        ("500 mb", 500_000_000),
        ("1.5G", 1_500_000_000),
        ("2GiB", 2 << 30),
        ("64kB", 64_000),
        ("10b", 10),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "much", "-1", "1TB", "1 2", "MB", "1e9"])
def test_invalid_sizes(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size"):
        parse_size(text)


def test_variable_sets_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SIZE_VARIABLE, raising=False)
    assert Cache(tmp_path).limit == DEFAULT_LIMIT == 1_000_000_000
    monkeypatch.setenv(SIZE_VARIABLE, "5MB")
    assert Cache(tmp_path).limit == 5_000_000
    monkeypatch.setenv(SIZE_VARIABLE, "lots")
    with pytest.raises(ConfigInvalid, match=rf"{SIZE_VARIABLE}: 'lots' is not a size"):
        Cache(tmp_path)


@pytest.mark.parametrize(
    ("variable", "place"),
    [("/xdg", "/xdg/buildstatic"), ("", "/home/me/.cache/buildstatic"), ("xdg", None)],
    ids=["set", "empty", "relative"],
)
def test_default_directory(
    variable: str, place: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("XDG_CACHE_HOME", variable)
    assert default_directory() == Path(place or "/home/me/.cache/buildstatic")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become an unknown user")
def test_user_without_a_home_directory() -> None:
    code = """
        import os
        from buildstatic.collect.cache import Cache, default_directory
        os.environ.pop("HOME", None)
        os.environ.pop("XDG_CACHE_HOME", None)
        os.setuid(54321)
        print(Cache(default_directory()).entries())
    """
    assert python(code).communicate()[0] == "[]\n"
