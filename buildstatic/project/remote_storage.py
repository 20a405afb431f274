"""Whether a storage class keeps its files elsewhere, by its package or the source of its bases."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from buildstatic.errors import ConfigInvalid
from buildstatic.project import files
from buildstatic.project.files import Search

# Packages whose storages keep files elsewhere: S3, Google Cloud, Azure and the like.
REMOTE = frozenset(
    {
        "storages",  # django-storages
        "django_s3_storage",
        "s3_folder_storage",
        "cloudinary_storage",
        "minio_storage",
        "django_minio_backend",
        "gcloudc",
        "django_google_cloud_storage",
        "djangoGoogleCloudStorage",
        "django_azure_storage",
        "azure_storage",
        "django_oss_storage",
        "qiniustorage",
        "swift",
        "django_backblaze_b2",
        "bunny_storage",
        "dropbox_storage",
        "uploadcare",
        "vercel_storage",
    }
)
LOCAL = frozenset(
    {
        "django",
        "whitenoise",
        "servestatic",
        "pipeline",
        "compressor",
        "sass_processor",
        "django_tenants",
        "tenant_schemas",
        "django_manifeststaticfiles_enhanced",
        "static_compress",
        "object",
    }
)


def is_remote(name: str, search: Search, seen: frozenset[str] = frozenset()) -> bool | None:
    """Return whether the storage class at the dotted path *name* is remote; None if unknown.

    A class of the project is remote if one of its bases is.
    """
    if name in seen:
        return None
    module, _, attribute = name.rpartition(".")
    path = search.module(module) if module else None
    if path is None:
        top = name.partition(".")[0]
        return True if top in REMOTE else False if top in LOCAL else None
    try:
        tree = files.read_python(path, search.root)
    except ConfigInvalid:
        return None
    bases = _ModuleSource(module, path.name == "__init__.py", tree).bases(attribute)
    results = [is_remote(base, search, seen | {name}) for base in bases]
    if True in results:
        return True
    return None if None in results or not results else False


@dataclass(frozen=True)
class _ModuleSource:
    """The source of a module of the project."""

    name: str
    is_package: bool
    tree: ast.Module

    def bases(self, name: str) -> Iterator[str]:
        """Yield the dotted paths that *name* is made from: bases, an assigned or imported class."""
        for node in _statements(self.tree.body):
            match node:
                case ast.ClassDef(name=found, bases=bases) if found == name:
                    yield from (self.resolve(_dotted(base)) for base in bases)
                case ast.Assign(targets=[ast.Name(id=found)], value=value) if found == name:
                    yield self.resolve(_created_class(value))
                case ast.FunctionDef(name=found, body=body) if found == name:
                    for inner in body:
                        if isinstance(inner, ast.Return) and inner.value:
                            yield self.resolve(_created_class(inner.value))
                case ast.ImportFrom(names=names):
                    for alias in names:
                        if (alias.asname or alias.name) == name:
                            yield f"{self.origin(node)}.{alias.name}"

    def resolve(self, dotted: str) -> str:
        """Return the full path of *dotted* by the module's imports."""
        top, _, rest = dotted.partition(".")
        for node in _statements(self.tree.body):
            origins: dict[str, str] = {}
            match node:
                case ast.Import(names=names):
                    for alias in names:
                        first = alias.name.partition(".")[0]
                        origins[alias.asname or first] = alias.name if alias.asname else first
                case ast.ImportFrom(names=names):
                    origin = self.origin(node)
                    for alias in names:
                        origins[alias.asname or alias.name] = f"{origin}.{alias.name}"
            if top in origins:
                return f"{origins[top]}.{rest}" if rest else origins[top]
        return dotted if dotted in ("object", "?") else f"{self.name}.{dotted}"

    def origin(self, node: ast.ImportFrom) -> str:
        """Return the full name of the module that *node* imports from."""
        package = self.name if self.is_package else self.name.rpartition(".")[0]
        parts = package.split(".")
        above = parts[: len(parts) - node.level + 1] if node.level else []
        return ".".join([*above, *([node.module] if node.module else [])])


def _statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a module, also those in ``if`` and ``try``."""
    for node in body:
        yield node
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for part in ("body", "orelse", "handlers", "finalbody"):
            for inner in getattr(node, part, []):
                is_handler = isinstance(inner, ast.ExceptHandler)
                yield from _statements(inner.body if is_handler else [inner])


def _created_class(node: ast.expr) -> str:
    """Return the class of ``lambda: Storage(location="s")`` or ``partial(Storage, …)``."""
    match node:
        case ast.Lambda(body=body):
            return _created_class(body)
        case ast.Call(func=function, args=args):
            is_partial = _dotted(function).rpartition(".")[2] == "partial"
            return _created_class(args[0]) if is_partial and args else _dotted(function)
        case _:
            return _dotted(node)


def _dotted(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=name):
            return f"{_dotted(value)}.{name}"
        case ast.Subscript(value=value):
            return _dotted(value)
        case _:
            return "?"
