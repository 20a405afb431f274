"""Django's collectstatic and the collector, run in this process on one tree of sources."""

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
from traceback import clear_frames
from typing import Any

STATIC_URL = "/static/"
# What is not compressed here: that is held to WhiteNoise elsewhere.
TEXTS = ["css", "js", "txt", "map"]
MANIFEST = "staticfiles.json"
DJANGO = "django.contrib.staticfiles"
FOREIGN = ("whitenoise", "servestatic")


def start() -> None:
    """Start Django with the settings that collecting needs, once per process."""
    import django
    from django.apps import apps
    from django.conf import settings

    if not settings.configured:
        settings.configure(
            INSTALLED_APPS=["django.contrib.staticfiles"],
            STATIC_URL=STATIC_URL,
            STATIC_ROOT="/nonexistent",
            BASE_DIR=Path("/nonexistent"),
            USE_TZ=True,
            WHITENOISE_SKIP_COMPRESS_EXTENSIONS=TEXTS,
            SERVESTATIC_SKIP_COMPRESS_EXTENSIONS=TEXTS,
        )
    if not apps.ready:
        django.setup()


@dataclass(frozen=True)
class Sources:
    """Source directories with their prefixes."""

    directories: tuple[tuple[str, Path], ...]

    def finders(self) -> list[Any]:
        from django.contrib.staticfiles.finders import FileSystemFinder
        from django.test import override_settings

        with override_settings(STATICFILES_DIRS=[(p, str(d)) for p, d in self.directories]):
            return [FileSystemFinder()]


@dataclass(frozen=True)
class Verdict:
    """How a collection ended: its *error* and *message*, both empty if there was none.

    *counts* are what ``Command.collect`` returned.
    """

    error: tuple[str, ...] = ()
    message: str = ""
    counts: Mapping[str, list[str]] = field(default_factory=dict)


Loop = Callable[[Any], dict[str, list[str]]]


def run_django(command: Any) -> dict[str, list[str]]:
    """Collect with the installed Django and the storage's own code."""
    return dict(command.collect())


def run_collector(command: Any) -> dict[str, list[str]]:
    """Collect with the collector; the storage has to be a known one."""
    from buildstatic.django.management.commands.collectstatic import collect

    counts = collect(command, command.storage)
    assert counts is not None, "the storage is not known"
    return counts


def collect(
    loop: Loop, storage: Any, sources: Sources, *, clear: bool = False, app: str = DJANGO
) -> Verdict:
    """Collect *sources* into *storage* with *loop*, in the collectstatic command of *app*."""
    collectstatic = import_module(f"{app}.management.commands.collectstatic")
    message = StringIO()
    command = collectstatic.Command(stdout=StringIO(), stderr=message, no_color=True)
    parser = command.create_parser("manage.py", "collectstatic")
    options = vars(parser.parse_args(["--noinput", *(["--clear"] if clear else [])]))
    command.set_options(**options)
    command.storage = storage
    with _finders(collectstatic, sources.finders()):
        try:
            counts = loop(command)
        except Exception as error:
            verdict = Verdict(_described(error, storage.location), message.getvalue().strip())
            # They hold the generator of ``post_process``, which holds an open file.
            clear_frames(error.__traceback__)
            return verdict
    return Verdict(counts={key: sorted(names) for key, names in counts.items()})


@contextmanager
def _finders(collectstatic: Any, finders: list[Any]) -> Iterator[None]:
    before = collectstatic.get_finders
    collectstatic.get_finders = lambda: finders
    try:
        yield
    finally:
        collectstatic.get_finders = before


def _described(error: Exception, root: str) -> tuple[str, ...]:
    """Return the class of *error*, one of Django's or Python's, and the first line of its text."""
    kinds = (kind for kind in type(error).__mro__ if not kind.__module__.startswith(FOREIGN))
    words = re.sub(r" object at 0x\w+", "", str(error)).replace(root, "STATIC_ROOT")
    return next(kinds).__name__, words.partition("\n")[0]


def tree_of(root: Path) -> dict[str, object]:
    """Return the files below *root* by name, the manifest parsed."""
    files: dict[str, object] = {}
    for directory, _, names in os.walk(root):
        for name in names:
            path = Path(directory, name)
            content = path.read_bytes()
            is_manifest = path == root / MANIFEST
            files[os.path.relpath(path, root)] = json.loads(content) if is_manifest else content
    return files
