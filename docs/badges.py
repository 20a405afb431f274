"""Draws badges.svg: the version of buildstatic, what it is tested with, and its license.

Usage: python docs/badges.py > docs/badges.svg
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from xml.sax.saxutils import escape

from buildstatic import __version__

PROJECT = Path(__file__).parent.parent / "pyproject.toml"
HEIGHT, GAP, PADDING, CHARACTER = 20, 6, 12, 6.6
STYLE = """
  text { font: 11px Verdana, DejaVu Sans, sans-serif; fill: #ffffff; text-anchor: middle }
  .name { fill: #424a53 } .value { fill: #0550ae }
"""


def versions(classifiers: list[str], prefix: str) -> str:
    """Return the first and the last version that *classifiers* with *prefix* name."""
    names = (each.removeprefix(prefix) for each in classifiers if each.startswith(prefix))
    found = [name for name in names if "." in name]
    return f"{found[0]} to {found[-1]}"


def half(x: float, kind: str, text: str) -> tuple[list[str], float]:
    """Return one half of a badge at *x*, and its width."""
    width = round(PADDING + CHARACTER * len(text))
    return [
        f'<rect class="{kind}" x="{x}" width="{width}" height="{HEIGHT}"/>',
        f'<text x="{x + width / 2}" y="14" textLength="{width - PADDING}">{escape(text)}</text>',
    ], width


def draw(badges: dict[str, str]) -> str:
    """Return a picture of *badges*, a row of names with their values."""
    parts, x = [], 0.0
    for name, value in badges.items():
        for kind, text in (("name", name), ("value", value)):
            drawn, width = half(x, kind, text)
            parts += drawn
            x += width
        x += GAP
    title = ", ".join(f"{name} {value}" for name, value in badges.items())
    lines = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {x - GAP:g} {HEIGHT}" '
        f'width="{x - GAP:g}" height="{HEIGHT}" role="img">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n{lines}\n</svg>\n"
    )


def main() -> None:
    """Print the picture of what pyproject.toml says."""
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    badges = {
        "version": __version__,
        "Python": versions(project["classifiers"], "Programming Language :: Python :: "),
        "Django": versions(project["classifiers"], "Framework :: Django :: "),
        "license": project["license"],
    }
    print(draw(badges), end="")


if __name__ == "__main__":
    main()
