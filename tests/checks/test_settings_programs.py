"""Checks of settings that run git or read a file that the image does not have."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildstatic.checks import Severity
from tests.checks.projects import clean_project, codes, only, repository

GIT = 'subprocess.check_output(["git", "rev-parse", "HEAD"])'
VERSION = {"VERSION": "1.0\n", ".dockerignore": "staticfiles\n*\n!mysite\n!shop\n!blog\n!assets\n"}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"import subprocess\nV = {GIT}\n", id="check_output"),
        pytest.param("import subprocess\nV = subprocess.run(('git', 'log'))\n", id="run"),
        pytest.param("from subprocess import run\nV = run('git log'.split())\n", id="split"),
        pytest.param("import git\nV = git.Repo('.').head\n", id="gitpython"),
        pytest.param("from setuptools_scm import get_version\nV = get_version()\n", id="scm"),
        pytest.param(
            "import subprocess\nC = ['git', 'x']; V = subprocess.check_call(C)\n", id="variable"
        ),
        pytest.param(
            "import subprocess as s\nV = s.check_output('git x', shell=True)\n", id="shell"
        ),
    ],
)
def test_settings_run_git(tmp_path: Path, text: str) -> None:
    finding = only(clean_project(tmp_path, change=("", text)), "settings-run-git")
    assert (finding.location, finding.severity) == ("mysite/settings.py:28", Severity.ERROR)


def test_function_that_the_settings_call_runs_git(tmp_path: Path) -> None:
    text = f"import subprocess\ndef version():\n    return {GIT}\nV = version()\n"
    assert only(clean_project(tmp_path, change=("", text)), "settings-run-git").line == 29


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("from mysite.release import get\nV = get()\n", id="function"),
        pytest.param("from .release import get as g\nV = g()\n", id="relative"),
        pytest.param("from . import release\nV = release.get()\n", id="module"),
    ],
)
def test_function_of_another_module_runs_git(tmp_path: Path, text: str) -> None:
    release = f"import subprocess\ndef get():\n    return {GIT}\n"
    root = clean_project(tmp_path, {"mysite/release.py": release}, ("", text))
    assert only(root, "settings-run-git").location == "mysite/release.py:3"
    settings = root / "mysite/settings.py"
    settings.write_text(settings.read_text().replace("V = ", "def v(): "))
    assert codes(root) == []


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"try:\n    V = {GIT}\nexcept Exception:\n    V = ''\n", id="caught"),
        pytest.param(f"with suppress(OSError):\n    V = {GIT}\n", id="suppressed"),
        pytest.param(f"if (BASE_DIR / '.git').exists():\n    V = {GIT}\n", id="repository"),
        pytest.param(f"if DEBUG:\n    V = {GIT}\n", id="development"),
        pytest.param(f"def version():\n    return {GIT}\n", id="not-called"),
        pytest.param("V = subprocess.run('git log', shell=True)\n", id="unchecked-shell"),
        pytest.param("V = subprocess.check_output(['uname'])\n", id="another-program"),
    ],
)
def test_settings_that_work_without_git(tmp_path: Path, text: str) -> None:
    root = clean_project(tmp_path, change=("", f"import subprocess\n{text}"))
    assert codes(root) == []


def test_own_dockerfile_may_install_git(tmp_path: Path) -> None:
    dockerfile = "FROM python\nRUN apt-get update && apt-get install -y \\\n    curl git\n"
    files = {"Dockerfile": dockerfile, ".dockerignore": "staticfiles\n"}
    assert codes(clean_project(tmp_path, files, ("", f"import subprocess\n{GIT}\n"))) == []


METADATA = "from importlib.metadata import version\nV = version('My_Site')\n"
PYPROJECT = "[project]\nname = 'my-site'\ndependencies = ['Django']\n"


@pytest.mark.parametrize(
    ("files", "found"),
    [
        pytest.param({"pyproject.toml": PYPROJECT}, True, id="dependencies"),
        pytest.param({"pyproject.toml": PYPROJECT.replace("my-", "")}, False, id="another-name"),
        pytest.param({"pyproject.toml": PYPROJECT, "Dockerfile": "FROM x\n"}, False, id="own"),
        pytest.param(
            {"pyproject.toml": "[project]\nname = 'my-site'\n", "requirements.txt": "-e .\nDjango"},
            False,
            id="installed",
        ),
    ],
)
def test_settings_read_the_metadata_of_the_project(
    tmp_path: Path, files: dict[str, str], found: bool
) -> None:
    root = clean_project(tmp_path, {"requirements.txt": "", **files}, ("", METADATA))
    assert ("settings-read-own-metadata" in codes(root)) == found


@pytest.mark.parametrize(
    "text",
    [
        'V = (BASE_DIR / "VERSION").read_text()\n',
        'V = open(os.path.join(BASE_DIR, "VERSION")).read()\n',
        'with open(BASE_DIR / "VERSION", encoding="utf-8") as f: V = f.read()\n',
    ],
    ids=["path", "open", "with"],
)
def test_settings_read_an_excluded_file(tmp_path: Path, text: str) -> None:
    root = clean_project(tmp_path, VERSION, change=("", text))
    finding = only(root, "settings-read-excluded-file")
    assert finding.location == "mysite/settings.py:27"
    assert "Add !VERSION to .dockerignore" in finding.fix
    (root / ".dockerignore").write_text("staticfiles\n")
    assert codes(root) == []


@pytest.mark.parametrize(
    ("file", "ignored", "problem"),
    [
        pytest.param(".git/HEAD", "", ".git/HEAD, which builds leave out", id="no-dockerignore"),
        pytest.param("VERSION", "", "VERSION, which the project does not have.", id="missing"),
        pytest.param("SHA", "SHA\n", "SHA, which git ignores.", id="ignored-by-git"),
    ],
)
def test_settings_read_a_file_that_no_image_has(
    tmp_path: Path, file: str, ignored: str, problem: str
) -> None:
    change = ("", f'V = (BASE_DIR / "{file}").read_text()\n')
    files = {".gitignore": f"/staticfiles/\n{ignored}", "SHA": "1"}
    root = repository(clean_project(tmp_path, files, change))
    finding = only(root, "settings-read-excluded-file")
    assert problem in finding.what
    settings = root / "mysite" / "settings.py"
    text = settings.read_text().replace("V = ", "try:\n    V = ")
    settings.write_text(f"{text}except OSError:\n    V = ''\n")
    assert codes(root) == []


@pytest.mark.parametrize(
    "path",
    [
        'DATA_DIR / "VERSION"',
        'os.environ["KEY_FILE"]',
        '"/run/secrets/key"',
        'BASE_DIR / ("VERSION" + ".txt")',
    ],
)
def test_file_in_an_unknown_place_is_not_missing(tmp_path: Path, path: str) -> None:
    change = ("", f"import os\nDATA_DIR = find()\nV = open({path}).read()\n")
    assert "settings-read-excluded-file" not in codes(clean_project(tmp_path, change=change))


@pytest.mark.parametrize(
    ("line", "found"),
    [("ARG SHA", ["settings-require-build-argument"]), ("ARG SHA=none", []), ("ARG OTHER", [])],
)
def test_settings_require_a_build_argument(tmp_path: Path, line: str, found: list[str]) -> None:
    files = {"Dockerfile": f"FROM python\n{line}\n", ".dockerignore": "staticfiles\n"}
    change = ("", 'import os\nV = os.environ["SHA"]\n')
    assert codes(clean_project(tmp_path, files, change)) == found
