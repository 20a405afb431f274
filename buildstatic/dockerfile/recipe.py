"""The Dockerfile that a build runs: the project's own if it will do, else the generated one."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from buildstatic.dockerfile import DOCKERFILE, IGNORE_FILE
from buildstatic.dockerfile.dockerignore import dockerignore
from buildstatic.dockerfile.generate import DockerfileOptions, dockerfile
from buildstatic.errors import ConfigInvalid
from buildstatic.project import Project

WRITTEN = "# Written by buildstatic"
ASSETS, MANIFEST = "assets", "manifest"
_FROM = re.compile(r"\s*FROM\s+(?:--\S+\s+)*\S+(?:\s+AS\s+(\S+))?\s*\Z", re.I)
_ESCAPE = re.compile(r"(?:[ \t]*#[ \t]*\w+[ \t]*=.*\n)*?[ \t]*#[ \t]*escape[ \t]*=[ \t]*`", re.I)
_HEREDOC = re.compile(r"(?<!\S)\d*<<(-?)([\"']?)([^\s<\"']+)\2(?!\S)")


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

    @property
    def serves_apart(self) -> bool:
        """Whether the files are in an image of their own (assets), and only names in the final."""
        return all(map(self.has, ("static", ASSETS, MANIFEST)))

    def is_final(self, target: str | None) -> bool:
        """Tell whether building *target* builds the final image."""
        final = (*self.stages[-1:], str(len(self.stages) - 1))
        return target is None or target.lower() in final


def choose(project: Project, options: DockerfileOptions) -> Recipe:
    """Return the recipe for *project*; *options* are for a generated one.

    Raises ConfigInvalid for a Dockerfile that cannot be read.
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
    return None if (project.root / IGNORE_FILE).is_file() else dockerignore(project, here=True).text


def stage_names(text: str) -> tuple[str, ...]:
    """Return the names of the stages of the Dockerfile *text*, lower case, empty for no name."""
    found = map(_FROM.match, _instructions(text))
    return tuple((start[1] or "").lower() for start in found if start)


def _instructions(text: str) -> Iterator[str]:
    """Yield every instruction on one line (docs.docker.com/reference/dockerfile, "Format")."""
    escape = "`" if _ESCAPE.match(text) else "\\"
    lines = deque(text.split("\n"))
    instruction = ""
    while lines:
        line = lines.popleft().rstrip()
        if not line or line.lstrip().startswith("#"):
            continue
        instruction += line.removesuffix(escape)
        if not line.endswith(escape):
            yield instruction
            _skip_heredocs(instruction, lines)
            instruction = ""
    yield instruction


def _skip_heredocs(instruction: str, lines: deque[str]) -> None:
    """Drop the heredocs of *instruction*; what no line ends is none, but text in quotes."""
    for dash, _, end in _HEREDOC.findall(instruction):
        ends = [line.lstrip("\t") if dash else line for line in lines]
        if end in ends:
            for _ in range(ends.index(end) + 1):
                lines.popleft()


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        problem = f"{path.name} cannot be read: {error}."
        raise ConfigInvalid(problem, "Mend it, or move it away.") from error
