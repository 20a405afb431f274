"""Recognizing storages: code of their own is found, data is not code."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import Mock

import pytest
from django.core.files.storage import FileSystemStorage, Storage
from django.utils.functional import LazyObject, cached_property

from buildstatic.collect.storages import Recognition, recognize
from tests.collect.data_storages import DATA
from tests.collect.storages import (
    SERVED_STORAGES,
    STORAGES,
    CompressedManifestStaticFilesStorage,
    CompressedStaticFilesStorage,
    ManifestStaticFilesStorage,
    StaticFilesStorage,
    servestatic,
)


def made(kind: Any, **how: Any) -> Any:
    return kind(location="/nonexistent", **how)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (StaticFilesStorage, ""),
        (ManifestStaticFilesStorage, "fingerprints"),
        (CompressedStaticFilesStorage, "compresses"),
        (CompressedManifestStaticFilesStorage, "fingerprints compresses"),
        (servestatic.CompressedStaticFilesStorage, "compresses"),
        (servestatic.CompressedManifestStaticFilesStorage, "fingerprints compresses"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_installed_storages_are_known(kind: Any, expected: str) -> None:
    assert does(recognize(made(kind))) == expected


def does(recognition: Recognition) -> str:
    """Return what a recognized storage does after copying the files."""
    adapter = recognition.adapter
    assert adapter, recognition.reason
    what = {"fingerprints": adapter.fingerprints, "compresses": adapter.compression}
    return " ".join(word for word, is_done in what.items() if is_done)


@pytest.mark.parametrize("kind", STORAGES, ids=lambda kind: kind.__name__)
def test_storages_that_only_set_data_are_known(kind: Any) -> None:
    assert recognize(made(kind)).adapter


@pytest.mark.parametrize("kind", DATA, ids=lambda kind: kind.__name__)
def test_data_attributes_are_not_code(kind: Any) -> None:
    assert does(recognize(made(kind))) == "fingerprints"


@pytest.mark.parametrize(
    "name", ["__annotate__", "__annotate_func__", "__annotations_cache__", "__static_attributes__"]
)
def test_attributes_added_by_python_are_not_code(name: str) -> None:
    added = function if name.startswith("__annotate_") else ()
    kind = type("Own", (ManifestStaticFilesStorage,), {name: added, "__firstlineno__": 1})
    assert recognize(made(kind)).adapter


class KeepsHashed(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    keep_only_hashed_files = True


def test_data_that_replaces_a_property_is_not_code() -> None:
    assert does(recognize(made(KeepsHashed))) == "fingerprints compresses"


def test_intermediate_files_require_own_code() -> None:
    kind = type("Keeps", (ManifestStaticFilesStorage,), {"keep_intermediate_files": True})
    assert recognize(made(kind)).reason == "it keeps intermediate files"


def function(*arguments: Any, **options: Any) -> Any:
    return arguments, options


class Descriptor:
    def __get__(self, instance: Any, owner: Any) -> Any:
        return function


class Setter:
    def __set__(self, instance: Any, value: Any) -> None:
        raise AssertionError


class Named:
    def __set_name__(self, owner: Any, name: str) -> None:
        self.name = name


class Called:
    def __call__(self, *arguments: Any) -> Any:
        return arguments


CODE: dict[str, Callable[[], Any]] = {
    "a method": lambda: function,
    "a lambda": lambda: lambda *_: None,
    "a staticmethod": lambda: staticmethod(function),
    "a classmethod": lambda: classmethod(function),
    "a property": lambda: property(function),
    "a cached property of Django": lambda: cached_property(function),
    "a cached property": lambda: functools.cached_property(function),
    "a partial": lambda: functools.partial(function, 1),
    "a partial method": lambda: functools.partialmethod(function, 1),
    "a dispatching method": lambda: functools.singledispatchmethod(function),
    "a cached function": lambda: functools.cache(function),
    "a builtin": lambda: len,
    "a bound method": lambda: types.MethodType(function, 1),
    "a class": lambda: Called,
    "something that is called": Called,
    "a descriptor": Descriptor,
    "a descriptor that is set": Setter,
    "what knows its name": Named,
    "a mock": Mock,
}


@pytest.fixture(params=CODE)
def code(request: pytest.FixtureRequest) -> Any:
    return CODE[request.param]()


def test_code_in_a_subclass_is_found(code: Any) -> None:
    kind = type("Own", (ManifestStaticFilesStorage,), {"hashed_name": code, "__module__": "site"})
    assert recognize(made(kind)).reason == "site.Own has its own hashed_name"


@pytest.mark.parametrize("make", CODE.values(), ids=CODE)
def test_code_in_a_mixin_is_found(make: Callable[[], Any]) -> None:
    mixin = type("Mixin", (), {"hashed_name": make(), "__module__": "site"})
    below = type("Below", (StaticFilesStorage,), {"_save": make(), "__module__": "site"})
    for bases, message in (
        ((mixin, ManifestStaticFilesStorage), "site.Mixin has its own hashed_name"),
        ((ManifestStaticFilesStorage, mixin), "site.Mixin has its own hashed_name"),
        ((ManifestStaticFilesStorage, below), "site.Below has its own _save"),
    ):
        assert recognize(made(type("Own", bases, {}))).reason == message


def test_code_on_an_instance_is_found(code: Any) -> None:
    storage = made(ManifestStaticFilesStorage)
    storage.hashed_name = code
    assert recognize(storage).reason == "its hashed_name was replaced"


def test_patched_known_classes_are_found(code: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = made(CompressedManifestStaticFilesStorage)
    for kind, name in (
        (ManifestStaticFilesStorage, "_url"),
        (CompressedManifestStaticFilesStorage, "compress_files"),
        (CompressedManifestStaticFilesStorage, "hashed_name"),
        (FileSystemStorage, "delete"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(kind, name, code)
            message = f"{kind.__module__}.{kind.__qualname__}.{name} was replaced"
            assert recognize(storage).reason == message
    assert recognize(storage).adapter


def test_wrapped_methods_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = ManifestStaticFilesStorage.save_manifest

    @functools.wraps(kept)
    def wrapper(*arguments: Any, **options: Any) -> Any:
        return kept(*arguments, **options)

    kind = ManifestStaticFilesStorage.__mro__[1]
    monkeypatch.setattr(kind, "save_manifest", wrapper)
    message = f"{kind.__module__}.ManifestFilesMixin.save_manifest was replaced"
    assert recognize(made(ManifestStaticFilesStorage)).reason == message


@pytest.mark.parametrize(
    "name",
    ["url", "stored_name", "load_manifest", "deconstruct", "my_own", "__init__", "patterns"],
)
def test_code_that_collecting_never_calls_changes_nothing(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for known in (ManifestStaticFilesStorage, CompressedManifestStaticFilesStorage):
        storage = made(known)
        own = made(known)
        own.__class__ = type("Own", (known,), {name: function})
        assert recognize(own).adapter
        with monkeypatch.context() as patch:
            patch.setattr(known, name, function, raising=False)
            assert recognize(storage).adapter


@pytest.fixture
def mixed_in(request: pytest.FixtureRequest) -> Iterator[type]:
    """Add a base class to a known class, as django-debug-toolbar does."""

    class Mixin:
        def url(self, name: str) -> Any:
            return super().url(name)  # type: ignore[misc]

    bases = request.param.__bases__
    request.param.__bases__ = (Mixin, *bases)
    yield Mixin
    request.param.__bases__ = bases


@pytest.mark.parametrize("mixed_in", [ManifestStaticFilesStorage], indirect=True)
def test_mixin_with_url_in_front_changes_nothing(mixed_in: type) -> None:
    assert mixed_in in ManifestStaticFilesStorage.__mro__
    assert recognize(made(ManifestStaticFilesStorage)).adapter


@pytest.mark.parametrize("mixed_in", [StaticFilesStorage], indirect=True)
def test_mixin_whose_url_is_called_for_references_is_found(mixed_in: type) -> None:
    message = f"{__name__}.{mixed_in.__qualname__} has its own url"
    assert recognize(made(ManifestStaticFilesStorage)).reason == message
    assert recognize(made(StaticFilesStorage)).adapter


def test_unknown_storages_run_their_own_code() -> None:
    class Remote(Storage):  # type: ignore[misc]
        pass

    assert recognize(Remote()).reason == "its storage class is not supported"
    assert recognize(FileSystemStorage("/nonexistent")).reason


def test_combined_storages_run_their_own_code() -> None:
    kind = type("Both", (CompressedStaticFilesStorage, ManifestStaticFilesStorage), {})
    assert recognize(made(kind)).reason
    kind = type("Both", (ManifestStaticFilesStorage, CompressedStaticFilesStorage), {})
    assert recognize(made(kind)).reason


class Lazy(LazyObject):  # type: ignore[misc]
    def _setup(self) -> None:
        self._wrapped = FileSystemStorage("/nonexistent")


class Elsewhere(Storage):  # type: ignore[misc]
    def _open(self, name: str, mode: str = "rb") -> Any:  # noqa: ARG002 - what a storage owes
        raise FileNotFoundError(name)


class OwnDisk(FileSystemStorage):  # type: ignore[misc]
    def _save(self, name: str, content: Any) -> str:
        return str(super()._save(name, content))


def test_manifest_in_another_directory_is_supported() -> None:
    for keeper in (FileSystemStorage("/nonexistent"), made(StaticFilesStorage), Lazy()):
        storage = made(ManifestStaticFilesStorage, manifest_storage=keeper)
        assert recognize(storage).adapter


def test_manifest_in_an_unknown_storage_runs_own_code() -> None:
    storage = made(ManifestStaticFilesStorage, manifest_storage=Elsewhere())
    assert recognize(storage).reason == "it keeps its manifest in a Elsewhere"
    storage = made(ManifestStaticFilesStorage, manifest_storage=OwnDisk("/nonexistent"))
    assert recognize(storage).reason == (
        f"its manifest storage was changed: {__name__}.OwnDisk has its own _save"
    )
    keeper = FileSystemStorage("/nonexistent")
    storage = made(ManifestStaticFilesStorage, manifest_storage=keeper)
    keeper.path = function
    assert recognize(storage).reason == ("its manifest storage was changed: its path was replaced")


@pytest.mark.parametrize(
    ("known", "name"),
    [
        (servestatic.CompressedManifestStaticFilesStorage, "compress_files"),
        (servestatic.CompressedManifestStaticFilesStorage, "stat_static_root"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__module__,
)
def test_code_in_servestatic_storages_is_found(
    known: Any, name: str, code: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = type("Own", (known,), {name: code, "__module__": "site"})
    assert recognize(made(own)).reason == f"site.Own has its own {name}"
    holder = next(kind for kind in known.__mro__ if name in vars(kind))
    monkeypatch.setattr(holder, name, code)
    assert (
        recognize(made(known)).reason
        == f"{holder.__module__}.{holder.__qualname__}.{name} was replaced"
    )


@pytest.mark.parametrize("known", SERVED_STORAGES, ids=lambda kind: kind.__name__)
def test_data_in_servestatic_storages_is_not_code(known: Any) -> None:
    assert recognize(made(known)).adapter
    assert recognize(made(type("Own", (known,), {"manifest_name": "own.json"}))).adapter


def test_originals_are_removed_only_by_storages_that_do() -> None:
    data = {"keep_only_hashed_files": True}
    for known, expected in (
        (ManifestStaticFilesStorage, False),
        (CompressedManifestStaticFilesStorage, True),
        (servestatic.CompressedManifestStaticFilesStorage, True),
    ):
        storage = made(type("Own", (known,), data))
        adapter = recognize(storage).adapter
        assert adapter
        assert adapter.fingerprints
        removes = adapter.removes_originals
        assert (removes is not None and removes(storage)) is expected
