"""Collect the static files of a Django project.

This package runs in the project's own Python. It imports only the standard library, pathspec, the
codecs and, inside functions, the project's Django.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from buildstatic.collect.describe import describe, with_plan
from buildstatic.collect.examine import examine_plan
from buildstatic.collect.handover import overridden, publish, unheard
from buildstatic.collect.ignoring import ignored_by_django, leave_out
from buildstatic.collect.keeping import kept_by_the_project
from buildstatic.collect.layout import lay_out
from buildstatic.collect.names import check_paths
from buildstatic.collect.places import trees_of
from buildstatic.collect.planning import Plan, check_strict, conflicts, make_plan
from buildstatic.collect.refuse import check_tree
from buildstatic.collect.request import Request
from buildstatic.collect.root import Layer, alone_in, prepare
from buildstatic.collect.sources import list_sources, load_finders
from buildstatic.collect.start import start
from buildstatic.collect.storage import load_storage, run_checks
from buildstatic.collect.storages.recognize import recognize
from buildstatic.collect.telling import Collected, Summary, Tell

__all__ = ["Collected", "Request", "Summary", "Tell", "collect", "examine", "plan"]


def collect(request: Request, tell: Tell) -> Collected:
    """Collect the static files of the project in *request*.

    The process becomes the project's: its directory, path, settings and apps. Django prints its
    messages, and asks its question, on the standard streams; only its closing line is returned,
    for the caller to print last. *tell* receives warnings and progress.

    Raises the errors of `buildstatic.errors`, from `SettingsInvalid` to `FileError`.
    """
    storage, layer, collected_plan = _prepare(request, with_ignored=request.with_plan)
    kind = recognize(storage)
    found = tuple(conflicts(collected_plan))
    check_strict(request, found)
    if layer is None:
        _check_tree(request, trees_of(storage)[:1], collected_plan)
    accidents = (str(conflict) for conflict in found if not conflict.is_meant)
    for sentence in (*overridden(), *unheard(request, kind), *accidents):
        tell.warn(sentence)
    layer = None if request.dry_run else layer
    with alone_in(layer):
        collected = publish(request, storage, kind, collected_plan, layer, tell)
        if layer:
            for sentence in lay_out(layer, is_settled=not collected.summary.own_code):
                tell.warn(sentence)
    return replace(
        collected,
        summary=with_plan(collected.summary, collected_plan, found),
        plan=describe(collected_plan) if request.with_plan else None,
    )


def plan(request: Request) -> dict[str, Any]:
    """Return what `collect` would collect, as JSON values; write nothing.

    ``files`` are collected, ``shadowed`` have the path of an earlier source, ``ignored`` are left
    out by a rule. Raises what `collect` raises before it writes.
    """
    return describe(_prepare(request, with_ignored=True)[2])


def examine(request: Request) -> dict[str, Any]:
    """Return the problems that collecting would have, as JSON values; write nothing.

    See `examine_plan` for what the result contains. Raises what `collect` raises before it writes,
    but for Django's system checks, which are not run.
    """
    storage, _, collected_plan = _prepare(request, with_checks=False)
    return examine_plan(storage, recognize(storage), collected_plan)


def _prepare(
    request: Request, *, with_checks: bool = True, with_ignored: bool = False
) -> tuple[Any, Layer | None, Plan]:
    """Start the project; return its storage, the layer root if there is one, and the plan."""
    start(request)
    storage = load_storage(request)
    finders = load_finders(request)
    if with_checks:
        run_checks(request)
    trees = trees_of(storage)
    layer = prepare(request, storage)
    offered = list_sources(request, finders)
    sources, ignored = leave_out(request, offered, (*trees, *((layer.root,) if layer else ())))
    check_paths(sources)
    if with_ignored:
        ignored += ignored_by_django(request, finders, offered)
    return storage, layer, make_plan(sources, ignored)


def _check_tree(request: Request, trees: tuple[Path, ...], plan: Plan) -> None:
    option = "--clear" if request.clear else "--prune" if request.prune else ""
    project = {"the project": Path(request.root), "manage.py": request.directory}
    kept = {**project, **kept_by_the_project()}
    for tree in trees if option else ():
        check_tree(option, tree, kept, plan.offers)
