"""Find out, before it runs, whether a storage's own code may do more than compute names and bytes.

What it calls of Django and of a few modules of the standard library is known to be harmless.
Anything else may open files or start programs, and needs the collected files on disk.
"""

from __future__ import annotations

import builtins
import contextlib
import dis
import importlib
import inspect
import logging
import re
import sys
from collections.abc import Iterable, Iterator
from itertools import chain
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

from buildstatic.collect.storages.adapter import OTHER_PACKAGES, PACKAGES

_MODULES = frozenset(
    {
        *("_collections_abc", "_io", "_json", "_operator", "_sre", "abc", "base64", "binascii"),
        *("collections", "collections.abc", "contextlib", "copy", "dataclasses", "enum", "errno"),
        *("fnmatch", "functools", "_functools", "hashlib", "_hashlib", "io", "itertools", "json"),
        *("json.decoder", "json.encoder", "logging", "math", "mimetypes", "operator", "posixpath"),
        *("re", "string", "time", "traceback", "typing", "unicodedata", "urllib", "urllib.parse"),
        *("warnings", "zlib", "_warnings", "_md5", "_sha1", "_sha2", "_blake2"),
    }
)
# django-pipeline's packages: it finds and reads sources, and packs them into the storage.
_PACKERS = frozenset({"pipeline.packager"})
_UNSAFE = {
    "posixpath": {"abspath", "expanduser", "ismount", "lexists", "realpath"},
    "io": {"FileIO", "open", "open_code"},
    "_io": {"FileIO", "open", "open_code"},
    "builtins": {"__import__", "breakpoint", "compile", "eval", "exec", "input", "open"},
    "mimetypes": {"init", "read_mime_types"},
    "hashlib": {"file_digest"},
    "logging": {"FileHandler", "basicConfig"},
}
_UNSAFE_PACKAGES = ("django.core.files.move", "django.core.files.temp", "django.core.management")
_UNSAFE_CLASSES = {"FileSystemStorage", "StaticFilesStorage", "get_storage_class"}
# Those of ``pathlib.Path``, which settings may be, that no storage or file has.
_PATH_METHODS = frozenset(
    {
        *("chmod", "glob", "hardlink_to", "is_dir", "is_file", "iterdir", "lstat", "mkdir"),
        *("read_bytes", "read_text", "rename", "rglob", "rmdir", "samefile", "stat"),
        *("symlink_to", "touch", "unlink", "walk", "write_bytes", "write_text"),
    }
)
_OS_NAMES = {"PathLike", "environ", "fspath", "getenv", "path", "sep"}
_UNKNOWN = ModuleType("unknown")
# What code may use of builtins, modules and objects that only computes a name.
_COMPUTING = frozenset(
    {
        *("all", "any", "bool", "enumerate", "frozenset", "int", "len", "list", "max", "min"),
        *("range", "set", "sorted", "str", "super", "tuple", "zip"),
        *("posixpath", "urllib.parse", "re"),
    }
)
_COMPUTING_ATTRIBUTES = frozenset(
    {
        *(name for cls in (str, re.Pattern, re.Match) for name in dir(cls) if name[0] != "_"),
        *("basename", "dirname", "join", "normpath", "path", "split", "splitext"),
        *("debug", "error", "exception", "info", "warning"),
        *("quote", "unquote", "urlsplit", "urlunsplit"),
    }
)
_CHANGING = ("DELETE_", "IMPORT_", "STORE_ATTR", "STORE_DEREF", "STORE_GLOBAL", "STORE_SUBSCR")
_DATA = (str, bytes, int, float, bool, type(None), tuple, list, dict, set, frozenset, re.Pattern)


def unknown_call(storage: type, names: Iterable[str]) -> str:
    """Return what the methods *names* of the class *storage* use that is not known to be harmless.

    The methods of *storage* and the functions of its package that they use are searched as well.
    Empty if nothing was found.
    """
    for cls in storage.__mro__[:-1]:
        for name in set(names) & vars(cls).keys():
            value = vars(cls)[name]
            if _function(value) is None and (callable(value) or hasattr(type(value), "__get__")):
                return name
    pending: list[Any] = list(_methods(storage, names))
    seen: set[Any] = set()
    while pending:
        function = pending.pop()
        if function.__code__ in seen:
            continue
        seen.add(function.__code__)
        attributes: set[str] = set()
        for name, value in _used(function, attributes):
            if isinstance(value, FunctionType) and _is_own(value.__module__):
                pending.append(value)
            elif isinstance(value, type) and _is_own(value.__module__):
                pending += [f for f in map(_function, vars(value).values()) if f]
            elif not _is_harmless(name, value):
                return name
        if on_paths := _PATH_METHODS & attributes:
            return min(on_paths)
        pending += _methods(storage, attributes)
    return ""


def only_computes(storage: type, method: str) -> bool:
    """Tell whether the class *storage* computes *method* from its arguments and the package's.

    Then it gives the same result for the same arguments and files, whenever it is called.
    """
    for function in _methods(storage, (method,)):
        attributes: set[str] = set()
        used = list(_used(function, attributes))
        instructions = [i for code in _codes(function.__code__) for i in dis.get_instructions(code)]
        if any(i.opname.startswith(_CHANGING) for i in instructions):
            return False
        if not all(_is_computing(value) for _, value in used):
            return False
        others = attributes - _COMPUTING_ATTRIBUTES - {method}
        if not all(_is_data(storage, name) for name in others):
            return False
    return True


def _is_computing(value: Any) -> bool:
    """Tell whether using *value* changes nothing and depends on nothing."""
    if isinstance(value, type) and issubclass(value, Exception):
        return True
    if isinstance(value, (type, FunctionType, BuiltinFunctionType)):
        is_builtin = value.__module__ == "builtins"
        return (value.__name__ if is_builtin else value.__module__) in _COMPUTING
    return isinstance(value, (*_DATA, logging.Logger))


def _is_data(storage: type, name: str) -> bool:
    """Tell whether the attribute *name* of the class *storage* is data that nothing changes."""
    return isinstance(inspect.getattr_static(storage, name, None), (str, tuple, frozenset, bool))


def _methods(storage: type, names: Iterable[str]) -> Iterator[FunctionType]:
    """Yield the functions of other packages that the classes of *storage* have for *names*."""
    for name in names:
        for cls in storage.__mro__:
            function = _function(vars(cls).get(name))
            if function and not _is_of_package(function.__globals__.get("__name__", "")):
                yield function


def _function(value: Any) -> FunctionType | None:
    value = getattr(value, "__func__", value)
    value = getattr(value, "fget", None) or getattr(value, "func", None) or value
    return value if isinstance(value, FunctionType) else None


def _used(function: FunctionType, attributes: set[str]) -> Iterator[tuple[str, Any]]:
    """Yield what *function* takes from outside, with its dotted name; add all *attributes*."""
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
        if name != "__class__":
            yield name, cell.cell_contents
    for code in _codes(function.__code__):
        path, value, is_module = "", None, False
        for instruction in chain(dis.get_instructions(code), [None]):
            operation = instruction.opname if instruction else ""
            argument = instruction.argval if instruction else ""
            if operation in ("LOAD_ATTR", "LOAD_METHOD", "STORE_ATTR", "LOAD_SUPER_ATTR"):
                attributes.add(argument)
            if is_module and operation in ("LOAD_ATTR", "LOAD_METHOD", "IMPORT_FROM"):
                path, value = f"{path}.{argument}", getattr(value, argument, None)
                is_module = isinstance(value, ModuleType)
                if not is_module:
                    yield path, value
                continue
            if is_module and operation in ("CACHE", "PUSH_NULL", "EXTENDED_ARG"):
                continue
            if is_module:
                yield path, value
                is_module = False
            if operation in ("LOAD_GLOBAL", "LOAD_NAME"):
                found = function.__globals__.get(argument, getattr(builtins, argument, None))
                path, value, is_module = argument, found, isinstance(found, ModuleType)
                if not is_module:
                    yield path, value
            elif operation == "IMPORT_NAME":
                yield f"import {argument}", None if _may_import(argument) else _UNKNOWN


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _may_import(module: str) -> bool:
    """Tell whether a function may import *module*; a packer copies settings, so it is imported."""
    if module in _PACKERS:
        with contextlib.suppress(ImportError):
            importlib.import_module(module)
        return module in sys.modules
    return _is_known(module)


def _is_of_package(module: str) -> bool:
    return module.partition(".")[0] in (*PACKAGES, *OTHER_PACKAGES)


def _is_known(module: str) -> bool:
    return _is_of_package(module) or module in _MODULES or module == "builtins"


def _is_own(module: str) -> bool:
    """Tell whether *module* is of the project, or of a package that is not known."""
    return not _is_known(module) and module.partition(".")[0] not in sys.stdlib_module_names


def _is_harmless(name: str, value: Any) -> bool:
    """Tell whether using *value*, called *name*, neither reads nor writes files."""
    last = name.rpartition(".")[2]
    if isinstance(value, (*_DATA, logging.Logger)):
        return True
    if isinstance(value, ModuleType):
        return False
    if name.startswith("os.") and name.count(".") == 1:
        return last in _OS_NAMES
    if isinstance(value, (type, FunctionType, BuiltinFunctionType)):
        module = value.__module__ or ""
        if module.startswith(_UNSAFE_PACKAGES) or last in _UNSAFE_CLASSES:
            return False
        return _is_known(module) and last not in _UNSAFE.get(module, ())
    module = type(value).__module__
    return _is_known(module) and "storage" not in module
