"""A wheel of the running buildstatic, which the Dockerfile installs."""

from __future__ import annotations

import base64
import hashlib
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import distribution
from pathlib import Path

import buildstatic
from buildstatic.builders.base import BuildRequest

STAGE = "buildstatic-wheels"
_PACKAGE = "buildstatic"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_TAG = "Wheel-Version: 1.0\nGenerator: buildstatic\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


@contextmanager
def with_wheel(request: BuildRequest) -> Iterator[BuildRequest]:
    """Yield *request* with the wheel in place of the stage of its Dockerfile for wheels."""
    if STAGE not in request.stages:
        yield request
        return
    with temporary_wheel() as wheel:
        # The last argument of a name is used: the one on the command line.
        build_args = (f"BUILDSTATIC=/wheels/{wheel.name}", *request.options.build_args)
        options = replace(request.options, build_args=build_args)
        contexts = {**request.contexts, STAGE: wheel.parent}
        yield replace(request, options=options, contexts=contexts)


@contextmanager
def temporary_wheel() -> Iterator[Path]:
    """Yield the wheel, alone in a temporary directory."""
    with tempfile.TemporaryDirectory(prefix="buildstatic-wheels-") as directory:
        yield make_wheel(Path(directory))


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
    # Not compressed: it is sent to a builder and read there, once.
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            member = zipfile.ZipInfo(name, _EPOCH)
            member.external_attr = 0o644 << 16
            archive.writestr(member, content)
    return path


def _record(name: str, content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(content)}\n"
