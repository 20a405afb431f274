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
from typing import Any

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

    def named(self, names: tuple[str, ...], identity: str = "") -> OutputFile:
        """Return the content with other *names*, and an *identity* if it had none."""
        # Not `replace`, which takes a while for twenty thousand files.
        return OutputFile(
            names,
            self.digest,
            self.identity or identity,
            self.size,
            self.path,
            self.modified,
            self.content,
        )

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


@dataclass(frozen=True)
class EarlyWriting:
    """The *likely* outputs, which are being written into *staging*; *results* has one for each."""

    staging: Staging
    likely: Sequence[OutputFile]
    results: Iterator[Any]

    def right_names(self, outputs: Iterable[OutputFile]) -> Set[str]:
        """Return the names that have the content that they have in *outputs*."""
        contents = {name: (o.digest, o.size) for o in outputs for name in o.names}
        return {n for o in self.likely for n in o.names if contents.get(n) == (o.digest, o.size)}

    def complete(self, right: Set[str]) -> Iterator[None]:
        """Yield when the next output is written; at the end, remove the names that are not *right*.

        Raises OSError.
        """
        with self.staging.final_names():
            for _ in self.results:
                yield
        wrong = (name for output in self.likely for name in output.names if name not in right)
        remove_files(self.staging.tree, wrong)


def prepare_staging(tree: LockedTree, names: Iterable[str]) -> Staging | None:
    """Create a staging directory with the directories of the files *names*.

    None if *tree* is not empty. Raises OSError.
    """
    if not tree.is_empty:
        return None
    staging = _new_staging(Staging(tree, tree.root))
    with staging.final_names():
        make_directories(staging.tree, set(map(os.path.dirname, names)))
    return staging


def begin_writing(staging: Staging, likely: Sequence[OutputFile], pool: WorkerPool) -> EarlyWriting:
    """Let the workers write *likely* outputs while it is found out what the outputs are.

    All their names differ, and *staging* has their directories.
    """
    return EarlyWriting(staging, likely, _start_writing(staging, likely, pool))


def publish(
    tree: LockedTree,
    outputs: Sequence[OutputFile],
    current: Set[str],
    pool: WorkerPool,
    progress: Callable[[int], None],
    *,
    early: EarlyWriting | None = None,
    links: bool,
    reproducible: bool,
    replaces: bool,
    has_variants: bool,
) -> Staging:
    """Write *outputs*, but for the names that are *current*: the tree has their content already.

    A tree that is not empty is its own staging directory. What *early* has written is not written
    again. With *replaces*, files and directories are replaced by each other; with *has_variants*,
    variants of files that change are removed. *progress* is called with the number of outputs that
    are done.

    Raises OSError, and `CollectFailed` if one of *outputs* would replace another.
    """
    to_write = outputs
    if early:
        current = early.right_names(outputs)
    if current:
        left = (tuple(name for name in o.names if name not in current) for o in outputs)
        pairs = zip(outputs, left, strict=True)
        to_write = [output.named(names) for output, names in pairs if names]
    done = len(outputs) - len(to_write)
    if not early:
        progress(done)
    staging = Staging(tree, tree.root, links, reproducible, _parent_directories(outputs))
    if early:
        staging = replace(staging, tree=early.staging.tree)
        for number, _ in enumerate(early.complete(current)):
            progress(1 if number < done else 0)
    elif tree.is_empty:
        staging = _new_staging(staging)
    if replaces:
        remove_files(tree, tree.files & staging.directories)
        staging = replace(staging, below=_names_below(tree.files))
    if has_variants:
        # Before anything is written: a run that is killed may leave none, but no wrong ones.
        staging = replace(staging, outdated=outdated_variants(to_write, outputs, tree.files))
        remove_files(tree, staging.outdated)
    staging.remove_below(name for output in to_write for name in output.names)
    copies = 0
    with staging.final_names():
        directories = {os.path.dirname(name) for output in to_write for name in output.names}
        make_directories(staging.tree, directories)
        for (written,) in _start_writing(staging, to_write, pool):
            copies += written - 1
            progress(1)
    if to_write or early:
        _check_names(staging, outputs)
    return replace(staging, copies=copies if links else 0)


def _new_staging(staging: Staging) -> Staging:
    """Return *staging* with the staging directory of its tree, which is created."""
    assert isinstance(staging.tree, LockedTree)
    staging.tree.staging.mkdir()
    return replace(staging, tree=replace(staging.tree, root=str(staging.tree.staging)))


def _start_writing(
    staging: Staging, outputs: Sequence[OutputFile], pool: WorkerPool
) -> Iterator[Any]:
    """Start to write *outputs*; return an iterator of how many copies were written of each."""
    if staging.links:
        merged: dict[tuple[str, str], OutputFile] = {}
        for output in outputs:
            key = output.identity, output.digest
            known = merged.get(key)
            merged[key] = known.named((*known.names, *output.names)) if known else output
        outputs = list(merged.values())
    root, mode, is_new = staging.tree.root, staging.file_mode, staging.is_new
    items = [
        (
            output.written_from,
            output.size,
            output.modified,
            tuple([f"{root}/{name}" for name in output.names]),
            mode,
            staging.file_time(output.identity),
            staging.links,
            is_new,
        )
        for output in outputs
    ]
    return pool.run("write", items)


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
