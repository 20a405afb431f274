"""Collecting in a child of the project's Python, seen from the child's side."""

from __future__ import annotations

import json
import os
import sys
import traceback
from dataclasses import asdict
from typing import Any

from buildstatic.collect import Request, Tell, collect
from buildstatic.collect.workers.parent_death import end_with_the_parent
from buildstatic.errors import BuildstaticError

INTERRUPTED = 130


def main(channel: int, parent: int, text: str) -> None:
    """Collect what the JSON *text* asks for, and report on the file descriptor *channel*.

    It ends with the process *parent*, which started this one.

    A line of JSON for each ``{"warning"}`` and ``{"progress"}``, and one at the end: ``{"closing",
    "summary"}``, ``{"error", "args", "traceback"}`` for an error of ours, or ``{"fault",
    "traceback"}`` for a fault of ours.
    """
    os.set_inheritable(channel, False)
    end_with_the_parent(parent)
    with os.fdopen(channel, "w", encoding="utf-8") as stream:

        def tell(event: dict[str, Any]) -> None:
            stream.write(json.dumps(event) + "\n")
            stream.flush()

        listener = Tell(
            lambda warning: tell({"warning": warning}),
            lambda *progress: tell({"progress": progress}),
        )
        try:
            tell(_outcome(text, listener))
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)


def _outcome(text: str, tell: Tell) -> dict[str, Any]:
    try:
        return asdict(collect(Request.from_json(text), tell))
    except BuildstaticError as error:
        trace = traceback.format_exc()
        return {"error": type(error).__name__, "args": error.args, "traceback": trace}
    except Exception as error:
        fault = f"{type(error).__name__}: {error}"
        return {"fault": fault, "traceback": traceback.format_exc()}
