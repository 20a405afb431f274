"""Checks of the static layer among the other layers of the image."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from buildstatic.oci.layer_reader import FILES, WHITEOUT, LayerEntry
from buildstatic.oci.static_layer import replaced_path
from buildstatic.verify.image import LayeredImage
from buildstatic.verify.results import CheckResult, Finding, printable
from buildstatic.verify.tree import StaticTree

ONE_LAYER, NOT_HIDDEN, PARENTS = "one layer", "not hidden", "parents"
_EXCLUDE = "Add the old tree to .dockerignore, and use a base image without static files."
_COPY_LAST = "Move COPY --link --from=static /layer/ / to the end of the final stage."
_OTHER_ROOT = "Use a STATIC_ROOT whose parents are directories of root, mode 0755, not symlinks."


def check_one_layer(image: LayeredImage, index: int, tree: StaticTree) -> CheckResult:
    """Check that no layer below the static layer, which has *index*, has static files."""
    findings = []
    if len(image.marked) > 1:
        what = f"{len(image.marked)} layers are marked as the static layer"
        layers = ", ".join(_short_id(image, each) for each in image.marked)
        findings.append(Finding(ONE_LAYER, "error", layers, what, _EXCLUDE))
    for lower in range(index):
        files = [
            entry.path
            for entry in image.entries(lower)
            if entry.kind in FILES
            and entry.path.startswith(f"{tree.root}/")
            and not entry.path.rpartition("/")[2].startswith(WHITEOUT)
        ]
        if files:
            visible = [
                path
                for path in files
                if path not in tree.file_entries and image.entry_below(index, path) is not None
            ]
            what = f"it also has {len(files)} files in /{printable(tree.root)}"
            what += f", {len(visible)} of them visible" if visible else ""
            findings.append(Finding(ONE_LAYER, "error", _short_id(image, lower), what, _EXCLUDE))
    return CheckResult(ONE_LAYER, len(image), tuple(findings))


def check_not_hidden(image: LayeredImage, index: int, tree: StaticTree) -> CheckResult:
    """Check that no layer above the static layer replaces, deletes or adds static files."""
    findings = tuple(_hidden_findings(image, index, tree))
    return CheckResult(NOT_HIDDEN, len(image) - index - 1, findings)


def check_parents(image: LayeredImage, index: int, tree: StaticTree) -> CheckResult:
    """Check that each directory down to the tree is the same as in the layers below."""
    root = PurePosixPath(tree.root)
    parents = [str(each) for each in (*reversed(root.parents), root) if each.name]
    findings = []
    for path in parents:
        base = image.entry_below(index, path)
        what = _parent_problem(base, image.entries_by_path(index).get(path)) if base else ""
        if what:
            findings.append(Finding(PARENTS, "error", f"/{printable(path)}", what, _OTHER_ROOT))
    return CheckResult(PARENTS, len(parents), tuple(findings))


def _hidden_findings(image: LayeredImage, index: int, tree: StaticTree) -> Iterator[Finding]:
    if index + 1 == len(image):
        return
    files = {tree.path(name) for name in tree.files}
    directories = {path.rpartition("/")[0] for path in files}
    parents = directories | {
        str(parent) for path in directories for parent in PurePosixPath(path).parents
    }
    for upper in range(index + 1, len(image)):
        layer = f"layer {_short_id(image, upper)}"
        for entry in image.entries(upper):
            path, keeps_content = replaced_path(entry)
            where = f"/{printable(path)}"
            if path in files or (path in parents and not keeps_content):
                yield Finding(NOT_HIDDEN, "error", where, f"{layer} hides it", _COPY_LAST)
            elif entry.kind in FILES and path.startswith(f"{tree.root}/"):
                what = f"{layer} adds it to the static files"
                yield Finding(NOT_HIDDEN, "error", where, what, _EXCLUDE)


def _parent_problem(base: LayerEntry, own: LayerEntry | None) -> str:
    if base.kind != "dir":
        kind = f"a symbolic link to {printable(base.target)}" if base.target else "not a directory"
        return f"in the base image it is {kind}, and the layer makes it a directory"
    if own is None:
        return ""
    changes = []
    if base.mode != own.mode:
        changes.append(f"its mode was {base.mode:04o} and is {own.mode:04o}")
    if (base.uid, base.gid) != (own.uid, own.gid):
        changes.append(f"its owner was {base.uid}:{base.gid} and is {own.uid}:{own.gid}")
    return ", ".join(changes)


def _short_id(image: LayeredImage, index: int) -> str:
    return image.config.diff_ids[index][:19]
