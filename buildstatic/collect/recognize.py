"""Which storages are known well enough to be collected for without running their own code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import FunctionType
from typing import Any

DJANGO = "django.contrib.staticfiles.storage"
WHITENOISE = "whitenoise.storage"
PLAIN = (f"{DJANGO}.StaticFilesStorage", f"{WHITENOISE}.CompressedStaticFilesStorage")
MANIFEST = (
    f"{DJANGO}.ManifestStaticFilesStorage",
    f"{WHITENOISE}.CompressedManifestStaticFilesStorage",
)
# What makes an attribute more than data: a class with it behaves in another way.
BEHAVIOUR = (FunctionType, staticmethod, classmethod, property)


@dataclass(frozen=True)
class Kind:
    """A known storage: whether it fingerprints, and whether it compresses."""

    fingerprints: bool
    compresses: bool


def recognize(storage: Any) -> Kind | str:
    """Return the kind of *storage*, or the reason why its own code has to run."""
    if getattr(storage, "keep_intermediate_files", False):
        return "it keeps intermediate files"
    for kind in type(storage).__mro__:
        name = f"{kind.__module__}.{kind.__qualname__}"
        if name in (*PLAIN, *MANIFEST):
            return _known(storage, name)
        if changed := next(_behaviour(kind), None):
            return f"{kind.__module__}.{kind.__qualname__} has a {changed} of its own"
    return "it is made from none that is known"


def _known(storage: Any, name: str) -> Kind | str:
    changed = next(_behaviour(storage), None)
    if changed:
        return f"its {changed} was replaced"
    return Kind(name in MANIFEST, name.startswith(WHITENOISE))


def _behaviour(holder: Any) -> Iterator[str]:
    """Yield the names of what is no data in a class or an instance."""
    for name, value in vars(holder).items():
        is_code = isinstance(value, BEHAVIOUR) or hasattr(type(value), "__set_name__")
        if is_code and name not in ("__annotate_func__", "__annotate__"):
            yield name
