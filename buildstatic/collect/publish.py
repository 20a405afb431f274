"""Write the files of the output tree.

For an empty tree, files are written into a staging directory in it and moved at the end; otherwise
each file is written under a temporary name and then renamed.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from buildstatic.collect.contents import Content, SpooledContent, read_content
from buildstatic.collect.tree import LockedTree, Tree, make_directories, remove_files
from buildstatic.collect.workers.pool import WorkerPool
from buildstatic.errors import CollectFailed

EPOCH = 1_704_067_200  # 2024-01-01T00:00:00Z
SPAN = 180 * 24 * 60 * 60
# The suffixes of variants, whatever program makes them.
VARIANT_SUFFIXES = ("gz", "br", "zst", "zstd")


@dataclass(frozen=True, slots=True)
class OutputFile:
    """A content and the *names* that it has in the tree.

    It is read from *path*, which must still have the *size* and the time *modified* (ns), or it is
    *content*. *digest* is its MD5, *identity* its SHA-256.
    """

    names: tuple[str, ...]
    digest: str
    identity: str
    size: int
    path: str = ""
    modified: int = 0
    content: Content | None = None

    def read(self) -> bytes:
        """Return the content; raises OSError."""
        return Path(self.path).read_bytes() if self.content is None else read_content(self.content)

    @property
    def written_from(self) -> str | bytes | tuple[int, int]:
        """What the task ``write`` takes."""
        match self.content:
            case SpooledContent(descriptor=descriptor, offset=offset):
                return descriptor, offset
            case bytes() as content:
                return content
            case _:
                return self.path


def outdated_variants(
    changed: Iterable[OutputFile], outputs: Iterable[OutputFile], existing: Set[str]
) -> frozenset[str]:
    """Return the files among *existing* that are variants of the names of *changed*.

    A file that is one of *outputs* is not a variant.
    """
    if not existing:
        return frozenset()
    names = (f"{name}.{suffix}" for o in changed for name in o.names for suffix in VARIANT_SUFFIXES)
    found = {name for name in names if name in existing}
    return frozenset(found.difference(*(output.names for output in outputs)) if found else ())


def _names_below(names: Iterable[str]) -> dict[str, list[str]]:
    """Return the directories of *names*, and their parents, each with the names below it."""
    found: dict[str, list[str]] = {}
    for name in names:
        directory = name
        while directory := directory.rpartition("/")[0]:
            found.setdefault(directory, []).append(name)
    return found


def _parent_directories(outputs: Iterable[OutputFile]) -> frozenset[str]:
    """Return the directories of *outputs*, and their parents."""
    found: set[str] = set()
    for output in outputs:
        for name in output.names:
            while (name := name.rpartition("/")[0]) and name not in found:
                found.add(name)
    return frozenset(found)


@dataclass(frozen=True)
class Staging:
    """The *tree* that files are written into, and the *root* of the one they are meant for.

    *links*: all names of a content are hard links to one file. *reproducible*: mode, time and owner
    depend on the content only, as in a layer.

    *directories* are those of the files that were published. *outdated* are variants of an earlier
    content, which were removed. *below* are directories with their files, which a file of the
    directory's name replaces. *copies* are names that could not be hard links.
    """

    tree: Tree
    root: str
    links: bool = False
    reproducible: bool = False
    directories: Set[str] = frozenset()
    outdated: Set[str] = frozenset()
    below: Mapping[str, Sequence[str]] = field(default_factory=dict)
    copies: int = 0

    @property
    def is_new(self) -> bool:
        """Whether the files are in a directory of their own, where no other process sees them."""
        return self.tree.root != self.root

    @contextmanager
    def final_names(self) -> Iterator[None]:
        """Let an OSError that is raised in the block name the file's final path."""
        try:
            yield
        except OSError as error:
            path, directory = str(error.filename), f"{self.tree.root}/"
            if path.startswith(directory):
                error.filename = f"{self.root}/{path.removeprefix(directory)}"
            raise

    @property
    def file_mode(self) -> int:
        """The mode of files, -1 for the umask's."""
        if self.reproducible:
            return 0o644
        return -1 if self.tree.file_mode is None else self.tree.file_mode

    def file_time(self, sha256: str) -> int:
        """Return the time in seconds of a file with the digest *sha256*, -1 for now."""
        return content_time(sha256) if self.reproducible else -1

    def remove_below(self, names: Iterable[str]) -> None:
        """Remove the files of directories that files called *names* replace."""
        for name in names if self.below else ():
            remove_files(self.tree, self.below.get(name, ()))

    def commit(self) -> None:
        """Move what was written to its final path."""
        if self.is_new:
            for path in list(Path(self.tree.root).iterdir()):
                path.rename(f"{self.root}/{path.name}")


def publish(
    tree: LockedTree,
    outputs: Sequence[OutputFile],
    current: Set[str],
    pool: WorkerPool,
    progress: Callable[[int], None],
    *,
    links: bool,
    reproducible: bool,
    replaces: bool,
    has_variants: bool,
) -> Staging:
    """Write *outputs*, but for the names that are *current*: the tree has their content already.

    A tree that is not empty is its own staging directory. With *replaces*, files and directories
    are replaced by each other; with *has_variants*, variants of files that change are removed.
    *progress* is called with the number of outputs that are done.

    Raises OSError, and `CollectFailed` if one of *outputs* would replace another.
    """
    to_write = outputs
    if current:
        left = (tuple(name for name in o.names if name not in current) for o in outputs)
        pairs = zip(outputs, left, strict=True)
        to_write = [replace(output, names=names) for output, names in pairs if names]
        progress(len(outputs) - len(to_write))
    staging = Staging(tree, tree.root, links, reproducible, _parent_directories(outputs))
    if not any(Path(tree.root).iterdir()):
        tree.staging.mkdir()
        staging = replace(staging, tree=replace(tree, root=str(tree.staging)))
    if replaces:
        remove_files(tree, tree.files & staging.directories)
        staging = replace(staging, below=_names_below(tree.files))
    if has_variants:
        # Before anything is written: a run that is killed may leave none, but no wrong ones.
        staging = replace(staging, outdated=outdated_variants(to_write, outputs, tree.files))
        remove_files(tree, staging.outdated)
    staging.remove_below(name for output in to_write for name in output.names)
    with staging.final_names():
        copies = _write(staging, to_write, pool, progress)
    _check_names(staging, outputs)
    return replace(staging, copies=copies)


def _write(
    staging: Staging,
    outputs: Sequence[OutputFile],
    pool: WorkerPool,
    progress: Callable[[int], None],
) -> int:
    """Write *outputs*; return how many names are copies because they could not be links.

    Without links all names are copies, and the result is 0.
    """
    if staging.links:
        merged: dict[tuple[str, str], OutputFile] = {}
        for output in outputs:
            key = output.identity, output.digest
            known = merged.get(key)
            merged[key] = replace(known, names=(*known.names, *output.names)) if known else output
        outputs = list(merged.values())
    directories = {os.path.dirname(name) for output in outputs for name in output.names}
    make_directories(staging.tree, directories)
    mode = staging.file_mode
    items = [
        (
            output.written_from,
            output.size,
            output.modified,
            tuple(staging.tree.path(name) for name in output.names),
            mode,
            staging.file_time(output.identity),
            staging.links,
            staging.is_new,
        )
        for output in outputs
    ]
    copies = 0
    for (written,) in pool.run("write", items):
        copies += written - 1
        progress(1)
    return copies if staging.links else 0


def content_time(digest: str) -> int:
    """Return the time, in seconds, of a file whose content has the SHA-256 *digest*."""
    return EPOCH + int(digest, 16) % SPAN


def _check_names(staging: Staging, outputs: Sequence[OutputFile]) -> None:
    """Raise `CollectFailed` if one of *outputs* replaced another in *staging*.

    That happens on a file system that ignores case or the Unicode form of names. Django does not
    notice it: the file that is written last is there under both names.
    """
    known: dict[str, tuple[str, OutputFile]] = {}
    for output in outputs:
        for name in output.names:
            composed = name if name.isascii() else unicodedata.normalize("NFC", name)
            other, first = known.setdefault(composed.casefold(), (name, output))
            if other == name or first is output or not _is_same_file(staging.tree, other, name):
                continue
            if _outputs_differ(first, output):
                problem = (
                    f"{other} and {name} have different content, but are the same file in "
                    f"{staging.root}: their names differ only in case."
                )
                advice = "Rename one of them, or exclude it with --ignore PATTERN."
                raise CollectFailed(problem, advice)


def _is_same_file(tree: Tree, one: str, other: str) -> bool:
    try:
        return Path(tree.path(one)).samefile(tree.path(other))
    except OSError:
        return False


def _outputs_differ(one: OutputFile, other: OutputFile) -> bool:
    if one.digest and other.digest:
        return one.digest != other.digest
    return one.read() != other.read()
