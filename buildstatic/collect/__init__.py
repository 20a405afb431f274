"""Collect the static files of a Django project.

This package runs in the project's own Python. It imports only the standard library, pathspec, the
codecs and, inside functions, the project's Django.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from buildstatic.collect.django_command import (
    overridden_command,
    run_command,
    unsupported_options,
)
from buildstatic.collect.ignore import ignored_by_django, leave_out
from buildstatic.collect.layer_root import LayerRoot, locked, move_to_layer_root, normalize
from buildstatic.collect.planning import Plan, check_strict, find_conflicts, make_plan
from buildstatic.collect.problems import find_problems
from buildstatic.collect.project_setup import load_storage, run_checks, start_project
from buildstatic.collect.report import Callbacks, CollectResult, Summary
from buildstatic.collect.request import Request
from buildstatic.collect.sources import check_paths, list_sources, load_finders
from buildstatic.collect.storage_location import check_removal, local_directories, project_data
from buildstatic.collect.storages.recognize import recognize

__all__ = ["Callbacks", "CollectResult", "Request", "Summary", "collect", "examine", "plan"]


def collect(request: Request, callbacks: Callbacks) -> CollectResult:
    """Collect the static files of the project in *request*.

    The process becomes the project's: its directory, path, settings and apps. Django prints its
    messages, and asks its question, on the standard streams; only its closing line is returned,
    for the caller to print last. *callbacks* receives warnings and progress.

    Raises the errors of `buildstatic.errors`, from `SettingsInvalid` to `FileError`.
    """
    storage, layer, made_plan = _prepare(request, with_ignored=request.with_plan)
    adapter = recognize(storage)
    conflicts = tuple(find_conflicts(made_plan))
    check_strict(request, conflicts)
    if layer is None:
        _check_removal(request, storage, made_plan)
    accidents = [str(conflict) for conflict in conflicts if not conflict.is_intended]
    for warning in (
        *overridden_command(),
        *unsupported_options(request, adapter),
        *accidents,
    ):
        callbacks.warn(warning)
    if request.dry_run:
        layer = None
    with locked(layer):
        result = run_command(request, storage, adapter, made_plan, layer, callbacks)
        if layer:
            for warning in normalize(layer, has_collected=not result.summary.own_code):
                callbacks.warn(warning)
    different = sum(len(conflict.left_out) for conflict in conflicts)
    summary = replace(
        result.summary,
        equal=len(made_plan.shadowed) - different,
        conflicts=tuple(conflict.collected.path for conflict in conflicts),
        ignored=len(made_plan.ignored),
    )
    described = made_plan.to_dict() if request.with_plan else None
    return CollectResult(result.closing, summary, described)


def plan(request: Request) -> dict[str, Any]:
    """Return what `collect` would collect, as JSON values; write nothing.

    ``files`` are collected, ``shadowed`` have the path of an earlier source, ``ignored`` are left
    out by a rule. Raises what `collect` raises before it writes.
    """
    _, _, made_plan = _prepare(request, with_ignored=True)
    return made_plan.to_dict()


def examine(request: Request) -> dict[str, Any]:
    """Return the problems that collecting would have, as JSON values; write nothing.

    See `find_problems` for the result. Raises what `collect` raises before it writes, but does not
    run Django's system checks.
    """
    storage, _, made_plan = _prepare(request, with_checks=False)
    return find_problems(storage, recognize(storage), made_plan)


def _prepare(
    request: Request, *, with_checks: bool = True, with_ignored: bool = False
) -> tuple[Any, LayerRoot | None, Plan]:
    """Start the project; return its storage, the layer root if there is one, and the plan."""
    start_project(request)
    storage = load_storage(request)
    finders = load_finders(request)
    if with_checks:
        run_checks(request)
    trees = local_directories(storage)
    layer = move_to_layer_root(request, storage)
    offered = list_sources(request, finders)
    sources, ignored = leave_out(request, offered, (*trees, *((layer.path,) if layer else ())))
    check_paths(sources)
    if with_ignored:
        ignored += ignored_by_django(request, finders, offered)
    return storage, layer, make_plan(sources, ignored)


def _check_removal(request: Request, storage: Any, made_plan: Plan) -> None:
    option = "--clear" if request.clear else "--prune" if request.prune else ""
    kept = {
        "the project": Path(request.root),
        "manage.py": request.directory,
        **project_data(),
    }
    for tree in local_directories(storage)[:1] if option else ():
        check_removal(option, tree, kept, made_plan.offers)
