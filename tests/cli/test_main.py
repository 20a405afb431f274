"""The command line itself: help, versions, failures, closed pipes, Ctrl-C, completion."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import types
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import click
import pytest

from buildstatic import __version__
from buildstatic.cli import COMMANDS, INTERNAL, INTERRUPTED, PIPE_CLOSED, LazyGroup
from buildstatic.errors import ConfigInvalid, FileError, ProjectNotFound
from tests.cli.conftest import Invoke
from tests.samples import copy

SCRIPT = str(Path(sys.executable).with_name("buildstatic"))
HEAVY = {"django", "docker", "jinja2", "packaging", "pathspec", "rich", "yaml"}


def environment(**more: str) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, **more}


def buildstatic(
    *arguments: str, cwd: Path | None = None, environ: Mapping[str, str] = {}
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SCRIPT, *arguments],
        cwd=cwd,
        env=environment(**environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        timeout=60,
    )


def shell(line: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", line], cwd=cwd, env=environment(), capture_output=True, encoding="utf-8"
    )


def command(name: str) -> click.Command:
    found = LazyGroup().get_command(click.Context(LazyGroup()), name)
    assert found is not None
    return found


def test_version_is_the_installed_one() -> None:
    done = buildstatic("--version")
    assert (done.returncode, done.stdout) == (0, f"buildstatic {__version__}\n")
    assert version("buildstatic") == __version__


def test_module_runs_like_the_script() -> None:
    argv = [sys.executable, "-m", "buildstatic", "--help"]
    done = subprocess.run(argv, capture_output=True, encoding="utf-8", env=environment())
    assert (done.returncode, done.stdout) == (0, buildstatic("--help").stdout)


def test_help_lists_the_commands(invoke: Invoke) -> None:
    listed = invoke("--help").out.partition("Commands:\n")[2].partition("\n\n")[0]
    assert [line.split(maxsplit=1) for line in listed.splitlines()] == [
        [name, text] for name, text in COMMANDS.items()
    ]


@pytest.mark.parametrize("names", [[], list(COMMANDS)], ids=["group", "commands"])
def test_help_imports_nothing_heavy(names: list[str]) -> None:
    calls = [["--help"], ["--version"], *([name, "--help"] for name in names)]
    code = (
        f"import json, sys; from buildstatic.cli import run; [run(call) for call in {calls!r}];"
        "print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    imported = set(json.loads(done.stdout.splitlines()[-1]))
    assert "click" in imported
    assert imported & HEAVY == set()
    assert any(name.startswith("buildstatic.cli.") for name in imported) == bool(names)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_each_command(name: str, invoke: Invoke) -> None:
    ran = invoke(name, "-h")
    lines = ran.out.splitlines()
    assert lines[0].startswith(f"Usage: buildstatic {name} ")
    assert lines[2].split()[0] == COMMANDS[name].split()[0]
    assert max(map(len, lines)) <= 100
    assert ran.out.isascii()
    options = [item for item in command(name).params if isinstance(item, click.Option)]
    assert [option.name for option in options if not option.help] == []
    shown = ran.out.partition("Examples:\n")[2].partition("\n\n")[0].splitlines()
    assert shown
    for example in (re.split(r" {2,}| \|", line.strip())[0] for line in shown):
        program, called, *arguments = shlex.split(example)
        assert (program, called) == ("buildstatic", name)
        found = command(name)
        found.make_parser(click.Context(found)).parse_args(arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["frobnicate"], id="command"),
        pytest.param(["--frobnicate"], id="option"),
        pytest.param(["check", "--frobnicate"], id="option of a command"),
        pytest.param(["check", "/nowhere/at/all"], id="directory"),
        pytest.param([], id="no arguments"),
    ],
)
def test_usage_errors(arguments: list[str], invoke: Invoke) -> None:
    ran = invoke(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert "Usage: buildstatic" in ran.err


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (["biuld"], "No such command 'biuld'. Did you mean build?"),
        (["frobnicate"], "No such command 'frobnicate'.\n"),
        (["build", "--tga", "x"], "--tag"),
    ],
)
def test_nearest_name_is_suggested(arguments: list[str], advice: str, invoke: Invoke) -> None:
    assert advice in invoke(*arguments).err


def test_failure_is_one_line(tmp_path: Path, invoke: Invoke) -> None:
    ran = invoke("check", tmp_path)
    assert (ran.code, ran.out) == (ProjectNotFound.exit_code, "")
    assert ran.err.startswith("error: ")
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_traceback_option(before: bool, tmp_path: Path, invoke: Invoke) -> None:
    words = ["--traceback", "check"] if before else ["check", "--traceback"]
    ran = invoke(*words, tmp_path)
    assert ran.code == ProjectNotFound.exit_code
    assert ran.err.startswith("Traceback (most recent call last):\n")
    assert ran.err.splitlines()[-1].startswith("error: ")


@pytest.fixture
def crash(monkeypatch: pytest.MonkeyPatch) -> list[BaseException]:
    """Add a command ``crash`` that raises the item of the list."""
    errors: list[BaseException] = []

    @click.command
    def command() -> None:
        raise errors[0]

    module = types.ModuleType("buildstatic.cli.crash")
    vars(module)["command"] = command
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(COMMANDS, "crash", "Crash.")
    return errors


def test_internal_error_asks_for_a_report(crash: list[BaseException], invoke: Invoke) -> None:
    crash.append(RuntimeError("two\n  lines [bold]"))
    ran = invoke("crash")
    assert (ran.code, ran.out) == (INTERNAL, "")
    assert ran.err.startswith("error: RuntimeError: two lines [bold]. ")
    assert "--traceback" in ran.err
    assert ran.err.count("\n") == 1
    assert "raise errors[0]\n" in invoke("--traceback", "crash").err


@pytest.mark.parametrize(
    ("error", "message"),
    [
        pytest.param(PermissionError(13, "Permission denied", "a b"), "a b: Permission denied."),
        pytest.param(OSError(28, "No space left on device"), "No space left on device."),
        pytest.param(OSError("unusual"), "unusual."),
    ],
    ids=["file", "no file", "no number"],
)
def test_system_error_is_not_a_bug(
    error: OSError, message: str, crash: list[BaseException], invoke: Invoke
) -> None:
    crash.append(error)
    ran = invoke("crash")
    assert ran.code == FileError.exit_code
    assert ran.err.endswith(f"{message}\n")
    assert ran.err.count("\n") == 1
    assert "bug" not in ran.err


def test_exit_of_a_command_is_kept(crash: list[BaseException], invoke: Invoke) -> None:
    crash.append(SystemExit(7))
    with pytest.raises(SystemExit) as caught:
        invoke("crash")
    assert caught.value.code == 7


def test_reader_that_stops_reading(site: Path) -> None:
    done = shell("buildstatic generate --stdout 2>/dev/null | head -1", site)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["check"], ["check", "--json"], ["generate", "procfile", "--stdout"]],
    ids=" ".join,
)
def test_closed_pipe_has_its_own_exit_code(arguments: list[str], site: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as output:
        done = subprocess.run(
            [SCRIPT, *arguments],
            cwd=site,
            env=environment(),
            stdout=output,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
    assert (done.returncode, done.stderr) == (PIPE_CLOSED, "")


@pytest.mark.slow
def test_closed_streams(site: Path, tmp_path: Path) -> None:
    done = shell("buildstatic check >&-", site)
    assert (done.returncode, done.stderr) == (0, "")
    (tmp_path / "empty").mkdir()
    done = shell("buildstatic check 2>&-", tmp_path / "empty")
    assert done.returncode == ProjectNotFound.exit_code


def test_full_disk_under_the_output(site: Path) -> None:
    done = shell("buildstatic generate procfile --stdout > /dev/full", site)
    assert done.returncode == FileError.exit_code
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


def test_ctrl_c_prints_one_word(site: Path) -> None:
    tree = site / "staticfiles"
    tree.mkdir()
    (tree / "kept.css").touch()
    with subprocess.Popen(
        [SCRIPT, "collect"],
        cwd=site,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        assert process.stdout
        assert process.stderr
        question = ""
        while not question.endswith("to cancel: "):
            letter = process.stdout.read(1)
            assert letter, process.stderr.read()
            question += letter
        # Python misses a signal that arrives just before it begins to read.
        while Path(f"/proc/{process.pid}/stat").read_text().rpartition(") ")[2][0] != "S":
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == INTERRUPTED
        assert process.stderr.read().split() == ["Interrupted."]
    assert [path.name for path in tree.iterdir()] == ["kept.css"]


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["utf-8:strict", "ascii:strict"])
def test_path_that_cannot_be_encoded_is_escaped(encoding: str, tmp_path: Path) -> None:
    root = copy("startproject", tmp_path).rename(tmp_path / os.fsdecode(b"caf\xff-\xe6\x97\xa5"))
    done = buildstatic("check", str(root), environ={"PYTHONIOENCODING": encoding})
    assert done.returncode == 0, done.stderr
    assert "caf\\udcff-" in done.stdout


@pytest.mark.parametrize("mode", [["--stdout"], ["--diff"], ["--check"], []], ids=str)
def test_generating_a_path_that_is_not_utf_8(
    mode: list[str], tmp_path: Path, invoke: Invoke
) -> None:
    root = copy("startproject", tmp_path).rename(tmp_path / os.fsdecode(b"caf\xff"))
    ran = invoke("generate", "railway-iac", *mode, "--path", root)
    assert (ran.code, ran.out) == (ConfigInvalid.exit_code, "")
    assert "railway.py" in ran.err
    assert "not UTF-8" in ran.err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script(
    shell: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], invoke: Invoke
) -> None:
    monkeypatch.setenv("_BUILDSTATIC_COMPLETE", f"{shell}_source")
    with pytest.raises(SystemExit) as caught:
        invoke()
    assert caught.value.code == 0
    assert f"_BUILDSTATIC_COMPLETE={shell}_complete" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        pytest.param("", set(COMMANDS), id="commands"),
        pytest.param("generate doc", {"dockerfile", "dockerignore"}, id="arguments"),
        pytest.param("generate --coll", {"--collector", "--collect-in"}, id="options"),
        pytest.param("generate --collector ", {"buildstatic", "django"}, id="choices"),
    ],
)
def test_bash_completion(typed: str, offered: set[str]) -> None:
    words = ["buildstatic", *typed.split(" ")]
    script = f"""
        eval "$(_BUILDSTATIC_COMPLETE=bash_source buildstatic)"
        complete -p buildstatic > /dev/null || exit 1
        COMP_WORDS=({shlex.join(words)}) COMP_CWORD={len(words) - 1}
        _buildstatic_completion buildstatic {shlex.quote(words[-1])} {shlex.quote(words[-2])}
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(
        ["bash", "--norc", "-c", script], env=environment(), capture_output=True, encoding="utf-8"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert set(done.stdout.split()) == offered
