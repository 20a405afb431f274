"""Let a storage see a tree in memory: replace what reads and writes files on its instance."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from django.core.files.base import ContentFile

from buildstatic.collect.memory.files import StoredFile
from buildstatic.collect.memory.static_compress import compressed_later
from buildstatic.collect.memory.tree import MemoryTree, NeedsDisk, NeedsLoop
from buildstatic.collect.references import QuickPattern
from buildstatic.collect.storages.adapter import Adapter
from buildstatic.collect.storages.attributes import replaced_attributes
from buildstatic.collect.storages.manifest import ManifestInMemory
from buildstatic.collect.workers.file_tasks import digest


@contextmanager
def shown(tree: MemoryTree, adapter: Adapter) -> Iterator[None]:
    """Let the storage of *tree* see this in the block, instead of the tree on disk.

    What the storage defines itself stays, and is given *tree* to work on. Raises `NeedsDisk` or
    `NeedsLoop` at the end if something in the block did.
    """
    from django.conf import settings

    storage = tree.storage
    ended = ExitStack()
    values: dict[str, Any] = {
        "exists": tree.exists,
        "open": tree.open,
        "_open": tree.open,
        "_save": tree.save,
        "delete": tree.delete,
        "listdir": tree.listdir,
        "size": lambda name: tree.open(name).size,
        "location": _Trap(tree, "location"),
        "base_location": _Trap(tree, "base_location"),
    }
    for name in ("path", "get_accessed_time", "get_created_time", "get_modified_time"):
        values[name] = _Trap(tree, name)
    if "file_hash" in tree.plain:
        values["file_hash"] = _file_hash(tree)
    if isinstance(patterns := vars(storage).get("_patterns"), dict):
        values["_patterns"] = _quick(patterns)
    if "_post_process" in tree.plain:
        post_process = storage._post_process
        values["_post_process"] = lambda paths, adjustable, hashed_files: post_process(
            paths, _Names(adjustable), hashed_files
        )
    if hasattr(storage, "post_process"):
        values["post_process"] = _recorded(tree, ended)
    if "delete_files" in tree.plain:
        values["delete_files"] = tree.delete_files
    if adapter.complete and "add_stats_to_manifest" in tree.plain:
        values["add_stats_to_manifest"] = lambda: None
    if adapter.compression:
        tree.compressed = set()
        compressor = _Compressor(adapter.compression(storage).fits, tree.compressed)
        values["create_compressor"] = lambda **_: compressor
    kept_manifest = getattr(storage, "manifest_storage", storage)
    keeper = ManifestInMemory(tree.fail)
    if kept_manifest is not storage:
        values["manifest_storage"] = keeper
    with ExitStack() as stack:
        stack.enter_context(replaced_attributes(storage, values))
        stack.enter_context(ended)
        if tree.compressed is not None:
            stack.enter_context(compressed_later(tree, tree.compressed))
        if hasattr(settings, "STATIC_ROOT"):
            stack.callback(setattr, settings, "STATIC_ROOT", settings.STATIC_ROOT)
            settings.STATIC_ROOT = _Trap(tree, "STATIC_ROOT")
        try:
            yield
        except Exception:
            if not tree.needs_disk and not tree.needs_loop:
                raise
    if tree.needs_disk:
        raise NeedsDisk(tree.needs_disk)
    if tree.needs_loop or tree.is_unused:
        raise NeedsLoop
    _take_manifest(tree, kept_manifest, keeper)


def _file_hash(tree: MemoryTree) -> Callable[..., Any]:
    """Return the storage's ``file_hash``, which does not hash again what has been hashed."""
    original = tree.storage.file_hash
    sample = b"sample"
    if original("", ContentFile(sample)) != digest(sample, strong=False)[0][:12]:
        return original  # type: ignore[no-any-return]

    def file_hash(name: Any, content: Any = None) -> Any:
        if isinstance(content, StoredFile):
            return content.stored.digest[:12]
        if type(content) is ContentFile and type(content.file) is io.BytesIO:
            return tree.hashed(content)[1][:12]
        return original(name, content)

    return file_hash


def _recorded(tree: MemoryTree, ended: ExitStack) -> Callable[..., Any]:
    """Return the storage's ``post_process``, which adds to *processed* of *tree*.

    It ends with *ended*.
    """

    def recording(*arguments: Any, **options: Any) -> Iterator[Any]:
        made = type(tree.storage).post_process(tree.storage, *arguments, **options)
        ended.callback(getattr(made, "close", lambda: None))
        for each in made:
            if isinstance(each, tuple) and len(each) == 3 and isinstance(each[1], str):
                tree.processed.add(each[1])
            yield each

    return recording


def _take_manifest(tree: MemoryTree, manifest_storage: Any, keeper: ManifestInMemory) -> None:
    """Take the manifest out of *tree*, as it is written last."""
    if manifest_storage is not tree.storage:
        tree.manifest = keeper.content if keeper.is_saved else None
    elif (name := getattr(tree.storage, "manifest_name", None)) and name in tree.files:
        stored = tree.files.pop(name)
        with StoredFile(stored, name) as file:
            tree.manifest = file.read()
    if tree.manifest is not None:
        tree.manifest = _sorted_manifest(tree.manifest)


def _quick(patterns: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``HashedFilesMixin._patterns`` with patterns that search less."""
    return {
        extension: [
            (QuickPattern(each[0]), *each[1:])
            if isinstance(each, tuple) and isinstance(each[0], re.Pattern)
            else each
            for each in of_extension
        ]
        for extension, of_extension in patterns.items()
    }


class _Names(list[str]):
    """A list of names in which ``in`` does not search."""

    def __init__(self, names: Iterable[str]) -> None:
        super().__init__(names)
        self.names = frozenset(names)

    def __contains__(self, name: object) -> bool:
        return name in self.names


class _Compressor:
    """Stands in for WhiteNoise's and ServeStatic's; adds to *names* what they would compress."""

    def __init__(self, fits: Callable[[str], bool], names: set[str]) -> None:
        self.fits = fits
        self.names = names

    def should_compress(self, name: str) -> bool:
        if self.fits(name):
            self.names.add(name)
        return False

    def compress(self, path: str) -> tuple[str, ...]:  # noqa: ARG002
        return ()


class _Trap:
    """An attribute whose use shows that code looks at the disk."""

    def __init__(self, tree: MemoryTree, name: str) -> None:
        self.__dict__.update(_tree=tree, _name=name)

    def _used(self, *_: Any, **__: Any) -> Any:
        return self.__dict__["_tree"].fail(f"its code uses {self.__dict__['_name']}")

    __call__ = __fspath__ = __str__ = __repr__ = __format__ = __bytes__ = _used
    __truediv__ = __rtruediv__ = __add__ = __radd__ = __mod__ = __contains__ = _used
    __eq__ = __ne__ = __lt__ = __gt__ = __hash__ = _used
    __bool__ = __len__ = __iter__ = __getitem__ = __getattr__ = _used


def _sorted_manifest(content: bytes) -> bytes:
    """Return a manifest with sorted paths: before Django 6.0 they depend on the order of files."""
    try:
        payload = json.loads(content)
        if json.dumps(payload).encode() != content or not isinstance(payload["paths"], dict):
            return content
    except (ValueError, KeyError, TypeError):
        return content
    return json.dumps({**payload, "paths": dict(sorted(payload["paths"].items()))}).encode()
