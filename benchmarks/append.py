"""Times putting a layer on an image and pushing it, against docker; see README.md beside this file.

Needs a Docker engine, see ``DOCKER_HOST``, and a registry on this machine, see ``REGISTRY``.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

from corpus import assets
from layer import MEMORY, RUNS, timed

TARGET = 0.5
REGISTRY = os.environ.get("REGISTRY", "127.0.0.1:5000")
BASE = "python:3.13-slim"
AT = "/app/staticfiles"


def peer(tree: Path, name: str) -> list[str]:
    """Return the command that builds two lines and pushes the image, as *name*:peer."""
    dockerfile = f"FROM {name}:base\\nCOPY . {AT}/\\n"
    build = f"docker buildx build --quiet --load --provenance=false -f - -t {name}:peer {tree}"
    return ["sh", "-ec", f"printf '{dockerfile}' | {build}; docker push --quiet {name}:peer"]


def ours(tree: Path, name: str) -> list[str]:
    """Return the command that puts the layer on the image, as *name*:ours."""
    layer = [sys.executable, "-m", "buildstatic", "layer", str(tree), f"--at={AT}"]
    return [*layer, f"--base={name}:base", f"--tag={name}:ours"]


def push_base(name: str) -> None:
    """Let the registry and the engine have *name*:base."""
    for command in (("tag", BASE, f"{name}:base"), ("push", "--quiet", f"{name}:base")):
        subprocess.run(["docker", *command], check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    """Print the ratio of the medians, and our peak memory.

    A file of the tree is another for each run, since neither pushes what the registry has.
    """
    name = f"{REGISTRY}/buildstatic-bench/{uuid.uuid4().hex[:8]}"
    push_base(name)
    with tempfile.TemporaryDirectory(prefix="buildstatic-bench-") as directory:
        tree = shutil.copytree(assets().resolve(), Path(directory, "tree"))
        runs = []
        try:
            for _ in range(RUNS):
                (tree / "run.txt").write_text(str(time.time()))
                runs.append((timed(peer(tree, name)), timed(ours(tree, name))))
        finally:
            names = [f"{name}:base", f"{name}:peer"]
            subprocess.run(["docker", "image", "rm", *names], stdout=subprocess.DEVNULL)
    slow = statistics.median(run[0][0] for run in runs)
    quick = statistics.median(run[1][0] for run in runs)
    memory = max(run[1][1] for run in runs)
    print(f"{'':<8}{'peer s':>9}{'ours s':>9}{'ratio':>8}{'target':>8}{'MB':>7}{'most':>6}")
    print(
        f"{'append':<8}{slow:>9.2f}{quick:>9.2f}{quick / slow:>8.3f}{TARGET:>8.2f}"
        f"{memory:>7.0f}{MEMORY:>6}"
    )


if __name__ == "__main__":
    main()
