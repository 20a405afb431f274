"""The directories in an image that cannot be a layer of their own.

``COPY --link`` creates the parents of what it copies as directories with mode 0755 owned by root.
A parent that is a symlink in the final image is replaced, other modes and owners are changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from buildstatic.dockerfile import APP
from buildstatic.dockerfile.static_root import DATA, static_root_in_image
from buildstatic.errors import StaticRootInvalid
from buildstatic.project import Project

# In Debian's images and the generated one; the collecting stage detects any others.
SYMLINKS = {"/bin", "/lib", "/lib32", "/lib64", "/sbin", "/var/lock", "/var/run", "/dev/fd"}
SPECIAL_DIRECTORIES = {
    DATA: "owned by the application",
    "/dev": "not part of an image",
    "/proc": "not part of an image",
    "/root": "of mode 0700",
    "/run/lock": "of mode 1777",
    "/sys": "not part of an image",
    "/tmp": "of mode 1777",
    "/var/local": "of mode 2775",
    "/var/mail": "of mode 2775",
    "/var/tmp": "of mode 1777",
}


def check_layer_location(project: Project, *, owns_data: bool = True) -> None:
    """Raise StaticRootInvalid if the project's STATIC_ROOT cannot be a separate layer.

    *owns_data* is whether ``/data`` belongs to the application in the image.
    """
    tree = PurePosixPath(static_root_in_image(project))
    special = {name: why for name, why in SPECIAL_DIRECTORIES.items() if owns_data or name != DATA}
    if reason := _static_root_problem(project, tree, special):
        setting = f" ({project.static_root.source})" if project.static_root else ""
        raise StaticRootInvalid(
            f"STATIC_ROOT is {tree} in the image{setting}: {reason}.",
            'Use another directory, such as STATIC_ROOT = BASE_DIR / "staticfiles".',
        )


def _static_root_problem(project: Project, tree: PurePosixPath, special: Mapping[str, str]) -> str:
    if str(tree) in ("/", APP):
        return f"{tree} contains more than the static files"
    for directory in (tree, *tree.parents):
        is_project_link = (
            directory != tree
            and directory.is_relative_to(APP)
            and (project.root / directory.relative_to(APP)).is_symlink()
            and str(directory) != APP
        )
        if is_project_link or str(directory) in SYMLINKS:
            return f"{directory} is a symlink, which the layer would replace by a directory"
        if properties := special.get(str(directory)):
            return f"{directory} is {properties}, which the layer would change"
    return ""


def check_target_path(path: PurePosixPath) -> None:
    """Raise StaticRootInvalid if a layer with the tree *path*, an absolute path, does damage.

    The image is not known, so the directories are those of Debian's images.
    """
    for directory in (path, *path.parents):
        reason = ""
        if directory.name.startswith(".wh."):  # OCI image-spec, layer.md, "Whiteouts"
            reason = f"{directory} is a whiteout, which deletes files of the image"
        elif str(directory) in SYMLINKS:
            reason = f"{directory} is a symlink, which the layer would replace by a directory"
        elif directory != path and str(directory) in SPECIAL_DIRECTORIES:
            properties = SPECIAL_DIRECTORIES[str(directory)]
            reason = f"{directory} is {properties}, which the layer would change"
        elif path == path.parent:
            reason = "it is the root directory"
        if reason:
            problem = f"The static files cannot be at {path}: {reason}."
            raise StaticRootInvalid(problem, "Use another path, such as --at /app/staticfiles.")
