"""``verify``: checks the static files of an image or a directory, or compares two of them."""

from __future__ import annotations

from buildstatic import verify as verification
from buildstatic.verify import Comparison, VerifyOptions, VerifyResult

__all__ = ["Comparison", "VerifyOptions", "VerifyResult", "compare", "verify"]

_DEFAULTS = VerifyOptions()


def verify(name: str, options: VerifyOptions = _DEFAULTS) -> tuple[VerifyResult, ...]:
    """Check the image or the directory *name*; return the result of each platform.

    A failed check is not an error: see `VerifyResult.passed`. Raises ImageReferenceInvalid,
    ImageNotFound, ImageInvalid, StaticLayerNotFound, and what the registries raise.
    """
    return verification.verify(name, options)


def compare(before: str, after: str, options: VerifyOptions = _DEFAULTS) -> Comparison:
    """Compare the images or directories *before* and *after*; raises what `verify` does.

    Of images for several platforms the first platform that both have is compared, else the first
    of each.
    """
    return verification.compare(before, after, options)
