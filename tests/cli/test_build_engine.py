"""``buildstatic build`` with an engine: output, failures, interrupts, --serve and --reuse."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from buildstatic.errors import StageFailed, StaticLayerNotFound
from tests.oci.images import base, put, static
from tests.oci.tiny import (
    BASE,
    DOCKERFILE,
    DOORS,
    FINAL,
    STATIC,
    WITHOUT_DOCKER,
    build,
    ids,
    running,
    tiny,
    wheels_image,
)

if TYPE_CHECKING:
    from docker import DockerClient

KEYS = ["image", "id", "static", "stages", "seconds"]
STATIC_KEYS = ["path", "files", "bytes", "diff_id", "digest", "reused", "earlier"]
PATIENCE = 180  # seconds: less than a slow build takes


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tiny(tmp_path / "tiny")


@pytest.mark.engine
@DOORS
def test_json_and_lines_of_progress(
    root: Path, door: Mapping[str, str], tag: Callable[[str], str], engine: DockerClient
) -> None:
    name = tag(f"json-{len(door)}")
    # A step that another build shares is reported under that build's state.
    (root / "static" / "own.txt").write_text(name)
    ran = build(root, "--tag", name, "--json", environ={**door, "CI": "true"})
    report = ran.report
    assert ran.out.count("\n") == 1
    assert list(report) == KEYS
    assert list(report["static"]) == STATIC_KEYS
    assert all(list(stage) == ["name", "seconds", "cached"] for stage in report["stages"])
    assert (report["image"], report["id"]) == (name, engine.images.get(name).id)
    assert (report["static"]["path"], report["static"]["files"]) == ("/app/staticfiles", 3)
    assert {stage["name"] for stage in report["stages"]} == {"static", "stage-1"}

    assert "\x1b" not in ran.err
    steps = re.findall(r"^(\S+): (.+) \((?:cached|\d+\.\d s)\)$", ran.err, re.M)
    assert ("static", "COPY static/ /layer/app/staticfiles/") in steps
    assert ("stage-1", "COPY --link --from=static /layer/ /") in steps


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
def test_summary_says_if_the_layer_is_new(root: Path, tag: Callable[[str], str]) -> None:
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
def test_failed_stage_prints_its_last_lines(tmp_path: Path, door: Mapping[str, str]) -> None:
    root = tiny(tmp_path / "tiny", running("seq 1000 1099; exit 7"))
    ran = build(root, "--json", environ=door)
    assert (ran.code, ran.out) == (StageFailed.exit_code, "")
    _, error = ran.err.split("error: ")
    first, second, empty, *lines = error.splitlines()
    assert first == "The stage static failed at: RUN seq 1000 1099; exit 7"
    assert second.endswith("did not complete successfully: exit code: 7")
    assert empty == ""
    assert lines == [f"  | {number}" for number in range(1080, 1100)]
    assert "static: RUN seq 1000 1099; exit 7 (failed)" in ran.err


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
def test_missing_requirement_is_in_the_error(tmp_path: Path) -> None:
    requirement = "a-package-that-nobody-has-written==1.0"
    root = tiny(tmp_path / "tiny", None, {"requirements.txt": f"{requirement}\n"})
    ran = build(root)
    assert (ran.code, ran.out) == (StageFailed.exit_code, "")
    _, error = ran.err.split("error: ")
    assert error.startswith("The stage deps failed at: RUN pip install ")
    advice, log = error.split("\n\n")[1:]
    assert advice.startswith(f"No index has {requirement} ")
    assert f"  | ERROR: No matching distribution found for {requirement}\n" in log


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize(
    ("final", "message"),
    [
        pytest.param(
            "COPY static/css/ /app/staticfiles/css/", "hides /app/staticfiles/css", id="hidden"
        ),
        pytest.param("FROM scratch\nCOPY static/ /srv/\n", "No layer of the image", id="none"),
    ],
)
def test_hidden_or_missing_static_layer(
    tmp_path: Path, final: str, message: str, tag: Callable[[str], str]
) -> None:
    root = tiny(tmp_path / "tiny", f"{DOCKERFILE}{final}\n")
    ran = build(root, "--tag", tag("hidden"))
    assert (ran.code, ran.out) == (StaticLayerNotFound.exit_code, "")
    assert message in ran.err
    assert "COPY --link --from=static /layer/ /" in ran.err


SLOW = f"""\
FROM scratch AS buildstatic-wheels
FROM {BASE} AS static
{STATIC}
RUN --mount=type=bind,from=buildstatic-wheels,target=/wheels ls /wheels
RUN sleep {{seconds}}
FROM static AS export
{FINAL}"""


# A program that a shell starts in the background ignores SIGINT.
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

    TMPDIR is ``tmp``.
    """
    # Unique, so that two runs at the same time do not share the step.
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
    """Read the output of *process* up to the step before *words*, and wait for that to run."""
    assert process.stderr
    output = ""
    while "ls /wheels" not in output:
        line = process.stderr.readline()
        assert line, output
        output += line
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
@pytest.mark.parametrize(
    ("number", "code", "last", "door"),
    [
        pytest.param(signal.SIGINT, 130, "Interrupted.", {}, id="SIGINT-buildx"),
        pytest.param(signal.SIGINT, 130, "Interrupted.", WITHOUT_DOCKER, id="SIGINT-api"),
        pytest.param(signal.SIGTERM, 143, "", WITHOUT_DOCKER, id="SIGTERM-api"),
        pytest.param(signal.SIGHUP, 129, "", {}, id="SIGHUP-buildx"),
    ],
)
def test_interrupted_build_leaves_nothing(
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
    # Events of the steps may still arrive.
    output = [line for line in after.strip().splitlines() if not line.startswith("static: ")]
    assert output[-1:] == ([last] if last else [])
    assert "Traceback" not in after
    assert "error" not in after

    assert soon(lambda: not in_session(process.pid)), in_session(process.pid)
    assert list((tmp_path / "tmp").iterdir()) == []
    assert ids(engine, name) == []
    assert ids(engine, wheels) == []


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize(
    ("number", "exists"),
    [(signal.SIGINT, False), (signal.SIGTERM, True)],
    ids=["new directory", "existing directory"],
)
def test_interrupted_export_writes_nothing(
    tmp_path: Path, number: signal.Signals, exists: bool
) -> None:
    target = tmp_path / "new" / "static"
    if exists:
        target.mkdir(parents=True)
        (target / "mine.txt").write_text("mine")
    with slow_build(tmp_path, "--export", str(target)) as process:
        process.send_signal(number)
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 128 + number
    assert soon(lambda: not in_session(process.pid)), in_session(process.pid)
    assert list((tmp_path / "tmp").iterdir()) == []
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.glob("new/**/*"))
    assert left == (["new/static", "new/static/mine.txt"] if exists else [])
    assert (tmp_path / "new").exists() == exists


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
def test_next_export_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    target = tmp_path / "static"
    with slow_build(tmp_path, "--export", str(target)) as process:
        assert list(tmp_path.glob(".buildstatic-*"))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=PATIENCE)
    target.mkdir()
    files = f"{DOCKERFILE}FROM scratch AS export\nCOPY static/ /\n"
    ran = build(tiny(tmp_path / "tiny", files), "--export", str(target))
    assert ran.code == 0, ran.err
    assert list(tmp_path.rglob(".buildstatic-*")) == []


def in_terminal(root: Path, *options: str, react: Mapping[str, bytes] = {}) -> tuple[int, str]:
    """Run a build in a terminal; return its exit code and its output.

    When a key of *react* is printed, its value is typed, once.
    """
    near, far = pty.openpty()
    command = [sys.executable, "-c", INTERRUPTIBLE, "build", *options, str(root)]
    process = subprocess.Popen(
        ["setsid", "--ctty", "--wait", *command],
        stdin=far,
        stdout=far,
        stderr=far,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "30"},
    )
    os.close(far)
    seen, waiting = b"", dict(react)
    with process, open(near, "r+b", buffering=0) as terminal:  # noqa: PTH123 - a descriptor
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
def test_terminal_shows_stages_then_summary(tmp_path: Path, tag: Callable[[str], str]) -> None:
    root = tiny(tmp_path / "tiny", running(f"sleep 5.{time.time_ns() % 10**9}"))
    code, seen = in_terminal(root, "--tag", tag("live"))
    assert code == 0
    view, _, _ = seen.rpartition("\x1b[?25h")
    assert re.search(r"static +\d+\.\d s  RUN sleep 5\.\d+", view)
    assert "\x1b[1A\x1b[2K" in view
    after = screen_after_the_view(seen)
    assert re.match(r"  (static|stage-1) +\d+\.\d s\n", after), after
    assert "RUN sleep" not in after
    assert re.search(
        r"\ndiffID  sha256:[0-9a-f]{64}\ndigest  .*\n\nNext: docker run --rm .*\n$", after
    ), after


@pytest.mark.engine
def test_ctrl_c_in_a_terminal(
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
def test_shared_step_of_another_build_is_not_shown(
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


COLLECTED = f"FROM scratch AS static\n{STATIC}"
NAMED = "COPY staticfiles.json /layer/app/staticfiles/\n"
ASSETS = "FROM scratch AS assets\nCOPY --link --from=static /layer/ /\n"
NAMES = "FROM scratch AS manifest\nCOPY staticfiles.json /manifest/app/staticfiles/\n"
NO_NAMES = "FROM scratch AS manifest\nWORKDIR /manifest\n"
APPLICATION = "FROM scratch AS web\nWORKDIR /app\nCOPY --link --from=manifest /manifest/ /\n"
ELSEWHERE = "The static files are in another image: --target assets."


def served(parent: Path, dockerfile: str) -> Path:
    return tiny(parent / "tiny", dockerfile, {"staticfiles.json": "{}\n"})


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
def test_assets_image_has_the_files_and_application_the_manifest(
    tmp_path: Path, tag: Callable[[str], str]
) -> None:
    root, name = served(tmp_path, COLLECTED + NAMED + ASSETS + NAMES + APPLICATION), tag("apart")
    assets = build(root, "--tag", name, "--target", "assets")
    assert assets.code == 0, assets.err
    assert "static  3 files, " in assets.out
    assert "manifest" not in assets.out
    assert ELSEWHERE not in assets.out
    for target in ([], ["--target", "web"]):
        final = build(root, "--tag", name, *target)
        assert final.code == 0, final.err
        assert "static  1 file, 3 bytes, in /app/staticfiles: the manifest\n" in final.out
        assert final.out.splitlines()[-1] == ELSEWHERE


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
def test_application_without_a_manifest(tmp_path: Path, tag: Callable[[str], str]) -> None:
    root = served(tmp_path, COLLECTED + ASSETS + NO_NAMES + APPLICATION)
    ran = build(root, "--tag", tag("no-names"), "--json")
    assert ran.report["static"] is None
    assert ran.err.splitlines()[-1] == ELSEWHERE


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
def test_stage_named_assets_of_another_purpose(tmp_path: Path, tag: Callable[[str], str]) -> None:
    root = served(tmp_path, f"FROM scratch AS assets\nCOPY static/ /x/\n{COLLECTED}{FINAL}")
    name = tag("own-assets")
    assert build(root, "--tag", name, "--target", "assets", "--json").report["static"] is None
    assert build(root, "--tag", name, "--json").report["static"]["files"] == 2


# The archive of the variants of the earlier image becomes a static file.
SHOWS_PREVIOUS = (
    f"FROM scratch AS buildstatic-previous\nFROM {BASE} AS static\n{STATIC}"
    "RUN --mount=type=bind,from=buildstatic-previous,target=/previous \\\n"
    f"    cp -r /previous/. /layer/app/staticfiles/\n{FINAL}"
)


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
@DOORS
def test_reuse(tmp_path: Path, door: Mapping[str, str], tag: Callable[[str], str]) -> None:
    files = {"css/site.css": "a", "css/site.css.gz": "1", "js/site.js": "b", "js/site.js.br": "2"}
    earlier = f"oci:{tmp_path / 'oci'}:earlier"
    put(base(tmp_path / "oci"), earlier, static(tmp_path, files))
    root, name = tiny(tmp_path / "tiny", SHOWS_PREVIOUS), tag(f"reuse-{len(door)}")
    plain = build(root, "--tag", name, "--json", environ=door).report
    ran = build(root, "--tag", name, "--reuse", earlier, "--json", environ=door)
    assert ran.report["static"]["files"] == plain["static"]["files"] + 1
    assert f"2 variants of {earlier} can be reused.\n" in ran.err
    missing = f"oci:{tmp_path / 'x'}"
    ran = build(root, "--tag", name, "--reuse", missing, "--json", environ=door)
    assert ran.err.startswith("warning: Nothing to reuse: ")
    assert ran.report["static"]["diff_id"] == plain["static"]["diff_id"]


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
def test_reuse_of_an_image_of_the_engine(tmp_path: Path, tag: Callable[[str], str]) -> None:
    files = {"static/css/site.css": "a", "static/css/site.css.gz": "of an engine"}
    root = tiny(tmp_path / "tiny", SHOWS_PREVIOUS, files)
    build(root, "--tag", tag("reuse-engine"))
    (root / "static/css/site.css.gz").unlink()
    reuse = ("--reuse", f"docker:{tag('reuse-engine')}")
    assert build(root, "--tag", tag("reuse-more"), *reuse, "--json").report["static"]["files"] == 3


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
def test_reuse_without_a_stage_for_it(tmp_path: Path, tag: Callable[[str], str]) -> None:
    name = f"oci:{tmp_path / 'oci'}:earlier"
    put(base(tmp_path / "oci"), name, static(tmp_path, {"css/site.css.gz": "1"}))
    ran = build(tiny(tmp_path / "tiny"), "--tag", tag("reuse-not"), "--reuse", name)
    assert ran.code == 0, ran.err
    assert "warning: The Dockerfile has no stage buildstatic-previous" in ran.err
