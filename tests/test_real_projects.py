"""The benchmark that builds existing projects, on two of the tests' own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.samples import PROJECTS

SCRIPT = Path(__file__).parent.parent / "benchmarks" / "real_projects.py"
LIST = r"""
[[project]]
name = "manifest"

[[project]]
name = "pinned"

[[project.changes]]
add = {"pyproject.toml" = "[tool.buildstatic]\nsettings = 'mysite.nothing'"}

[[project.changes]]
replace = {"pyproject.toml" = ["nothing", "elsewhere"]}

[[project.changes]]
run = ["sed", "-i", "s/elsewhere/settings/", "pyproject.toml"]

[[project.changes]]
run = ["false"]

[[project]]
name = "nothing"
"""


@pytest.mark.exhaustive
@pytest.mark.engine
@pytest.mark.usefixtures("engine")
def test_table_of_projects_unedited_with_a_line_and_failing(tmp_path: Path) -> None:
    projects = tmp_path / "projects"
    for name in ("manifest", "pinned"):
        shutil.copytree(PROJECTS / "manifest", projects / name)
    (projects / "pinned/pyproject.toml").touch()
    (projects / "nothing").mkdir()
    manage = projects / "pinned/manage.py"
    manage.write_text(manage.read_text().replace("mysite.settings", "mysite.nowhere"))
    (tmp_path / "list.toml").write_text(LIST)
    command = [sys.executable, str(SCRIPT), "list.toml", "projects", "--results", "results"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    rows = {
        cells[1]: cells
        for line in ran.stdout.splitlines()
        if len(cells := [cell.strip() for cell in line.split("|")]) > 1
    }
    assert rows["manifest"][4:6] == ["yes", "application"]
    assert rows["pinned"][4] == "with 3 changes"
    for name, text in zip(
        ("nowhere", "nothing", "elsewhere"), rows["pinned"][5].split(" Then: "), strict=True
    ):
        assert f"mysite.{name}" in text
        assert text.endswith(" (does not name the change)")
    assert rows["nothing"][4] == "check"
    assert "No manage.py found" in rows["nothing"][5]
    assert ran.stdout.endswith("1 of 3 unedited.\n")
