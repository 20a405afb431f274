"""Whether a storage keeps its files elsewhere: S3, Google Cloud, Azure and the like."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from buildstatic.errors import ConfigInvalid
from buildstatic.project import files
from buildstatic.project.search import Search

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
        "object",
    }
)


def is_remote(name: str, search: Search, seen: frozenset[str] = frozenset()) -> bool | None:
    """Say whether the class at the dotted path *name* is remote; None where that is unknown.

    A class of the project's own is what its bases are: remote if one of them is.
    """
    top = name.partition(".")[0]
    if name in seen:
        return None
    module, _, attribute = name.rpartition(".")
    bases = _bases(module, attribute, search) if module else None
    if bases is None:
        return True if top in REMOTE else False if top in LOCAL else None
    found = [is_remote(base, search, seen | {name}) for base in bases]
    if True in found:
        return True
    return None if None in found or not found else False


def _bases(module: str, name: str, search: Search) -> list[str] | None:
    """Return the dotted paths that *name* in the project's *module* is made from.

    None where there is no such module in the project; an empty list where it has no such name.
    """
    path = search.module(module)
    if path is None:
        return None
    try:
        tree = files.read_python(path, search.root)
    except ConfigInvalid:
        return []
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    return [
        base
        for node in _statements(tree.body)
        for base in _made_from(node, name, module, package, tree)
    ]


def _statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a module, those within ``if`` and ``try`` too."""
    for node in body:
        yield node
        for part in ("body", "orelse", "handlers", "finalbody"):
            if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                for inner in getattr(node, part, []):
                    yield from _statements(
                        inner.body if isinstance(inner, ast.ExceptHandler) else [inner]
                    )


def _made_from(
    node: ast.stmt, name: str, module: str, package: str, tree: ast.Module
) -> Iterator[str]:
    match node:
        case ast.ClassDef(name=found, bases=bases) if found == name:
            for base in bases:
                yield _resolved(_dotted(base), module, package, tree)
        case ast.Assign(targets=[ast.Name(id=found)], value=value) if found == name:
            yield _resolved(_maker(value), module, package, tree)
        case ast.FunctionDef(name=found, body=body) if found == name:
            for inner in body:
                if isinstance(inner, ast.Return) and inner.value:
                    yield _resolved(_maker(inner.value), module, package, tree)
        case ast.ImportFrom(names=names):
            for alias in names:
                if (alias.asname or alias.name) == name:
                    yield f"{_origin(node, package)}.{alias.name}"


def _maker(node: ast.expr) -> str:
    """Return the class behind ``lambda: Storage(location="s")`` and ``partial(Storage, …)``."""
    match node:
        case ast.Lambda(body=body):
            return _maker(body)
        case ast.Call(func=function, args=args):
            is_partial = _dotted(function).rpartition(".")[2] == "partial"
            return _maker(args[0]) if is_partial and args else _dotted(function)
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


def _resolved(dotted: str, module: str, package: str, tree: ast.Module) -> str:
    """Return the full dotted path of what *dotted* names in *module*, by its imports."""
    top, _, rest = dotted.partition(".")
    for node in _statements(tree.body):
        match node:
            case ast.Import(names=names):
                origins = {
                    alias.asname or alias.name.partition(".")[0]: (
                        alias.name if alias.asname else alias.name.partition(".")[0]
                    )
                    for alias in names
                }
            case ast.ImportFrom(names=names):
                origin = _origin(node, package)
                origins = {alias.asname or alias.name: f"{origin}.{alias.name}" for alias in names}
            case _:
                continue
        if top in origins:
            return f"{origins[top]}.{rest}" if rest else origins[top]
    return dotted if dotted in ("object", "?") else f"{module}.{dotted}"


def _origin(node: ast.ImportFrom, package: str) -> str:
    """Return the full name of the module that *node* imports from."""
    parts = package.split(".")
    above = parts[: len(parts) - node.level + 1] if node.level else []
    return ".".join([*above, *([node.module] if node.module else [])])
