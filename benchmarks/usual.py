"""Prints one table of the usual ways and buildstatic: collecting, and rebuilding an image.

Usage: python benchmarks/usual.py [PACKAGE]...

The site has the front-end packages of `build.py`, or those named. The images need a Docker engine,
see ``DOCKER_HOST``; without one they are left out. Each figure is measured once.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import build
from buildstatic.workflows.verify import compare
from collect import ENHANCED, MANIFEST, WHITENOISE, timed
from corpus import scratch

# The storage, whether buildstatic collects, and the command that builds an image this way.
WAYS = {
    "Django": (MANIFEST, "", None),
    "manifeststaticfiles-enhanced": (ENHANCED, "", None),
    "WhiteNoise, usual Dockerfile": (WHITENOISE, "", build.usual),
    "buildstatic": (MANIFEST, "1", None),
    "buildstatic, WhiteNoise": (WHITENOISE, "1", build.ours),
}
IMAGES = {build.usual: "buildstatic-bench:usual", build.ours: build.IMAGE}
COLLECT = ("cold", "warm", "cached")
REBUILD = ("seconds", "layers", "MB")


def collect(assets: Path, place: Path, storage: str, engine: str) -> list[str]:
    """Collect into an empty tree, again, and into another one with the cache that is left."""
    figures = []
    for tree in ("tree", "tree", "other"):
        environment = {
            **os.environ,
            "ASSETS": str(assets),
            "STATIC_ROOT": str(place / tree),
            "STORAGE": storage,
            "XDG_CACHE_HOME": str(place / "cache"),
            "ENGINE": engine,
        }
        command = [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity=0"]
        figures.append(f"{timed(command, environment).seconds:.1f}")
    return figures


def layers(image: str) -> set[str]:
    """Return the diffIDs of the layers of *image*."""
    words = ("docker", "image", "inspect", "--format", "{{join .RootFS.Layers ` `}}", image)
    return set(subprocess.run(words, check=True, capture_output=True, text=True).stdout.split())


def rebuild(command: list[str], image: str, file: Path, comment: str) -> list[str]:
    """Add *comment* to *file* and build *image* again: seconds, new layers, and their size."""
    earlier = f"{image}-earlier"
    subprocess.run(["docker", "tag", image, earlier], check=True)
    with file.open("a") as changed:
        changed.write(comment)
    seconds, _ = build.timed(command)
    pushed = compare(f"docker:{earlier}", f"docker:{image}").pushed or 0
    new = len(layers(image) - layers(earlier))
    subprocess.run(["docker", "image", "rm", earlier], check=True, stdout=subprocess.DEVNULL)
    return [f"{seconds:.1f}", str(new), f"{pushed / 1e6:.1f}"]


def row(name: str, cells: list[str]) -> None:
    """Print a row of the table."""
    print(f"| {name:<28} |" + "".join(f"{cell:>12} |" for cell in cells), flush=True)


def main() -> None:
    """Print the table in Markdown."""
    build.PACKAGES = tuple(sys.argv[1:]) or build.PACKAGES
    has_engine = subprocess.run(["docker", "version"], capture_output=True).returncode == 0
    with scratch() as directory:
        root = build.make(Path(directory, "site"))
        sheet = min((root / "assets").rglob("*.css"))
        print(
            "Collecting in seconds; an image after a comment in a view, and in one style sheet.\n"
        )
        row("", [*COLLECT, *(f"view {each}" for each in REBUILD), *(f"css {r}" for r in REBUILD)])
        row("---", ["---:"] * 9)
        for number, (name, (storage, engine, command)) in enumerate(WAYS.items()):
            cells = collect(root / "assets", Path(directory, str(number)), storage, engine)
            if command and has_engine:
                build.timed(command(root))
                # A comment in the line of a source map would be part of its name.
                for file, comment in ((root / "views.py", "# {}\n"), (sheet, "\n/* {} */\n")):
                    text = comment.format(os.urandom(8).hex())
                    cells += rebuild(command(root), IMAGES[command], file, text)
            row(name, cells)


if __name__ == "__main__":
    main()
