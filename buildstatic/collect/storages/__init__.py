"""Recognize how much of a storage's own code has to run, and where."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass, replace
from types import FunctionType
from typing import Any

from buildstatic.collect.request import CollectOptions
from buildstatic.collect.staticfiles import unwrap
from buildstatic.collect.storages.adapter import DJANGO, Adapter
from buildstatic.collect.storages.called import (
    AFTER,
    FILE_METHODS,
    HOOKS,
    NAMING,
    PROCESSING,
    SETTINGS,
    STATE,
    STATS,
    UNUSED_SPECIAL,
)
from buildstatic.collect.storages.disk_access import unknown_call
from buildstatic.collect.storages.like_django import methods_like_django
from buildstatic.collect.storages.static_compress import mixin_methods, with_mixin
from buildstatic.collect.storages.whitenoise import SERVESTATIC, WHITENOISE

_ADAPTERS: dict[str, Adapter] = {**DJANGO, **WHITENOISE, **SERVESTATIC}
_PACKAGES = {name.partition(".")[0] for name in _ADAPTERS}
# Attributes that Python adds to a class for its annotations and instances.
_ADDED_BY_PYTHON = ("__annotate__", "__annotate_func__", "__dict__", "__weakref__")


@dataclass(frozen=True)
class Recognition:
    """How a storage is collected.

    By the collector alone if there is an *adapter* and no *reason*; with *reason*, the storage's
    own code runs on a tree in memory if there is an *adapter*, else on the disk. *is_local*: the
    files are kept on this disk.
    """

    adapter: Adapter | None
    reason: str = ""
    is_local: bool = True

    @property
    def in_memory(self) -> bool:
        """Whether the storage's own code runs on a tree in memory."""
        return self.adapter is not None and bool(self.reason)

    def describe(self) -> str:
        """Return where the storage's own code runs, and why; empty if it does not."""
        if not self.reason:
            return ""
        place = " in memory" if self.in_memory else ", as with Django alone"
        return f"Collecting runs the storage's own code{place}, because {self.reason}."

    def under(self, options: CollectOptions) -> Recognition:
        """Return how the storage is collected with *options*, some of which need Django's loop."""
        if self.adapter is None or not (options.link or options.dry_run):
            return self
        reason = "--link creates links" if options.link else "--dry-run writes nothing"
        return replace(self, adapter=None, reason=reason)

    def option_warnings(self, options: CollectOptions) -> list[str]:
        """Return a warning for the given *options* that have no effect, if there are any.

        A dry run does nothing with any option. Equal files in a layer root are always linked.
        """
        if options.dry_run or not self.reason:
            return []
        if self.in_memory:
            given, code = {"--missing-maps"} & set(options.explicit), "the storage's own code"
        else:
            effective = {"--hardlinks"} if options.layer_root else set()
            if self.is_local and not options.link:
                effective |= {"--compress", "--formats", "--reuse"}
            given, code = set(options.explicit) - effective, "Django's own code"
        if not given:
            return []
        names = ", ".join(option for option in options.explicit if option in given)
        verb = "has" if len(given) == 1 else "have"
        return [f"{names} {verb} no effect: {code} is used, because {self.reason}."]


def recognize(storage: Any) -> Recognition:
    """Return how *storage* can be collected.

    A class of the installed packages is known, and so is a subclass, or one with a mixin, that
    overrides nothing that collecting calls.
    """
    from django.core.files.storage import FileSystemStorage

    if not isinstance(storage, FileSystemStorage):
        return Recognition(None, "its storage class is not supported", is_local=False)
    known = next((cls for cls in type(storage).__mro__ if _name(cls) in _ADAPTERS), None)
    adapter = with_mixin(_ADAPTERS[_name(known)] if known else Adapter(), storage)
    methods = FILE_METHODS | PROCESSING
    if adapter.fingerprints:
        methods |= HOOKS
    if adapter.complete:
        methods |= STATS
    if known is None:
        reason = f"its class {_name(type(storage))} is not derived from a supported one"
    else:
        reason = next(_overrides(storage, known, methods), "")
    if adapter.fingerprints and not reason and storage.keep_intermediate_files:
        reason = "it keeps intermediate files"
    refused = adapter.refuses(storage) if adapter.refuses else ""
    refused = refused or _manifest_elsewhere(storage)
    if reason and not refused:
        refused = _needs_disk(storage, reason)
    return Recognition(None, refused) if refused else Recognition(adapter, reason)


def _needs_disk(storage: Any, reason: str) -> str:
    """Return why the own code of *storage* cannot run on a tree in memory, empty if it can.

    *reason* is why it has to run at all.
    """
    on_disk = (FILE_METHODS - NAMING) | STATS | {"create_compressor"}
    for changed in _overrides(storage, type(storage), on_disk):
        return changed
    names = HOOKS | PROCESSING | NAMING | AFTER.keys() | mixin_methods(storage)
    for name in _effective(storage, names):
        return f"its {name} was replaced"
    unknown = unknown_call(type(storage), names)
    if unknown in names:
        return reason
    return f"{reason}, and its code uses {unknown}" if unknown else ""


def _overrides(storage: Any, known: type, methods: Set[str]) -> Iterator[str]:
    """Yield what makes collecting into *storage* different from collecting into *known*.

    *methods* are those that collecting calls. Methods, descriptors and callables count as code.
    """
    passed = set()
    for cls in type(storage).__mro__[:-1]:
        passed.add(_name(cls))
        called = methods | {name for name, after in AFTER.items() if after in passed}
        if _is_own(cls.__module__) and cls in known.__mro__:
            for name in _patched(cls):
                if name in called or name in STATE or name in SETTINGS or _is_special(name):
                    yield f"{_name(cls)}.{name} was replaced"
        else:
            for name in _effective(cls, called - set(methods_like_django(cls, storage))):
                yield f"{_name(cls)} has its own {name}"
    for name in _effective(storage, methods):
        yield f"its {name} was replaced"


def _effective(holder: Any, methods: Set[str]) -> Iterator[str]:
    """Yield the attributes of a class or an instance that are code that collecting runs."""
    code = set(_code(holder))
    for name in vars(holder):
        if name in methods or (name in code and (name in STATE or _is_special(name))):
            yield name


def _is_special(name: str) -> bool:
    return name.startswith("__") and name.endswith("__") and name not in UNUSED_SPECIAL


def _manifest_elsewhere(storage: Any) -> str:
    """Return where *storage* keeps its manifest, empty for a directory on this disk."""
    from django.core.files.storage import FileSystemStorage

    manifest_storage = unwrap(getattr(storage, "manifest_storage", storage))
    if manifest_storage is storage:
        return ""
    cls = type(manifest_storage)
    if not isinstance(manifest_storage, FileSystemStorage):
        return f"it keeps its manifest in a {cls.__name__}"
    known = cls if _is_own(cls.__module__) else FileSystemStorage
    changed = next(_overrides(manifest_storage, known, FILE_METHODS), "")
    return f"its manifest storage was changed: {changed}" if changed else ""


def _name(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _is_own(module: str) -> bool:
    return module.partition(".")[0] in _PACKAGES


def _code(holder: Any) -> Iterator[str]:
    """Yield the names of the attributes of a class or an instance that are not data."""
    for name, value in vars(holder).items():
        if name not in _ADDED_BY_PYTHON and (callable(value) or _is_descriptor(value)):
            yield name


def _is_descriptor(value: Any) -> bool:
    return any(hasattr(type(value), name) for name in ("__get__", "__set__", "__set_name__"))


def _patched(cls: type) -> Iterator[str]:
    """Yield the names of the attributes of *cls* that code of another package has set."""
    for name in _code(cls):
        function = _function(vars(cls)[name])
        if function is None or not _is_own(function.__globals__.get("__name__", "")):
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
