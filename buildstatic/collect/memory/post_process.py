"""Fingerprint a tree in memory at once, where the storage's own code calls Django's loop for it.

A storage that wraps ``post_process`` or overrides ``hashed_name`` needs its own code to run, but
not the passes of ``HashedFilesMixin.post_process``, which read and write all adjustable files again
and again. What they make of the files is computed by `fingerprint_files`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from buildstatic.collect.fingerprint import (
    Fingerprints,
    Original,
    fingerprint_files,
)
from buildstatic.collect.hashed_names import ContentRead
from buildstatic.collect.memory.files import SourceStorage
from buildstatic.collect.memory.tree import MemoryTree, is_of_packages
from buildstatic.collect.needles import is_adjustable
from buildstatic.collect.publish import OutputFile
from buildstatic.collect.storages.attributes import replaced_attributes
from buildstatic.collect.storages.called import HOOKS
from buildstatic.collect.storages.disk_access import only_computes

# The name of a file, its fingerprinted name, and whether it was saved.
_Processed = tuple[str, str, bool]


@contextmanager
def quick_post_process(tree: MemoryTree) -> Iterator[None]:
    """Replace ``HashedFilesMixin.post_process`` in the block, for the storage of *tree*.

    Nothing is replaced if the storage overrides another method that it calls than ``hashed_name``.
    """
    from django.contrib.staticfiles.storage import HashedFilesMixin

    original = HashedFilesMixin.post_process
    own_names = "hashed_name" not in tree.plain
    hooks = (HOOKS & set(dir(HashedFilesMixin))) - {"hashed_name"}
    is_known = (
        isinstance(tree.storage, HashedFilesMixin)
        and is_of_packages(original)
        and is_of_packages(super(HashedFilesMixin, tree.storage).url.__func__)
        and tree.plain >= hooks
        and not (own_names and not only_computes(type(tree.storage), "hashed_name"))
        and not tree.storage.keep_intermediate_files
    )
    if not is_known:
        yield
        return
    quick = _post_process(tree, original, own_names=own_names)
    with replaced_attributes(HashedFilesMixin, {"post_process": quick}):
        yield


def _post_process(
    tree: MemoryTree, original: Callable[..., Any], *, own_names: bool
) -> Callable[..., Iterator[Any]]:
    """Return what replaces *original*, and calls it where it may differ, as after an error."""

    def post_process(
        storage: Any, paths: dict[str, Any], dry_run: bool = False, **options: Any
    ) -> Iterator[Any]:
        before = dict(paths)
        made = None
        if storage is tree.storage and not dry_run:
            made = _fingerprint(tree, before, own_names=own_names)
        if made is None:
            yield from original(storage, paths, dry_run, **options)
            return
        processed = _save(tree, made)
        # Here the loop is in the middle of its work: the tree has less, and other names.
        with tree.unused():
            yield from (each for each in processed if not is_adjustable(storage, each[0]))
        if paths != before:
            tree.fail_loop()
        storage.hashed_files.update(
            (storage.hash_key(storage.clean_name(name)), hashed) for name, hashed, _ in processed
        )
        yield from (each for each in processed if is_adjustable(storage, each[0]))

    return post_process


@dataclass(frozen=True)
class _Made:
    """The *originals*, the content that each of them has *stored*, and what they become."""

    originals: tuple[Original, ...]
    stored: Mapping[str, OutputFile]
    fingerprints: Fingerprints


def _fingerprint(tree: MemoryTree, paths: Mapping[str, Any], *, own_names: bool) -> _Made | None:
    """Return what *paths* become, None if only Django's loop can tell."""
    stored: dict[str, OutputFile] = {}
    originals = []
    for name, (storage, path) in paths.items():
        file = tree.files.get(name)
        if file is None or not _is_content(tree, file, name, storage, path):
            return None
        stored[name] = file
        content = tree.referring(name, file) if is_adjustable(tree.storage, name) else None
        values = file.digest, file.identity, file.size
        originals.append(Original(name, path, *values, content))
    existing = tree.existing - tree.removed
    try:
        made = fingerprint_files(
            tree.storage,
            tuple(originals),
            tree=tree,
            spool=tree.spool,
            existing=existing,
            own_names=own_names,
        )
    except (Exception, ContentRead):  # Django's loop ends with its own error
        return None
    names = {item.name for item in made.files.values()}
    if len(names) < len(made.files) or not names.isdisjoint(tree.files):
        return None
    return _Made(tuple(originals), stored, made)


def _is_content(tree: MemoryTree, file: OutputFile, name: str, storage: Any, path: str) -> bool:
    """Tell whether opening *path* in *storage* gives *file*, which the tree has as *name*."""
    if type(storage) is SourceStorage:
        return storage.stored(path) is file
    return storage is tree.storage and path == name


def _save(tree: MemoryTree, made: _Made) -> list[_Processed]:
    """Save the fingerprinted files in *tree*; return what ``_post_process`` yields, in order."""
    saved = dict(made.fingerprints.processed)
    processed = []
    for name in made.fingerprints.files:
        item = made.fingerprints.files[name]
        if name in saved:
            if tree.is_on_disk(item.name):
                tree.delete(item.name)
            file = made.stored[name]
            if item.content is not None:
                values = item.digest, item.identity, item.size
                file = OutputFile((), *values, content=item.content)
            tree.put(item.name, tree.known(file))
        processed.append((name, item.name, name in saved))
    return sorted(processed, key=lambda each: each[0].count("/"), reverse=True)
