"""Find the problems that collecting a plan would have, without writing anything."""

from __future__ import annotations

from typing import Any

from buildstatic.collect.collector import read_originals
from buildstatic.collect.fingerprint import CircularReferences, UnresolvedReferences
from buildstatic.collect.planning import Plan, find_conflicts
from buildstatic.collect.reading import read_sources
from buildstatic.collect.storage_overlay import Kept
from buildstatic.collect.storages.adapter import Adapter, Existing
from buildstatic.collect.storages.recognize import unwrap
from buildstatic.collect.tree import tree_of
from buildstatic.collect.workers.pool import available_cores, worker_pool


def find_problems(storage: Any, adapter: Adapter | str, plan: Plan) -> dict[str, Any]:
    """Return the problems of collecting *plan* into *storage*, as JSON values.

    ``conflicts`` are accidental ones; ``references`` cannot be resolved, with their source and
    line; ``circle`` are the sources that refer to each other in a cycle. The last two are empty if
    the storage is not known, or does not fingerprint.
    """
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
    problems: dict[str, Any] = {"conflicts": conflicts, "references": [], "circle": []}
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
