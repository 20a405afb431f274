"""Collect static files, plan or examine it, in a process that becomes the project's."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from buildstatic.collect import layer_root
from buildstatic.collect.commands import run_after, run_before
from buildstatic.collect.compress import compress_changes, variants_for
from buildstatic.collect.django_command import call_collectstatic, find_error_in_memory
from buildstatic.collect.failures import source_error
from buildstatic.collect.fingerprint import (
    CircularReferences,
    Kept,
    TreeOnDisk,
    UnresolvedReferences,
    fingerprint_files,
)
from buildstatic.collect.layer_root import LayerRoot
from buildstatic.collect.outputs import originals_of
from buildstatic.collect.planning import Conflict, Plan, plan_sources
from buildstatic.collect.project_setup import StartedProject, start_project
from buildstatic.collect.reading import read_sources
from buildstatic.collect.removal import check_clear
from buildstatic.collect.request import Callbacks, CollectResult, Request
from buildstatic.collect.sources import Source, ignored_by_django, offered_sources
from buildstatic.collect.spool import open_spool
from buildstatic.collect.staticfiles import load_finders
from buildstatic.collect.storages import Recognition, recognize
from buildstatic.collect.storages.adapter import Adapter
from buildstatic.collect.workers.file_tasks import open_regular
from buildstatic.collect.workers.pool import worker_pool
from buildstatic.errors import BuildstaticError, FilesConflict


def collect(request: Request, callbacks: Callbacks) -> CollectResult:
    """Collect the static files of the project in *request*.

    The process becomes the project's: its directory, path, settings and apps. Django prints its
    messages, and asks its question, on the standard streams; only its closing line is returned,
    for the caller to print last. *callbacks* receives warnings and progress.

    Raises the errors of `buildstatic.errors`, from `SettingsInvalid` to `FileError`.
    """
    if request.options.dry_run or not request.options.before:
        return _collect(request, callbacks, None)
    with TemporaryDirectory(prefix="buildstatic-generated-") as generated:
        return _collect(request, callbacks, Path(generated))


def _collect(request: Request, callbacks: Callbacks, generated: Path | None) -> CollectResult:
    project, layer, made_plan = _make_plan(
        request, with_ignored=request.with_plan, generated=generated
    )
    options, storage, conflicts = request.options, project.storage, made_plan.conflicts
    recognition = recognize(storage).under(options)
    for warning in recognition.option_warnings(options):
        callbacks.warn(warning)
    if options.strict and conflicts:
        raise _strict_error(conflicts)
    if layer is None:
        check_clear(request, storage, made_plan.offers)
    if options.dry_run:
        layer = None
    with layer_root.locked(layer) if layer else nullcontext():
        result = call_collectstatic(request, storage, recognition, made_plan, layer, callbacks)
        sys.stdout.flush()  # What follows goes to standard error.
        if (options.after or result.summary.own_code) and not options.dry_run:
            result = _finish(project, recognition, layer, result)
        if layer:
            has_collected = not result.summary.own_code and not options.after
            for warning in layer_root.normalize(layer, has_collected=has_collected):
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


def _finish(
    project: StartedProject,
    recognition: Recognition,
    layer: LayerRoot | None,
    result: CollectResult,
) -> CollectResult:
    """Run the commands after collecting; compress what they have written.

    What the storage's own code has written to the disk is compressed as well, if the options say
    so.
    """
    request, storage = project.request, project.storage
    options, own_code = request.options, bool(result.summary.own_code)
    adapter = recognition.adapter
    if own_code:
        is_asked = options.compress or options.formats
        adapter = Adapter() if is_asked and recognition.is_local and not options.link else None
    variants = variants_for(storage, adapter, options, request.libraries) if adapter else None
    with compress_changes(
        storage, variants, options, in_layer=bool(layer), all_files=own_code
    ) as counts:
        run_after(options.after, storage, request.manage, layer)
    more: dict[str, Any] = {k: getattr(result.summary, k) + n for k, n in counts.items()}
    return replace(result, summary=replace(result.summary, **more))


def _strict_error(conflicts: Sequence[Conflict]) -> FilesConflict:
    lines = "\n".join(f"    {conflict}" for conflict in conflicts)
    problem = f"Different files have the same path, and only one can be collected:\n{lines}"
    return FilesConflict(problem, "Rename or remove the others, or omit --strict.")


def plan(request: Request) -> dict[str, Any]:
    """Return what `collect` would collect, as JSON values; write nothing.

    ``files`` are collected, ``shadowed`` have the path of an earlier source, ``ignored`` are left
    out by a rule. Raises what `collect` raises before it writes.
    """
    _, _, made_plan = _make_plan(request, with_ignored=True)
    return made_plan.to_dict()


def examine(request: Request) -> dict[str, Any]:
    """Return the problems that collecting would have, as JSON values; write nothing.

    ``unreadable`` are the sources that cannot be read; the others are found without them.
    ``conflicts`` are accidental ones; ``references`` cannot be resolved, with their source and
    line; ``circle`` are the sources that refer to each other in a cycle. The last two are empty if
    the storage runs its own code on the disk, or does not fingerprint. ``storage`` says where its
    own code runs, and why. If that is in memory, only the first reference is found.

    Raises what `collect` raises before it writes, but does not run Django's system checks.
    """
    project, _, made_plan = _make_plan(request, with_checks=False)
    storage = project.storage
    unreadable = {
        source.path: {"source": source.place, "problem": error.problem}
        for source in made_plan.wins
        if (error := _read_error(source)) is not None
    }
    made_plan = replace(
        made_plan, wins=tuple(s for s in made_plan.wins if s.path not in unreadable)
    )
    places = {source.path: source.place for source in made_plan.wins}
    conflicts = [
        {
            "path": conflict.collected.path,
            "collected": conflict.collected.place,
            "left_out": [source.place for source in conflict.left_out],
        }
        for conflict in made_plan.conflicts
        if not conflict.is_intended
    ]
    recognition = recognize(storage)
    problems: dict[str, Any] = {
        "storage": recognition.describe(),
        "unreadable": list(unreadable.values()),
        "conflicts": conflicts,
        "references": [],
        "circle": [],
    }
    try:
        _resolve_references(storage, recognition, made_plan)
    except UnresolvedReferences as error:
        problems["references"] = [
            {
                "source": places[reference.name],
                "line": reference.line,
                "text": reference.reason,
                "map": reference.is_missing_map,
            }
            for reference in error.broken
        ]
    except CircularReferences as error:
        problems["circle"] = [places[name] for name in error.names]
    return problems


def _make_plan(
    request: Request,
    *,
    with_checks: bool = True,
    with_ignored: bool = False,
    generated: Path | None = None,
) -> tuple[StartedProject, LayerRoot | None, Plan]:
    """Start the project; return it, the layer root if there is one, and the plan.

    The commands before collecting run if there is a directory for *generated* files.
    """
    project = start_project(request, with_checks=with_checks)
    request, storage, finders = project.request, project.storage, project.finders
    trees, layer = layer_root.choose_directories(request, storage)
    if generated:
        found = run_before(request.options.before, storage, request.manage, generated)
        finders = (*load_finders(request), *found)
    offered = offered_sources(request, finders)
    ignored = ignored_by_django(request, finders, offered) if with_ignored else ()
    return project, layer, plan_sources(request, offered, trees, ignored)


def _read_error(source: Source) -> BuildstaticError | None:
    """Return the error of opening *source*; None if it can be read."""
    try:
        if path := source.local_path():
            os.close(open_regular(path)[0])
    except OSError as error:
        return source_error(error)
    return None


def _resolve_references(storage: Any, recognition: Recognition, made_plan: Plan) -> None:
    """Resolve every reference; raises `UnresolvedReferences` and `CircularReferences`."""
    adapter, in_memory = recognition.adapter, recognition.in_memory
    if adapter is None or not (adapter.fingerprints or in_memory):
        return
    with open_spool() as spool, worker_pool() as pool:
        reading = read_sources(
            made_plan.wins,
            storage,
            "",
            pool,
            spool,
            rewrites=not in_memory,
            existing=frozenset(),
            strong=False,
            hashed=True,
        )
        readings = tuple(reading)
        if in_memory:
            if broken := find_error_in_memory(storage, adapter, made_plan, readings, spool):
                raise UnresolvedReferences((broken,))
            return
        originals = originals_of(readings, storage)
        tree = TreeOnDisk(storage, originals, Kept.DIRECTORIES)
        fingerprint_files(storage, originals, tree=tree, spool=spool)
