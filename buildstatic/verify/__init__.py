"""Verifies what was built: every promise of a static layer, verified on the image or the tree.

`verify` opens what a name stands for, reads its members and contents into a `Tree`, and runs each
check on it; `compare` does the same for two, and says what changed. Nothing is extracted.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from buildstatic.errors import ImageNotFound
from buildstatic.oci.documents import Config
from buildstatic.oci.reference import LayoutReference, Reference
from buildstatic.oci.store import find_image, open_source
from buildstatic.verify import (
    entries,
    manifest,
    parents,
    references,
    secrets,
    settled,
    stacking,
    variants,
)
from buildstatic.verify.difference import Change, changes
from buildstatic.verify.directory import read_directory
from buildstatic.verify.image import Place, Stack, find, stacks, static_tree
from buildstatic.verify.results import CheckResult, Finding
from buildstatic.verify.tree import Tree


@dataclass(frozen=True)
class VerifyOptions:
    """What is asked of a verification: where the tree is, and what is allowed in it."""

    static_root: str | None = None
    insecure: bool = False
    source_maps: bool = True
    static_url: str | None = None


@dataclass(frozen=True)
class VerifyResult:
    """What was verified of one platform's image, or of a directory (with no *platform*).

    *path* is the tree's, in the image or in the directory; *files* the number of its names, and
    *bytes* what they take where names of one content take it once.
    """

    platform: str | None
    path: str
    files: int
    bytes: int
    diff_id: str | None
    digest: str | None
    checks: tuple[CheckResult, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All that was found."""
        return tuple(each for check in self.checks for each in check.findings)

    @property
    def passed(self) -> bool:
        """Whether every promise is kept."""
        return all(check.passed for check in self.checks)


@dataclass(frozen=True)
class Comparison:
    """What changed between two trees; *same_layer* is None where one is no layer of an image."""

    before: VerifyResult
    after: VerifyResult
    same_layer: bool | None
    changes: tuple[Change, ...]


def verify(name: str, options: VerifyOptions) -> tuple[VerifyResult, ...]:
    """Verify the image or the directory *name*; return what came of it, a platform each.

    Raises StaticLayerNotFound where the static files are not found, ImageInvalid for what cannot be
    read, and what the stores raise.
    """
    place = _directory(name)
    if place is not None:
        return (_verified_directory(read_directory(place, options.static_root), options),)
    with open_source(_reference(name), insecure=options.insecure) as source:
        return tuple(_verified(stack, options) for stack in stacks(source))


def compare(before: str, after: str, options: VerifyOptions) -> Comparison:
    """Say what changed from *before* to *after*, images or directories; raises as `verify` does.

    Of an image for several platforms the first is taken that both have, else the first of each.
    """
    with _opened(before, options) as old, _opened(after, options) as new:
        platform = _shared(old, new)
        with _taken(old, platform, options) as first, _taken(new, platform, options) as second:
            return _compared(*first, *second)


def _compared(before: VerifyResult, old: Tree, after: VerifyResult, new: Tree) -> Comparison:
    is_same = before.diff_id == after.diff_id
    known = before.diff_id is not None and after.diff_id is not None
    found = () if known and is_same else changes(old, new)
    return Comparison(before, after, is_same if known else None, found)


@contextmanager
def _opened(name: str, options: VerifyOptions) -> Iterator[Tree | tuple[Stack, ...]]:
    """Yield the directory *name*, or the images of that name, one a platform."""
    directory = _directory(name)
    if directory is not None:
        yield read_directory(directory, options.static_root)
        return
    with open_source(_reference(name), insecure=options.insecure) as source:
        yield stacks(source)


def _shared(old: Tree | tuple[Stack, ...], new: Tree | tuple[Stack, ...]) -> str | None:
    """Return the first platform of *old* that *new* has as well."""
    if isinstance(old, Tree) or isinstance(new, Tree):
        return None
    both = {stack.config.platform for stack in new}
    return next((s.config.platform for s in old if s.config.platform in both), None)


@contextmanager
def _taken(
    found: Tree | tuple[Stack, ...], platform: str | None, options: VerifyOptions
) -> Iterator[tuple[VerifyResult, Tree]]:
    """Yield the tree that *found* is, or that the image for *platform* has, else the first."""
    if isinstance(found, Tree):
        yield _of_directory(found, ()), found
        return
    stack = next((each for each in found if each.config.platform == platform), found[0])
    with closing(stack):
        place = find(stack, options.static_root)
        tree = static_tree(stack, place)
        yield _of_image(stack, place, tree, ()), tree


def _verified_directory(tree: Tree, options: VerifyOptions) -> VerifyResult:
    return _of_directory(tree, tuple(_checks(tree, None, options)))


def _verified(stack: Stack, options: VerifyOptions) -> VerifyResult:
    with closing(stack):
        place = find(stack, options.static_root)
        tree = static_tree(stack, place)
        checks = (
            *_checks(tree, stack.config, options),
            stacking.check_one(stack, place, tree),
            stacking.check_hidden(stack, place, tree),
            parents.check(stack, place),
        )
        return _of_image(stack, place, tree, checks)


def _checks(tree: Tree, config: Config | None, options: VerifyOptions) -> Iterator[CheckResult]:
    if tree.is_layer:
        yield entries.check(tree)
    yield manifest.check_entries(tree)
    yield manifest.check_names(tree)
    yield references.check(tree, options.static_url)
    yield variants.check(tree)
    if tree.is_layer:
        yield settled.check(tree)
    yield secrets.check(tree, config)
    if not options.source_maps:
        yield secrets.check_maps(tree)


def _of_directory(tree: Tree, checks: tuple[CheckResult, ...]) -> VerifyResult:
    path = str(Path(tree.where, tree.root))
    return VerifyResult(None, path, len(tree.files), _bytes(tree), None, None, checks)


def _of_image(
    stack: Stack, place: Place, tree: Tree, checks: tuple[CheckResult, ...]
) -> VerifyResult:
    return VerifyResult(
        stack.config.platform,
        f"/{place.tree}",
        len(tree.files),
        _bytes(tree),
        stack.config.diff_ids[place.index],
        stack.manifest.layers[place.index].digest,
        checks,
    )


def _bytes(tree: Tree) -> int:
    return sum({member.path: member.size for member in tree.files.values()}.values())


def _directory(name: str) -> Path | None:
    """Return the directory that *name* is; None for an image, which an OCI layout is, too."""
    place = Path(name)
    if place.is_dir():
        is_layout = (place / "oci-layout").is_file() and (place / "index.json").is_file()
        return None if is_layout else place
    if name.startswith(("/", "./", "../", "~")):
        raise ImageNotFound(f"There is no directory {name}.")
    return None


def _reference(name: str) -> Reference:
    return LayoutReference(Path(name)) if Path(name).is_dir() else find_image(name)
