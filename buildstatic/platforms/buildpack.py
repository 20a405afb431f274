"""The Cloud Native Buildpack: the processes of its images, and the slice of the static files.

github.com/buildpacks/spec, buildpack.md, API 0.12: "launch.toml", "Slice Layers", "Environment".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from buildstatic.errors import StaticRootInvalid
from buildstatic.platforms.commands import release_command
from buildstatic.platforms.server import server_command
from buildstatic.project import Project
from buildstatic.templates import GeneratedFile, render

PORT = "8000"
# The layers: a cache of compressed variants, and the environment of every process.
VARIANTS = "variants"
ENVIRONMENT = "environment"
PROCFILE = "Procfile"
_PROCESS = re.compile(r"^([A-Za-z0-9_-]+):\s*(\S.*?)\s*$", re.MULTILINE)


@dataclass(frozen=True)
class LaunchProcess:
    """A process of the image: its *type*, and its argv, which runs without a shell."""

    type: str
    command: tuple[str, ...]


def layers(project: Project, *, collected: bool) -> tuple[GeneratedFile, ...]:
    """Return the files for the layers directory; *collected* is whether there are static files.

    Raises ConfigInvalid if there is neither a Procfile nor an application to serve.
    """
    # Patterns are Go's (pkg.go.dev/path/filepath#Match): without ``**``; a matched directory
    # includes its content.
    tree = project.static_root.value if collected and project.static_root else None
    launch = render(
        "launch.toml",
        processes=processes(project),
        slice=re.sub(r"([\\*?\[])", r"\\\1", tree) if tree is not None else None,
    )
    return (
        GeneratedFile("launch.toml", launch),
        GeneratedFile(f"{VARIANTS}.toml", "[types]\ncache = true\n"),
        GeneratedFile(f"{ENVIRONMENT}.toml", "[types]\nlaunch = true\n"),
        # Without PORT gunicorn would listen on 127.0.0.1 only.
        GeneratedFile(f"{ENVIRONMENT}/env.launch/PORT.default", PORT),
    )


def processes(project: Project) -> tuple[LaunchProcess, ...]:
    """Return the processes of the Procfile, or those that a generated one would have.

    The commands of a Procfile run in a shell (devcenter.heroku.com/articles/procfile).
    """
    path = project.root / PROCFILE
    if path.is_file():
        commands = dict(_PROCESS.findall(path.read_text(encoding="utf-8", errors="replace")))
        return tuple(LaunchProcess(n, ("bash", "-c", line)) for n, line in commands.items())
    web = LaunchProcess("web", server_command(project))
    release = release_command(project)
    return (web, LaunchProcess("release", ("bash", "-c", release))) if release else (web,)


def check_static_root(project: Project) -> None:
    """Raise StaticRootInvalid if STATIC_ROOT cannot be a directory of the image."""
    if project.static_root is None:
        return
    path, source = project.static_root.value, project.static_root.source
    if path == ".":
        reason = "is the application's directory"
    elif path.startswith(("/", "..")):
        reason = "is outside of the application's directory, so it is not part of the image"
    else:
        return
    raise StaticRootInvalid(
        f"STATIC_ROOT ({source}) {reason}.",
        'Set another directory: STATIC_ROOT = BASE_DIR / "staticfiles".',
    )
