"""What is asked of a builder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class BuildRequest:
    """One build: a context, a Dockerfile that need not stand in it, and what is to come out.

    *dockerignore* is a text for a context that has none of its own, else None. *wheels* is the
    directory that the ``buildstatic-wheels`` stage is fed from, None where the Dockerfile has no
    such stage, and *previous* that of ``buildstatic-previous``: variants of an earlier image.
    *export* is a directory for the tree of the target, in place of an image.
    """

    context: Path
    dockerfile: str
    dockerignore: str | None = None
    wheels: Path | None = None
    previous: Path | None = None
    tags: tuple[str, ...] = ()
    target: str | None = None
    build_args: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    cache_from: tuple[str, ...] = ()
    cache_to: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    builder: str | None = None
    push: bool = False
    no_cache: bool = False
    pull: bool = False
    export: Path | None = None

    @property
    def contexts(self) -> dict[str, Path]:
        """The directories that stages of the Dockerfile are fed from, by the stage's name."""
        named = {"buildstatic-wheels": self.wheels, "buildstatic-previous": self.previous}
        return {name: directory for name, directory in named.items() if directory}
