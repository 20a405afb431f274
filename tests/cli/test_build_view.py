"""The progress of a build, in a terminal and elsewhere."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from buildstatic import console
from buildstatic.builders.events import Built, Event, StepOutput, Vertex
from buildstatic.builders.progress import Progress
from buildstatic.cli.build_view import _table, build_view

BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
STAGES = frozenset({"static", "web"})


def vertex(
    name: str, seconds: float | None = None, cached: bool = False, error: str = ""
) -> Vertex:
    """Return a step that ended after *seconds*, or is still running."""
    completed = None if seconds is None else BEGIN + timedelta(seconds=seconds)
    return Vertex(f"sha256:{name}", name, BEGIN, completed, cached, error)


def shown(events: list[Event], capfd: pytest.CaptureFixture[str]) -> str:
    build = Progress(STAGES)
    with build_view() as on_step:
        for event in events:
            if step := build.add(event):
                on_step(step, build)
    out, err = capfd.readouterr()
    assert out == ""
    return err


@pytest.mark.parametrize(
    ("event", "line"),
    [
        pytest.param(vertex("[static 3/4] COPY . .", 1.25), "static: COPY . . (1.2 s)\n", id="ran"),
        pytest.param(vertex("[web 2/2] RUN x", 0, True), "web: RUN x (cached)\n", id="cached"),
        pytest.param(
            vertex("[static 1/2] RUN false", 2, error="exit code: 1"),
            "static: RUN false (failed)\n",
            id="failed",
        ),
        pytest.param(
            vertex("[web 1/2] RUN sleep", 2, error="context canceled"),
            "web: RUN sleep (cancelled)\n",
            id="cancelled",
        ),
        pytest.param(
            vertex("[linux/arm64 web 1/2] RUN x", 2), "web: RUN x (2.0 s)\n", id="with-a-platform"
        ),
        pytest.param(vertex("[web 1/2] RUN [x]", 2), "web: RUN [x] (2.0 s)\n", id="brackets"),
        pytest.param(
            vertex(f"[web 1/2] RUN {'x' * 300}", 2), f"web: RUN {'x' * 95}… (2.0 s)\n", id="long"
        ),
        pytest.param(vertex("[static 3/4] COPY . ."), "", id="running"),
        pytest.param(vertex("[internal] load build context", 1), "", id="internal"),
        pytest.param(vertex("[base 1/2] RUN x", 1), "", id="other build"),
        pytest.param(StepOutput("sha256:x", "a line of a log\n"), "", id="output"),
        pytest.param(Built("sha256:x"), "", id="built"),
    ],
)
def test_ended_step_is_a_line(event: Event, line: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert shown([event], capfd) == line


def test_step_is_printed_once(capfd: pytest.CaptureFixture[str]) -> None:
    name = "[static 1/2] RUN x"
    events: list[Event] = [vertex(name), vertex(name, 1), vertex(name, 1), vertex(name, 1)]
    assert shown(events, capfd) == "static: RUN x (1.0 s)\n"


@pytest.mark.parametrize("columns", [40, 80])
def test_view_fits_the_terminal(columns: int) -> None:
    build = Progress(STAGES)
    build.add(vertex(f"[static 3/4] RUN {'a-long-word ' * 20}"))
    build.add(vertex("[web 1/2] COPY . .", 1.5))
    terminal = Console(width=columns, force_terminal=True, color_system=None)
    with terminal.capture() as printed:
        terminal.print(_table(build))
    lines = [line.rstrip() for line in printed.get().splitlines()]
    assert [line.split()[0] for line in lines] == ["static", "web"]
    assert max(map(len, lines)) <= columns
    assert lines[0].endswith("…")
    assert re.match(r"web +1\.5 s$", lines[1])


def test_terminal_shows_running_steps(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    console.err.cache_clear()
    events: list[Event] = [
        vertex("[static 1/2] RUN first", 1),
        vertex("[static 2/2] RUN second"),
        vertex("[web 1/1] COPY . .", 2),
        vertex("[base 1/1] RUN other"),
    ]
    seen = shown(events, capfd)
    assert "RUN second" in seen
    assert "2.0 s" in seen
    assert "RUN other" not in seen
    assert seen.endswith("\r" + "\x1b[1A\x1b[2K" * 2)
