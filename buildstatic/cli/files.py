"""What ``generate`` writes: the files of the targets that the command line names."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from buildstatic.dockerfile.assets import Assets
from buildstatic.dockerfile.dockerignore import generate_dockerignore
from buildstatic.dockerfile.generate import DockerfileOptions, generate_dockerfile
from buildstatic.platforms import PLATFORMS
from buildstatic.platforms.options import Dockerfile, Options, read_dockerfile
from buildstatic.platforms.server import (
    ServerName,
    missing_package_warnings,
    server_command,
)
from buildstatic.project import Process, Project
from buildstatic.project.config import load
from buildstatic.project.files import read_bytes
from buildstatic.templates import GeneratedFile


@dataclass(frozen=True)
class Wishes:
    """What the command line asks of the files; None leaves the choice to the project."""

    python: str | None = None
    port: int = 8000
    cache_mounts: bool = True
    multi_platform: bool = False
    collector: Literal["buildstatic", "django"] = "buildstatic"
    server: ServerName | None = None
    collect_in: Literal["build", "release"] | None = None
    builder: Literal["railpack", "dockerfile", "nixpacks"] | None = None
    chain: Literal["start", "build"] = "start"
    processes: tuple[tuple[str, str, str], ...] = ()
    existing: tuple[tuple[str, str], ...] = ()
    serve: Assets | None = None


def generated(
    project: Project, targets: Collection[str], wishes: Wishes
) -> tuple[GeneratedFile, ...]:
    """Return the files of *targets*, always in the same order and none twice.

    Raises ConfigInvalid where the project cannot have one of them.
    """
    files: list[GeneratedFile] = []
    if "dockerfile" in targets:
        files.append(generate_dockerfile(project, dockerfile_options(project, wishes)))
    if "dockerignore" in targets:
        files.append(generate_dockerignore(project))
    options = _options(project, files, wishes)
    for platform in PLATFORMS:
        if platform.NAME in targets:
            files.extend(platform.files(project, options))
    return tuple(files)


def warnings(project: Project, files: Collection[GeneratedFile], wishes: Wishes) -> tuple[str, ...]:
    """Return what will not work with *files*, each thing once."""
    said = (warning for file in files for warning in file.warnings)
    return tuple(dict.fromkeys((*said, *missing_package_warnings(project, wishes.server))))


def notes(project: Project, files: Collection[GeneratedFile]) -> tuple[str, ...]:
    """Return what there is to know of *files* and of what they stand on, each thing once."""
    said = (note for file in files for note in file.notes)
    return tuple(dict.fromkeys((*project.notes, *said)))


def configured_wishes(project: Project) -> Wishes:
    """Return what ``[tool.buildstatic.generate]`` asks of the files."""
    said = dict(load(project.root).options("generate"))
    said.pop("targets", None)
    return Wishes(**said)


def dockerfile_options(project: Project, wishes: Wishes) -> DockerfileOptions:
    """Return what the Dockerfile is to be like, by *wishes* and by what the project says."""
    config = load(project.root)
    return DockerfileOptions(
        serve=server_command(project, wishes.server),
        python=wishes.python,
        port=wishes.port,
        cache_mounts=wishes.cache_mounts,
        multi_platform=wishes.multi_platform,
        collector=wishes.collector,
        network=config.network,
        environment=config.env,
        assets=wishes.serve,
        formats_configured=bool(config.formats or config.compress),
    )


def _options(project: Project, files: Collection[GeneratedFile], wishes: Wishes) -> Options:
    return Options(
        server=wishes.server,
        collect_in=wishes.collect_in,
        builder=wishes.builder,
        chain=wishes.chain,
        dockerfile=_facts(project, files),
        processes=tuple(Process(*process) for process in wishes.processes),
        existing=wishes.existing,
    )


def _facts(project: Project, files: Collection[GeneratedFile]) -> Dockerfile | None:
    """Return what the Dockerfile is like: the one of this run, else the one that is there."""
    for file in files:
        if file.path == "Dockerfile":
            return read_dockerfile(file.text)
    path = project.root / "Dockerfile"
    if not path.is_file():
        return None
    content = read_bytes(path, project.root)
    return read_dockerfile(content.decode("utf-8", errors="replace"))
