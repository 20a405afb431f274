"""``verify``: checks the static files of an image or a directory, or compares two of them.

Nothing is extracted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Literal

from buildstatic.oci.documents import ImageConfig
from buildstatic.oci.earlier_releases import ReleasedFiles
from buildstatic.oci.layer_reader import FILES
from buildstatic.oci.reference import ArchiveReference, LayoutReference, Reference
from buildstatic.oci.stores import find_image, open_source
from buildstatic.verify import VerifyCheck, VerifyFinding, content_checks, layer_checks
from buildstatic.verify.apps import find_apps
from buildstatic.verify.content_checks import name_before_hashing, original_name
from buildstatic.verify.contents import Contents, describe
from buildstatic.verify.image import (
    LayeredImage,
    is_image_archive,
    read_images,
    read_layer_file,
)
from buildstatic.verify.tree import StaticTree, read_directory

__all__ = ["Comparison", "VerifyOptions", "VerifyResult", "compare", "verify"]
TreeChangeKind = Literal["added", "removed", "changed"]


@dataclass(frozen=True)
class VerifyOptions:
    """Where the static files are, if that is not detected, and what is allowed in them.

    With *contents* the results describe the files. *apps* are those that names are known to come
    from, in addition to what is found in an image (`buildstatic.workflows.build.BuildOutcome`).
    """

    static_root: str | None = None
    insecure: bool = False
    source_maps: bool = True
    static_url: str | None = None
    contents: bool = False
    apps: Mapping[str, str] = field(default_factory=dict)


_DEFAULTS = VerifyOptions()


@dataclass(frozen=True)
class EarlierRelease:
    """A static layer of an earlier release, and the number of its fingerprinted *files*."""

    diff_id: str
    digest: str
    files: int


@dataclass(frozen=True)
class VerifyResult:
    """The results for the image of one platform, or for a layer or directory without a *platform*.

    *path* is the tree's, in the image or the directory. *files* is the number of its file names,
    *bytes* their size; hard links count once. *earlier* are the layers of earlier releases.
    """

    platform: str | None
    path: str
    files: int
    bytes: int
    diff_id: str | None
    digest: str | None
    checks: tuple[VerifyCheck, ...]
    earlier: tuple[EarlierRelease, ...] = ()
    contents: Contents | None = None

    @property
    def findings(self) -> tuple[VerifyFinding, ...]:
        """The findings of all checks."""
        return tuple(finding for check in self.checks for finding in check.findings)

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(check.passed for check in self.checks)


@dataclass(frozen=True)
class Comparison:
    """What changed between two trees; *same_layer* is None unless both are layers.

    *pushed* is the size in bytes of the layers of *after* that *before* does not have, as they are
    stored: an engine may store them uncompressed. It is None unless both are images.
    """

    before: VerifyResult
    after: VerifyResult
    same_layer: bool | None
    changes: tuple[TreeChange, ...]
    pushed: int | None = None


def verify(name: str, options: VerifyOptions = _DEFAULTS) -> tuple[VerifyResult, ...]:
    """Check the image, layer or directory *name*; return a result for each platform.

    A failed check is not an error: see `VerifyResult.passed`. Raises StaticLayerNotFound if there
    are no static files, ImageInvalid if the image cannot be read, ImageReferenceInvalid,
    ImageNotFound, and what the registries raise.
    """
    with ExitStack() as stack:
        found = _open(name, options, stack)
        if isinstance(found, StaticTree):
            return (_result(found, options, tuple(_tree_checks(found, None, options))),)
        results = []
        for image in found:
            with closing(image):
                index, root = image.locate(options.static_root)
                tree = image.tree(index, root)
                checks = (
                    *_tree_checks(tree, image.config, options),
                    layer_checks.check_one_layer(image, index, tree),
                    layer_checks.check_not_hidden(image, index, tree),
                    layer_checks.check_parent_directories(image, index, tree),
                )
                if image.of_earlier_releases:
                    earlier = layer_checks.check_earlier_releases(image, index, tree)
                    checks = (*checks, earlier)
                results.append(_result(tree, options, checks, image, index))
        return tuple(results)


def compare(before: str, after: str, options: VerifyOptions = _DEFAULTS) -> Comparison:
    """Return what changed from *before* to *after*, images or directories.

    Of images for several platforms the first common one is compared, else the first of each. Raises
    the errors of `verify`.
    """
    with ExitStack() as stack:
        sides = [_open(name, options, stack) for name in (before, after)]
        platforms = [
            [] if isinstance(side, StaticTree) else [image.config.platform for image in side]
            for side in sides
        ]
        platform = next((each for each in platforms[0] if each in platforms[1]), None)
        trees: list[StaticTree] = []
        results: list[VerifyResult] = []
        layers: list[dict[str, int]] = []
        for side in sides:
            if isinstance(side, StaticTree):
                trees.append(side)
                results.append(_result(side, options))
                continue
            image = next((each for each in side if each.config.platform == platform), side[0])
            layers.append({layer.digest: layer.size for layer in image.manifest.layers})
            stack.enter_context(closing(image))
            index, root = image.locate(options.static_root)
            trees.append(image.tree(index, root))
            results.append(_result(trees[-1], options, (), image, index))
        old, new = results
        same_layer = old.diff_id == new.diff_id if old.diff_id and new.diff_id else None
        pushed = None
        if len(layers) == 2:
            pushed = sum(size for digest, size in layers[1].items() if digest not in layers[0])
        changes = () if same_layer else find_changes(*trees)
        return Comparison(old, new, same_layer, changes, pushed)


def _open(
    name: str, options: VerifyOptions, stack: ExitStack
) -> StaticTree | tuple[LayeredImage, ...]:
    """Open what *name* is until *stack* is closed: static files, or the image for each platform.

    An existing path is a directory, an OCI layout, an archive of an image, or a layer.
    """
    path = Path(name)
    reference: Reference | None = None
    if path.is_dir():
        if not ((path / "oci-layout").is_file() and (path / "index.json").is_file()):
            return read_directory(path, options.static_root)
        reference = LayoutReference(path)
    elif path.is_file():
        if not is_image_archive(path):
            return read_layer_file(path, options.static_root, stack)
        reference = ArchiveReference(path)
    source = open_source(reference or find_image(name), insecure=options.insecure)
    return read_images(stack.enter_context(source))


def _tree_checks(
    tree: StaticTree, config: ImageConfig | None, options: VerifyOptions
) -> Iterator[VerifyCheck]:
    if tree.is_layer:
        yield layer_checks.check_entries(tree)
    yield content_checks.check_manifest(tree)
    yield content_checks.check_fingerprints(tree)
    yield content_checks.check_references(tree, options.static_url)
    yield content_checks.check_variants(tree)
    if tree.is_layer:
        yield layer_checks.check_times(tree)
    yield layer_checks.check_secrets(tree, config)
    if not options.source_maps:
        yield layer_checks.check_source_maps(tree)


def _result(
    tree: StaticTree,
    options: VerifyOptions,
    checks: tuple[VerifyCheck, ...] = (),
    image: LayeredImage | None = None,
    index: int = 0,
) -> VerifyResult:
    """Return the result for *tree*, of the layer *index* if it is part of an *image*."""
    earlier: list[EarlierRelease] = []
    hidden: set[str] = set()
    apps: Mapping[str, str] = {}
    if image and checks:
        for number, release in image.releases.items():
            files = len(release.fingerprinted) if isinstance(release, ReleasedFiles) else 0
            diff_id = image.config.diff_ids[number]
            earlier.append(EarlierRelease(diff_id, image.manifest.layers[number].digest, files))
    if image and options.contents:
        others = {*range(len(image))} - {index, *image.of_earlier_releases}
        entries = {n: [e for e in image.entries(n) if e.kind in FILES] for n in others}
        paths = {entry.path for n in others if n < index for entry in entries[n]}
        hidden = {name for name in tree.files if tree.path(name) in paths}
        apps = find_apps(chain.from_iterable(entries.values()), tree, image.working_dir)
    return VerifyResult(
        image.config.platform if image else None,
        f"/{tree.root}" if tree.diff_id else str(Path(tree.source, tree.root)),
        len(tree.files),
        _size(tree),
        tree.diff_id,
        tree.digest,
        checks,
        tuple(earlier),
        describe(tree, hidden, options.static_url, {**apps, **options.apps})
        if options.contents
        else None,
    )


def _size(tree: StaticTree) -> int:
    return sum({entry.path: entry.size for entry in tree.files.values()}.values())


@dataclass(frozen=True)
class TreeChange:
    """A change of the file *name*, with its sizes in bytes, None if it does not exist."""

    kind: TreeChangeKind
    name: str
    before: int | None
    after: int | None


@dataclass(frozen=True)
class _File:
    """A file by its name without a fingerprint: its *size*, and the digests of all its names."""

    size: int
    digests: frozenset[str]


def find_changes(before: StaticTree, after: StaticTree) -> tuple[TreeChange, ...]:
    """Return the changes from *before* to *after*, sorted by name.

    With a manifest, a fingerprinted copy is not a file of its own. A variant is listed only if its
    original has not changed in the same way.
    """
    old_files, new_files = _files(before), _files(after)
    changes: dict[str, TreeChange] = {}
    for name in sorted({*old_files, *new_files}):
        old, new = old_files.get(name), new_files.get(name)
        if old is None or new is None:
            kind: TreeChangeKind = "added" if old is None else "removed"
        elif old.digests != new.digests:
            kind = "changed"
        else:
            continue
        changes[name] = TreeChange(kind, name, old.size if old else None, new.size if new else None)
    return tuple(
        change
        for change in changes.values()
        if (original := changes.get(original_name(change.name))) is None
        or original.kind not in (change.kind, "changed")
    )


def _files(tree: StaticTree) -> dict[str, _File]:
    names = {hashed: name for name, hashed in tree.hashed_names.items() if hashed != name}
    files: dict[str, _File] = {}
    for path, entry in sorted(tree.files.items(), key=lambda item: item[0] in names):
        name = name_before_hashing(path, names)
        digests = files[name].digests if name in files else frozenset()
        files[name] = _File(entry.size, digests | {tree.summary(tree.path(path)).sha256})
    return files
