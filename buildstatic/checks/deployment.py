"""The commands and volumes of a deployment, read from platform files and shell scripts.

Procfile, railpack.json, railway.json, railway.toml, fly.toml, render.yaml, and shell scripts in
usual places. A file that cannot be parsed has none; `platform_files` reports it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from buildstatic.checks import yaml_nodes
from buildstatic.checks.context import CheckContext
from buildstatic.errors import ConfigInvalid
from buildstatic.project import files

DJANGO = r"(?:manage\.py|django-admin|-m\s+django)(?:\s+-\S+)*"
COMMANDS = {
    "collect": re.compile(rf"(?:{DJANGO}\s+collectstatic|buildstatic\s+collect)(?![\w-])"),
    "migrate": re.compile(rf"(?:{DJANGO}\s+migrate|buildstatic\s+release)(?![\w-])"),
}
DRY_RUN = re.compile(r"[^&;|]*\s(?:--dry-run|-n|--plan|--check)\b")
SCRIPTS = ("*.sh", "bin/*", "scripts/*", "docker/*.sh", "deploy/*.sh", "compose/*/*/start")
COMPOSE_FILES = ("compose*.yml", "compose*.yaml", "docker-compose*.yml", "docker-compose*.yaml")
MAX_SCRIPT_SIZE = 100_000
MAX_LINE = 4_000  # characters of a command


@dataclass(frozen=True)
class Line:
    """A command or a path in a file, and where it is; of a longer one only its beginning."""

    file: str
    number: int
    text: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", self.text[:MAX_LINE])


@dataclass(frozen=True)
class PlatformService:
    """A service of a platform.

    *pre_deploy* commands run once per deployment in a container of their own, *start* commands
    start the service, *mounts* are the paths that volumes are mounted at.
    """

    platform: str
    pre_deploy: tuple[Line, ...] = ()
    start: tuple[Line, ...] = ()
    mounts: tuple[Line, ...] = ()


@dataclass(frozen=True)
class DjangoCommand:
    """A Django command, ``collect`` or ``migrate``, and where it is."""

    kind: str
    file: str
    line: int


def read_services(context: CheckContext) -> tuple[PlatformService, ...]:
    """Return the services that the platform files of the project define."""
    return (*_railway(context), *_fly(context), *_render(context))


def compose_files(context: CheckContext) -> list[str]:
    """Return the names of the Compose files in the root."""
    paths = {path for pattern in COMPOSE_FILES for path in context.root.glob(pattern)}
    return sorted(files.relative(path, context.root) for path in paths)


def read_procfile(context: CheckContext) -> dict[str, Line]:
    """Return the processes of the Procfile (devcenter.heroku.com/articles/procfile)."""
    processes: dict[str, Line] = {}
    for number, line in enumerate((context.read_text("Procfile") or "").splitlines(), 1):
        if match := re.match(r"([A-Za-z0-9_-]+):\s*(.+)", line):
            processes.setdefault(match[1], Line("Procfile", number, match[2]))
    return processes


def command_sequences(context: CheckContext) -> Iterator[tuple[str, tuple[DjangoCommand, ...]]]:
    """Yield the Django commands that run one after the other, each with the name of its source."""
    procfile = read_procfile(context)
    lines = [procfile[name] for name in ("release", "web") if name in procfile]
    yield "The Procfile", find_commands(lines)
    for service in read_services(context):
        yield service.platform, find_commands([*service.pre_deploy, *service.start])
    for lines in script_lines(context):
        if lines:
            yield lines[0].file, find_commands(lines)


def find_commands(lines: Sequence[Line]) -> tuple[DjangoCommand, ...]:
    """Return the Django commands in *lines*, in the order in which they run."""
    commands: list[DjangoCommand] = []
    for line in lines:
        matches = [
            (match.start(), kind)
            for kind, pattern in COMMANDS.items()
            for match in pattern.finditer(line.text)
            if not DRY_RUN.match(line.text, match.end())
        ]
        commands += [DjangoCommand(kind, line.file, line.number) for _, kind in sorted(matches)]
    return tuple(commands)


def script_lines(context: CheckContext) -> Iterator[list[Line]]:
    """Yield the lines, without comments, of each shell script in one of the usual places."""
    for path in sorted({path for pattern in SCRIPTS for path in context.root.glob(pattern)}):
        if not files.is_file(path) or path.stat().st_size > MAX_SCRIPT_SIZE:
            continue
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        if path.suffix == ".sh" or re.match(r"#!.*\b(?:ba|da|z)?sh\b", text):
            name = files.relative(path, context.root)
            yield [
                Line(name, number, line)
                for number, line in enumerate(text.splitlines(), 1)
                if not line.lstrip().startswith("#")
            ]


def read_mapping(context: CheckContext, name: str) -> tuple[Mapping[str, Any], str]:
    """Return the content of the JSON or TOML file *name*, and its text; ConfigInvalid if invalid.

    Railpack accepts comments and trailing commas (ReadJSON in its core/app/app.go).
    """
    path, root = context.root / name, context.root
    if name.endswith(".json"):
        return files.read_json(path, root, with_comments=name == "railpack.json")
    return files.read_toml(path, root)


def _railway(context: CheckContext) -> Iterator[PlatformService]:
    """Yield the service of railpack.json, and that of railway.json, or else of railway.toml."""
    name = "railpack.json"
    content, text = _read(context, name)
    for table in _tables(content, "deploy"):
        yield PlatformService("Railway", start=_lines(name, text, table, "startCommand"))
    for name in ("railway.json", "railway.toml"):
        if context.read_text(name) is not None:
            content, text = _read(context, name)
            for table in _tables(content, "deploy"):
                yield PlatformService(
                    "Railway",
                    _lines(name, text, table, "preDeployCommand"),
                    _lines(name, text, table, "startCommand"),
                    _lines(name, text, table, "requiredMountPath"),
                )
            return


def _fly(context: CheckContext) -> Iterator[PlatformService]:
    """Yield the service of fly.toml (fly.io/docs/reference/configuration)."""
    name = "fly.toml"
    if context.read_text(name) is None:
        return
    content, text = _read(context, name)
    release = [_lines(name, text, t, "release_command") for t in _tables(content, "deploy")]
    mounts = [_lines(name, text, t, "destination") for t in _tables(content, "mounts")]
    yield PlatformService("Fly", sum(release, ()), (), sum(mounts, ()))


def _render(context: CheckContext) -> Iterator[PlatformService]:
    """Yield the services of render.yaml (render.com/docs/blueprint-spec)."""
    name = "render.yaml"
    document = yaml_nodes.entries(yaml_nodes.parse(context.read_text(name) or ""))
    nodes = yaml_nodes.items(document.get("services"))
    for project in yaml_nodes.items(document.get("projects")):
        for environment in yaml_nodes.items(yaml_nodes.entries(project).get("environments")):
            nodes += yaml_nodes.items(yaml_nodes.entries(environment).get("services"))
    for node in nodes:
        entries = yaml_nodes.entries(node)
        disk = yaml_nodes.entries(entries.get("disk"))
        yield PlatformService(
            "Render",
            _node_lines(name, entries, "preDeployCommand"),
            _node_lines(name, entries, "dockerCommand", "startCommand"),
            _node_lines(name, disk, "mountPath"),
        )


def _node_lines(file: str, entries: Mapping[str, yaml.Node], *keys: str) -> tuple[Line, ...]:
    nodes = [entries[key] for key in keys if key in entries]
    return tuple(Line(file, yaml_nodes.line(node), yaml_nodes.text(node)) for node in nodes)


def _read(context: CheckContext, name: str) -> tuple[Mapping[str, Any], str]:
    try:
        return read_mapping(context, name)
    except ConfigInvalid:
        return {}, ""


def _tables(content: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    """Yield the table *name*, or each table of an array of tables."""
    value = content.get(name)
    for table in value if isinstance(value, list) else [value]:
        if isinstance(table, Mapping):
            yield table


def _lines(file: str, text: str, table: Mapping[str, Any], key: str) -> tuple[Line, ...]:
    """Return the strings that *key* has in *table*, each with its line in *text*."""
    value = table.get(key)
    found = []
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, str):
            pattern = rf'(?:^|[\s{{,]|")["\']?{key}["\']?\s*[:=]'
            exact = rf"{pattern}\s*[\"']{re.escape(item)}[\"']"
            if re.search(exact, text, re.MULTILINE):
                pattern = exact
            found.append(Line(file, files.line_of(text, pattern), item))
    return tuple(found)
