"""Where a storage keeps its files, and how it is moved under a layer root."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from buildstatic.errors import CollectFailed, StorageRemote


@dataclass(frozen=True)
class Places:
    """The directories that a storage writes to, as the settings have them: absolute, unresolved.

    *manifest* is the directory of the manifest, None for a storage that has none. It is *tree*
    unless ``manifest_storage`` is a storage of its own (``ManifestFilesMixin.__init__``).
    """

    tree: Path
    manifest: Path | None

    @property
    def directories(self) -> tuple[Path, ...]:
        """Each directory once."""
        others = (self.manifest,) if self.manifest and self.manifest != self.tree else ()
        return (self.tree, *others)


def find_places(storage: Any) -> Places:
    """Return the places of *storage*; raises `StorageRemote` if they are not on this disk."""
    manifest = manifest_storage(storage)
    return Places(_location(storage), _location(manifest) if manifest is not None else None)


def trees_of(storage: Any) -> tuple[Path, ...]:
    """Return the directories that *storage* collects to, none where they are not on this disk."""
    try:
        return find_places(storage).directories
    except StorageRemote:
        return ()


def manifest_storage(storage: Any) -> Any:
    """Return what *storage* keeps its manifest in: itself, another storage, or None."""
    return getattr(storage, "manifest_storage", None)


def inside(root: Path, place: Path) -> Path:
    """Return where *place*, absolute, stands in the layer root *root*."""
    return root / place.relative_to("/")


def relocate(storage: Any, root: Path) -> None:
    """Move *storage*, and the storage of its manifest, to their own places under *root*.

    The attributes of the instances are set, where ``FileSystemStorage`` keeps what it worked out
    from the settings; the settings stay as they are.

    Raises `CollectFailed` for a storage that keeps writing elsewhere.
    """
    manifest = manifest_storage(storage)
    for instance in (storage, *((manifest,) if manifest not in (None, storage) else ())):
        target = inside(root, _location(instance))
        try:
            instance.base_location = instance.location = str(target)
        except AttributeError as error:
            raise _unmovable(instance) from error
        if not Path(instance.path("name")).is_relative_to(target):
            raise _unmovable(instance)


def _location(storage: Any) -> Path:
    try:
        storage.path("name")
        return Path(storage.location)
    except (NotImplementedError, AttributeError, TypeError) as error:
        problem = f"{_kind(storage)} keeps its files elsewhere, so there is nothing for a layer."
        advice = "Collect where it can be reached, without --layer-root: in the release phase."
        raise StorageRemote(problem, advice) from error


def _unmovable(storage: Any) -> CollectFailed:
    problem = (
        f"{_kind(storage)} does not write to its own `location`, so no layer root can hold it."
    )
    return CollectFailed(problem, "Let its path() follow self.location.")


def _kind(storage: Any) -> str:
    return f"The storage {type(storage).__module__}.{type(storage).__qualname__}"
