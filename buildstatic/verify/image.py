"""Reads an image: its layers' members one layer at a time, and the static layer's content."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property

from buildstatic.errors import ImageInvalid, ImageNotFound
from buildstatic.oci.documents import Config, Document, Manifest, may_be_image, parse_manifest
from buildstatic.oci.image_edit import marked_layers
from buildstatic.oci.layer_reader import (
    FILES,
    WHITEOUT,
    LayerEntry,
    decompressed,
    is_compressed,
    read_layer,
    read_plain_layer,
)
from buildstatic.oci.static_layer import Image, ImageLayer, locate_static_files
from buildstatic.oci.stores.base import Source, is_image, read_blob, read_config
from buildstatic.oci.stream import copy_stream, verified
from buildstatic.verify.content import Spool, fill
from buildstatic.verify.tree import Tree, none_found


@dataclass(frozen=True)
class Stack:
    """The image of one platform, and its layers, each read when it is asked for."""

    source: Source
    manifest: Manifest
    config: Config
    _members: dict[int, tuple[LayerEntry, ...]] = field(default_factory=dict)
    _contents: dict[int, Spool] = field(default_factory=dict)
    _opened: ExitStack = field(default_factory=ExitStack)

    def close(self) -> None:
        """Release the contents."""
        self._opened.close()

    @property
    def where(self) -> str:
        """What a person calls it."""
        return str(self.source.reference)

    @cached_property
    def marked(self) -> tuple[int, ...]:
        """The layers with a mark of ours, counted from the base."""
        return marked_layers(self.manifest, self.config, self.where)

    @property
    def count(self) -> int:
        """How many layers there are."""
        return len(self.manifest.layers)

    def members(self, index: int) -> tuple[LayerEntry, ...]:
        """Return the members of a layer, none of a foreign one; raises ImageInvalid."""
        if index not in self._members:
            self._members[index] = self._read(index)
        return self._members[index]

    def _read(self, index: int) -> tuple[LayerEntry, ...]:
        layer = self.manifest.layers[index]
        where = f"{self.where}: {layer.digest}"
        if layer.is_foreign:
            return ()
        # Most likely the static layer, whose content is wanted as well.
        if index == (self.marked or (self.count - 1,))[-1]:
            return read_plain_layer(self.content(index).part, where)
        with self.source.open_blob(layer) as stream:
            return read_layer(stream, where)

    @cached_property
    def by_path(self) -> _ByPath:
        """The members of each layer by their paths."""
        return _ByPath(self)

    def content(self, index: int) -> Spool:
        """Return the content of a layer, until this is closed; raises ImageInvalid."""
        if index not in self._contents:
            self._contents[index] = self._in_place(index) or self._unpacked(index)
        return self._contents[index]

    def _in_place(self, index: int) -> Spool | None:
        """Return the content of a layer that is on the disk as it is."""
        layer = self.manifest.layers[index]
        part = self._opened.enter_context(self.source.open_file(layer))
        if part is None or layer.digest != self.config.diff_ids[index] or is_compressed(part):
            return None
        with part.stream() as stream:
            copy_stream(verified(stream, layer, self.where), len)
        return Spool(part)

    def _unpacked(self, index: int) -> Spool:
        layer = self.manifest.layers[index]
        where, diff_id = f"{self.where}: {layer.digest}", self.config.diff_ids[index]
        file = tempfile.TemporaryFile(prefix="buildstatic-")  # noqa: SIM115
        self._opened.enter_context(file)
        with self.source.open_blob(layer) as stream, decompressed(stream, where) as unpacked:
            known = None if layer.digest == diff_id else diff_id
            return fill(file, unpacked, known, where)


@dataclass
class _ByPath:
    stack: Stack
    known: dict[int, Mapping[str, LayerEntry]] = field(default_factory=dict)

    def __getitem__(self, index: int) -> Mapping[str, LayerEntry]:
        if index not in self.known:
            self.known[index] = {member.path: member for member in self.stack.members(index)}
        return self.known[index]


@dataclass(frozen=True)
class Place:
    """Where an image has its static files: the *index* of the layer, and the tree's path in it."""

    index: int
    tree: str


def stacks(source: Source) -> tuple[Stack, ...]:
    """Return the images of *source*, one a platform; raises ImageNotFound, ImageInvalid."""
    found = tuple(_stacks(source, source.resolve()))
    if not found:
        raise ImageNotFound(f"{source.reference} is an index with no image in it.")
    return found


def _stacks(source: Source, document: Document) -> Iterator[Stack]:
    parsed = parse_manifest(document, str(source.reference))
    if isinstance(parsed, Manifest):
        config = read_config(source, parsed)
        if len(parsed.layers) != len(config.diff_ids):
            counts = f"{len(parsed.layers)} layers and {len(config.diff_ids)} diffIDs"
            raise ImageInvalid(f"{source.reference}: the image has {counts}.")
        yield Stack(source, parsed, config)
        return
    for entry in filter(may_be_image, parsed.manifests):
        if is_image(source, entry):
            yield from _stacks(source, read_blob(source, entry))


def find(stack: Stack, static_root: str | None) -> Place:
    """Return where the static layer of *stack* is: by its mark, else by what is in it.

    *static_root* is absolute, or relative to the project's root. Raises StaticLayerNotFound.
    """
    if stack.marked:
        index = stack.marked[-1]
        tree = _tree_of(stack, index, static_root)
        if tree is not None:
            return Place(index, tree)
    located = locate_static_files(_image(stack, range(stack.count)), static_root)
    if located is None:
        raise none_found(stack.where)
    return Place(located[0], located[1].strip("/"))


def _tree_of(stack: Stack, index: int, static_root: str | None) -> str | None:
    """Return the tree in a marked layer: where the manifest is, else all that it holds."""
    located = locate_static_files(_image(stack, range(index, index + 1)), static_root)
    if located is not None:
        return located[1].strip("/")
    if static_root is not None:
        return None
    files = [each.path for each in stack.members(index) if each.kind in FILES]
    return _common(files) if files else None


def _common(paths: list[str]) -> str:
    """Return the directory that holds all of *paths*."""
    first, last = (path.split("/")[:-1] for path in (min(paths), max(paths)))
    shared = 0
    while first[shared : shared + 1] and first[shared : shared + 1] == last[shared : shared + 1]:
        shared += 1
    return "/".join(first[:shared])


def _image(stack: Stack, layers: range) -> Image:
    working_dir = (stack.config.extra.get("config") or {}).get("WorkingDir") or "/"
    held = (
        ImageLayer(stack.config.diff_ids[index], None, stack.members(index)) for index in layers
    )
    return Image(stack.config.platform, working_dir, tuple(held))


def static_tree(stack: Stack, place: Place) -> Tree:
    """Return the static files of *stack*, until that is closed."""
    content, members = stack.content(place.index), stack.members(place.index)
    return Tree(stack.where, place.tree, members, content, is_layer=True, has_owners=True)


def below(stack: Stack, index: int, path: str) -> LayerEntry | None:
    """Return what the layers below *index* have at *path*, None for nothing.

    OCI image-spec, layer.md: a whiteout hides what is below its layer, and so does another thing
    in the place of a directory above.
    """
    for lower in range(index - 1, -1, -1):
        members = stack.by_path[lower]
        if path in members:
            return members[path]
        if _hides(members, path):
            return None
    return None


def _hides(members: Mapping[str, LayerEntry], path: str) -> bool:
    while path:
        parent, _, name = path.rpartition("/")
        before = f"{parent}/" if parent else ""
        if f"{before}{WHITEOUT}{name}" in members or f"{before}.wh..wh..opq" in members:
            return True
        if parent in members and members[parent].kind != "dir":
            return True
        path = parent
    return False


def environment(config: Config) -> list[str]:
    """Return the variables of *config*, each ``NAME=value``."""
    found = (config.extra.get("config") or {}).get("Env") or []
    return [str(each) for each in found]


def commands(config: Config) -> list[str]:
    """Return the text of each entry of the history."""
    return [str(each.get("created_by") or "") for each in config.history]
