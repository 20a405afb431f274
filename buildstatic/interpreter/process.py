"""Call the functions of `buildstatic.collect` in a child process of the project's Python."""

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
from buildstatic.collect.request import Callbacks, CollectResult, Request, Summary
from buildstatic.errors import CollectFailed

# The package is loaded from its directory, without adding to `sys.path`: a project whose storage
# tries `import brotli` must find the same as under manage.py.
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
GRACE = 2.0  # seconds
INTERRUPTED = (130, -signal.SIGINT)


def collect_with(
    python: Path, request: Request, environ: Mapping[str, str], callbacks: Callbacks
) -> CollectResult:
    """Call `buildstatic.collect.collect` in a child process of *python*."""
    result = call(python, "collect", request, environ, callbacks)
    summary = result["summary"]
    summary["conflicts"] = tuple(summary["conflicts"])
    return CollectResult(**{**result, "summary": Summary(**summary)})


def call(
    python: Path,
    function: Literal["collect", "plan", "examine"],
    request: Request,
    environ: Mapping[str, str],
    callbacks: Callbacks | None = None,
    *,
    stdout: int | None = None,
) -> dict[str, Any]:
    """Call *function* of `buildstatic.collect` in a child of *python*; return its result as JSON.

    The child has the environment *environ* and the standard streams, on which Django prints and
    asks as usual; with the descriptor *stdout*, that is its output, and its input is empty. Its
    events come back through another pipe. A signal that ends this process ends the child.

    Raises what *function* raises, and `CollectFailed` if the child died.
    """
    reading, writing = os.pipe()
    with os.fdopen(reading, encoding="utf-8") as events:
        arguments = (str(HOME), str(writing), str(os.getpid()), function, request.to_json())
        try:
            child = subprocess.Popen(
                [python, "-c", BOOTSTRAP, *arguments],
                cwd=request.manage.parent,
                env=dict(environ),
                pass_fds=(writing,),
                stdin=None if stdout is None else subprocess.DEVNULL,
                stdout=stdout,
            )
        finally:
            os.close(writing)
        with _ended_with_this_process(child):
            outcome = _read_events(events, callbacks or Callbacks(lambda _warning: None))
            status = child.wait()
    match outcome:
        case {"result": dict(result)}:
            return result
        case {"error": str(name), "args": list(args), "traceback": str(trace)}:
            error: Exception = getattr(errors, name)(*args)
        case {"internal_error": str(text), "traceback": str(trace)}:
            error = RuntimeError(text)
        case _:
            raise _died(status)
    error.add_note(trace)
    raise error


def _read_events(events: TextIO, callbacks: Callbacks) -> dict[str, Any]:
    """Pass on warnings and progress; return the last event, empty if the child died before it."""
    for line in events:
        if not line.endswith("\n"):
            break
        event: dict[str, Any] = json.loads(line)
        match event:
            case {"warning": str(warning)}:
                callbacks.warn(warning)
            case {"progress": [str(step), int(done), int(total)]}:
                callbacks.progress(step, done, total)
            case _:
                return event
    return {}


def _died(status: int) -> BaseException:
    if status in INTERRUPTED:
        return KeyboardInterrupt()
    if status < 0:
        name = signal.Signals(-status).name
        advice = "The machine may have run out of memory." if name == "SIGKILL" else ""
        return CollectFailed(f"The collecting process was killed by {name}.", advice)
    problem = f"The project ended the collecting process with status {status}."
    return CollectFailed(problem, "Check the output above for the reason.")


@contextmanager
def _ended_with_this_process(child: subprocess.Popen[bytes]) -> Iterator[None]:
    """End *child* when the block ends, for whatever reason.

    Ctrl-C has already reached the child, so it gets `GRACE` seconds, then SIGTERM, then SIGKILL.
    """

    def exit_(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, exit_)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        for end in (child.terminate, child.kill):
            try:
                child.wait(GRACE)
                break
            except subprocess.TimeoutExpired:
                end()
        child.wait()
