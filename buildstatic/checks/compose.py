"""The volumes of a Compose file's services that run the project, with their lines.

https://docs.docker.com/reference/compose-file/services/#volumes
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from buildstatic.checks import nodes

FILES = ("compose*.yml", "compose*.yaml", "docker-compose*.yml", "docker-compose*.yaml")
PROGRAMS = re.compile(r"manage\.py|gunicorn|uvicorn|daphne|hypercorn|granian|buildstatic start")
VARIABLE = re.compile(r"\$\{\w+:?-([^}]*)\}")


@dataclass(frozen=True)
class Volume:
    """What is mounted at *target* in the image of *dockerfile*, relative to the root.

    *is_code* says that it is the directory of the Compose file, or one that holds that.
    """

    line: int
    target: str
    dockerfile: str
    is_code: bool


def volumes(text: str, directory: Path) -> Iterator[Volume]:
    """Yield the volumes in *text*, a Compose file in *directory*, of services that are ours.

    Those are built here, or run a program of Django's. Nothing of a file that is no YAML.
    """
    document = nodes.parse(text)
    for service in nodes.entries(nodes.entries(document).get("services")).values():
        if _is_ours(service):
            for item in nodes.items(nodes.entries(service).get("volumes")):
                yield from _volume(item, _dockerfile(service), directory)


def _is_ours(service: yaml.Node) -> bool:
    entries = nodes.entries(service)
    words = f"{_words(entries.get('command'))} {_words(entries.get('entrypoint'))}"
    return "build" in entries or bool(PROGRAMS.search(words))


def _dockerfile(service: yaml.Node) -> str:
    named = _text(nodes.entries(nodes.entries(service).get("build")).get("dockerfile"))
    return (named or "Dockerfile").removeprefix("./")


def _volume(item: yaml.Node, dockerfile: str, directory: Path) -> Iterator[Volume]:
    if isinstance(item, yaml.MappingNode):
        entries = nodes.entries(item)
        source, target = _text(entries.get("source")), _text(entries.get("target"))
        line = nodes.line(entries["target"]) if "target" in entries else 0
    else:
        parts = _text(item).split(":")
        source, target = (parts[0], parts[1]) if len(parts) > 1 else ("", parts[0])
        line = nodes.line(item)
    if target.startswith("/"):
        is_code = source.startswith((".", "/")) and directory.is_relative_to(
            (directory / source).resolve()
        )
        yield Volume(line, target.rstrip("/") or "/", dockerfile, is_code)


def _words(node: yaml.Node | None) -> str:
    if isinstance(node, yaml.SequenceNode):
        return " ".join(map(_text, node.value))
    return _text(node)


def _text(node: yaml.Node | None) -> str:
    """Return the text of a scalar, variables being worth their defaults."""
    return VARIABLE.sub(r"\1", nodes.text(node))
