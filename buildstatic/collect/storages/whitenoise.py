"""WhiteNoise's storages (whitenoise/storage.py): Django's, with compressed variants."""

from __future__ import annotations

from typing import Any

from buildstatic.collect.storages import django
from buildstatic.collect.storages.adapter import Adapter, Compression, Originals

PACKAGE = "whitenoise"


def _compression(storage: Any) -> Compression:
    """Ask the compressor that the storage creates."""
    from django.conf import settings

    extensions = getattr(settings, "WHITENOISE_SKIP_COMPRESS_EXTENSIONS", None)
    compressor = storage.create_compressor(extensions=extensions, quiet=True)
    uses = {"br": compressor.use_brotli, "gz": compressor.use_gzip}
    formats = tuple(suffix for suffix, is_on in uses.items() if is_on)
    return Compression(formats, compressor.should_compress)


def originals(storage: Any) -> Originals:
    """Return what happens to the originals (``post_process_with_compression``)."""
    return Originals.REMOVED if storage.keep_only_hashed_files else Originals.KEPT


ADAPTERS = {
    f"{PACKAGE}.storage.CompressedStaticFilesStorage": Adapter(compression=_compression),
    f"{PACKAGE}.storage.CompressedManifestStaticFilesStorage": Adapter(
        django.fingerprinting(originals), _compression, django.refuses
    ),
}
