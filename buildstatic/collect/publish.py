"""Write the outputs into the tree.

For an empty tree, files are written into a staging directory in it and moved at the end; otherwise
each file is written under a temporary name and then renamed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from buildstatic.atomic import temporary_path
from buildstatic.collect.layer_root import content_time
from buildstatic.collect.outputs import Output
from buildstatic.collect.tree import Tree, make_directories
from buildstatic.collect.workers.pool import WorkerPool


@dataclass(frozen=True)
class WriteOptions:
    """How files are written.

    *links*: all names of a content are hard links to one file. *reproducible*: mode, time and owner
    depend on the content only, as in a layer.
    """

    links: bool = False
    reproducible: bool = False


@dataclass(frozen=True)
class Staging:
    """The *tree* that files are written into, and the *root* of the one they are meant for."""

    tree: Tree
    root: str

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

    def commit(self) -> None:
        """Move what was written to its final path."""
        if self.is_new:
            for path in list(Path(self.tree.root).iterdir()):
                path.rename(f"{self.root}/{path.name}")


@contextmanager
def staging_directory(tree: Tree) -> Iterator[Staging]:
    """Yield a staging directory for *tree*, or *tree* itself if it is not empty.

    The directory is removed when the block ends.
    """
    if any(Path(tree.root).iterdir()):
        yield Staging(tree, tree.root)
        return
    directory = temporary_path(Path(tree.root, "staging"))
    try:
        directory.mkdir()
        yield Staging(replace(tree, root=str(directory)), tree.root)
    finally:
        with suppress(FileNotFoundError):
            shutil.rmtree(directory)


def publish(
    staging: Staging,
    outputs: Sequence[Output],
    options: WriteOptions,
    pool: WorkerPool,
    progress: Callable[[int], None],
) -> int:
    """Write *outputs*; return how many names are copies because they could not be links.

    *progress* is called with 1 for each content. Without links all names are copies, and the result
    is 0. Raises OSError.
    """
    if options.links:
        merged: dict[tuple[str, str], Output] = {}
        for output in outputs:
            key = output.identity, output.digest
            known = merged.get(key)
            merged[key] = replace(known, names=(*known.names, *output.names)) if known else output
        outputs = list(merged.values())
    directories = {os.path.dirname(name) for output in outputs for name in output.names}
    make_directories(staging.tree, directories)
    mode = file_mode(staging.tree, options)
    items = [
        (
            output.path if output.content is None else output.content,
            output.size,
            output.modified,
            tuple(staging.tree.path(name) for name in output.names),
            mode,
            file_time(output.identity, options),
            options.links,
            staging.is_new,
        )
        for output in outputs
    ]
    copies = 0
    for (written,) in pool.run("write", items):
        copies += written - 1
        progress(1)
    return copies if options.links else 0


def file_mode(tree: Tree, options: WriteOptions) -> int:
    """Return the mode of files in *tree*, -1 for the umask's."""
    if options.reproducible:
        return 0o644
    return -1 if tree.file_mode is None else tree.file_mode


def file_time(sha256: str, options: WriteOptions) -> int:
    """Return the time in seconds of a file with the digest *sha256*, -1 for now."""
    return content_time(sha256) if options.reproducible else -1
