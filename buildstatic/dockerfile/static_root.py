"""The path of STATIC_ROOT in the image, and of the directory that the application owns."""

from __future__ import annotations

import posixpath
from pathlib import PurePosixPath

from buildstatic.dockerfile import APP, Part
from buildstatic.project import Project
from buildstatic.project.static_files import DEFAULT_STATIC_ROOT

DATA = "/data"


def static_root_part(project: Project) -> Part:
    """Return the part for the paths of STATIC_ROOT, in the image and in the layer to copy."""
    tree = static_root_in_image(project)
    paths = {
        "tree": tree,
        "layer_tree": f"/layer{tree}",
        "layer_parent": f"/layer{posixpath.dirname(tree)}",
        "data": data_directory(project),
    }
    return Part(paths)


def static_root_in_image(project: Project) -> str:
    """Return the absolute path of STATIC_ROOT in the image."""
    static_root = project.static_root.value if project.static_root else DEFAULT_STATIC_ROOT
    return posixpath.normpath(posixpath.join(APP, static_root))


def static_root_in_context(project: Project) -> str | None:
    """Return the path of STATIC_ROOT in the build context, None if it is outside of the code.

    It is ``.`` if it is the project's root.
    """
    tree = PurePosixPath(static_root_in_image(project))
    return str(tree.relative_to(APP)) if tree.is_relative_to(APP) else None


def data_directory(project: Project) -> str:
    """Return the directory that the application owns, its home: never above STATIC_ROOT."""
    tree = PurePosixPath(static_root_in_image(project))
    return "/home/app" if tree.is_relative_to(DATA) else DATA
