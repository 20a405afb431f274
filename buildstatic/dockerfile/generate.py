"""Generates the Dockerfile: base, deps, frontend, static, export, assets and web stages."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from buildstatic import __version__
from buildstatic.dockerfile import APP, DOCKERFILE
from buildstatic.dockerfile.assets import FORMATS, Assets, assets_part
from buildstatic.dockerfile.dependencies import dependencies_part
from buildstatic.dockerfile.frontend import frontend_part
from buildstatic.dockerfile.static_root import static_root_part
from buildstatic.dockerfile.writable import writable_part
from buildstatic.errors import ConfigInvalid
from buildstatic.project import Project
from buildstatic.project.packages.python_version import DEFAULT_PYTHON
from buildstatic.project.packages.system import required
from buildstatic.templates import GeneratedFile, render
from buildstatic.templates.quoting import continued, copy_words, env_value, json_text, shell_word

PLACEHOLDER_SECRET_KEY = "only-to-collect"
# The dependencies that collecting imports, for pip. Installing all takes three times as long.
COLLECT_REQUIREMENTS = (
    "brotli",
    "click",
    "deflate",
    "packaging",
    "pathspec",
    "pyyaml",
    'backports.zstd; python_version < "3.14"',
)


@dataclass(frozen=True)
class DockerfileOptions:
    """The choices about a generated Dockerfile.

    *serve* is the server's command. *install* are packages that the image needs, but the project
    does not have. *python* overrides the detected version. *network* allows the
    collecting step to use the network. *environment* holds placeholders for variables that the
    settings require, for Django's own command. *assets* is the server of an image for the static
    files alone, None if the application serves them. The compressed variants are those that this
    server supports unless *formats_configured*. *before* and *after* are commands of manage.py that
    run around collecting. With *static_first* the layer of the static files is below that of the
    code; with *archive* BuildKit finds out whether they have changed from one file.
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
    static_first: bool = False
    archive: bool = False


def generate_dockerfile(project: Project, options: DockerfileOptions) -> GeneratedFile:
    """Return the Dockerfile of *project*.

    Raises ConfigInvalid if a name cannot be quoted in a Dockerfile, or if *options.assets* does not
    support the project.
    """
    context = _image_context(project, options) | _collect_context(project, options)
    parts = [
        static_root_part(project),
        dependencies_part(project),
        *([assets_part(project, options.assets)] if options.assets else []),
        frontend_part([fact.value for fact in project.frontends]),
        writable_part(project),
    ]
    for part in parts:
        context.update(part.context)
    notes = tuple(note for part in parts for note in part.notes)
    return GeneratedFile(DOCKERFILE, render("Dockerfile", **context), notes=notes)


def _image_context(project: Project, options: DockerfileOptions) -> dict[str, object]:
    """Return what the stages have in common: the base image, its packages, and caches."""

    def cache(target: str, attributes: str = "") -> str:
        mount = f"--mount=type=cache,{attributes}target={target}"
        return continued(mount) if options.cache_mounts else ""

    database = project.database.value if project.database else None
    installed, system = required(options.install), project.system
    gis = project.gis.value if project.gis else ()
    run = database.run_packages if database else ()
    build = database.build_packages if database else ()
    return {
        "version": __version__,
        "image": _base_image(project, options.python),
        "variables": _variables(project),
        "run_packages": _unique(run, gis, system.run, installed.run),
        "build_packages": _unique(build, system.build, installed.build),
        "multi_platform": options.multi_platform,
        "build_platform": "--platform=$BUILDPLATFORM " if options.multi_platform else "",
        "install": options.install,
        "cache": cache,
        "copy": copy_words,
        "no_cache_dir": "" if options.cache_mounts else "--no-cache-dir ",
        "no_cache": "" if options.cache_mounts else " --no-cache",
        "port": options.port,
        "serve": options.serve,
        "assets": options.assets,
        "static_first": options.static_first,
        "archive": options.archive,
    }


def _base_image(project: Project, python: str | None = None) -> str:
    """Return the reference of the base image; *python* overrides the detected version."""
    found = project.python.value if project.python else DEFAULT_PYTHON
    return f"python:{python or found}-slim"


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


def _unique(*lists: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(item for names in lists for item in names))


def _collect_context(project: Project, options: DockerfileOptions) -> dict[str, object]:
    """Return the commands of the stage that collects the static files, and where they run."""
    command = _collect_command(project, options)
    return {
        "before": _manage_commands(project, options.before),
        "after": _manage_commands(project, options.after),
        "collect": json_text(command),
        "static_base": "build-base" if options.multi_platform else "base",
        "static_deps": "build-deps" if options.multi_platform else "runtime",
        "remote": project.remote is not None and project.remote.value,
        "storage": " ".join(project.storage.value.split()) if project.storage else "its storage",
        "online": options.network,
        "network": "" if options.network else continued("--network=none"),
        "collector": options.collector,
        "requirement": f"buildstatic=={__version__}",
        "collect_requirements": " ".join(map(shell_word, COLLECT_REQUIREMENTS)),
        "environment": _placeholders(project, options) if options.collector == "django" else "",
        "manage": project.manage.value,
    }


def _collect_command(project: Project, options: DockerfileOptions) -> tuple[str, ...]:
    command = ["/opt/buildstatic/bin/buildstatic", "collect", "--noinput"]
    command += ["--layer-tar", "/layer.tar"] if options.archive else ["--layer-root", "/layer"]
    command += ["--reuse", "/previous"]
    for name, commands in (("--before", options.before), ("--after", options.after)):
        for each in commands:
            command += [name, each]
    if options.assets and not options.formats_configured:
        command += ["--formats", FORMATS[options.assets]]
    if not project.manage.source.startswith(project.manage.value):
        command += ["--manage", project.manage.value]
    return tuple(command)


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
    return "".join(continued(f"{name}={shell_word(value)}") for name, value in variables.items())
