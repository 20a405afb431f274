"""``manage.py collectstatic`` by the engine, with the options and the lines of Django's own."""

from __future__ import annotations

from typing import Any

from django.contrib.staticfiles.management.commands import collectstatic

from buildstatic.collect.door import collect, in_words
from buildstatic.collect.storages.recognize import unwrapped


class Command(collectstatic.Command):  # type: ignore[misc]
    """Django's collectstatic; only what it does between its question and its last line is ours."""

    def handle(self, **options: Any) -> str | None:
        """Do what Django's does; a file that is in the way of it is said in a sentence."""
        try:
            closing: str | None = super().handle(**options)
        except OSError as error:
            known = in_words(self, error)
            if known is error:
                raise
            raise known from error
        return closing

    def collect(self) -> dict[str, Any]:
        """Collect by the engine where the storage is a known one, else as Django does."""
        owed = collect(self, unwrapped(self.storage))
        return dict(super().collect()) if owed is None else owed
