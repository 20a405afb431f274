"""A collected site, ways to change it, and images of it."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from buildstatic.collect.publish import EPOCH, content_time
from buildstatic.oci.documents import digest_of
from buildstatic.oci.earlier_releases import open_earlier
from buildstatic.oci.layer_writer import MEDIA_TYPES, WrittenLayer
from buildstatic.oci.reference import parse_reference
from buildstatic.workflows.verify import VerifyOptions, VerifyResult, verify
from tests.oci.images import Base, put
from tests.samples import copy

TREE = "app/staticfiles"
RULES = "".join(f".rule-{number} {{ color: #00{number:04d}; margin: 0 }}\n" for number in range(40))
STATIC = {
    "css/site.css": f'@import "print.css";\n.a {{ background: url("../img/dot.svg") }}\n{RULES}',
    "css/print.css": "body { margin: 0 }\n",
    "js/site.js": "function site() { return 1 }\n//# sourceMappingURL=site.js.map\n",
    "js/site.js.map": '{"version": 3}\n',
}


def collected(parent: Path, more: Mapping[str, str] = {}) -> Path:
    """Collect a project and return the layer root, with STATIC_ROOT at /app/staticfiles."""
    root = copy("manifest", parent)
    settings = root / "mysite/settings.py"
    text = settings.read_text().replace('BASE_DIR / "staticfiles"', f'"/{TREE}"')
    settings.write_text(text)
    for name, content in {**STATIC, **more}.items():
        path = root / "static" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    layer = parent / "layer"
    command = [sys.executable, "-m", "buildstatic", "collect", "--noinput", "-v0"]
    options = ["--compress", "fast", "--formats", "gz,br,zst", "--path", str(root)]
    places = ["--layer-root", str(layer), "--cache", str(parent / "cache")]
    done = subprocess.run([*command, *options, *places], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return layer


def copied(layer: Path, target: Path) -> Path:
    """Copy *layer* with its times and hard links."""
    subprocess.run(["cp", "-a", layer, target], check=True)
    return target


def named(layer: Path, pattern: str) -> Path:
    """Return the only file of the tree that matches *pattern*."""
    (path,) = (layer / TREE).glob(pattern)
    return path


def write(path: Path, content: bytes | str) -> None:
    """Write a file with the time and mode that collect gives it."""
    data = content.encode() if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_bytes(data)
    path.chmod(0o644)
    seconds = content_time(hashlib.sha256(data).hexdigest())
    os.utime(path, (seconds, seconds))
    settle(path.parent)


def remove(path: Path) -> None:
    """Remove a file and reset its directory's time."""
    path.unlink()
    settle(path.parent)


def settle(directory: Path) -> None:
    """Reset the mode and time of *directory*."""
    directory.chmod(0o755)
    os.utime(directory, (EPOCH, EPOCH))


def tarred(layer: Path) -> bytes:
    """Return the layer root *layer* as a tar written by GNU tar."""
    command = ["tar", "--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--format=posix"]
    names = sorted(each.name for each in layer.iterdir())
    options = ["--pax-option=delete=atime,delete=ctime", f"--directory={layer}", "-cf-", *names]
    return subprocess.run([*command, *options], check=True, capture_output=True).stdout


def appended(
    directory: Path, layer: bytes, *base: bytes, tag: str = "made", keep: str | None = None
) -> str:
    """Append the marked static layer to an image of the layers *base*; return the new name.

    The static layer of the image *keep* stays below it.
    """
    directory.mkdir(exist_ok=True)
    file = directory / f"{tag}.tar.gz"
    file.write_bytes(gzip.compress(layer, mtime=0))
    packed = file.read_bytes()
    made = WrittenLayer(
        MEDIA_TYPES["gzip"], digest_of(packed), len(packed), digest_of(layer), 0, len(layer)
    )
    Base(directory / "oci").image(*(base or (tar(folder("app/")),)), tag="base")
    name = f"oci:{directory / 'oci'}:{tag}"
    with ExitStack() as stack:
        kept = keep and stack.enter_context(open_earlier(parse_reference(keep), f"/{TREE}", 1))
        put(f"oci:{directory / 'oci'}:base", name, (made, file), earlier=kept)
    return name


def plain(directory: Path, *layers: bytes, tag: str = "plain") -> str:
    """Write an image of *layers*, none of them marked; return its name."""
    Base(directory / "oci").image(*layers, tag=tag)
    return f"oci:{directory / 'oci'}:{tag}"


def entry(name: str, content: bytes | str = b"", mode: int = 0o644, uid: int = 0) -> Entry:
    """Return a file, a directory if *name* ends in a slash, or a symlink if *content* is a str."""
    member = tarfile.TarInfo(name.rstrip("/") if name.endswith("/") else name)
    member.mode, member.uid, member.gid = mode, uid, uid
    if name.endswith("/"):
        member.type = tarfile.DIRTYPE
    elif isinstance(content, str):
        member.type, member.linkname = tarfile.SYMTYPE, content
    else:
        member.size = len(content)
    return member, content if isinstance(content, bytes) else b""


Entry = tuple[tarfile.TarInfo, bytes]


def folder(name: str) -> Entry:
    """Return a directory of mode 0755 owned by root."""
    return entry(name, mode=0o755)


def tar(*entries: Entry) -> bytes:
    """Return a tar of *entries*."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for member, content in entries:
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def verify_one(name: str | Path, **options: str | bool | None) -> VerifyResult:
    """Verify *name*, an image for one platform or a directory."""
    (result,) = verify(str(name), VerifyOptions(**options))  # type: ignore[arg-type]
    return result


def failed_checks(result: VerifyResult) -> set[str]:
    """Return the names of the checks that failed."""
    return {each.check for each in result.findings if each.severity == "error"}
