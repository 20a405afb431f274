"""Volumes that hide what the image has: of Compose, Fly, Railway and Render.

docs.docker.com/reference/compose-file/services/#volumes; fly.io/docs/reference/configuration,
"The mounts section"; Railway's ``volumeMounts`` and ``deploy.requiredMountPath``;
render.com/docs/disks.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from buildstatic.checks import compose
from buildstatic.checks.context import CheckContext
from buildstatic.checks.finding import Finding, Severity
from buildstatic.checks.services import services
from buildstatic.project import files

OVER = "volume-over-tree"
CODES = {OVER: "a volume is mounted over the collected files"}
APP = "/app"
WORKDIR = re.compile(r"^\s*WORKDIR\s+[\"']?(/[^\s\"'$]*)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class Mount:
    """A volume at *target* in the image; *is_code* where it is the project's own directory."""

    file: str
    line: int
    target: str
    dockerfile: str = "Dockerfile"
    is_code: bool = False


def find(case: CheckContext) -> Iterator[Finding]:
    """Yield the mounts over the tree, or over a directory that it is in."""
    if case.project.static_root is None or not case.is_local:
        return
    for mount in _mounts(case):
        target = PurePosixPath(posixpath.normpath(mount.target))
        trees = [PurePosixPath(tree) for tree in _trees(case, mount.dockerfile)]
        tree = next((tree for tree in trees if tree.is_relative_to(target)), None)
        if tree is not None and target != PurePosixPath("/"):
            yield _finding(mount, str(tree))


def _finding(mount: Mount, tree: str) -> Finding:
    if mount.is_code:
        why = "The files that the image was built with are hidden by what is on this machine."
        fix = "Keep it to development: let what is deployed run from the image."
    else:
        why = "It hides the files, or keeps those of the first deployment for good."
        fix = "Mount it at the data, not at the tree; a server beside gets files from the image."
    where = tree if tree == mount.target else f"{mount.target}, which holds {tree}"
    return Finding(
        OVER,
        Severity.INFO if mount.is_code else Severity.WARNING,
        mount.file,
        mount.line,
        f"A volume is mounted at {where}, where the image has the collected files.",
        why,
        fix,
    )


def _trees(case: CheckContext, dockerfile: str) -> tuple[str, ...]:
    """Return where the tree may be in the image of *dockerfile*, which may copy manage.py's place.

    The last WORKDIR counts; without a Dockerfile it is that of the one that is generated.
    """
    found = WORKDIR.findall(case.text(dockerfile) or "")
    home = found[-1] if found else APP
    tree = case.project.static_root.value if case.project.static_root else ""
    manage = posixpath.dirname(case.project.manage.value)
    inside = tree.removeprefix(f"{manage}/") if manage else tree
    return tuple(posixpath.join(home, place) for place in dict.fromkeys((tree, inside)))


def _mounts(case: CheckContext) -> Iterator[Mount]:
    for path in sorted({p for pattern in compose.FILES for p in case.root.glob(pattern)}):
        name = files.relative(path, case.root)
        for volume in compose.volumes(case.text(name) or "", case.root):
            yield Mount(name, volume.line, volume.target, volume.dockerfile, volume.is_code)
    for service in services(case):
        for line in service.volumes:
            if line.text.startswith("/"):
                yield Mount(line.file, line.number, line.text)
