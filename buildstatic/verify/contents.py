"""Describes a tree of static files: what is how large, equal, hidden or without a reference."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from buildstatic.oci.layer_reader import LayerEntry
from buildstatic.verify.content_checks import name_before_hashing, original_name, referenced_names
from buildstatic.verify.tree import StaticTree

# Files that a style sheet or a script usually refers to, if anything does.
RESOURCES = (
    *(".woff", ".woff2", ".ttf", ".otf", ".eot", ".map"),
    *(".svg", ".png", ".jpg", ".jpeg", ".gif", ".webp", ".avif", ".cur"),
)


@dataclass(frozen=True)
class StaticFile:
    """A static file by its name without a fingerprint.

    *size* is that of its content, *smallest* that of its smallest variant, or of the content if
    there is none. *stored* are the bytes in the tree for it with its variants and names; equal
    contents count for the first name only. *app* is that of `apps.app_of`, empty if not known.
    """

    name: str
    size: int
    smallest: int
    stored: int
    variants: int
    app: str = ""


@dataclass(frozen=True)
class EqualFiles:
    """The *names* of files with the same content of *size* bytes."""

    names: tuple[str, ...]
    size: int


@dataclass(frozen=True)
class Contents:
    """The files of a tree, sorted by name.

    *equal* are groups of equal files, *hidden* files of lower layers that the tree replaces,
    *unreferenced* fonts, images and source maps that no style sheet or script of the tree refers
    to; templates may.
    """

    files: tuple[StaticFile, ...]
    equal: tuple[EqualFiles, ...]
    hidden: tuple[str, ...]
    unreferenced: tuple[str, ...]


@dataclass
class _Names:
    content: LayerEntry | None = None
    variants: list[LayerEntry] = field(default_factory=list)
    entries: list[LayerEntry] = field(default_factory=list)


def describe(
    tree: StaticTree,
    hidden: Collection[str],
    static_url: str | None,
    apps: Mapping[str, str],
) -> Contents:
    """Return the contents of *tree*; *hidden* are names of files in lower layers.

    *static_url* is that of `check_references`, *apps* are those of `apps.find_apps`.
    """
    hashed = {hashed: name for name, hashed in tree.hashed_names.items() if hashed != name}
    groups: dict[str, _Names] = defaultdict(_Names)
    # A fingerprinted file is the last: its references are rewritten.
    for path, entry in sorted(tree.files.items(), key=lambda item: (item[0] in hashed, item[0])):
        original = original_name(path)
        is_variant = original in tree.files
        group = groups[name_before_hashing(original if is_variant else path, hashed)]
        group.entries.append(entry)
        if is_variant:
            group.variants.append(entry)
        else:
            group.content = entry
    files = []
    by_content: dict[str, list[str]] = defaultdict(list)
    counted: set[str] = set()
    for name, group in sorted(groups.items()):
        if group.content is None:
            continue
        sizes = {entry.path: entry.size for entry in group.entries if entry.path not in counted}
        counted.update(sizes)
        size = group.content.size
        smallest = min([size, *(entry.size for entry in group.variants)])
        kinds = {entry.path for entry in group.variants}
        stored = sum(sizes.values())
        app = apps.get(name, "")
        files.append(StaticFile(name, size, smallest, stored, len(kinds), app))
        by_content[tree.summaries[group.content.path].sha256].append(name)
    sizes_by_name = {file.name: file.size for file in files}
    equal = [
        EqualFiles(tuple(names), sizes_by_name[names[0]])
        for names in by_content.values()
        if len(names) > 1 and sizes_by_name[names[0]]
    ]
    referenced = {name_before_hashing(n, hashed) for n in referenced_names(tree, static_url)}
    return Contents(
        tuple(files),
        tuple(sorted(equal, key=lambda group: group.size * (1 - len(group.names)))),
        tuple(sorted(hidden)),
        tuple(
            file.name
            for file in files
            if file.name.lower().endswith(RESOURCES) and file.name not in referenced
        ),
    )
