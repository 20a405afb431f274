"""Volumes that hide the collected files of the image, in Compose and platform files.

docs.docker.com/reference/compose-file/services/#volumes; fly.io/docs/reference/configuration,
"The mounts section"; ``deploy.requiredMountPath`` of Railway; render.com/docs/disks.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

import yaml

from buildstatic.checks import yaml_nodes
from buildstatic.checks.context import CheckContext
from buildstatic.checks.deployment import compose_files, read_services
from buildstatic.checks.finding import Finding, Severity

CODES: tuple[str, ...] = ("volume-over-tree",)
WORKDIR = re.compile(r"^\s*WORKDIR\s+[\"']?(/[^\s\"'$]*)", re.IGNORECASE | re.MULTILINE)
DEFAULT_WORKDIR = "/app"  # of the generated Dockerfile
SERVERS = re.compile(r"manage\.py|gunicorn|uvicorn|daphne|hypercorn|granian|buildstatic start")
# A service for development, by its name, the stage of its image, or its image.
DEVELOPMENT = re.compile(r"(?:^|[-_:/.])(?:dev|develop|development|local|tests?)(?:[-_:/.]|$)")
VARIABLE = re.compile(r"\$\{\w+:?-([^}]*)\}")


@dataclass(frozen=True)
class Mount:
    """A volume at *target* in the image of *dockerfile*; *is_bind* for one of the host's files."""

    file: str
    line: int
    target: str
    dockerfile: str = "Dockerfile"
    is_bind: bool = False


def check(context: CheckContext) -> Iterator[Finding]:
    """Yield the mounts over the collected files, or over a parent directory of them."""
    if context.project.static_root is None or not context.has_local_storage:
        return
    for mount in (*_compose_mounts(context), *_platform_mounts(context)):
        target = PurePosixPath(posixpath.normpath(mount.target))
        trees = [PurePosixPath(tree) for tree in _image_trees(context, mount.dockerfile)]
        tree = next((tree for tree in trees if tree.is_relative_to(target)), None)
        # Code is mounted over the image's for development.
        if tree is None or target == PurePosixPath("/") or (mount.is_bind and target != tree):
            continue
        yield Finding(
            CODES[0],
            Severity.WARNING,
            mount.file,
            mount.line,
            f"The volume at {mount.target} hides {tree}, the collected files of the image.",
            "It hides the files of the image, or keeps those of the first deployment.",
            "Mount it at a data directory; another server can copy the files from the image.",
        )


def _image_trees(context: CheckContext, dockerfile: str) -> Iterator[str]:
    """Yield where the collected files may be in the image of *dockerfile*.

    They are below its last WORKDIR, into which it copies the root or manage.py's directory.
    """
    workdirs = WORKDIR.findall(context.read_text(dockerfile) or "") or [DEFAULT_WORKDIR]
    tree = context.project.static_root.value if context.project.static_root else ""
    manage = posixpath.dirname(context.project.manage.value)
    for path in dict.fromkeys((tree, tree.removeprefix(f"{manage}/") if manage else tree)):
        yield posixpath.join(workdirs[-1], path)


def _platform_mounts(context: CheckContext) -> Iterator[Mount]:
    for service in read_services(context):
        for line in service.mounts:
            if line.text.startswith("/"):
                yield Mount(line.file, line.number, line.text)


def _compose_mounts(context: CheckContext) -> Iterator[Mount]:
    """Yield the mounts of Compose services that are built here or run a Django server."""
    for file in compose_files(context):
        document = yaml_nodes.entries(yaml_nodes.parse(context.read_text(file) or ""))
        for name, node in yaml_nodes.entries(document.get("services")).items():
            service = yaml_nodes.entries(node)
            target = yaml_nodes.entries(service.get("build")).get("target")
            if any(map(DEVELOPMENT.search, (name, _text(target), _text(service.get("image"))))):
                continue
            if "build" not in service and not any(
                SERVERS.search(_words(service.get(key))) for key in ("command", "entrypoint")
            ):
                continue
            dockerfile = _text(yaml_nodes.entries(service.get("build")).get("dockerfile"))
            dockerfile = dockerfile.removeprefix("./") or "Dockerfile"
            mounts = [
                mount
                for item in yaml_nodes.items(service.get("volumes"))
                for mount in _compose_mount(item, file, dockerfile)
            ]
            words = " ".join(_words(service.get(key)) for key in ("command", "entrypoint"))
            # What collects when it starts renews the files in the volume.
            if "runserver" not in words and "collectstatic" not in words:
                yield from mounts


def _compose_mount(item: yaml.Node, file: str, dockerfile: str) -> Iterator[Mount]:
    entries = yaml_nodes.entries(item)
    if entries:
        source, target = _text(entries.get("source")), _text(entries.get("target"))
        line = yaml_nodes.line(entries.get("target", item))
    else:
        parts = _text(item).split(":")
        source, target = (parts[0], parts[1]) if len(parts) > 1 else ("", parts[0])
        line = yaml_nodes.line(item)
    if target.startswith("/"):
        is_bind = source.startswith((".", "/", "~"))
        yield Mount(file, line, target.rstrip("/") or "/", dockerfile, is_bind)


def _words(node: yaml.Node | None) -> str:
    return " ".join(map(_text, yaml_nodes.items(node))) or _text(node)


def _text(node: yaml.Node | None) -> str:
    """Return the text of a scalar with variables replaced by their defaults."""
    return VARIABLE.sub(r"\1", yaml_nodes.text(node))
