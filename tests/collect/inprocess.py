"""Django's collectstatic and ours, run in this process on one tree of sources."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Any

STATIC_URL = "/static/"
# What is not compressed here: that is held to WhiteNoise elsewhere.
TEXTS = ["css", "js", "txt", "map"]
MANIFEST = "staticfiles.json"
DJANGO = "django.contrib.staticfiles"
FOREIGN = ("whitenoise", "servestatic")


def start() -> None:
    """Start Django with the few settings that collecting needs, once in a process."""
    import django
    from django.apps import apps
    from django.conf import settings

    if not settings.configured:
        settings.configure(
            INSTALLED_APPS=["django.contrib.staticfiles"],
            STATIC_URL=STATIC_URL,
            STATIC_ROOT="/nonexistent",
            USE_TZ=True,
            WHITENOISE_SKIP_COMPRESS_EXTENSIONS=TEXTS,
            SERVESTATIC_SKIP_COMPRESS_EXTENSIONS=TEXTS,
        )
    if not apps.ready:
        django.setup()


@dataclass(frozen=True)
class Sources:
    """Directories that are collected from, each with its prefix."""

    directories: tuple[tuple[str, Path], ...]

    def finders(self) -> list[Any]:
        from django.contrib.staticfiles.finders import FileSystemFinder
        from django.test import override_settings

        with override_settings(STATICFILES_DIRS=[(p, str(d)) for p, d in self.directories]):
            return [FileSystemFinder()]


@dataclass(frozen=True)
class Verdict:
    """How a collection ended: the *error*, and what it was *said* to be about, if there was one.

    *counts* are what ``Command.collect`` returned.
    """

    error: tuple[str, ...] = ()
    said: str = ""
    counts: Mapping[str, list[str]] = field(default_factory=dict)


Loop = Callable[[Any], dict[str, list[str]]]


def djangos(command: Any) -> dict[str, list[str]]:
    """Collect as the installed Django and the storage's own code do it."""
    return dict(command.collect())


def ours(command: Any) -> dict[str, list[str]]:
    """Collect by the engine, which has to know the storage."""
    from buildstatic.django.management.commands.collectstatic import collect

    owed = collect(command, command.storage)
    assert owed is not None, "the storage is not known"
    return owed


def collect(
    loop: Loop, storage: Any, sources: Sources, *, clear: bool = False, app: str = DJANGO
) -> Verdict:
    """Collect *sources* into *storage* with *loop*, and the collectstatic of *app*."""
    collectstatic = import_module(f"{app}.management.commands.collectstatic")
    said = StringIO()
    command = collectstatic.Command(stdout=StringIO(), stderr=said, no_color=True)
    parser = command.create_parser("manage.py", "collectstatic")
    options = vars(parser.parse_args(["--noinput", *(["--clear"] if clear else [])]))
    command.set_options(**options)
    command.storage = storage
    with _finders(collectstatic, sources.finders()):
        try:
            counts = loop(command)
        except Exception as error:
            return Verdict(_told(error, storage.location), said.getvalue().strip())
    return Verdict(counts={key: sorted(names) for key, names in counts.items()})


@contextmanager
def _finders(collectstatic: Any, finders: list[Any]) -> Iterator[None]:
    before = collectstatic.get_finders
    collectstatic.get_finders = lambda: finders
    try:
        yield
    finally:
        collectstatic.get_finders = before


def _told(error: Exception, root: str) -> tuple[str, ...]:
    """Return the class of *error*, one of Django's or Python's, and what Django says in it."""
    kinds = (kind for kind in type(error).__mro__ if not kind.__module__.startswith(FOREIGN))
    words = re.sub(r" object at 0x\w+", "", str(error)).replace(root, "STATIC_ROOT")
    return next(kinds).__name__, words.partition("\n")[0]


def tree_of(root: Path) -> dict[str, object]:
    """Return every file below *root* by its name, the manifest as a value."""
    files: dict[str, object] = {}
    for directory, _, names in os.walk(root):
        for name in names:
            path = Path(directory, name)
            content = path.read_bytes()
            is_manifest = path == root / MANIFEST
            files[os.path.relpath(path, root)] = json.loads(content) if is_manifest else content
    return files
