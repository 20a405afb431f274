"""The .dockerignore for a project: patterns are rooted, as Docker reads them, not as git does."""

from __future__ import annotations

from pathlib import Path

from buildstatic.image.quote import pattern
from buildstatic.project import Project
from buildstatic.templates import Generated, render

USUAL_ENVIRONMENTS = (".venv", "venv")
USUAL_MEDIA = "media"
USUAL_TREE = "staticfiles"


def dockerignore(project: Project) -> Generated:
    """Return the .dockerignore of *project*."""
    text = render(
        "dockerignore",
        media=tuple(map(pattern, _media(project))),
        made=tuple(map(pattern, _tree(project))),
        environments=_environments(project.root),
        keep_node_modules=project.node_modules is not None and project.frontend is None,
    )
    return Generated(".dockerignore", text)


def _media(project: Project) -> tuple[str, ...]:
    """Return where uploads are; a package of the name ``media`` is an app, not uploads."""
    if project.media_root is not None:
        inside = not project.media_root.value.startswith("/") and project.media_root.value != "."
        return (project.media_root.value,) if inside else ()
    is_package = (project.root / USUAL_MEDIA / "__init__.py").exists()
    return () if is_package else (USUAL_MEDIA,)


def _tree(project: Project) -> tuple[str, ...]:
    if project.static_root is None:
        return (USUAL_TREE,)
    return () if project.static_root.value.startswith("/") else (project.static_root.value,)


def _environments(root: Path) -> tuple[str, ...]:
    """Return the usual names, and what is an environment by its pyvenv.cfg whatever its name."""
    found = sorted(marker.parent.name for marker in root.glob("*/pyvenv.cfg"))
    others = (pattern(name) for name in found if name not in USUAL_ENVIRONMENTS)
    return (*(f"**/{name}" for name in USUAL_ENVIRONMENTS), *others)
