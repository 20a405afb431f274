"""The manifest: saved in memory by the storage, and written when all files in it exist."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from buildstatic.atomic import replace_file
from buildstatic.collect.storages.adapter import Adapter, FinishedTree
from buildstatic.collect.storages.attributes import replaced_attributes


def make_manifest(storage: Any, names: Mapping[str, str]) -> bytes:
    """Return the manifest that *storage* makes for files and their fingerprinted *names*.

    ``save_manifest`` of the installed Django deletes the old manifest first, so it writes
    to memory.
    """
    storage.hashed_files = {
        storage.hash_key(storage.clean_name(name)): hashed for name, hashed in sorted(names.items())
    }
    with ManifestInMemory.of(storage) as in_memory:
        storage.save_manifest()
    return in_memory.content


def write_manifest(storage: Any, adapter: Adapter, content: bytes, tree: FinishedTree) -> None:
    """Replace the manifest of *storage*; the *adapter* adds to *content* what it does."""
    if adapter.complete:
        with ManifestInMemory.of(storage, content) as in_memory:
            adapter.complete(storage, tree)
        content = in_memory.content
    manifest_storage = storage.manifest_storage
    path = Path(manifest_storage.path(storage.manifest_name))
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = getattr(manifest_storage, "file_permissions_mode", None)
    with replace_file(path, mode=mode) as file:
        file.write(content)


class ManifestInMemory:
    """A storage for one file; *fail* is called if it is used in another way than for that."""

    def __init__(self, fail: Callable[[str], NoReturn] | None = None, content: bytes = b"") -> None:
        self.fail = fail
        self.content = content
        self.is_saved = False

    def exists(self, name: str) -> bool:  # noqa: ARG002
        """Return False, so that the manifest is saved under its own name."""
        return False

    def open(self, name: str) -> io.BytesIO:  # noqa: ARG002
        """Return the content."""
        if self.fail and not self.is_saved:
            self.fail("it reads the manifest of an earlier run")
        return io.BytesIO(self.content)

    def delete(self, name: str) -> None:
        """Do nothing: the next `_save` replaces the content."""

    def _save(self, name: str, content: Any) -> str:
        self.content = content.read()
        self.is_saved = True
        return name

    @classmethod
    @contextmanager
    def of(cls, storage: Any, content: bytes = b"") -> Iterator[ManifestInMemory]:
        """Let *storage* keep its manifest in the yielded storage in the block."""
        in_memory = cls(content=content)
        with replaced_attributes(storage, {"manifest_storage": in_memory}):
            yield in_memory

    def __getattr__(self, name: str) -> Any:
        if self.fail and not name.startswith("__"):
            self.fail(f"it calls {name} of its manifest storage")
        raise AttributeError(name)
