"""Collecting: a project's static files, from where its finders see them to one tree.

This package runs inside the project's own Python, so it imports nothing but the standard library
and, inside functions, the project's Django.
"""

from __future__ import annotations

from collections.abc import Callable

from buildstatic.collect.layout import lay_out
from buildstatic.collect.plan import conflicts, make_plan
from buildstatic.collect.publish import overridden, publish
from buildstatic.collect.request import Request
from buildstatic.collect.root import prepare
from buildstatic.collect.sources import list_sources, load_finders
from buildstatic.collect.start import start
from buildstatic.collect.storage import load_storage, run_checks

__all__ = ["Request", "collect"]


def collect(request: Request, warn: Callable[[str], None]) -> str:
    """Collect what *request* describes; return the closing line of Django's collectstatic.

    The process becomes the project's: its directory, path, settings and apps. *warn* takes the
    sentences that are worth telling along the way. Django prints its own lines, and asks its own
    question, on the standard streams; only its closing line is handed back, for the caller to
    print last (empty at verbosity 0).

    Raises the errors of `buildstatic.errors`, from `SettingsBroken` to `DiskFailed`.
    """
    start(request)
    storage = load_storage(request)
    finders = load_finders(request)
    run_checks(request)
    layer = prepare(request, storage)
    sources = list_sources(request, finders)
    plan = make_plan(sources)
    for sentence in (*overridden(), *map(str, conflicts(plan))):
        warn(sentence)
    closing = publish(request, storage, plan)
    if layer and not request.dry_run:
        for sentence in lay_out(layer):
            warn(sentence)
    return closing
