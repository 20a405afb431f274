"""The services of render.yaml (render.com/docs/blueprint-spec), with their lines."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from buildstatic.checks import nodes
from buildstatic.checks.service import Line, Service

FILE = "render.yaml"
BEFORE = ("preDeployCommand",)
START = ("dockerCommand", "startCommand")


def services(text: str) -> Iterator[Service]:
    """Yield the services in *text*, a Blueprint, at the top and in projects' environments."""
    document = nodes.parse(text)
    for node in _services(nodes.entries(document)):
        entries = nodes.entries(node)
        disk = nodes.entries(entries.get("disk")).get("mountPath")
        yield Service(
            "Render",
            tuple(_line(entries[key]) for key in BEFORE if key in entries),
            tuple(_line(entries[key]) for key in START if key in entries),
            (_line(disk),) if disk else (),
        )


def _services(entries: dict[str, yaml.Node]) -> Iterator[yaml.Node]:
    yield from nodes.items(entries.get("services"))
    for project in nodes.items(entries.get("projects")):
        for environment in nodes.items(nodes.entries(project).get("environments")):
            yield from nodes.items(nodes.entries(environment).get("services"))


def _line(node: yaml.Node) -> Line:
    return Line(FILE, nodes.line(node), nodes.text(node))
