"""Which storages are known well enough to be collected for without running their own code."""

from __future__ import annotations

from collections.abc import Iterator
from types import FunctionType
from typing import Any

from buildstatic.collect.storages import KINDS, PACKAGES
from buildstatic.collect.storages.kind import Kind

__all__ = ["Kind", "recognize", "unwrapped"]

# What a class has besides its own: made by Python for its annotations and instances.
MADE = ("__annotate__", "__annotate_func__", "__dict__", "__weakref__")


def unwrapped(storage: Any) -> Any:
    """Return the storage behind a lazy one: ``staticfiles_storage``, ``default_storage``."""
    from django.utils.functional import LazyObject, empty

    while isinstance(storage, LazyObject):
        if storage._wrapped is empty:
            storage._setup()
        storage = storage._wrapped
    return storage


def recognize(storage: Any) -> Kind | str:
    """Return the kind of *storage*, or the reason why its own code has to run.

    Known is a class of the installed packages with everything above it, and a class that only sets
    data on top of that. Whatever can do something counts as code: methods, descriptors, callables.
    """
    known = next((kind for kind in type(storage).__mro__ if _name(kind) in KINDS), None)
    if known is None:
        return "it is made from none that is known"
    kind = KINDS[_name(known)]
    return _changed(storage, known) or kind.refuses(storage) or _elsewhere(storage) or kind


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _changed(storage: Any, known: type) -> str:
    """Return what makes *storage* do other than *known* does, empty for nothing."""
    for kind in type(storage).__mro__:
        if kind in known.__mro__ and _is_own(kind.__module__):
            if patched := next(_patched(kind), None):
                return f"{_name(kind)}.{patched} was replaced"
        elif kind is not object and (changed := next(_code(kind), None)):
            return f"{_name(kind)} has a {changed} of its own"
    replaced = next(_code(storage), None)
    return f"its {replaced} was replaced" if replaced else ""


def _elsewhere(storage: Any) -> str:
    """Return where *storage* keeps its manifest, empty if that is a directory on this disk."""
    from django.core.files.storage import FileSystemStorage

    keeper = unwrapped(getattr(storage, "manifest_storage", storage))
    if keeper is storage:
        return ""
    if not isinstance(keeper, FileSystemStorage):
        return f"it keeps its manifest in a {type(keeper).__name__}"
    changed = _changed(keeper, FileSystemStorage if _is_foreign(keeper) else type(keeper))
    return f"it keeps its manifest in a storage of which {changed}" if changed else ""


def _is_foreign(storage: Any) -> bool:
    return not _is_own(type(storage).__module__)


def _is_own(module: str) -> bool:
    return module.partition(".")[0] in PACKAGES


def _code(holder: Any) -> Iterator[str]:
    """Yield the names of what is no data in a class or an instance."""
    for name, value in vars(holder).items():
        if name not in MADE and (callable(value) or _is_descriptor(value)):
            yield name


def _is_descriptor(value: Any) -> bool:
    return any(hasattr(type(value), name) for name in ("__get__", "__set__", "__set_name__"))


def _patched(kind: type) -> Iterator[str]:
    """Yield the names of what was put into *kind* by others than those who wrote it."""
    for name, value in vars(kind).items():
        if name in MADE or not (callable(value) or _is_descriptor(value)):
            continue
        code = _function(value)
        if code is None or not _is_own(code.__globals__.get("__name__", "")):
            yield name


def _function(value: Any) -> FunctionType | None:
    """Return the function that runs when *value*, an attribute of a class, is used."""
    if isinstance(value, (staticmethod, classmethod)):
        value = value.__func__
    elif isinstance(value, property):
        value = value.fget
    elif _is_own(type(value).__module__):  # Django's cached_property
        value = getattr(value, "real_func", None)
    return value if isinstance(value, FunctionType) else None
