"""Where a source may go: no further than the tree, by the rule that Django has for names."""

from __future__ import annotations

import re
from collections.abc import Iterable

from buildstatic.collect.sources import Source
from buildstatic.errors import CollectFailed

# What may be wrong with a path; what is, says Django.
_ODD = re.compile(r"^/|\.\.|(?:^|/)\.?$")


def check_path(source: Source) -> None:
    """Raise SuspiciousFileOperation, as Django would, for a *source* that leads out of the tree."""
    if _ODD.search(source.path):
        from django.core.files.utils import validate_file_name

        validate_file_name(source.path, allow_relative_path=True)


def check_paths(sources: Iterable[Source]) -> None:
    """Raise `CollectFailed` for the first of *sources* that `check_path` refuses."""
    from django.core.exceptions import SuspiciousFileOperation

    for source in sources:
        try:
            check_path(source)
        except SuspiciousFileOperation as error:
            problem = f"{_place(source)} cannot be collected: {error}."
            advice = "Rename it, or leave it out: --ignore PATTERN."
            raise CollectFailed(problem, advice) from error


def _place(source: Source) -> str:
    """Return where *source* is; a storage need not know what it was itself made to offer."""
    from django.core.exceptions import SuspiciousFileOperation

    try:
        return source.place
    except SuspiciousFileOperation:
        return source.name
