"""What collecting calls on a storage is what the installed packages call."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.staticfiles.management.commands.collectstatic import Command

from buildstatic.collect.storages import called
from tests.collect.storages import (
    CompressedManifestStaticFilesStorage,
    CompressedStaticFilesStorage,
    ManifestStaticFilesStorage,
    StaticFilesStorage,
    servestatic,
)

PACKAGES = ("django", "whitenoise", "servestatic")
ALWAYS = called.FILE_METHODS | called.PROCESSING | called.SETTINGS | called.STATE
# In some of the versions only.
VERSIONED = {
    "OS_OPEN_FLAGS",
    "_allow_overwrite",
    "get_ignored_blocks",
    "is_in_ignored_block",
    "is_name_available",
}
FINGERPRINTING = (
    ManifestStaticFilesStorage,
    CompressedManifestStaticFilesStorage,
    servestatic.CompressedManifestStaticFilesStorage,
)
OTHERS = (
    StaticFilesStorage,
    CompressedStaticFilesStorage,
    servestatic.CompressedStaticFilesStorage,
)


@pytest.mark.parametrize("kind", [*FINGERPRINTING, *OTHERS], ids=lambda k: f"{k.__module__}.{k}")
def test_every_name_that_collecting_looks_up_is_listed(kind: type) -> None:
    hooks = called.HOOKS if kind in FINGERPRINTING else frozenset()
    if hooks and kind.__module__ == servestatic.__name__:
        hooks |= called.STATS
    assert {name for name, place in looked_up(kind) if place == 0} <= ALWAYS | hooks


def test_no_other_name_is_listed() -> None:
    found = {name for kind in FINGERPRINTING for name, _ in looked_up(kind)}
    assert (ALWAYS | called.HOOKS | called.STATS) - found <= VERSIONED


@pytest.mark.parametrize("kind", FINGERPRINTING, ids=lambda k: f"{k.__module__}.{k}")
def test_names_that_only_later_classes_change_are_listed(kind: type) -> None:
    found = looked_up(kind)
    names = {name for name, _ in found}
    later = {n: max(p for m, p in found if m == n) for n in names if (n, 0) not in found}
    before = {name: kind.__mro__[place - 1] for name, place in later.items()}
    assert {name: f"{c.__module__}.{c.__qualname__}" for name, c in before.items()} == called.AFTER


def looked_up(kind: type) -> set[tuple[str, int]]:
    """Return the names that collecting into a *kind* looks up, and from which class in its MRO on.

    Those that collectstatic looks up on its storage, and what their functions look up on ``self``
    and on ``super()``.
    """
    found: set[tuple[str, int]] = set()
    pending = [(name, 0) for name in attributes(Command, "self.storage")]
    while pending:
        name, start = lookup = pending.pop()
        if lookup in found:
            continue
        found.add(lookup)
        for place, cls in enumerate(kind.__mro__[start:-1], start):
            if name in vars(cls):
                if function := function_of(vars(cls)[name]):
                    pending += [(other, 0) for other in attributes(function, "self")]
                    pending += [(other, place + 1) for other in attributes(function, "super()")]
                break
    return found


def attributes(code: Any, holder: str) -> Iterator[str]:
    """Yield the attributes of *holder*, an expression, in the source of *code*."""
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(code)))):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == holder:
            yield node.attr


def function_of(value: Any) -> Any:
    value = getattr(value, "__func__", value)
    value = getattr(value, "fget", None) or getattr(value, "func", None) or value
    return value if inspect.isfunction(value) else None
