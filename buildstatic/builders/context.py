"""What is sent to a builder: the build context, and a wheel of the running buildstatic.

The context is the files that .dockerignore does not exclude.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
import posixpath
import tarfile
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import buildstatic
from buildstatic.dockerfile import DOCKERFILE, IGNORE_FILE
from buildstatic.dockerfile.ignore_patterns import (
    Matches,
    Pattern,
    match,
    may_except_below,
    read_patterns,
)
from buildstatic.errors import ConfigInvalid

_PACKAGE = "buildstatic"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_TAG = "Wheel-Version: 1.0\nGenerator: buildstatic\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


@dataclass(frozen=True)
class BuildContext:
    """A directory, and the relative paths in it that are sent to the builder."""

    root: Path
    paths: tuple[str, ...]


@dataclass(frozen=True)
class ContextSize:
    """The size of a context in bytes, and its *largest* top-level entries with theirs."""

    bytes: int
    largest: tuple[tuple[str, int], ...]


def read_context(root: Path, dockerignore: str | None = None) -> BuildContext:
    """Return the files of *root* that *dockerignore*, else its own .dockerignore, does not exclude.

    Raises ConfigInvalid for an invalid pattern, and if a directory cannot be read.
    """
    own = root / IGNORE_FILE
    text = own.read_text("utf-8-sig", "surrogateescape") if own.is_file() else ""
    patterns = read_patterns(text if dockerignore is None else dockerignore)
    return BuildContext(root, tuple(sorted(_walk(root, "", patterns, False, None))))


def _walk(
    root: Path,
    directory: str,
    patterns: tuple[Pattern, ...],
    is_excluded: bool,
    matched: Matches | None,
) -> Iterator[str]:
    """Yield the paths below *directory*; an excluded one if an exception includes any below it.

    *is_excluded* and *matched* are the result of `match` for *directory*.
    """
    try:
        with os.scandir(root / directory) as scanned:
            entries = list(scanned)
    except PermissionError as error:
        if is_excluded:
            return
        raise ConfigInvalid(
            f"Cannot read {root / directory}, which is part of the build context: "
            f"{error.strerror}.",
            "Add it to .dockerignore, or change its permissions.",
        ) from error
    for entry in entries:
        path = posixpath.join(directory, entry.name)
        is_out, matches = match(patterns, path, matched)
        if entry.is_dir(follow_symlinks=False):
            if is_out and not may_except_below(patterns, path):
                continue
            below = tuple(_walk(root, path, patterns, is_out, matches))
            if below or not is_out:
                yield path
            yield from below
        elif not is_out:
            yield path


def measure(context: BuildContext) -> ContextSize:
    """Return the size of *context*."""
    sizes: Counter[str] = Counter()
    for path in context.paths:
        file = context.root / path
        if file.is_file() and not file.is_symlink():
            sizes[PurePosixPath(path).parts[0]] += file.stat().st_size
    return ContextSize(sizes.total(), tuple(sizes.most_common(3)))


def write_tar(context: BuildContext, dockerfile: str, target: BinaryIO) -> None:
    """Write *context* with *dockerfile* as a GNU tar into *target*, owned by 0:0.

    The engine takes a PAX tar for a Dockerfile. The .dockerignore is already applied, and omitted.
    """
    with tarfile.open(fileobj=target, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for path in context.paths:
            if path not in (DOCKERFILE, IGNORE_FILE):
                archive.add(context.root / path, path, recursive=False, filter=_owned_by_root)
        content = dockerfile.encode()
        member = tarfile.TarInfo(DOCKERFILE)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))


def _owned_by_root(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Remove the owner; return None for sockets and pipes."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    is_kept = member.isfile() or member.isdir() or member.issym() or member.islnk()
    return member if is_kept else None


def make_wheel(directory: Path) -> Path:
    """Write the wheel into *directory* and return its path.

    The same version gives the same bytes, from a normal and from an editable installation
    (packaging.python.org, "Binary distribution format").
    """
    installed = distribution(_PACKAGE)
    info = f"{_PACKAGE}-{installed.version}.dist-info"
    path = directory / f"{_PACKAGE}-{installed.version}-py3-none-any.whl"
    package = Path(buildstatic.__file__).parent
    files = {
        f"{_PACKAGE}/{file.relative_to(package).as_posix()}": file.read_bytes()
        for file in package.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    for name in ("METADATA", "entry_points.txt"):
        files[f"{info}/{name}"] = (installed.read_text(name) or "").encode()
    files[f"{info}/WHEEL"] = _TAG.encode()
    files = dict(sorted(files.items()))
    record = "".join(_record(name, content) for name, content in files.items())
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            member = zipfile.ZipInfo(name, _EPOCH)
            member.external_attr = 0o644 << 16
            archive.writestr(member, content, zipfile.ZIP_DEFLATED)
    return path


@contextmanager
def wheels() -> Iterator[Path]:
    """Yield a temporary directory with the wheel of the running buildstatic."""
    with tempfile.TemporaryDirectory(prefix="buildstatic-wheels-") as directory:
        make_wheel(Path(directory))
        yield Path(directory)


def _record(name: str, content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(content)}\n"
