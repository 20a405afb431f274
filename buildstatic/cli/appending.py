"""How the static layer comes onto an image with no engine, and what is said of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from buildstatic.oci.append import AppendResult
    from buildstatic.oci.layer_writer import WrittenLayer
    from buildstatic.oci.reference import Reference


@dataclass(frozen=True)
class Appending:
    """What is asked for: the layer on *base*, as *tag*; *created* is the time that it says."""

    base: Reference
    tag: Reference
    insecure: bool
    created: datetime | None

    def put(self, layer: WrittenLayer, file: Path) -> AppendResult:
        """Append *layer*, whose bytes are in *file*; raises what `append` does."""
        from buildstatic.oci.append import append

        return append(
            self.base, self.tag, layer, file, insecure=self.insecure, created=self.created
        )


def asked(base: str, tag: str, *, insecure: bool) -> Appending:
    """Return what *base* and *tag* name; raises ImageReferenceInvalid and ConfigInvalid."""
    from buildstatic.oci.append import source_date_epoch
    from buildstatic.oci.reference import parse_reference
    from buildstatic.oci.store import find_image

    created = source_date_epoch(os.environ)
    return Appending(find_image(base), parse_reference(tag), insecure, created)


def lines(appended: AppendResult) -> Iterator[str]:
    """Yield the lines that tell a person what the name stands for now."""
    from buildstatic.console import size
    from buildstatic.verify.results import printable

    yield f"image    {appended.reference} {appended.digest}"
    for image in appended.images:
        yield f"         {printable(image.platform)} {image.digest}"
    replaced = dict.fromkeys(diff_id for image in appended.images for diff_id in image.replaced)
    for diff_id in replaced:
        yield f"replaced {diff_id}, the static layer before"
    for sentence in dict.fromkeys(each for image in appended.images for each in image.kept):
        yield f"kept     {printable(sentence)}; the new layer stands on it"
    for digest in appended.dropped:
        yield f"dropped  {digest}, an attestation or the like of the base, or not in its engine"
    counts = (("sent", appended.sent), ("present", appended.present), ("mounted", appended.mounted))
    yield f"blobs    {', '.join(f'{size(count)} {word}' for word, count in counts)}"
