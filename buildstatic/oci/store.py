"""Where images are: what every store can do, and the store that a name is in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import IO, Protocol

from buildstatic.errors import ImageInvalid
from buildstatic.oci.documents import (
    Config,
    Descriptor,
    Document,
    Index,
    Manifest,
    images_in,
    parse,
)
from buildstatic.oci.documents import parse_config as _parse_config
from buildstatic.oci.reference import (
    ArchiveReference,
    EngineReference,
    LayoutReference,
    Reference,
    RegistryReference,
    is_local,
    parse_reference,
    with_tag,
)
from buildstatic.oci.stream import Part, read_document

Opener = Callable[[], AbstractContextManager[IO[bytes]]]


class Source(Protocol):
    """One image in a store, to be read. Every byte read is checked against its digest."""

    @property
    def reference(self) -> Reference:
        """What the image was named."""

    def resolve(self) -> Document:
        """Return the manifest or the index that the name stands for; raises ImageNotFound."""

    def open_blob(self, descriptor: Descriptor) -> AbstractContextManager[IO[bytes]]:
        """Open a blob, or a manifest of an index, as a stream.

        Opening or reading raises ImageInvalid where it is missing or not what its digest says.
        """

    def open_part(self, descriptor: Descriptor) -> AbstractContextManager[Part | None]:
        """Open the file on the disk that a blob is in; None where it is in none.

        Nothing of it is checked. Raises ImageInvalid where it is missing.
        """


class Target(Protocol):
    """One image in a store, to be written: blobs, then manifests, the named one last.

    Until `put_image` returns, the name stands for what it did before.
    """

    @property
    def reference(self) -> Reference:
        """What the image will be named."""

    @property
    def platform(self) -> str | None:
        """The one platform that the store takes, as ``os/architecture``; None for any number."""

    def has_blob(self, descriptor: Descriptor) -> bool:
        """Tell whether the blob is there already."""

    def mount_blob(self, descriptor: Descriptor, source: Reference) -> bool:
        """Take the blob from *source* without moving its bytes; tell whether that was possible."""

    def put_blob(self, descriptor: Descriptor, content: Opener) -> None:
        """Store the blob.

        *content* opens its bytes as a checked stream, more than once where it must be tried again.
        """

    def put_manifest(self, document: Document) -> None:
        """Store a manifest that the image, an index, names."""

    def put_image(self, document: Document) -> None:
        """Store the manifest or the index, and let the name stand for it."""


def find_image(text: str) -> Reference:
    """Return which image *text* names, as a source: without a registry, the engine's if it has it.

    That is where ``docker`` looks first; else it is Docker Hub's. Raises ImageReferenceInvalid.
    """
    reference = parse_reference(text)
    if isinstance(reference, RegistryReference) and is_local(text):
        from buildstatic.oci.stores.engine import has_image

        here = EngineReference(with_tag(text))
        return here if has_image(here) else reference
    return reference


def open_source(reference: Reference, *, insecure: bool = False) -> AbstractContextManager[Source]:
    """Open the image of the name *reference*; what is used of it is released at the end.

    *insecure* allows a registry without TLS, or with a certificate that is not trusted.
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


def open_target(reference: Reference, *, insecure: bool = False) -> AbstractContextManager[Target]:
    """Open a store to write an image of the name *reference*.

    Where the block raises, what the name stood for is what it stands for still.
    """
    match reference:
        case LayoutReference():
            from buildstatic.oci.stores.layout import write_layout

            return write_layout(reference)
        case ArchiveReference():
            from buildstatic.oci.stores.archive_writer import write_archive

            return write_archive(reference)
        case EngineReference():
            from buildstatic.oci.stores.engine import write_engine

            return write_engine(reference)
        case RegistryReference():
            from buildstatic.oci.stores.registry import write_registry

            return write_registry(reference, insecure=insecure)


def read_blob(source: Source, descriptor: Descriptor) -> Document:
    """Return the document that *descriptor* names: a manifest, a configuration."""
    with source.open_blob(descriptor) as stream:
        return Document(descriptor, read_document(stream, descriptor, str(source.reference)))


def is_there(source: Source, entry: Descriptor) -> bool:
    """Tell whether *source* has what the *entry* of its index names.

    An engine may keep one platform of several, and save the index whole. Anywhere else, what is
    missing is an error of whoever reads it.
    """
    if not isinstance(source.reference, EngineReference):
        return True
    try:
        with source.open_part(entry):
            return True
    except ImageInvalid:
        return False


def images_of(source: Source, index: Index) -> Iterator[Descriptor]:
    """Yield the images of *index* that *source* has, and those of the indexes in it."""

    def read(entry: Descriptor) -> Manifest | Index:
        if not is_there(source, entry):
            return Index(entry.media_type, ())
        return parse(read_blob(source, entry), str(source.reference))

    return (each for each in images_in(index, read) if is_there(source, each))


def read_config(source: Source, manifest: Manifest) -> Config:
    """Return the configuration of *manifest*; raises ImageInvalid."""
    where = f"{source.reference}: the configuration {manifest.config.digest}"
    return _parse_config(read_blob(source, manifest.config), where)
