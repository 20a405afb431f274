"""The check of commands around collecting in the project's own files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.checks.projects import clean_project, codes, only

COLLECT = "RUN python manage.py collectstatic --noinput\n"
COMPRESS = "RUN python manage.py compress\n"
IGNORE = {".dockerignore": "staticfiles\n"}
OFFLINE = ('    "shop",\n', '    "shop",\n    "compressor",\n]\nCOMPRESS_OFFLINE = True\n_ = [\n')


@pytest.mark.parametrize(
    ("change", "command"),
    [
        pytest.param(OFFLINE, "compress", id="compressor"),
        pytest.param(
            ('    "shop",\n', '    "shop",\n    "sass_processor",\n'), "compilescss", id="sass"
        ),
    ],
)
def test_collecting_without_a_required_command(
    tmp_path: Path, change: tuple[str, str], command: str
) -> None:
    files = {**IGNORE, "Dockerfile": f"FROM python\n{COLLECT}"}
    finding = only(clean_project(tmp_path, files, change), "collect-without-command")
    assert finding.location == "Dockerfile:2"
    assert f"without {command}," in finding.what


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"Dockerfile": f"FROM python\n{COLLECT}{COMPRESS}"}, id="beside"),
        pytest.param(
            {"Dockerfile": f"FROM python\n{COLLECT}", "bin/run.sh": "./manage.py compress\n"},
            id="elsewhere",
        ),
        pytest.param({"Dockerfile": "FROM python\nRUN buildstatic collect\n"}, id="buildstatic"),
        pytest.param(
            {
                "Dockerfile": f"FROM python\nRUN python manage.py press\n{COLLECT}",
                "shop/management/commands/press.py": "from compressor.cache import get_offline\n",
            },
            id="own-command",
        ),
        pytest.param({}, id="nowhere"),
    ],
)
def test_required_command_is_run(tmp_path: Path, files: dict[str, str]) -> None:
    assert codes(clean_project(tmp_path, {**IGNORE, **files}, OFFLINE)) == []
