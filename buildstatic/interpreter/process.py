"""Collecting in a child of the project's Python, seen from our side."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Literal, TextIO

from buildstatic import errors
from buildstatic.collect.report import Callbacks, CollectResult, Summary
from buildstatic.collect.request import Request
from buildstatic.errors import CollectFailed

# The package is loaded from its own directory, and nothing of ours gets on `sys.path`: a project
# whose storage tries `import brotli` must find what it finds under manage.py, and no more.
BOOTSTRAP = """\
import importlib.util, sys
home, channel, parent, function, request = sys.argv[1:]
spec = importlib.util.spec_from_file_location(
    "buildstatic", home + "/__init__.py", submodule_search_locations=[home]
)
package = sys.modules["buildstatic"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(package)
from buildstatic.interpreter.child import main
main(int(channel), int(parent), function, request)
"""
HOME = Path(__file__).resolve().parent.parent
GRACE = 2.0
INTERRUPTED = (130, -signal.SIGINT)


def collect_with(
    python: Path, request: Request, environ: Mapping[str, str], tell: Callbacks
) -> CollectResult:
    """Call `buildstatic.collect.collect` in a child process of *python*."""
    result = call(python, "collect", request, environ, tell)
    summary = result["summary"]
    summary["conflicts"] = tuple(summary["conflicts"])
    return CollectResult(**{**result, "summary": Summary(**summary)})


def call(
    python: Path,
    function: Literal["collect", "plan", "examine"],
    request: Request,
    environ: Mapping[str, str],
    tell: Callbacks | None = None,
    *,
    stdout: int | None = None,
) -> dict[str, Any]:
    """Call *function* of `buildstatic.collect` in a child of *python*; return its result as JSON.

    The child has the environment *environ* and the standard streams, so that Django prints and
    asks as ever, or the descriptor *stdout* for standard output; what happened comes back through a
    pipe of its own, an event a line. A signal that ends us ends the child.

    Raises what *function* raises, and `CollectFailed` for a child that died.
    """
    reading, writing = os.pipe()
    with os.fdopen(reading, encoding="utf-8") as events:
        own = (str(HOME), str(writing), str(os.getpid()), function, request.to_json())
        try:
            child = subprocess.Popen(
                [python, "-c", BOOTSTRAP, *own],
                cwd=request.directory,
                env=dict(environ),
                pass_fds=(writing,),
                stdout=stdout,
            )
        finally:
            os.close(writing)
        with _ended_with_us(child):
            outcome = _follow(events, tell or Callbacks(lambda _warning: None))
            status = child.wait()
    return _ending(outcome, status)


def _follow(events: TextIO, tell: Callbacks) -> dict[str, Any]:
    """Tell what the child has to tell; return its last word, empty if it died before it."""
    for line in events:
        if not line.endswith("\n"):
            break
        event: dict[str, Any] = json.loads(line)
        match event:
            case {"warning": str(warning)}:
                tell.warn(warning)
            case {"progress": [str(step), int(done), int(total)]}:
                tell.progress(step, done, total)
            case _:
                return event
    return {}


def _ending(outcome: dict[str, Any], status: int) -> dict[str, Any]:
    match outcome:
        case {"result": dict(result)}:
            return result
        case {"error": str(name), "args": list(args), "traceback": str(trace)}:
            error = getattr(errors, name)(*args)
            error.add_note(trace)
            raise error
        case {"fault": str(fault), "traceback": str(trace)}:
            raised = RuntimeError(fault)
            raised.add_note(trace)
            raise raised
        case _:
            raise _died(status)


def _died(status: int) -> BaseException:
    if status in INTERRUPTED:
        return KeyboardInterrupt()
    if status < 0:
        name = signal.Signals(-status).name
        problem = f"The process that collects the files was killed by {name}."
        hint = "Most often that means that memory ran out." if name == "SIGKILL" else ""
        return CollectFailed(problem, hint)
    problem = f"The project ended the process that collects its files, with status {status}."
    return CollectFailed(problem, "What it printed before may say why.")


@contextmanager
def _ended_with_us(child: subprocess.Popen[bytes]) -> Iterator[None]:
    """Leave no child behind: whatever ends this block before the child has ended, ends it too."""
    before = signal.signal(signal.SIGTERM, _terminated)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        _end(child)


def _terminated(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    raise SystemExit(128 + number)


def _end(child: subprocess.Popen[bytes]) -> None:
    """Wait for *child*, which had a Ctrl-C when we had it; then ask, then make it end."""
    for push in (child.terminate, child.kill):
        try:
            child.wait(GRACE)
            return
        except subprocess.TimeoutExpired:
            push()
    child.wait()
