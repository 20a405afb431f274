"""The Dockerfile for a project: base, deps, frontend, static, export, assets and web stages."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from buildstatic import __version__
from buildstatic.dockerfile import assets, frontend
from buildstatic.dockerfile.assets import Assets
from buildstatic.dockerfile.quoting import copy_words, env_value, is_plain
from buildstatic.errors import ConfigInvalid
from buildstatic.project import Dependencies, Project
from buildstatic.templates import GeneratedFile, render

APP = "/app"
DEFAULT_PYTHON = "3.13"
DEFAULT_STATIC_ROOT = "staticfiles"
THROWAWAY = "only-to-collect"
HEALTHCHECK = (
    "import http.client, os; "
    "c = http.client.HTTPConnection('127.0.0.1', int(os.environ['PORT']), timeout=4); "
    "c.request('GET', '/'); c.getresponse()"
)


@dataclass(frozen=True)
class DockerfileOptions:
    """What a person may choose about the Dockerfile.

    *serve* is the server's command; *python* overrides the version found; *network* lets the
    collecting step reach the network; *environment* holds placeholders for what the settings
    demand, used where Django's own command collects. *assets* is the server of an image for the
    static files alone, None where the application serves them; its variants are asked for where
    *own_variants* does not tell that the project says which it wants.
    """

    serve: tuple[str, ...]
    python: str | None = None
    port: int = 8000
    cache_mounts: bool = True
    multi_platform: bool = False
    collector: Literal["buildstatic", "django"] = "buildstatic"
    network: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    assets: Assets | None = None
    own_variants: bool = False


def dockerfile(project: Project, options: DockerfileOptions) -> GeneratedFile:
    """Return the Dockerfile of *project*.

    Raises ConfigInvalid for a name that cannot stand in one, ConfigInvalid where there are no files
    for a server of their own.
    """
    _refuse_line_breaks(project, options)
    text = render("Dockerfile", **_context(project, options))
    return GeneratedFile("Dockerfile", text, notes=tuple(_notes(project, options)))


def _refuse_line_breaks(project: Project, options: DockerfileOptions) -> None:
    """Raise ConfigInvalid for what no quoting brings into a Dockerfile, which goes by lines."""
    placeholders = options.environment.values() if options.collector == "django" else ()
    for value in (*_names(project), *placeholders):
        if re.search(r"[\r\n\ud800-\udfff]", value):
            raise ConfigInvalid(
                f"A Dockerfile cannot hold {value!r}: it has a line break in it, or is not UTF-8.",
                "Rename the path or the module that it comes from, or change the placeholder.",
            )


def _names(project: Project) -> Iterator[str]:
    yield project.manage.value
    yield project.settings.value
    yield tree_in_image(project)
    if project.dependencies:
        yield from (*project.dependencies.value.files, *project.dependencies.value.local)
    if project.frontend:
        yield from (project.frontend.value.directory, project.frontend.value.lock or "")


def _notes(project: Project, options: DockerfileOptions) -> Iterator[str]:
    """Yield what the files are asked for by, and what the application cannot do: write in /app."""
    if options.assets:
        yield from assets.notes(project)
    if project.frontend:
        yield from frontend.notes(project.frontend.value, APP)
    if project.sqlite and not project.sqlite.value.file.startswith("/"):
        also = "" if project.sqlite.value.imports_os else " (and import os, which is not there)"
        yield (
            f"SQLite: {project.sqlite.source} keeps the database in {APP}, where the application "
            'may not write. Let it be moved: put os.environ.get("DATABASE_PATH", …) around the '
            f"value of NAME{also}, and run the image with DATABASE_PATH=/data/db.sqlite3."
        )
    if project.media_root and not project.media_root.value.startswith("/"):
        yield (
            f"Uploads: {project.media_root.source} keeps them in {APP}, where the application may "
            "not write. Let MEDIA_ROOT be moved to /data by the environment."
        )


def base_image(project: Project, python: str | None = None) -> str:
    """Return the name of the image that the stages stand on."""
    found = project.python.value if project.python else DEFAULT_PYTHON
    return f"python:{python or found}-slim"


def tree_in_image(project: Project) -> str:
    """Return the absolute path of the collected tree in the image."""
    static_root = project.static_root.value if project.static_root else DEFAULT_STATIC_ROOT
    return posixpath.normpath(posixpath.join(APP, static_root))


def _context(project: Project, options: DockerfileOptions) -> dict[str, object]:
    def cache(target: str, attributes: str = "") -> str:
        mount = f"--mount=type=cache,{attributes}target={target}"
        return _flag(mount) if options.cache_mounts else ""

    tree = tree_in_image(project)
    multi = options.multi_platform
    return {
        "version": __version__,
        "image": base_image(project, options.python),
        "variables": _variables(project),
        "run_packages": _run_packages(project),
        "build_packages": project.database.value.build_packages if project.database else (),
        "multi_platform": multi,
        "build_platform": "--platform=$BUILDPLATFORM " if multi else "",
        "static_base": "build-base" if multi else "base",
        "static_deps": "build-deps" if multi else "deps",
        "remote": project.remote is not None and project.remote.value,
        "storage": " ".join(project.storage.value.split()) if project.storage else "its storage",
        "collector": options.collector,
        "requirement": f"buildstatic=={__version__}",
        "online": options.network,
        "network": "" if options.network else _flag("--network=none"),
        "environment": _assignments(project, options) if options.collector == "django" else "",
        "manage": project.manage.value,
        "collect": _collect(project, options),
        "tree": tree,
        "layer_tree": f"/layer{tree}",
        "layer_parent": f"/layer{posixpath.dirname(tree)}",
        "port": options.port,
        "serve": options.serve,
        "healthcheck": ("python", "-c", HEALTHCHECK),
        "cache": cache,
        "copy": copy_words,
        "no_cache_dir": "" if options.cache_mounts else "--no-cache-dir ",
        "uv_no_cache": "" if options.cache_mounts else " --no-cache",
        "poetry_no_cache": "" if options.cache_mounts else " --no-cache",
        **_dependencies(project),
        **frontend.words(project.frontend.value if project.frontend else None, APP),
        "assets": options.assets,
        **(assets.context(project, options.assets, tree) if options.assets else {}),
    }


def _flag(flag: str) -> str:
    return f"{flag} \\\n    "


def _run_packages(project: Project) -> tuple[str, ...]:
    driver = project.database.value.run_packages if project.database else ()
    return (*driver, *(project.gis.value if project.gis else ()))


def _variables(project: Project) -> str:
    """Name where Python finds the modules, and the settings where manage.py would choose others."""
    file, _, _ = project.settings.source.rpartition(":")
    given = {}
    if project.python_path:
        given["PYTHONPATH"] = posixpath.join(APP, project.python_path.value)
    if file != project.manage.value:
        given["DJANGO_SETTINGS_MODULE"] = project.settings.value
    return "".join(f" \\\n    {name}={env_value(value)}" for name, value in given.items())


def _assignments(project: Project, options: DockerfileOptions) -> str:
    """Return what the settings demand, as assignments before a shell's command."""
    secret = {project.secret_key.name: THROWAWAY} if project.secret_key else {}
    given = {**secret, **options.environment}
    for name in given:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise ConfigInvalid(
                f"No shell can set a variable of the name {name!r}, which the settings read.",
                "Rename it, or let buildstatic collect (`--collector buildstatic`).",
            )
    return "".join(_flag(f"{name}={shlex.quote(value)}") for name, value in given.items())


def _collect(project: Project, chosen: DockerfileOptions) -> tuple[str, ...]:
    program = "/opt/buildstatic/bin/buildstatic"
    options = ("--noinput", "--layer-root", "/layer", "--reuse", "/previous")
    command: tuple[str, ...] = (program, "collect", *options)
    if chosen.assets and not chosen.own_variants:
        command = (*command, "--formats", assets.FORMATS[chosen.assets])
    if project.manage.source.startswith(project.manage.value):
        return command
    return (*command, "--manage", project.manage.value)


def _dependencies(project: Project) -> dict[str, object]:
    found = project.dependencies.value if project.dependencies else None
    dependencies = found or Dependencies("pip", "requirements.txt", ("requirements.txt",))
    # What is built in a directory is written into it, and lost with the mount.
    mounts = dict.fromkeys(dependencies.files, "") | dict.fromkeys(dependencies.local, ",rw")
    mounted = all(map(is_plain, mounts))
    binds = [_flag(f"--mount=type=bind,source={f},target={f}{rw}") for f, rw in mounts.items()]
    copies = [f"COPY {copy_words(f, f'./{f}')}\n" for f in mounts]
    return {
        "manager": dependencies.manager,
        "dependency_file": dependencies.file,
        "in_directory": _in_directory(dependencies),
        "member": f" --package={dependencies.member}" if dependencies.member else "",
        "dependency_binds": "".join(binds) if mounted else "",
        "dependency_copies": "" if mounted else "".join(copies),
    }


_DIRECTORY = {"uv": "--project", "poetry": "--directory", "pdm": "--project"}


def _in_directory(dependencies: Dependencies) -> str:
    """Return what tells the manager that its files are not in the root."""
    directory = posixpath.dirname(dependencies.file)
    if not directory:
        return ""
    if dependencies.manager == "pipenv":
        return f" \\\n    PIPENV_PIPFILE={env_value(f'{directory}/Pipfile')}"
    option = _DIRECTORY.get(dependencies.manager)
    return f" {option}={shlex.quote(directory)}" if option else ""
