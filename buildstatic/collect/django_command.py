"""Run the installed Django's collectstatic command, with the collector instead of its loop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from copy import copy
from dataclasses import dataclass, field, replace
from io import StringIO
from typing import TYPE_CHECKING, Any

from buildstatic.collect.collector import Collection, Outcome, run_collector
from buildstatic.collect.command_errors import (
    cause_of,
    command_error,
    current_file,
    references_error,
)
from buildstatic.collect.compress import variants_for
from buildstatic.collect.enhanced_command import APP as ENHANCED
from buildstatic.collect.enhanced_command import run_loop
from buildstatic.collect.fingerprint import CircularReferences, UnresolvedReferences
from buildstatic.collect.layer_root import LayerRoot, empty, settings_moved, static_root
from buildstatic.collect.planning import Plan
from buildstatic.collect.reading import Reading
from buildstatic.collect.references import BrokenReference
from buildstatic.collect.request import Callbacks, CollectOptions, CollectResult, Request, Summary
from buildstatic.collect.spool import Spool
from buildstatic.collect.storages import Recognition
from buildstatic.collect.storages.adapter import Adapter

if TYPE_CHECKING:
    from buildstatic.collect.memory.tree import MemoryTree, Sources


@dataclass(frozen=True)
class _PlannedFinder:
    """A finder that offers the plan's sources, so that each of the project's is run once."""

    plan: Plan
    storages: Mapping[int, Any] = field(default_factory=dict)

    def list(self, ignore_patterns: list[str]) -> Iterator[tuple[str, Any]]:  # noqa: ARG002
        """Yield names and storages; the patterns were applied in the plan."""
        for source in self.plan.offers:
            yield source.name, self.storages.get(id(source.storage), source.storage)


def call_collectstatic(
    request: Request,
    storage: Any,
    recognition: Recognition,
    plan: Plan,
    layer: LayerRoot | None,
    callbacks: Callbacks,
) -> CollectResult:
    """Collect *plan* into *storage*; return Django's closing line, and a summary.

    This runs ``Command.handle`` of ``django.contrib.staticfiles``, with its question and its
    messages, even if an app has a command of that name. The collector replaces its loop if
    *recognition* has an adapter. A *layer* is emptied after all checks have passed; Django then
    does not prompt, because no files exist.

    Warnings come first: an overridden command, accidental conflicts.

    Raises `CollectCancelled`, `FileError`, `VariablesMissing`, `ReferencesBroken` or
    `CollectFailed`.
    """
    from django.contrib.staticfiles.management.commands import collectstatic
    from django.core.management import get_commands

    app = get_commands()["collectstatic"]
    if app not in ("django.contrib.staticfiles", "buildstatic.django", ENHANCED):
        callbacks.warn(f"The collectstatic command of {app} is not run: Django's is used.")
    for conflict in plan.conflicts:
        if not conflict.is_intended:
            callbacks.warn(str(conflict))
    summary = Summary(files=len(plan.wins))

    class PlannedCommand(collectstatic.Command):  # type: ignore[misc]
        def collect(self) -> dict[str, Any]:
            nonlocal summary
            own_code = recognition
            if recognition.adapter:
                collected = collect_by_adapter(
                    self,
                    storage,
                    recognition,
                    plan,
                    request.options,
                    layer,
                    callbacks,
                    request.libraries,
                )
                if not isinstance(collected, str):
                    counts, summary = collected
                    return counts
                own_code = replace(recognition, adapter=None, reason=collected)
                for warning in own_code.option_warnings(request.options):
                    callbacks.warn(warning)
            summary = replace(summary, own_code=own_code.reason)
            if layer is None:
                return run_loop(self)
            empty(layer)
            # The storage's own code may open files below STATIC_ROOT.
            with settings_moved(layer.path, static_root()):
                return run_loop(self)

    command = PlannedCommand()
    parser = command.create_parser("manage.py", "collectstatic")
    options = vars(parser.parse_args(request.options.django_arguments()))
    options["interactive"] &= layer is None
    try:
        with _finders_replaced(collectstatic, _PlannedFinder(plan)):
            closing = command.handle(**options) or ""
    except (UnresolvedReferences, CircularReferences) as error:
        raise references_error(request, plan, error) from error
    except (Exception, SystemExit) as error:
        raise command_error(request, storage, error) from error
    return CollectResult(closing, summary)


def collect_by_adapter(
    command: Any,
    storage: Any,
    recognition: Recognition,
    plan: Plan,
    options: CollectOptions,
    layer: LayerRoot | None,
    callbacks: Callbacks,
    libraries: tuple[str, ...] = (),
) -> tuple[dict[str, Any], Summary] | str:
    """Collect *plan* without the loop of *command*, or with that loop on a tree in memory.

    Return what ``Command.collect`` returns, and the summary; or why the loop has to run on the
    disk, where nothing has been written. *storage* and *command* are then as they were. The codecs
    may also be in the directories *libraries*.
    """
    assert recognition.adapter is not None
    variants = variants_for(storage, recognition.adapter, options, libraries)
    work = Collection(storage, recognition.adapter, plan, options, variants, layer)
    if not recognition.reason:
        outcome = run_collector(work, callbacks)
        return counts_of(command, plan, outcome), outcome.summary

    from buildstatic.collect.memory.tree import NeedsDisk, NeedsLoop

    counts: dict[str, Any] = {}

    def run(*, quick: bool) -> Outcome:
        def run_own_code(memory: MemoryTree, sources: Sources) -> None:
            counts.update(_collect_in_memory(command, plan, memory, sources, quick=quick))

        with _undone_unless_finished(storage, command):
            return run_collector(replace(work, run_own_code=run_own_code), callbacks)

    try:
        try:
            outcome = run(quick=True)
        except NeedsLoop:
            outcome = run(quick=False)
    except NeedsDisk as error:
        return f"{recognition.reason}, and {error}"
    if options.clear:
        _log_deleted(command, outcome)
        counts["deleted"] = outcome.deleted
    for name, variant in outcome.post_processed:
        command.log(f"Post-processed '{name}' as '{variant}'")
    counts["post_processed"] = [*counts["post_processed"], *(n for n, _ in outcome.post_processed)]
    return counts, replace(outcome.summary, in_memory=recognition.reason)


@contextmanager
def _undone_unless_finished(storage: Any, command: Any) -> Iterator[None]:
    """Undo what the block does to *storage*, *command* and its outputs if it has to be repeated.

    That is, if it raises `NeedsDisk` or `NeedsLoop`.
    """
    from buildstatic.collect.memory.tree import NeedsDisk, NeedsLoop

    before = [(holder, _copied(vars(holder))) for holder in (storage, command)]
    held: list[tuple[Any, tuple[Any, ...], dict[str, Any]]] = []
    streams = command.stdout, command.stderr
    command.stdout, command.stderr = (_HeldStream(stream, held) for stream in streams)
    try:
        yield
    except (NeedsDisk, NeedsLoop):
        held.clear()
        for holder, attributes in before:
            vars(holder).clear()
            vars(holder).update(attributes)
        raise
    finally:
        command.stdout, command.stderr = streams
        for stream, words, how in held:
            stream.write(*words, **how)


def find_error_in_memory(
    storage: Any, adapter: Adapter, plan: Plan, readings: Sequence[Reading], spool: Spool
) -> BrokenReference | None:
    """Return the reference at which collecting *readings* in memory ends, if there is one.

    None also for other errors, and if the storage's code needs the disk.
    """
    from django.contrib.staticfiles.management.commands import collectstatic
    from django.core.exceptions import SuspiciousFileOperation

    from buildstatic.collect.memory.shown import shown
    from buildstatic.collect.memory.tree import MemoryTree, NeedsDisk

    memory = MemoryTree(storage, frozenset(), shows_directories=False, strong=False, spool=spool)
    command = collectstatic.Command(stdout=StringIO(), stderr=StringIO())
    parser = command.create_parser("manage.py", "collectstatic")
    command.set_options(**vars(parser.parse_args(["--noinput", "--verbosity=0"])))
    command.storage = storage
    try:
        with shown(memory, adapter):
            _collect_in_memory(command, plan, memory, memory.sources(readings), quick=False)
    except NeedsDisk:
        return None
    except Exception as error:
        cause, name = cause_of(error), current_file(error)
        if name and isinstance(cause, ValueError | SuspiciousFileOperation):
            return BrokenReference(name, 0, "", cause)
    return None


@dataclass(frozen=True)
class _HeldStream:
    """An output of a command; adds what is written to *held*, with the *stream* it is meant for."""

    stream: Any
    held: list[tuple[Any, tuple[Any, ...], dict[str, Any]]]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def write(self, *words: Any, **how: Any) -> None:
        """Write later."""
        self.held.append((self.stream, words, how))


def _copied(attributes: Mapping[str, Any]) -> dict[str, Any]:
    kinds = (dict, list, set)
    return {k: copy(v) if isinstance(v, kinds) else v for k, v in attributes.items()}


def _collect_in_memory(
    command: Any, plan: Plan, memory: MemoryTree, sources: Sources, *, quick: bool
) -> dict[str, Any]:
    """Run the installed ``Command.collect`` of *command*, copying *sources* into *memory*.

    With *quick*, the files are fingerprinted at once where this makes no difference.
    """
    from django.contrib.staticfiles.management.commands import collectstatic

    from buildstatic.collect.memory.files import SourceStorage
    from buildstatic.collect.memory.post_process import quick_post_process

    finders = {id(source.storage): source.storage for source in plan.wins}
    storages = {
        key: SourceStorage(storage, {name: stored for name, (stored, _) in sources[key].items()})
        for key, storage in finders.items()
    }

    def copy_file(path: str, prefixed_path: str, source_storage: Any) -> None:
        stored, is_unmodified = sources[source_storage.identity][path]
        if is_unmodified:
            command.log(f"Skipping '{path}' (not modified)")
            command.unmodified_files.append(prefixed_path)
        else:
            if memory.exists(prefixed_path):
                command.log(f"Deleting '{path}'")
                memory.delete(prefixed_path)
            if command.verbosity > 1:
                command.log(f"Copying '{source_storage.path(path)}'")
            if not memory.keeps_names and memory.available_name(prefixed_path) != prefixed_path:
                memory.fail("it saves files under other names")
            command.copied_files.append(prefixed_path)
        memory.add(memory.normalized(prefixed_path), stored)

    attributes = {"copy_file": copy_file, "clear_dir": lambda _path: None}
    vars(command).update(attributes)
    try:
        with (
            _finders_replaced(collectstatic, _PlannedFinder(plan, storages)),
            quick_post_process(memory) if quick else nullcontext(),
        ):
            return run_loop(command)
    finally:
        for name in attributes:
            del vars(command)[name]


def counts_of(command: Any, plan: Plan, outcome: Outcome) -> dict[str, Any]:
    """Log *outcome* as Django does; return what ``Command.collect`` of *command* returns."""
    _log(command, plan, outcome)
    return {
        "modified": outcome.modified,
        "unmodified": outcome.unmodified,
        "post_processed": [name for name, _ in outcome.post_processed],
        "skipped": [shadowed.source.path for shadowed in plan.shadowed],
        "deleted": outcome.deleted,
    }


def _log(command: Any, plan: Plan, outcome: Outcome) -> None:
    """Log Django's message for each file, at the verbosity at which the installed Django does."""
    _log_deleted(command, outcome)
    if command.verbosity < 2:
        return
    unmodified, replaced = set(outcome.unmodified), set(outcome.replaced)
    modified = set(outcome.modified)
    for source in plan.wins:
        if source.path in unmodified:
            command.log(f"Skipping '{source.name}' (not modified)")
            continue
        if source.path not in modified:
            continue
        if source.path in replaced:
            command.log(f"Deleting '{source.name}'")
        command.log(f"Copying '{source.place}'")
    for name, new_name in outcome.post_processed:
        command.log(f"Post-processed '{name}' as '{new_name}'")
    for name in outcome.skipped:
        command.log(f"Skipped post-processing '{name}'")


def _log_deleted(command: Any, outcome: Outcome) -> None:
    for name in outcome.deleted:
        command.log(f"Deleting '{name}'", level=2 if counts_conflicts(command) else 1)


def counts_conflicts(command: Any) -> bool:
    """Tell whether *command* is of Django 6.1 or later.

    It counts skipped and deleted files, and logs each at verbosity 2 instead of 1.
    """
    return hasattr(command, "skipped_files")


@contextmanager
def _finders_replaced(collectstatic: Any, finder: _PlannedFinder) -> Iterator[None]:
    get_finders = collectstatic.get_finders
    collectstatic.get_finders = lambda: [finder]
    try:
        yield
    finally:
        collectstatic.get_finders = get_finders
