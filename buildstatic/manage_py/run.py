"""Run a project's manage.py up to the command that Django would run."""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from buildstatic.errors import SettingsInvalid
from buildstatic.manage_py.find import SETTINGS_VARIABLE
from buildstatic.tracebacks import innermost_line

TIME_LIMIT = 120  # seconds for manage.py to call Django
_CALL_DJANGO = (
    "It must call django.core.management.execute_from_command_line(sys.argv), as that of a new "
    "project does."
)


class _DjangoReached(BaseException):
    """Raised where Django would run the command; not an Exception, which manage.py may catch."""


class _OtherProcess(BaseException):
    """Raised where manage.py would leave the command to another process; says how."""


class _TimedOut(BaseException):
    """Raised when manage.py takes longer than `TIME_LIMIT`."""


def run_manage_py(manage: Path, arguments: Sequence[str], settings: str | None) -> str:
    """Run *manage* as ``python manage.py ARGUMENTS``, up to where Django would run the command.

    This process is then what the command would find: ``sys.path``, ``sys.argv``, the environment,
    import hooks, ``__main__``. Settings and apps are not loaded. *settings* takes precedence over
    the module that manage.py selects. Returns the settings module, empty if there is none.

    Raises what manage.py raises, SystemExit included, and `SettingsInvalid` if it does not call
    Django within `TIME_LIMIT` seconds, leaves the command to another process, or asks for input
    that is not there.
    """
    directory = str(manage.resolve().parent)
    sys.path[:] = [directory, *(path for path in sys.path if path not in ("", directory))]
    sys.argv[:] = [str(manage), *arguments]
    if settings:
        os.environ[SETTINGS_VARIABLE] = settings
    with _stopped_at(arguments[0]) as reached:
        try:
            with _time_limit(), _in_this_process(arguments[0]):
                _run_as_main(manage)
        except _OtherProcess as error:
            place = innermost_line(error, lambda file: file == str(manage))
            subject = f"{manage.name}:{place[1]}" if place else manage.name
            raise SettingsInvalid(f"{subject} {error}.", _CALL_DJANGO) from error
        except _TimedOut as error:
            problem = f"{manage.name} has not called Django after {TIME_LIMIT} seconds"
            if place := innermost_line(error, lambda file: file == str(manage)):
                problem += f"; it is at line {place[1]}"
            raise SettingsInvalid(f"{problem}.", _CALL_DJANGO) from error
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            if not reached and isinstance(error, EOFError):
                problem = f"{manage.name} asks for input, and standard input is closed."
                raise SettingsInvalid(problem, f"It must not ask for {arguments[0]}.") from error
            if not reached and not (isinstance(error, SystemExit) and not error.code):
                raise
    if not reached:
        raise SettingsInvalid(f"{manage.name} does not call Django.", _CALL_DJANGO)
    _handle_default_options(reached[0])
    if settings:
        os.environ[SETTINGS_VARIABLE] = settings
    return os.environ.get(SETTINGS_VARIABLE, "")


@contextmanager
def _stopped_at(command: str) -> Iterator[list[list[str]]]:
    """Make Django raise `_DjangoReached` where it would run *command*.

    Yields a list that gets the argv which Django was called with. Other commands run, as some
    manage.py run another one first.
    """
    from django.core import management

    utility_class = management.ManagementUtility
    reached: list[list[str]] = []
    originals = utility_class.execute, utility_class.fetch_command, management.call_command

    def execute(utility: Any) -> None:
        if utility.argv[1:2] != [command]:
            originals[0](utility)
            return
        reached.append(utility.argv)
        raise _DjangoReached

    def fetch_command(utility: Any, name: str) -> Any:  # of a subclass with its own execute()
        if name != command:
            return originals[1](utility, name)
        reached.append(utility.argv)
        raise _DjangoReached

    def call_command(name: Any, *arguments: Any, **options: Any) -> Any:
        # Modules that are imported meanwhile keep this function.
        if name != command or management.call_command is not call_command:
            return originals[2](name, *arguments, **options)
        reached.append(sys.argv)
        raise _DjangoReached

    utility_class.execute, utility_class.fetch_command = execute, fetch_command
    management.call_command = call_command
    try:
        yield reached
    finally:
        utility_class.execute, utility_class.fetch_command, management.call_command = originals


@contextmanager
def _in_this_process(command: str) -> Iterator[None]:
    """Raise `_OtherProcess` in the block where another process would run *command*.

    That is a Python program that is started with it, or any program that replaces this process.
    """
    process, is_active = os.getpid(), True

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        events = ("subprocess.Popen", "os.posix_spawn", "os.exec", "os.system")
        if not is_active or event not in events:
            return
        if event == "os.exec" and os.getpid() == process:
            raise _OtherProcess(f"replaces its process with {os.fsdecode(arguments[0])}")
        words = arguments[0] if event == "os.system" else arguments[1]
        listed = [words] if isinstance(words, str | bytes | os.PathLike) else words
        line = f" {' '.join(map(os.fsdecode, listed))} "
        before, found, _ = line.partition(f" {command} ")
        if found and re.search(r"python|django|\.py\b", before):
            raise _OtherProcess(f"runs {command} in another process")

    sys.addaudithook(hook)  # It cannot be removed.
    try:
        yield
    finally:
        is_active = False


def _run_as_main(manage: Path) -> None:
    module = ModuleType("__main__")
    module.__file__ = str(manage)
    sys.modules["__main__"] = module
    code = compile(manage.read_bytes(), str(manage), "exec", dont_inherit=True)
    exec(code, vars(module))


@contextmanager
def _time_limit() -> Iterator[None]:
    """Raise `_TimedOut` in the block after `TIME_LIMIT` seconds; only the main thread can."""
    is_available = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGALRM) is signal.SIG_DFL
    )
    if not is_available:
        yield
        return

    def stop(_number: int, _frame: object) -> None:
        raise _TimedOut

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(TIME_LIMIT)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)


def _handle_default_options(argv: Sequence[str]) -> None:
    """Apply ``--settings`` and ``--pythonpath`` of *argv* as ``ManagementUtility.execute`` does."""
    from django.core.management import handle_default_options
    from django.core.management.base import CommandError, CommandParser

    parser = CommandParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--settings")
    parser.add_argument("--pythonpath")
    parser.add_argument("args", nargs="*")
    with suppress(CommandError):
        options, _ = parser.parse_known_args(list(argv[2:]))
        handle_default_options(options)
