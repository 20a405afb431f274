"""Code of storages that may read or write files is recognized before it runs."""

from __future__ import annotations

import json
import logging
import os
import posixpath
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from buildstatic.collect.storages import recognize
from tests.collect.storages import ManifestStaticFilesStorage

from django.conf import settings  # isort: skip - needs settings
from django.core.files.base import ContentFile  # isort: skip
from django.core.files.storage import FileSystemStorage, default_storage  # isort: skip

logger = logging.getLogger(__name__)
WORDS = {"a": re.compile("a")}


def helper(name: str) -> str:
    return posixpath.basename(name)


def opening_helper(name: str) -> Any:
    return [open(each) for each in name]  # noqa: PTH123


def local_import(_storage: Any, name: str) -> str:
    from shutil import which

    return str(which(name))


SAFE: dict[str, Callable[..., Any]] = {
    "computes": lambda _, name: posixpath.join(os.path.dirname(name), os.sep),  # noqa: PTH120
    "encodes": lambda _, name: json.dumps({"name": name, "words": list(WORDS)}),
    "logs": lambda _, name: logger.warning("%s %s", name, settings.STATIC_URL),
    "makes a file": lambda storage, name: storage._save(name, ContentFile(b"")),
    "calls a helper": lambda _, name: helper(name),
}
UNSAFE: dict[str, tuple[Callable[..., Any], str]] = {
    "opens": (lambda _, name: open(name), "open"),  # noqa: PTH123, SIM115
    "asks the system": (lambda _, name: os.stat(name), "os.stat"),  # noqa: PTH116
    "asks for a path": (lambda _, name: os.path.isfile(name), "os.path.isfile"),  # noqa: PTH113
    "makes a path": (lambda _, name: Path(name), "Path"),
    "uses a path of the settings": (lambda *_: settings.BASE_DIR.read_bytes(), "read_bytes"),
    "copies": (lambda _, name: shutil.copy(name, name), "shutil.copy"),
    "runs a program": (lambda _, name: subprocess.run([name], check=True), "subprocess.run"),
    "uses another storage": (lambda _, name: default_storage.open(name), "default_storage"),
    "makes another storage": (lambda _, name: FileSystemStorage(name), "FileSystemStorage"),
    "evaluates": (lambda _, name: eval(name), "eval"),
    "imports": (local_import, "import shutil"),
    "calls a helper": (lambda _, name: opening_helper(name), "open"),
    "uses another package": (lambda _, name: pytest.fail(name), "pytest.fail"),
}


def storage(method: Callable[..., Any]) -> Any:
    kind = type("Own", (ManifestStaticFilesStorage,), {"hashed_name": method, "__module__": "site"})
    return kind(location="/nonexistent")


@pytest.mark.parametrize("method", SAFE.values(), ids=SAFE)
def test_code_that_computes_runs_in_memory(method: Callable[..., Any]) -> None:
    assert recognize(storage(method)).in_memory


@pytest.mark.parametrize(("method", "used"), UNSAFE.values(), ids=UNSAFE)
def test_code_that_may_use_files_runs_on_the_disk(method: Callable[..., Any], used: str) -> None:
    recognition = recognize(storage(method))
    assert recognition.adapter is None
    assert recognition.reason == f"site.Own has its own hashed_name, and its code uses {used}"
