"""Call the functions of `buildstatic.collect.main` in a child process of the project's Python.

The request is an argument of the child, as JSON. Its events come back through a pipe, each a line
of JSON: ``{"warning"}`` and ``{"progress"}``, and finally ``{"result"}``, ``{"error", "args",
"traceback"}`` for a `BuildstaticError`, or ``{"internal_error", "traceback"}``.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Any, Literal, TextIO

from buildstatic import errors
from buildstatic.collect.request import (
    Callbacks,
    CollectOptions,
    CollectResult,
    Request,
    Summary,
)
from buildstatic.collect.workers.process import end_with_parent
from buildstatic.errors import BuildstaticError, CollectFailed

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
from buildstatic.interpreter.process import child_main
child_main(int(channel), int(parent), function, request)
"""
HOME = Path(__file__).resolve().parent.parent
GRACE = 2.0  # seconds
INTERRUPTED = 130


def collect_with(
    python: Path, request: Request, environ: Mapping[str, str], callbacks: Callbacks
) -> CollectResult:
    """Call `buildstatic.collect.main.collect` in a child process of *python*."""
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
    output: int | None = None,
) -> dict[str, Any]:
    """Call *function* of `collect.main` in a child of *python*; return its result as JSON.

    The child has the environment *environ* and the standard streams, on which Django prints and
    asks as usual; with the descriptor *output*, it prints everything there, and its input is empty.
    Its events come back through another pipe. A signal that ends this process ends the child.

    Raises what *function* raises, and `CollectFailed` if the child died.
    """
    reading, writing = os.pipe()
    with os.fdopen(reading, encoding="utf-8") as events:
        arguments = (str(HOME), str(writing), str(os.getpid()), function, request_to_json(request))
        try:
            child = subprocess.Popen(
                [python, "-c", BOOTSTRAP, *arguments],
                cwd=request.manage.parent,
                env=dict(environ),
                pass_fds=(writing,),
                stdin=None if output is None else subprocess.DEVNULL,
                stdout=output,
                stderr=output,
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


def child_main(channel: int, parent: int, function: str, text: str) -> None:
    """Be the child: call *function* of `buildstatic.collect.main` with the request *text*.

    Events go to the file descriptor *channel*. The process ends with the process *parent*, which
    started it.
    """
    os.set_inheritable(channel, False)
    end_with_parent(parent)
    with os.fdopen(channel, "w", encoding="utf-8") as stream:

        def send(event: dict[str, Any]) -> None:
            stream.write(json.dumps(event) + "\n")
            stream.flush()

        callbacks = Callbacks(
            lambda warning: send({"warning": warning}),
            lambda *progress: send({"progress": progress}),
        )
        try:
            send(_last_event(function, text, callbacks))
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)


def _last_event(function: str, text: str, callbacks: Callbacks) -> dict[str, Any]:
    from buildstatic.collect import main

    try:
        request = request_from_json(text)
        match function:
            case "plan":
                return {"result": main.plan(request)}
            case "examine":
                return {"result": main.examine(request)}
            case _:
                return {"result": asdict(main.collect(request, callbacks))}
    except BuildstaticError as error:
        trace = traceback.format_exc()
        return {"error": type(error).__name__, "args": error.args, "traceback": trace}
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
        return {"internal_error": text, "traceback": traceback.format_exc()}


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
    if status in (INTERRUPTED, -signal.SIGINT):
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


def request_to_json(request: Request) -> str:
    """Return *request* as one line of JSON."""
    return json.dumps(asdict(request), default=str)


def request_from_json(text: str) -> Request:
    """Return the request that `request_to_json` wrote."""
    values = {name: _as_tuple(value) for name, value in json.loads(text).items()}
    options = {name: _as_tuple(value) for name, value in values["options"].items()}
    for fields, names in (
        (values, ("root", "manage")),
        (options, ("layer_root", "cache", "reuse")),
    ):
        fields.update({name: Path(fields[name]) for name in names if fields[name] is not None})
    return Request(**{**values, "options": CollectOptions(**options)})


def _as_tuple(value: Any) -> Any:
    return tuple(map(_as_tuple, value)) if isinstance(value, list) else value
