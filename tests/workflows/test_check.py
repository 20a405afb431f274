"""``check`` as a function."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildstatic.errors import ConfigInvalid, InterpreterNotFound, ProjectNotFound
from buildstatic.workflows.check import NO_RUN, check, fix
from tests.checks.projects import clean_project

NO_STATIC_ROOT = ('STATIC_ROOT = BASE_DIR / "staticfiles"\n', "")


def test_check_returns_findings_of_the_project(tmp_path: Path) -> None:
    root = clean_project(tmp_path, change=NO_STATIC_ROOT)
    result = check(root, run=False)
    assert [finding.code for finding in result.findings] == ["static-root-missing"]
    assert result.project.settings.value == "mysite.settings"
    assert [edit.file for edit in result.edits] == ["mysite/settings.py"]
    assert result.unexamined == NO_RUN


def test_fix_repairs_the_project(tmp_path: Path) -> None:
    root = clean_project(tmp_path, change=NO_STATIC_ROOT)
    assert [finding.code for finding in fix(check(root, run=False))] == ["static-root-missing"]
    assert check(root, run=False).findings == ()


def test_check_imports_the_project(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    files = {"shop/static/shop/site.css": 'a { background: url("missing.svg") }\n'}
    result = check(clean_project(tmp_path, files))
    assert [finding.code for finding in result.findings] == ["reference-missing"]
    assert result.unexamined == ""
    assert capfd.readouterr().out == ""


def test_project_that_fails_to_import_is_unexamined(tmp_path: Path) -> None:
    result = check(clean_project(tmp_path, change=("", "import not_installed\n")))
    assert "not_installed" in result.unexamined


def test_errors_are_raised(tmp_path: Path) -> None:
    with pytest.raises(ProjectNotFound):
        check(tmp_path)
    root = clean_project(tmp_path)
    with pytest.raises(InterpreterNotFound):
        check(root, python=Path("/bin/false"))
    (root / "pyproject.toml").write_text('[tool.buildstatic]\nsilence = ["debug-off"]\n')
    with pytest.raises(ConfigInvalid, match="debug-off"):
        check(root, run=False)
