"""Times image builds against the usual Dockerfile: after a comment in a view, and without a cache.

Needs a Docker engine, see ``DOCKER_HOST``. If ``BUILDSTATIC_SECOND_ENGINE`` is the address of
another one, the image is built and pushed there (see ``REGISTRY``), and built again after it
has lost its build cache, with ``--reuse`` and ``--cache-from`` of that image.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpus import INODE_WAIT, SITE, assets

RUNS = 5
TARGETS = {"build, a comment": 0.10, "build, --reuse": 0.15}
REGISTRY = os.environ.get("REGISTRY", "127.0.0.1:5000")
IMAGE = f"{REGISTRY}/buildstatic-bench/build:ours"
REQUIREMENTS = "Django\nwagtail\ndjangorestframework\ngunicorn\nwhitenoise\nbrotli\n"
USUAL = """\
FROM python:3.14-slim
WORKDIR /app
COPY requirements.txt .
RUN python -m venv /venv && /venv/bin/pip install -r requirements.txt
ENV PATH=/venv/bin:$PATH
COPY . .
RUN python manage.py collectstatic --noinput
"""
SETTINGS = """
STATIC_ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "staticfiles")
STATICFILES_DIRS = [os.path.join(os.path.dirname(os.path.abspath(__file__)), "assets")]
STORAGES["staticfiles"] = {
    "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
}
WSGI_APPLICATION = "wsgi.application"
"""
# About 3,000 files, as in many a site; all of the corpus takes WhiteNoise too long to be usual.
PACKAGES = ("bootstrap", "bootstrap-icons", "leaflet", "jquery", "tinymce", "codemirror")


def make(root: Path) -> Path:
    """Write the project into *root*."""
    shutil.copytree(SITE, root)
    settings = root / "settings.py"
    lines = settings.read_text().splitlines(keepends=True)
    kept = [line for line in lines if "os.environ[" not in line]
    settings.write_text("".join(kept) + SETTINGS)
    (root / "wsgi.py").write_text(
        "from django.core.wsgi import get_wsgi_application as application\n"
    )
    (root / "views.py").write_text("# Views.\n")
    (root / "requirements.txt").write_text(REQUIREMENTS)
    for name in PACKAGES:
        shutil.copytree(assets() / name, root / "assets" / name)
    return root


def usual(root: Path) -> list[str]:
    """Return the command that builds the usual Dockerfile."""
    dockerfile = root.parent / "Dockerfile.usual"
    dockerfile.write_text(USUAL)
    build = ["docker", "buildx", "build", "--quiet", "--load", "--tag=buildstatic-bench:usual"]
    return [*build, f"--file={dockerfile}", str(root)]


def ours(root: Path, *options: str) -> list[str]:
    """Return the command that builds with buildstatic."""
    command = [sys.executable, "-m", "buildstatic", "build", "--json", f"--tag={IMAGE}"]
    return [*command, *options, str(root)]


def timed(command: list[str], **environment: str) -> tuple[float, str]:
    """Run *command* with *environment* added; return its wall time in seconds and its output.

    What the command before it has written is on the disk when it starts.
    """
    variables = {**os.environ, **environment}
    os.sync()
    started = time.perf_counter()
    done = subprocess.run(command, env=variables, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return time.perf_counter() - started, done.stdout


@dataclass(frozen=True)
class Copies:
    """The project twice: what BuildKit keeps of a directory for one build is not the other's."""

    usual: Path
    ours: Path


def add_comment(project: Copies) -> None:
    """Add the same comment to the view of both."""
    comment = f"# A comment, {time.time()}.\n"
    for root in (project.usual, project.ours):
        with (root / "views.py").open("a") as views:
            views.write(comment)


def after_comment(project: Copies) -> list[tuple[float, str]]:
    """Add a comment to the view and build both, the usual Dockerfile first."""
    add_comment(project)
    return [timed(usual(project.usual)), timed(ours(project.ours))]


def without_cache(project: Copies, engine: str) -> list[tuple[float, str]]:
    """Change a view and build both on *engine* with an empty build cache, ours from the image.

    Before each, the disk gets time to forget the deleted cache.
    """
    add_comment(project)
    image = (f"--reuse={IMAGE}", f"--cache-from=type=registry,ref={IMAGE}")
    results = []
    for command in (usual(project.usual), ours(project.ours, *image)):
        timed(["docker", "builder", "prune", "--all", "--force"], DOCKER_HOST=engine)
        time.sleep(INODE_WAIT)
        results.append(timed(command, DOCKER_HOST=engine))
    return results


def report(name: str, runs: list[list[tuple[float, str]]]) -> None:
    """Print the ratio of the medians, and the stages of our median run."""
    slow = statistics.median(peer[0] for peer, _ in runs)
    quick, output = sorted(own for _, own in runs)[len(runs) // 2]
    print(f"{name:<20}{slow:>8.1f}{quick:>8.1f}{quick / slow:>8.3f}{TARGETS[name]:>8.2f}")
    document: dict[str, Any] = json.loads(output.splitlines()[-1])
    for stage in document["stages"]:
        how = "cached" if stage["cached"] else f"{stage['seconds']:.1f}"
        print(f"  {stage['name']:<18}{'':>8}{how:>8}")


def main() -> None:
    """Print a row for each build, below it where the time of ours goes."""
    with tempfile.TemporaryDirectory(prefix="buildstatic-bench-") as directory:
        project = Copies(make(Path(directory, "usual")), make(Path(directory, "ours")))
        timed(usual(project.usual))
        timed(ours(project.ours))
        print(f"{'':<20}{'peer s':>8}{'ours s':>8}{'ratio':>8}{'target':>8}")
        report("build, a comment", [after_comment(project) for _ in range(RUNS)])
        if engine := os.environ.get("BUILDSTATIC_SECOND_ENGINE"):
            timed(ours(project.ours, "--cache-to=type=inline", "--push"), DOCKER_HOST=engine)
            report("build, --reuse", [without_cache(project, engine)])


if __name__ == "__main__":
    main()
