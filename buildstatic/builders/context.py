"""What is sent to a builder: a tar of the build context, and a wheel of the running buildstatic."""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import distribution
from pathlib import Path
from typing import BinaryIO

import buildstatic
from buildstatic.dockerfile import DOCKERFILE, IGNORE_FILE
from buildstatic.dockerfile.build_context import BuildContext

_PACKAGE = "buildstatic"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_TAG = "Wheel-Version: 1.0\nGenerator: buildstatic\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


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
def temporary_wheel() -> Iterator[Path]:
    """Yield the wheel of the running buildstatic, alone in a temporary directory."""
    with tempfile.TemporaryDirectory(prefix="buildstatic-wheels-") as directory:
        yield make_wheel(Path(directory))


def _record(name: str, content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(content)}\n"
