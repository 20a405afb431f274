"""Whether a layer's entries are files and directories that stay inside it."""

from __future__ import annotations

from collections.abc import Iterator

from buildstatic.oci.layer_reader import WHITEOUT, LayerEntry
from buildstatic.verify.results import CheckResult, Finding, gather, printable
from buildstatic.verify.tree import Tree

CHECK = "entries"
_ADVICE = "Collect anew with --layer-root, and let nothing else write into the layer."


def check(tree: Tree) -> CheckResult:
    """Look at every entry of the layer."""
    return gather(CHECK, len(tree.members), lambda: _findings(tree))


def _findings(tree: Tree) -> Iterator[Finding]:
    for member in tree.members:
        what = _climbs(member) or _wrong_kind(tree, member)
        if what:
            yield Finding(CHECK, "error", printable(member.name), what, _ADVICE)


def _climbs(member: LayerEntry) -> str:
    if member.name.startswith("/"):
        return "its name is absolute"
    if ".." in member.name.split("/"):
        return "its name leads out of the layer"
    if ".." in member.target.split("/") or member.target.startswith("/"):
        return f"it is a link to {printable(member.target)}"
    return ""


def _wrong_kind(tree: Tree, member: LayerEntry) -> str:
    if member.path.rpartition("/")[2].startswith(WHITEOUT):
        return "it is a whiteout: it removes what the base has there"
    if member.kind == "link" and member.path not in tree.sources:
        return f"it is a hard link to {printable(member.target)}, which is not in the layer"
    if member.kind in ("symlink", "other"):
        kind = "a symbolic link" if member.kind == "symlink" else "a device, a pipe or the like"
        return f"it is {kind}: a static layer holds files and directories"
    return ""
