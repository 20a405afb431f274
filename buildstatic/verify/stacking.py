"""Whether the static files are one layer, which nothing in the image hides."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from buildstatic.oci.layer_reader import FILES, WHITEOUT
from buildstatic.oci.static_layer import replaced_path
from buildstatic.verify.image import Place, Stack, below
from buildstatic.verify.results import CheckResult, Finding, gather, printable
from buildstatic.verify.tree import Tree

ONE, HIDDEN = "one layer", "not hidden"
_ONE_ADVICE = "Name the old tree in .dockerignore, and begin from a base without static files."
_LAST = "Put COPY --link --from=static /layer/ / last in the final stage."


def check_one(stack: Stack, place: Place, tree: Tree) -> CheckResult:
    """Look for static files in other layers; those above are `check_hidden`'s."""
    return gather(ONE, stack.count, lambda: _others(stack, place, tree))


def check_hidden(stack: Stack, place: Place, tree: Tree) -> CheckResult:
    """Look at what the layers above do to the static files, and to the directories above them."""
    count = stack.count - place.index - 1
    return gather(HIDDEN, count, lambda: _hidden(stack, place, tree))


def _others(stack: Stack, place: Place, tree: Tree) -> Iterator[Finding]:
    if len(stack.marked) > 1:
        what = f"{len(stack.marked)} layers are marked as the static layer"
        yield Finding(ONE, "error", _layers(stack, stack.marked), what, _ONE_ADVICE)
    for index in range(place.index):
        held = _files_in(stack, index, place.tree)
        showing = [
            path
            for path in held
            if path not in tree.sources and below(stack, place.index, path) is not None
        ]
        if held:
            what = f"it holds {len(held)} files in /{printable(place.tree)} as well"
            what += f", {len(showing)} of which show" if showing else ""
            yield Finding(ONE, "error", _layers(stack, (index,)), what, _ONE_ADVICE)


def _hidden(stack: Stack, place: Place, tree: Tree) -> Iterator[Finding]:
    if place.index + 1 == stack.count:
        return
    held = {tree.path(name) for name in tree.files}
    directories = {path.rpartition("/")[0] for path in held}
    above = directories | {
        str(each) for path in directories for each in PurePosixPath(path).parents
    }
    for index in range(place.index + 1, stack.count):
        for member in stack.members(index):
            path, is_directory = replaced_path(member)
            if path in held or (path in above and not is_directory):
                what = f"layer {_layers(stack, (index,))} hides it"
                yield Finding(HIDDEN, "error", f"/{printable(path)}", what, _LAST)
            elif member.kind in FILES and path.startswith(f"{place.tree}/"):
                what = f"layer {_layers(stack, (index,))} adds it to the static files"
                yield Finding(HIDDEN, "error", f"/{printable(path)}", what, _ONE_ADVICE)


def _files_in(stack: Stack, index: int, tree: str) -> list[str]:
    return [
        member.path
        for member in stack.members(index)
        if member.kind in FILES
        and member.path.startswith(f"{tree}/")
        and not member.path.rpartition("/")[2].startswith(WHITEOUT)
    ]


def _layers(stack: Stack, indexes: tuple[int, ...]) -> str:
    return ", ".join(stack.config.diff_ids[index][:19] for index in indexes)
