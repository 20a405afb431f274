"""Collecting in a child of the project's Python, seen from the child's side."""

from __future__ import annotations

import json
import os
import sys
import traceback
from dataclasses import asdict
from typing import Any

from buildstatic.collect import Callbacks, Request, collect, examine, plan
from buildstatic.collect.workers.process import end_with_parent
from buildstatic.errors import BuildstaticError

INTERRUPTED = 130


def main(channel: int, parent: int, function: str, text: str) -> None:
    """Call *function* of `buildstatic.collect`; report on the file descriptor *channel*.

    *function* is ``collect``, ``plan`` or ``examine``; *text* is the request as JSON.

    It ends with the process *parent*, which started this one.

    A line of JSON for each ``{"warning"}`` and ``{"progress"}``, and one at the end:
    ``{"result"}``, ``{"error", "args", "traceback"}`` for a `BuildstaticError`, or ``{"fault",
    "traceback"}`` for an internal error.
    """
    os.set_inheritable(channel, False)
    end_with_parent(parent)
    with os.fdopen(channel, "w", encoding="utf-8") as stream:

        def tell(event: dict[str, Any]) -> None:
            stream.write(json.dumps(event) + "\n")
            stream.flush()

        listener = Callbacks(
            lambda warning: tell({"warning": warning}),
            lambda *progress: tell({"progress": progress}),
        )
        try:
            tell(_outcome(function, text, listener))
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)


def _outcome(function: str, text: str, tell: Callbacks) -> dict[str, Any]:
    request = Request.from_json(text)
    try:
        match function:
            case "plan":
                return {"result": plan(request)}
            case "examine":
                return {"result": examine(request)}
            case _:
                return {"result": asdict(collect(request, tell))}
    except BuildstaticError as error:
        trace = traceback.format_exc()
        return {"error": type(error).__name__, "args": error.args, "traceback": trace}
    except Exception as error:
        fault = f"{type(error).__name__}: {error}"
        return {"fault": fault, "traceback": traceback.format_exc()}
