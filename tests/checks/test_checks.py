"""The checks as a whole: no false findings, documented codes, order, silencing."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from buildstatic.checks import CHECKS, CheckContext, Finding, finding_codes, validate_silence
from buildstatic.errors import ConfigInvalid
from buildstatic.project.config import CODE, load
from buildstatic.workflows.check import check
from tests.checks.projects import clean_project, codes, findings, only
from tests.pages import read
from tests.samples import EXAMPLE, PROJECTS, copy
from tests.startproject import edited, startproject

# Findings that are true for the sample projects.
EXPECTED = {"startproject": ["debug-on"], "whitenoise": ["manifest-storage-off"]}
# The samples are for this machine.
LOCAL = {"secret-key-insecure", "allowed-hosts-local"}
NO_STATIC_ROOT = ('STATIC_ROOT = BASE_DIR / "staticfiles"\n', "")
RUN = (EXAMPLE.name, "startproject", "manifest")


def test_clean_project_has_no_findings(tmp_path: Path) -> None:
    assert findings(clean_project(tmp_path), runs=True) == []


@pytest.mark.parametrize("name", [*sorted(path.name for path in PROJECTS.iterdir()), EXAMPLE.name])
def test_samples_have_no_false_findings(tmp_path: Path, name: str) -> None:
    found = codes(copy(name, tmp_path), runs=name in RUN)
    assert [code for code in found if code not in LOCAL] == EXPECTED.get(name, [])


def test_startproject_findings_before_and_after_edits(tmp_path: Path) -> None:
    root = startproject(tmp_path)
    assert codes(root) == [
        "static-root-missing",
        "debug-on",
        "secret-key-insecure",
        "manifest-storage-off",
    ]
    assert codes(edited(root)) == ["debug-on", "secret-key-insecure"]


def test_codes_are_unique_and_documented_in_order() -> None:
    known = list(finding_codes())
    assert len(known) == len(set(known))
    assert [code for code in known if not re.fullmatch(CODE, code)] == []
    assert re.findall(r"^### `([a-z-]+)`$", read("docs/reference/check.md"), re.M) == known


def test_most_severe_findings_come_first(tmp_path: Path) -> None:
    change = ('STATIC_ROOT = BASE_DIR / "staticfiles"\n', "DEBUG = True\n")
    severities = [finding.severity for finding in findings(clean_project(tmp_path, change=change))]
    assert severities == sorted(severities, reverse=True)
    assert len(severities) > 1


def test_check_that_raises_does_not_stop_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        CODES = ("broken",)

        @staticmethod
        def check(context: CheckContext) -> Iterable[Finding]:
            raise PermissionError(13, "Permission denied", str(context.root / "fly.toml"))

    monkeypatch.setattr("buildstatic.checks.CHECKS", (Broken, *CHECKS))
    result = check(clean_project(tmp_path, change=NO_STATIC_ROOT), run=False)
    assert [finding.code for finding in result.findings] == ["static-root-missing"]
    assert "broken (PermissionError: [Errno 13] Permission denied" in result.skipped[1]


def test_import_error_is_not_repeated_where_its_cause_is_found(tmp_path: Path) -> None:
    text = 'import subprocess\nV = subprocess.check_output(["git", "show", "no-such-commit"])\n'
    assert only(clean_project(tmp_path, change=("", text)), "settings-run-git", runs=True)


def test_silenced_codes_are_not_reported(tmp_path: Path) -> None:
    silence = {"pyproject.toml": '[tool.buildstatic]\nsilence = ["debug-on"]\n'}
    assert codes(clean_project(tmp_path, silence, ("DEBUG = False", "DEBUG = True"))) == []


def test_unknown_silenced_code_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.buildstatic]\nsilence = ["debug-onn"]\n')
    with pytest.raises(ConfigInvalid, match="unknown finding code debug-onn") as caught:
        validate_silence(load(tmp_path))
    assert caught.value.advice == "Did you mean debug-on?"
