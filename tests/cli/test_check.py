"""``buildstatic check``: findings and facts for people, programs and GitHub."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from buildstatic.cli import run
from buildstatic.platforms import PLATFORMS
from tests.checks.projects import clean_project, findings
from tests.cli.conftest import Invoke
from tests.project.tree import MANAGE, project, write
from tests.samples import PROJECTS, copy
from tests.startproject import edited, startproject

FACTS = [
    *("root", "manage", "settings", "configuration", "wsgi", "asgi", "python", "dependencies"),
    *(
        "server",
        "whitenoise",
        "database",
        "frontends",
        "static_root",
        "static_url",
        "storage",
        "remote",
    ),
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
    "frontend/vite.config.js": "export default {build: {outDir: '../site/static'}}",
    "pyproject.toml": '[tool.buildstatic.env]\nTOKEN = "t"\n',
}
DEBUG_ON = ("DEBUG = False", "DEBUG = True")
NO_STATIC_ROOT = ('STATIC_ROOT = BASE_DIR / "staticfiles"\n', "")
INFO = {"railway.toml": "", ".railway/railway.py": ""}


def fact(value: object, source: str) -> dict[str, object]:
    return {"value": value, "from": source}


@pytest.fixture
def document(invoke: Invoke) -> Any:
    """Return a function that runs ``check --json`` and returns what it prints."""
    return lambda *arguments: json.loads(invoke("check", "--json", "--no-run", *arguments).out)


def test_json_has_each_fact_with_its_source(tmp_path: Path, document: Any) -> None:
    settings = "site/mysite/settings.py"
    facts = document(write(tmp_path, FULL))["project"]
    assert list(facts) == FACTS
    assert facts == {
        "root": fact(".", "site/manage.py:1"),
        "manage": fact("site/manage.py", "site/manage.py:1"),
        "settings": fact("mysite.settings", "site/manage.py:6"),
        "configuration": None,
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
        "frontends": [
            fact(
                {
                    "manager": "pnpm",
                    "directory": "frontend",
                    "lock": "frontend/pnpm-lock.yaml",
                    "build": [{"directory": "frontend", "command": "pnpm run build"}],
                },
                "frontend/package.json:1",
            )
        ],
        "static_root": fact("site/staticfiles", f"{settings}:10"),
        "static_url": fact("/static/", f"{settings}:9"),
        "storage": fact(
            "whitenoise.storage.CompressedManifestStaticFilesStorage", f"{settings}:13"
        ),
        "remote": fact(False, f"{settings}:13"),
    }


@pytest.mark.parametrize("name", ["poetry", "remote", "outside"])
def test_sources_of_facts_exist(tmp_path: Path, name: str, document: Any) -> None:
    root = copy(name, tmp_path)
    facts = document(root)["project"]
    frontends = facts.pop("frontends")
    for item in (*filter(None, facts.values()), *frontends):
        file, _, line = item["from"].rpartition(":")
        assert 1 <= int(line) <= len((root / file).read_text().splitlines())


def test_unknown_facts_are_null(tmp_path: Path, document: Any) -> None:
    facts = document(project(tmp_path, {"mysite/settings.py": "STORAGES = find()"}))["project"]
    assert [name for name in FACTS if facts[name]] == ["root", "manage", "settings"]
    assert facts["frontends"] == []


def test_facts_are_a_table(tmp_path: Path, invoke: Invoke) -> None:
    lines = invoke("check", "--no-run", "-v", write(tmp_path, FULL)).out.splitlines()
    assert [line for line in lines if line != line.rstrip()] == []
    lines = lines[next(n for n, line in enumerate(lines) if line.startswith("fact ")) :]
    rows = [re.split(r"\s{2,}", line) for line in lines[: len(FACTS) + 1]]
    assert rows[0] == ["fact", "value", "from"]
    facts = {name: rest for name, *rest in rows[1:]}
    assert list(facts) == [
        name.removesuffix("s") if name == "frontends" else name for name in FACTS
    ]
    assert facts["python"] == ["3.12", "runtime.txt:1"]
    assert facts["server"] == ["gunicorn==23.0.0", "requirements/production.txt:2"]
    assert facts["whitenoise"] == ["yes", "requirements/base.txt:2"]
    assert facts["remote"] == ["no", "site/mysite/settings.py:13"]
    assert facts["frontend"] == ["pnpm run build, in frontend", "frontend/package.json:1"]
    assert facts["dependencies"][0] == "requirements/production.txt (pip)"
    driver = "psycopg2 (builds with gcc libc6-dev libpq-dev, runs with libpq5)"
    assert facts["database"] == [driver, "requirements/production.txt:3"]


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("STATIC_URL = f\"https://{os.environ['CDN']}/static/\"", "static_url +depends on CDN "),
        ('STATIC_ROOT = os.environ.get("OUT")', "static_root +depends on OUT "),
        ("STATIC_ROOT = find()", "static_root +unknown "),
        ('STORAGES = {"staticfiles": {"BACKEND": os.environ["S"]}}', "storage +depends on S "),
    ],
)
def test_settings_that_are_set_are_not_called_missing(
    tmp_path: Path, line: str, shown: str, invoke: Invoke
) -> None:
    root = project(tmp_path, {"mysite/settings.py": f"import os\n{line}\n"})
    assert re.search(
        rf"^{shown}+mysite/settings.py:2$", invoke("check", "--no-run", root).out, re.M
    )


@pytest.mark.parametrize("name", ["static_root", "static_url", "storage", "remote"])
def test_settings_that_reading_cannot_see_are_unknown(
    tmp_path: Path, name: str, invoke: Invoke
) -> None:
    lines = "from dynaconf import DjangoDynaconf\nDjangoDynaconf(__name__)\n"
    root = project(tmp_path, {"mysite/settings.py": lines})
    out = invoke("check", "--no-run", "-v", root).out
    assert re.search(rf"^{name} +unknown +mysite/settings.py$", out, re.M), out


def test_only_check_accepts_a_front_end_that_is_not_valid(site: Path, invoke: Invoke) -> None:
    (site / "package.json").write_text("{")
    checked = invoke("check", "--no-run", site)
    assert (checked.code, "frontend-invalid" in checked.out) == (1, True), checked.err
    generated = invoke("generate", "dockerfile", "--path", site)
    assert (generated.code, "package.json:1: invalid JSON" in generated.err) == (12, True)


def test_variables_and_placeholders_to_paste(tmp_path: Path, invoke: Invoke) -> None:
    root = write(tmp_path, FULL)
    assert not re.search(r"DEBUG +optional", invoke("check", "--no-run", root).out)
    out = invoke("check", "--no-run", "-v", root).out
    assert re.search(r"SECRET_KEY +required, random while collecting +site/.*:4\n", out)
    assert re.search(r"TOKEN +required, has a placeholder for collecting +site/.*:5\n", out)
    assert re.search(r"MAIL +required +site/.*:6\n", out)
    assert re.search(r"DEBUG +optional +site/.*:7\n", out)
    pasted = out[out.index("[tool.buildstatic.env]") :].split("\n\n")[0]
    assert pasted.strip() == '[tool.buildstatic.env]\nMAIL = "placeholder"'


def test_many_required_variables_are_shortened(tmp_path: Path, invoke: Invoke) -> None:
    """Each is printed once, and -v lists all."""
    reads = "".join(f'V{n} = os.environ["NAME_{n:02}"]\n' for n in range(40))
    root = write(tmp_path, {**FULL, "site/mysite/settings.py": SETTINGS + reads})
    out = invoke("check", "--no-run", root).out
    assert len(out.splitlines()) < 50
    assert out.count("NAME_01") == 1
    assert "NAME_39" not in out
    assert "# … and 31 more (-v lists all)" in out
    assert re.search(r"^TOKEN +required, has", out, re.M)
    assert invoke("check", "--no-run", "-v", root).out.count("NAME_39") == 2


def test_startproject_needs_changes(tmp_path: Path, invoke: Invoke, document: Any) -> None:
    root = startproject(tmp_path)
    ran = invoke("check", "--no-run", root)
    assert ran.code == 1
    assert "requirements.txt, a new file: " in ran.out
    assert "\n\nDjango\ngunicorn\nwhitenoise\n" in ran.out
    assert ran.out.count('STATIC_ROOT = BASE_DIR / "staticfiles"') == 1  # as the fix of a finding
    assert ran.out.count("CompressedManifestStaticFilesStorage") == 1
    edits = document(root)["edits"]
    assert [set(edit) for edit in edits] == [{"file", "where", "why", "text"}] * 6
    ran = invoke("check", "--no-run", edited(root))
    assert ran.code == 0
    assert "Still needed" not in ran.out
    assert document(root)["edits"] == []


def test_commands_around_collecting_are_shown(tmp_path: Path, invoke: Invoke) -> None:
    change = ('    "shop",\n', '    "shop",\n    "sass_processor",\n')
    root = clean_project(tmp_path, change=change)
    assert re.search(r"before collecting +compilescss +INST", invoke("check", "--no-run", root).out)
    (root / "pyproject.toml").write_text('[tool.buildstatic]\nbefore = ["prepare --all"]\n')
    out = invoke("check", "--no-run", root).out
    assert re.search(r"before collecting +prepare --all +pyproject.toml:2", out)


def test_package_is_needed_beside_its_storage(tmp_path: Path, invoke: Invoke) -> None:
    root = clean_project(tmp_path, {"requirements.txt": "Django\ngunicorn\n"})
    settings = root / "mysite/settings.py"
    lines = [line for line in settings.read_text().splitlines() if "WhiteNoiseM" not in line]
    settings.write_text("\n".join(lines).replace("CompressedManifest", "Compressed"))
    out = invoke("check", "--no-run", root).out
    assert "manifest-storage-off" in out
    assert "requirements.txt, at the end: The image installs these packages.\n\nwhitenoise\n" in out


def test_missing_changes_are_not_passed_over(tmp_path: Path, invoke: Invoke) -> None:
    root = clean_project(tmp_path, {"requirements.txt": "Django\n"})
    assert invoke("check", root).out.startswith("No problems found, but changes are needed")


def test_choice_of_settings_is_a_note(tmp_path: Path, invoke: Invoke) -> None:
    out = invoke("check", "--no-run", copy("split_settings", tmp_path)).out
    assert re.search(r"^note: .*--settings", out, re.M)


def test_manage_and_settings_options(tmp_path: Path, document: Any) -> None:
    manage = MANAGE.format(settings="a.settings")
    write(tmp_path, {"one/manage.py": manage, "two/manage.py": manage, "two/b/other.py": ""})
    options = ("--manage", "two/manage.py", "--settings", "b.other")
    facts = document(tmp_path, *options)["project"]
    assert facts["manage"]["value"] == "two/manage.py"
    assert facts["settings"] == fact("b.other", "--settings")


@pytest.mark.parametrize(
    ("options", "fails"),
    [
        pytest.param([], {"error"}, id="default"),
        pytest.param(["--fail-level=error"], {"error"}, id="error"),
        pytest.param(["--fail-level=warning"], {"error", "warning"}, id="warning"),
        pytest.param(["--fail-level=info"], {"error", "warning", "info"}, id="info"),
    ],
)
def test_exit_code_depends_on_severity(
    tmp_path: Path, options: list[str], fails: set[str], invoke: Invoke
) -> None:
    projects = {
        "error": clean_project(tmp_path / "error", change=NO_STATIC_ROOT),
        "warning": clean_project(tmp_path / "warning", change=DEBUG_ON),
        "info": clean_project(tmp_path / "info", INFO),
        "nothing": clean_project(tmp_path / "nothing"),
    }
    for form in ("text", "json", "github"):
        codes = {
            name: invoke("check", root, "--no-run", f"--format={form}", *options).code
            for name, root in projects.items()
        }
        assert codes == {name: int(name in fails) for name in projects}


def test_findings_come_before_the_facts(tmp_path: Path, invoke: Invoke) -> None:
    root = clean_project(tmp_path, change=NO_STATIC_ROOT)
    assert invoke("check", "--no-run", root).out.startswith(
        "error: mysite/settings.py:19: STATIC_ROOT is not set. [static-root-missing]\n"
        "    collectstatic fails because it has no directory to collect into.\n"
        '    Fix: Add STATIC_ROOT = BASE_DIR / "staticfiles" (fixed by --fix)\n'
        "\nFound: 1 error.\nNot checked: references between static files (--no-run)\n\nfact "
    )


def test_findings_of_one_code_are_grouped(tmp_path: Path, invoke: Invoke) -> None:
    names = [f"{name}.js" for name in "abcdef"]
    files = {f"{app}/static/{name}": app for app in ("shop", "blog") for name in names}
    root = clean_project(tmp_path, files)
    out = invoke("check", "--no-run", root).out
    assert out.count("names-conflict") == out.count("Fix: ") == 1
    assert "    blog/static/b.js: " in out
    assert "    … and 3 more (-v lists all)\n" in out
    assert "Found: 6 warnings.\n" in out
    assert "    blog/static/f.js: " in invoke("check", "--no-run", "-v", root).out


@pytest.mark.parametrize("option", ["--json", "--format=json"])
def test_findings_as_json(tmp_path: Path, option: str, invoke: Invoke) -> None:
    root = clean_project(tmp_path, change=NO_STATIC_ROOT)
    printed = json.loads(invoke("check", root, "--no-run", option).out)
    assert printed["findings"] == [
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
    assert printed["skipped"] == ["references between static files (--no-run)"]


def without_requirements(parent: Path) -> Path:
    root = copy("startproject", parent)
    (root / "requirements.txt").unlink()
    return root


@pytest.mark.parametrize(
    ("arrange", "words"),
    [
        pytest.param(lambda p: clean_project(p, change=NO_STATIC_ROOT), "check --fix ", id="fix"),
        pytest.param(without_requirements, "", id="edits"),
        pytest.param(clean_project, "generate --path ", id="nothing found"),
    ],
)
def test_next_command_is_what_can_be_done(
    tmp_path: Path,
    arrange: Callable[[Path], Path],
    words: str,
    invoke: Invoke,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    ran = invoke("check", "--no-run", root := arrange(tmp_path))
    assert ran.err.endswith(f"Next: buildstatic {words}{root}\n" if words else "")
    assert ("Next:" in ran.err) == bool(words)
    assert "Next:" not in invoke("check", "--no-run", "--json", root).err


def test_fix_option(tmp_path: Path, invoke: Invoke) -> None:
    ran = invoke("check", "--no-run", "--fix", clean_project(tmp_path, change=NO_STATIC_ROOT))
    assert ran.code == 0
    assert ran.err.startswith("fixed: mysite/settings.py:19: ")
    assert ran.out.startswith("No problems found in what was checked.\nNot checked: ")


ANNOTATION = re.compile(
    r"::(?P<level>error|warning|notice) file=(?P<file>[^,:]+)(,line=(?P<line>\d+))?"
    r",title=(?P<title>[a-z-]+)::(?P<message>.+)"
)


def test_github_annotations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, invoke: Invoke
) -> None:
    root = clean_project(tmp_path / "50% off, really: yes", INFO, change=DEBUG_ON)
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    lines = invoke("check", "--no-run", "--format=github", root).out.splitlines()
    matches = [match for line in lines if (match := ANNOTATION.fullmatch(line))]
    assert len(matches) == len(lines)
    directory = "50%25 off%2C really%3A yes"
    assert {(m["level"], m["file"], m["line"], m["title"]) for m in matches} == {
        ("warning", f"{directory}/mysite/settings.py", "5", "debug-on"),
        ("notice", f"{directory}/railway.toml", None, "railway-config-ends"),
    }
    assert all("%0AFix: " in match["message"] for match in matches)


def test_github_annotations_do_not_control_a_terminal(tmp_path: Path, invoke: Invoke) -> None:
    root = clean_project(tmp_path / "a\x1b[2Jb", change=DEBUG_ON)
    printed = invoke("check", "--no-run", "--format=github", root).out
    assert "file=" in printed
    assert "\x1b" not in printed


def test_json_is_all_of_standard_output(tmp_path: Path) -> None:
    root = clean_project(tmp_path, change=("", "print('noise')\nimport not_installed\n"))
    done = subprocess.run(
        [sys.executable, "-m", "buildstatic", "check", "--json"],
        cwd=root,
        env={"PATH": os.defpath, "FORCE_COLOR": "1", "COLUMNS": "20", "LC_ALL": "C"},
        capture_output=True,
    )
    assert done.returncode == 1
    printed = json.loads(done.stdout)
    assert list(printed["project"]) == FACTS
    assert [finding["code"] for finding in printed["findings"]] == ["project-does-not-import"]
    assert done.stderr == b"Output of the project:\n    noise\n"


NOISE = """\
import os, sys
print("from settings")
print("from settings, to standard error", file=sys.stderr)
os.system("echo from a child process")
raise_ = os.environ["NOT_SET"]
"""


@pytest.mark.parametrize(
    ("change", "arguments", "shown"),
    [
        (NOISE, (), False),
        (NOISE, ("--format", "github"), False),
        (NOISE, ("-v",), True),
        (NOISE, ("--json", "-v"), True),
        (f"{NOISE}import not_installed\n", (), True),
        (f"{NOISE}os._exit(3)\n", (), True),
    ],
)
def test_output_of_the_project_is_shown_if_it_matters(
    tmp_path: Path, invoke: Invoke, change: str, arguments: tuple[str, ...], shown: bool
) -> None:
    printed = invoke("check", clean_project(tmp_path, change=("", change)), *arguments)
    lines = ("from settings", "from settings, to standard error", "from a child process")
    assert not any(line in printed.out.splitlines() for line in lines)
    heading = "Output of the project:\n" if shown else ""
    assert printed.err.startswith(heading)
    assert all((printed.err.count(f"    {line}\n") == 1) == shown for line in lines)
    if "--json" in arguments:
        json.loads(printed.out)


@pytest.mark.parametrize(
    "name", ["edited", "site", *sorted(path.name for path in PROJECTS.iterdir())]
)
@pytest.mark.parametrize(
    "targets",
    [
        pytest.param((), id="default"),
        pytest.param(("dockerfile", *(platform.NAME for platform in PLATFORMS)), id="all"),
    ],
)
def test_generating_adds_no_finding(tmp_path: Path, name: str, targets: tuple[str, ...]) -> None:
    root = edited(startproject(tmp_path)) if name == "edited" else copy(name, tmp_path)
    before = findings(root)
    assert run(["generate", "--path", str(root), "--force", *targets]) == 0
    assert [found for found in findings(root) if found not in before] == []
