"""Let the storage create its manifest in memory, and replace the old one with it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from buildstatic.atomic import replace_file
from buildstatic.collect.fingerprint import Fingerprinted
from buildstatic.collect.storages.adapter import Adapter, FinishedTree
from buildstatic.collect.tree import Tree


class _InMemory:
    """A storage for one file."""

    content: bytes = b""

    def exists(self, name: str) -> bool:  # noqa: ARG002
        return False

    def open(self, name: str) -> BytesIO:  # noqa: ARG002
        return BytesIO(self.content)

    def delete(self, name: str) -> None:
        """Do nothing: the next `_save` replaces the content."""

    def _save(self, name: str, content: Any) -> str:
        self.content = content.read()
        return name


def manifest_name(storage: Any, tree: Tree) -> str:
    """Return the manifest's path relative to *tree*, which it need not be inside."""
    return os.path.relpath(storage.manifest_storage.path(storage.manifest_name), tree.root)


def save_manifest(
    storage: Any, adapter: Adapter, files: Mapping[str, Fingerprinted], tree: FinishedTree
) -> None:
    """Let *storage* create the manifest of *files*, and replace the old one with it.

    ``save_manifest`` of the installed Django deletes the old manifest first, so it writes to memory
    here, and the *adapter* adds to it there.
    """
    storage.hashed_files = {
        storage.hash_key(storage.clean_name(name)): item.name
        for name, item in sorted(files.items())
    }
    manifest_storage = storage.manifest_storage
    storage.manifest_storage = in_memory = _InMemory()
    try:
        storage.save_manifest()
        adapter.complete(storage, tree)
    finally:
        storage.manifest_storage = manifest_storage
    path = Path(manifest_storage.path(storage.manifest_name))
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = getattr(manifest_storage, "file_permissions_mode", None)
    with replace_file(path, mode=mode) as file:
        file.write(in_memory.content)
