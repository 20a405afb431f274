"""django-static-compress: a mixin that compresses after the ``post_process`` of a storage.

It compresses the files of at least `minimum_kb` with one of `allowed_extensions`, a fingerprinted
one only under that name, and keeps every variant (static_compress/mixin.py).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from buildstatic.collect.storages.adapter import Adapter, CompressionRules
from buildstatic.collect.storages.like_django import defines

_MODULE = "static_compress.mixin"
_COMPRESSORS = "static_compress.compressors"
_ZOPFLI = f"{_COMPRESSORS}.ZopfliCompressor"
# The formats that its compressors make.
_FORMATS = {
    f"{_COMPRESSORS}.BrotliCompressor": "br",
    f"{_COMPRESSORS}.ZlibCompressor": "gz",
    _ZOPFLI: "gz",
}
# Its methods that the collector calls, in memory and for `CompressionRules`.
_CALLED = frozenset({"_get_dest_path", "_is_file_allowed"})
# The iterations of ``zopfli.gzip.compress`` without an argument.
_ITERATIONS = 15


def mixin_of(storage: Any) -> Any:
    """Return the mixin that *storage* has, None if there is none, or if it was changed."""
    for cls in type(storage).__mro__:
        if (cls.__module__, cls.__qualname__) == (_MODULE, "CompressMixin"):
            return cls if defines(cls, "post_process") else None
    return None


def mixin_methods(storage: Any) -> frozenset[str]:
    """Return the methods of the mixin that collecting into *storage* calls, if it has that."""
    return _CALLED if mixin_of(storage) else frozenset()


def with_mixin(adapter: Adapter, storage: Any) -> Adapter:
    """Return *adapter* for *storage*, with the compression of the mixin if it has that."""
    if mixin_of(storage) is None:
        return adapter
    if adapter.compression:
        return replace(adapter, refuses=lambda _: "two packages compress its files")
    if unknown := _compressors(storage) - _FORMATS.keys():
        reason = f"its compressor {min(unknown)} is not known"
        return replace(adapter, refuses=lambda _: reason)
    return replace(adapter, compression=_compression)


def _compression(storage: Any) -> CompressionRules:
    names = _compressors(storage)
    uses_zopfli = _ZOPFLI in names
    return CompressionRules(
        tuple(_FORMATS[name] for name in names),
        storage._is_file_allowed,
        chained=False,
        keeps_all=True,
        codecs={"gz": "zopfli"} if uses_zopfli else {},
        levels={"gz": _ITERATIONS} if uses_zopfli else {},
    )


def _compressors(storage: Any) -> set[str]:
    classes = map(type, storage.compressors)
    return {f"{cls.__module__}.{cls.__qualname__}" for cls in classes}
