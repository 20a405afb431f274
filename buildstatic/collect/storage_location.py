"""The directories that a storage writes to: find them, move them, and protect their neighbours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from buildstatic.collect.sources import Source
from buildstatic.errors import CollectFailed, StaticRootInvalid, StorageRemote

# Part of the names of the backends that keep a database in a file.
_FILE_BACKENDS = ("sqlite", "spatialite")


@dataclass(frozen=True)
class Locations:
    """The directories that a storage writes to, as the settings have them: absolute, unresolved.

    *manifest* is the directory of the manifest, None if there is no manifest. It is *tree* unless
    ``manifest_storage`` is another storage (``ManifestFilesMixin.__init__``).
    """

    tree: Path
    manifest: Path | None

    @property
    def directories(self) -> tuple[Path, ...]:
        """Each directory once."""
        others = (self.manifest,) if self.manifest and self.manifest != self.tree else ()
        return (self.tree, *others)


def find_locations(storage: Any) -> Locations:
    """Return the locations of *storage*; raises `StorageRemote` if they are not on this disk."""
    manifest = getattr(storage, "manifest_storage", None)
    return Locations(_location(storage), _location(manifest) if manifest is not None else None)


def local_directories(storage: Any) -> tuple[Path, ...]:
    """Return the directories that *storage* writes to, none if they are not on this disk."""
    try:
        return find_locations(storage).directories
    except StorageRemote:
        return ()


def inside(root: Path, path: Path) -> Path:
    """Return where *path*, absolute, is in the layer root *root*."""
    return root / path.relative_to("/")


def relocate(storage: Any, root: Path) -> None:
    """Move *storage*, and the storage of its manifest, to their own locations under *root*.

    This sets the attributes of the instances in which ``FileSystemStorage`` caches its location;
    the settings are not changed.

    Raises `CollectFailed` for a storage that keeps writing elsewhere.
    """
    manifest = getattr(storage, "manifest_storage", None)
    for instance in (storage, *((manifest,) if manifest not in (None, storage) else ())):
        target = inside(root, _location(instance))
        problem = f"{_class_of(instance)} does not write to its `location`."
        error = CollectFailed(problem, "For --layer-root, its path() must use self.location.")
        try:
            instance.base_location = instance.location = str(target)
        except AttributeError as cause:
            raise error from cause
        if not Path(instance.path("name")).is_relative_to(target):
            raise error


def _location(storage: Any) -> Path:
    try:
        storage.path("name")
        return Path(storage.location)
    except (NotImplementedError, AttributeError, TypeError) as error:
        problem = f"{_class_of(storage)} does not keep its files on this disk."
        advice = "Collect without --layer-root where the storage can be reached: in a release step."
        raise StorageRemote(problem, advice) from error


def _class_of(storage: Any) -> str:
    return f"The storage {type(storage).__module__}.{type(storage).__qualname__}"


def check_removal(
    option: str, tree: Path, kept: Mapping[str, Path], sources: Iterable[Source]
) -> None:
    """Raise `StaticRootInvalid` if *option* would remove more than collected files.

    ``--clear`` and ``--prune`` remove what is in *tree* and was not collected now, so it may
    neither be nor contain what is *kept* (by description), nor a directory of *sources*.
    """
    real = tree.resolve()
    locations = {getattr(source.storage, "location", None) for source in sources}
    places = {f"sources ({place})": Path(place) for place in sorted(filter(None, locations))}
    for what, path in {**kept, **places}.items():
        if path.resolve() == real or real in path.resolve().parents:
            problem = f"{option} would remove {what}: files are collected to {tree}."
            raise StaticRootInvalid(problem, "Set STATIC_ROOT to a directory of its own.")


def project_data() -> dict[str, Path]:
    """Return ``MEDIA_ROOT`` and the files of databases, by description."""
    from django.conf import settings

    kept = {}
    for alias, database in settings.DATABASES.items():
        name = str(database.get("NAME") or "")
        if name.startswith("file:"):  # a URI: sqlite.org/uri.html
            name = name.removeprefix("file:").partition("?")[0]
        is_file = any(word in str(database.get("ENGINE", "")) for word in _FILE_BACKENDS)
        if is_file and name and not name.startswith(":"):
            kept[f"the database {alias}"] = Path(name)
    if settings.MEDIA_ROOT:
        kept["MEDIA_ROOT"] = Path(settings.MEDIA_ROOT)
    return kept
