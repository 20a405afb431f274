"""A layer root: a directory whose inside is laid out as in the image."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from buildstatic.collect.places import find_places, inside, manifest_storage, relocate
from buildstatic.collect.refuse import check_parents, check_root
from buildstatic.collect.request import Request
from buildstatic.collect.tree import held
from buildstatic.errors import FileError


@dataclass(frozen=True)
class Layer:
    """A layer root to be collected into: *root*, and the path of the *manifest*.

    *places* are the directories in it that hold files, and nothing but those of one run.
    """

    root: Path
    manifest: Path | None
    places: tuple[Path, ...] = ()


def prepare(request: Request, storage: Any) -> Layer | None:
    """Move *storage* under the layer root of *request*; nothing is changed on the disk.

    None, and nothing done, where no layer root is asked for.

    Raises `StorageRemote`, `StaticRootInvalid`, or `CollectFailed` if it cannot be moved.
    """
    if request.layer_root is None:
        return None
    root = Path(request.layer_root)
    places = find_places(storage)
    check_root(root, Path(request.root), places)
    if request.is_image:
        check_parents(places)
    relocate(storage, root)
    keeper = manifest_storage(storage)
    manifest = Path(keeper.path(storage.manifest_name)) if keeper is not None else None
    return Layer(root, manifest, tuple(inside(root, place) for place in places.directories))


@contextmanager
def alone_in(layer: Layer | None) -> Iterator[None]:
    """Let nobody else collect into *layer*, if there is one, in the block. Raises `FileError`."""
    with ExitStack() as held_until_the_end:
        if layer:
            root = layer.root
            with _said("made", root):
                lock = held(str(root), lambda: root.mkdir(parents=True, exist_ok=True))
                held_until_the_end.enter_context(lock)
        yield


def empty(layer: Layer) -> None:
    """Leave nothing of an earlier run in *layer*: it must not get into the image.

    Its places are made if they are not there, and stay the directories that they are, for these
    may be locked. Raises `FileError`.
    """
    with _said("emptied", layer.root):
        for place in layer.places:
            place.mkdir(parents=True, exist_ok=True)
            _empty(place, layer.places)


def _empty(directory: Path, places: tuple[Path, ...]) -> None:
    """Remove what is in *directory* but *places* themselves, and what leads to them."""
    for child in list(directory.iterdir()):
        if child.is_symlink() or not child.is_dir():
            child.unlink()
        elif any(place.is_relative_to(child) for place in places):
            _empty(child, places)
        else:
            shutil.rmtree(child)


@contextmanager
def _said(done: str, root: Path) -> Iterator[None]:
    """Let an OSError in the block say what cannot be *done*, in *root* or to it."""
    try:
        yield
    except OSError as error:
        problem = f"{error.filename or root} cannot be {done}: {error.strerror}."
        raise FileError(problem, "Make it writable, or name another --layer-root.") from error
