"""The codecs: what they make and how small, and that nothing is believed of what others made."""

from __future__ import annotations

import fcntl
import gzip
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from textwrap import dedent

import brotli
import pytest

from buildstatic.collect.codecs import FORMATS, Codec, Effort, load_codec
from tests.collect.pythons import REPOSITORY

PACKAGES = {"django": "contrib/admin/static", "rest_framework": "static"}
CONTENT = Path(__file__).read_bytes() * 3
each_format = pytest.mark.parametrize("suffix", FORMATS)


def codec(suffix: str, effort: Effort = "fast") -> Codec:
    found = load_codec(suffix, effort)
    assert found is not None
    return found


def texts(package: str) -> list[bytes]:
    """Return every style sheet, script and drawing of *package*."""
    suffixes = (".css", ".js", ".svg", ".map")
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    directory = Path(spec.origin).parent / PACKAGES[package]
    files = sorted(file for file in directory.rglob("*") if file.suffix in suffixes)
    assert len(files) > 10
    return [file.read_bytes() for file in files]


@each_format
@pytest.mark.parametrize("effort", ["fast", "best"])
@pytest.mark.parametrize("content", [b"", b"a", CONTENT], ids=["empty", "one byte", "a text"])
def test_variant_decompresses_to_the_original(suffix: str, effort: Effort, content: bytes) -> None:
    made = codec(suffix, effort)
    assert made.is_variant(made.compress(content), content)


@each_format
def test_compression_is_reproducible(suffix: str) -> None:
    assert codec(suffix).compress(CONTENT) == codec(suffix).compress(CONTENT)


@pytest.mark.parametrize("package", PACKAGES)
def test_best_gzip_is_not_larger_than_whitenoises(package: str) -> None:
    contents = texts(package)
    ours = sum(len(codec("gz", "best").compress(content)) for content in contents)
    theirs = sum(len(gzip.compress(content, 9, mtime=0)) for content in contents)
    assert ours <= theirs


@pytest.mark.slow
def test_best_brotli_equals_whitenoises() -> None:
    for content in texts("rest_framework")[:5]:
        assert codec("br", "best").compress(content) == brotli.compress(content)


@each_format
def test_best_is_smaller_than_fast(suffix: str) -> None:
    content = max(texts("django"), key=len)
    assert len(codec(suffix, "best").compress(content)) < len(codec(suffix).compress(content))


def flipped(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 0x10]) + data[middle + 1 :]


@pytest.mark.limited
@each_format
@pytest.mark.parametrize(
    "corrupt",
    [
        pytest.param(lambda _: b"", id="empty"),
        pytest.param(lambda _: CONTENT[:999], id="something else"),
        pytest.param(flipped, id="a bit flipped"),
        pytest.param(lambda data: data[:-1], id="cut short"),
        pytest.param(lambda data: data + b"\0", id="something after it"),
        pytest.param(lambda data: data + data, id="twice"),
    ],
)
def test_corrupt_variant_is_rejected(suffix: str, corrupt: object) -> None:
    made = codec(suffix)
    assert callable(corrupt)
    assert not made.is_variant(corrupt(made.compress(CONTENT)), CONTENT)


@each_format
def test_variant_of_other_length_is_rejected(suffix: str) -> None:
    made = codec(suffix)
    assert not made.is_variant(made.compress(CONTENT), CONTENT[:-1])
    assert not made.is_variant(made.compress(CONTENT[:-1]), CONTENT)


@pytest.fixture(scope="session")
def older(environments: Path) -> Path:
    """Return a directory with a brotli that cannot be told where to stop."""
    return installed(environments / "older-brotli", "brotli==1.1.0")


def installed(directory: Path, requirement: str) -> Path:
    uv = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", sys.executable]
    with directory.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run([*uv, "--target", directory, requirement], check=True)
    return directory


def python(code: str, *paths: Path, site: bool = True) -> str:
    """Run *code* with *paths* before all others; without *site* there are no packages at all."""
    head = f"import sys; sys.path[:0] = {[str(path) for path in (*paths, REPOSITORY)]!r}\n"
    command = [sys.executable, *([] if site else ["-S"]), "-I", "-c", head + dedent(code)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


HELD = """
    import pathlib, resource
    from buildstatic.collect.codecs import load_codec
    codec = load_codec({suffix!r}, "fast")
    def peak():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    before = peak()
    for bomb in sorted(pathlib.Path({bombs!r}).iterdir()):
        assert not codec.is_variant(bomb.read_bytes(), bytes(1000))
    print(peak() - before)
"""
BOMBS = """
    import gzip, pathlib
    import brotli
    try:
        from compression import zstd
    except ImportError:
        from backports import zstd
    zeros = bytes(1 << 28)
    stream = zstd.ZstdCompressor(level=1)  # a frame that does not state its size
    bombs = {{
        "br": lambda: [brotli.compress(zeros, quality=1)],
        "gz": lambda: [gzip.compress(zeros, 1)],
        "zst": lambda: [zstd.compress(zeros, 1), stream.compress(zeros) + stream.flush()],
    }}[{suffix!r}]()
    for number, bomb in enumerate(bombs):
        pathlib.Path({bombs!r}, str(number)).write_bytes(bomb)
"""


@pytest.mark.parametrize(
    ("suffix", "library"),
    [("br", ""), ("br", "older"), ("gz", ""), ("zst", "")],
)
def test_decompression_bomb_takes_no_memory(
    suffix: str, library: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    paths = [request.getfixturevalue(library)] if library else []
    python(BOMBS.format(suffix=suffix, bombs=str(tmp_path)))
    grown = int(python(HELD.format(suffix=suffix, bombs=str(tmp_path)), *paths))
    assert grown * 1024 < (1 << 28) // 2


KEY = 'from buildstatic.collect.codecs import load_codec; print(load_codec("{}", "best").key)'


def test_key_has_library_version_and_level() -> None:
    assert codec("br", "best").key == f"brotli-{brotli.__version__}-11"
    assert len({codec(suffix, effort).key for suffix in FORMATS for effort in EFFORTS}) == 6


EFFORTS: tuple[Effort, ...] = ("fast", "best")


def test_key_of_another_version(older: Path) -> None:
    assert python(KEY.format("br"), older) == "brotli-1.1.0-11"


@each_format
def test_key_is_a_file_name(suffix: str) -> None:
    key = codec(suffix).key
    assert Path(key).name == key
    assert key.isascii()


def test_brotli_without_output_limit(older: Path) -> None:
    code = """
        from buildstatic.collect.codecs import load_codec
        codec = load_codec("br", "fast")
        content = b"some text, " * 5000
        data = codec.compress(content)
        print([
            codec.is_variant(data, content), codec.is_variant(data + b"x", content),
            codec.is_variant(data[:-1], content), codec.is_variant(data, content[:-1]),
            codec.is_variant(codec.compress(b""), b""),
        ])
    """
    assert python(code, older) == str([True, False, False, False, True])


def test_zstd_module_of_the_standard_library_takes_precedence(tmp_path: Path) -> None:
    (tmp_path / "compression").mkdir()
    (tmp_path / "compression" / "zstd.py").write_text(
        "from backports.zstd import *\nzstd_version = 'standard'\n"
    )
    code = """
        from buildstatic.collect.codecs import load_codec
        print(load_codec("zst", "best").key)
    """
    assert python(code, tmp_path) == "zstd-standard-19"


def test_only_zlib_without_libraries() -> None:
    code = """
        from buildstatic.collect.codecs import load_codec
        codec = load_codec("gz", "best")
        assert codec.is_variant(codec.compress(b"text " * 100), b"text " * 100)
        seconds = codec.compress(b"text")[4:8].hex()
        zstd = load_codec("zst", "best")
        print(zstd and zstd.key, load_codec("br", "best"), codec.key.partition("-")[0], seconds)
    """
    zstd, brotli_, name, seconds = python(code, site=False).split()
    assert (brotli_, name, seconds) == ("None", "zlib", "00000000")
    assert (zstd == "None") == (sys.version_info < (3, 14))
