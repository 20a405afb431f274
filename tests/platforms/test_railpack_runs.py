"""railpack.json, built and run on an engine as Railpack does it.

A small interpreter of its ``steps`` and ``deploy`` writes a Dockerfile, with python:3.13-slim in
place of Railpack's images (github.com/railwayapp/railpack, core/providers/python and buildkit).
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from buildstatic.cli import run
from tests.engine import serve
from tests.running import assert_page_and_style_sheet, fetch
from tests.samples import SECRET, copy
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


def dockerfile(config: dict[str, Any], service: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines of a Dockerfile that does what Railpack does for *config*.

    *service* are the variables of the service, which each step has as well, as secrets.
    """
    steps, deploy = config.get("steps", {}), config["deploy"]
    yield PROVIDED
    for name, step in steps.items():
        if "inputs" in step:
            (layer,) = step["inputs"]
            yield f"FROM {layer['step']} AS {name}"
        yield from map(env, {**service, **step.get("variables", {})}.items())
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
    yield from map(env, deploy.get("variables", {}).items())
    yield 'ENTRYPOINT ["/bin/bash", "-c"]'
    yield f"CMD {json.dumps([deploy['startCommand']])}"


def env(variable: tuple[str, str]) -> str:
    name, value = variable
    return f"ENV {name}={json.dumps(value)}"


def build(root: Path, chain: str, name: str, service: Mapping[str, str]) -> None:
    """Generate railpack.json in *root*, and build the image *name* with it."""
    assert run(["generate", "railway", "--chain", chain, "--path", str(root)]) == 0
    config = json.loads((root / "railpack.json").read_text())
    file = root.parent / "Dockerfile"
    file.write_text("\n".join(dockerfile(config, service)))
    command = ["docker", "buildx", "build", "--quiet", "--load", f"--tag={name}"]
    subprocess.run([*command, f"--file={file}", str(root)], check=True)


@pytest.mark.parametrize("chain", ["start", pytest.param("build", marks=pytest.mark.exhaustive)])
def test_railpack_config_builds_an_image_that_answers(
    tmp_path: Path, chain: str, engine: DockerClient, tag: Callable[[str], str]
) -> None:
    root = edited(startproject(tmp_path))
    settings = root / "mysite/settings.py"
    settings.write_text(settings.read_text().replace("\nDEBUG = True\n", "\nDEBUG = False\n"))
    name = tag(f"railpack-{chain}")
    build(root, chain, name, {})
    with serve(engine, name) as served:
        assert_page_and_style_sheet(served.url)
        # An SQLite database is migrated at the start: a pre-deploy command's files are discarded.
        assert "db.sqlite3" in served.run("ls /app").split()


def test_railpack_config_sets_the_settings_module(
    tmp_path: Path, engine: DockerClient, tag: Callable[[str], str]
) -> None:
    root = copy("split_settings", tmp_path)
    # As in the test above: installed once for both.
    (root / "requirements.txt").write_text("Django\ngunicorn\nwhitenoise\n")
    name = tag("railpack-settings")
    service = {"SECRET_KEY": SECRET}
    build(root, "build", name, service)
    # With the module that manage.py sets, DEBUG is on and no name is fingerprinted.
    with serve(engine, name, environment=service) as served:
        page = fetch(f"{served.url}/").decode()
        style_sheet = re.search(r'href="(/static/css/site\.[0-9a-f]{12}\.css)"', page)
        assert style_sheet, page
        assert fetch(served.url + style_sheet[1])
        assert "SECRET_KEY" not in str(engine.images.get(name).attrs["Config"]["Env"])
