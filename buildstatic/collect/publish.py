"""Publishing: the outputs into the tree, each file written beside its place and then renamed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from buildstatic.collect.layer_root import content_time
from buildstatic.collect.outputs import Output
from buildstatic.collect.stage import Stage
from buildstatic.collect.tree import Tree, make_directories
from buildstatic.collect.workers.pool import Item, Workers


@dataclass(frozen=True)
class How:
    """How files are written: names of one content as one file, times by content (as in a layer)."""

    links: bool = False
    settled: bool = False


def publish(
    stage: Stage,
    outputs: Sequence[Output],
    how: How,
    crew: Workers,
    progress: Callable[[int], None],
) -> int:
    """Write *outputs* onto *stage*; return how many names had to be copies of one another.

    *progress* is told of every content that is there. Without links all are copies, and none had to
    be. Raises OSError.
    """
    if how.links:
        outputs = _by_content(outputs)
    make_directories(stage.tree, {os.path.dirname(name) for o in outputs for name in o.names})
    copies = 0
    for (taken,) in crew.run("write", [_item(stage, output, how) for output in outputs]):
        copies += taken - 1
        progress(1)
    return copies if how.links else 0


def _by_content(outputs: Iterable[Output]) -> list[Output]:
    """Return each content once, with all the names that *outputs* have for it."""
    found: dict[tuple[str, str], Output] = {}
    for output in outputs:
        key = output.identity, output.digest
        known = found.get(key)
        found[key] = replace(known, names=(*known.names, *output.names)) if known else output
    return list(found.values())


def _item(stage: Stage, output: Output, how: How) -> Item:
    source = output.path if output.content is None else output.content
    targets = tuple(stage.tree.path(name) for name in output.names)
    mode, seconds = mode_of(stage.tree, how), time_of(output.identity, how)
    return source, output.size, output.modified, targets, mode, seconds, how.links, stage.is_new


def mode_of(tree: Tree, how: How) -> int:
    """Return the mode that files in *tree* get, -1 for the umask's."""
    if how.settled:
        return 0o644
    return -1 if tree.file_mode is None else tree.file_mode


def time_of(identity: str, how: How) -> int:
    """Return the time, in seconds, that a content of the SHA-256 *identity* gets; -1 for now."""
    return content_time(identity) if how.settled else -1
