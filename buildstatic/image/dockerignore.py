"""The .dockerignore for a project: patterns are rooted, as Docker reads them, not as git does."""

from __future__ import annotations

from pathlib import Path

from buildstatic.image.quote import pattern
from buildstatic.project import Project
from buildstatic.project.data import tree, uploads
from buildstatic.templates import Generated, render

USUAL_ENVIRONMENTS = (".venv", "venv")


def dockerignore(project: Project) -> Generated:
    """Return the .dockerignore of *project*."""
    media, made = uploads(project), tree(project)
    text = render(
        "dockerignore",
        media=(pattern(media),) if media else (),
        made=(pattern(made),) if made else (),
        environments=_environments(project.root),
        keep_node_modules=project.node_modules is not None and project.frontend is None,
    )
    return Generated(".dockerignore", text)


def _environments(root: Path) -> tuple[str, ...]:
    """Return the usual names, and what is an environment by its pyvenv.cfg whatever its name."""
    found = sorted(marker.parent.name for marker in root.glob("*/pyvenv.cfg"))
    others = (pattern(name) for name in found if name not in USUAL_ENVIRONMENTS)
    return (*(f"**/{name}" for name in USUAL_ENVIRONMENTS), *others)
