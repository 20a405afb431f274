"""The .gitignore, judged by git itself."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from buildstatic.errors import ConfigInvalid
from buildstatic.platforms import gitignore
from buildstatic.project import Fact, Project
from buildstatic.templates import GeneratedFile
from tests.platforms.projects import AWKWARD, DEFAULTS, in_directory, project

GENERATED_FILES = (
    "app/__pycache__/a.pyc",
    "a.pyo",
    ".venv/bin/python",
    "venv/x",
    "staticfiles/a.css",
)


def ignored(root: Path, file: GeneratedFile, *paths: str) -> set[str]:
    """Return those of *paths* that git ignores once *file* is there."""
    (root / file.path).write_bytes(file.text.encode())
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    done = subprocess.run(
        ["git", "check-ignore", "-z", "--no-index", "--stdin"],
        cwd=root,
        input="\0".join(paths).encode(),
        capture_output=True,
        check=False,
    )
    return set(done.stdout.decode().split("\0")) - {""}


def generate(found: Project) -> GeneratedFile:
    (file,) = gitignore.files(found, DEFAULTS)
    return file


def test_generated_files_are_ignored(tmp_path: Path) -> None:
    kept = ("manage.py", "mysite/settings.py", "static/a.css", "app/staticfiles/a", "app/media/a")
    file = generate(project(tmp_path))
    assert ignored(tmp_path, file, *GENERATED_FILES, "media/a.jpg", *kept) == {
        *GENERATED_FILES,
        "media/a.jpg",
    }
    assert not file.appends


@pytest.mark.parametrize("line", ["!", "ends\\", "["])
def test_invalid_patterns_are_kept(tmp_path: Path, line: str) -> None:
    present = f"*.log\n{line}\n"
    (tmp_path / ".gitignore").write_text(present)
    file = generate(project(tmp_path))
    assert file.text.startswith(present)
    assert ignored(tmp_path, file, *GENERATED_FILES, "a.log") == {*GENERATED_FILES, "a.log"}


@pytest.mark.parametrize("directory", [*AWKWARD, "line\nbreak"])
def test_pattern_matches_only_static_root(tmp_path: Path, directory: str) -> None:
    found = project(tmp_path, static_root=Fact(f"out/{directory}", ""))
    inside = f"out/{directory}/a.css"
    assert ignored(tmp_path, generate(found), inside, "out/other/a.css") == {inside}


@pytest.mark.parametrize("static_root", ["/srv/static", "../static", ".", None])
def test_static_root_outside_the_project_is_left_out(
    tmp_path: Path, static_root: str | None
) -> None:
    found = project(tmp_path, static_root=Fact(static_root, "") if static_root else None)
    assert "static" not in generate(found).text


def test_media_root_is_ignored(tmp_path: Path) -> None:
    file = generate(project(tmp_path, media_root=Fact("var/uploads", "")))
    assert ignored(tmp_path, file, "var/uploads/a", "media/a") == {"var/uploads/a"}


def test_app_named_media_is_not_ignored(tmp_path: Path) -> None:
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / "__init__.py").touch()
    assert "media" not in generate(project(tmp_path)).text


def test_needed_files_in_media_are_not_ignored(tmp_path: Path) -> None:
    file = generate(project(tmp_path, needed=("media/static",)))
    assert ignored(tmp_path, file, *GENERATED_FILES, "media/static/a") == set(GENERATED_FILES)


def test_media_is_next_to_manage_py(tmp_path: Path) -> None:
    file = generate(in_directory(tmp_path, "back"))
    assert ignored(tmp_path, file, "back/media/a", "media/a") == {"back/media/a"}


@pytest.mark.parametrize(
    ("present", "added"),
    [
        pytest.param("", "__pycache__/\n*.py[cod]\n.venv/\nvenv/\n/staticfiles/\n/media/\n", id=""),
        pytest.param(
            "# Mine\n*.pyc\n__pycache__\n", ".venv/\nvenv/\n/staticfiles/\n/media/\n", id="some"
        ),
        pytest.param("*\n", "", id="all"),
        pytest.param(
            ".venv\nvenv\nmedia/\n__pycache__/\n*.py[cod]\nstatic*/\n", "", id="otherwise"
        ),
        pytest.param(
            "__pycache__/\n*.py[cod]\n.venv/\nvenv/\n/media/\n/staticfiles/\n!/staticfiles/\n",
            "/staticfiles/\n",
            id="taken back",
        ),
        pytest.param("*venv/\n*.py*\n__*\nmedia", "\n/staticfiles/\n", id="no newline at the end"),
        pytest.param("*venv/\r\n*.py*\r\n__*\r\nmedia\r\n", "/staticfiles/\r\n", id="CRLF"),
    ],
)
def test_only_missing_patterns_are_appended(tmp_path: Path, present: str, added: str) -> None:
    (tmp_path / ".gitignore").write_bytes(present.encode())
    file = generate(project(tmp_path))
    assert file.text == present + added
    assert file.appends
    if "\r" not in present:
        assert ignored(tmp_path, file, *GENERATED_FILES[2:]) == set(GENERATED_FILES[2:])
    (tmp_path / ".gitignore").write_bytes(file.text.encode())
    assert generate(project(tmp_path)).text == file.text


def test_unreadable_gitignore_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / ".gitignore"
    path.mkdir()
    with pytest.raises(ConfigInvalid, match=r"Cannot read \.gitignore: Is a directory"):
        generate(project(tmp_path))
    path.rmdir()
    path.write_bytes(b"a\n\xff\n")
    with pytest.raises(ConfigInvalid, match=r"\.gitignore:2: not valid UTF-8"):
        generate(project(tmp_path))
