"""The manifest: made by the storage itself, its paths sorted, and put in its place in one go."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from buildstatic.atomic import replace_file
from buildstatic.collect.fingerprint import Fingerprinted
from buildstatic.collect.tree import Tree


@dataclass
class _Captured:
    """A place for one file that keeps its content instead of writing it."""

    content: bytes = b""

    def exists(self, name: str) -> bool:  # noqa: ARG002 - what a storage is asked
        return False

    def open(self, name: str) -> BytesIO:  # noqa: ARG002
        return BytesIO(self.content)

    def delete(self, name: str) -> None:
        """Do nothing: what is saved next takes its place."""

    def _save(self, name: str, content: Any) -> str:
        self.content = content.read()
        return name


def manifest_in(storage: Any, tree: Tree) -> str:
    """Return the manifest's name in *tree*, as a relative path even where it is not inside."""
    return os.path.relpath(_place(storage), tree.root)


def _place(storage: Any) -> Path:
    return Path(storage.manifest_storage.path(storage.manifest_name))


def save_manifest(
    storage: Any, found: Mapping[str, Fingerprinted], complete: Callable[[Any], None]
) -> None:
    """Let *storage* make the manifest of *found*, and replace the old one with it.

    ``save_manifest`` of the installed Django deletes the old one first, so it is let write into
    memory, and *complete* add to it there.
    """
    storage.hashed_files = {
        storage.hash_key(storage.clean_name(name)): item.name
        for name, item in sorted(found.items())
    }
    keeper = storage.manifest_storage
    storage.manifest_storage = captured = _Captured()
    try:
        storage.save_manifest()
        complete(storage)
    finally:
        storage.manifest_storage = keeper
    mode = getattr(keeper, "file_permissions_mode", None)
    _replace(_place(storage), captured.content, mode)


def _replace(place: Path, content: bytes, mode: int | None) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    with replace_file(place, mode=mode) as file:
        file.write(content)
