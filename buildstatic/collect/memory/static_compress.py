"""Leave compression to the collector where django-static-compress compresses a tree in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from buildstatic.collect.memory.tree import MemoryTree
from buildstatic.collect.storages.attributes import replaced_attributes
from buildstatic.collect.storages.static_compress import mixin_of


@contextmanager
def compressed_later(tree: MemoryTree, names: set[str]) -> Iterator[None]:
    """Have the mixin of the storage of *tree*, if any, add to *names* what it would compress."""
    mixin = mixin_of(tree.storage)
    if mixin is None:
        yield
        return
    original = mixin.post_process

    def post_process(
        storage: Any, paths: dict[str, Any], dry_run: bool = False, **options: Any
    ) -> Iterator[Any]:
        if storage is not tree.storage or dry_run:
            yield from original(storage, paths, dry_run, **options)
            return
        inherited = super(mixin, storage)
        if hasattr(inherited, "post_process"):
            yield from inherited.post_process(paths, dry_run, **options)
        for name in filter(storage._is_file_allowed, paths):
            _, path = paths[name]
            target = storage._get_dest_path(path)
            if tree.open(path).size >= storage.minimum_kb * 1024:
                tree.open(target).close()  # or the error that the mixin has
                names.add(target)
            else:
                _delete_variants(tree, target)

    with replaced_attributes(mixin, {"post_process": post_process}):
        yield


def _delete_variants(tree: MemoryTree, name: str) -> None:
    for compressor in tree.storage.compressors:
        variant = f"{name}.{compressor.extension}"
        if tree.exists(variant):
            tree.delete(variant)
