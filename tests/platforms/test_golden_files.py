"""The golden files of each platform are valid by its schema, its SDK or its tool."""

from __future__ import annotations

import json
import shutil
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from honcho.environ import parse_procfile

from buildstatic.platforms import PLATFORMS
from buildstatic.templates import GeneratedFile
from buildstatic.workflows.generate import GenerateOptions, generate
from tests.platforms.reading import validator, yaml
from tests.platforms.sdk import evaluated
from tests.samples import PROJECTS
from tests.test_golden import GOLDEN, NAMES

READERS: dict[str, Callable[[str], Any]] = {
    "compose.yaml": yaml,
    "fly.toml": tomllib.loads,
    "railpack.json": json.loads,
    "render.yaml": yaml,
}


def golden(name: str) -> list[Path]:
    return sorted(GOLDEN.glob(f"*/{name}"))


def project(file: Path) -> str:
    return file.relative_to(GOLDEN).parts[0]


@pytest.mark.parametrize("name", READERS)
def test_files_follow_the_schema_of_the_platform(name: str) -> None:
    schema = validator(name.partition(".")[0])
    files = golden(name)
    assert files
    for file in files:
        schema.validate(READERS[name](file.read_text()))


@pytest.mark.parametrize("file", golden(".railway/railway.py"), ids=project)
def test_sdk_of_railway_accepts_railway_py(file: Path, tmp_path: Path) -> None:
    made = GeneratedFile(".railway/railway.py", file.read_text())
    assert evaluated(tmp_path, made)["resources"]


@pytest.mark.parametrize("file", golden("Procfile"), ids=project)
def test_procfile_has_a_web_process(file: Path) -> None:
    assert "web" in parse_procfile(file.read_text()).processes


@pytest.mark.parametrize("file", golden("deploy.sh"), ids=project)
def test_shell_accepts_deploy_sh(file: Path) -> None:
    subprocess.run(["sh", "-n", file], check=True)


@pytest.mark.parametrize("name", NAMES)
def test_shell_accepts_every_start_command(name: str) -> None:
    """Railpack is used without a Dockerfile only."""
    others = [platform.NAME for platform in PLATFORMS if platform.NAME != "gitignore"]
    for targets in (["railway"], ["dockerfile", *others]):
        made = generate(PROJECTS / name, targets, GenerateOptions(), mode="render").files
        lines = {line for file in made for line in file.serves}
        assert lines
        for line in lines:
            subprocess.run(["sh", "-n", "-c", line], check=True)


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    for file in golden("systemd/*.service"):
        unit = tmp_path / f"{project(file)}-{file.name}"
        # Neither the user nor the programs of the unit are on this machine.
        lines = file.read_text().splitlines()
        own = [line for line in lines if not line.startswith(("ExecStart=", "User=", "Group="))]
        own.insert(own.index("[Service]") + 1, "ExecStart=/bin/true")
        unit.write_text("\n".join(own) + "\n")
        done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, ""), file
