"""The site that is collected: three Django packages, and large front-end packages from npm."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
CORPUS = HERE / ".corpus"
SITE = HERE / "site"
PACKAGES = {
    "@fortawesome/fontawesome-free": "6.7.2",
    "@mdi/svg": "7.4.47",
    "ace-builds": "1.43.3",
    "bootstrap": "5.3.7",
    "bootstrap-icons": "1.13.1",
    "codemirror": "5.65.19",
    "flag-icons": "7.5.0",
    "jquery": "3.7.1",
    "leaflet": "1.9.4",
    "mathjax": "3.2.2",
    "monaco-editor": "0.52.2",
    "tinymce": "7.9.1",
}
# Seconds for which ext4 does not reuse the inode of a deleted file (fs/ext4/ialloc.c,
# recently_deleted). Where many files were deleted, creating one takes ten times as long until then.
INODE_WAIT = 360


def assets() -> Path:
    """Return the directory of the front-end packages, fetched if it is not there."""
    ready = CORPUS / "assets"
    if not ready.exists():
        fetched = CORPUS / "npm"
        fetched.mkdir(parents=True, exist_ok=True)
        (fetched / "package.json").write_text(json.dumps({"private": True}))
        names = [f"{name}@{version}" for name, version in PACKAGES.items()]
        install = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run([*install, *names], cwd=fetched, check=True)
        copied = CORPUS / "copied"
        shutil.rmtree(copied, ignore_errors=True)
        for name in PACKAGES:
            shutil.copytree(fetched / "node_modules" / name, copied / name)
        add_missing(copied)
        copied.rename(ready)
    return ready


def add_missing(root: Path) -> None:
    """Write the source maps that the packages name and do not ship: Django refuses without them."""
    for script in [*root.rglob("*.js"), *root.rglob("*.css")]:
        for line in script.read_text(errors="replace").splitlines():
            name = line.rpartition("sourceMappingURL=")[2].removesuffix("*/").strip()
            is_named = line.startswith(("//# sourceMappingURL=", "/*# sourceMappingURL="))
            if is_named and not name.startswith("data:"):
                target = (script.parent / name).resolve()
                if target.is_relative_to(root.resolve()) and not target.exists():
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_text("{}\n")


@contextmanager
def scratch() -> Iterator[str]:
    """Yield a temporary directory, as soon as creating a file in it takes less than 50 µs.

    That takes up to `INODE_WAIT` after many files were deleted, as at the end of another block.
    """
    end = time.monotonic() + INODE_WAIT
    with tempfile.TemporaryDirectory(prefix="buildstatic-bench-") as directory:
        while _seconds_per_file(directory) > 50e-6 and time.monotonic() < end:
            time.sleep(10)
        yield directory


def _seconds_per_file(directory: str, count: int = 200) -> float:
    """Return the CPU seconds that creating a file takes, of *count* in a new directory."""
    parent = tempfile.mkdtemp(dir=directory)
    started = time.process_time()
    for name in range(count):
        Path(parent, str(name)).touch()
    return (time.process_time() - started) / count
