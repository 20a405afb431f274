"""Methods of other packages' storages that do to files what Django's methods do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import FunctionType
from typing import Any

# By class and method: whether it does for a storage what Django's does.
_METHODS: Mapping[tuple[str, str], Callable[[Any], bool]] = {
    # It makes one directory at a time, and sets the mode of one that exists.
    ("django_manifeststaticfiles_enhanced.storage.ThreadSafeStorageMixin", "_save"): (
        lambda storage: storage.directory_permissions_mode is None
    ),
    # Else that of the variants.
    ("static_compress.mixin.CompressMixin", "get_modified_time"): (
        lambda storage: bool(storage.keep_original)
    ),
}


def methods_like_django(cls: type, storage: Any) -> Iterator[str]:
    """Yield the methods of *cls*, a class of *storage*, that do what Django's do."""
    for (name, method), is_like_django in _METHODS.items():
        if name != f"{cls.__module__}.{cls.__qualname__}":
            continue
        if defines(cls, method) and is_like_django(storage):
            yield method


def defines(cls: type, method: str) -> bool:
    """Tell whether *cls* has a *method* of its own, which no other module has replaced."""
    function = vars(cls).get(method)
    return (
        isinstance(function, FunctionType)
        and function.__globals__.get("__name__") == cls.__module__
    )
