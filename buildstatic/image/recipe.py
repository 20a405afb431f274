"""The Dockerfile that a build runs: the project's own if it will do, else the generated one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from buildstatic.errors import DockerfileUnsuitable
from buildstatic.image.context import DOCKERFILE, IGNORE_FILE
from buildstatic.image.dockerfile import DockerfileOptions, dockerfile
from buildstatic.image.dockerignore import dockerignore
from buildstatic.project import Project

WRITTEN = "# Written by buildstatic"
_FROM = re.compile(r"^\s*FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?\s*$", re.M | re.I)
_COMMENT = re.compile(r"^[ \t]*#.*\n?", re.M)
_CONTINUED = re.compile(r"\\[ \t]*\r?\n")


@dataclass(frozen=True)
class Recipe:
    """A Dockerfile's text, and the ignore file's where the project has none.

    *source* is the file it was read from, None where it was generated; *stages* are the names of
    its stages in order, the last one empty if it has none; *passed_over* is the project's own
    Dockerfile, where it has one that will not do.
    """

    dockerfile: str
    dockerignore: str | None
    source: Path | None
    stages: tuple[str, ...]
    passed_over: Path | None = None

    def has(self, stage: str) -> bool:
        """Tell whether there is a stage of that name."""
        return stage in self.stages

    def is_final(self, target: str | None) -> bool:
        """Tell whether building *target* builds the final image."""
        final = (*self.stages[-1:], str(len(self.stages) - 1))
        return target is None or target.lower() in final


def choose(project: Project, options: DockerfileOptions) -> Recipe:
    """Return the recipe for *project*; *options* are for a generated one.

    Raises DockerfileUnsuitable for a Dockerfile that cannot be read.
    """
    own = project.root / DOCKERFILE
    ignore = _ignore(project)
    text = _read(own) if own.exists() else ""
    stages = stage_names(text)
    if text.startswith(WRITTEN) or "static" in stages:
        return Recipe(text, ignore, own, stages)
    generated = dockerfile(project, options).text
    passed_over = own if text else None
    return Recipe(generated, ignore, None, stage_names(generated), passed_over)


def _ignore(project: Project) -> str | None:
    """Return the text of the ignore file, None where the builder finds the project's own.

    Dockerfile.dockerignore goes before .dockerignore (docs.docker.com/build/concepts/context,
    "Filename and location"), and the builder does not see it, for it gets the Dockerfile alone.
    """
    special = project.root / f"{DOCKERFILE}{IGNORE_FILE}"
    if special.is_file():
        return _read(special)
    return None if (project.root / IGNORE_FILE).is_file() else dockerignore(project).text


def stage_names(text: str) -> tuple[str, ...]:
    """Return the names of the stages of the Dockerfile *text*, lower case, empty for no name."""
    joined = _CONTINUED.sub(" ", _COMMENT.sub("", text))
    return tuple((name or "").lower() for _, name in _FROM.findall(joined))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        problem = f"{path.name} cannot be read: {error}."
        raise DockerfileUnsuitable(problem, "Mend it, or move it away.") from error
