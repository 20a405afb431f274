"""What is verified: a tree of static files, with the layer or the directory that it is in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from buildstatic.errors import StaticLayerNotFound
from buildstatic.oci.layer_reader import LayerEntry
from buildstatic.oci.layer_writer import MANIFEST
from buildstatic.oci.stream import MAX_DOCUMENT_SIZE
from buildstatic.verify.content import Content, Facts, facts, read, with_links

LARGEST_MANIFEST = 8 * MAX_DOCUMENT_SIZE


@dataclass(frozen=True)
class Tree:
    """Static files at *root* (a path without a leading slash) among the *members* around them.

    *is_layer* tells whether the members are a layer's or a layer root's, whose times and modes are
    promised; *has_owners* whether their owners are as well. *where* is what a person calls it.
    """

    where: str
    root: str
    members: tuple[LayerEntry, ...]
    content: Content
    is_layer: bool
    has_owners: bool

    @cached_property
    def sources(self) -> Mapping[str, LayerEntry]:
        """What holds the content of each file and hard link, by path."""
        return with_links(self.members)

    @cached_property
    def contents(self) -> Mapping[str, Facts]:
        """What is known of each content, by the first path that has it."""
        return facts(self.content, {member.path: member for member in self.sources.values()})

    @cached_property
    def files(self) -> Mapping[str, LayerEntry]:
        """The static files, by their names in the tree."""
        prefix = f"{self.root}/" if self.root else ""
        return {
            path.removeprefix(prefix): member
            for path, member in self.sources.items()
            if path.startswith(prefix)
        }

    @cached_property
    def manifest_path(self) -> str | None:
        """Where the manifest is: in the tree, else the only one there is."""
        inside = self.path(MANIFEST)
        if inside in self.sources:
            return inside
        found = [path for path in self.sources if path.rpartition("/")[2] == MANIFEST]
        return found[0] if len(found) == 1 else None

    @cached_property
    def manifest(self) -> Any:
        """The manifest as JSON, None where there is none; raises ValueError."""
        if self.manifest_path is None:
            return None
        member = self.sources[self.manifest_path]
        if member.size > LARGEST_MANIFEST:
            raise ValueError(f"{member.size} bytes are too many")
        return json.loads(read(self.content, member))

    @cached_property
    def names(self) -> Mapping[str, str]:
        """The fingerprinted names by the names; none where the manifest is none or unreadable."""
        try:
            paths = self.manifest["paths"]
            return {str(name): str(hashed) for name, hashed in paths.items()}
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return {}

    def path(self, name: str) -> str:
        """Return where the file *name* is among the members."""
        return f"{self.root}/{name}" if self.root else name

    def facts(self, path: str) -> Facts:
        """Return what is known of the content at *path*, one of `sources`."""
        return self.contents[self.sources[path].path]

    def read(self, name: str) -> bytes:
        """Return the static file *name*."""
        return read(self.content, self.files[name])


def none_found(where: str) -> StaticLayerNotFound:
    """Return what is raised where *where* has no static files that can be told from others."""
    return StaticLayerNotFound(
        f"{where}: no mark and no {MANIFEST} says where the static files are.",
        "Say it: --static-root /app/staticfiles.",
    )
