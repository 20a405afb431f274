"""Times an image build after one comment was added to one view, against the usual Dockerfile.

Needs a Docker engine, see ``DOCKER_HOST``.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from corpus import SITE, assets

TARGET = 0.05
REQUIREMENTS = "Django\nwagtail\ndjangorestframework\ngunicorn\nwhitenoise\nbrotli\n"
USUAL = """\
FROM python:3.13-slim
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


def ours(root: Path) -> list[str]:
    """Return the command that builds with buildstatic."""
    return [
        sys.executable,
        "-m",
        "buildstatic",
        "build",
        "--tag",
        "buildstatic-bench:ours",
        str(root),
    ]


def seconds(command: list[str]) -> float:
    """Run *command* and return the wall time of it."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> None:
    """Build both, add the comment, and print the second builds' times and the ratio."""
    with tempfile.TemporaryDirectory(prefix="buildstatic-bench-") as directory:
        root = make(Path(directory, "site"))
        first = {command[0]: seconds(command) for command in (usual(root), ours(root))}
        with (root / "views.py").open("a") as views:
            views.write(f"# A comment, {time.time()}.\n")
        peer, own = seconds(usual(root)), seconds(ours(root))
    print(f"first builds, s      {', '.join(f'{taken:.1f}' for taken in first.values())}")
    print(f"after a comment, s   {peer:.1f}, {own:.1f}")
    print(f"{'build, a comment':<20}{own / peer:>8.3f}{TARGET:>8.2f}")


if __name__ == "__main__":
    main()
