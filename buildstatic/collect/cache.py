"""The cache of variants, by the digest of the original and the codec; and the file indexes.

Other projects and other versions write into the same directory, so its content is not trusted: a
variant is decompressed and compared before it is used. With a key, only what was written with it is
used. The least recently used are removed first.
"""

from __future__ import annotations

import fcntl
import os
import re
import stat
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from buildstatic.atomic import PREFIX, replace_file
from buildstatic.collect.codecs import Codec
from buildstatic.errors import ConfigInvalid

VERSION = "v1"
# The size of a variant that is worth keeping, of its original's.
MAX_RATIO = 0.95
# Stored for a variant that was not small enough to keep.
NOT_WORTH_IT = b"buildstatic: not worth it\n"
SIZE_VARIABLE = "BUILDSTATIC_CACHE_SIZE"
DEFAULT_LIMIT = 1_000_000_000
KEY_VARIABLE = "BUILDSTATIC_CACHE_KEY"
SHORTEST_KEY = 16  # characters
SIGNATURE = 32  # bytes, of HMAC-SHA256
# The kind of a file index.
INDEX = "index"
# The kind of a file that a killed process has not renamed.
INCOMPLETE = "incomplete"
# Bytes that the smallest file takes on a disk.
BLOCK = 4096
# Seconds for which a variant counts as just used, so that a build does not write to each of them.
RECENT = 3600
UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmg]i?)?b?", re.IGNORECASE)
# The names at each level of the directory; all other files are ignored.
_LEVELS = (
    r"v\d+",
    r"[0-9a-f]{2}",
    rf"[0-9a-f]{{62}}\.(?P<kind>[\w.-]+)|{re.escape(PREFIX)}[0-9a-f]{{16}}",
)


def default_directory() -> Path:
    """Return ``$XDG_CACHE_HOME/buildstatic``, else ``~/.cache/buildstatic``.

    A relative path in the variable is ignored (XDG Base Directory Specification). Without a home
    directory, the path is one that cannot exist.
    """
    if (base := Path(os.environ.get("XDG_CACHE_HOME", ""))).is_absolute():
        return base / "buildstatic"
    try:
        return Path.home() / ".cache" / "buildstatic"
    except RuntimeError:
        return Path(os.devnull) / "buildstatic"


def find_cache(directory: Path | None = None) -> Cache:
    """Return the cache in *directory*, by default in that of the user; raises `ConfigInvalid`."""
    return Cache(directory or default_directory())


def parse_size(text: str) -> int:
    """Return the number of bytes in *text*: 500MB, 1.5 GB, 2GiB, 1000. Raises ValueError."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a size such as 500MB or 2GB.")
    return int(float(match[1]) * UNITS[(match[2] or "").lower()])


def size_limit() -> int:
    """Return the maximum size in bytes, from the environment, else 1 GB.

    Raises `ConfigInvalid` if the variable is not a size.
    """
    text = os.environ.get(SIZE_VARIABLE, "")
    try:
        return parse_size(text) if text else DEFAULT_LIMIT
    except ValueError as error:
        raise ConfigInvalid(f"{SIZE_VARIABLE}: {error}", "Correct or unset it.") from error


def secret_key() -> str:
    """Return the key of the cache's entries from the environment, empty if there is none.

    Raises `ConfigInvalid` if it is too short.
    """
    key = os.environ.get(KEY_VARIABLE, "")
    if key and len(key) < SHORTEST_KEY:
        problem = f"{KEY_VARIABLE} has fewer than {SHORTEST_KEY} characters."
        raise ConfigInvalid(problem, "Use a random one, for example of `openssl rand -hex 32`.")
    return key


@dataclass(frozen=True)
class Entry:
    """A file in the cache: its codec's key as *kind*, its size on disk, its last use in ns."""

    used: int
    path: str
    kind: str
    size: int


@dataclass(frozen=True)
class Cache:
    """The variants in *directory*, of at most *limit* bytes on disk.

    With a *key*, entries are signed with it, and no others are used. A directory that cannot be
    written keeps nothing, one that cannot be read is empty.
    """

    directory: Path
    limit: int = field(default_factory=size_limit)
    key: str = field(default_factory=secret_key, repr=False)

    def get(self, sha256: str, codec: Codec, content: bytes) -> bytes | None:
        """Return the variant of *content*, whose digest is *sha256*, or None.

        Returns `NOT_WORTH_IT` for a variant that was made and not kept.
        """
        path = self._path(sha256, codec.key)
        limit = max(len(content), len(NOT_WORTH_IT)) + (SIGNATURE if self.key else 0)
        data, modified = read_file(path, limit)
        if data is None:
            return None
        if self.key:
            signature, data = data[:SIGNATURE], data[SIGNATURE:]
            if signature != self._signature(sha256, codec.key, data):
                return None
        if data == NOT_WORTH_IT:
            if len(zlib.compress(content, 1)) <= MAX_RATIO * len(content):
                return None  # a foreign mark: what the fastest level makes smaller is worth it
        elif not (data.startswith(codec.header) and codec.is_variant(data, content)):
            return None
        _mark_used(path, modified)
        return data

    def has(self, sha256: str, codecs: Iterable[Codec]) -> bool:
        """Return whether there is a file for each of *codecs*, which `get` may still not accept."""
        return all(Path(self._path(sha256, codec.key)).exists() for codec in codecs)

    def put(self, sha256: str, codec: Codec, data: bytes) -> None:
        """Store *data*, a variant or `NOT_WORTH_IT`, completely or not at all."""
        self._write(sha256, codec.key, data)

    def get_index(self, sha256: str) -> bytes | None:
        """Return the file index *sha256*, None if another user can have written it."""
        path = self._path(sha256, INDEX)
        data, modified = read_file(path, self.limit, is_own=True)
        if data is None:
            return None
        if self.key:
            signature, data = data[:SIGNATURE], data[SIGNATURE:]
            if signature != self._signature(sha256, INDEX, data):
                return None
        _mark_used(path, modified)
        return data

    def put_index(self, sha256: str, data: bytes) -> None:
        """Store the file index *sha256*, completely or not at all, and apply the limit."""
        if self.limit:
            self._write(sha256, INDEX, data, mode=0o600)
            self.evict()

    def entries(self) -> list[Entry]:
        """Return the files of the cache, least recently used first."""
        found = _walk(self.directory, _LEVELS)
        return sorted(found, key=lambda entry: (entry.used, entry.path))

    def evict(self) -> None:
        """Apply the limit, unless another process is doing so. Errors are ignored."""
        with suppress(OSError), self._locked(fcntl.LOCK_NB):
            self._shrink(self.limit)

    def prune(self, limit: int) -> list[Entry]:
        """Remove the least recently used until at most *limit* bytes are left; return them.

        Raises OSError.
        """
        if not self.directory.exists():
            return []
        with self._locked():
            return self._shrink(limit)

    def clear(self) -> list[Entry]:
        """Remove and return all entries; *directory* itself and other files in it stay."""
        removed = self.prune(0)
        for place in sorted({Path(entry.path).parent for entry in removed}):
            for directory in (place, place.parent):
                with suppress(OSError):
                    directory.rmdir()
        return removed

    def _path(self, sha256: str, kind: str) -> str:
        kind = f"{kind}.signed" if self.key else kind
        return f"{self.directory}/{VERSION}/{sha256[:2]}/{sha256[2:]}.{kind}"

    def _write(self, sha256: str, kind: str, data: bytes, mode: int | None = None) -> None:
        path = Path(self._path(sha256, kind))
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            with replace_file(path, mode=mode) as file:
                if self.key:
                    file.write(self._signature(sha256, kind, data))
                file.write(data)

    def _signature(self, sha256: str, kind: str, data: bytes) -> bytes:
        import hmac  # only with a key

        signed = f"{sha256} {kind}\n".encode() + data
        return hmac.digest(self.key.encode(errors="surrogateescape"), signed, "sha256")

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
    def _locked(self, flags: int = 0) -> Iterator[None]:
        """Hold the one lock of the cache, on the directory itself."""
        descriptor = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | flags)
            yield
        finally:
            os.close(descriptor)


def _mark_used(path: str, modified: float) -> None:
    """Set the time of the last use, which *modified* is."""
    if abs(time.time() - modified) > RECENT:
        with suppress(OSError):
            os.utime(path, follow_symlinks=False)


def read_file(path: str | Path, limit: int, *, is_own: bool = False) -> tuple[bytes | None, float]:
    """Return content and time of a regular file of at most *limit* bytes, else (None, 0).

    With *is_own*, it must belong to this user, and no other may write to it.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags)
    except OSError:
        return None, 0
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size > limit:
            return None, 0
        if is_own and (found.st_uid != os.geteuid() or found.st_mode & 0o022):
            return None, 0
        data = os.read(descriptor, found.st_size + 1)
    except OSError:
        return None, 0
    finally:
        os.close(descriptor)
    return data if len(data) == found.st_size else None, found.st_mtime


def _walk(directory: str | Path, levels: tuple[str, ...]) -> Iterator[Entry]:
    """Yield the files below *directory* whose names match *levels*."""
    pattern, *below = levels
    try:
        with os.scandir(directory) as found:
            for item in found:
                match = re.fullmatch(pattern, item.name)
                if match is None or item.is_dir(follow_symlinks=False) != bool(below):
                    continue
                if below:
                    yield from _walk(item.path, tuple(below))
                    continue
                with suppress(FileNotFoundError):  # removed by another process
                    status = item.stat(follow_symlinks=False)
                    size = max(1, -(-status.st_size // BLOCK)) * BLOCK
                    yield Entry(status.st_mtime_ns, item.path, match["kind"] or INCOMPLETE, size)
    except (FileNotFoundError, NotADirectoryError):
        return
