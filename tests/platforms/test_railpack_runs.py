"""railpack.json, built and run on an engine as Railpack does it.

A small interpreter of its ``steps`` and ``deploy`` writes a Dockerfile, with python:3.13-slim in
place of Railpack's images (github.com/railwayapp/railpack, core/providers/python and buildkit).
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from buildstatic.cli import run
from tests.engine import serve
from tests.running import assert_page_and_style_sheet
from tests.startproject import edited, startproject

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = [pytest.mark.engine, pytest.mark.slow]

BASE = "python:3.13-slim"
# The steps that Railpack's Python provider generates for a requirements.txt.
PROVIDED = f"""\
FROM {BASE} AS install
WORKDIR /app
RUN python -m venv /app/.venv
ENV PATH=/app/.venv/bin:$PATH
COPY requirements.txt requirements.txt
RUN pip install --no-cache-dir -r requirements.txt
FROM install AS build
COPY . .
"""


def dockerfile(config: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of a Dockerfile that does what Railpack does for *config*."""
    steps, deploy = config.get("steps", {}), config["deploy"]
    yield PROVIDED
    for name, step in steps.items():
        if "inputs" in step:
            (layer,) = step["inputs"]
            yield f"FROM {layer['step']} AS {name}"
        for command in step["commands"]:
            if command != "...":
                yield f"RUN {json.dumps(['/bin/sh', '-c', command])}"
    yield f"FROM {BASE} AS deploy"
    yield "WORKDIR /app"
    yield "COPY --from=build /app /app"
    for name, step in steps.items():
        for output in step.get("deployOutputs", ()):
            for path in output["include"]:
                yield f"COPY --from={name} /app/{path} /app/{path}"
    yield "ENV PATH=/app/.venv/bin:$PATH PORT=8000"  # Railway sets it.
    yield 'ENTRYPOINT ["/bin/bash", "-c"]'
    yield f"CMD {json.dumps([deploy['startCommand']])}"


@pytest.mark.parametrize("chain", ["start", "build"])
def test_railpack_config_builds_an_image_that_answers(
    tmp_path: Path, chain: str, engine: DockerClient, tag: Callable[[str], str]
) -> None:
    root = edited(startproject(tmp_path))
    settings = root / "mysite/settings.py"
    settings.write_text(settings.read_text().replace("\nDEBUG = True\n", "\nDEBUG = False\n"))
    assert run(["generate", "railway", "--chain", chain, "--path", str(root)]) == 0
    config = json.loads((root / "railpack.json").read_text())
    (tmp_path / "Dockerfile").write_text("\n".join(dockerfile(config)))
    name = tag(f"railpack-{chain}")
    build = ["docker", "buildx", "build", "--quiet", "--load", f"--tag={name}"]
    subprocess.run([*build, f"--file={tmp_path / 'Dockerfile'}", str(root)], check=True)
    with serve(engine, name) as served:
        assert_page_and_style_sheet(served.url)
        # An SQLite database is migrated at the start: a pre-deploy command's files are discarded.
        assert "db.sqlite3" in served.run("ls /app").split()
