"""Opens the store that an image reference belongs to."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from buildstatic.errors import ImageNotFound
from buildstatic.oci.reference import (
    ArchiveReference,
    EngineReference,
    LayoutReference,
    Reference,
    RegistryReference,
    is_path,
    names_registry,
    parse_reference,
    with_tag,
)
from buildstatic.oci.stores.base import ImageSource, ImageTarget


def find_image(text: str) -> Reference:
    """Return the reference of the existing image *text*.

    As for ``docker``, a name without a registry is an image of the local engine if the engine has
    it, else of Docker Hub. A path is that of an OCI layout or of an archive. Raises
    ImageReferenceInvalid, and ImageNotFound for a path that does not exist.
    """
    if is_path(text):
        path = Path(text)
        if not path.exists():
            problem = f"There is no file or directory {text}."
            raise ImageNotFound(problem, "Check the path, or name an image: docker:NAME.")
        return LayoutReference(path) if path.is_dir() else ArchiveReference(path)
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
