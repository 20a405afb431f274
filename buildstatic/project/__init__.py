"""Detect a Django project by reading its files; it is not imported.

The facts of a detected project, each with its source. `detect.detect` returns them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, Literal, TypeVar

from buildstatic.errors import ConfigInvalid
from buildstatic.project.config import ProjectConfig

T = TypeVar("T")


@dataclass(frozen=True)
class Fact(Generic[T]):
    """A value and its source: ``file:line``, relative to the project's root."""

    value: T
    source: str


@dataclass(frozen=True)
class Package:
    """A package: its canonical name, PEP 440 specifier set, extras and source (``file:line``).

    *wheel* is whether a lock file lists a wheel for the image's platform, None if it is not known;
    *vcs* the program that its version control repository needs (git, hg, svn, bzr), empty without;
    *is_foreign* whether a lock file lists only wheels for other systems.
    """

    name: str
    specifier: str
    extras: frozenset[str]
    source: str
    wheel: bool | None = None
    vcs: str = ""
    is_foreign: bool = False

    def __str__(self) -> str:
        extras = f"[{','.join(sorted(self.extras))}]" if self.extras else ""
        return f"{self.name}{extras}{self.specifier}"


Packages = dict[str, Package]


@dataclass(frozen=True)
class SystemPackages:
    """Debian packages that the Python packages need: to *build* them, and to *run* the image."""

    build: tuple[str, ...] = ()
    run: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dependencies:
    """How the project's packages are installed.

    *manager* is uv, poetry, pdm, pipenv, pyproject, conda or pip; *file* the lock or requirements
    file; *files* every file that the installation reads (*file*, pyproject.toml, ``-r`` and ``-c``
    files, wheels); *local* the directories that it reads (``-e .``, ``./libs/x``, find-links).
    *member* is the package of a workspace that is installed, if it is not the root. *groups* and
    *extras* are installed as well, and so are the requirements files *additional*; *groups_only* is
    whether there is nothing else to install. Not installed are the packages *left_out*, which Linux
    does not have; those in *by_name* are taken from the index, as their files are elsewhere.
    *secrets* are the environment variables with the credentials of private indexes; *index* is the
    URL of the one that replaces PyPI, and *trusted_hosts* need no TLS, or a certificate that is not
    known, both with ``${NAME}`` for variables. *arguments* are those of pip in place of *file* if
    it cannot read that. *uv* are the specifiers of the versions of uv that the project allows,
    empty for any. *servers* are the requirements of application servers that only a requirements
    file has, which is not installed.
    All paths are POSIX and relative to the root.
    """

    manager: str
    file: str
    files: tuple[str, ...]
    local: tuple[str, ...] = ()
    member: str = ""
    groups: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    additional: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    by_name: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    index: str = ""
    trusted_hosts: tuple[str, ...] = ()
    groups_only: bool = False
    arguments: tuple[str, ...] = ()
    uv: str = ""
    servers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Server:
    """The application server among the dependencies.

    *specifier* is a PEP 440 specifier set (``==23.0.0`` from a lock file), empty for any version.
    *uvicorn_worker* is whether the package uvicorn-worker is a dependency too.
    """

    name: str
    specifier: str
    uvicorn_worker: bool = False


@dataclass(frozen=True)
class Database:
    """The database driver, and the Debian packages required to build and to run it."""

    driver: str
    build_packages: tuple[str, ...]
    run_packages: tuple[str, ...]


@dataclass(frozen=True)
class Connection:
    """How the settings connect to the default database.

    *engine* is postgresql, mysql, oracle, sqlite, or dummy if there is none; *url* the variable
    with its URL; *parts* the variables of its entries, by HOST, PORT, NAME, USER and
    PASSWORD. *has_gis* is whether it is PostGIS, an extension of PostgreSQL.
    """

    engine: str
    url: str | None = None
    parts: Mapping[str, str] = field(default_factory=dict)
    has_gis: bool = False


@dataclass(frozen=True)
class Process:
    """A process beside the server: *command* is a shell command.

    *schedule* is a cron expression; empty for a process that always runs.
    """

    name: str
    command: str
    schedule: str = ""


@dataclass(frozen=True)
class BuildScript:
    """The script *name* of the package.json in *directory*, which is relative to the root."""

    name: str
    directory: str = "."


@dataclass(frozen=True)
class Frontend:
    """The front end in *directory* (relative to the root, or ``.``), installed by *manager*.

    *build* are the scripts that build it, in order; *modules* is the path of its ``node_modules``
    if the settings collect from them, else empty. *workspaces* are the directories of the packages
    that are installed with it. *node* is the major version of Node. *files* and *directories* are
    the manager's own configuration (.npmrc, patches), by their names in *directory*; *secret* is
    the place of a password in another such file, and *variables* are the environment variables that
    the configuration refers to.

    *public_environment* are the ``.env`` files that have only variables of the build's output.

    *needs_sources* says why the installation requires the project's files, *needs_git* is whether
    it requires git, *needs_legacy_openssl* whether the build does on its version of Node.
    *is_nested* is whether there is more than one ``node_modules``. *yarn* is berry for Yarn 2 and
    later, and pnp if that creates no ``node_modules``; *version* is the major version of pnpm by
    the lock file, or of Yarn Classic, if package.json names none.
    """

    manager: str
    directory: str
    lock: str | None
    build: tuple[BuildScript, ...] = ()
    modules: str = ""
    workspaces: tuple[str, ...] = ()
    node: int = 26
    files: tuple[str, ...] = ()
    directories: tuple[str, ...] = ()
    secret: str = ""
    variables: tuple[str, ...] = ()
    public_environment: tuple[str, ...] = ()
    needs_sources: str = ""
    needs_git: bool = False
    needs_legacy_openssl: bool = False
    is_nested: bool = False
    yarn: Literal["classic", "berry", "pnp"] = "classic"
    version: str = ""

    @property
    def commands(self) -> tuple[tuple[str, str], ...]:
        """The directories and the commands that build it, in order."""
        return tuple((each.directory, f"{self.manager} run {each.name}") for each in self.build)


@dataclass(frozen=True)
class Sqlite:
    """The default database's *file*, and whether the settings that name it import ``os``.

    *file* is relative to the root, or absolute if it is outside.
    """

    file: str
    imports_os: bool


@dataclass(frozen=True)
class Variable:
    """An environment variable that the settings read; *required* if they fail without it.

    *kind* is the type of its value: text, number, flag, choice, list, json, url, address (of
    email), directory; a URL of a database, cache, email, postgresql, redis or amqp. *choices* are
    the values that the code compares it with; a choice has to be one of them.
    """

    name: str
    required: bool
    source: str
    kind: str = "text"
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Edit:
    """A change that a project needs: *text* is inserted into *file*, at *where*."""

    file: str
    where: str
    why: str
    text: str


@dataclass(frozen=True, kw_only=True)
class ProjectSettings:
    """A Django project as far as collecting needs it: its manage.py, settings and configuration.

    *classes* are the settings classes of django-configurations, *configuration* the one that is
    deployed; *config* is what ``[tool.buildstatic]`` of pyproject.toml sets.
    """

    root: Path
    manage: Fact[str]
    settings: Fact[str]
    classes: tuple[str, ...] = ()
    configuration: Fact[str] | None = None
    variables: tuple[Variable, ...] = ()
    secret_key: Variable | None = None
    config: ProjectConfig = field(default_factory=ProjectConfig)


@dataclass(frozen=True, kw_only=True)
class Project(ProjectSettings):
    """A Django project, detected by reading its files.

    Paths are POSIX and relative to *root*, but for a *static_root* outside of it, which is
    absolute. *wsgi* and *asgi* are ``module:attribute``. *frontends* are built or installed;
    *unbuilt* are the directories of a package.json whose build scripts are not run, each with the
    place of the first; *invalid* the errors of those that cannot be read. *node_modules* are the
    directories of that name that the settings collect from; *sqlite* is set if the default database
    is SQLite; *web_server* is the server whose configuration in the project serves STATIC_URL.
    *needed* are the directories of static files, templates and apps that the settings name;
    *health* the path of a health check among the URLs. *python_path* are the directories
    with modules that are not on the default module search path; *early_import* is the package of an
    application that imports something before the application's file names the settings; *log_files*
    are those of LOGGING in the project, *sqlite_files* those that any setting names; *gis* are
    the Debian packages of GeoDjango; *packages* are the Python packages that are installed, by
    name, and *system* what they need of Debian.
    *storage_switch* are the variables that decide whether the storage is remote, if any do.
    *before* and *after* are the commands of manage.py that installed apps require before and after
    collecting.
    """

    wsgi: Fact[str] | None
    asgi: Fact[str] | None
    python: Fact[str] | None
    dependencies: Fact[Dependencies] | None
    server: Fact[Server] | None
    whitenoise: Fact[bool] | None
    database: Fact[Database] | None
    frontends: tuple[Fact[Frontend], ...]
    static_root: Fact[str] | None
    static_url: Fact[str] | None
    storage: Fact[str] | None
    remote: Fact[bool] | None
    media_root: Fact[str] | None = None
    sqlite: Fact[Sqlite] | None = None
    node_modules: tuple[Fact[str], ...] = ()
    unbuilt: tuple[Fact[str], ...] = ()
    invalid: tuple[ConfigInvalid, ...] = ()
    python_path: Fact[tuple[str, ...]] | None = None
    early_import: Fact[str] | None = None
    log_files: tuple[Fact[str], ...] = ()
    sqlite_files: tuple[Fact[str], ...] = ()
    gis: Fact[tuple[str, ...]] | None = None
    storage_switch: Fact[tuple[str, ...]] | None = None
    needed: tuple[str, ...] = ()
    connection: Fact[Connection] | None = None
    health: Fact[str] | None = None
    web_server: Fact[str] | None = None
    processes: Fact[tuple[Process, ...]] | None = None
    packages: Packages = field(default_factory=dict)
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    system: SystemPackages = SystemPackages()
    notes: tuple[str, ...] = ()

    @property
    def before_collecting(self) -> tuple[str, ...]:
        """The commands that run before collecting: those configured, else *before*."""
        return self.before if self.config.before is None else self.config.before

    @property
    def after_collecting(self) -> tuple[str, ...]:
        """The commands that run after collecting: those configured, else *after*."""
        return self.after if self.config.after is None else self.config.after
