"""Opens the store that an image reference belongs to."""

from __future__ import annotations

from contextlib import AbstractContextManager

from buildstatic.oci.reference import (
    ArchiveReference,
    EngineReference,
    LayoutReference,
    Reference,
    RegistryReference,
    names_registry,
    parse_reference,
    with_tag,
)
from buildstatic.oci.stores.base import ImageSource, ImageTarget


def find_image(text: str) -> Reference:
    """Return the reference of the existing image *text*; raises ImageReferenceInvalid.

    As for ``docker``, a name without a registry is an image of the local engine if the engine has
    it, else of Docker Hub.
    """
    reference = parse_reference(text)
    if isinstance(reference, RegistryReference) and not names_registry(text):
        from buildstatic.oci.stores.engine import has_image

        local = EngineReference(with_tag(text))
        return local if has_image(local) else reference
    return reference


def open_source(
    reference: Reference, *, insecure: bool = False
) -> AbstractContextManager[ImageSource]:
    """Open an image to be read; the context manager releases its files and connections.

    *insecure* allows a registry without TLS, or with an untrusted certificate.
    """
    match reference:
        case LayoutReference():
            from buildstatic.oci.stores.layout import read_layout

            return read_layout(reference)
        case ArchiveReference():
            from buildstatic.oci.stores.archive import read_archive

            return read_archive(reference)
        case EngineReference():
            from buildstatic.oci.stores.engine import read_engine

            return read_engine(reference)
        case RegistryReference():
            from buildstatic.oci.stores.registry import read_registry

            return read_registry(reference, insecure=insecure)


def open_target(
    reference: Reference, *, insecure: bool = False
) -> AbstractContextManager[ImageTarget]:
    """Open a store to write an image. If the block raises, the reference is left unchanged.

    *insecure* allows a registry without TLS, or with an untrusted certificate.
    """
    match reference:
        case LayoutReference():
            from buildstatic.oci.stores.layout import write_layout

            return write_layout(reference)
        case ArchiveReference():
            from buildstatic.oci.stores.archive import write_archive

            return write_archive(reference)
        case EngineReference():
            from buildstatic.oci.stores.engine import write_engine

            return write_engine(reference)
        case RegistryReference():
            from buildstatic.oci.stores.registry import write_registry

            return write_registry(reference, insecure=insecure)
