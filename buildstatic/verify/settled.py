"""Whether a layer's times, modes and owners come from its content alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from buildstatic.collect.layout import EPOCH, content_time
from buildstatic.oci.layer_reader import LayerEntry
from buildstatic.verify.results import CheckResult, Finding, gather, printable
from buildstatic.verify.tree import Tree
from buildstatic.verify.variants import original

CHECK = "times and owners"
FILE_MODE, DIRECTORY_MODE = 0o644, 0o755
_ADVICE = "Collect with --layer-root, and copy the layer root whole: COPY --link --from=static."


def check(tree: Tree) -> CheckResult:
    """Look at every file and directory of the layer."""
    members = [each for each in tree.members if each.kind in ("file", "dir")]
    return gather(CHECK, len(members), lambda: _findings(tree, members))


def _findings(tree: Tree, members: list[LayerEntry]) -> Iterator[Finding]:
    for member in members:
        faults = [
            *_mode(member),
            *(_owner(member) if tree.has_owners else ()),
            *_time(tree, member),
        ]
        if faults:
            yield Finding(CHECK, "error", printable(member.path), ", ".join(faults), _ADVICE)
    yield from _copies(tree, members)


def _mode(member: LayerEntry) -> Iterator[str]:
    promised = DIRECTORY_MODE if member.kind == "dir" else FILE_MODE
    if member.mode != promised:
        yield f"its mode is {member.mode:04o}, not {promised:04o}"


def _owner(member: LayerEntry) -> Iterator[str]:
    if (member.uid, member.gid) != (0, 0):
        yield f"its owner is {member.uid}:{member.gid}, not 0:0"


def _time(tree: Tree, member: LayerEntry) -> Iterator[str]:
    promised = [EPOCH] if member.kind == "dir" else list(_content_times(tree, member))
    if promised and member.mtime not in promised:
        yield f"its time is {member.mtime:.16g}, not {promised[0]}"


def _content_times(tree: Tree, member: LayerEntry) -> Iterator[int]:
    """Yield the time of the content, and for a variant that of the file that it is a variant of."""
    if tree.sources.get(member.path) is not member:
        return
    for path in (member.path, original(member.path)):
        if path in tree.sources:
            yield content_time(tree.facts(path).sha256)


def _copies(tree: Tree, members: list[LayerEntry]) -> Iterator[Finding]:
    """Yield files of equal content that are not one file; a file system may not have let them."""
    same = defaultdict(list)
    for member in members:
        if member.kind == "file" and tree.sources.get(member.path) is member:
            same[tree.facts(member.path).sha256].append(member.path)
    for paths in same.values():
        if len(paths) > 1:
            what = f"it is {len(paths)} files of equal content, not hard links of one"
            yield Finding(CHECK, "warning", printable(paths[0]), what, _ADVICE)
