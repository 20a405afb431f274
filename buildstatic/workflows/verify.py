"""``verify``: checks the static files of an image or a directory, or compares two of them."""

from buildstatic.verify import Comparison, VerifyOptions, VerifyResult, compare, verify

__all__ = ["Comparison", "VerifyOptions", "VerifyResult", "compare", "verify"]
