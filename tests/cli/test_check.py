"""``buildstatic check``: what it prints, what it means to programs, and how it fails."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from buildstatic.cli import run
from tests.project.conftest import closed  # noqa: F401 - a fixture
from tests.project.tree import MANAGE, project, write
from tests.samples import copy
from tests.startproject import edited, startproject

FACTS = [
    "root",
    "manage",
    "settings",
    "wsgi",
    "asgi",
    "python",
    "dependencies",
    "server",
    "whitenoise",
    "database",
    "frontend",
    "static_root",
    "static_url",
    "storage",
    "remote",
]
SETTINGS = """\
import os
from pathlib import Path
BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = os.environ["SECRET_KEY"]
TOKEN = os.environ["TOKEN"]
MAIL = os.environ["MAIL"]
DEBUG = bool(os.environ.get("DEBUG"))
WSGI_APPLICATION = "mysite.wsgi.application"
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STORAGES = {
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage",
    },
}
"""
FULL = {
    "site/manage.py": MANAGE.format(settings="mysite.settings"),
    "site/mysite/settings.py": SETTINGS,
    "site/mysite/asgi.py": "application = get_asgi_application()\n",
    "requirements/production.txt": "-r base.txt\ngunicorn==23.0.0\npsycopg2\n",
    "requirements/base.txt": "Django>=5.2\nwhitenoise\n",
    "runtime.txt": "python-3.12.4\n",
    "frontend/package.json": '{"scripts": {"build": "vite build"}}',
    "frontend/pnpm-lock.yaml": "",
    "pyproject.toml": '[tool.buildstatic.env]\nTOKEN = "t"\n',
}


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)


def check(root: Path, *arguments: str) -> int:
    return run(["check", str(root), *arguments])


def fact(value: object, place: str) -> dict[str, object]:
    return {"value": value, "from": place}


def test_json_has_every_fact_with_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(write(tmp_path, FULL), "--json") == 0
    said = json.loads(capsys.readouterr().out)
    settings = "site/mysite/settings.py"
    assert said["project"] == {
        "root": fact(".", "site/manage.py:1"),
        "manage": fact("site/manage.py", "site/manage.py:1"),
        "settings": fact("mysite.settings", "site/manage.py:6"),
        "wsgi": fact("mysite.wsgi:application", f"{settings}:8"),
        "asgi": fact("mysite.asgi:application", "site/mysite/asgi.py:1"),
        "python": fact("3.12", "runtime.txt:1"),
        "dependencies": fact(
            {"manager": "pip", "file": "requirements/production.txt"},
            "requirements/production.txt:1",
        ),
        "server": fact("gunicorn", "requirements/production.txt:2"),
        "whitenoise": fact(True, "requirements/base.txt:2"),
        "database": fact("psycopg2", "requirements/production.txt:3"),
        "frontend": fact(
            {"manager": "pnpm", "directory": "frontend", "lock": "frontend/pnpm-lock.yaml"},
            "frontend/package.json:1",
        ),
        "static_root": fact("site/staticfiles", f"{settings}:10"),
        "static_url": fact("/static/", f"{settings}:9"),
        "storage": fact(
            "whitenoise.storage.CompressedManifestStaticFilesStorage", f"{settings}:13"
        ),
        "remote": fact(False, f"{settings}:13"),
    }
    assert list(said["project"]) == FACTS


@pytest.mark.parametrize("name", ["startproject", "poetry", "remote", "frontend", "outside"])
def test_json_is_of_one_shape_and_each_place_is_there(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    root = copy(name, tmp_path)
    assert check(root, "--json") == 0
    found = json.loads(capsys.readouterr().out)["project"]
    assert list(found) == FACTS
    for item in filter(None, found.values()):
        assert set(item) == {"value", "from"}
        file, _, line = item["from"].rpartition(":")
        assert 1 <= int(line) <= len((root / file).read_text().splitlines())
    assert set(found["dependencies"]["value"]) == {"manager", "file"}


def test_what_is_not_found_is_null(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check(project(tmp_path, {"mysite/settings.py": "STORAGES = find()"}), "--json")
    found = json.loads(capsys.readouterr().out)["project"]
    assert [name for name in FACTS if found[name] is not None] == ["root", "manage", "settings"]


def test_json_of_a_bare_startproject_has_the_edits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = startproject(tmp_path)
    check(root, "--json")
    needed = json.loads(capsys.readouterr().out)["edits"]
    assert [set(edit) for edit in needed] == [{"file", "where", "why", "text"}] * 6
    check(edited(root), "--json")
    assert json.loads(capsys.readouterr().out)["edits"] == []


def test_the_table_has_a_line_for_each_fact(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(write(tmp_path, FULL)) == 0
    lines = capsys.readouterr().out.splitlines()
    lines = lines[next(n for n, line in enumerate(lines) if line.startswith("fact ")) :]
    assert re.split(r"\s{2,}", lines[0].strip()) == ["fact", "value", "from"]
    assert [line.split()[0] for line in lines[1 : len(FACTS) + 1]] == FACTS
    said = {line.split()[0]: re.split(r"\s{2,}", line.strip())[1:] for line in lines if line}
    assert said["python"] == ["3.12", "runtime.txt:1"]
    assert said["server"] == ["gunicorn==23.0.0", "requirements/production.txt:2"]
    assert said["whitenoise"] == ["yes", "requirements/base.txt:2"]
    assert said["remote"] == ["no", "site/mysite/settings.py:13"]
    assert said["frontend"] == ["pnpm run build, in frontend", "frontend/package.json:1"]
    assert said["dependencies"][0] == "requirements/production.txt (pip)"
    needs = "psycopg2 (builds with gcc libc6-dev libpq-dev, runs with libpq5)"
    assert said["database"] == [needs, "requirements/production.txt:3"]


def test_no_line_ends_in_spaces(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check(write(tmp_path, FULL))
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line != line.rstrip()] == []


def test_the_variables_are_listed_and_placeholders_are_ready_to_paste(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check(write(tmp_path, FULL))
    said = capsys.readouterr().out
    assert re.search(r"SECRET_KEY +required, random while collecting +site/.*:4\n", said)
    assert re.search(r"TOKEN +required, has a placeholder for collecting +site/.*:5\n", said)
    assert re.search(r"MAIL +required +site/.*:6\n", said)
    assert re.search(r"DEBUG +optional +site/.*:7\n", said)
    pasted = said[said.index("[tool.buildstatic.env]") :].split("\n\n")[0]
    assert pasted.strip() == '[tool.buildstatic.env]\nMAIL = "placeholder"'


def test_a_bare_startproject_is_shown_what_to_paste_and_then_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = startproject(tmp_path)
    assert check(root) == 1
    said = capsys.readouterr().out
    assert "requirements.txt, a new file: " in said
    assert "\n\nDjango\ngunicorn\nwhitenoise\n" in said
    assert '\n\nSTATIC_ROOT = BASE_DIR / "staticfiles"\n' in said
    assert check(edited(root)) == 0
    assert "Still needed" not in capsys.readouterr().out


def test_production_s_settings_are_taken_and_that_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = copy("split_settings", tmp_path)
    check(root)
    assert re.search(
        r"^note: manage\.py:\d+ names .* \(--settings .*\)", capsys.readouterr().out, re.M
    )


def test_the_options_name_another_project_and_other_settings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = MANAGE.format(settings="a.settings")
    files = {"one/manage.py": text, "two/manage.py": text, "two/b/other.py": ""}
    write(tmp_path, files)
    check(tmp_path, "--manage", "two/manage.py", "--settings", "b.other", "--json")
    found = json.loads(capsys.readouterr().out)["project"]
    assert found["manage"]["value"] == "two/manage.py"
    assert found["settings"] == fact("b.other", "--settings")


GOOD = {"manage.py": MANAGE.format(settings="mysite.settings"), "mysite/settings.py": ""}


@pytest.mark.parametrize(
    ("files", "code", "said"),
    [
        pytest.param({"README": ""}, 10, r"No manage\.py found in .*--manage", id="none"),
        pytest.param(
            {"shop/manage.py": "", "blog/manage.py": ""},
            10,
            r"blog/manage\.py, shop/manage\.py\. Choose one: --manage blog/manage\.py",
            id="two",
        ),
        pytest.param(
            {**GOOD, ".python-version": "3.10.4\n"},
            12,
            r"\.python-version:1 asks for Python 3\.10\.4; .*Change it to 3\.13",
            id="python-3.10",
        ),
        pytest.param(
            {**GOOD, "pyproject.toml": '[project]\nrequires-python = "<3.11"\n'},
            12,
            r"pyproject\.toml:2 asks for",
            id="requires-python",
        ),
        pytest.param(
            {**GOOD, "pyproject.toml": "[project]\nname = \n"},
            13,
            r"pyproject\.toml:2: invalid TOML",
            id="toml",
        ),
        pytest.param(
            {**GOOD, "pyproject.toml": "[tool.buildstatic]\nsetting = 'x'\n"},
            13,
            r"pyproject\.toml:2: .* no key setting\. Did you mean settings\?",
            id="misspelt",
        ),
        pytest.param(
            {**GOOD, "mysite/settings.py": "A = 1\nB = [\n"},
            13,
            r"mysite/settings\.py:2: not valid Python",
            id="settings-syntax",
        ),
        pytest.param(
            {**GOOD, "manage.py": "import os\0\n"}, 13, r"manage\.py:1: not valid Python", id="null"
        ),
        pytest.param(
            {**GOOD, "requirements.txt": "Django=5\n"}, 13, r"requirements\.txt:1: ", id="pip"
        ),
        pytest.param(
            {**GOOD, "requirements.txt": "Django\n-r a\0b\n"},
            13,
            r"requirements\.txt:2: has a null byte",
            id="null-in-requirements",
        ),
        pytest.param(
            {"manage.py": GOOD["manage.py"]},
            14,
            r"mysite\.settings \(from manage\.py:6\) has no file .*--settings",
            id="settings-without-a-file",
        ),
        pytest.param({"manage.py": ""}, 13, r"manage\.py does not set", id="no-settings"),
        pytest.param(
            {**GOOD, "pyproject.toml": f"[tool.buildstatic]\nmanage = '{'a' * 300}'"},
            10,
            r"There is no a+ in",
            id="a-name-that-cannot-be",
        ),
    ],
)
def test_bad_input_is_one_clear_message_and_a_code_of_its_own(
    tmp_path: Path, files: dict[str, str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(write(tmp_path, files)) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: ")
    assert printed.err.count("\n") == 1
    assert re.search(said, printed.err)


@pytest.mark.parametrize("file", ["manage.py", "mysite/settings.py", "pyproject.toml", "uv.lock"])
def test_a_file_that_may_not_be_read_is_named(
    closed: Path,  # noqa: F811
    file: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = closed.parent / "site"
    write(root, {**GOOD, "pyproject.toml": "", "uv.lock": ""})
    (root / file).chmod(0)
    assert check(root) == 13
    said = f"error: {file} cannot be read: Permission denied. Check that it is a file and who"
    assert capsys.readouterr().err.startswith(said)


def test_a_directory_that_is_not_there_is_wrong_use(tmp_path: Path) -> None:
    assert check(tmp_path / "nowhere") == 2


def test_json_goes_to_standard_output_alone(tmp_path: Path) -> None:
    write(tmp_path, FULL)
    done = subprocess.run(
        [sys.executable, "-m", "buildstatic", "check", "--json"],
        cwd=tmp_path,
        env={"PATH": os.defpath, "FORCE_COLOR": "1", "COLUMNS": "20", "LC_ALL": "C"},
        capture_output=True,
        check=True,
    )
    assert list(json.loads(done.stdout)["project"]) == FACTS
    assert done.stderr == b""


def test_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "--help"]) == 0
    said = capsys.readouterr().out
    assert "  buildstatic check --json | jq" in said
    for option in ("--manage", "--settings", "--json"):
        assert option in said
