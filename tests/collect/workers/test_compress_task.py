"""Compressing: WhiteNoise's rule, the cache, earlier trees, failures, and memory."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from textwrap import dedent
from typing import Any
from zipfile import ZipFile

import pytest

from buildstatic.collect import compress
from buildstatic.collect.cache import BLOCK, NOT_WORTH_IT, Cache
from buildstatic.collect.codecs import FORMATS, Codec, Effort, load_codec
from buildstatic.collect.compress import (
    CompressItem,
    Variants,
    WrittenVariant,
    contents_to_compress,
    written_variants,
)
from buildstatic.collect.earlier_variants import ARCHIVE, member_name
from buildstatic.collect.publish import OutputFile, Staging
from buildstatic.collect.tree import Tree
from buildstatic.collect.workers.compress_task import CompressOptions
from buildstatic.collect.workers.pool import (
    MEMORY_LIMIT,
    MIN_BYTES,
    MIN_ITEMS,
    WorkerPool,
    worker_pool,
)
from buildstatic.errors import CollectFailed
from tests.collect.conftest import Collect
from tests.collect.pythons import REPOSITORY
from tests.collect.sites import Site, contents
from tests.collect.workers.test_pool import gone, soon
from tests.running import started

ROOM = 1 << 40
NO_CACHE = Cache(Path(os.devnull, "cache"), ROOM)


def codecs(*suffixes: str, effort: Effort = "fast") -> tuple[Codec, ...]:
    loaded = (load_codec(suffix, effort) for suffix in suffixes or FORMATS)
    return tuple(codec for codec in loaded if codec)


def task(root: Path, name: str, content: bytes, *others: str) -> OutputFile:
    """Write *content* to the file *name* below *root*, and return it as what was collected."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return OutputFile(
        (name, *others), "", hashlib.sha256(content).hexdigest(), len(content), str(path)
    )


@dataclass(frozen=True)
class Variant:
    """A variant that was reported, and its file for the first name of its content."""

    name: str
    data: bytes
    told: WrittenVariant


def compressed(
    root: Path,
    tasks: Iterable[OutputFile],
    *suffixes: str,
    pool: WorkerPool,
    cache: Cache = NO_CACHE,
    reuse: Path | None = None,
    effort: Effort = "fast",
) -> Iterator[tuple[CompressItem, tuple[WrittenVariant, ...]]]:
    """Return the iterator that compresses *tasks*, whose files are below *root*."""
    variants = Variants(codecs(*suffixes, effort=effort), lambda _: True, cache, reuse)
    staging = Staging(Tree(str(root), None, None), str(root))
    items = contents_to_compress(tasks, variants, staging)
    return written_variants(items, variants, staging, pool)


def made(
    tasks: Iterable[OutputFile],
    *suffixes: str,
    cache: Cache = NO_CACHE,
    reuse: Path | None = None,
    effort: Effort = "fast",
    count: int = 2,
) -> list[Variant]:
    """Compress *tasks*, whose files are all below one directory; return the variants by name."""
    tasks = list(tasks)
    root = Path(tasks[0].path.removesuffix(tasks[0].names[0])) if tasks else Path()
    with worker_pool(count) as pool:
        results = compressed(
            root, tasks, *suffixes, pool=pool, cache=cache, reuse=reuse, effort=effort
        )
        done = [(own, told) for own, all_ in results for told in all_]
    found = []
    for own, told in done:
        written = {(root / f"{name}.{told.suffix}").read_bytes() for name in own.names}
        (data,) = written
        assert len(data) == told.size
        found.append(Variant(f"{own.names[0]}.{told.suffix}", data, told))
    return sorted(found, key=lambda variant: variant.name)


def hits(variants: Iterable[Variant]) -> list[bool]:
    return [variant.told.hit for variant in variants]


def reused(variants: Iterable[Variant]) -> list[bool]:
    return [variant.told.reused for variant in variants]


TEXTS = [b"body { color: red } /* %d */\n" % number * 99 for number in range(5)]


def sample(number: int, size: int, share: float) -> bytes:
    """Return *size* bytes of which *share* are noise, the same for each *number*."""
    source = random.Random(number)
    noise = source.randbytes(int(size * share))
    return noise + b"a" * (size - len(noise))


EDGE = [sample(size, size, share / 100) for size in (1, 60, 500, 9000) for share in (0, 80, 94, 97)]


def test_variants_are_kept_by_whitenoises_rule(tmp_path: Path) -> None:
    every = [*TEXTS, *EDGE, b"", Path(sys.executable).read_bytes()[:30000]]
    theirs = import_module("whitenoise.compress").Compressor(quiet=True)
    for number, content in enumerate(every):
        ours = task(tmp_path, f"{number}.txt", content)
        made_ = made([ours], "br", "gz", effort="best")
        variants = {v.told.suffix: v.data for v in made_}
        for variant in made_:
            (tmp_path / variant.name).unlink()
        theirs.compress(ours.path)
        there = {p.suffix[1:]: p.read_bytes() for p in tmp_path.glob(f"{number}.txt.*")}
        assert variants.keys() == there.keys(), (number, len(content))
        assert variants.get("br") == there.get("br")


def test_no_gzip_without_a_brotli_variant(tmp_path: Path) -> None:
    noise = [task(tmp_path, "noise.txt", os.urandom(5000))]
    cache = Cache(tmp_path / "cache", ROOM)
    assert made(noise, cache=cache) == []
    assert [entry.kind.partition("-")[0] for entry in cache.entries()] == ["brotli"]


def test_variant_matches_its_original(tmp_path: Path) -> None:
    tasks = [task(tmp_path, f"{number}.css", text) for number, text in enumerate(TEXTS)]
    by_suffix = {codec.suffix: codec for codec in codecs()}
    variants = made(tasks)
    assert len(variants) == len(TEXTS) * len(FORMATS)
    for variant in variants:
        text = TEXTS[int(variant.name[0])]
        assert by_suffix[variant.told.suffix].is_variant(variant.data, text)


def test_largest_content_first(tmp_path: Path) -> None:
    sizes = [3000, 9000, 1, 5000]
    tasks = [task(tmp_path, f"{size}.css", b"a" * size) for size in sizes]
    with worker_pool(1) as pool:
        done = [own.size for own, _ in compressed(tmp_path, tasks, "gz", pool=pool)]
    assert done == [9000, 5000, 3000, 1]


def test_no_contents(tmp_path: Path) -> None:
    assert made([], cache=Cache(tmp_path / "cache", ROOM)) == []


def test_cached_variants_are_used(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", ROOM)
    tasks = [task(tmp_path, f"{number}.css", text) for number, text in enumerate([*TEXTS, *EDGE])]
    first = made(tasks, cache=cache)
    second = made(tasks, cache=cache)
    assert not any(hits(first))
    assert all(hits(second))
    assert [(v.name, v.data) for v in second] == [(v.name, v.data) for v in first]


def test_cached_variant_that_is_too_large_is_not_used(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", ROOM)
    ours = task(tmp_path, "a.css", b"0123456789" * 300)
    (codec,) = codecs("gz")
    content = Path(ours.path).read_bytes()
    stored = gzip.compress(content, 0)
    assert codec.is_variant(stored, content)
    cache.put(ours.identity, codec, stored)
    [variant] = made([ours], "gz", cache=cache)
    assert not variant.told.hit
    assert len(variant.data) < len(stored)


def test_cache_limit_is_applied_at_the_end(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", 3 * BLOCK)
    tasks = [task(tmp_path, f"{number}.css", text) for number, text in enumerate(TEXTS)]
    assert len(made(tasks, cache=cache)) == 15
    assert len(cache.entries()) == 3


@pytest.mark.parametrize("size", [1, 10**6], ids=["at the end", "at the start"])
def test_cache_limit_is_applied_after_a_failure(tmp_path: Path, size: int) -> None:
    cache = Cache(tmp_path / "cache", 3 * BLOCK)
    tasks = [task(tmp_path, f"{number}.css", text) for number, text in enumerate(TEXTS)]
    missing = OutputFile(("gone.css",), "", "0" * 64, size, str(tmp_path / "gone.css"))
    with pytest.raises(OSError, match=r"gone\.css"):
        # Two workers: the other one may add a variant after that.
        made([*tasks, missing], cache=cache, count=1)
    assert len(cache.entries()) <= 3


@pytest.mark.parametrize("place", ["/dev/null/cache", "/proc/cache"])
def test_impossible_cache_directory(tmp_path: Path, place: str) -> None:
    assert len(made([task(tmp_path, "a.css", TEXTS[0])], cache=Cache(Path(place), ROOM))) == 3


def put_earlier(directory: Path, form: str, content: bytes, suffix: str, data: bytes) -> None:
    """Put *data* into *directory* as the variant of *content*: into its archive, or by a name."""
    directory.mkdir(exist_ok=True)
    if form != "archive":
        (directory / f"{form}.{suffix}").write_bytes(data)
        return
    with ZipFile(directory / ARCHIVE, "a") as archive:
        archive.writestr(member_name(hashlib.sha256(content).hexdigest(), suffix), data)


@pytest.mark.parametrize("form", ["a.css", "a.0123456789ab.css", "archive"])
def test_variants_of_an_earlier_tree_are_reused(tmp_path: Path, form: str) -> None:
    ours = task(tmp_path, "a.css", TEXTS[0], "a.0123456789ab.css")
    earlier = {codec.suffix: codec.compress(TEXTS[0]) for codec in codecs(effort="best")}
    for suffix, data in earlier.items():
        put_earlier(tmp_path / "earlier", form, TEXTS[0], suffix, data)
    variants = made([ours], reuse=tmp_path / "earlier")
    assert reused(variants) == [True] * 3
    assert hits(variants) == [False] * 3
    assert [v.data for v in variants] == [earlier[suffix] for suffix in ("br", "gz", "zst")]


@pytest.mark.parametrize("form", ["a.css", "archive"])
@pytest.mark.parametrize("number", [0, 1, 2], ids=["of other content", "no variant", "large"])
def test_wrong_variant_in_an_earlier_tree_is_replaced(
    tmp_path: Path, form: str, number: int
) -> None:
    ours = task(tmp_path, "a.css", TEXTS[0])
    for codec in codecs():
        data = codec.compress(TEXTS[0])
        wrong = [codec.compress(TEXTS[1]), NOT_WORTH_IT, data + bytes(len(TEXTS[0]))][number]
        put_earlier(tmp_path / "earlier", form, TEXTS[0], codec.suffix, wrong)
    variants = made([ours], reuse=tmp_path / "earlier")
    assert reused(variants) == [False] * 3
    assert [v.data for v in variants] == [v.data for v in made([ours])]


def test_reused_variant_is_not_cached(
    tmp_path: Path,
) -> None:
    ours = task(tmp_path, "a.css", TEXTS[0])
    earlier = tmp_path / "earlier"
    earlier.mkdir()
    for variant in made([ours]):
        (earlier / variant.name).write_bytes(variant.data)
    cache = Cache(tmp_path / "cache", ROOM)
    assert reused(made([ours], cache=cache, reuse=earlier, effort="best")) == [True] * 3
    assert cache.entries() == []
    assert hits(made([ours], cache=cache, effort="best")) == [False] * 3


def test_reuse_option(site: Site, collect: Collect, tmp_path: Path) -> None:
    site.write({f"static/{number}.css": text.decode() for number, text in enumerate(TEXTS)})
    site.storage("whitenoise.storage.CompressedManifestStaticFilesStorage")
    assert collect(site, "--noinput", "--cache", tmp_path / "first").code == 0
    before = contents(site.tree)
    earlier = tmp_path / "earlier"
    site.tree.rename(earlier)
    site.write({"static/0.css": "h1 { color: blue }\n" * 99})
    report = tmp_path / "report.json"
    where = ("--cache", tmp_path / "second", "--reuse", earlier, "--report", report)
    ran = collect(site, "--noinput", *where)
    assert ran.code == 0
    summary = json.loads(report.read_text())["summary"]
    assert summary["variants"] - summary["reused"] == 2  # of 0.css
    assert summary["reused"] >= 8
    assert f", {summary['reused']} of them from the earlier tree\n" in ran.err
    assert "from the cache" not in ran.err
    after = contents(site.tree)
    for name, content in after.items():
        if name.endswith((".br", ".gz")) and not name.startswith("0."):
            assert content == before[name], name


@pytest.mark.parametrize("size", [1, MIN_BYTES], ids=["here", "in a worker"])
def test_missing_file_is_named(tmp_path: Path, size: int) -> None:
    texts = [text * (size // len(text) + 1) for text in TEXTS]
    tasks = [task(tmp_path, f"{number}.css", text) for number, text in enumerate(texts)]
    Path(tasks[2].path).unlink()
    with pytest.raises(FileNotFoundError) as caught:
        made(tasks)
    assert str(caught.value.filename) == tasks[2].path


@pytest.mark.slow
def test_workers_write_the_same_as_one_process(tmp_path: Path) -> None:
    texts = [text * 400 for text in TEXTS] + [b"text %d\n" % n * 99 for n in range(MIN_ITEMS)]
    found = []
    for count, name in ((0, "none"), (1, "one"), (3, "three")):
        tasks = [task(tmp_path / name, f"{n}.css", text, f"{n}.x") for n, text in enumerate(texts)]
        found.append(made(tasks, count=count))
    assert found[0] == found[1] == found[2]


def test_parent_compresses_if_workers_have_other_codecs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = [task(tmp_path, f"{number}.css", text * 900) for number, text in enumerate(TEXTS)]
    monkeypatch.setattr("buildstatic.collect.compress.library_paths", tuple)
    with worker_pool(2) as pool:
        results = compressed(tmp_path, tasks, pool=pool)
        done = [[told.suffix for told in all_] for _, all_ in results]
        assert pool.processes
    assert done == [["br", "gz", "zst"]] * len(TEXTS)


def test_worker_of_an_ended_run_begins_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = [task(tmp_path, f"{number}.css", text * 900) for number, text in enumerate(TEXTS)]
    before = contents(tmp_path)
    options = compress._worker_options

    def of_an_ended_run(*arguments: Any) -> CompressOptions:
        return replace(options(*arguments), parent=os.getppid())

    monkeypatch.setattr(compress, "_worker_options", of_an_ended_run)
    with (
        worker_pool(1) as pool,
        pytest.raises(CollectFailed, match=f"status {128 + signal.SIGTERM}"),
    ):
        list(compressed(tmp_path, tasks, pool=pool))
    assert contents(tmp_path) == before


@pytest.mark.parametrize("more", [b"x", b""], ids=["longer", "shorter"])
def test_file_of_changed_size_is_an_error(tmp_path: Path, more: bytes) -> None:
    ours = task(tmp_path, "a.css", TEXTS[0])
    Path(ours.path).write_bytes(TEXTS[0] + more if more else TEXTS[0][:-1])
    with pytest.raises(OSError, match="it changed after it was collected") as caught:
        made([ours])
    assert caught.value.filename == ours.path


def test_file_larger_than_the_memory_limit(tmp_path: Path) -> None:
    large = tmp_path / "large.txt"
    with large.open("wb") as file:
        file.truncate(MEMORY_LIMIT + 1)
    alone = OutputFile(("large.txt",), "", "0" * 64, MEMORY_LIMIT + 1, str(large))
    assert len(made([alone, task(tmp_path, "a.css", TEXTS[0])], "gz")) == 2


def test_closing_the_iterator_stops_the_work(tmp_path: Path) -> None:
    texts = (b"body { color: red } /* %d */\n" % number * 99 for number in range(1000))
    tasks = [task(tmp_path, f"{number}.css", text) for number, text in enumerate(texts)]
    before = threading.active_count()
    with worker_pool(2) as pool:
        work = compressed(tmp_path, tasks, "gz", pool=pool)
        next(work)
        work.close()  # type: ignore[attr-defined]
        for thread in threading.enumerate():
            if thread is not threading.current_thread() and thread.daemon:
                thread.join(60)
        assert threading.active_count() <= before
    assert len([*tmp_path.glob("*.gz")]) < len(tasks)


def python(code: str, *arguments: object) -> AbstractContextManager[subprocess.Popen[str]]:
    command = (sys.executable, "-c", dedent(code), *arguments)
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    return started(*command, cwd=REPOSITORY, encoding="utf-8", **pipes)


SETUP = """
    import os, pathlib, resource, sys
    from buildstatic.collect.cache import Cache
    from buildstatic.collect.codecs import load_codec
    from buildstatic.collect.compress import Variants, contents_to_compress, written_variants
    from buildstatic.collect.publish import OutputFile, Staging
    from buildstatic.collect.tree import Tree
    from buildstatic.collect.workers.pool import worker_pool
    root = sys.argv[1]
    outputs = [
        OutputFile((path.name,), "", path.name, path.stat().st_size, str(path))
        for path in pathlib.Path(root).iterdir()
    ]
    staging = Staging(Tree(root, None, None), root)
    cache = Cache(pathlib.Path(os.devnull, "cache"), 0)
    def compressed(suffix, effort, pool):
        variants = Variants((load_codec(suffix, effort),), lambda _: True, cache)
        items = contents_to_compress(outputs, variants, staging)
        return written_variants(items, variants, staging, pool)
"""
PEAK = f"""{SETUP}
    peak = lambda who: resource.getrusage(who).ru_maxrss
    before = peak(resource.RUSAGE_SELF)
    with worker_pool(4) as pool:
        made = list(compressed("zst", "fast", pool))
    print(peak(resource.RUSAGE_SELF) - before, peak(resource.RUSAGE_CHILDREN))
"""


@pytest.mark.slow
def test_memory_is_bounded(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / f"{number}.bin").write_bytes(os.urandom(20 << 20) + bytes(12 << 20))
    with python(PEAK, tmp_path) as process:
        out, err = process.communicate()
    assert err == ""
    own, largest = (int(kilobytes) * 1024 for kilobytes in out.split())
    # Of six hundred megabytes, and of four hundred that they are compressed to.
    assert own < MEMORY_LIMIT / 4
    assert largest < 2.5 * MEMORY_LIMIT
    shutil.rmtree(tmp_path)


INTERRUPTED = f"""{SETUP}
    print("begun", flush=True)
    try:
        with worker_pool(2) as pool:
            for item, _ in compressed("br", "best", pool):
                print(*item.names, *(process.pid for process in pool.processes), flush=True)
    except KeyboardInterrupt:
        print("interrupted")
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_signal_interrupts_a_codec(tmp_path: Path, number: signal.Signals) -> None:
    source = random.Random(1)
    words = [source.randbytes(4).hex() for _ in range(5000)]
    (tmp_path / "slow").write_text(" ".join(source.choices(words, k=4_000_000)))
    (tmp_path / "9").write_text("9" * 9)
    with python(INTERRUPTED, tmp_path) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        # The small one is done, the large one is at work.
        small, *pids = process.stdout.readline().split()
        assert small == "9"
        process.send_signal(number)
        out, err = process.communicate(timeout=60)  # the codec takes longer
        expected = ("interrupted\n", "", 0) if number == signal.SIGINT else ("", "", -number)
        assert (out, err, process.returncode) == expected
        assert soon(lambda: all(gone(int(pid)) for pid in pids))
    assert {path.name for path in tmp_path.iterdir()} <= {"slow", "9", "9.br"}
