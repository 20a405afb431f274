"""The command line itself: help, versions, failures, closed pipes, Ctrl-C, completion."""

from __future__ import annotations

import importlib
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
from buildstatic.cli import COMMANDS, INTERNAL, INTERRUPTED, PIPE_CLOSED, run
from buildstatic.errors import ConfigInvalid, FileError, ProjectNotFound
from tests.samples import copy

SCRIPT = str(Path(sys.executable).with_name("buildstatic"))
HEAVY = {"django", "docker", "jinja2", "packaging", "pathspec", "rich", "yaml"}
each_command = pytest.mark.parametrize("name", COMMANDS)


def environment(**more: str) -> dict[str, str]:
    """Return ours, with our programs first and nothing that chooses colours or a width."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "COLUMNS": "80", **more}


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


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return copy("startproject", tmp_path)


def test_the_version_is_the_one_that_is_installed() -> None:
    done = buildstatic("--version")
    assert (done.returncode, done.stdout) == (0, f"buildstatic {__version__}\n")
    assert version("buildstatic") == __version__


def test_the_module_can_be_run_like_the_script() -> None:
    command = [sys.executable, "-m", "buildstatic", "--help"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", env=environment())
    assert (done.returncode, done.stdout) == (0, buildstatic("--help").stdout)


def test_the_commands_are_listed_in_the_order_of_the_work() -> None:
    listed = buildstatic("--help").stdout.partition("Commands:\n")[2].partition("\n\n")[0]
    assert [line.split(maxsplit=1) for line in listed.splitlines()] == [
        [name, words] for name, words in COMMANDS.items()
    ]


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], *([name, "--help"] for name in COMMANDS)], ids=" ".join
)
def test_help_imports_nothing_heavy_and_no_other_command(arguments: list[str]) -> None:
    code = (
        f"import json, sys; from buildstatic.cli import run; run({arguments!r});"
        "print(json.dumps(sorted(sys.modules)))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
    imported = set(json.loads(done.stdout.splitlines()[-1]))
    assert "click" in imported
    assert imported & HEAVY == set()
    modules = {f"buildstatic.cli.{name}" for name in COMMANDS}
    assert imported & modules == {f"buildstatic.cli.{name}" for name in arguments} & modules


def examples(name: str) -> list[str]:
    """Return the commands below "Examples:" in the help of *name*, without what is said of them."""
    shown = buildstatic(name, "--help").stdout.partition("Examples:\n")[2].partition("\n\n")[0]
    return [re.split(r" {2,}| \|", line.strip())[0] for line in shown.splitlines()]


@each_command
def test_every_example_of_a_commands_help_is_one_that_it_takes(name: str) -> None:
    command: click.Command = importlib.import_module(f"buildstatic.cli.{name}").command
    shown = examples(name)
    assert shown
    for line in shown:
        program, called, *arguments = shlex.split(line)
        assert (program, called) == ("buildstatic", name)
        command.make_parser(click.Context(command)).parse_args(arguments)


@each_command
def test_help_begins_with_what_the_list_of_commands_says_and_fits_a_window(name: str) -> None:
    lines = buildstatic(name, "-h").stdout.splitlines()
    assert lines[0].startswith(f"Usage: buildstatic {name} ")
    assert lines[2].split()[0] == COMMANDS[name].split()[0]
    assert max(map(len, lines)) <= 100


@each_command
def test_every_option_says_what_it_is_for(name: str) -> None:
    command: click.Command = importlib.import_module(f"buildstatic.cli.{name}").command
    options = [item for item in command.params if isinstance(item, click.Option)]
    assert [option.name for option in options if not option.help] == []


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["frobnicate"], id="an unknown command"),
        pytest.param(["--frobnicate"], id="an unknown option"),
        pytest.param(["check", "--frobnicate"], id="an unknown option of a command"),
        pytest.param(["check", "/nowhere/at/all"], id="no directory"),
        pytest.param([], id="nothing at all"),
    ],
)
def test_wrong_use_exits_with_2_and_says_so_on_standard_error(arguments: list[str]) -> None:
    done = buildstatic(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Usage: buildstatic" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_failure_is_one_line_with_its_exit_code(tmp_path: Path) -> None:
    done = buildstatic("check", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (ProjectNotFound.exit_code, "")
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [["--traceback", "check"], ["check", "--traceback"]])
def test_the_traceback_is_shown_if_asked_for_before_or_after_the_command(
    arguments: list[str], tmp_path: Path
) -> None:
    done = buildstatic(*arguments, cwd=tmp_path)
    assert done.returncode == ProjectNotFound.exit_code
    assert done.stderr.startswith("Traceback (most recent call last):\n")
    assert done.stderr.splitlines()[-1].startswith("error: ")


@pytest.fixture
def crash(monkeypatch: pytest.MonkeyPatch) -> list[BaseException]:
    """Add a command ``crash`` that raises what is put into the list."""
    errors: list[BaseException] = []

    @click.command
    def command() -> None:
        raise errors[0]

    module = types.ModuleType("buildstatic.cli.crash")
    vars(module)["command"] = command
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(COMMANDS, "crash", "Crash.")
    return errors


def test_an_unexpected_error_is_one_line_and_asks_for_a_report(
    crash: list[BaseException], capsys: pytest.CaptureFixture[str]
) -> None:
    crash.append(RuntimeError("two\n  lines [bold]"))
    assert run(["crash"]) == INTERNAL
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: RuntimeError: two lines [bold]. ")
    assert "--traceback" in said.err
    assert said.err.count("\n") == 1


def test_an_unexpected_error_has_its_traceback_if_asked_for(
    crash: list[BaseException], capsys: pytest.CaptureFixture[str]
) -> None:
    crash.append(RuntimeError("oh"))
    assert run(["--traceback", "crash"]) == INTERNAL
    assert "raise errors[0]\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "said"),
    [
        pytest.param(PermissionError(13, "Permission denied", "a b"), "a b: Permission denied."),
        pytest.param(OSError(28, "No space left on device"), "No space left on device."),
        pytest.param(OSError("odd"), "odd."),
    ],
    ids=["with a file", "without", "without a number"],
)
def test_an_error_of_the_systems_names_the_file_and_is_not_called_ours(
    error: OSError, said: str, crash: list[BaseException], capsys: pytest.CaptureFixture[str]
) -> None:
    crash.append(error)
    assert run(["crash"]) == FileError.exit_code
    printed = capsys.readouterr().err
    assert printed.endswith(f"{said}\n")
    assert printed.count("\n") == 1
    assert "fault" not in printed


def test_the_exit_of_a_command_is_kept(crash: list[BaseException]) -> None:
    crash.append(SystemExit(7))
    with pytest.raises(SystemExit) as caught:
        run(["crash"])
    assert caught.value.code == 7


@pytest.mark.parametrize(
    "line",
    ["buildstatic check | head -1", "buildstatic generate --stdout 2>/dev/null | head -1"],
)
def test_a_reader_that_has_enough_gets_its_line_and_no_complaint(line: str, site: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", line], cwd=site, env=environment(), capture_output=True, encoding="utf-8"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["generate", "--help"],
        ["check"],
        ["check", "--json"],
        ["generate", "procfile", "--stdout"],
        ["generate", "--check"],
    ],
    ids=" ".join,
)
def test_output_that_nobody_reads_ends_quietly_and_with_no_other_failures_code(
    arguments: list[str], site: Path
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [SCRIPT, *arguments],
            cwd=site,
            env=environment(),
            stdout=writing,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (PIPE_CLOSED, "")


@pytest.mark.parametrize("line", ["buildstatic --version >&-", "buildstatic check >&-"])
def test_output_that_is_closed_goes_nowhere(line: str, site: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", line], cwd=site, env=environment(), stderr=subprocess.PIPE, encoding="utf-8"
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_failure_with_standard_error_closed_has_its_code(tmp_path: Path) -> None:
    done = subprocess.run(["sh", "-c", "buildstatic check 2>&-"], cwd=tmp_path, env=environment())
    assert done.returncode == ProjectNotFound.exit_code


def test_a_full_disk_under_the_output_is_a_failure(site: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [SCRIPT, "generate", "procfile", "--stdout"],
            cwd=site,
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
    assert done.returncode == FileError.exit_code
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


def test_ctrl_c_ends_in_one_word(site: Path) -> None:
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
        asked = ""
        while not asked.endswith("to cancel: "):
            letter = process.stdout.read(1)
            assert letter, process.stderr.read()
            asked += letter
        # Python does not see a signal that comes just before it begins to read.
        while Path(f"/proc/{process.pid}/stat").read_text().rpartition(") ")[2][0] != "S":
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == INTERRUPTED
        assert process.stderr.read().split() == ["Interrupted."]
    assert [path.name for path in tree.iterdir()] == ["kept.css"]


@pytest.mark.parametrize("encoding", ["utf-8:strict", "latin-1:strict", "ascii:strict"])
def test_a_path_that_the_terminal_has_no_characters_for_is_printed_with_escapes(
    encoding: str, tmp_path: Path
) -> None:
    root = copy("startproject", tmp_path).rename(tmp_path / os.fsdecode(b"caf\xff-\xe6\x97\xa5"))
    done = buildstatic("check", str(root), environ={"PYTHONIOENCODING": encoding})
    assert done.returncode == 0, done.stderr
    assert "caf\\udcff-" in done.stdout


@pytest.mark.parametrize("arguments", [["--help"], *([name, "--help"] for name in COMMANDS)])
def test_help_can_be_read_in_any_terminal(arguments: list[str]) -> None:
    assert buildstatic(*arguments).stdout.isascii()


@pytest.mark.parametrize("how", [["--stdout"], ["--diff"], ["--check"], []], ids=str)
def test_a_name_that_is_not_utf_8_is_refused_before_anything_is_printed(
    how: list[str], tmp_path: Path
) -> None:
    root = copy("startproject", tmp_path).rename(tmp_path / os.fsdecode(b"caf\xff"))
    done = buildstatic("generate", "railway", *how, cwd=root)
    assert (done.returncode, done.stdout) == (ConfigInvalid.exit_code, "")
    assert "railway.py would name a path that is not UTF-8" in done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_a_script_for_each_shell(shell: str) -> None:
    done = buildstatic(environ={"_BUILDSTATIC_COMPLETE": f"{shell}_source"})
    assert done.returncode == 0
    assert f"_BUILDSTATIC_COMPLETE={shell}_complete" in done.stdout
    assert (
        f"_BUILDSTATIC_COMPLETE={shell}_source" in buildstatic("--help").stdout or shell != "bash"
    )


COMPLETIONS = [
    pytest.param("", set(COMMANDS), id="all commands"),
    pytest.param("ge", {"generate"}, id="a command"),
    pytest.param("generate doc", {"dockerfile", "dockerignore"}, id="a file"),
    pytest.param("generate --coll", {"--collector", "--collect-in"}, id="an option"),
    pytest.param("generate --collector ", {"buildstatic", "django"}, id="a choice"),
    pytest.param("build --cache", {"--cache-from", "--cache-to"}, id="an option of another"),
]


@pytest.mark.parametrize(("typed", "offered"), COMPLETIONS)
def test_bash_completes_commands_options_and_choices(typed: str, offered: set[str]) -> None:
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


@pytest.mark.parametrize("shell", ["zsh", "fish"])
@pytest.mark.parametrize(("typed", "offered"), COMPLETIONS)
def test_zsh_and_fish_are_offered_the_same(shell: str, typed: str, offered: set[str]) -> None:
    """They ask as their scripts do; each answer is lines of a kind, a value and a help."""
    *before, last = ["buildstatic", *typed.split(" ")]
    words = shlex.join([*before, *([last] if last else [])])
    asked = {"COMP_WORDS": words, "COMP_CWORD": last if shell == "fish" else str(len(before))}
    done = buildstatic(environ={"_BUILDSTATIC_COMPLETE": f"{shell}_complete", **asked})
    assert done.returncode == 0, done.stderr
    assert offered <= set(re.split(r"[\s,]+", done.stdout))
