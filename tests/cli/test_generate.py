"""``buildstatic generate``, from its arguments to the files and what it prints."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from buildstatic.cli import run
from buildstatic.errors import ConfigInvalid, FilesExist
from tests.samples import copy

FILES = ["Dockerfile", ".dockerignore", "Procfile", "railway.json", ".railway/railway.py"]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return copy("startproject", tmp_path)


def generate(root: Path, *arguments: str) -> int:
    return run(["generate", "--path", str(root), *arguments])


def files(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


def stamps(root: Path) -> dict[Path, tuple[int, int, int]]:
    """Return what writing a file anew, or changing it, would change."""
    stats = {path: path.stat() for path in root.rglob("*")}
    return {path: (stat.st_ino, stat.st_mtime_ns, stat.st_mode) for path, stat in stats.items()}


def test_without_names_the_usual_files_are_written_and_listed(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files(site)
    assert generate(site) == 0
    after = files(site)
    assert {path: after[path] for path in before} == before
    assert set(after) - set(before) == set(FILES)
    assert capsys.readouterr().out.splitlines() == [f"written    {path}" for path in FILES]


def test_generating_twice_changes_nothing(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    everything = ("dockerfile", "dockerignore", "procfile", "railway", "deploy.sh", "gitignore")
    generate(site, *everything)
    before = stamps(site)
    capsys.readouterr()
    assert generate(site, *everything) == 0
    assert stamps(site) == before
    assert {line.split()[0] for line in capsys.readouterr().out.splitlines()} == {"unchanged"}


def test_what_is_written_is_utf_8_with_lf_and_ends_in_one(site: Path) -> None:
    generate(site, "deploy.sh", "gitignore", "dockerfile", "dockerignore", "procfile", "railway")
    for name in [*FILES, "deploy.sh", ".gitignore"]:
        text = (site / name).read_bytes().decode()
        assert "\r" not in text
        assert text.endswith("\n")
        assert not text.endswith("\n\n")
        assert "  \n" not in text


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param(["procfile"], ["Procfile"], id="one"),
        pytest.param(["PROCFILE", "procfile"], ["Procfile"], id="twice, in any case"),
        pytest.param(["railway"], ["railway.json", ".railway/railway.py"], id="railway"),
        pytest.param(["gitignore", "dockerignore"], [".dockerignore", ".gitignore"], id="order"),
        pytest.param(["deploy.sh"], ["deploy.sh"], id="deploy.sh"),
    ],
)
def test_only_what_is_named_is_written(
    site: Path, capsys: pytest.CaptureFixture[str], names: list[str], expected: list[str]
) -> None:
    before = set(files(site))
    assert generate(site, *names) == 0
    assert set(files(site)) - before == set(expected)
    assert capsys.readouterr().out.splitlines() == [f"written    {path}" for path in expected]


def test_deploy_sh_can_be_run(site: Path) -> None:
    generate(site, "deploy.sh")
    assert os.access(site / "deploy.sh", os.X_OK)


def test_a_gitignore_is_added_to_without_force(site: Path) -> None:
    (site / ".gitignore").write_text("mine\n")
    assert generate(site, "gitignore") == 0
    assert (site / ".gitignore").read_text().startswith("mine\n__pycache__/\n")


def test_a_hand_edit_stops_everything_until_forced(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (site / "Procfile").write_text("web: mine\n")
    before = files(site)
    assert generate(site) == FilesExist.exit_code
    assert files(site) == before
    error = capsys.readouterr().err
    assert "These files exist and differ: Procfile." in error
    assert "--diff" in error
    assert "--force" in error
    assert generate(site, "--force") == 0
    assert "web: gunicorn" in (site / "Procfile").read_text()


def test_a_symbolic_link_stops_everything_even_if_forced(site: Path) -> None:
    (site / "Procfile").symlink_to("elsewhere")
    before = files(site)
    assert generate(site, "--force") == FilesExist.exit_code
    assert files(site) == before


def test_check_fails_on_drift_and_names_it(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    generate(site)
    capsys.readouterr()
    assert generate(site, "--check") == 0
    assert capsys.readouterr().out == ""
    (site / "Procfile").write_text("web: mine\n")
    (site / ".dockerignore").unlink()
    before = files(site)
    assert generate(site, "--check") == 1
    assert capsys.readouterr().out.splitlines() == [".dockerignore: new", "Procfile: different"]
    assert files(site) == before


def test_diff_can_be_applied_and_writes_nothing_itself(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (site / "Procfile").write_text("web: mine\n")
    before = files(site)
    assert generate(site, "--diff") == 0
    patch = capsys.readouterr().out
    assert files(site) == before
    subprocess.run(["git", "init", "--quiet"], cwd=site, check=True)
    subprocess.run(["git", "apply", "-"], input=patch.encode(), cwd=site, check=True)
    assert generate(site, "--check") == 0


def test_diff_and_check_together_print_and_fail(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert generate(site, "--diff", "--check") == 1
    assert capsys.readouterr().out.startswith("--- /dev/null\n+++ b/Dockerfile\n")


def test_one_file_on_stdout_is_that_file_and_nothing_else(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files(site)
    assert generate(site, "procfile", "--stdout") == 0
    printed = capsys.readouterr().out
    assert files(site) == before
    generate(site, "procfile")
    assert (site / "Procfile").read_text() == printed


def test_several_files_on_stdout_stand_each_under_its_name(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generate(site, "--stdout")
    captured = capsys.readouterr()
    names = [line for line in captured.out.splitlines() if line.startswith("# file: ")]
    assert names == [f"# file: {path}" for path in FILES]
    assert "note:" not in captured.out
    assert "2026-12-01" in captured.err


def test_stdout_takes_what_an_emoji_or_a_bracket_would_be_elsewhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = copy("startproject", tmp_path)
    (site / ":smile: [bold]").mkdir()
    for name in ("manage.py", "mysite"):
        (site / name).rename(site / ":smile: [bold]" / name)
    generate(site, "procfile", "--stdout")
    assert "python ':smile: [bold]/manage.py' migrate" in capsys.readouterr().out


def test_without_cache_mounts_railway_builds_with_the_dockerfile(site: Path) -> None:
    generate(site, "--no-cache-mounts")
    assert "type=cache" not in (site / "Dockerfile").read_text()
    written = (site / "railway.json").read_text()
    assert json.loads(written)["build"] == {"builder": "DOCKERFILE"}
    assert json.loads(written)["deploy"] == {
        "preDeployCommand": ["python manage.py migrate --noinput"]
    }
    assert generate(site, "railway", "--check") == 0


def test_with_cache_mounts_railway_chains_and_the_reason_is_said(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generate(site)
    assert "--no-cache-mounts" in capsys.readouterr().err
    written = json.loads((site / "railway.json").read_text())
    assert written["build"] == {"builder": "RAILPACK"}
    assert written["deploy"]["startCommand"].startswith("python manage.py collectstatic --noinput")


def test_the_server_is_the_same_in_all_files(site: Path) -> None:
    generate(site, "--server", "uvicorn-worker", "--port", "9000", "--python", "3.12")
    worker = "uvicorn_worker.UvicornWorker"
    for name in ("Dockerfile", "Procfile", "railway.json", ".railway/railway.py"):
        text = (site / name).read_text()
        assert worker in text
        assert "mysite.asgi:application" in text
    dockerfile = (site / "Dockerfile").read_text()
    assert "PORT=9000" in dockerfile
    assert "python:3.12-slim" in dockerfile


def test_collecting_a_local_tree_in_release_is_warned_of_wherever_it_is_printed(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for how in ("--stdout", "--force"):
        assert generate(site, "procfile", "--collect-in", "release", how) == 0
        said = capsys.readouterr().err
        assert said.startswith("warning: Heroku discards files that the release phase writes")
    generate(site, "procfile", "--force")
    assert "warning:" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("requirements", "server", "name"),
    [
        pytest.param("Django\nwhitenoise\n", "gunicorn", "gunicorn", id="none"),
        pytest.param("Django\nwaitress\n", "gunicorn", "gunicorn", id="another"),
        pytest.param("Django\ngunicorn\n", "uvicorn-worker", "uvicorn-worker", id="no worker"),
        pytest.param("Django\ngunicorn\n", "gunicorn", None, id="gunicorn"),
        pytest.param("Django\nuvicorn-worker\n", "uvicorn-worker", None, id="worker"),
    ],
)
def test_a_server_that_will_not_be_installed_is_warned_of(
    site: Path,
    capsys: pytest.CaptureFixture[str],
    requirements: str,
    server: str,
    name: str | None,
) -> None:
    (site / "requirements.txt").write_text(requirements)
    for how in ("--stdout", "--force"):
        assert generate(site, "dockerfile", "--server", server, how) == 0
        said = capsys.readouterr().err
        warned = f"warning: The server needs {name}, which is not among the dependencies in requir"
        assert (warned in said) is (name is not None)
        assert ("warning:" in said) is (name is not None)


def test_a_database_beside_the_code_is_told_how_to_move_and_what_to_import(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "back").mkdir()
    subprocess.run(
        [sys.executable, "-m", "django", "startproject", "mysite", "back"], cwd=tmp_path, check=True
    )
    settings = tmp_path / "back/mysite/settings.py"
    move = 'put os.environ.get("DATABASE_PATH", …) around the value of NAME'
    generate(tmp_path, "dockerfile", "--force")
    assert f"{move} (and import os, which is not there)" in capsys.readouterr().err
    settings.write_text(f"import os\n{settings.read_text()}")
    generate(tmp_path, "dockerfile", "--force")
    assert f"{move}, and run" in capsys.readouterr().err


def test_what_the_settings_name_in_media_is_not_ignored(tmp_path: Path) -> None:
    site = copy("subfolder", tmp_path)
    generate(site, "dockerignore", "gitignore")
    assert "\nsrc/media\n" in (site / ".dockerignore").read_text()
    assert "\n/src/media/\n" in (site / ".gitignore").read_text()
    settings = site / "src/mysite/settings.py"
    settings.write_text(f"{settings.read_text()}STATICFILES_DIRS = [BASE_DIR / 'media/static']\n")
    (site / ".gitignore").unlink()
    generate(site, "dockerignore", "gitignore", "--force")
    assert "media" not in (site / ".dockerignore").read_text()
    assert "media" not in (site / ".gitignore").read_text()


def test_a_project_with_asgi_alone_is_served(tmp_path: Path) -> None:
    site = copy("asgi_only", tmp_path)
    assert generate(site, "procfile") == 0
    assert "uvicorn_worker.UvicornWorker" in (site / "Procfile").read_text()


def test_without_an_application_only_what_serves_fails(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("wsgi.py", "asgi.py"):
        (site / "mysite" / name).unlink()
    settings = site / "mysite" / "settings.py"
    kept = (line for line in settings.read_text().splitlines() if "WSGI_APPLICATION" not in line)
    settings.write_text("\n".join(kept))
    assert generate(site, "dockerignore", "gitignore") == 0
    assert generate(site, "procfile") == ConfigInvalid.exit_code
    assert "Create mysite/wsgi.py:" in capsys.readouterr().err
    assert not (site / "Procfile").exists()


def test_a_subfolder_is_in_every_command(tmp_path: Path) -> None:
    site = copy("subfolder", tmp_path)
    with (site / "src" / "mysite" / "settings.py").open("a") as settings:
        settings.write('DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3"}}\n')
    generate(site)
    assert "release: python src/manage.py migrate" in (site / "Procfile").read_text()
    assert "gunicorn --chdir src " in (site / "Procfile").read_text()
    assert "python src/manage.py collectstatic" in (site / "railway.json").read_text()
    assert '"--chdir", "src"' in (site / "Dockerfile").read_text()


def test_settings_for_production_are_named_to_the_platforms(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = copy("split_settings", tmp_path)
    generate(site)
    assert "heroku config:set DJANGO_SETTINGS_MODULE=" in capsys.readouterr().err
    assert '"DJANGO_SETTINGS_MODULE": "' in (site / ".railway" / "railway.py").read_text()


def test_a_bare_startproject_is_told_what_it_lacks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from buildstatic.project.detect import detect
    from buildstatic.project.edits import edits

    subprocess.run(
        [sys.executable, "-m", "django", "startproject", "mysite", "."], cwd=tmp_path, check=True
    )
    assert generate(tmp_path) == 0
    missing = edits(detect(tmp_path))
    assert missing
    said = capsys.readouterr().err
    for edit in missing:
        assert edit.file in said
        assert edit.text in said


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["--python", "3.10"], id="an old Python"),
        pytest.param(["--python", "3.13-slim AS x"], id="no version"),
        pytest.param(["--port", "0"], id="no port"),
        pytest.param(["--server", "waitress"], id="another server"),
        pytest.param(["podman"], id="an unknown file"),
        pytest.param(["procfile", "--worker", "no command"], id="no worker"),
        pytest.param(["procfile", "--worker", "a b=true"], id="no name of a worker"),
        pytest.param(["railway", "--cron", "a=0 4 * * true"], id="no schedule"),
        pytest.param(["procfile", "--from", "railway.json"], id="carried over into nothing"),
        pytest.param(["railway", "--from", "a=x", "--from", "a=y"], id="a service twice"),
        pytest.param(["--stdout", "--check"], id="two ways to look"),
        pytest.param(["--stdout", "--diff"], id="two ways to print"),
    ],
)
def test_wrong_use_is_refused_before_anything_is_written(site: Path, arguments: list[str]) -> None:
    before = files(site)
    assert generate(site, *arguments) == 2
    assert files(site) == before


def test_help_has_examples_and_imports_nothing_heavy() -> None:
    code = (
        "import sys; from buildstatic.cli import run; run(['generate', '--help']);"
        "print(*{'jinja2', 'rich', 'docker', 'packaging', 'pathspec'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Examples:" in done.stdout
    assert done.stdout.splitlines()[-1] == ""


def test_what_is_asked_for_is_in_every_file_that_has_a_place_for_it(site: Path) -> None:
    worker, cron = "mail=python manage.py send 'a=b'", "tidy=0 4 * * 1-5 python manage.py tidy"
    targets = ("dockerfile", "procfile", "railway", "compose", "fly")
    assert generate(site, *targets, "--worker", worker, "--cron", cron, "--force") == 0
    assert "mail: python manage.py send 'a=b'\n" in (site / "Procfile").read_text()
    assert '  mail:\n    <<: *app\n    command: ["python",' in (site / "compose.yaml").read_text()
    railway = (site / ".railway" / "railway.py").read_text()
    assert 'start="python manage.py tidy"' in railway
    assert '"cronSchedule": "0 4 * * 1-5"' in railway


@pytest.mark.parametrize("targets", [["railway"], []], ids=["named", "among the usual ones"])
def test_a_railway_json_is_carried_over_and_stays(site: Path, targets: list[str]) -> None:
    old = '{"deploy": {"startCommand": "mine"}}'
    (site / "railway.json").write_text(old)
    assert generate(site, *targets, "--from", "railway.json") == 0
    assert (site / "railway.json").read_text() == old
    assert '"startCommand": "mine"' in (site / ".railway" / "railway.py").read_text()


def test_a_railway_json_that_cannot_be_read_is_named_with_its_line(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (site / "railway.json").write_text("{\n  build\n}")
    before = files(site)
    assert generate(site, "railway", "--from", "railway.json") == ConfigInvalid.exit_code
    assert "railway.json:2: invalid JSON" in capsys.readouterr().err
    assert files(site) == before
