"""Verifies the static files in an image or a directory, and compares two of them.

`verify` opens an image or directory and runs every check on it; `compare` lists what changed
between two. Nothing is extracted.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from buildstatic.errors import ImageNotFound
from buildstatic.oci.documents import Config
from buildstatic.oci.reference import LayoutReference
from buildstatic.oci.store import find_image, open_source
from buildstatic.oci.stores.base import Source
from buildstatic.verify import content_checks, image_checks, layer_checks, references
from buildstatic.verify.comparison import Change, find_changes
from buildstatic.verify.image import LayeredImage, read_images
from buildstatic.verify.results import CheckResult, Finding
from buildstatic.verify.tree import StaticTree, read_directory

__all__ = ["Comparison", "VerifyOptions", "VerifyResult", "compare", "verify"]


@dataclass(frozen=True)
class VerifyOptions:
    """Where the static files are, if that is not detected, and what is allowed in them."""

    static_root: str | None = None
    insecure: bool = False
    source_maps: bool = True
    static_url: str | None = None


@dataclass(frozen=True)
class VerifyResult:
    """The results for the image of one platform, or for a directory, which has no *platform*.

    *path* is the tree's, in the image or the directory. *files* is the number of its file names,
    *bytes* their size; hard links count once.
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
        """The findings of all checks."""
        return tuple(finding for check in self.checks for finding in check.findings)

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(check.passed for check in self.checks)


@dataclass(frozen=True)
class Comparison:
    """What changed between two trees; *same_layer* is None unless both are layers of images."""

    before: VerifyResult
    after: VerifyResult
    same_layer: bool | None
    changes: tuple[Change, ...]


def verify(name: str, options: VerifyOptions) -> tuple[VerifyResult, ...]:
    """Verify the image or directory *name*; return a result for each platform.

    Raises StaticLayerNotFound if it has no static files, ImageInvalid if it cannot be read, and the
    errors of the stores.
    """
    with ExitStack() as stack:
        found = _open(name, options, stack)
        if isinstance(found, StaticTree):
            return (_directory_result(found, tuple(_tree_checks(found, None, options))),)
        results = []
        for image in found:
            with closing(image):
                index, root = image.locate(options.static_root)
                tree = image.tree(index, root)
                checks = (
                    *_tree_checks(tree, image.config, options),
                    image_checks.check_one_layer(image, index, tree),
                    image_checks.check_not_hidden(image, index, tree),
                    image_checks.check_parents(image, index, tree),
                )
                results.append(_image_result(image, index, tree, checks))
        return tuple(results)


def compare(before: str, after: str, options: VerifyOptions) -> Comparison:
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
        for side in sides:
            if isinstance(side, StaticTree):
                trees.append(side)
                results.append(_directory_result(side))
                continue
            image = next((each for each in side if each.config.platform == platform), side[0])
            stack.enter_context(closing(image))
            index, root = image.locate(options.static_root)
            trees.append(image.tree(index, root))
            results.append(_image_result(image, index, trees[-1]))
        old, new = results
        same_layer = old.diff_id == new.diff_id if old.diff_id and new.diff_id else None
        return Comparison(old, new, same_layer, () if same_layer else find_changes(*trees))


def _open(
    name: str, options: VerifyOptions, stack: ExitStack
) -> StaticTree | tuple[LayeredImage, ...]:
    """Open the directory *name*, or the image for each platform, until *stack* is closed.

    An OCI layout is an image, with or without ``oci:``.
    """
    path = Path(name)
    if path.is_dir():
        if (path / "oci-layout").is_file() and (path / "index.json").is_file():
            source: Source = stack.enter_context(open_source(LayoutReference(path)))
            return read_images(source)
        return read_directory(path, options.static_root)
    if name.startswith(("/", "./", "../", "~")):
        raise ImageNotFound(f"There is no directory {name}.")
    source = stack.enter_context(open_source(find_image(name), insecure=options.insecure))
    return read_images(source)


def _tree_checks(
    tree: StaticTree, config: Config | None, options: VerifyOptions
) -> Iterator[CheckResult]:
    if tree.is_layer:
        yield layer_checks.check_entries(tree)
    yield content_checks.check_manifest(tree)
    yield content_checks.check_fingerprints(tree)
    yield references.check_references(tree, options.static_url)
    yield content_checks.check_variants(tree)
    if tree.is_layer:
        yield layer_checks.check_times(tree)
    yield layer_checks.check_secrets(tree, config)
    if not options.source_maps:
        yield layer_checks.check_source_maps(tree)


def _directory_result(tree: StaticTree, checks: tuple[CheckResult, ...] = ()) -> VerifyResult:
    path = str(Path(tree.source, tree.root))
    return VerifyResult(None, path, len(tree.files), _size(tree), None, None, checks)


def _image_result(
    image: LayeredImage, index: int, tree: StaticTree, checks: tuple[CheckResult, ...] = ()
) -> VerifyResult:
    return VerifyResult(
        image.config.platform,
        f"/{tree.root}",
        len(tree.files),
        _size(tree),
        image.config.diff_ids[index],
        image.manifest.layers[index].digest,
        checks,
    )


def _size(tree: StaticTree) -> int:
    return sum({entry.path: entry.size for entry in tree.files.values()}.values())
