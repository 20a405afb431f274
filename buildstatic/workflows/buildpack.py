"""``buildpack``: what the Cloud Native Buildpack runs in its build phase."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from buildstatic.collect.request import CollectResult
from buildstatic.errors import StaticfilesNotInstalled
from buildstatic.platforms import buildpack, commands
from buildstatic.platforms.buildpack import LaunchProcess
from buildstatic.platforms.server import missing_package_warnings
from buildstatic.project.detect import detect
from buildstatic.templates.write import encode
from buildstatic.workflows import SILENT, Reporter
from buildstatic.workflows.collect import collect_project, configured_options


@dataclass(frozen=True)
class BuildpackResult:
    """The *processes* of the image, and what was *collected*, None if nothing was."""

    processes: tuple[LaunchProcess, ...]
    collected: CollectResult | None


def build(
    path: Path, layers: Path, *, isolate: bool = True, report: Reporter = SILENT
) -> BuildpackResult:
    """Collect the static files of the application in *path*, and write the metadata to *layers*.

    Files written are launch.toml, with the processes and the static files as a slice, and the
    layers of variants and of the environment. It collects with the ``python`` on PATH. Raises what
    `buildstatic.workflows.collect.collect` raises, StaticRootInvalid for a place outside of the
    image, and ConfigInvalid if there is neither a Procfile nor an application to serve.
    """
    project = detect(path)
    collected = None
    if commands.has_remote_storage(project):
        report.note("The storage is remote: the release process collects the static files.")
    else:
        buildpack.check_static_root(project)
        options = configured_options(project.root, cache=layers / buildpack.VARIANTS)
        python = shutil.which("python")
        try:
            collected = collect_project(
                project,
                options,
                python=Path(python) if python else None,
                isolate=isolate,
                report=report,
            )
        except StaticfilesNotInstalled as error:
            report.note(f"Nothing was collected: {error.problem}")
    for file in buildpack.layers(project, collected=collected is not None):
        target = layers / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(encode(file))
    for text in missing_package_warnings(project):
        report.warn(text)
    if collected and project.static_root is None:
        report.warn(
            "STATIC_ROOT cannot be determined from the settings, so the static files have no layer "
            "of their own."
        )
    return BuildpackResult(tuple(buildpack.processes(project)), collected)
