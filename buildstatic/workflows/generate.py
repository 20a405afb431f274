"""``generate``: writes the Dockerfile, Procfile and platform files of a project."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from buildstatic.dockerfile import DOCKERFILE, IGNORE_FILE
from buildstatic.dockerfile.assets import Assets
from buildstatic.dockerfile.dockerignore import generate_dockerignore, own_dockerignore
from buildstatic.dockerfile.generate import DockerfileOptions, generate_dockerfile
from buildstatic.dockerfile.layer_order import can_be_below_code
from buildstatic.dockerfile.pins import base_images, pin
from buildstatic.platforms import PLATFORMS, railway
from buildstatic.platforms.options import Dockerfile, Options, read_dockerfile
from buildstatic.platforms.server import (
    ServerName,
    missing_package_warnings,
    missing_packages,
    server_command,
)
from buildstatic.project import Edit, Process, Project
from buildstatic.project.config import ProjectConfig, load
from buildstatic.project.detect import detect
from buildstatic.project.edits import edits
from buildstatic.project.environment import decide_on_static_files, missing, placeholders_for
from buildstatic.project.files import read_bytes
from buildstatic.project.packages.known import NO_OPTIONS, DependencyOptions
from buildstatic.project.packages.python_version import old_django
from buildstatic.templates import GeneratedFile
from buildstatic.templates.write import FileChange, compare, write
from buildstatic.workflows.targets import DEFAULT_TARGETS, check_targets


@dataclass(frozen=True)
class GenerateOptions:
    """Options of the generated files; None leaves the choice to the project.

    *processes* run beside the server, in addition to those found. *existing* are Railway
    configuration files to carry over, each as (service, file). *pin* gives the base images the
    digests that their registries have for them now; without it those of an existing Dockerfile
    stay. The others are the options of the command line.
    """

    python: str | None = None
    port: int = 8000
    cache_mounts: bool | None = None
    multi_platform: bool = False
    collector: Literal["buildstatic", "django"] | None = None
    server: ServerName | None = None
    database: Literal["platform", "external"] = "platform"
    collect_in: Literal["build", "release"] | None = None
    builder: Literal["railpack", "dockerfile"] | None = None
    chain: Literal["start", "build"] = "start"
    legacy: bool = False
    processes: tuple[Process, ...] = ()
    existing: tuple[tuple[str, str], ...] = ()
    serve: Assets | None = None
    pin: bool = False

    @classmethod
    def configured(
        cls, path: Path, config: ProjectConfig | None = None, **given: Any
    ) -> GenerateOptions:
        """Return *given* on top of ``[tool.buildstatic.generate]`` of the project in *path*.

        *config* is the project's configuration if it has been loaded. Raises ConfigInvalid if it
        is invalid.
        """
        table = dict((config or load(path.resolve())).options("generate"))
        table.pop("targets", None)
        return cls(**{**table, **given})


@dataclass(frozen=True)
class Generation:
    """The *files* generated for *project*.

    *changes* compares them with what is in the project's directory; it is empty if that was not
    asked for. *warnings* say what will not work, *notes* what is worth knowing, and *edits* what
    the project still needs. *newer* has a sentence for each base image that the existing Dockerfile
    pins to another digest.
    """

    project: Project
    files: tuple[GeneratedFile, ...]
    changes: tuple[FileChange, ...]
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    edits: Sequence[Edit]
    newer: tuple[str, ...] = ()


def generate(
    path: Path,
    targets: Collection[str] | None = None,
    options: GenerateOptions | None = None,
    *,
    manage: str | None = None,
    settings: str | None = None,
    dependencies: DependencyOptions = NO_OPTIONS,
    mode: Literal["write", "compare", "render"] = "write",
    force: bool = False,
) -> Generation:
    """Generate the files of *targets* for the project in the directory *path*.

    `buildstatic.workflows.targets.TARGETS` are the names of all targets. Without *targets* and
    *options* those of ``[tool.buildstatic.generate]`` hold. *mode* compare writes nothing, and
    render does not look at existing files either. All files are written or none.

    Raises ProjectNotFound, SettingsInvalid, InterpreterNotFound, ConfigInvalid for an unknown
    target and for one that the project cannot have, FilesExist if a file exists with other content
    and *force* is not set, FileError if one cannot be written, and the errors of the registries for
    images to pin.
    """
    project = detect(path, manage=manage, settings=settings, dependencies=dependencies)
    targets = configured_targets(project.root, project.config) if targets is None else targets
    check_targets(targets)
    options = options or GenerateOptions.configured(project.root, project.config)
    image_files = tuple(_image_files(project, targets, options))
    existing = _existing_dockerfile(project) if mode != "render" else ""
    image_files, newer = _pin_images(image_files, base_images(existing), options)
    platform_options = _platform_options(project, options, image_files)
    platforms = [platform for platform in PLATFORMS if platform.NAME in targets]
    platform_files = (platform.files(project, platform_options) for platform in platforms)
    files = (*image_files, *chain.from_iterable(platform_files))
    warnings = [warning for file in files for warning in file.warnings]
    if "dockerfile" not in targets and not (project.root / DOCKERFILE).is_file():
        warnings += missing_package_warnings(project, options.server)
    notes = [note for file in files for note in file.notes]
    if railway.NAME in targets:
        # A service with a Dockerfile needs settings on Railway, and no file.
        notes += railway.notes(project, platform_options)
    changes = compare(project.root, files) if mode != "render" else ()
    if mode == "write":
        write(project.root, changes, force=force)
    return Generation(
        project,
        files,
        changes,
        warnings=tuple(dict.fromkeys(warnings)),
        notes=tuple(dict.fromkeys((*project.notes, *notes))),
        edits=edits(project),
        newer=newer,
    )


def configured_targets(path: Path, config: ProjectConfig | None = None) -> Collection[str]:
    """Return the targets of ``[tool.buildstatic.generate]`` in *path*, else `DEFAULT_TARGETS`.

    *config* is the project's configuration if it has been loaded. Raises ConfigInvalid if a target
    does not exist.
    """
    config = config or load(path.resolve())
    targets: tuple[str, ...] = config.options("generate").get("targets", ())
    check_targets(targets, config.source("generate.targets"))
    return targets or DEFAULT_TARGETS


def configured_dockerfile(project: Project, serve: Assets | None = None) -> DockerfileOptions:
    """Return the options of the Dockerfile for a build: those configured, and cache mounts.

    *serve* takes precedence over the configuration. Raises ConfigInvalid.
    """
    given = {"serve": serve} if serve else {}
    options = GenerateOptions.configured(project.root, project.config, **given)
    if options.cache_mounts is None:
        options = replace(options, cache_mounts=True)
    return _dockerfile_options(project, options)


def _dockerfile_options(project: Project, options: GenerateOptions) -> DockerfileOptions:
    """Return the options of the Dockerfile, from *options* and the project's configuration."""
    config = project.config
    # buildstatic reads the configured commands, so that the Dockerfile names the others only.
    collector = options.collector or ("django" if old_django(project.packages) else "buildstatic")
    names_all = collector == "django"
    environment = config.env
    if collector == "django":
        required = [variable.name for variable in missing(project, environment)]
        harmless = [name for name in required if not decide_on_static_files([name], project)]
        environment = {**placeholders_for(project, harmless), **environment}
    return DockerfileOptions(
        serve=server_command(project, options.server),
        install=missing_packages(project, options.server),
        python=options.python,
        port=options.port,
        cache_mounts=bool(options.cache_mounts),
        multi_platform=options.multi_platform,
        collector=collector,
        network=config.network,
        environment=environment,
        assets=options.serve,
        formats_configured=bool(config.formats or config.compress),
        before=project.before_collecting if names_all or config.before is None else (),
        after=project.after_collecting if names_all or config.after is None else (),
    )


def _image_files(
    project: Project, targets: Collection[str], options: GenerateOptions
) -> Iterator[GeneratedFile]:
    """Yield the Dockerfile and .dockerignore, if they are among *targets*."""
    ignore = generate_dockerignore(project) if "dockerignore" in targets else None
    if "dockerfile" in targets:
        name, ignored = own_dockerignore(project.root) or (IGNORE_FILE, "")
        if ignore and name == IGNORE_FILE:  # written too
            ignored = ignore.text
        dockerfile = _dockerfile_options(project, options)
        static_first = can_be_below_code(project, ignored)
        yield generate_dockerfile(project, replace(dockerfile, static_first=static_first))
    if ignore:
        yield ignore


def _pin_images(
    files: tuple[GeneratedFile, ...], pinned: Mapping[str, str], options: GenerateOptions
) -> tuple[tuple[GeneratedFile, ...], tuple[str, ...]]:
    """Return *files* with the digests of the base images, which are *pinned* so far.

    Also returns a sentence for each image that has another digest by now.
    """
    pins = dict(pinned)
    if options.pin:
        names = (
            name for file in files if file.path == DOCKERFILE for name in base_images(file.text)
        )
        pins.update({name: image_digest(name) for name in names})
    newer = tuple(
        f"{DOCKERFILE}: {name} is now {pins[name]}, and pinned to {old}."
        for name, old in pinned.items()
        if old and pins[name] != old
    )
    return tuple(
        replace(file, text=pin(file.text, pins)) if file.path == DOCKERFILE else file
        for file in files
    ), newer


def image_digest(name: str) -> str:
    """Return the digest that the registry has for the image *name*: of all its platforms.

    Raises ImageNotFound, RegistryUnavailable and the other errors of registries.
    """
    from buildstatic.oci.reference import parse_reference
    from buildstatic.oci.stores import open_source

    with open_source(parse_reference(name)) as source:
        return source.resolve().descriptor.digest


def _platform_options(
    project: Project, options: GenerateOptions, image_files: Collection[GeneratedFile]
) -> Options:
    """Return the options of the platforms, with the Dockerfile of *image_files* if it is there."""
    generated = next((file for file in image_files if file.path == DOCKERFILE), None)
    return Options(
        server=options.server,
        database=options.database,
        collect_in=options.collect_in,
        builder=options.builder,
        chain=options.chain,
        legacy=options.legacy,
        dockerfile=_dockerfile(project, generated),
        processes=options.processes,
        existing=options.existing,
    )


def _dockerfile(project: Project, generated: GeneratedFile | None) -> Dockerfile | None:
    """Return the facts of the Dockerfile that is *generated*, else of the existing one."""
    text = generated.text if generated else _existing_dockerfile(project)
    return read_dockerfile(text) if text else None


def _existing_dockerfile(project: Project) -> str:
    path = project.root / DOCKERFILE
    if not path.is_file():
        return ""
    return read_bytes(path, project.root).decode("utf-8", errors="replace")
