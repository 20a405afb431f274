"""Whether the layer of the static files can be below that of the code."""

from __future__ import annotations

from contextlib import suppress

from buildstatic.dockerfile.ignore_patterns import is_excluded, may_except_below, read_patterns
from buildstatic.dockerfile.static_root import static_root_in_context
from buildstatic.errors import ConfigInvalid
from buildstatic.project import Project
from buildstatic.project.remote_storage import LOCAL
from buildstatic.project.static_files import contains_needed


def can_be_below_code(project: Project, dockerignore: str) -> bool:
    """Return whether no file of the code can replace one of the static layer.

    So *dockerignore*, the text of the ignore file, has to exclude STATIC_ROOT, which has to be
    known, no front-end may build into it, and the storage has to be one that is known to write
    nothing elsewhere.
    """
    if project.static_root is None:
        return False
    storage = project.storage.value.partition(".")[0] if project.storage else "django"
    if storage not in LOCAL or any(fact.value.build for fact in project.frontends):
        return False
    place = static_root_in_context(project)
    if place is None:
        return True
    if place == "." or contains_needed(project, place):
        return False
    with suppress(ConfigInvalid):  # the build reports the pattern
        patterns = read_patterns(dockerignore)
        return is_excluded(patterns, place) and not may_except_below(patterns, place)
    return False
