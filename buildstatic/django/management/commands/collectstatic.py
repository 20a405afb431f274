"""``manage.py collectstatic`` with the collector; options and messages are Django's."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn

from django.contrib.staticfiles.management.commands import collectstatic
from django.contrib.staticfiles.storage import HashedFilesMixin
from django.core.exceptions import SuspiciousFileOperation
from django.core.management.base import CommandError

from buildstatic.collect.commands import run_after, run_before
from buildstatic.collect.compress import compress_changes, variants_for
from buildstatic.collect.django_command import collect_by_adapter, counts_conflicts
from buildstatic.collect.enhanced_command import run_loop
from buildstatic.collect.failures import file_error
from buildstatic.collect.fingerprint import CircularReferences, UnresolvedReferences
from buildstatic.collect.layer_root import local_directories
from buildstatic.collect.planning import Plan, check_path, in_trees, make_plan
from buildstatic.collect.removal import check_removal
from buildstatic.collect.request import Callbacks, CollectOptions
from buildstatic.collect.sources import Source, sources_of
from buildstatic.collect.staticfiles import Finder, unwrap
from buildstatic.collect.storages import recognize
from buildstatic.errors import BuildstaticError, CommandFailed, ConfigInvalid

# From the settings up to the project: mysite/settings/production.py, in src or backend.
MAX_PARENTS = 4
FOUND_ANOTHER = (
    "Found another file with the destination path '%s'. It will be ignored since only the first "
    "encountered file is collected. If this is not what you want, make sure every static file has "
    "a unique path."
)


class Command(collectstatic.Command):  # type: ignore[misc]
    """Django's collectstatic with another ``collect``."""

    def handle(self, **options: Any) -> str | None:
        """Run Django's command; an OSError becomes a message about the file."""
        try:
            closing: str | None = super().handle(**options)
        except OSError as error:
            if known := self._file_error(error):
                raise known from error
            raise
        return closing

    def _file_error(self, error: OSError) -> CommandError | None:
        try:
            location = getattr(self.storage, "location", None)
        except OSError:  # the storage is lazy, and cannot read its manifest
            problem = f"{error.filename} cannot be read: {error.strerror}."
            return CommandError(f"{problem} Fix or remove it.")
        known = file_error(error, location)
        return CommandError(str(known)) if known else None

    def collect(self) -> dict[str, Any]:
        """Run the collector if the storage is known, else Django's own code.

        The commands of ``[tool.buildstatic]`` run before and after it.
        """
        storage = unwrap(self.storage)
        try:
            before, after = _project_commands()
            if self.dry_run or getattr(storage, "location", None) == "":
                before = after = ()
            manage = Path(sys.argv[0]).absolute()
            with ExitStack() as stack:
                if before:
                    generated = TemporaryDirectory(prefix="buildstatic-generated-")
                    directory = Path(stack.enter_context(generated))
                    finders = run_before(before, storage, manage, directory)
                    stack.enter_context(_more_finders(finders))
                counts = collect(self, storage)
                counts = run_loop(self) if counts is None else counts
            if after:
                adapter = recognize(storage).adapter
                options = CollectOptions(post_process=self.post_process)
                variants = variants_for(storage, adapter, options) if adapter else None
                with compress_changes(storage, variants, options, in_layer=False):
                    run_after(after, storage, manage, None)
        except CommandFailed as error:
            raise CommandError(str(error), returncode=error.exit_code) from error
        except ConfigInvalid as error:
            raise CommandError(str(error)) from error
        return counts


def collect(command: Any, storage: Any) -> dict[str, Any] | None:
    """Return what ``Command.collect`` of *command* returns, None if its own code has to run.

    That is if *storage* has to run its own code on the disk or has no location (which Django
    notices only when there is a file), for links and for dry runs.
    """
    recognition = recognize(storage)
    if recognition.adapter is None or not storage.location or command.symlink or command.dry_run:
        return None
    is_collected = in_trees(local_directories(storage))
    plan = make_plan(tuple(s for s in _sources(command) if not is_collected(s)))
    if not recognition.in_memory:  # else Django's loop does
        _log_shadowed(command, plan)
    for source in plan.wins:
        check_path(source)
    try:
        if command.clear:
            check_removal("--clear", Path(storage.location), _settings_directory(), plan.offers)
        options = CollectOptions(post_process=command.post_process, clear=command.clear)
        callbacks = Callbacks(command.stderr.write)
        collected = collect_by_adapter(
            command, storage, recognition, plan, options, None, callbacks
        )
        return None if isinstance(collected, str) else collected[0]
    except (UnresolvedReferences, CircularReferences) as error:
        _raise_as_django(command, error)
    except BuildstaticError as error:
        raise CommandError(str(error)) from error


def _sources(command: Any) -> Iterator[Source]:
    for finder in collectstatic.get_finders():
        yield from sources_of(Finder(type(finder).__name__, finder), command.ignore_patterns)


def _log_shadowed(command: Any, plan: Plan) -> None:
    level = 2 if counts_conflicts(command) else 1
    for shadowed in plan.shadowed:
        command.log(FOUND_ANOTHER % shadowed.source.path, level=level)


def _project_commands() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the commands before and after collecting that ``[tool.buildstatic]`` sets.

    It is that of the current directory, or of one with the settings. Raises `ConfigInvalid`.
    """
    places = [directory.resolve() for directory in _settings_directory().values()]
    parents = (parent for place in places for parent in (place, *place.parents)[:MAX_PARENTS])
    found = (root for root in (Path.cwd(), *parents) if (root / "pyproject.toml").is_file())
    root = next(found, None)
    if root is None or not _is_configured(root / "pyproject.toml"):
        return (), ()
    # Only a project with this table pays for the imports.
    from buildstatic.project.config import load

    config = load(root)
    return config.before or (), config.after or ()


def _is_configured(path: Path) -> bool:
    """Tell whether *path* has the table, or cannot be read, which is then an error."""
    import tomllib

    try:
        tool = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {})
    except (OSError, ValueError, RecursionError):
        return True
    return not isinstance(tool, dict) or "buildstatic" in tool


def _settings_directory() -> dict[str, Path]:
    """Return the directory of the settings, by description, which ``--clear`` may not remove."""
    from django.conf import settings

    module = sys.modules.get(getattr(settings, "SETTINGS_MODULE", ""))
    file = getattr(module, "__file__", None)
    return {"the settings": Path(file).parent} if file else {}


@contextmanager
def _more_finders(finders: Sequence[Finder]) -> Iterator[None]:
    """Let collectstatic use *finders* after those of the settings in the block."""
    own = collectstatic.get_finders
    collectstatic.get_finders = lambda: [*own(), *(each.finder for each in finders)]
    try:
        yield
    finally:
        collectstatic.get_finders = own


def _raise_as_django(command: Any, error: UnresolvedReferences | CircularReferences) -> NoReturn:
    """Log the file and raise what the installed Django raises for *error*.

    Django stops at the first problem; the others are added as notes to the exception. Django 6.1
    raises a CommandError with the notes in its text (``Command.collect``), but not for a path
    outside STATIC_ROOT.
    """
    others: tuple[str, ...] = ()
    exception: Exception
    if isinstance(error, CircularReferences):
        # Django 4.2 names no file.
        names_all = "All" in HashedFilesMixin.post_process.__code__.co_consts
        name = "All" if names_all else ", ".join(error.names)
        exception = RuntimeError("Max post-process passes exceeded.")
    else:
        first, *rest = error.broken
        name, exception, others = first.name, first.error, tuple(map(str, rest))
    if make_helpful := getattr(unwrap(command.storage), "make_helpful_exception", None):
        exception = make_helpful(exception, name)  # WhiteNoise
    command.stderr.write(f"Post-processing '{name}' failed!")
    command.stderr.write("")
    for other in others:
        exception.add_note(f"Also: {other}")
    # The command that Django runs, even if another app's inherits from it.
    base: Any = next(
        cls for cls in type(command).__mro__ if cls.__module__ == collectstatic.__name__
    )
    includes_notes = "__notes__" in base.collect.__code__.co_consts
    if not includes_notes or isinstance(exception, SuspiciousFileOperation):
        raise exception from None
    text = "\n".join((str(exception), *getattr(exception, "__notes__", ())))
    raise CommandError(text) from exception
