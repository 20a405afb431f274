"""What a build takes from earlier images: compressed variants, and files of earlier releases."""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from buildstatic.builders.base import BuildOptions, BuildResult
from buildstatic.collect.earlier_variants import ARCHIVE
from buildstatic.errors import (
    EngineNotFound,
    ImageInvalid,
    ImageNotFound,
    RegistryDenied,
    RegistryUnavailable,
    StaticLayerNotFound,
)
from buildstatic.oci.append import keep_earlier
from buildstatic.oci.earlier_releases import EarlierReleases, check_same_tree, open_earlier
from buildstatic.oci.reference import EngineReference, Reference, parse_reference, with_tag
from buildstatic.oci.reuse import extract_variants
from buildstatic.oci.stores import find_image
from buildstatic.oci.stores.engine import replace_tags
from buildstatic.workflows import Reporter


@contextmanager
def reusable_variants(
    image: Reference | None, tree: str, insecure: bool, report: Reporter
) -> Iterator[Path | None]:
    """Yield a directory with an archive of the variants that *image* has below *tree*.

    Yields None if it has none. Warns if there is no such image, as for the first build, or if it
    cannot be read.
    """
    if image is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="buildstatic-previous-") as temporary:
        directory = Path(temporary)
        try:
            count = extract_variants(image, tree, directory / ARCHIVE, insecure=insecure)
        except (
            EngineNotFound,
            ImageInvalid,
            ImageNotFound,
            RegistryDenied,
            RegistryUnavailable,
            StaticLayerNotFound,
        ) as error:
            report.warn(f"Nothing to reuse: {error.problem} Building without it.")
            count = 0
        else:
            report.note(f"{count:,} variants of {image} can be reused.")
        yield directory if count else None


@contextmanager
def earlier_releases(options: BuildOptions, tree: str | None) -> Iterator[EarlierReleases | None]:
    """Yield the static layers of the image to keep, None if there is no such option."""
    if options.keep is None:
        yield None
        return
    image = find_image(options.keep)
    with open_earlier(image, tree, options.keep_releases, insecure=options.insecure) as earlier:
        yield earlier


def add_earlier_releases(
    result: BuildResult, options: BuildOptions, earlier: EarlierReleases, report: Reporter
) -> BuildResult:
    """Put *earlier* below the static layer of each tag of the built image."""
    assert result.static is not None
    check_same_tree(str(earlier.source.reference), earlier.tree, result.static.path)
    count = len(earlier.below(result.static.diff_id))
    if not count:
        return result
    releases = "one earlier release" if count == 1 else f"{count} earlier releases"
    report.note(f"Adding the static files of {releases}.")
    started = time.monotonic()
    first, *others = options.tags
    if options.push:
        for tag in options.tags:
            done = keep_earlier(
                parse_reference(tag), result.static.diff_id, earlier, insecure=options.insecure
            )
        image_id = done.digest
    else:
        image = EngineReference(with_tag(first))
        done = keep_earlier(image, result.static.diff_id, earlier)
        image_id = replace_tags(image, others, result.id)
    seconds = round(result.seconds + time.monotonic() - started, 2)
    return dataclasses.replace(result, id=image_id, earlier=done.earlier, seconds=seconds)
