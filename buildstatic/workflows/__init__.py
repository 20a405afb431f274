"""What each command does, as functions that any Python program can call.

Values in, values out: nothing here prints, asks or exits. What happens along the way goes to a
`Reporter`; failures are the classes of `buildstatic.errors`. The documented interface is in
``docs/reference/api.md``.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from buildstatic.builders.progress import OnStep
    from buildstatic.collect.request import Summary


def _ignore(*_: object) -> None:
    pass


@dataclass(frozen=True)
class Reporter:
    """Receives what a workflow has to report; by default everything is ignored.

    *warn* and *note* take a sentence. *progress* takes a step of collecting (read, fingerprint,
    compress, publish), how much of it is done, and the total: bytes for compress, files for the
    others. *collected* takes the summary of a collection that is followed by more work.
    *build_view* returns a context manager that is entered while a Dockerfile build runs; it yields
    what is called for each of its steps.
    """

    warn: Callable[[str], None] = _ignore
    note: Callable[[str], None] = _ignore
    progress: Callable[[str, int, int], None] = _ignore
    collected: Callable[[Summary], None] = _ignore
    build_view: Callable[[], AbstractContextManager[OnStep]] = lambda: nullcontext(_ignore)


SILENT = Reporter()
