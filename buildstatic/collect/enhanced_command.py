"""Django's loop, and what the command of django-manifeststaticfiles-enhanced does otherwise.

That command (django_manifeststaticfiles_enhanced/management/commands/collectstatic.py) logs the
warnings of its storage, which are errors to Django's, and does not copy files that the storage
saves only under their fingerprinted names. It is used if its app is before Django's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from buildstatic.collect.staticfiles import unwrap
from buildstatic.collect.storages.attributes import replaced_attributes

APP = "django_manifeststaticfiles_enhanced"
_DJANGOS = "django.contrib.staticfiles"


def run_loop(command: Any) -> dict[str, Any]:
    """Return what the installed ``Command.collect`` makes of *command*."""
    from django.contrib.staticfiles.management.commands import collectstatic

    with _enhanced(command) if _is_used() else nullcontext():
        return dict(collectstatic.Command.collect(command))


def _is_used() -> bool:
    from django.apps import apps

    names = [config.name for config in apps.get_app_configs()]
    return APP in names[: names.index(_DJANGOS)] if _DJANGOS in names else APP in names


@contextmanager
def _enhanced(command: Any) -> Iterator[None]:
    """Let the loop of *command* do in the block what that of the package does."""
    storage = unwrap(command.storage)
    values = {}
    if original := getattr(storage, "post_process", None):

        def post_process(*arguments: Any, **options: Any) -> Iterator[Any]:
            for name, new_name, processed in original(*arguments, **options):
                if is_warning := isinstance(processed, Warning):
                    command.log(str(processed), level=1)
                yield name, new_name, is_warning or processed

        values["post_process"] = post_process

    def copy_file(path: str, *_: Any) -> None:
        command.log(f"Skipping '{path}' (will only be saved as hashed version)", level=2)

    keeps_originals = getattr(storage, "keep_original_files", True)
    methods = {} if keeps_originals else {"copy_file": copy_file, "link_file": copy_file}
    with replaced_attributes(storage, values), replaced_attributes(command, methods):
        yield
