"""Collecting: a project's static files, from where its finders see them to one tree.

This package runs inside the project's own Python, so it imports nothing but the standard library
and, inside functions, the project's Django, and the codecs.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from buildstatic.collect.describe import describe, with_plan
from buildstatic.collect.examine import examine
from buildstatic.collect.handover import overridden, publish, unheard
from buildstatic.collect.ignoring import ignored_by_django, leave_out
from buildstatic.collect.keeping import kept_by_the_project
from buildstatic.collect.layout import lay_out
from buildstatic.collect.names import check_paths
from buildstatic.collect.places import trees_of
from buildstatic.collect.plan import Plan, check_strict, conflicts, make_plan
from buildstatic.collect.refuse import check_tree
from buildstatic.collect.request import Request
from buildstatic.collect.root import Layer, alone_in, prepare
from buildstatic.collect.sources import Finder, list_sources, load_finders
from buildstatic.collect.start import start
from buildstatic.collect.storage import load_storage, run_checks
from buildstatic.collect.telling import Collected, Summary, Tell

__all__ = ["Collected", "Request", "Summary", "Tell", "collect"]


def collect(request: Request, tell: Tell) -> Collected:
    """Collect what *request* describes; return Django's closing line, and a summary.

    The process becomes the project's: its directory, path, settings and apps. *tell* is told what
    is worth telling along the way. Django prints its own lines, and asks its own question, on the
    standard streams; only its closing line is handed back, for the caller to print last.

    Raises the errors of `buildstatic.errors`, from `SettingsInvalid` to `FileError`.
    """
    start(request)
    storage = load_storage(request)
    finders = load_finders(request)
    if request.describe != "wrong":
        run_checks(request)
    trees = trees_of(storage)
    layer = prepare(request, storage)
    plan = _plan(request, finders, (*trees, *((layer.root,) if layer else ())))
    if request.describe == "only":
        return Collected("", Summary(), describe(plan))
    if request.describe == "wrong":
        return Collected("", Summary(), examine(storage, plan))
    found = tuple(conflicts(plan))
    check_strict(request, found)
    if layer is None:
        _check_tree(request, trees[:1], plan)
    accidents = (str(conflict) for conflict in found if not conflict.is_meant)
    for sentence in (*overridden(storage), *unheard(request, storage), *accidents):
        tell.warn(sentence)
    collected = _publish(request, storage, plan, None if request.dry_run else layer, tell)
    return replace(
        collected,
        summary=with_plan(collected.summary, plan, found),
        plan=describe(plan) if request.describe else None,
    )


def _publish(
    request: Request, storage: Any, plan: Plan, layer: Layer | None, tell: Tell
) -> Collected:
    with alone_in(layer):
        collected = publish(request, storage, plan, layer, tell)
        if layer:
            for sentence in lay_out(layer, is_settled=not collected.summary.own_code):
                tell.warn(sentence)
    return collected


def _check_tree(request: Request, trees: tuple[Path, ...], plan: Plan) -> None:
    option = "--clear" if request.clear else "--prune" if request.prune else ""
    project = {"the project": Path(request.root), "manage.py": request.directory}
    kept = {**project, **kept_by_the_project()}
    for tree in trees if option else ():
        check_tree(option, tree, kept, plan.offers)


def _plan(request: Request, finders: tuple[Finder, ...], trees: tuple[Path, ...]) -> Plan:
    offered = list_sources(request, finders)
    sources, ignored = leave_out(request, offered, trees)
    check_paths(sources)
    if request.describe:
        ignored += ignored_by_django(request, finders, offered)
    return make_plan(sources, ignored)
