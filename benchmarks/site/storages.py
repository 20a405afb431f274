"""Storages as projects write them, with overrides that collecting calls."""

from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from pipeline.storage import PipelineMixin
from whitenoise.storage import CompressedManifestStaticFilesStorage


class Lenient(ManifestStaticFilesStorage):
    """Keeps the name of a file that is missing."""

    def hashed_name(self, name, content=None, filename=None):
        """Return the fingerprinted *name*, or *name* itself."""
        try:
            return super().hashed_name(name, content, filename)
        except ValueError:
            return name


class Wrapped(CompressedManifestStaticFilesStorage):
    """Leaves broken references alone."""

    def post_process(self, *args, **kwargs):
        """Yield what WhiteNoise does, but for ValueError."""
        for name, hashed_name, processed in super().post_process(*args, **kwargs):
            if isinstance(processed, ValueError):
                yield name, hashed_name, False
            else:
                yield name, hashed_name, processed


class Pipeline(PipelineMixin, ManifestStaticFilesStorage):
    """Django-pipeline's manifest storage."""
