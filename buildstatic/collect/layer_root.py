"""The directories that files are collected to: the storage's own, or a layer root in their place.

A layer root is a directory laid out as in the image, whose content becomes an image layer.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from buildstatic.atomic import lock_directory, replace_file, replace_with_link
from buildstatic.collect.codecs import FORMATS
from buildstatic.collect.publish import EPOCH, content_time
from buildstatic.collect.request import Request
from buildstatic.collect.workers.file_tasks import UNLINKABLE
from buildstatic.errors import CollectFailed, FileError, StaticRootInvalid, StorageRemote

_VARIANTS = tuple(f".{suffix}" for suffix in FORMATS)
_DEDICATED = "Give --layer-root a directory of its own, such as /layer."


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


def _find_locations(storage: Any) -> Locations:
    """Return the locations of *storage*; raises `StorageRemote` if they are not on this disk."""
    manifest = getattr(storage, "manifest_storage", None)
    return Locations(_location(storage), _location(manifest) if manifest is not None else None)


def local_directories(storage: Any) -> tuple[Path, ...]:
    """Return the directories that *storage* writes to, none if they are not on this disk."""
    try:
        return _find_locations(storage).directories
    except StorageRemote:
        return ()


def inside(root: Path, path: Path) -> Path:
    """Return where *path*, absolute, is in the layer root *root*."""
    return root / path.relative_to("/")


def static_root() -> tuple[Path, ...]:
    """Return STATIC_ROOT, absolute, if it is set."""
    from django.conf import settings

    root = getattr(settings, "STATIC_ROOT", None)
    return (_absolute(root),) if root else ()


@contextmanager
def settings_moved(root: Path, trees: Sequence[Path]) -> Iterator[None]:
    """Let each setting that is a path in *trees* be that path below *root* in the block.

    Of relative paths only STATIC_ROOT moves: others may be no paths.
    """
    from django.conf import settings

    saved = {}
    for name in filter(str.isupper, dir(settings)):
        value = getattr(settings, name)
        if not isinstance(value, str | os.PathLike) or not value:
            continue
        path = _absolute(value) if name == "STATIC_ROOT" else Path(value)
        if path.is_absolute() and any(path.is_relative_to(tree) for tree in trees):
            saved[name] = value
    try:
        for name, value in saved.items():
            moved = inside(root, _absolute(value))
            setattr(settings, name, str(moved) if isinstance(value, str) else moved)
        yield
    finally:
        for name, value in saved.items():
            setattr(settings, name, value)


def _absolute(path: str | os.PathLike[str]) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100 - without "..", as FileSystemStorage has it


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


@dataclass(frozen=True)
class LayerRoot:
    """The layer root *path*, the path of the *manifest* in it, and the *directories* with files."""

    path: Path
    manifest: Path | None
    directories: tuple[Path, ...] = ()


def choose_directories(request: Request, storage: Any) -> tuple[tuple[Path, ...], LayerRoot | None]:
    """Return where *storage* writes, and the layer root of *request*, if there is one.

    *storage* is then moved under the layer root; nothing is written. The directories are those that
    an earlier run may have collected to.

    Raises `StorageRemote`, `StaticRootInvalid`, or `CollectFailed` if it cannot be moved.
    """
    trees = local_directories(storage)
    root = request.options.layer_root
    if root is None:
        return trees, None
    locations = _find_locations(storage)
    check_layer_root(root, request.root, locations)
    if request.is_image:
        check_layer_parents(locations)
    relocate(storage, root)
    manifest_storage = getattr(storage, "manifest_storage", None)
    manifest = None
    if manifest_storage is not None:
        manifest = Path(manifest_storage.path(storage.manifest_name))
    layer = LayerRoot(root, manifest, tuple(inside(root, d) for d in locations.directories))
    return (*trees, root), layer


def check_layer_root(root: Path, project: Path, locations: Locations) -> None:
    """Raise `StaticRootInvalid` if *root* cannot be a layer root.

    It is emptied at *locations*, so it may not be ``/``, the *project*, a parent of it, or a
    location itself; and since all of it becomes the layer, it may contain only earlier content of
    these locations.
    """
    real = root.resolve()
    taken = {"the project's root": project.resolve(), "STATIC_ROOT": locations.tree.resolve()}
    for what, path in taken.items():
        if real == path:
            raise StaticRootInvalid(f"The layer root {root} is {what}.", _DEDICATED)
    if real in project.resolve().parents:
        raise StaticRootInvalid(f"The layer root {root} contains the project.", _DEDICATED)
    others = sorted(str(path.relative_to(root)) for path in _other_content(root, locations))
    if others:
        names = ", ".join(others[:3]) + (", …" if len(others) > 3 else "")
        problem = f"The layer root {root} contains other files: {names}."
        raise StaticRootInvalid(problem, _DEDICATED)


def _other_content(root: Path, locations: Locations) -> Iterator[Path]:
    """Yield what is in *root* beside its *locations* and their parents, which may not be links."""
    own = [inside(root, directory) for directory in locations.directories]
    for directory, directories, files in os.walk(root):
        here = Path(directory)
        if here in own:
            directories.clear()
            continue
        for child in [here / name for name in (*directories, *files)]:
            is_parent = any(child == place or child in place.parents for place in own)
            if not is_parent or child.is_symlink() or not child.is_dir():
                yield child
                directories[:] = [name for name in directories if name != child.name]


def check_layer_parents(locations: Locations) -> None:
    """Raise `StaticRootInvalid` if the layer would change a parent directory of *locations*.

    A layer contains every parent of its files as a directory of root's with mode 0755; in the final
    image that replaces a symbolic link and overrides another owner or mode. So each existing
    parent, as spelt in the settings, must be just that. Modes of root's with which 0755 does no
    harm are accepted: 0775 of a checkout with umask 002, 0555 of a read-only one. ``/`` itself is
    in no layer.
    """
    for location in locations.directories:
        for parent in [*reversed(location.parents)][1:]:
            if os.path.lexists(parent):
                _check_directory(parent, location)
        if location.is_symlink() or (location != locations.tree and location.exists()):
            _check_directory(location, location)


def _check_directory(directory: Path, location: Path) -> None:
    status = directory.lstat()
    mode = stat.S_IMODE(status.st_mode)
    if stat.S_ISLNK(status.st_mode):
        problem = f"it is a symbolic link to {os.readlink(directory)}"  # noqa: PTH115
        advice = f"Use the path without the link: {location.resolve()}"
    elif not stat.S_ISDIR(status.st_mode):
        problem = "it is not a directory"
        advice = "Set STATIC_ROOT to a directory of its own, such as /app/staticfiles."
    elif status.st_uid == 0 and _is_equivalent(mode, status.st_gid):
        return
    else:
        problem = f"it belongs to {status.st_uid}:{status.st_gid} with mode {mode:04o}"
        advice = (
            "Set STATIC_ROOT below directories that belong to root with mode 0755 "
            "(/app/staticfiles, with /app owned by root), and keep what the application writes "
            "elsewhere (/data)."
        )
    effect = f"A layer with {location} would change {directory} to a root-owned directory, mode"
    raise StaticRootInvalid(f"{effect} 0755, but {problem}.", advice)


def _is_equivalent(mode: int, group: int) -> bool:
    """Return whether 0755 gives everybody but root the same access as *mode*."""
    is_public = mode & (stat.S_IROTH | stat.S_IXOTH) == stat.S_IROTH | stat.S_IXOTH
    is_writable = mode & stat.S_IWOTH or (mode & stat.S_IWGRP and group != 0)
    is_special = mode & (stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX)
    return is_public and not is_writable and not is_special


@contextmanager
def locked(layer: LayerRoot) -> Iterator[None]:
    """Keep other processes from collecting into *layer*; raises `FileError`."""
    with ExitStack() as stack:
        with _errors_of(layer.path, "created"):
            lock = lock_directory(layer.path, lambda: layer.path.mkdir(parents=True, exist_ok=True))
            stack.enter_context(lock)
        yield


def empty(layer: LayerRoot) -> None:
    """Remove what an earlier run left in *layer*: it must not get into the image.

    Its directories are created if missing, and never replaced, since they may be locked. Raises
    `FileError`.
    """
    with _errors_of(layer.path, "emptied"):
        for directory in layer.directories:
            directory.mkdir(parents=True, exist_ok=True)
            _empty(directory, layer.directories)


def _empty(directory: Path, kept: tuple[Path, ...]) -> None:
    """Remove the content of *directory* but the directories *kept* and their parents."""
    for child in list(directory.iterdir()):
        if child.is_symlink() or not child.is_dir():
            child.unlink()
        elif any(path.is_relative_to(child) for path in kept):
            _empty(child, kept)
        else:
            shutil.rmtree(child)


@contextmanager
def _errors_of(root: Path, action: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        problem = f"{error.filename or root} cannot be {action}: {error.strerror}."
        raise FileError(problem, "Make it writable, or use another --layer-root.") from error


def normalize(layer: LayerRoot, *, has_collected: bool = False) -> list[str]:
    """Make *layer* depend only on the content of its files; return warnings.

    The manifest's paths are sorted (Django 5.2 writes them in the order of a directory listing);
    files have mode 0644, directories 0755, and root as owner if this process is root; files of
    equal content are hard links; a file's time is derived from its content, so that a changed file
    of equal size gets a new ETag from servers that derive it from time and size; a directory's
    time is fixed.

    If the collector wrote the files (*has_collected*), only the manifest and directories are
    normalized. Raises `FileError`, or `CollectFailed` for anything but files and directories.
    """
    copies = 0
    try:
        if layer.manifest and layer.manifest.exists():
            content = sorted_manifest(layer.manifest.read_bytes())
            with replace_file(layer.manifest) as file:
                file.write(content)
            if has_collected:
                _set_metadata(
                    layer.manifest, 0o644, content_time(hashlib.sha256(content).hexdigest())
                )
        if not has_collected:
            copies = _normalize_files(layer.path)
        for directory, _, _ in os.walk(layer.path, topdown=False):
            _set_metadata(Path(directory), 0o755, EPOCH)
    except OSError as error:
        problem = f"{error.filename or layer.path} cannot be written: {error.strerror}."
        raise FileError(problem, "Free some space, or make it writable.") from error
    if copies:
        return [f"Files in {layer.path} that could not be hard-linked to equal files: {copies}."]
    return []


def sorted_manifest(manifest: bytes) -> bytes:
    """Return *manifest* with sorted paths; unchanged if Django did not write it."""
    try:
        content = json.loads(manifest)
        content["paths"] = dict(sorted(content["paths"].items()))
    except (ValueError, TypeError, KeyError, AttributeError):
        return manifest
    return json.dumps(content).encode()


def _normalize_files(root: Path) -> int:
    """Set modes and times of all files below *root*; return how many could not be linked.

    A variant has the time of the file that it is a variant of, as the collector sets it.
    """
    first: dict[tuple[str, str], Path] = {}
    digests: dict[Path, str] = {}
    copies = 0
    for path in sorted(_files(root)):
        with path.open("rb") as file:
            digest = digests[path] = hashlib.file_digest(file, "sha256").hexdigest()
        original = path.with_suffix("") if path.suffix in _VARIANTS else path
        key = digests.get(original, digest), digest
        if key in first and _link(first[key], path):
            continue
        copies += key in first
        first[key] = path
        _set_metadata(path, 0o644, content_time(key[0]))
    return copies


def _files(root: Path) -> Iterator[Path]:
    for directory, directories, files in os.walk(root):
        for path in [Path(directory, name) for name in (*directories, *files)]:
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                problem = f"{path} is neither a file nor a directory."
                raise CollectFailed(problem, "In a layer root, the storage may only write files.")
        yield from (Path(directory, name) for name in files)


def _link(first: Path, path: Path) -> bool:
    """Make *path* a hard link of *first*; False if the file system does not support it."""
    if path.samefile(first):
        return True
    try:
        replace_with_link(path, first)
    except OSError as error:
        if error.errno in UNLINKABLE:
            return False
        raise
    return True


def _set_metadata(path: Path, mode: int, seconds: int) -> None:
    if os.geteuid() == 0:
        os.chown(path, 0, 0)
    path.chmod(mode)
    os.utime(path, (seconds, seconds))
