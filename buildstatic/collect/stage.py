"""Where files are written until all of them are there: for an empty tree, a directory in it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from buildstatic.atomic import temporary_path
from buildstatic.collect.tree import Tree


@dataclass(frozen=True)
class Stage:
    """The *tree* that files are written into now, and the root of the one they are meant for.

    Where *is_new*, nobody sees them there, so they need no other name until they are whole.
    """

    tree: Tree
    root: str

    @property
    def is_new(self) -> bool:
        """Tell whether the tree was empty."""
        return self.tree.root != self.root

    @contextmanager
    def named(self) -> Iterator[None]:
        """Let an OSError that rises in the block name the file as it will be called."""
        try:
            yield
        except OSError as error:
            place, directory = str(error.filename), f"{self.tree.root}/"
            if place.startswith(directory):
                error.filename = f"{self.root}/{place.removeprefix(directory)}"
            raise

    def commit(self) -> None:
        """Put what was written where it is meant to be."""
        if not self.is_new:
            return
        for path in list(Path(self.tree.root).iterdir()):
            path.rename(f"{self.root}/{path.name}")


@contextmanager
def staged(tree: Tree) -> Iterator[Stage]:
    """Yield the stage for *tree*, of which nothing is left when the block ends."""
    if any(Path(tree.root).iterdir()):
        yield Stage(tree, tree.root)
        return
    directory = temporary_path(Path(tree.root, "staging"))
    try:
        directory.mkdir()
        yield Stage(replace(tree, root=str(directory)), tree.root)
    finally:
        with suppress(FileNotFoundError):
            shutil.rmtree(directory)
