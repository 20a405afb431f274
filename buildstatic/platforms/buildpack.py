"""The Cloud Native Buildpack: what an image that it built starts, and which layer is the files'.

github.com/buildpacks/spec, buildpack.md, API 0.12: "launch.toml", "Slice Layers", "Environment".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from buildstatic.errors import StaticRootInvalid
from buildstatic.platforms import commands, server
from buildstatic.platforms.options import Options
from buildstatic.project import Project
from buildstatic.templates import GeneratedFile, render

PORT = "8000"
# The layers of ours: a cache of variants, and the variable that every process starts with.
VARIANTS = "variants"
ENVIRONMENT = "environment"
PROCFILE = "Procfile"
_LINE = re.compile(r"^([A-Za-z0-9_-]+):\s*(\S.*?)\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Process:
    """A process of the image: its *type*, and the argv that starts it, with no shell around it."""

    type: str
    command: tuple[str, ...]


def layers(project: Project, *, collected: bool) -> tuple[GeneratedFile, ...]:
    """Return the files to write into the layers directory; *collected* says that a tree was made.

    Raises ConfigInvalid where there is no Procfile and no application to serve.
    """
    launch = render(
        "launch.toml",
        processes=processes(project),
        slice=slice_of(project) if collected else None,
    )
    return (
        GeneratedFile("launch.toml", launch),
        GeneratedFile(f"{VARIANTS}.toml", "[types]\ncache = true\n"),
        GeneratedFile(f"{ENVIRONMENT}.toml", "[types]\nlaunch = true\n"),
        # Without PORT gunicorn would listen on 127.0.0.1, where nobody outside reaches it.
        GeneratedFile(f"{ENVIRONMENT}/env.launch/PORT.default", PORT),
    )


def processes(project: Project) -> tuple[Process, ...]:
    """Return the processes of the Procfile, or those that it would have.

    A line of a Procfile is a shell's (devcenter.heroku.com/articles/procfile).
    """
    path = project.root / PROCFILE
    if path.is_file():
        lines = dict(_LINE.findall(path.read_text(encoding="utf-8", errors="replace")))
        return tuple(Process(name, ("bash", "-c", line)) for name, line in lines.items())
    return tuple(_processes(project))


def _processes(project: Project) -> Iterator[Process]:
    yield Process("web", server.server_command(project, Options().server))
    collect = (commands.collect(project),) if commands.is_remote(project) else ()
    if release := commands.chain(*collect, *commands.migrations(project)):
        yield Process("release", ("bash", "-c", release))


def check_place(project: Project) -> None:
    """Raise StaticRootInvalid if the tree is outside of the image, or holds more than itself."""
    if project.static_root is None:
        return
    place, source = project.static_root.value, project.static_root.source
    why = "is the application's directory" if place == "." else ""
    if place.startswith(("/", "..")):
        why = "is outside of the application's directory, which is all that gets into the image"
    if why:
        problem = f"STATIC_ROOT ({source}) {why}."
        raise StaticRootInvalid(problem, 'Set another: STATIC_ROOT = BASE_DIR / "staticfiles".')


def slice_of(project: Project) -> str | None:
    """Return the pattern of the tree, None if its place is not known.

    Patterns are Go's (pkg.go.dev/path/filepath#Match): there is no ``**``, and a directory that is
    matched brings all that is in it.
    """
    if project.static_root is None:
        return None
    return re.sub(r"([\\*?\[])", r"\\\1", project.static_root.value)
