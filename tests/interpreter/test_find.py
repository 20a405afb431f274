"""Finding the project's Python."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from buildstatic.errors import InterpreterNotFound
from buildstatic.interpreter.find import check_python, find_python, has_django
from tests.collect.sites import Ran, Site, run


def collect_without_django(site: Site, python: Path, path: str, **environ: str) -> Ran:
    """Run the command in an environment without Django, with *path* as PATH."""
    command = (python, "-m", "buildstatic", "collect", "--noinput", "--path", site.root)
    return run(*command, cwd=site.root.parent, environ={"PATH": path, **environ})


def test_own_django_is_found() -> None:
    assert has_django()


@pytest.mark.slow
def test_active_environment_takes_precedence(
    site: Site, ours_alone: Path, old_click: Path, uv_made: Path
) -> None:
    (site.root / ".venv").symlink_to(uv_made.parent.parent)
    active = {"VIRTUAL_ENV": str(old_click.parent.parent)}
    site.append("import sys\nprint(sys.executable)\n")
    ran = collect_without_django(site, ours_alone, "/nowhere", **active)
    assert ran.code == 0
    assert ran.out.splitlines()[0] == str(old_click)


@pytest.mark.slow
@pytest.mark.parametrize("name", [".venv", "venv"])
@pytest.mark.parametrize("inner", [".", "backend"])
def test_environment_in_the_project_is_found(
    tmp_path: Path, uv_made: Path, name: str, inner: str
) -> None:
    (tmp_path / "backend").mkdir()
    (tmp_path / inner / name).symlink_to(uv_made.parent.parent)
    found = find_python(tmp_path, tmp_path / "backend", {"PATH": "/nowhere"})
    assert found == (tmp_path / inner / name).absolute() / "bin" / "python"


@pytest.mark.slow
def test_every_python_on_path_is_tried(tmp_path: Path, ours_alone: Path, uv_made: Path) -> None:
    path = os.pathsep.join(["", "/nowhere", str(ours_alone.parent), str(uv_made.parent)])
    assert find_python(tmp_path, tmp_path, {"PATH": path}) == uv_made


@pytest.mark.slow
def test_failure_lists_what_was_tried(site: Site, ours_alone: Path) -> None:
    ran = collect_without_django(
        site, ours_alone, str(ours_alone.parent), VIRTUAL_ENV=str(ours_alone.parent.parent)
    )
    assert ran.code == 11
    assert f"No Python that can import Django was found for the project in {site.root}." in ran.err
    assert "Tried:\n\n" in ran.err
    why = "ModuleNotFoundError: No module named 'django'"
    assert ran.err.count(f"    {ours_alone}: {why}\n") == 1
    assert f"    {ours_alone}3: {why}\n" in ran.err


def test_no_python_at_all(tmp_path: Path) -> None:
    with pytest.raises(InterpreterNotFound, match="no Python found"):
        find_python(tmp_path, tmp_path, {})


@pytest.mark.slow
def test_chosen_python_without_django_is_refused(tmp_path: Path, ours_alone: Path) -> None:
    with pytest.raises(InterpreterNotFound, match="cannot import Django: ModuleNotFoundError"):
        check_python(ours_alone, tmp_path, {})


def test_chosen_file_that_is_not_python_is_refused(site: Site) -> None:
    command = (sys.executable, "-m", "buildstatic", "collect", "--python", site.settings)
    ran = run(*command, "--path", site.root, cwd=site.root)
    assert ran.code == 11
    assert f"{site.settings} cannot import Django: " in ran.err


def test_directory_named_django_is_not_django(tmp_path: Path, ours_alone: Path) -> None:
    (tmp_path / "django").mkdir()
    with pytest.raises(InterpreterNotFound, match="has no attribute 'VERSION'"):
        check_python(ours_alone, tmp_path, {})


def test_old_python_is_refused(tmp_path: Path) -> None:
    fake = tmp_path / "python"
    fake.write_text("#!/bin/sh\necho '[[4, 2, 0], [3, 8]]'\n")
    fake.chmod(0o755)
    with pytest.raises(InterpreterNotFound, match=r"is 3\.8; buildstatic needs 3\.11"):
        check_python(fake, tmp_path, {})


@pytest.mark.slow
def test_project_of_an_old_python_is_checked_and_has_a_dockerfile(
    site: Site, ours_alone: Path
) -> None:
    """Only collecting needs a newer one, and says so."""
    python = "#!/bin/sh\necho '[[4, 2, 0], [3, 10]]'\n"
    site.write({".venv/bin/python": python, "mysite/wsgi.py": "application = None\n"})
    (site.root / ".venv/bin/python").chmod(0o755)
    commands = ("check", "generate dockerfile --stdout --path .", "collect --noinput")
    checked, generated, collected = (
        run(ours_alone, "-m", "buildstatic", *each.split(), cwd=site.root, environ={"PATH": ""})
        for each in commands
    )
    needed = "the project's Python, is 3.10; buildstatic needs 3.11 or newer"
    assert "\nfact " in checked.out
    assert needed in checked.out
    assert "\nFROM python:3." in generated.out
    assert (collected.code, needed in collected.err) == (11, True)


def test_old_django_is_refused_with_the_line_that_uses_its_own_command(tmp_path: Path) -> None:
    (tmp_path / "django").mkdir()
    (tmp_path / "django/__init__.py").write_text("VERSION = (4, 0, 3, 'final', 0)\n")
    with pytest.raises(InterpreterNotFound, match=r"Django 4\.0; buildstatic") as caught:
        check_python(Path(sys.executable), tmp_path, {})
    assert 'collector = "django"' in caught.value.advice
