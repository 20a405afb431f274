"""``build --reuse``: the variants of an earlier image, where that is there."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from buildstatic import console

if TYPE_CHECKING:
    from buildstatic.oci.reference import Reference


@contextmanager
def reusing(image: Reference | None, tree: str, *, insecure: bool = False) -> Iterator[Path | None]:
    """Yield a directory with the variants that *image* has below *tree*, None without any.

    An image that is not there, or has none, is warned about: the first build has no earlier one.
    Raises ImageInvalid for one that is there and may do harm.
    """
    if image is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="buildstatic-previous-") as directory:
        found = _take(image, tree, Path(directory), insecure=insecure)
        yield Path(directory) if found else None


def _take(image: Reference, tree: str, into: Path, *, insecure: bool) -> int:
    from buildstatic import errors
    from buildstatic.oci.reuse import extract_variants

    not_there = (
        errors.EngineNotFound,
        errors.ImageNotFound,
        errors.RegistryUnavailable,
        errors.RegistryDenied,
        errors.RegistryUnavailable,
        errors.StaticLayerNotFound,
    )
    try:
        count = extract_variants(image, tree, into, insecure=insecure)
    except not_there as error:
        console.warn(f"Nothing to reuse: {error.problem} The build goes on without.")
        return 0
    console.note(f"{count:,} variants of {image} may be used again.")
    return count
