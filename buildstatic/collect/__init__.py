"""Collecting: a project's static files, from where its finders see them to one tree.

This package runs inside the project's own Python, so it imports nothing but the standard library
and, inside functions, the project's Django, and the codecs.
"""

from __future__ import annotations

from buildstatic.collect.handover import overridden, publish
from buildstatic.collect.layout import lay_out
from buildstatic.collect.plan import check_strict, conflicts, make_plan
from buildstatic.collect.request import Request
from buildstatic.collect.root import prepare
from buildstatic.collect.sources import list_sources, load_finders
from buildstatic.collect.start import start
from buildstatic.collect.storage import load_storage, run_checks
from buildstatic.collect.telling import Collected, Summary, Tell

__all__ = ["Collected", "Request", "Summary", "Tell", "collect"]


def collect(request: Request, tell: Tell) -> Collected:
    """Collect what *request* describes; return Django's closing line, and a summary.

    The process becomes the project's: its directory, path, settings and apps. *tell* is told what
    is worth telling along the way. Django prints its own lines, and asks its own question, on the
    standard streams; only its closing line is handed back, for the caller to print last.

    Raises the errors of `buildstatic.errors`, from `SettingsBroken` to `DiskFailed`.
    """
    start(request)
    storage = load_storage(request)
    finders = load_finders(request)
    run_checks(request)
    layer = prepare(request, storage)
    plan = make_plan(list_sources(request, finders))
    accidents = tuple(conflicts(plan))
    check_strict(request, accidents)
    for sentence in (*overridden(), *map(str, accidents)):
        tell.warn(sentence)
    collected = publish(request, storage, plan, tell)
    if layer and not request.dry_run:
        for sentence in lay_out(layer, is_settled=not collected.summary.own_code):
            tell.warn(sentence)
    return collected
