"""Refuses a STATIC_ROOT on which a layer of its own would do damage.

``COPY --link`` brings the parents of what it copies as root's directories of mode 0755: a parent
that is a symlink is replaced, one of another owner or mode changed, in the final image.
"""

from __future__ import annotations

from pathlib import PurePosixPath

from buildstatic.dockerfile.generate import APP, tree_in_image
from buildstatic.errors import StaticRootInvalid
from buildstatic.oci.static_layer import WHITEOUT
from buildstatic.project import Project

# In Debian's images and in the generated one; what else there is, the collecting stage sees.
SYMLINKS = {"/bin", "/lib", "/lib32", "/lib64", "/sbin", "/var/lock", "/var/run", "/dev/fd"}
FOREIGN = {
    "/data": "the application's own",
    "/dev": "not kept in an image",
    "/proc": "not kept in an image",
    "/root": "of mode 0700",
    "/run/lock": "of mode 1777",
    "/sys": "not kept in an image",
    "/tmp": "of mode 1777",
    "/var/local": "of mode 2775",
    "/var/mail": "of mode 2775",
    "/var/tmp": "of mode 1777",
}
_ANOTHER = "Name another place, such as --at /app/staticfiles."


def check_place(project: Project) -> None:
    """Raise StaticRootInvalid where the project's STATIC_ROOT cannot be a layer of its own."""
    tree = PurePosixPath(tree_in_image(project))
    if str(tree) in ("/", APP):
        raise _refusal(project, f"{tree} holds more than the static files")
    for place in (tree, *tree.parents):
        if str(place) in SYMLINKS or (place != tree and _is_link(project, place)):
            raise _refusal(project, f"{place} is a symlink, and would be replaced by a directory")
        if str(place) in FOREIGN:
            raise _refusal(project, f"{place} is {FOREIGN[str(place)]}, and would be changed")


def check_at(place: PurePosixPath) -> None:
    """Raise StaticRootInvalid where a layer with *place*, an absolute path, would do damage.

    What there is in the image is not known; these are the places of Debian's.
    """
    for parent in (place, *place.parents):
        if parent.name.startswith(WHITEOUT):
            problem = f"{parent} would remove something of the image: in a layer, {WHITEOUT} does."
            raise StaticRootInvalid(problem, _ANOTHER)
        why = FOREIGN.get(str(parent)) if parent != place else None
        if str(parent) in SYMLINKS:
            why = "a symlink"
        if why or place.parent == place:
            problem = f"A layer with {place} would change {parent}: it is {why or 'the root'}."
            raise StaticRootInvalid(problem, _ANOTHER)


def _is_link(project: Project, parent: PurePosixPath) -> bool:
    inside = parent.is_relative_to(APP) and parent != PurePosixPath(APP)
    return inside and (project.root / parent.relative_to(APP)).is_symlink()


def _refusal(project: Project, reason: str) -> StaticRootInvalid:
    where = f" ({project.static_root.source})" if project.static_root else ""
    problem = f"STATIC_ROOT is {tree_in_image(project)} in the image{where}: {reason}."
    return StaticRootInvalid(
        problem, 'Set another one, such as STATIC_ROOT = BASE_DIR / "staticfiles".'
    )
