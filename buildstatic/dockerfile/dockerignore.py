"""The generated .dockerignore."""

from __future__ import annotations

import posixpath
from pathlib import Path, PurePosixPath

from buildstatic.dockerfile import DOCKERFILE, IGNORE_FILE
from buildstatic.dockerfile.ignore_patterns import is_excluded, read_patterns
from buildstatic.project import Project
from buildstatic.project.files import read_bytes
from buildstatic.project.static_files import contains_needed, output_tree, uploads
from buildstatic.templates import GeneratedFile, render
from buildstatic.templates.quoting import exact_pattern

# Usual names of virtual environments at any depth, and in the root only.
ENVIRONMENTS = (".venv", "venv", ".virtualenv")
ROOT_ENVIRONMENTS = ("env", "ENV")


def generate_dockerignore(project: Project, *, local: bool = False) -> GeneratedFile:
    """Return the .dockerignore of *project*, the same in every checkout.

    A note names virtual environments with unusual names, which only this checkout has. With
    *local*, for a build of this checkout, they are ignored, too.
    """
    root, usual = project.root, (*ENVIRONMENTS, *ROOT_ENVIRONMENTS)
    markers = sorted(marker.parent.name for marker in root.glob("*/pyvenv.cfg"))
    unusual = [name for name in markers if name not in usual]
    environments = [f"**/{name}" for name in ENVIRONMENTS]
    if not any(_is_code(project, name) for name in ROOT_ENVIRONMENTS):
        environments += ROOT_ENVIRONMENTS
    if local:
        environments += map(exact_pattern, unusual)
    media, collected, required = uploads(project), output_tree(project), required_paths(project)
    secrets = [fact.value.secret for fact in project.frontends if fact.value.secret]
    text = render(
        "dockerignore",
        secrets=[exact_pattern(place.rpartition(":")[0]) for place in secrets],
        media=(exact_pattern(media),) if media else (),
        made=(exact_pattern(collected),) if collected else (),
        environments=environments,
    )
    patterns = read_patterns(text)
    if exceptions := [exact_pattern(path) for path in required if is_excluded(patterns, path)]:
        text += "\n# Required by the build\n" + "".join(f"!{each}\n" for each in exceptions)
    notes = (
        f"{IGNORE_FILE} does not contain the virtual environment {name}. Rename it to .venv."
        for name in unusual
    )
    return GeneratedFile(IGNORE_FILE, text, notes=tuple(notes))


def own_dockerignore(root: Path) -> tuple[str, str] | None:
    """Return the name and the text of the ignore file in *root*, None if it has none.

    Dockerfile.dockerignore takes precedence over .dockerignore (docs.docker.com/build/concepts/
    context, "Filename and location"). Raises ConfigInvalid.
    """
    for name in (f"{DOCKERFILE}{IGNORE_FILE}", IGNORE_FILE):
        if (root / name).is_file():
            return name, read_bytes(root / name, root).decode("utf-8-sig", "surrogateescape")
    return None


def required_paths(project: Project) -> tuple[str, ...]:
    """Return the paths that the generated Dockerfile requires in the build context.

    These are static files and templates, what the front-ends need, and ``node_modules`` that are
    collected unless a front-end installs them.
    """
    frontends = [fact.value for fact in project.frontends]
    installed = [frontend.modules for frontend in frontends if frontend.modules]
    collected = [fact.value for fact in project.node_modules]
    required = [
        path
        for path in (*project.needed, *collected)
        if not any(PurePosixPath(path).is_relative_to(modules) for modules in installed)
    ]
    for frontend in frontends:
        named = (*frontend.files, *frontend.directories, *frontend.public_environment)
        required += [posixpath.join(frontend.directory, name) for name in named]
        required += [posixpath.join(place, "package.json") for place in frontend.workspaces]
        required += filter(
            None, (posixpath.join(frontend.directory, "package.json"), frontend.lock)
        )
    inside = (posixpath.normpath(path) for path in required if not path.startswith(("/", "..")))
    return tuple(dict.fromkeys(inside))


def _is_code(project: Project, name: str) -> bool:
    """Return whether the directory *name* is part of the project, not a virtual environment."""
    found = project.dependencies.value if project.dependencies else None
    files = (*found.files, *found.local) if found else ()
    is_named = any(
        PurePosixPath(path).is_relative_to(name) for path in (*files, project.manage.value)
    )
    return is_named or contains_needed(project, name) or any((project.root / name).glob("*.py"))
