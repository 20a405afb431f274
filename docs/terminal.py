"""Draws build.svg: a terminal with a real run of `buildstatic build`, for a light and a dark page.

Usage: python docs/terminal.py > docs/build.svg
       python docs/terminal.py record     runs the build again, into docs/build.txt (needs Docker)
"""

from __future__ import annotations

import os
import pty
import re
import shutil
import sys
import tempfile
import time
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

DOCS = Path(__file__).parent
TRANSCRIPT = DOCS / "build.txt"
PROJECT = DOCS.parent / "tests" / "projects" / "startproject"
COMMAND = ["buildstatic", "build", "--tag", "mysite"]
TITLE = "buildstatic build, after a change of code"
COLUMNS = 82
LIGHT, DARK = (
    TerminalTheme(background, foreground, [background, *[foreground] * 7])
    for background, foreground in (((246, 248, 250), (31, 35, 40)), ((21, 27, 35), (209, 215, 224)))
)
# Rich's own format loads a font from the network.
FORMAT = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" role="img">
<title>TITLE</title>
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, monospace; font-size: {char_height}px;
  line-height: {line_height}px }}
.page {{ fill: rgb(246, 248, 250); stroke: rgb(129, 139, 152) }}
{styles}
DARK
</style>
<defs>{lines}</defs>
<rect class="page" width="{width}" height="{height}" rx="8"/>
<g transform="translate({terminal_x}, {terminal_y})"><g class="{unique_id}-matrix">
{matrix}
</g></g>
</svg>
"""
IN_DARK = ".page { fill: rgb(21, 27, 35); stroke: rgb(101, 108, 118) }"


def draw(transcript: str) -> str:
    """Return *transcript*, the lines of a terminal, as an SVG."""
    console = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True)
    for line in transcript.splitlines():
        style = "bold" if line.startswith("$ ") else ""
        console.print(Text(line, style=style), soft_wrap=True)
    pictures = [
        console.export_svg(theme=theme, code_format=FORMAT, unique_id="build", clear=False)
        for theme in (LIGHT, DARK)
    ]
    styles = "".join(re.findall(r"^\.build-r\d+ .*\n", pictures[1], re.M))
    dark = f"@media (prefers-color-scheme: dark) {{\n{IN_DARK}\n{styles}}}"
    return pictures[0].replace("DARK", dark, 1).replace("TITLE", TITLE, 1)


def record() -> str:
    """Build a project, change its code, and return what the second build shows in a terminal."""
    with tempfile.TemporaryDirectory() as directory:
        project = Path(directory, "mysite")
        shutil.copytree(PROJECT, project)
        os.chdir(project)
        os.environ.update(TERM="xterm", NO_COLOR="1", COLUMNS=str(COLUMNS))
        shown = b""

        def read(terminal: int) -> bytes:
            nonlocal shown
            chunk = os.read(terminal, 1 << 16)
            shown += chunk
            return chunk

        pty.spawn(COMMAND)
        with (project / "mysite" / "urls.py").open("a") as urls:
            urls.write(f"# {time.time_ns()}\n")  # that no cache has
        shown = b""
        if pty.spawn(COMMAND, read):
            sys.exit("The build failed.")
    screen = shown.decode().rpartition("\x1b[?25h")[2]
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen).replace("\r", "").strip("\n")
    return f"$ {' '.join(COMMAND)}\n{text}\n"


if __name__ == "__main__":
    if sys.argv[1:] == ["record"]:
        TRANSCRIPT.write_text(record(), encoding="utf-8")
    else:
        print(draw(TRANSCRIPT.read_text("utf-8")), end="")
