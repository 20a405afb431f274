"""The site that is collected: three Django packages, and large front-end packages from npm."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
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


def wait_for_inodes() -> None:
    """Wait until a new file takes less than 50 µs, or for `INODE_WAIT`."""
    end = time.monotonic() + INODE_WAIT
    with tempfile.TemporaryDirectory(prefix="buildstatic-bench-") as directory:
        for run in range(INODE_WAIT):
            parent = Path(directory, str(run))
            parent.mkdir()
            started = time.process_time()
            for name in range(200):
                (parent / str(name)).touch()
            if time.process_time() - started < 200 * 50e-6 or time.monotonic() > end:
                return
            time.sleep(10)
