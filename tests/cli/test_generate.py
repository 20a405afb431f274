"""``buildstatic generate``, from its arguments to the files and what it prints."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from buildstatic import __version__
from buildstatic.errors import ConfigInvalid, FilesExist
from buildstatic.project.detect import detect
from buildstatic.project.edits import edits
from buildstatic.workflows.targets import DEFAULT_TARGETS, TARGETS
from tests.cli.conftest import Invoke
from tests.collect.sites import Ran
from tests.samples import copy
from tests.startproject import startproject

FILES = ["Dockerfile", ".dockerignore", "Procfile"]
MORE = ["dockerfile", "dockerignore", "procfile", "railway", "deploy.sh", "gitignore"]


@pytest.fixture
def generate(site: Path, invoke: Invoke) -> Invoke:
    """Return a function that runs ``generate`` on the project `site`."""

    def generate(*arguments: str) -> Ran:
        return invoke("generate", "--path", site, *arguments)

    return generate


def files(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }


def test_default_files(site: Path, generate: Invoke) -> None:
    before = files(site)
    ran = generate()
    assert ran.code == 0
    after = files(site)
    assert {path: after[path] for path in before} == before
    assert set(after) - set(before) == set(FILES)
    assert ran.out.splitlines() == [f"written    {path}" for path in FILES]


def test_generating_again_writes_nothing(site: Path, generate: Invoke) -> None:
    def stamps() -> dict[Path, tuple[int, int, int]]:
        stats = {path: path.stat() for path in site.rglob("*")}
        return {path: (stat.st_ino, stat.st_mtime_ns, stat.st_mode) for path, stat in stats.items()}

    generate(*MORE)
    before = stamps()
    ran = generate(*MORE)
    assert ran.code == 0
    assert stamps() == before
    assert {line.split()[0] for line in ran.out.splitlines()} == {"unchanged"}


def test_format_of_the_files(site: Path, generate: Invoke) -> None:
    generate(*MORE)
    for name in [*FILES, "deploy.sh", ".gitignore"]:
        text = (site / name).read_bytes().decode()
        assert "\r" not in text
        assert text.endswith("\n")
        assert not text.endswith("\n\n")
        assert "  \n" not in text
    assert os.access(site / "deploy.sh", os.X_OK)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param(["PROCFILE", "procfile"], ["Procfile"], id="twice, in any case"),
        pytest.param(["railway"], ["railpack.json"], id="railway"),
        pytest.param(["gitignore", "dockerignore"], [".dockerignore", ".gitignore"], id="order"),
    ],
)
def test_named_files(site: Path, names: list[str], expected: list[str], generate: Invoke) -> None:
    before = set(files(site))
    ran = generate(*names)
    assert set(files(site)) - before == set(expected)
    assert ran.out.splitlines() == [f"written    {path}" for path in expected]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--requirement", "a.txt", "-r", "b.txt"], "--requirement a.txt --requirement b.txt"),
        (["--group", "web"], "--group=web"),
        (["--extra", "web"], "--extra=web"),
    ],
)
def test_selected_dependencies_are_installed(
    site: Path, options: list[str], expected: str, generate: Invoke
) -> None:
    for name in ("a.txt", "b.txt"):
        (site / name).write_text("Django\n")
    if "-r" not in options:
        (site / "pyproject.toml").write_text(
            '[project]\nname = "shop"\nversion = "1"\ndependencies = ["Django"]\n'
            '[project.optional-dependencies]\nweb = ["gunicorn"]\nprod = []\n'
            '[dependency-groups]\nweb = ["gunicorn"]\nprod = []\n'
        )
        (site / "requirements.txt").unlink()
    ran = generate("dockerfile", "--stdout", *options)
    assert (ran.code, expected in ran.out) == (0, True), ran.out


def test_existing_file_is_overwritten_with_force_only(site: Path, generate: Invoke) -> None:
    (site / "Procfile").write_text("web: mine\n")
    before = files(site)
    assert generate().code == FilesExist.exit_code
    assert files(site) == before
    assert generate("--force").code == 0
    assert "web: gunicorn" in (site / "Procfile").read_text()


def test_file_of_another_version_is_named_with_it(site: Path, generate: Invoke) -> None:
    assert generate("dockerfile").code == 0
    path = site / "Dockerfile"
    path.write_text(re.sub(r"(by buildstatic )\S+", r"\g<1>0.0.1.", path.read_text()))
    ran = generate("dockerfile")
    assert ran.code == FilesExist.exit_code
    assert "differ: Dockerfile (written by buildstatic 0.0.1). Nothing" in ran.err
    path.write_text(f"{path.read_text()}# by hand\n".replace("0.0.1.", f"{__version__}."))
    assert "differ: Dockerfile. Nothing" in generate("dockerfile").err


def test_symbolic_link_is_never_overwritten(site: Path, generate: Invoke) -> None:
    (site / "Procfile").symlink_to("elsewhere")
    before = files(site)
    assert generate("--force").code == FilesExist.exit_code
    assert files(site) == before


def test_check_option(site: Path, generate: Invoke) -> None:
    generate()
    assert generate("--check") == Ran(0, "", "")
    (site / "Procfile").write_text("web: mine\n")
    (site / ".dockerignore").unlink()
    before = files(site)
    ran = generate("--check")
    assert ran.code == 1
    assert ran.out.splitlines() == [".dockerignore: new", "Procfile: different"]
    assert files(site) == before


def test_diff_option(site: Path, generate: Invoke) -> None:
    (site / "Procfile").write_text("web: mine\n")
    before = files(site)
    ran = generate("--diff")
    assert ran.code == 0
    assert files(site) == before
    assert generate("--diff", "--check") == Ran(1, ran.out, "")
    subprocess.run(["git", "init", "--quiet"], cwd=site, check=True)
    subprocess.run(["git", "apply", "-"], input=ran.out.encode(), cwd=site, check=True)
    assert generate("--check").code == 0


def test_diff_does_not_control_a_terminal(site: Path) -> None:
    (site / "Procfile").write_text("web: \x1b]0;title\x07mine\n")
    command = f"cd {site} && {sys.executable} -m buildstatic generate procfile --diff"
    shown = {
        words: subprocess.run(words, capture_output=True, check=True).stdout
        for words in (("sh", "-c", command), ("script", "-qec", command, "/dev/null"))
    }
    piped, in_terminal = shown.values()
    assert b"-web: \x1b]0;title\x07mine\n" in piped
    assert b"-web: \\x1b]0;title\\x07mine\r\n" in in_terminal


def test_stdout_of_one_file(site: Path, generate: Invoke) -> None:
    before = files(site)
    printed = generate("procfile", "--stdout").out
    assert files(site) == before
    generate("procfile")
    assert (site / "Procfile").read_text() == printed


def test_stdout_of_several_files(generate: Invoke) -> None:
    ran = generate("--stdout")
    headings = [line for line in ran.out.splitlines() if line.startswith("# file: ")]
    assert headings == [f"# file: {path}" for path in FILES]
    assert "note:" not in ran.out
    assert "note: Railway: " in ran.err


def test_stdout_is_verbatim(site: Path, generate: Invoke) -> None:
    (site / ":smile: [bold]").mkdir()
    for name in ("manage.py", "mysite"):
        (site / name).rename(site / ":smile: [bold]" / name)
    assert "gunicorn --chdir ':smile: [bold]'" in generate("procfile", "--stdout").out


def test_railway_builds_with_the_dockerfile(site: Path, generate: Invoke) -> None:
    ran = generate()
    assert "type=cache" not in (site / "Dockerfile").read_text()
    assert "start command to `/bin/sh -c 'python manage.py migrate --noinput && exec" in ran.err
    assert (
        "pre-deploy command to" not in ran.err
    )  # its disk, with the SQLite database, is discarded
    assert "rejects" not in ran.err
    # The next run reads the Dockerfile that was written.
    assert generate("railway").out == ""
    (site / "Dockerfile").unlink()
    assert generate("railway").out == "written    railpack.json\n"


def test_cache_mounts_are_for_other_builders_than_railway(site: Path, generate: Invoke) -> None:
    ran = generate("--cache-mounts")
    assert "type=cache" in (site / "Dockerfile").read_text()
    assert "rejects the cache mounts" in ran.err


def test_all_files_have_the_same_server(site: Path, generate: Invoke) -> None:
    generate("--server", "uvicorn-worker")
    generate("railway", "railway-iac", "--builder", "railpack", "--server", "uvicorn-worker")
    for name in ("Dockerfile", "Procfile", "railpack.json", ".railway/railway.py"):
        text = (site / name).read_text()
        assert "uvicorn_worker.UvicornWorker" in text
        assert "mysite.asgi:application" in text


@pytest.mark.parametrize("mode", ["--stdout", "--force"])
def test_warnings(site: Path, mode: str, generate: Invoke) -> None:
    (site / "requirements.txt").write_text("Django\nwhitenoise\n")
    ran = generate("procfile", "--collect-in", "release", mode)
    warnings = [line for line in ran.err.splitlines() if line.startswith("warning: ")]
    assert "release phase" in warnings[0]
    assert "gunicorn" in warnings[1]
    assert len(warnings) == 2


def test_server_that_the_dockerfile_installs_is_no_warning(site: Path, generate: Invoke) -> None:
    (site / "requirements.txt").write_text("Django\nwhitenoise\n")
    assert "warning" not in generate().err
    text = (site / "Dockerfile").read_text()
    assert "# Not among the project's dependencies, but needed to run it.\nRUN " in text


def test_project_without_an_application(site: Path, generate: Invoke) -> None:
    for name in ("wsgi.py", "asgi.py"):
        (site / "mysite" / name).unlink()
    settings = site / "mysite" / "settings.py"
    lines = (line for line in settings.read_text().splitlines() if "WSGI_APPLICATION" not in line)
    settings.write_text("\n".join(lines))
    assert generate("dockerignore", "gitignore").code == 0
    ran = generate("procfile")
    assert ran.code == ConfigInvalid.exit_code
    assert "mysite/wsgi.py:" in ran.err
    assert not (site / "Procfile").exists()


def test_subfolder_is_in_each_command(tmp_path: Path, invoke: Invoke) -> None:
    site = copy("subfolder", tmp_path)
    with (site / "src" / "mysite" / "settings.py").open("a") as settings:
        settings.write('DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql"}}\n')
    invoke("generate", "--path", site)
    assert "release: python src/manage.py migrate" in (site / "Procfile").read_text()
    assert "gunicorn --chdir src " in (site / "Procfile").read_text()
    assert '"--chdir", "src"' in (site / "Dockerfile").read_text()


def test_changes_that_the_project_needs_are_printed(tmp_path: Path, invoke: Invoke) -> None:
    root = startproject(tmp_path)
    err = invoke("generate", "--path", root).err
    needed = edits(detect(root))
    assert needed
    for edit in needed:
        assert edit.file in err
        assert edit.text in err


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("Procfiel", "Did you mean procfile?"),
        (".dockerignore", "Did you mean dockerignore?"),
        ("qqq", "Use one of dockerfile, "),
    ],
)
def test_nearest_target_is_suggested(name: str, advice: str, generate: Invoke) -> None:
    ran = generate(name)
    assert ran.code == 2
    assert f"Unknown target {name!r}. {advice}" in ran.err


def test_list_option_prints_each_target(site: Path, generate: Invoke) -> None:
    before = files(site)
    lines = generate("--list").out.splitlines()
    assert [line.split()[0] for line in lines] == list(TARGETS)
    assert {line.split()[0] for line in lines if line.endswith("(default)")} == {*DEFAULT_TARGETS}
    assert files(site) == before


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["--python", "3.10"], id="old Python"),
        pytest.param(["--python", "3.13-slim AS x"], id="version"),
        pytest.param(["--port", "0"], id="port"),
        pytest.param(["--server", "apache"], id="server"),
        pytest.param(["podman"], id="file"),
        pytest.param(["procfile", "--worker", "no command"], id="worker"),
        pytest.param(["procfile", "--worker", "a b=true"], id="name of a worker"),
        pytest.param(["railway-iac", "--cron", "a=0 4 * * true"], id="schedule"),
        pytest.param(["railway", "--from", "railway.json"], id="from without railway-iac"),
        pytest.param(["railway-iac", "--from", "a=x", "--from", "a=y"], id="service twice"),
        pytest.param(["procfile", "--pin"], id="pin without dockerfile"),
        pytest.param(["--stdout", "--check"], id="stdout and check"),
        pytest.param(["--stdout", "--diff"], id="stdout and diff"),
    ],
)
def test_usage_errors(site: Path, arguments: list[str], generate: Invoke) -> None:
    before = files(site)
    assert generate(*arguments).code == 2
    assert files(site) == before
