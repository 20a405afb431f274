"""What a person may choose about the platforms' files, and what their Dockerfile decides."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from buildstatic.platforms.server import ServerName
from buildstatic.project import Process


@dataclass(frozen=True)
class Dockerfile:
    """What a platform needs to know of a Dockerfile.

    *static_stage* tells whether static files are collected in a stage of that name;
    *cache_mounts* whether it has cache mounts that Railway refuses; *port* is the one that its
    image serves at where the platform sets none.
    """

    static_stage: bool
    cache_mounts: bool
    port: int | None = None


@dataclass(frozen=True)
class Options:
    """What a person may choose; None leaves the choice to the platform.

    *collect_in* is where Heroku collects; *builder* and *chain* are Railway's; *dockerfile* is
    the one that the project has, or will have once everything is written. *processes* are asked
    for in addition to those found. *existing* are configurations of Railway that are to be carried
    over, each a service and its file.
    """

    server: ServerName | None = None
    collect_in: Literal["build", "release"] | None = None
    builder: Literal["railpack", "dockerfile", "nixpacks"] | None = None
    chain: Literal["start", "build"] = "start"
    dockerfile: Dockerfile | None = None
    processes: tuple[Process, ...] = ()
    existing: tuple[tuple[str, str], ...] = ()


def read_dockerfile(text: str) -> Dockerfile:
    """Return what matters of the Dockerfile *text*.

    Railway takes a cache mount only under its own id, ``s/<service id>-<target>``
    (docs.railway.com/builds/dockerfiles, "Cache mounts").
    """
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    stage = re.search(r"^\s*FROM\s.*\sAS\s+static\s*$", lines, re.IGNORECASE | re.MULTILINE)
    mounts = (mount.split(",") for mount in re.findall(r"--mount=(\S+)", lines))
    refused = any("type=cache" in mount and not _is_railways(mount) for mount in mounts)
    return Dockerfile(stage is not None, refused, _port(lines))


def _is_railways(mount: list[str]) -> bool:
    return any(part.startswith("id=s/") for part in mount)


def _port(lines: str) -> int | None:
    """Return the PORT that the last stage sets, or else the one that it exposes."""
    found = re.findall(r"\bPORT[= ]\"?(\d+)", lines) or re.findall(
        r"^\s*EXPOSE\s+(\d+)", lines, re.IGNORECASE | re.MULTILINE
    )
    return int(found[-1]) if found else None
