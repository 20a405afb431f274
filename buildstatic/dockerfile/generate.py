"""Generates the Dockerfile: base, deps, frontend, static, export, assets and web stages."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from glob import glob
from pathlib import PurePosixPath
from typing import Literal

from buildstatic import __version__
from buildstatic.dockerfile import APP, DOCKERFILE
from buildstatic.dockerfile.assets import FORMATS, Assets, assets_context, assets_notes
from buildstatic.dockerfile.frontend import frontend_context, frontend_notes
from buildstatic.dockerfile.quoting import copy_words, env_value, is_plain
from buildstatic.dockerfile.static_root import DATA, data_directory, static_root_in_image
from buildstatic.errors import ConfigInvalid
from buildstatic.project import Dependencies, Project
from buildstatic.project.packages.indexes import PASSWORD
from buildstatic.project.packages.python_version import DEFAULT_PYTHON
from buildstatic.project.packages.system import required
from buildstatic.project.static_files import contains_needed, uploads
from buildstatic.templates import GeneratedFile, render, shell_word

PLACEHOLDER_SECRET_KEY = "only-to-collect"
HEALTHCHECK = (
    "import http.client, os; "
    "c = http.client.HTTPConnection('127.0.0.1', int(os.environ['PORT']), timeout=4); "
    "c.request('GET', '/'); c.getresponse()"
)
# The dependencies that collecting imports, for pip. Installing all takes three times as long.
COLLECT_REQUIREMENTS = (
    "brotli",
    "click",
    "deflate",
    "packaging",
    "pathspec",
    "pyyaml",
    "rich",
    'backports.zstd; python_version < "3.14"',
)
# The version of uv if the project does not require one, which reads the lock files of older ones.
UV = "==0.13.*"
# Replaces the characters that end the part of a URL with the password.
ESCAPE = "sed 's|%|%25|g;s|/|%2F|g;s|?|%3F|g;s|#|%23|g'"
VARIABLE = r"\$\{(\w+)\}"
# The option for a directory with the dependency files other than the root.
_DIRECTORY_OPTIONS = {"uv": "--project", "poetry": "--directory", "pdm": "--project"}


@dataclass(frozen=True)
class DockerfileOptions:
    """The choices about a generated Dockerfile.

    *serve* is the server's command. *install* are packages that the image needs, but the project
    does not have. *python* overrides the detected version. *network* allows the
    collecting step to use the network. *environment* holds placeholders for variables that the
    settings require, for Django's own command. *assets* is the server of an image for the static
    files alone, None if the application serves them. The compressed variants are those that this
    server supports unless *formats_configured*. *before* and *after* are commands of manage.py that
    run around collecting.
    """

    serve: tuple[str, ...]
    install: tuple[str, ...] = ()
    python: str | None = None
    port: int = 8000
    cache_mounts: bool = True
    multi_platform: bool = False
    collector: Literal["buildstatic", "django"] = "buildstatic"
    network: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    assets: Assets | None = None
    formats_configured: bool = False
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


def generate_dockerfile(project: Project, options: DockerfileOptions) -> GeneratedFile:
    """Return the Dockerfile of *project*.

    Raises ConfigInvalid if a name cannot be quoted in a Dockerfile, or if *options.assets* does not
    support the project.
    """
    text = render("Dockerfile", **_context(project, options))
    return GeneratedFile(DOCKERFILE, text, notes=tuple(_notes(project, options)))


def base_image(project: Project, python: str | None = None) -> str:
    """Return the reference of the base image; *python* overrides the detected version."""
    found = project.python.value if project.python else DEFAULT_PYTHON
    return f"python:{python or found}-slim"


def _notes(project: Project, options: DockerfileOptions) -> Iterator[str]:
    """Yield notes about the images, and about files that the application writes in /app."""
    if project.dependencies is None:
        yield (
            "No dependencies were found. The Dockerfile installs requirements.txt: create it, with"
            " Django and what else the project imports."
        )
    if options.assets:
        yield from assets_notes(project)
    for frontend in project.frontends:
        yield from frontend_notes(frontend.value)
    if project.sqlite and not project.sqlite.value.file.startswith("/"):
        place = posixpath.dirname(project.sqlite.value.file)
        directory = posixpath.join(APP, place).rstrip("/")
        import_os = "" if project.sqlite.value.imports_os else " and import os"
        yield f"SQLite: {project.sqlite.source} puts the database into {directory}, " + (
            "where it is lost with the container. Mount a volume there."
            if place in _writable_directories(project)
            else "which the application cannot write to. Wrap the value of NAME in "
            f'os.environ.get("DATABASE_PATH", …){import_os}, and run the image with '
            f"DATABASE_PATH={data_directory(project)}/db.sqlite3."
        )
    if project.media_root and not project.media_root.value.startswith("/"):
        place = posixpath.join(APP, project.media_root.value)
        if uploads(project) in _writable_directories(project):
            effect = "where they are lost with the container. Mount a volume there"
        else:
            effect = "which the application cannot write to. Read MEDIA_ROOT from a variable"
        yield f"Uploads: {project.media_root.source} puts them into {place}, {effect}."


def _writable_directories(project: Project) -> tuple[str, ...]:
    """Return the directories that the application writes uploads, logs or databases to.

    They are relative to the project, or absolute.
    """
    place = uploads(project) if project.media_root else None
    if project.media_root and data_directory(project) != DATA:
        media = PurePosixPath(project.media_root.value)
        place = str(media) if media.is_relative_to(DATA) else place
    tree = posixpath.join(APP, place or "")
    own = (
        ()
        if place is None or f"{static_root_in_image(project)}/".startswith(f"{tree}/")
        else (place,)
    )
    return tuple(dict.fromkeys((*own, *_file_directories(project))))


def _file_directories(project: Project) -> tuple[str, ...]:
    """Return the directories of log files and SQLite databases, if no code or source is in them.

    They have to exist when the project is imported, and often the repository does not have them.
    """
    written = [file.value for file in (*project.log_files, *project.sqlite_files)]
    if project.sqlite and not project.sqlite.value.file.startswith("/"):
        written.append(project.sqlite.value.file)
    places = dict.fromkeys(map(posixpath.dirname, written))
    return tuple(
        place
        for place in places
        if place
        and not contains_needed(project, place)
        # Path.glob raises for a long name.
        and not glob("*.py", root_dir=project.root / place)  # noqa: PTH207
    )


def _writable_files(project: Project) -> tuple[str, ...]:
    """Return the log files in directories that the application may not write to."""
    writable = _writable_directories(project)
    names = dict.fromkeys(file.value for file in project.log_files)
    return tuple(name for name in names if posixpath.dirname(name) not in writable)


def _context(project: Project, options: DockerfileOptions) -> dict[str, object]:
    def cache(target: str, attributes: str = "") -> str:
        mount = f"--mount=type=cache,{attributes}target={target}"
        return _continued(mount) if options.cache_mounts else ""

    dependencies = _dependencies_context(project)
    tree, data = static_root_in_image(project), data_directory(project)
    frontend = frontend_context([fact.value for fact in project.frontends], APP)
    multi = options.multi_platform
    database = project.database.value if project.database else None
    gis_packages = project.gis.value if project.gis else ()
    installed = required(options.install)
    return {
        "version": __version__,
        "image": base_image(project, options.python),
        "variables": _variables(project),
        "run_packages": _unique(
            database.run_packages if database else (),
            gis_packages,
            project.system.run,
            installed.run,
        ),
        "build_packages": _unique(
            database.build_packages if database else (), project.system.build, installed.build
        ),
        "multi_platform": multi,
        "build_platform": "--platform=$BUILDPLATFORM " if multi else "",
        "static_base": "build-base" if multi else "base",
        "static_deps": "build-deps" if multi else "runtime",
        "remote": project.remote is not None and project.remote.value,
        "storage": " ".join(project.storage.value.split()) if project.storage else "its storage",
        "collector": options.collector,
        "requirement": f"buildstatic=={__version__}",
        "collect_requirements": " ".join(map(shell_word, COLLECT_REQUIREMENTS)),
        "online": options.network,
        "network": "" if options.network else _continued("--network=none"),
        "environment": _placeholders(project, options) if options.collector == "django" else "",
        "manage": project.manage.value,
        "collect": _collect_command(project, options),
        "before": _manage_commands(project, options.before),
        "after": _manage_commands(project, options.after),
        "tree": tree,
        "layer_tree": f"/layer{tree}",
        "layer_parent": f"/layer{posixpath.dirname(tree)}",
        "port": options.port,
        "serve": options.serve,
        "install": options.install,
        "healthcheck": ("python", "-c", HEALTHCHECK),
        "cache": cache,
        "copy": copy_words,
        "no_cache_dir": "" if options.cache_mounts else "--no-cache-dir ",
        "uv_no_cache": "" if options.cache_mounts else " --no-cache",
        "poetry_no_cache": "" if options.cache_mounts else " --no-cache",
        **dependencies,
        **frontend,
        "file_directories": _file_directories(project),
        "data": data,
        "writable_directories": _writable_directories(project),
        "writable_files": _writable_files(project),
        "assets": options.assets,
        **(assets_context(project, options.assets, tree) if options.assets else {}),
    }


def _unique(*lists: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(item for names in lists for item in names))


def _continued(word: str) -> str:
    """Return *word* with a line continuation."""
    return f"{word} \\\n    "


def _variables(project: Project) -> str:
    """Return PYTHONPATH and the settings class, which only manage.py sets, and the settings module.

    The module is left out if the application sets the same one in time.
    """
    file, _, _ = project.settings.source.rpartition(":")
    variables = {}
    if project.python_path:
        directories = (posixpath.join(APP, name) for name in project.python_path.value)
        variables["PYTHONPATH"] = ":".join(directories)
    # django-configurations reads it while the application's file is still importing.
    if file != project.manage.value or project.early_import or project.configuration:
        variables["DJANGO_SETTINGS_MODULE"] = project.settings.value
    if project.configuration:
        variables["DJANGO_CONFIGURATION"] = project.configuration.value
    return "".join(f" \\\n    {name}={env_value(value)}" for name, value in variables.items())


def _manage_commands(project: Project, commands: tuple[str, ...]) -> tuple[str, ...]:
    """Return *commands* of manage.py as commands of a shell."""
    manage = shell_word(project.manage.value)
    words = (map(shell_word, shlex.split(each)) for each in commands)
    return tuple(f"python {manage} {' '.join(each)}" for each in words)


def _placeholders(project: Project, options: DockerfileOptions) -> str:
    """Return the variables that the settings require, as assignments before a shell command."""
    secret = {project.secret_key.name: PLACEHOLDER_SECRET_KEY} if project.secret_key else {}
    variables = {**secret, **options.environment}
    for name in variables:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise ConfigInvalid(
                f"The settings read the variable {name!r}, which a shell cannot set.",
                "Rename it, or use --collector buildstatic.",
            )
    return "".join(_continued(f"{name}={shell_word(value)}") for name, value in variables.items())


def _collect_command(project: Project, options: DockerfileOptions) -> tuple[str, ...]:
    command = ["/opt/buildstatic/bin/buildstatic", "collect", "--noinput"]
    command += ["--layer-root", "/layer", "--reuse", "/previous"]
    for name, commands in (("--before", options.before), ("--after", options.after)):
        for each in commands:
            command += [name, each]
    if options.assets and not options.formats_configured:
        command += ["--formats", FORMATS[options.assets]]
    if not project.manage.source.startswith(project.manage.value):
        command += ["--manage", project.manage.value]
    return tuple(command)


def _dependencies_context(project: Project) -> dict[str, object]:
    found = project.dependencies.value if project.dependencies else None
    dependencies = found or Dependencies("pip", "requirements.txt", ("requirements.txt",))
    manager = dependencies.manager
    # A local package is built in its directory: writable, and discarded with the mount.
    mounts = dict.fromkeys(dependencies.files, "") | dict.fromkeys(dependencies.local, ",rw")
    is_edited = manager == "pip" and bool(dependencies.left_out or dependencies.by_name)
    mounted = all(map(is_plain, mounts)) and not is_edited
    copies = [f"COPY {copy_words(f, f'./{f}')}\n" for f in mounts]
    binds = [_continued(f"--mount=type=bind,source={f},target={f}{rw}") for f, rw in mounts.items()]
    assignments = [f'{name}="$(cat /run/secrets/{name})"' for name in dependencies.secrets]
    hosts = " ".join(name for name in dependencies.trusted_hosts if not name.startswith("$"))
    if hosts:
        variable = "UV_INSECURE_HOST" if manager in ("uv", "pyproject") else "PIP_TRUSTED_HOST"
        assignments.append(f'{variable}="{hosts}"')
    directory = posixpath.dirname(dependencies.file)
    in_directory = ""
    if directory and manager == "pipenv":
        in_directory = f" \\\n    PIPENV_PIPFILE={env_value(f'{directory}/Pipfile')}"
    elif directory and manager in _DIRECTORY_OPTIONS:
        in_directory = f" {_DIRECTORY_OPTIONS[manager]}={shell_word(directory)}"
    return {
        "manager": manager,
        "uv": f"uv{dependencies.uv or UV}",
        "dependency_file": dependencies.file,
        "is_locked": dependencies.file.endswith(".lock"),
        "requirements": _requirements(dependencies),
        "selection": _selection(dependencies),
        "edits": _sed_arguments(dependencies) if is_edited else "",
        **_index_context(dependencies.index, dependencies.trusted_hosts),
        "secret_mounts": "".join(
            _continued(f"--mount=type=secret,id={name}") for name in dependencies.secrets
        ),
        "index_variables": _continued(" ".join(assignments)) if assignments else "",
        "left_out": (*dependencies.left_out, *dependencies.by_name),
        "in_directory": in_directory,
        "member": f" --package={shell_word(dependencies.member)}" if dependencies.member else "",
        "dependency_binds": "".join(binds) if mounted else "",
        "dependency_copies": "" if mounted else "".join(copies),
    }


def _index_context(url: str, trusted_hosts: Sequence[str]) -> dict[str, object]:
    """Return the mounts and variables with which pip and uv read the index *url* in place of PyPI.

    The programs that the Dockerfile itself installs come from there, too.
    """

    def value(match: re.Match[str]) -> str:
        program = ESCAPE if PASSWORD.fullmatch(match[1]) else "cat"
        return f"$({program} /run/secrets/{match[1]})"

    def variables(index: str, hosts: str) -> str:
        settings = {index: url, hosts: " ".join(trusted_hosts)} if url else {}
        assigned = (f'{k}="{re.sub(VARIABLE, value, v)}"' for k, v in settings.items() if v)
        return _continued(" ".join(assigned)) if url else ""

    names = dict.fromkeys(re.findall(VARIABLE, " ".join((url, *trusted_hosts)))) if url else ()
    return {
        "index_mounts": "".join(_continued(f"--mount=type=secret,id={name}") for name in names),
        "pip_index": variables("PIP_INDEX_URL", "PIP_TRUSTED_HOST"),
        "uv_index": variables("UV_DEFAULT_INDEX", "UV_INSECURE_HOST"),
    }


def _requirements(dependencies: Dependencies) -> str:
    """Return the options with which pip, or uv, reads the requirements."""
    file = dependencies.file
    directory, name = posixpath.split(file)
    if name in ("setup.py", "setup.cfg"):
        extras = f"[{','.join(dependencies.extras)}]" if dependencies.extras else ""
        return f" --editable {shell_word((directory or '.') + extras)}"
    # A user's name in PIP_USER, which is pip's own variable for --user.
    is_pip = dependencies.manager in ("pip", "conda")
    isolated = " --isolated" if is_pip and "PIP_USER" in dependencies.secrets else ""
    if dependencies.manager == "conda":
        return isolated + "".join(f" {_pip_argument(each)}" for each in dependencies.arguments)
    names = (*(() if dependencies.groups_only else (file,)), *dependencies.additional)
    return isolated + "".join(f" --requirement {shell_word(name)}" for name in names)


def _pip_argument(text: str) -> str:
    """Return *text* as a word of a shell; pip expands ``${NAME}`` in requirements files only."""
    if not re.search(VARIABLE, text):
        return shell_word(text)
    escaped = re.sub(rf"(?!{VARIABLE})([\\\"`$])", r"\\\2", text)
    return '"' + re.sub(VARIABLE, r"$(cat /run/secrets/\1)", escaped) + '"'


def _sed_arguments(dependencies: Dependencies) -> str:
    """Return the arguments of sed that make the requirements files installable on Linux."""

    def alternatives(names: tuple[str, ...]) -> str:
        return "|".join(name.replace("-", "[-_.]+") for name in names)

    scripts = []
    if dependencies.left_out:
        names = alternatives(dependencies.left_out)
        scripts.append(f"/^[[:space:]]*({names})([^A-Za-z0-9._-]|$)/Id")
    if dependencies.by_name:
        name = rf"(({alternatives(dependencies.by_name)})(\[[^]]*])?)"
        scripts.append(rf"s/^[[:space:]]*{name}[[:space:]]*@[[:space:]]*file:[^;[:space:]]*/\1 /I")
    words = [f"--expression={script}" for script in scripts]
    return " ".join(map(shell_word, (*words, *dependencies.files))) if words else ""


def _selection(dependencies: Dependencies) -> str:
    """Return the options that select groups and extras, each after a space."""
    groups, extras = dependencies.groups, dependencies.extras
    match dependencies.manager:
        case "uv":
            options = [f"--group={name}" for name in groups]
            options += [f"--extra={name}" for name in extras]
            options += [f"--no-install-package={name}" for name in dependencies.left_out]
        case "pyproject":
            place = "" if dependencies.file == "pyproject.toml" else f"{dependencies.file}:"
            options = [f"--group={place}{name}" for name in groups]
            options += [f"--extra={name}" for name in extras]
        case "poetry":
            options = [f"--only={','.join(('main', *groups))}"]
            options += [f"--extras={' '.join(extras)}"] if extras else []
        case "pdm":
            # With --prod, PDM refuses the groups for development that are named.
            options = [] if groups else ["--prod"]
            options += [f"--group={name}" for name in (*groups, *extras)]
        case "pipenv":
            options = [f"--categories={','.join(('packages', *groups))}"] if groups else []
        case _:
            options = []
    return "".join(f" {shell_word(option)}" for option in options)
