"""Autofixes: safe edits are made once, and files written in other ways are left alone."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from buildstatic.checks.fixes import apply_fixes
from buildstatic.cli import run
from tests.checks.projects import clean_project, codes, findings, repository
from tests.checks.test_settings import COMMON, MIDDLEWARE, SECURITY, WHITENOISE
from tests.collect.sites import contents
from tests.collect.sites import run as ran
from tests.startproject import startproject

ROOT = 'STATIC_ROOT = BASE_DIR / "staticfiles"\n'


def fix(root: Path) -> list[str]:
    """Apply the autofixes and return the codes of the fixed findings."""
    return [finding.code for finding in apply_fixes(root, findings(root))]


def settings(root: Path) -> str:
    return (root / "mysite/settings.py").read_bytes().decode()


COLLECTED = {"staticfiles/site.js": ""}
SAFE = [
    pytest.param((ROOT, ""), {}, "static-root-missing", id="static-root"),
    pytest.param(
        (MIDDLEWARE, SECURITY + COMMON + WHITENOISE), {}, "whitenoise-misplaced", id="last"
    ),
    pytest.param(
        (MIDDLEWARE, WHITENOISE + SECURITY + COMMON), {}, "whitenoise-misplaced", id="first"
    ),
    pytest.param((MIDDLEWARE, COMMON + WHITENOISE), {}, "whitenoise-misplaced", id="no-security"),
    pytest.param((WHITENOISE, ""), {}, "whitenoise-missing", id="whitenoise"),
    pytest.param(
        ("", ""),
        {"Dockerfile": "FROM scratch\n", **COLLECTED},
        "dockerignore-lacks-static-root",
        id="docker",
    ),
    pytest.param(
        ("", ""),
        {".dockerignore": "*.pyc", **COLLECTED},
        "dockerignore-lacks-static-root",
        id="no-line-end",
    ),
]


@pytest.mark.parametrize(("change", "files", "code"), SAFE)
def test_autofixes_are_idempotent(
    tmp_path: Path, change: tuple[str, str], files: dict[str, str], code: str
) -> None:
    root = clean_project(tmp_path, files, change)
    assert codes(root) == [code]
    assert fix(root) == [code]
    assert codes(root) == []
    after = contents(root)
    assert fix(root) == []
    assert contents(root) == after


def test_middleware_is_moved_to_its_position(tmp_path: Path) -> None:
    expected = settings(clean_project(tmp_path / "clean"))
    for name, order in {"last": SECURITY + COMMON + WHITENOISE, "none": SECURITY + COMMON}.items():
        root = clean_project(tmp_path / name, change=(MIDDLEWARE, order))
        fix(root)
        assert settings(root) == expected


def test_line_is_inserted_below_static_url(tmp_path: Path) -> None:
    root = clean_project(tmp_path, change=(ROOT, ""))
    text = settings(root).replace("\n", "\r\n")
    (root / "mysite/settings.py").write_bytes(text.encode())
    fix(root)
    url = 'STATIC_URL = "static/"\r\n'
    assert settings(root) == text.replace(url, url + ROOT.replace("\n", "\r\n"))


@pytest.mark.parametrize("character", ["\f", "\x0b", "\x1c", "\u2028", "\x85"], ids=ascii)
def test_lines_are_split_as_python_does(tmp_path: Path, character: str) -> None:
    root = clean_project(tmp_path, change=(ROOT, ""))
    text = f"# {character * 9}\n{settings(root)}"
    (root / "mysite/settings.py").write_bytes(text.encode())
    fix(root)
    url = 'STATIC_URL = "static/"\n'
    assert settings(root) == text.replace(url, url + ROOT)


def test_gitignore_pattern_is_appended(tmp_path: Path) -> None:
    root = repository(clean_project(tmp_path, {".gitignore": "*.pyc\n# mine"}))
    assert fix(root) == ["gitignore-lacks-static-root"]
    assert (root / ".gitignore").read_text() == "*.pyc\n# mine\n/staticfiles/\n"
    assert codes(root) == []


LEFT = [
    pytest.param(
        (MIDDLEWARE, f"    *[],\n{SECURITY}{COMMON}{WHITENOISE}"), "whitenoise-misplaced", id="star"
    ),
    pytest.param(
        (f"[\n{MIDDLEWARE}]", '["django.x", "whitenoise.middleware.WhiteNoiseMiddleware"]'),
        "whitenoise-misplaced",
        id="one-line",
    ),
    pytest.param(
        (MIDDLEWARE, f"{SECURITY}{COMMON}    # It serves the files.\n{WHITENOISE}"),
        "whitenoise-misplaced",
        id="a-comment-of-its-own",
    ),
    pytest.param(
        (MIDDLEWARE, f'{SECURITY}{COMMON}    "whitenoise.middleware.WhiteNoiseMiddleware"\n'),
        "whitenoise-misplaced",
        id="no-comma",
    ),
    pytest.param(
        (f"[\n{MIDDLEWARE}]", f"[\n{SECURITY}{COMMON}]\nMIDDLEWARE += [\n{WHITENOISE}]"),
        "whitenoise-misplaced",
        id="in-two-parts",
    ),
    pytest.param(
        (f'STATIC_URL = "static/"\n{ROOT}', 'if True:\n    STATIC_URL = "static/"\n'),
        "static-root-missing",
        id="in-a-branch",
    ),
]


@pytest.mark.parametrize(("change", "code"), LEFT)
def test_unusual_settings_are_left_alone(
    tmp_path: Path, change: tuple[str, str], code: str
) -> None:
    root = clean_project(tmp_path, change=change)
    before = contents(root)
    (finding,) = findings(root)
    assert (finding.code, finding.autofix) == (code, None)
    assert fix(root) == []
    assert contents(root) == before


def test_links_and_binary_files_are_left_alone(tmp_path: Path) -> None:
    root = clean_project(tmp_path / "site", {".dockerignore": "*.pyc\n", **COLLECTED})
    elsewhere = tmp_path / "elsewhere"
    (root / ".dockerignore").rename(elsewhere)
    (root / ".dockerignore").symlink_to(elsewhere)
    assert fix(root) == []
    assert elsewhere.read_text() == "*.pyc\n"
    repository(root)
    (root / ".gitignore").write_bytes(b"*.pyc\n\xff\xfe\n")
    assert fix(root) == []
    assert (root / ".gitignore").read_bytes() == b"*.pyc\n\xff\xfe\n"


def test_file_mode_is_kept(tmp_path: Path) -> None:
    root = clean_project(tmp_path, change=(ROOT, ""))
    (root / "mysite/settings.py").chmod(0o640)
    fix(root)
    assert (root / "mysite/settings.py").stat().st_mode & 0o777 == 0o640


def test_several_fixes_of_one_file(tmp_path: Path) -> None:
    root = clean_project(tmp_path, change=(WHITENOISE, ""))
    path = root / "mysite/settings.py"
    path.write_text(path.read_text().replace(ROOT, ""))
    repository(root)
    assert set(fix(root)) == {"static-root-missing", "whitenoise-missing"}
    assert fix(root) == ["gitignore-lacks-static-root"]
    assert codes(root) == []


@pytest.mark.slow
def test_fixed_startproject_collects(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = startproject(tmp_path)
    assert run(["check", str(root), "--fix"]) == 0
    output = capsys.readouterr()
    assert (
        "fixed: mysite/settings.py:117: STATIC_ROOT is not set. (static-root-missing)" in output.err
    )
    assert "static-root-missing" not in output.out
    collected = ran(sys.executable, "manage.py", "collectstatic", "--noinput", cwd=root)
    assert collected.code == 0, collected.err
