"""The cache of variants: by the digest of what they were made from, and how.

Other projects, and other versions, write into the same directory, so nothing in it is believed: a
variant is decompressed and compared before it is used. What was used longest ago goes first.
"""

from __future__ import annotations

import fcntl
import os
import re
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from buildstatic.atomic import PREFIX, replace_file
from buildstatic.collect.codecs import Codec
from buildstatic.errors import ConfigInvalid

VERSION = "v1"
# In the place of a variant that was not worth keeping.
NOT_WORTH_IT = b"buildstatic: not worth it\n"
VARIABLE = "BUILDSTATIC_CACHE_SIZE"
LIMIT = 1_000_000_000
# The kind of a file that a killed process has not renamed.
INCOMPLETE = "incomplete"
# What the smallest file takes on a disk.
BLOCK = 4096
# Seconds for which a variant counts as just used, so that a build does not write to each of them.
RECENT = 3600
UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmg]i?)?b?", re.IGNORECASE)
# The directories of a cache, and its files: variants, and what a killed process has not renamed.
_PLACES = (
    r"v\d+",
    r"[0-9a-f]{2}",
    rf"[0-9a-f]{{62}}\.(?P<kind>[\w.-]+)|{re.escape(PREFIX)}[0-9a-f]{{16}}",
)


def default_directory() -> Path:
    """Return where the cache is: ``$XDG_CACHE_HOME/buildstatic``, else ``~/.cache/buildstatic``.

    A relative path in the variable counts as none (XDG Base Directory Specification). Where nobody
    knows a home directory, it is a place that cannot be.
    """
    if (base := Path(os.environ.get("XDG_CACHE_HOME", ""))).is_absolute():
        return base / "buildstatic"
    try:
        return Path.home() / ".cache" / "buildstatic"
    except RuntimeError:
        return Path(os.devnull) / "buildstatic"


def parse_size(text: str) -> int:
    """Return the bytes that *text* means: 500MB, 1.5 GB, 2GiB, 1000. Raises ValueError."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no size such as 500MB or 2GB.")
    return int(float(match[1]) * UNITS[(match[2] or "").lower()])


def size_limit() -> int:
    """Return how large the cache may get: what the variable says, else 1 GB.

    Raises `ConfigInvalid` for a variable that is no size.
    """
    text = os.environ.get(VARIABLE, "")
    try:
        return parse_size(text) if text else LIMIT
    except ValueError as error:
        raise ConfigInvalid(f"{VARIABLE}: {error}", "Set it to one, or not at all.") from error


@dataclass(frozen=True)
class Entry:
    """A file of the cache: what *kind* of variant, the *size* on disk, when it was *used* last."""

    used: int
    path: str
    kind: str
    size: int


@dataclass(frozen=True)
class Cache:
    """The variants in *directory*, of at most *limit* bytes on disk.

    One that cannot be written keeps nothing, one that cannot be read has nothing.
    """

    directory: Path
    limit: int = field(default_factory=size_limit)

    def get(self, identity: str, codec: Codec, content: bytes) -> bytes | None:
        """Return the variant of *content*, whose SHA-256 is *identity*, or None.

        `NOT_WORTH_IT` is returned for one that was made and not kept.
        """
        path = f"{self.directory}/{VERSION}/{_name(identity, codec)}"
        data, modified = _read(path, max(len(content), len(NOT_WORTH_IT)))
        if data is None or (data != NOT_WORTH_IT and not codec.holds(data, content)):
            return None
        if abs(time.time() - modified) > RECENT:
            with suppress(OSError):
                os.utime(path, follow_symlinks=False)  # when it was used last
        return data

    def put(self, identity: str, codec: Codec, data: bytes) -> None:
        """Keep *data*, a variant or `NOT_WORTH_IT`; whole or not at all."""
        path = self.directory / VERSION / _name(identity, codec)
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            with replace_file(path) as file:
                file.write(data)

    def entries(self) -> list[Entry]:
        """Return the files of the cache, those used longest ago first; no others are touched."""
        found = (_entry(place, kind) for place, kind in _walk(self.directory, _PLACES))
        return sorted(filter(None, found), key=lambda entry: (entry.used, entry.path))

    def evict(self) -> None:
        """Hold the limit, if no other process is at it. Nothing that goes wrong is worth a word."""
        with suppress(OSError), self._locked(fcntl.LOCK_NB):
            self._shrink(self.limit)

    def prune(self, limit: int) -> list[Entry]:
        """Remove what was used longest ago until *limit* is held; return it. Raises OSError."""
        if not self.directory.exists():
            return []
        with self._locked():
            return self._shrink(limit)

    def clear(self) -> list[Entry]:
        """Remove all of it, and return it; *directory* itself and what is not ours stay."""
        removed = self.prune(0)
        for place in sorted({Path(entry.path).parent for entry in removed}):
            for directory in (place, place.parent):
                with suppress(OSError):
                    directory.rmdir()
        return removed

    def _shrink(self, limit: int) -> list[Entry]:
        entries = self.entries()
        removed = []
        total = sum(entry.size for entry in entries)
        for entry in entries:
            if total <= limit:
                break
            Path(entry.path).unlink(missing_ok=True)
            removed.append(entry)
            total -= entry.size
        return removed

    @contextmanager
    def _locked(self, how: int = 0) -> Iterator[None]:
        """Hold the one lock of the cache, on the directory itself."""
        descriptor = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | how)
            yield
        finally:
            os.close(descriptor)


def _name(identity: str, codec: Codec) -> str:
    """Return where a variant is below the directory of its version."""
    return f"{identity[:2]}/{identity[2:]}.{codec.key}"


def variant_at(path: Path, codec: Codec, content: bytes) -> bytes | None:
    """Return what is at *path* if it is *content* compressed by *codec*, else None."""
    data, _ = _read(path, len(content))
    return data if data is not None and codec.holds(data, content) else None


def _read(path: str | Path, most: int) -> tuple[bytes | None, float]:
    """Return what is in a file of at most *most* bytes, None for anything else, and its time."""
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags)
    except OSError:
        return None, 0
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size > most:
            return None, 0
        data = os.read(descriptor, found.st_size + 1)
    except OSError:
        return None, 0
    finally:
        os.close(descriptor)
    return data if len(data) == found.st_size else None, found.st_mtime


def _walk(directory: str | Path, places: tuple[str, ...]) -> Iterator[tuple[os.DirEntry[str], str]]:
    """Yield the files below *directory* whose path is as *places* say, and their kinds."""
    name, *below = places
    try:
        with os.scandir(directory) as found:
            for entry in found:
                if not (match := re.fullmatch(name, entry.name)):
                    continue
                if below and entry.is_dir(follow_symlinks=False):
                    yield from _walk(entry.path, tuple(below))
                elif not below and not entry.is_dir(follow_symlinks=False):
                    yield entry, match["kind"] or INCOMPLETE
    except (FileNotFoundError, NotADirectoryError):
        return


def _entry(found: os.DirEntry[str], kind: str) -> Entry | None:
    """Return what was *found*, None if another process has removed it by now."""
    try:
        status = found.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    size = max(1, -(-status.st_size // BLOCK)) * BLOCK
    return Entry(status.st_mtime_ns, found.path, kind, size)
