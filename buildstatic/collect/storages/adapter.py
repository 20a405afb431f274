"""What the collector needs to know about a storage: one `Adapter` for each known class."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PACKAGES = ("django", "whitenoise", "servestatic")
# Packages whose code runs in memory: all that it does to files goes through the storage.
OTHER_PACKAGES = ("django_manifeststaticfiles_enhanced", "static_compress")
_MODULE = "django.contrib.staticfiles.storage"


@dataclass(frozen=True)
class CompressionRules:
    """What a storage compresses: files whose names *fit*, into *formats*.

    *codecs* are its own codecs by format, *levels* its own levels, *suffixes* its suffixes that
    differ from the format. With *keeps_all*, variants are kept that are not smaller than the file.
    With *chained*, no other format is tried if brotli's is not kept.
    """

    formats: tuple[str, ...]
    fits: Callable[[str], bool]
    chained: bool = True
    keeps_all: bool = False
    codecs: Mapping[str, str] = field(default_factory=dict)
    levels: Mapping[str, int] = field(default_factory=dict)
    suffixes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class FinishedTree:
    """The tree when all but the manifest is written; the paths in *gone* will be removed.

    *layer_root* is the layer root that it is in, if any.
    """

    gone: frozenset[str]
    layer_root: Path | None


@dataclass(frozen=True)
class Adapter:
    """A known storage, and what it does besides storing files.

    *fingerprints*: it fingerprints as Django's ``HashedFilesMixin`` does, and *removes_originals*
    tells whether the files lose their own names (None: never). *compression* returns what it
    compresses, and is None if it does not. *refuses* returns why an instance must still run its own
    code, or an empty string. *complete* lets the storage add to the manifest that it has saved.
    """

    fingerprints: bool = False
    compression: Callable[[Any], CompressionRules] | None = None
    refuses: Callable[[Any], str] | None = None
    removes_originals: Callable[[Any], bool] | None = None
    complete: Callable[[Any, FinishedTree], None] | None = None


DJANGO = {
    f"{_MODULE}.StaticFilesStorage": Adapter(),
    f"{_MODULE}.ManifestStaticFilesStorage": Adapter(fingerprints=True),
}
