"""The findings of ``check`` on the command line: how they are printed, and the exit code."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from buildstatic.cli import run
from tests.checks.projects import clean_project, codes, findings
from tests.samples import copy
from tests.startproject import edited, startproject

ON = ("DEBUG = False", "DEBUG = True")
LACKS = ('STATIC_ROOT = BASE_DIR / "staticfiles"\n', "")
INFO = {"compose.yml": "services:\n  web:\n    build: .\n    volumes: [.:/app]\n"}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DJANGO_SETTINGS_MODULE", "VIRTUAL_ENV", "GITHUB_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)


def check(root: Path, *options: str) -> int:
    return run(["check", str(root), "--no-run", *options])


@pytest.mark.parametrize(
    ("options", "fails"),
    [
        pytest.param([], {"error"}, id="by-itself"),
        pytest.param(["--fail-level=error"], {"error"}, id="error"),
        pytest.param(["--fail-level=warning"], {"error", "warning"}, id="warning"),
        pytest.param(["--fail-level=info"], {"error", "warning", "info"}, id="info"),
    ],
)
def test_the_exit_code_is_by_severity(tmp_path: Path, options: list[str], fails: set[str]) -> None:
    projects = {
        "error": clean_project(tmp_path / "error", change=LACKS),
        "warning": clean_project(tmp_path / "warning", change=ON),
        "info": clean_project(tmp_path / "info", INFO),
        "nothing": clean_project(tmp_path / "nothing"),
    }
    for form in ("text", "json", "github"):
        failed = {n for n, root in projects.items() if check(root, f"--format={form}", *options)}
        assert failed == fails


def test_the_file_says_what_fails_and_the_command_line_goes_before_it(tmp_path: Path) -> None:
    level = '[tool.buildstatic.check]\nfail_level = "warning"\n'
    root = clean_project(tmp_path, {"pyproject.toml": level}, change=ON)
    assert check(root) == 1
    assert check(root, "--fail-level=error") == 0


def test_a_code_that_is_none_cannot_be_silenced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = '[tool.buildstatic]\nsilence = ["debug-off"]\n'
    assert check(clean_project(tmp_path, {"pyproject.toml": text})) == 13
    said = capsys.readouterr().err
    problem = "pyproject.toml:2: unknown finding code debug-off."
    assert said == f"error: {problem} Did you mean debug-on?\n"


def test_people_get_where_what_why_and_the_fix_before_the_facts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check(clean_project(tmp_path, change=LACKS))
    said = capsys.readouterr().out
    assert said.startswith(
        "error: mysite/settings.py:19: STATIC_ROOT is not set. [static-root-missing]\n"
        "    collectstatic fails because it has no directory to collect into.\n"
        '    Fix: Add STATIC_ROOT = BASE_DIR / "staticfiles" (--fix does it)\n'
        "\nFound: 1 error.\n\nfact "
    )


def test_programs_get_each_finding_as_an_object(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = clean_project(tmp_path, INFO, change=LACKS)
    for option in ("--json", "--format=json"):
        check(root, option)
        said = json.loads(capsys.readouterr().out)
        assert said["findings"] == [
            {
                "code": "static-root-missing",
                "severity": "error",
                "file": "mysite/settings.py",
                "line": 19,
                "what": "STATIC_ROOT is not set.",
                "why": "collectstatic fails because it has no directory to collect into.",
                "fix": 'Add STATIC_ROOT = BASE_DIR / "staticfiles"',
                "fixable": True,
            }
        ]
        assert said["unexamined"] == "--no-run"


COMMAND = re.compile(
    r"::(?P<level>error|warning|notice) file=(?P<file>[^,:]+)(,line=(?P<line>\d+))?"
    r",title=(?P<title>[a-z-]+)::(?P<message>.+)"
)


def test_github_gets_an_annotation_for_each_at_its_line_of_the_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "50% off, really: yes"
    root = clean_project(tmp_path / name, INFO | {"Dockerfile": "FROM scratch\n"}, change=ON)
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    check(root, "--format=github")
    lines = capsys.readouterr().out.splitlines()
    found = [match for line in lines if (match := COMMAND.fullmatch(line))]
    assert len(found) == len(lines)
    place = "50%25 off%2C really%3A yes"
    assert {(m["level"], m["file"], m["line"], m["title"]) for m in found} == {
        ("warning", f"{place}/mysite/settings.py", "5", "debug-on"),
        ("warning", f"{place}/.dockerignore", None, "dockerignore-lacks-static-root"),
        ("notice", f"{place}/compose.yml", "4", "volume-over-tree"),
    }
    assert all("%0AFix: " in match["message"] for match in found)


def test_what_is_not_known_without_the_projects_python_is_said(tmp_path: Path) -> None:
    root = clean_project(tmp_path, change=("", "import nowhere_to_be_found\n"))
    done = subprocess.run(
        [sys.executable, "-m", "buildstatic", "check", "--json"],
        cwd=root,
        env={"PATH": os.defpath},
        capture_output=True,
        check=True,
    )
    assert "nowhere_to_be_found" in json.loads(done.stdout)["unexamined"]


@pytest.mark.parametrize("name", ["startproject", "manifest", "split_settings", "subfolder"])
def test_what_generate_writes_is_well(tmp_path: Path, name: str) -> None:
    root = edited(startproject(tmp_path)) if name == "startproject" else copy(name, tmp_path)
    every = ("dockerfile", "dockerignore", "procfile", "railway", "deploy.sh", "gitignore")
    assert run(["generate", "--path", str(root), "--force", *every]) == 0
    said = {(f.code, f.severity.label) for f in findings(root, runs=True)}
    assert said - {("debug-on", "warning")} == {("railway-config-ends", "info")}
    (root / "railway.json").unlink()
    assert set(codes(root)) <= {"debug-on"}
