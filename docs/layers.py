"""Draws layers.svg: the layers of an image before and after a change of code.

Usage: python docs/layers.py > docs/layers.svg
"""

from __future__ import annotations

from xml.sax.saxutils import escape

# From the bottom.
USUAL = ("base image", "dependencies", "code", "static files")
BUILDSTATIC = ("base image", "dependencies", "static files", "code")
WIDTH, HEIGHT = 860, 330
BOX, ROW, PANEL = (160, 34), 42, 455
STYLE = """
  .page { fill: #ffffff } .text { fill: #1f2328 } .soft { fill: #59636e }
  .same { fill: #eff2f5; stroke: #818b98 } .new { fill: #ffd8a8; stroke: #b35900 }
  .arrow { stroke: #59636e } text { font: 14px system-ui, sans-serif }
  .head { font-weight: 600; font-size: 16px } .middle { text-anchor: middle }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117 } .text { fill: #f0f6fc } .soft { fill: #9198a1 }
    .same { fill: #212830; stroke: #656c76 } .new { fill: #7a3e00; stroke: #ffa657 }
    .arrow { stroke: #9198a1 }
  }
"""


def text(x: int, y: int, content: str, kind: str = "text middle") -> str:
    """Return the line *content* at (*x*, *y*)."""
    return f'<text class="{kind}" x="{x}" y="{y}">{escape(content)}</text>'


def stack(x: int, y: int, heading: str, layers: tuple[str, ...], new: str | None) -> list[str]:
    """Return a stack of *layers* below *heading*; the layer *new* and those above are pushed."""
    width, height = BOX
    parts = [text(x + width // 2, y, heading, "soft middle")]
    first = layers.index(new) if new else len(layers)
    for row, name in enumerate(reversed(layers)):
        top = y + 14 + row * ROW
        is_new = layers.index(name) >= first
        kind, label = ("new", f"{name}: new") if is_new else ("same", name)
        parts.append(
            f'<rect class="{kind}" x="{x}" y="{top}" width="{width}" height="{height}" rx="5"/>'
        )
        parts.append(text(x + width // 2, top + 22, label))
    return parts


def panel(x: int, heading: str, result: str, layers: tuple[str, ...]) -> list[str]:
    """Return the two stacks of one way to build, and what is pushed."""
    middle = 84 + len(layers) * ROW // 2 + 10
    arrow = f"M{x + 172} {middle}h22m-7 -6l7 6l-7 6"
    return [
        text(x + 5, 40, heading, "text head"),
        *stack(x, 76, "first build", layers, None),
        f'<path class="arrow" d="{arrow}" fill="none" stroke-width="2"/>',
        *stack(x + 205, 76, "a view has changed", layers, "code"),
        text(x + 5, 300, result, "text"),
    ]


def draw() -> str:
    """Return the picture."""
    description = (
        "After a change of code, the usual Dockerfile has new layers for code and static files. "
        "With buildstatic only the layer of the code is new."
    )
    parts = [
        *panel(20, "The usual Dockerfile", "Pushed again: code and all static files", USUAL),
        *panel(20 + PANEL, "With buildstatic", "Pushed again: code", BUILDSTATIC),
    ]
    lines = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" role="img" aria-labelledby="title description">\n'
        '<title id="title">Layers before and after a change of code</title>\n'
        f'<desc id="description">{description}</desc>\n<style>{STYLE}</style>\n'
        f'<rect class="page" width="{WIDTH}" height="{HEIGHT}" rx="8"/>\n{lines}\n</svg>\n'
    )


if __name__ == "__main__":
    print(draw(), end="")
