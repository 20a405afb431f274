"""The .dockerignore for a project: patterns are rooted, as Docker reads them, not as git does."""

from __future__ import annotations

from pathlib import PurePosixPath

from buildstatic.dockerfile.quoting import pattern
from buildstatic.project import Project
from buildstatic.project.data import holds_needed, tree, uploads
from buildstatic.templates import GeneratedFile, render

USUAL_ENVIRONMENTS = (".venv", "venv", ".virtualenv")
# In the root alone: below it, these are names for many things.
IN_THE_ROOT = ("env", "ENV")


def dockerignore(project: Project, *, here: bool = False) -> GeneratedFile:
    """Return the .dockerignore of *project*, the same in every checkout.

    Virtual environments of unusual names, which one checkout has and another has not, are told of;
    with *here*, for a build of this checkout alone, they are kept out.
    """
    media, made = uploads(project), tree(project)
    unusual = _unusual(project)
    text = render(
        "dockerignore",
        secrets=_secrets(project),
        media=(pattern(media),) if media else (),
        made=(pattern(made),) if made else (),
        environments=(*_usual(project), *(map(pattern, unusual) if here else ())),
        keep_node_modules=project.node_modules is not None and project.frontend is None,
    )
    return GeneratedFile(".dockerignore", text, notes=tuple(map(_note, unusual)))


def _secrets(project: Project) -> tuple[str, ...]:
    """Return the pattern of the front-end's configuration, if it holds a password."""
    secret = project.frontend.value.secret if project.frontend else ""
    return (pattern(secret.rpartition(":")[0]),) if secret else ()


def _usual(project: Project) -> tuple[str, ...]:
    """Return the patterns of the usual names, without those that the project's code has."""
    usual = tuple(f"**/{name}" for name in USUAL_ENVIRONMENTS)
    return usual if any(_is_code(project, name) for name in IN_THE_ROOT) else (*usual, *IN_THE_ROOT)


def _is_code(project: Project, name: str) -> bool:
    """Say whether the directory *name* is the project's own: an environment has no module in it."""
    found = project.dependencies.value if project.dependencies else None
    read = (*found.files, *found.local) if found else ()
    is_read = any(
        PurePosixPath(path).is_relative_to(name) for path in (*read, project.manage.value)
    )
    return is_read or holds_needed(project, name) or any((project.root / name).glob("*.py"))


def _unusual(project: Project) -> tuple[str, ...]:
    """Return the environments in the root, known by their pyvenv.cfg, of names that are unusual."""
    found = sorted(marker.parent.name for marker in project.root.glob("*/pyvenv.cfg"))
    return tuple(name for name in found if name not in (*USUAL_ENVIRONMENTS, *IN_THE_ROOT))


def _note(name: str) -> str:
    return f".dockerignore: the virtual environment {name} is not in it. Rename it: .venv is."
