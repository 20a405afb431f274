"""A wheel made from the installed distribution, so that a build has the version that runs it."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import buildstatic

NAME = "buildstatic"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_TAG = "Wheel-Version: 1.0\nGenerator: buildstatic\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def make_wheel(directory: Path) -> Path:
    """Write the wheel into *directory* and return its path.

    The same installation gives the same bytes, whether it is a normal or an editable one
    (packaging.python.org, "Binary distribution format").
    """
    version = distribution(NAME).version
    info = f"{NAME}-{version}.dist-info"
    path = directory / f"{NAME}-{version}-py3-none-any.whl"
    files = dict(sorted((*_package(), *_metadata(info))))
    record = "".join(_record(name, content) for name, content in files.items())
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            member = zipfile.ZipInfo(name, _EPOCH)
            member.external_attr = 0o644 << 16
            archive.writestr(member, content, zipfile.ZIP_DEFLATED)
    return path


def _package() -> Iterator[tuple[str, bytes]]:
    package = Path(buildstatic.__file__).parent
    for file in package.rglob("*"):
        if file.is_file() and "__pycache__" not in file.parts:
            yield f"{NAME}/{file.relative_to(package).as_posix()}", file.read_bytes()


def _metadata(info: str) -> Iterator[tuple[str, bytes]]:
    installed = distribution(NAME)
    for name in ("METADATA", "entry_points.txt"):
        yield f"{info}/{name}", (installed.read_text(name) or "").encode()
    yield f"{info}/WHEEL", _TAG.encode()


def _record(name: str, content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(content)}\n"
