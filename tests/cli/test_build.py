"""``buildstatic build`` on the command line: what it refuses, what it prints, how it ends."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.oci.tiny import (
    BASE,
    DOCKERFILE,
    DOORS,
    FINAL,
    SETTINGS,
    STATIC,
    WITHOUT_DOCKER,
    build,
    engine_of,
    ids,
    running,
    tiny,
    wheels_image,
)
from tests.running import free_port

if TYPE_CHECKING:
    from docker import DockerClient

OPTIONS = (
    "--tag -t --target --build-arg --secret --cache-from --cache-to --platform --builder --push "
    "--no-cache --pull --export --serve --json --manage --settings --base --output -o --insecure"
)
NOWHERE = {"DOCKER_HOST": "unix:///nonexistent/docker.sock"}
KEYS = ["image", "id", "static", "stages", "seconds"]
STATIC_KEYS = ["path", "files", "bytes", "diff_id", "digest", "reused"]
# May read what root may, but not write: the interpreter can be in root's home.
NOBODY = (
    *("/usr/bin/setpriv", "--reuid=12345", "--regid=12345", "--clear-groups"),
    *("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"),
)
PATIENCE = 180  # seconds: less than a slow build takes


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tiny(tmp_path / "tiny")


def test_the_help_names_every_option_and_shows_examples(root: Path) -> None:
    ran = build(root, "--help")
    assert ran.code == 0
    assert set(OPTIONS.split()) <= set(re.findall(r"--?[a-z][a-z-]*", ran.out))
    assert "  buildstatic build --tag mysite\n" in ran.out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param(["--push"], "--push needs a --tag", id="nowhere-to-push"),
        pytest.param(["--export", "x", "--tag", "x"], "--export makes no image", id="tag"),
        pytest.param(["--export", "x", "--push", "--tag", "x"], "--export", id="push"),
        pytest.param(["--export", "x", "--target", "static"], "--export", id="target"),
    ],
)
def test_options_that_make_no_sense_together_are_wrong_use(
    root: Path, options: list[str], said: str
) -> None:
    ran = build(root, *options, environ=NOWHERE)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err


@DOORS
@pytest.mark.parametrize("where", ["socket", "port"])
def test_where_no_engine_answers_one_line_says_where_and_what_to_do(
    root: Path, door: Mapping[str, str], where: str
) -> None:
    at = f"tcp://127.0.0.1:{free_port()}" if where == "port" else NOWHERE["DOCKER_HOST"]
    ran = build(root, "--tag", "x", environ={**door, "DOCKER_HOST": at})
    assert (ran.code, ran.out) == (40, "")
    assert ran.err == (
        f"error: No Docker engine responds at {at}. Start Docker, or select another engine with "
        "DOCKER_HOST or `docker context use`. Without an engine, `buildstatic build --base IMAGE "
        "--tag IMAGE` adds the static files to an image.\n"
    )


@pytest.fixture
def place() -> Iterator[Path]:
    """Return a directory that everybody may enter, and write to."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o777)
        yield Path(directory)


@DOORS
def test_a_socket_that_lets_nobody_in_is_told_from_one_that_is_dead(
    place: Path, door: Mapping[str, str]
) -> None:
    root, path = tiny(place / "tiny"), place / "docker.sock"
    nobody = NOBODY if os.getuid() == 0 else ()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        path.chmod(0)
        environ = {**door, "DOCKER_HOST": f"unix://{path}", "HOME": str(place)}
        ran = build(root, environ=environ, before=nobody)
    assert (ran.code, ran.out) == (41, "")
    assert ran.err.startswith(f"error: Access to the Docker engine at unix://{path} was denied. ")
    assert ran.err.count("\n") == 1


@DOORS
@pytest.mark.parametrize(
    ("version", "api"),
    [
        pytest.param("20.10.24", "1.41", id="before-link"),
        pytest.param("1.9.1", "1.21", id="before-the-sdk"),
        pytest.param("library-import", "1.41", id="unnumbered"),
    ],
)
def test_an_engine_that_is_too_old_is_refused_before_the_build(
    tmp_path: Path, root: Path, door: Mapping[str, str], version: str, api: str
) -> None:
    with engine_of(tmp_path / "docker.sock", version, api) as host:
        ran = build(root, environ={**door, "DOCKER_HOST": host})
    assert (ran.code, ran.out) == (41, ""), ran.err
    assert "too old" in ran.err or f"{version}, but COPY --link requires 23.0" in ran.err
    assert "Upgrade it" in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "named"),
    [
        pytest.param(["--secret", "id=a,src=manage.py"], "--secret", id="secret"),
        pytest.param(["--export", "out"], "--export", id="export"),
        pytest.param(["--cache-to", "type=local,dest=c"], "--cache-to", id="cache-to"),
        pytest.param(["--builder", "other"], "--builder", id="builder"),
        pytest.param(
            ["--platform", "linux/amd64,linux/arm64"], "several platforms", id="platforms"
        ),
        pytest.param(
            ["--platform", "linux/amd64", "--platform", "linux/arm64"],
            "several platforms",
            id="two",
        ),
    ],
)
def test_what_the_api_cannot_do_is_refused_before_an_engine_is_asked(
    tmp_path: Path, options: list[str], named: str
) -> None:
    root = tiny(tmp_path / "tiny", f"{DOCKERFILE}FROM static AS export\n")
    ran = build(root, *options, environ={**NOWHERE, **WITHOUT_DOCKER})
    assert (ran.code, ran.out) == (44, "")
    assert ran.err.startswith("error: The engine's API does not support ")
    assert named in ran.err
    assert "buildx plugin, which supports this" in ran.err


def test_a_context_of_several_gigabytes_is_said_before_an_engine_is_asked(root: Path) -> None:
    large = root / "backups" / "dump.sql"
    large.parent.mkdir()
    large.touch()
    os.truncate(large, 3 << 30)
    ran = build(root, "--tag", "x", environ=NOWHERE)
    assert ran.code == 40
    warning, error = ran.err.splitlines()
    assert warning.startswith("warning: The build context is 3.2 GB, ")
    assert "backups (3.2 GB)" in warning
    assert ".dockerignore" in warning
    assert error.startswith("error: No Docker engine")

    (root / ".dockerignore").write_text("backups\n")
    assert "warning" not in build(root, "--tag", "x", environ=NOWHERE).err


@pytest.mark.parametrize(
    "static_root",
    [
        pytest.param('BASE_DIR / "public" / "static"', id="below-a-symlink"),
        pytest.param('"/var/run/mysite/static"', id="below-a-symlink-of-the-image"),
        pytest.param('"/tmp/static"', id="not-0755"),
        pytest.param('"/data/static"', id="not-roots"),
        pytest.param('"/root/static"', id="closed"),
    ],
)
@pytest.mark.parametrize("dockerfile", [DOCKERFILE, None], ids=["own", "generated"])
def test_a_place_where_the_layer_would_do_damage_is_refused_before_the_build(
    tmp_path: Path, static_root: str, dockerfile: str | None
) -> None:
    settings = SETTINGS.replace('BASE_DIR / "staticfiles"', static_root)
    assert settings != SETTINGS
    root = tiny(tmp_path / "tiny", dockerfile, {"mysite/settings.py": settings})
    (root / "public").symlink_to("elsewhere")
    ran = build(root, environ=NOWHERE)
    assert (ran.code, ran.out) == (20, "")
    assert "STATIC_ROOT is /" in ran.err
    assert "(mysite/settings.py:7)" in ran.err


def test_a_dockerfile_without_a_static_stage_is_passed_over_with_a_warning(tmp_path: Path) -> None:
    root = tiny(tmp_path / "tiny", "FROM scratch AS mine\nCOPY . .\n")
    ran = build(root, "--target", "mine", environ=NOWHERE)
    assert ran.code == 12
    warning, error = ran.err.splitlines()
    assert (
        warning == "warning: Dockerfile has no stage named static: using the generated one instead."
    )
    assert error == (
        "error: The Dockerfile has no stage mine. It has: base, deps, buildstatic-wheels, "
        "buildstatic-previous, static, export, web."
    )
    assert not list(root.glob(".dockerignore"))


def test_a_server_that_will_not_be_installed_is_said_before_the_build(tmp_path: Path) -> None:
    root = tiny(tmp_path / "tiny", None, {"requirements.txt": "Django\n"})
    ran = build(root, "--tag", "x", environ=NOWHERE)
    assert "warning: The server needs gunicorn, which is not among the dependencies" in ran.err


def test_a_dockerfile_that_cannot_be_read_is_named(root: Path) -> None:
    (root / "Dockerfile").write_bytes(b"FROM scratch AS static\n# \xff\n")
    ran = build(root, environ=NOWHERE)
    assert ran.code == 12
    assert ran.err.startswith("error: Cannot read Dockerfile: ")


@pytest.mark.engine
@DOORS
def test_programs_get_one_line_of_json_and_people_a_line_a_step(
    root: Path, door: Mapping[str, str], tag: Callable[[str], str], engine: DockerClient
) -> None:
    name = tag(f"json-{len(door)}")
    ran = build(root, "--tag", name, "--json", environ={**door, "CI": "true"})
    report = ran.report
    assert ran.out.count("\n") == 1
    assert list(report) == KEYS
    assert list(report["static"]) == STATIC_KEYS
    assert all(list(stage) == ["name", "seconds", "cached"] for stage in report["stages"])
    assert (report["image"], report["id"]) == (name, engine.images.get(name).id)
    assert (report["static"]["path"], report["static"]["files"]) == ("/app/staticfiles", 2)
    assert {stage["name"] for stage in report["stages"]} == {"static", "stage-1"}

    assert "\x1b" not in ran.err
    steps = re.findall(r"^(\S+): (.+) \((?:cached|\d+\.\d s)\)$", ran.err, re.M)
    assert ("static", "COPY static/ /layer/app/staticfiles/") in steps
    assert ("stage-1", "COPY --link --from=static /layer/ /") in steps


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
def test_the_end_of_a_build_says_what_the_layer_is_and_whether_it_was_there_before(
    root: Path, tag: Callable[[str], str]
) -> None:
    first = build(root, "--tag", tag("summary"))
    assert first.code == 0, first.err
    size = "2 files, 15 bytes, in /app/staticfiles"
    pattern = (
        r"(  (static|stage-1) +(cached|\d+\.\d s)\n){2}"
        rf"  all +\d+\.\d s\nimage   {re.escape(tag('summary'))} sha256:[0-9a-f]{{64}}\n"
        rf"static  {size}\ndiffID  sha256:[0-9a-f]{{64}}(.*)\ndigest  (\S.*)\n"
    )
    found = re.fullmatch(pattern, first.out)
    assert found, first.out
    assert found[4] == ""

    (root / "mysite" / "urls.py").write_text("urlpatterns = []\n")
    same = re.fullmatch(pattern, build(root, "--tag", tag("summary")).out)
    assert same
    assert same[4] == " (the same layer as before)"

    (root / "static/css/site.css").write_text("main {}\n")
    other = re.fullmatch(pattern, build(root, "--tag", tag("summary")).out)
    assert other
    assert other[4] == " (new)"


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
@DOORS
def test_a_failing_stage_is_named_with_its_last_lines_and_not_the_whole_log(
    tmp_path: Path, door: Mapping[str, str]
) -> None:
    root = tiny(tmp_path / "tiny", running("seq 1000 1099; exit 7"))
    ran = build(root, "--json", environ=door)
    assert (ran.code, ran.out) == (43, "")
    _, error = ran.err.split("error: ")
    first, second, *lines = error.splitlines()
    assert first == "The stage static failed at: RUN seq 1000 1099; exit 7"
    assert second.endswith("did not complete successfully: exit code: 7")
    assert lines == [f"  | {number}" for number in range(1080, 1100)]
    assert "static: RUN seq 1000 1099; exit 7 (failed)" in ran.err


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
def test_a_requirement_that_pip_cannot_find_is_in_what_is_said(tmp_path: Path) -> None:
    requirement = "a-package-that-nobody-has-written==1.0"
    root = tiny(tmp_path / "tiny", None, {"requirements.txt": f"{requirement}\n"})
    ran = build(root)
    assert (ran.code, ran.out) == (43, "")
    _, error = ran.err.split("error: ")
    assert error.startswith("The stage deps failed at: RUN pip install ")
    assert f"  | ERROR: No matching distribution found for {requirement}\n" in error


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
@DOORS
@pytest.mark.parametrize(
    ("final", "said"),
    [
        pytest.param(
            "COPY static/css/ /app/staticfiles/css/", "hides /app/staticfiles/css", id="hidden"
        ),
        pytest.param(
            "FROM scratch\nCOPY static/ /srv/\n", "No layer of the image holds", id="none"
        ),
    ],
)
def test_a_static_layer_that_is_hidden_or_not_there_is_an_error(
    tmp_path: Path, door: Mapping[str, str], final: str, said: str, tag: Callable[[str], str]
) -> None:
    root = tiny(tmp_path / "tiny", f"{DOCKERFILE}{final}\n")
    ran = build(root, "--tag", tag("hidden"), environ=door)
    assert (ran.code, ran.out) == (45, "")
    assert said in ran.err
    assert "COPY --link --from=static /layer/ /" in ran.err


SLOW = f"""\
FROM scratch AS buildstatic-wheels
FROM {BASE} AS static
{STATIC}
RUN --mount=type=bind,from=buildstatic-wheels,target=/wheels ls /wheels
RUN sleep {{seconds}}
FROM static AS export
{FINAL}"""


# A shell that starts a program in the background lets it ignore SIGINT.
INTERRUPTIBLE = """\
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
from buildstatic.__main__ import main
main()
"""


@contextmanager
def slow_build(
    tmp_path: Path, *options: str, environ: Mapping[str, str] = {}
) -> Iterator[subprocess.Popen[str]]:
    """Start a build that takes minutes, in a session of its own; yield it when it sleeps.

    Its temporary files are in ``tmp``.
    """
    # Never the same twice, lest two runs at the same time share the step.
    lasts = 600 + time.time_ns() % 10**9 / 10**9
    root = tiny(tmp_path / "slow", SLOW.format(seconds=lasts))
    (tmp_path / "tmp").mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTIBLE, "build", *options, str(root)],
        env={**os.environ, **environ, "TMPDIR": str(tmp_path / "tmp")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        try:
            until_it_sleeps(process, f"sleep {lasts}")
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def until_it_sleeps(process: subprocess.Popen[str], words: str) -> None:
    """Read what *process* says up to the step before *words*, and wait until those run."""
    assert process.stderr
    said = ""
    while "ls /wheels" not in said:
        line = process.stderr.readline()
        assert line, said
        said += line
    until_run(words)


def until_run(words: str) -> None:
    """Wait until a step of a build runs *words*; one on another machine is not seen, but likely.

    An engine that is to stop a step in the moment it begins may let it run to its end.
    """
    soon(lambda: any(words in line for line in everything()), 10)
    time.sleep(1)


def everything() -> list[str]:
    """Return the commands of all processes."""
    return printed("ps", "-e", "-ww", "-o", "args=")


def soon(condition: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    """Wait until *condition* holds."""
    end = time.monotonic() + seconds
    while not (holds := condition()) and time.monotonic() < end:
        time.sleep(0.1)
    return holds


def in_session(pid: int) -> list[str]:
    """Return the commands of the processes in the session of *pid*."""
    return printed("ps", "-o", "args=", "-s", str(pid))


def printed(*argv: str) -> list[str]:
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout.splitlines()


@pytest.mark.engine
@DOORS
@pytest.mark.parametrize(
    ("number", "code", "last"),
    [
        pytest.param(signal.SIGINT, 130, "Interrupted.", id="SIGINT"),
        pytest.param(signal.SIGTERM, 143, "", id="SIGTERM"),
        pytest.param(signal.SIGHUP, 129, "", id="SIGHUP"),
    ],
)
def test_a_build_that_is_ended_leaves_nothing_behind(
    tmp_path: Path,
    door: Mapping[str, str],
    number: signal.Signals,
    code: int,
    last: str,
    tag: Callable[[str], str],
    engine: DockerClient,
) -> None:
    name = tag(f"ended-{number}-{len(door)}")
    with slow_build(tmp_path, "--tag", name, environ=door) as process:
        wheels = wheels_image(tmp_path / "tmp")
        assert bool(ids(engine, wheels)) == bool(door)
        process.send_signal(number)
        out, after = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (code, "")
    # What the builder tells of its steps may still be on its way.
    said = [line for line in after.strip().splitlines() if not line.startswith("static: ")]
    assert said[-1:] == ([last] if last else [])
    assert "Traceback" not in after
    assert "error" not in after

    assert soon(lambda: not in_session(process.pid)), in_session(process.pid)
    assert list((tmp_path / "tmp").iterdir()) == []
    assert ids(engine, name) == []
    assert ids(engine, wheels) == []


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
@pytest.mark.parametrize("there", [False, True], ids=["new", "there"])
def test_an_export_that_is_ended_writes_nothing(
    tmp_path: Path, number: signal.Signals, there: bool
) -> None:
    target = tmp_path / "new" / "static"
    if there:
        target.mkdir(parents=True)
        (target / "mine.txt").write_text("mine")
    with slow_build(tmp_path, "--export", str(target)) as process:
        process.send_signal(number)
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 128 + number
    assert soon(lambda: not in_session(process.pid)), in_session(process.pid)
    assert list((tmp_path / "tmp").iterdir()) == []
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.glob("new/**/*"))
    assert left == (["new/static", "new/static/mine.txt"] if there else [])
    assert (tmp_path / "new").exists() == there


def in_terminal(root: Path, *options: str, react: Mapping[str, bytes] = {}) -> tuple[int, str]:
    """Run a build in a terminal; return its exit code and all that came to the screen.

    Each key of *react* is answered, once, with its value, as if that were typed.
    """
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", INTERRUPTIBLE, "build", *options, str(root)]
    process = subprocess.Popen(
        ["setsid", "--ctty", "--wait", *command],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "30"},
    )
    os.close(theirs)
    seen, waiting = b"", dict(react)
    with process, open(ours, "r+b", buffering=0) as terminal:  # noqa: PTH123 - a descriptor
        while select.select([terminal], [], [], PATIENCE)[0]:
            try:
                seen += terminal.read(1 << 16)
            except OSError:
                break
            for words in [words for words in waiting if words.encode() in seen]:
                until_run(words)
                terminal.write(waiting.pop(words))
    return process.returncode, seen.decode()


def screen_after_the_view(seen: str) -> str:
    """Return what is written below the place where the live view was, without control codes."""
    _, _, after = seen.rpartition("\x1b[?25h")
    assert after != seen
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", after).replace("\r", "").lstrip("\n")


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
def test_a_terminal_shows_the_stages_while_they_run_and_then_a_clean_summary(
    tmp_path: Path, tag: Callable[[str], str]
) -> None:
    root = tiny(tmp_path / "tiny", running(f"sleep 5.{time.time_ns() % 10**9}"))
    code, seen = in_terminal(root, "--tag", tag("live"))
    assert code == 0
    view, _, _ = seen.rpartition("\x1b[?25h")
    assert re.search(r"static +\d+\.\d s  RUN sleep 5\.\d+", view)
    assert "\x1b[1A\x1b[2K" in view
    after = screen_after_the_view(seen)
    assert re.match(r"  (static|stage-1) +\d+\.\d s\n", after), after
    assert "RUN sleep" not in after
    assert re.search(r"\ndiffID  sha256:[0-9a-f]{64}\ndigest  .*\n$", after), after


@pytest.mark.engine
def test_ctrl_c_in_a_terminal_ends_the_build_with_one_line(
    tmp_path: Path, tag: Callable[[str], str], engine: DockerClient
) -> None:
    words = f"sleep 60.{time.time_ns() % 10**9}"
    root = tiny(tmp_path / "tiny", running(words))
    code, seen = in_terminal(root, "--tag", tag("ctrl-c"), react={words: b"\x03"})
    assert code == 130
    assert screen_after_the_view(seen).split("\n")[-2:] == ["Interrupted.", ""]
    assert "Traceback" not in seen
    assert ids(engine, tag("ctrl-c")) == []


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
def test_the_stages_are_those_of_this_dockerfile_while_another_build_shares_a_step(
    tmp_path: Path,
) -> None:
    with slow_build(tmp_path) as process:
        root = tiny(tmp_path / "tiny", f"FROM {BASE} AS mine\nFROM mine AS static\n{STATIC}{FINAL}")
        ran = build(root, "--json")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)
    own = {"mine", "static", "stage-2"}
    assert {stage["name"] for stage in ran.report["stages"]} <= own
    assert set(re.findall(r"^([\w-]+): ", ran.err, re.M)) <= own
