"""What is wrong with a plan, found without writing: conflicts, references that lead nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from buildstatic.collect.fingerprint import Original, Unresolved, Unsettled
from buildstatic.collect.outputs import Reading
from buildstatic.collect.planning import Plan, conflicts
from buildstatic.collect.reading import read_sources
from buildstatic.collect.references import Problem
from buildstatic.collect.storage_overlay import Left
from buildstatic.collect.storages.kind import Fingerprinting, Present
from buildstatic.collect.storages.recognize import Kind, unwrapped
from buildstatic.collect.tree import tree_of
from buildstatic.collect.workers.cores import cores
from buildstatic.collect.workers.pool import workers

NOTHING: frozenset[str] = frozenset()


def examine_plan(storage: Any, kind: Kind | str, plan: Plan) -> dict[str, Any]:
    """Return what collecting *plan* into *storage* would stumble over.

    ``conflicts`` are the accidental ones, ``references`` those that cannot be followed, with the
    source and the line that each stands on, ``circle`` the sources that refer to one another. The
    last two are empty for a storage that makes no fingerprints, and for one that is not known.
    """
    places = {source.path: source.place for source in plan.wins}
    accidents = [
        {
            "path": found.collected.path,
            "collected": found.collected.place,
            "left_out": [source.place for source in found.left_out],
        }
        for found in conflicts(plan)
        if not found.is_meant
    ]
    examined: dict[str, Any] = {"conflicts": accidents, "references": [], "circle": []}
    try:
        _fingerprint(storage, kind, plan)
    except Unresolved as error:
        examined["references"] = [_described(p, places[p.name]) for p in error.problems]
    except Unsettled as error:
        examined["circle"] = [places[name] for name in error.names]
    return examined


def _described(problem: Problem, place: str) -> dict[str, Any]:
    said = problem.told_of("")
    return {
        "source": place,
        "line": problem.line,
        "text": said.partition(": ")[2],
        "map": problem.is_missing_map,
    }


def _fingerprint(storage: Any, kind: Kind | str, plan: Plan) -> None:
    """Follow every reference; raises `Unresolved` and `Unsettled`."""
    way = None if isinstance(kind, str) else kind.fingerprinting
    if way is None:
        return
    storage = unwrapped(storage)
    originals = tuple(_originals(storage, plan, way))
    way.run(storage, originals, Present(NOTHING, Left.DIRECTORIES), None)


def _originals(storage: Any, plan: Plan, way: Fingerprinting) -> Iterator[Original]:
    with workers(cores()) as crew:
        readings = read_sources(
            plan.wins,
            storage,
            tree_of(storage),
            crew,
            lambda _more: None,
            way=way,
            present=NOTHING,
            strong=False,
        )
    for reading in readings:
        yield _original(reading, storage, way)


def _original(reading: Reading, storage: Any, way: Fingerprinting) -> Original:
    name = reading.source.path
    refers = reading.path or way.is_text(storage, name)
    content = reading.content if refers else None
    return Original(name, reading.source.name, reading.digest, reading.identity, content)
