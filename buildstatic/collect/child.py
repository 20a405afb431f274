"""Collecting in a child of the project's Python, seen from the child's side."""

from __future__ import annotations

import json
import os
import sys
import traceback
from typing import Any

from buildstatic.collect import Request, collect
from buildstatic.errors import BuildstaticError

INTERRUPTED = 130


def main(channel: int, text: str) -> None:
    """Collect what the JSON *text* asks for, and report on the file descriptor *channel*.

    A line of JSON for each ``{"warning"}``, and one at the end: ``{"closing"}``, ``{"error",
    "args", "traceback"}`` for an error of ours, or ``{"fault", "traceback"}`` for a fault of ours.
    """
    os.set_inheritable(channel, False)
    with os.fdopen(channel, "w", encoding="utf-8") as stream:

        def tell(event: dict[str, Any]) -> None:
            stream.write(json.dumps(event) + "\n")
            stream.flush()

        try:
            tell(_outcome(text, lambda warning: tell({"warning": warning})))
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)


def _outcome(text: str, warn: Any) -> dict[str, Any]:
    try:
        return {"closing": collect(Request.from_json(text), warn)}
    except BuildstaticError as error:
        trace = traceback.format_exc()
        return {"error": type(error).__name__, "args": error.args, "traceback": trace}
    except Exception as error:
        fault = f"{type(error).__name__}: {error}"
        return {"fault": fault, "traceback": traceback.format_exc()}
