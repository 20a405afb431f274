"""Times the verification of an image with the whole site in its static layer.

Its peer is ``docker save`` of the same image. Needs a Docker engine, see ``DOCKER_HOST``.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from collect import MANIFEST
from corpus import SITE, assets

TARGET = 3.0
IMAGE = "buildstatic-bench:verify"
ROUNDS = 3


def build(directory: Path) -> None:
    """Collect the site into a layer root, and make an image of nothing else."""
    layer = directory / "layer"
    environment = {
        "STATIC_ROOT": "/app/staticfiles",
        "ASSETS": str(assets()),
        "STORAGE": MANIFEST,
    }
    command = [sys.executable, "-m", "buildstatic", "collect", "--noinput", "-v0"]
    options = ["--path", str(SITE), "--layer-root", str(layer), "--cache", str(directory / "cache")]
    subprocess.run([*command, *options], env={**os.environ, **environment}, check=True)
    (directory / "Dockerfile").write_text("FROM scratch\nCOPY layer/ /\n")
    subprocess.run(["docker", "build", "--quiet", "--tag", IMAGE, str(directory)], check=True)


def seconds(*command: str) -> float:
    """Run *command* and return the wall time of it."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> None:
    """Print the times of both, and the ratio with its target."""
    with tempfile.TemporaryDirectory(prefix="buildstatic-bench-") as directory:
        build(Path(directory))
    peers, own = [], []
    for _ in range(ROUNDS):
        peers.append(seconds("docker", "save", IMAGE))
        own.append(seconds(sys.executable, "-m", "buildstatic", "verify", f"docker:{IMAGE}"))
    subprocess.run(["docker", "image", "rm", IMAGE], check=True, stdout=subprocess.DEVNULL)
    peer, taken = statistics.median(peers), statistics.median(own)
    print(f"docker save, verify, s  {peer:.1f}, {taken:.1f}")
    print(f"{'verify':<20}{taken / peer:>8.3f}{TARGET:>8.2f}")


if __name__ == "__main__":
    main()
