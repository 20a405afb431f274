"""The builder without an engine: what it cannot do, and where the image has what was collected."""

from __future__ import annotations

import posixpath
from pathlib import Path

from buildstatic.builders.request import BuildRequest
from buildstatic.errors import UnsupportedByBuilder
from buildstatic.oci.static_layer import MANIFEST
from buildstatic.project import Project

NAME = "embedded"
_ANOTHER = "It runs no Dockerfile: leave that out, or build with an engine."


def unfit(request: BuildRequest) -> tuple[str, ...]:
    """Return the options of *request* that are about running a Dockerfile."""
    wanted = {
        "--export": request.export is not None,
        "--target": request.target is not None and request.export is None,
        "--build-arg": bool(request.build_args),
        "--secret": bool(request.secrets),
        "--cache-from": bool(request.cache_from),
        "--cache-to": bool(request.cache_to),
        "--platform": bool(request.platforms),
        "--no-cache": request.no_cache,
        "--pull": request.pull,
    }
    return tuple(name for name, is_wanted in wanted.items() if is_wanted)


def check(request: BuildRequest) -> None:
    """Raise UnsupportedByBuilder for what only an engine can do."""
    if refused := ", ".join(unfit(request)):
        raise UnsupportedByBuilder(f"The embedded builder cannot do: {refused}.", _ANOTHER)


def not_built(project: Project) -> str:
    """Return what of the front-end build of *project* is not there, in a sentence; empty for none.

    A Dockerfile runs that build, and this builder does not: it collects what there is.
    """
    if project.frontend is None:
        return ""
    front = project.frontend.value
    wanted = [*project.needed, *([f"{front.directory}/node_modules"] if front.modules else [])]
    gone = [each for each in wanted if not (project.root / each).is_dir()]
    if not gone:
        return ""
    command = f"{front.manager} {'run build' if front.build else 'install'}"
    there = "is not there" if len(gone) == 1 else "are not there"
    places = ", ".join(posixpath.normpath(each) for each in gone)
    where = project.root if front.directory == "." else project.root / front.directory
    return f"{places} {there}: first run {command} in {where}, which no Dockerfile does here."


def collected_tree(layer_root: Path, project: Project) -> Path:
    """Return the tree in *layer_root*, which has STATIC_ROOT at its place on this machine.

    Raises UnsupportedByBuilder if reading the settings does not tell where it is.
    """
    if project.static_root:
        for root in (project.root.absolute(), project.root.resolve()):
            tree = layer_root / (root / project.static_root.value).relative_to("/")
            if tree.is_dir():
                return tree
    for manifest in sorted(layer_root.rglob(MANIFEST)):
        return manifest.parent
    problem = "With no engine it cannot be told where STATIC_ROOT is in the image."
    raise UnsupportedByBuilder(
        problem, 'Write STATIC_ROOT = BASE_DIR / "staticfiles" in the settings.'
    )
