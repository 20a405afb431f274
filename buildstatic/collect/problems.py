"""Find the problems that collecting a plan would have, without writing anything."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from buildstatic.collect.collector import read_originals
from buildstatic.collect.failures import source_error
from buildstatic.collect.fingerprint import CircularReferences, UnresolvedReferences
from buildstatic.collect.planning import Plan, find_conflicts
from buildstatic.collect.reading import local_path, read_sources
from buildstatic.collect.sources import Source
from buildstatic.collect.storage_overlay import Kept
from buildstatic.collect.storages.adapter import Adapter, Existing
from buildstatic.collect.storages.recognize import unwrap
from buildstatic.collect.tree import tree_of
from buildstatic.collect.workers.pool import available_cores, worker_pool
from buildstatic.collect.workers.read_task import open_regular
from buildstatic.errors import BuildstaticError


def find_problems(storage: Any, adapter: Adapter | str, plan: Plan) -> dict[str, Any]:
    """Return the problems of collecting *plan* into *storage*, as JSON values.

    ``unreadable`` are the sources that cannot be read; the others are found without them.
    ``conflicts`` are accidental ones; ``references`` cannot be resolved, with their source and
    line; ``circle`` are the sources that refer to each other in a cycle. The last two are empty if
    the storage is not known, or does not fingerprint.
    """
    unreadable = {
        source.path: (source.place, error.problem)
        for source in plan.wins
        if (error := _read_error(source)) is not None
    }
    plan = replace(
        plan, wins=tuple(source for source in plan.wins if source.path not in unreadable)
    )
    places = {source.path: source.place for source in plan.wins}
    conflicts = [
        {
            "path": conflict.collected.path,
            "collected": conflict.collected.place,
            "left_out": [source.place for source in conflict.left_out],
        }
        for conflict in find_conflicts(plan)
        if not conflict.is_intended
    ]
    problems: dict[str, Any] = {
        "unreadable": [
            {"source": place, "problem": problem} for place, problem in unreadable.values()
        ],
        "conflicts": conflicts,
        "references": [],
        "circle": [],
    }
    try:
        _fingerprint(unwrap(storage), adapter, plan)
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


def _read_error(source: Source) -> BuildstaticError | None:
    """Return the error of opening *source*; None if it can be read."""
    try:
        if path := local_path(source):
            os.close(open_regular(path)[0])
    except OSError as error:
        return source_error(error)
    return None


def _fingerprint(storage: Any, adapter: Adapter | str, plan: Plan) -> None:
    """Resolve every reference; raises `UnresolvedReferences` and `CircularReferences`."""
    if isinstance(adapter, str) or adapter.fingerprinting is None:
        return
    with worker_pool(available_cores()) as pool:
        readings = read_sources(
            plan.wins,
            storage,
            tree_of(storage),
            pool,
            lambda _more: None,
            fingerprinting=adapter.fingerprinting,
            existing=frozenset(),
            strong=False,
        )
    originals = read_originals(readings, storage, adapter.fingerprinting)
    adapter.fingerprinting.run(storage, originals, Existing(frozenset(), Kept.DIRECTORIES), None)
