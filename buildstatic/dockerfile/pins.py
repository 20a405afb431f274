"""The base images of a generated Dockerfile, and their digests."""

from __future__ import annotations

import re
from collections.abc import Mapping

# The names of stages have no tag.
_IMAGE = re.compile(
    r"^(?P<start>FROM (?:--platform=\S+ )?|ARG ASSETS_IMAGE=)"
    r"(?P<image>[a-z0-9][\w./:-]*:[\w.-]+)(?:@(?P<digest>sha256:[0-9a-f]{64}))?(?=\s|$)",
    re.MULTILINE | re.ASCII,
)


def base_images(text: str) -> dict[str, str]:
    """Return the digest of each base image in the Dockerfile *text*, empty if it is not pinned."""
    return {match["image"]: match["digest"] or "" for match in _IMAGE.finditer(text)}


def pin(text: str, digests: Mapping[str, str]) -> str:
    """Return the Dockerfile *text* with the images in *digests* pinned to theirs."""

    def pinned(match: re.Match[str]) -> str:
        digest = digests.get(match["image"]) or match["digest"]
        return f"{match['start']}{match['image']}{f'@{digest}' if digest else ''}"

    return _IMAGE.sub(pinned, text)
