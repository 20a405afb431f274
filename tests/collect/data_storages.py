"""Storages that only set data, in every way a class can; run as a module, it checks them."""

from __future__ import annotations

from typing import Any, ClassVar

from buildstatic.collect.storages import recognize
from tests.collect.storages import STORAGES, ManifestStaticFilesStorage


class Data(ManifestStaticFilesStorage):  # type: ignore[misc]
    """All the data that there is, with annotations."""

    manifest_name: str = "other.json"
    manifest_strict: ClassVar[bool] = False
    manifest_version = "1.1"
    max_post_process_passes: int = 9
    default_template = "url('%(url)s')"
    support_js_module_import_aggregation = True
    patterns: ClassVar[Any] = [["*.css", [r"(?P<matched>url\((?P<url>.*?)\))"]]]
    file_permissions_mode = 0o640
    location = "/elsewhere"
    nothing = None
    more: dict[str, list[int]]


class Deeper(Data):
    __slots__ = ()


class DataMixin:
    manifest_strict = False


class Before(DataMixin, ManifestStaticFilesStorage):  # type: ignore[misc]
    pass


class After(ManifestStaticFilesStorage, DataMixin):  # type: ignore[misc]
    pass


class Lines(ManifestStaticFilesStorage):  # type: ignore[misc]
    for max_post_process_passes in range(3):
        manifest_strict: bool = max_post_process_passes > 1


DATA = (Data, Deeper, Before, After, Lines)


if __name__ == "__main__":
    for storage in (*STORAGES, *DATA):
        assert recognize(storage(location="/nonexistent")).adapter, storage
