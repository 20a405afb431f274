"""Whether the directories above the static files are what the base has there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from buildstatic.oci.layer_reader import LayerEntry
from buildstatic.verify.image import Place, Stack, below
from buildstatic.verify.results import CheckResult, Finding, gather, printable

CHECK = "parents"
_ADVICE = "Put STATIC_ROOT below directories that are root's, with mode 0755, and no symbolic link."


def check(stack: Stack, place: Place) -> CheckResult:
    """Compare each directory down to the tree with what the layers below have there."""
    path = PurePosixPath(place.tree)
    parents = [str(each) for each in (*reversed(path.parents), path) if each.name]
    return gather(CHECK, len(parents), lambda: _findings(stack, place, parents))


def _findings(stack: Stack, place: Place, parents: list[str]) -> Iterator[Finding]:
    for path in parents:
        base = below(stack, place.index, path)
        what = _change(base, stack.by_path[place.index].get(path)) if base else ""
        if what:
            yield Finding(CHECK, "error", f"/{printable(path)}", what, _ADVICE)


def _change(base: LayerEntry, own: LayerEntry | None) -> str:
    if base.kind != "dir":
        there = f"a symbolic link to {printable(base.target)}" if base.target else "no directory"
        return f"the base has {there} there, and the layer makes a directory of it"
    if own is None:
        return ""
    changes = [
        f"its mode was {base.mode:04o} and is {own.mode:04o}" if base.mode != own.mode else "",
        f"its owner was {base.uid}:{base.gid} and is {own.uid}:{own.gid}"
        if (base.uid, base.gid) != (own.uid, own.gid)
        else "",
    ]
    return ", ".join(filter(None, changes))
