"""The user's choices for platform files, and what the Dockerfile determines."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from buildstatic.platforms.server import ServerName
from buildstatic.project import Process


@dataclass(frozen=True)
class Dockerfile:
    """The properties of a Dockerfile that platforms depend on.

    *static_stage*: static files are collected in a stage named static. *cache_mounts*: it has cache
    mounts that Railway rejects. *port*: the port of its image if the platform sets none. *assets*:
    the stage assets serves the static files, and the image of the application has none.
    """

    static_stage: bool
    cache_mounts: bool
    port: int | None = None
    assets: bool = False


@dataclass(frozen=True)
class Options:
    """The user's choices; None leaves the choice to the platform.

    *database* is who provides the database server: the platform if its files can, or somebody else.
    *collect_in* is where Heroku collects; *builder*, *chain* and *legacy* (a railway.json) are for
    Railway; *dockerfile* is the project's Dockerfile, existing or generated in the same run.
    *processes* are added to those found. *existing* are Railway configurations to migrate, pairs of
    a service and its file.
    """

    server: ServerName | None = None
    database: Literal["platform", "external"] = "platform"
    collect_in: Literal["build", "release"] | None = None
    builder: Literal["railpack", "dockerfile"] | None = None
    chain: Literal["start", "build"] = "start"
    legacy: bool = False
    dockerfile: Dockerfile | None = None
    processes: tuple[Process, ...] = ()
    existing: tuple[tuple[str, str], ...] = ()


def read_dockerfile(text: str) -> Dockerfile:
    """Return the properties of the Dockerfile *text*.

    Railway accepts only cache mounts with the id ``s/<service id>-<target>``
    (docs.railway.com/builds/dockerfiles, "Cache mounts"). The port is the last PORT, or else
    the last exposed port, of the last stage; without one there, of the file.
    """
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    flags = re.IGNORECASE | re.MULTILINE
    mounts = (mount.split(",") for mount in re.findall(r"--mount=(\S+)", lines))
    last_stage = re.split(r"^\s*FROM\s", lines, flags=flags)[-1]
    ports = [
        port
        for part in (lines, last_stage)
        for pattern in (r"^\s*EXPOSE\s+(\d+)", r"\bPORT[= ]\"?(\d+)")
        for port in re.findall(pattern, part, flags)
    ]
    return Dockerfile(
        static_stage=bool(re.search(r"^\s*FROM\s.*\sAS\s+static\s*$", lines, flags)),
        assets=bool(re.search(r"^\s*FROM\s.*\sAS\s+assets\s*$", lines, flags)),
        cache_mounts=any(
            "type=cache" in mount and not any(part.startswith("id=s/") for part in mount)
            for mount in mounts
        ),
        port=int(ports[-1]) if ports else None,
    )
