"""One class per kind of failure: a sentence, what to do next, and an exit code of its own.

``str(error)`` is what is printed: the sentence, and after it the advice. Exit codes 1 (a check
found something), 2 (wrong use of the command line) and 130 (interrupted) are not in this table.
"""

from __future__ import annotations

from typing import ClassVar


class BuildstaticError(Exception):
    """A failure with a cause that the person can mend.

    *problem* says what is wrong and where; *advice* what to do next. Neither ends in a newline;
    after a problem of several lines the advice stands apart.
    """

    exit_code: ClassVar[int]

    def __init__(self, problem: str, advice: str = "") -> None:
        super().__init__(problem, advice)
        self.problem = problem
        self.advice = advice

    def __str__(self) -> str:
        between = "\n\n" if "\n" in self.problem else " "
        return f"{self.problem}{between}{self.advice}".rstrip()


class ProjectNotFound(BuildstaticError):
    """No manage.py in the directory or two levels below."""

    exit_code = 10


class SeveralProjects(BuildstaticError):
    """Several manage.py at the same depth."""

    exit_code = 11


class PythonTooOld(BuildstaticError):
    """The project asks for a Python below 3.11."""

    exit_code = 12


class ConfigInvalid(BuildstaticError):
    """``[tool.buildstatic]``, or a file of the project's, cannot be read or says something odd."""

    exit_code = 13


class SettingsNotFound(BuildstaticError):
    """No settings module is named, or the named one has no file."""

    exit_code = 14


class SettingsBroken(BuildstaticError):
    """The settings, or an app that they install, do not import."""

    exit_code = 20


class VariablesMissing(BuildstaticError):
    """The settings demand environment variables that nobody gave.

    *name* is the one that Python stumbled over, where it did.
    """

    exit_code = 21

    def __init__(self, problem: str, advice: str = "", name: str = "") -> None:
        super().__init__(problem, advice)
        self.args = (problem, advice, name)
        self.name = name


class StaticRootMissing(BuildstaticError):
    """STATIC_ROOT is not set."""

    exit_code = 22


class StaticfilesNotInstalled(BuildstaticError):
    """``django.contrib.staticfiles`` is not in INSTALLED_APPS."""

    exit_code = 23


class CollectFailed(BuildstaticError):
    """A finder or a storage raised while the files were collected."""

    exit_code = 24


class InterpreterNotFound(BuildstaticError):
    """No Python that can import Django was found for the project."""

    exit_code = 25


class PlaceRefused(BuildstaticError):
    """STATIC_ROOT stands where a layer of its own would do damage (a symlink, a foreign parent)."""

    exit_code = 26


class StorageRemote(BuildstaticError):
    """The storage keeps its files elsewhere, so there is nothing to put into a layer."""

    exit_code = 27


class CollectCancelled(BuildstaticError):
    """The person answered no when asked whether files may be overwritten."""

    exit_code = 28


class Conflicting(BuildstaticError):
    """Files with one path have different content, and ``--strict`` was asked for."""

    exit_code = 29


class FilesExist(BuildstaticError):
    """Files that would be written are there already and say something else."""

    exit_code = 30


class ReferencesBroken(BuildstaticError):
    """Static files refer to others that are not there, in a circle, or are no UTF-8."""

    exit_code = 31


class TreeRefused(BuildstaticError):
    """The tree holds other things as well, and ``--clear`` or ``--prune`` would remove them."""

    exit_code = 32


class EngineNotFound(BuildstaticError):
    """No Docker engine answers."""

    exit_code = 40


class EngineTooOld(BuildstaticError):
    """The engine's BuildKit cannot do what the Dockerfile needs (``COPY --link``)."""

    exit_code = 41


class EngineForbidden(BuildstaticError):
    """The engine's socket is there but may not be used."""

    exit_code = 42


class StageFailed(BuildstaticError):
    """A stage of the build failed.

    *stage* is its name and *vertex* the digest of the step, empty where it is none of the file's.
    """

    exit_code = 43

    def __init__(
        self, problem: str, advice: str = "", *, stage: str = "", vertex: str = ""
    ) -> None:
        super().__init__(problem, advice)
        self.stage = stage
        self.vertex = vertex


class BuilderCannot(BuildstaticError):
    """The builder in use cannot do what was asked; the advice names the one that can."""

    exit_code = 44


class StaticLayerMissing(BuildstaticError):
    """No layer of the image holds the static files, or a later one hides them."""

    exit_code = 45


class DockerfileUnsuitable(BuildstaticError):
    """The project's Dockerfile cannot be read, or has no ``static`` stage."""

    exit_code = 46


class EngineFailed(BuildstaticError):
    """The engine or the builder gave up for a reason of its own."""

    exit_code = 47


class DiskFailed(BuildstaticError):
    """A file could not be written: a full disk, a read-only directory."""

    exit_code = 50


class TreeUnfit(BuildstaticError):
    """A tree cannot become a layer: it changes, cannot be read, or holds more than files."""

    exit_code = 51


class EpochInvalid(BuildstaticError):
    """SOURCE_DATE_EPOCH is no number of seconds."""

    exit_code = 59


class ReferenceInvalid(BuildstaticError):
    """What was given is no name of an image."""

    exit_code = 60


class ImageNotFound(BuildstaticError):
    """No image has the name."""

    exit_code = 61


class NotAnImage(BuildstaticError):
    """What has the name is no image."""

    exit_code = 62


class MediaTypeUnknown(BuildstaticError):
    """An image, or a part of it, is of a media type that is not known."""

    exit_code = 63


class ImageCorrupt(BuildstaticError):
    """The parts of an image do not fit: a wrong digest, a missing blob, broken JSON."""

    exit_code = 64


class RegistryForbidden(BuildstaticError):
    """The registry wants other credentials, or any."""

    exit_code = 65


class RegistryInsecure(BuildstaticError):
    """The registry speaks HTTP, or has a certificate that is not trusted."""

    exit_code = 66


class RegistryUnreachable(BuildstaticError):
    """No registry answers, or not to the end."""

    exit_code = 67


class RegistryBusy(BuildstaticError):
    """The registry asks to wait for longer than is waited."""

    exit_code = 68


class RegistryFailed(BuildstaticError):
    """The registry gave up for a reason of its own."""

    exit_code = 69


class PromisesBroken(BuildstaticError):
    """What was verified is not what was promised."""

    exit_code = 71


class DatabaseUnreachable(BuildstaticError):
    """A database did not answer for as long as was waited."""

    exit_code = 80


class DatabaseUnknown(BuildstaticError):
    """DATABASES has no such alias, or its driver is not installed."""

    exit_code = 81


class LockNotTaken(BuildstaticError):
    """Another process held the lock, or it could not be taken, for as long as was waited."""

    exit_code = 82


class LockLost(BuildstaticError):
    """The lock went away while the database was migrated."""

    exit_code = 83


class LockUnsupported(BuildstaticError):
    """The database has no lock that is known here, and one was asked for."""

    exit_code = 84


class MigrationsFailed(BuildstaticError):
    """A migration, or what runs after it, failed."""

    exit_code = 85


class ServerNotFound(BuildstaticError):
    """The server is not installed, cannot be run, or has no application to serve."""

    exit_code = 86


class NotServable(BuildstaticError):
    """The static files cannot have a server of their own."""

    exit_code = 110
