"""A layer root: a directory whose inside is laid out as in the image."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from buildstatic.collect.places import find_places, inside, manifest_storage, relocate
from buildstatic.collect.refuse import check_parents, check_root
from buildstatic.collect.request import Request
from buildstatic.errors import DiskFailed


@dataclass(frozen=True)
class Layer:
    """A layer root that is ready to be collected into: *root*, and the path of the *manifest*."""

    root: Path
    manifest: Path | None


def prepare(request: Request, storage: Any) -> Layer | None:
    """Move *storage* under the layer root of *request*, and empty its places there.

    None, and nothing done, where no layer root is asked for. A dry run empties nothing.

    Raises `StorageRemote`, `PlaceRefused`, `DiskFailed`, or `CollectFailed` for a storage that
    cannot be moved.
    """
    if request.layer_root is None:
        return None
    root = Path(request.layer_root)
    places = find_places(storage)
    check_root(root, Path(request.root), places)
    if request.is_image:
        check_parents(places)
    relocate(storage, root)
    if not request.dry_run:
        for place in sorted(places.directories):
            _empty(inside(root, place))
    keeper = manifest_storage(storage)
    return Layer(root, Path(keeper.path(storage.manifest_name)) if keeper is not None else None)


def _empty(directory: Path) -> None:
    """Make *directory* anew: a file of an earlier run must not get into the layer."""
    try:
        if directory.exists():
            shutil.rmtree(directory)
        directory.mkdir(parents=True)
    except OSError as error:
        problem = f"{error.filename} cannot be emptied: {error.strerror}."
        raise DiskFailed(problem, "Make it writable, or name another --layer-root.") from error
