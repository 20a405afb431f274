"""Recognizes a static layer without a mark of ours, as a Dockerfile puts it into an image.

That is ``COPY --link --from=static /layer/ /``. By its history it may be one; by its content it is,
where it holds nothing but what is below STATIC_ROOT, and the directories above that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from buildstatic.oci.compose import static_layers, with_history
from buildstatic.oci.documents import Config, Manifest
from buildstatic.oci.layer_reader import Member, read_members
from buildstatic.oci.static_layer import FILES, WHITEOUT
from buildstatic.oci.stores.base import Source

# BuildKit leaves the options out, and kaniko writes the line as it stands in the Dockerfile.
_TO_THE_ROOT = re.compile(r".*\bCOPY\b.*\s/\s*(?:# buildkit)?\s*")


@dataclass(frozen=True)
class Unmarked:
    """The layers, counted from the base, that are static ones by what is in them.

    *kept* says of each other one that has static files in it why it is none, in a sentence.
    """

    layers: tuple[int, ...] = ()
    kept: tuple[str, ...] = ()


def find_unmarked(source: Source, manifest: Manifest, config: Config, tree: str) -> Unmarked:
    """Look for static layers of *tree*, an absolute path, in an image where none is marked.

    Only layers that were copied to the root are read. Raises ImageInvalid.
    """
    where = str(source.reference)
    if not tree or static_layers(manifest, config, where):
        return Unmarked()
    layers, kept = [], []
    for index in _candidates(manifest, config, where):
        layer = manifest.layers[index]
        with source.open_blob(layer) as stream:
            members = read_members(stream, f"{where}: {layer.digest}")
        place = PurePosixPath(tree.strip("/"))
        if not any(each.kind in FILES and _is_below(each.path, place) for each in members):
            continue
        if reason := _shared(place, config) or _besides(members, place):
            kept.append(f"{config.diff_ids[index]}, which has static files: {reason}")
        else:
            layers.append(index)
    return Unmarked(tuple(layers), tuple(kept))


def _candidates(manifest: Manifest, config: Config, where: str) -> Iterator[int]:
    for index, entry in enumerate(with_history(manifest, config, where)):
        line = str((entry or {}).get("created_by") or "")
        if _TO_THE_ROOT.fullmatch(line) and not manifest.layers[index].is_foreign:
            yield index


def _shared(place: PurePosixPath, config: Config) -> str:
    """Return what is wrong with a *place* that code may be in as well, empty for nothing."""
    working = (config.extra.get("config") or {}).get("WorkingDir") or "/"
    if PurePosixPath(working.strip("/")).is_relative_to(place):
        return f"/{place} is, or is above, the working directory, which is not static files' alone"
    return ""


def _besides(members: tuple[Member, ...], place: PurePosixPath) -> str:
    """Return what else there is in a layer, empty for nothing."""
    for member in members:
        is_above = member.kind == "dir" and place.is_relative_to(member.path)
        if not is_above and not _is_static(member, place):
            return f"/{member.path} is in it as well"
    return ""


def _is_static(member: Member, place: PurePosixPath) -> bool:
    if not _is_below(member.path, place) or member.path.rpartition("/")[2].startswith(WHITEOUT):
        return False
    return member.kind in ("file", "dir") or (
        member.kind == "link" and _is_below(member.target, place)
    )


def _is_below(path: str, place: PurePosixPath) -> bool:
    return path.startswith(f"{place}/") and ".." not in path.split("/")
