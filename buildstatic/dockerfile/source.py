"""The Dockerfile that a build runs: the project's own if it is suitable, else a generated one."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from buildstatic.dockerfile import DOCKERFILE, IGNORE_FILE
from buildstatic.dockerfile.dockerignore import generate_dockerignore, own_dockerignore
from buildstatic.dockerfile.generate import DockerfileOptions, generate_dockerfile
from buildstatic.dockerfile.layer_order import can_be_below_code
from buildstatic.errors import ConfigInvalid
from buildstatic.project import Project
from buildstatic.project.files import GENERATED

ASSETS = "assets"
# If all of them exist, the static files are in an image of their own, not in the final one.
ASSETS_STAGES = frozenset({"static", ASSETS, "manifest"})
_FROM = re.compile(r"\s*FROM\s+(?:--\S+\s+)*\S+(?:\s+AS\s+(\S+))?\s*\Z", re.I)
_COPY = re.compile(r"\s*(?:COPY|ADD)\s+((?:--\S+\s+)*)(\S+)", re.I)
_ESCAPE = re.compile(r"(?:[ \t]*#[ \t]*\w+[ \t]*=.*\n)*?[ \t]*#[ \t]*escape[ \t]*=[ \t]*`", re.I)
_HEREDOC = re.compile(r"(?<!\S)\d*<<(-?)([\"']?)([^\s<\"']+)\2(?!\S)")


@dataclass(frozen=True)
class DockerfileSource:
    """A Dockerfile's text, and that of the ignore file if the builder does not find the project's.

    *path* is the file that it was read from, None if it was generated. *stages* are the names of
    its stages in order, empty for one without a name. *skipped* is the project's own Dockerfile if
    it is not suitable.
    """

    dockerfile: str
    dockerignore: str | None
    path: Path | None
    stages: tuple[str, ...]
    skipped: Path | None = None


def choose_dockerfile(project: Project, options: DockerfileOptions) -> DockerfileSource:
    """Return the project's Dockerfile if it has a stage ``static``, else one with *options*.

    One that was generated, and not changed since, gets the cache mounts of *options*. In both, the
    static files are first compared as one archive.

    Raises ConfigInvalid if a file cannot be read, or if no Dockerfile can be generated.
    """
    own = project.root / DOCKERFILE
    text = _read(own) if own.exists() else ""
    stages = stage_names(text)
    name, ignored = own_dockerignore(project.root) or (
        "",
        generate_dockerignore(project, local=True).text,
    )
    # Dockerfile.dockerignore has to be given too: the builder gets a copy of the Dockerfile alone.
    ignore = None if name == IGNORE_FILE else ignored
    options = replace(options, static_first=can_be_below_code(project, ignored), archive=True)
    if text.startswith(GENERATED) or "static" in stages:
        return DockerfileSource(_with_cache_mounts(project, options, text), ignore, own, stages)
    generated = generate_dockerfile(project, options).text
    skipped = own if text else None
    return DockerfileSource(generated, ignore, None, stage_names(generated), skipped)


def _with_cache_mounts(project: Project, options: DockerfileOptions, text: str) -> str:
    """Return the Dockerfile *text*, or if it is generated the same with cache mounts.

    The static files stay last. They stay first unless the ignore file no longer excludes them.
    """
    with suppress(ConfigInvalid):
        for static_first in (True, False):
            same = replace(options, static_first=static_first, cache_mounts=False, archive=False)
            if text == generate_dockerfile(project, same).text:
                is_first = static_first and options.static_first
                return generate_dockerfile(project, replace(options, static_first=is_first)).text
    return text


def stage_names(text: str) -> tuple[str, ...]:
    """Return the names of the stages of the Dockerfile *text*, lower case, empty for no name."""
    found = map(_FROM.match, _instructions(text))
    return tuple((match[1] or "").lower() for match in found if match)


def copies_code_last(text: str) -> bool:
    """Return whether the final stage of the Dockerfile *text* has the code above the static layer.

    The code is a copy of the whole build context.
    """
    has_static = is_last = False
    for instruction in _instructions(text):
        if _FROM.match(instruction):
            has_static = is_last = False
        elif match := _COPY.match(instruction):
            flags = match[1].lower()
            if "--from=static" in flags.split():
                has_static, is_last = True, False
            elif "--from=" not in flags and match[2] in (".", "./"):
                is_last = has_static
    return is_last


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
        if line.endswith(escape):
            continue
        yield instruction
        for dash, _, end in _HEREDOC.findall(instruction):
            ends = [line.lstrip("\t") if dash else line for line in lines]
            # Without an end it is not a heredoc, but quoted text.
            if end in ends:
                for _ in range(ends.index(end) + 1):
                    lines.popleft()
        instruction = ""
    yield instruction


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        problem = f"Cannot read {path.name}: {error}."
        raise ConfigInvalid(problem, "Fix it, or rename it.") from error
