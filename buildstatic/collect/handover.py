"""The fifth step: the installed Django's own collectstatic writes what was planned."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from buildstatic.collect.blame import locals_of, missing_variable, place, words
from buildstatic.collect.cache import Cache, default_directory
from buildstatic.collect.command import by_engine
from buildstatic.collect.failures import of_file
from buildstatic.collect.fingerprint import Unresolved, Unsettled
from buildstatic.collect.libraries import importable
from buildstatic.collect.planning import Plan
from buildstatic.collect.publish import How
from buildstatic.collect.request import Request, django_arguments
from buildstatic.collect.root import Layer, empty
from buildstatic.collect.storages.recognize import Kind
from buildstatic.collect.telling import Collected, Summary, Tell
from buildstatic.collect.variants import variants_for
from buildstatic.collect.wishes import Wishes
from buildstatic.collect.workers.cores import cores
from buildstatic.errors import (
    BuildstaticError,
    CollectCancelled,
    CollectFailed,
    ReferencesBroken,
)

COMMAND = "django.contrib.staticfiles.management.commands.collectstatic"
STORAGE = "django.contrib.staticfiles.storage"


@dataclass(frozen=True)
class _Planned:
    """A finder that offers what the project's finders did, so that each of them is asked once."""

    plan: Plan

    def list(self, ignore_patterns: list[str]) -> Iterator[tuple[str, Any]]:  # noqa: ARG002
        """Yield what a finder owes to collectstatic; the patterns were honoured in the plan."""
        for source in self.plan.offers:
            yield source.name, source.storage


def publish(
    request: Request,
    storage: Any,
    kind: Kind | str,
    plan: Plan,
    layer: Layer | None,
    tell: Tell,
) -> Collected:
    """Collect what is planned into *storage*; return Django's closing line, and a summary.

    If it stands in a *layer*, that is emptied for it when nothing is left that may be refused
    before; nobody is asked then, for no other files are there.

    What runs is ``Command.handle`` of the installed ``django.contrib.staticfiles``, with its
    question and its lines, whether or not an app has a command of that name (see `overridden`). The
    loop inside is the engine's for a storage that is known, else Django's and the storage's own.

    Raises `CollectCancelled`, `FileError`, `VariablesMissing`, `ReferencesBroken` or
    `CollectFailed`.
    """
    from django.contrib.staticfiles.management.commands import collectstatic

    reason = kind if isinstance(kind, str) else _of_djangos_own(request)
    summary = Summary(files=len(plan.wins), own_code=reason)

    class Command(collectstatic.Command):  # type: ignore[misc]
        def collect(self) -> dict[str, Any]:
            nonlocal summary
            if reason or isinstance(kind, str):
                if layer:
                    empty(layer)
                return dict(super().collect())
            asked = wishes(request, storage, kind, layer)
            owed, outcome = by_engine(self, kind, plan, asked, tell)
            summary = outcome.summary
            return owed

    command = Command()
    parser = command.create_parser("manage.py", "collectstatic")
    options = vars(parser.parse_args(django_arguments(request)))
    options["interactive"] &= layer is None
    try:
        with _finders(collectstatic, _Planned(plan)):
            closing = command.handle(**options) or ""
    except (Unresolved, Unsettled) as error:
        raise _unfollowed(request, plan, error) from error
    except (Exception, SystemExit) as error:
        raise _failed(request, storage, error) from error
    return Collected(closing, summary)


def _of_djangos_own(request: Request) -> str:
    """Return why Django's own loop runs for any storage, empty where it need not."""
    if request.link:
        return "--link makes links"
    return "--dry-run writes nothing" if request.dry_run else ""


def wishes(request: Request, storage: Any, kind: Kind, layer: Layer | None = None) -> Wishes:
    """Return what *request* asks of the engine, for a *storage* of *kind*, be it in *layer*."""
    effort = None if request.compress == "none" else request.compress
    with importable(request.libraries):
        variants = variants_for(storage, kind, effort, request.formats)
    in_layer = layer is not None
    return Wishes(
        post_process=request.post_process,
        clear=request.clear,
        prune=request.prune,
        how=How(links=in_layer or request.hardlinks, settled=in_layer),
        variants=None if request.compress == "none" else variants,
        decides=variants is not None or request.compress is not None,
        cache=Cache(Path(request.cache) if request.cache else default_directory()),
        reuse=Path(request.reuse) if request.reuse else None,
        layer=layer,
        missing_maps=request.missing_maps,
        threads=cores(),
    )


def overridden() -> list[str]:
    """Return a sentence for an app that has put a collectstatic in the place of Django's."""
    from django.core.management import get_commands

    app = get_commands()["collectstatic"]
    if app in ("django.contrib.staticfiles", "buildstatic.django"):
        return []
    return [f"{app} has a collectstatic of its own, which is not run: Django's collects here."]


def unheard(request: Request, kind: Kind | str) -> list[str]:
    """Return a sentence for the options that were given and do nothing, for Django's loop runs.

    A dry run is not told of: it does nothing with any option. Equal files of a layer are linked
    whoever writes them.
    """
    reason = kind if isinstance(kind, str) else _of_djangos_own(request)
    options = [o for o in request.given if o != "--hardlinks" or request.layer_root is None]
    if request.dry_run or not reason or not options:
        return []
    does = "does" if len(options) == 1 else "do"
    return [f"{', '.join(options)} {does} nothing here: Django's own code collects, as {reason}."]


@contextmanager
def _finders(collectstatic: Any, planned: _Planned) -> Iterator[None]:
    get_finders = collectstatic.get_finders
    collectstatic.get_finders = lambda: [planned]
    try:
        yield
    finally:
        collectstatic.get_finders = get_finders


def _failed(request: Request, storage: Any, error: BaseException) -> BuildstaticError:
    cause = _behind(error)
    if not isinstance(cause, str) and (variable := missing_variable(cause, request)):
        return variable
    match cause:
        case EOFError() if locals_of(error, COMMAND, "handle"):
            problem = (
                "Django asked whether files may be overwritten, and nobody was there to answer."
            )
            return CollectCancelled(problem, "Answer it with --noinput.")
        case BuildstaticError():
            return cause
        case BrokenPipeError():
            return CollectFailed("Standard output was closed before all files were collected.")
        case OSError() if known := of_file(cause, getattr(storage, "location", None)):
            return known
        case str() if "cancelled" in cause:
            return CollectCancelled(cause, "No file was changed.")
        case str():
            return CollectFailed(cause)
        case _:
            return _raised(request, storage, cause, file_at_work(error))


def _unfollowed(request: Request, plan: Plan, error: Unresolved | Unsettled) -> ReferencesBroken:
    """Return the error that names every reference, with the source that it stands in."""
    places = {source.path: _relative(source.place, request) for source in plan.wins}
    if isinstance(error, Unsettled):
        names = ", ".join(places[name] for name in error.names)
        problem = f"Files that refer to one another in a circle have no fingerprint: {names}."
        return ReferencesBroken(problem, "Take one of the references out.")
    lines = [f"    {problem.told_of(places[problem.name])}" for problem in error.problems]
    head = "A reference" if len(lines) == 1 else f"{len(lines)} references"
    advice = "Mend each there, add what it names, or leave the file out (--ignore)."
    if any(problem.is_missing_map for problem in error.problems):
        advice += " Source maps may be missing with --missing-maps=warn."
    return ReferencesBroken("\n".join([f"{head} cannot be followed:", *lines]), advice)


def _relative(place: str, request: Request) -> str:
    path = Path(place)
    return str(path.relative_to(request.root)) if path.is_relative_to(request.root) else place


def _behind(error: BaseException) -> BaseException | str:
    """Return what a CommandError was made of, an exception or a sentence, else *error* itself."""
    from django.core.management.base import CommandError

    if not isinstance(error, CommandError):
        return error
    made_of = error.args[0] if error.args else None
    return error.__cause__ or (made_of if isinstance(made_of, OSError) else str(error))


def _raised(
    request: Request, storage: Any, error: BaseException, name: str | None
) -> BuildstaticError:
    kind = f"{type(storage).__module__}.{type(storage).__qualname__}"
    problem = f"The storage {kind} raised{f' at {name}' if name else ''}: "
    advice = f"Mend {name}, or leave it out: --ignore '{name}'." if name else ""
    return CollectFailed(f"{problem}{place(error, request)}{words(error)}", advice)


def file_at_work(error: BaseException) -> str | None:
    """Return the file that collectstatic was copying or post-processing when *error* rose.

    Django keeps it in local variables: of ``Command.copy_file`` and its like, of
    ``Command.collect`` for an exception that post-processing handed over (since 6.1 as the cause
    of another), and of ``HashedFilesMixin._post_process`` for one that it did not.
    """
    for function in ("copy_file", "link_file", "delete_file"):
        if name := locals_of(error, COMMAND, function).get("prefixed_path"):
            return str(name)
    collecting = locals_of(error, COMMAND, "collect")
    if isinstance(collecting.get("processed"), Exception):
        return str(collecting["original_path"])
    name = locals_of(error, STORAGE, "_post_process").get("name")
    return str(name) if name else None
