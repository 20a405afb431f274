"""One class per kind of failure, each with an exit code of its own.

``str(error)`` is what the command line prints: the problem, then the advice. Exit codes 1 (a check
found something), 2 (wrong usage), 70 (internal error) and 130 (interrupted) have no class here.
"""

from __future__ import annotations

from collections.abc import Iterable


class BuildstaticError(Exception):
    """A failure with a cause that the user can fix.

    *problem* says what is wrong and where, *advice* what to do next. Neither ends in a newline.
    After a problem of several lines the advice is separated by an empty line.
    """

    exit_code: int

    def __init__(self, problem: str, advice: str = "") -> None:
        super().__init__(problem, advice)
        self.problem = problem
        self.advice = advice

    def __str__(self) -> str:
        separator = "\n\n" if "\n" in self.problem else " "
        return f"{self.problem}{separator}{self.advice}".rstrip()


class ProjectNotFound(BuildstaticError):
    """There is no manage.py in the directory or two levels below, or more than one at one level."""

    exit_code = 10


class InterpreterNotFound(BuildstaticError):
    """No Python of the project was found that imports Django, or it is older than 3.11."""

    exit_code = 11


class ConfigInvalid(BuildstaticError):
    """``[tool.buildstatic]``, another project file or a variable is unreadable or invalid."""

    exit_code = 12


class SettingsInvalid(BuildstaticError):
    """The settings module was not found; or it, an installed app or manage.py fails to run."""

    exit_code = 13


class VariablesMissing(BuildstaticError):
    """The settings require environment variables that are not set.

    *names* are the variables that importing the settings failed on.
    """

    exit_code = 14

    def __init__(self, problem: str, advice: str = "", names: Iterable[str] = ()) -> None:
        super().__init__(problem, advice)
        self.names = tuple(names)
        self.args = (problem, advice, self.names)


class StaticRootInvalid(BuildstaticError):
    """STATIC_ROOT is not set, holds other files as well, or cannot be an image layer of its own."""

    exit_code = 20


class StaticfilesNotInstalled(BuildstaticError):
    """``django.contrib.staticfiles`` is not in INSTALLED_APPS."""

    exit_code = 21


class StorageRemote(BuildstaticError):
    """The storage keeps the static files on another machine, so no layer can be built."""

    exit_code = 22


class CollectFailed(BuildstaticError):
    """A finder, a storage or a worker process failed while the static files were collected."""

    exit_code = 23


class CollectCancelled(BuildstaticError):
    """The user declined to overwrite existing files."""

    exit_code = 24


class FilesConflict(BuildstaticError):
    """Files with the same path have different content, and ``--strict`` is set."""

    exit_code = 25


class ReferencesBroken(BuildstaticError):
    """Static files refer to missing files, refer to each other in a cycle, or are not UTF-8."""

    exit_code = 26


class CommandFailed(BuildstaticError):
    """A command of manage.py that runs before or after collecting failed.

    *status* is its own exit code, which becomes that of buildstatic; 0 if it raised an exception.
    """

    exit_code = 27

    def __init__(self, problem: str, advice: str = "", status: int = 0) -> None:
        super().__init__(problem, advice)
        self.args = (problem, advice, status)
        self.exit_code = status or type(self).exit_code


class FilesExist(BuildstaticError):
    """Files to be generated exist already with other content."""

    exit_code = 30


class FileError(BuildstaticError):
    """A file could not be read or written: a full disk, a permission, a tree that changes."""

    exit_code = 31


class EngineNotFound(BuildstaticError):
    """No Docker engine responds."""

    exit_code = 40


class EngineUnusable(BuildstaticError):
    """The Docker engine denies access, or is too old for ``COPY --link``."""

    exit_code = 41


class EngineFailed(BuildstaticError):
    """The engine or the builder failed for another reason."""

    exit_code = 42


class StageFailed(BuildstaticError):
    """A stage of the build failed.

    *stage* is its name and *vertex* the digest of the failed step, empty if it is not known.
    *output* has the last lines that the step printed.
    """

    exit_code = 43

    def __init__(
        self,
        problem: str,
        advice: str = "",
        *,
        stage: str = "",
        vertex: str = "",
        output: tuple[str, ...] = (),
    ) -> None:
        super().__init__(problem, advice)
        self.stage = stage
        self.vertex = vertex
        self.output = output

    def __str__(self) -> str:
        output = "\n".join(f"  | {line}" for line in self.output)
        return "\n\n".join(filter(None, (super().__str__(), output)))


class UnsupportedByBuilder(BuildstaticError):
    """The selected builder does not support the request; the advice names one that does."""

    exit_code = 44


class StaticLayerNotFound(BuildstaticError):
    """No layer of the image contains the static files, or a later layer hides them."""

    exit_code = 45


class ImageReferenceInvalid(BuildstaticError):
    """An image reference cannot be parsed."""

    exit_code = 50


class ImageNotFound(BuildstaticError):
    """No image has that reference."""

    exit_code = 51


class ImageInvalid(BuildstaticError):
    """An image is corrupt, is not an image, or has an unsupported media type."""

    exit_code = 52


class RegistryDenied(BuildstaticError):
    """The registry requires credentials, or rejected those given."""

    exit_code = 53


class RegistryInsecure(BuildstaticError):
    """The registry uses plain HTTP or a certificate that is not trusted."""

    exit_code = 54


class RegistryUnavailable(BuildstaticError):
    """The registry does not respond, asks to retry later, or failed."""

    exit_code = 55


class VerificationFailed(BuildstaticError):
    """A check of ``buildstatic verify`` failed."""

    exit_code = 56


class DatabaseUnreachable(BuildstaticError):
    """A database did not respond within the timeout."""

    exit_code = 60


class DatabaseInvalid(BuildstaticError):
    """DATABASES has no such alias, or the database's driver is not installed."""

    exit_code = 61


class LockFailed(BuildstaticError):
    """The migration lock was not acquired within the timeout, or was lost during the migration."""

    exit_code = 62


class LockUnsupported(BuildstaticError):
    """The database has no lock that buildstatic supports, and one was requested."""

    exit_code = 63


class MigrationsFailed(BuildstaticError):
    """A migration, or a signal handler that runs after it, failed."""

    exit_code = 64


class ServerNotFound(BuildstaticError):
    """The server is not installed, cannot be executed, or has no application to serve."""

    exit_code = 65
