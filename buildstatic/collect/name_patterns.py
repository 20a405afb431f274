"""Match names with Django's patterns at once, instead of with one after another."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache


def matches_patterns(name: str, patterns: Iterable[str]) -> bool:
    """Tell whether *name* matches one of *patterns*, those of ``fnmatchcase``.

    So does ``matches_patterns`` of django/contrib/staticfiles/utils.py.
    """
    return _any_of(tuple(patterns)).match(name) is not None


@lru_cache
def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(fnmatch.translate, patterns)) or "(?!)")


@contextmanager
def used_by_finders() -> Iterator[None]:
    """Let Django's finders use `matches_patterns` in the block: they call it twice for a file."""
    from django.contrib.staticfiles import utils

    original = utils.matches_patterns
    utils.matches_patterns = matches_patterns
    try:
        yield
    finally:
        utils.matches_patterns = original
