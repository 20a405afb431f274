"""``[tool.buildstatic]`` of pyproject.toml, and the patterns in .staticignore.

One table of keys is used by the loader, the JSON schema and the docs. A key has the name of its
command line option, with underscores; the options of a command are in a table of their own,
``[tool.buildstatic.generate]``.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from buildstatic.errors import ConfigInvalid
from buildstatic.project import files
from buildstatic.project.config_types import (
    Flag,
    Key,
    List,
    Number,
    Tables,
    Text,
    Variables,
    one_of,
    table_schema,
)

FILE = "pyproject.toml"
PATH = ("tool", "buildstatic")
TABLE = ".".join(PATH)
IGNORE_FILE = ".staticignore"
# debian.org/doc/debian-policy/ch-controlfields.html#source, with an architecture or a version
DEBIAN_PACKAGE = "[a-z0-9][a-z0-9+.-]+([:=][A-Za-z0-9+.:~-]+)?"
CODE = "[a-z][a-z0-9]*(-[a-z0-9]+)*"


FRONTEND: Mapping[str, Key] = {
    "directory": Key(Text(), "the directory of package.json, relative to the root", "."),
    "scripts": Key(
        List(Text(pattern="[A-Za-z0-9_][A-Za-z0-9_:./@+-]*"), "a list of scripts"),
        "the scripts that build, in order, instead of the detected ones",
    ),
    "install_needs_sources": Key(
        Flag(), "copy the project before the packages are installed, instead of the detected order"
    ),
}
COMMAND = Text("a command with its arguments", pattern=r"[A-Za-z0-9_][^\u0000\r\n]*")
PROJECT: Mapping[str, Key] = {
    "manage": Key(
        Text(), "the manage.py to use, relative to the root; required if there are several"
    ),
    "settings": Key(Text(), "the settings module to deploy, instead of the detected one"),
    "network": Key(Flag(), "allow network access while collecting in the build", False),
    "env": Key(
        Variables(), "placeholders for variables that the settings require, only while collecting"
    ),
    "ignore": Key(
        List(Text(pattern=r"[^\u0000]*")),
        "patterns in gitignore syntax for paths that are not collected",
    ),
    "before": Key(
        List(COMMAND, "a list of commands"),
        "commands of manage.py that run before collecting, instead of those found",
    ),
    "after": Key(
        List(COMMAND, "a list of commands"),
        "commands of manage.py that run after collecting, instead of those found",
    ),
    "requirements": Key(
        List(Text()),
        "the requirements files to install, relative to the root, instead of those found",
    ),
    "groups": Key(List(Text()), "the dependency groups to install, instead of those found"),
    "extras": Key(List(Text()), "the extras to install, instead of those found"),
    "build-packages": Key(
        List(Text(pattern=DEBIAN_PACKAGE), "a list of Debian packages"),
        "Debian packages to install while the dependencies are built, beside those found",
    ),
    "run-packages": Key(
        List(Text(pattern=DEBIAN_PACKAGE), "a list of Debian packages"),
        "Debian packages to install in the image, beside those found",
    ),
    "compress": Key(
        one_of("none", "fast", "best"), "the compression effort, instead of the storage's"
    ),
    "formats": Key(
        List(Text(choices=("gz", "br", "zst")), "a list of gz, br and zst"),
        "the compressed variants to create, instead of the storage's",
    ),
    "frontend": Key(
        Tables(FRONTEND), "the front-ends to install and to build, instead of the detected ones"
    ),
    "silence": Key(
        List(Text(pattern=CODE), "a list of codes"), "codes of checks that are not reported"
    ),
}
KEEP: Mapping[str, Key] = {
    "keep": Key(Text(), "the earlier image whose fingerprinted files are kept, with --tag"),
    "keep_releases": Key(Number(1, 20), "the number of earlier releases to keep", 1),
}
COMMANDS: Mapping[str, Mapping[str, Key]] = {
    "generate": {
        "targets": Key(
            List(Text(pattern=r"[a-z][a-z0-9.-]*"), "a list of what generate writes"),
            "the files to generate by default",
        ),
        "python": Key(
            Text("a version such as 3.14", pattern=r"3\.(1[1-9]|[2-9][0-9])(\.[0-9]+)?"),
            "the Python version of the image, instead of the detected one",
        ),
        "port": Key(Number(1, 65535), "the port, if the platform does not set PORT", 8000),
        "cache_mounts": Key(Flag(), "use cache mounts in the Dockerfile", False),
        "multi_platform": Key(Flag(), "collect once for all platforms", False),
        "collector": Key(
            one_of("buildstatic", "django"),
            "the program that collects; by default django before Django 4.2",
        ),
        "server": Key(
            one_of(
                *("gunicorn", "uvicorn-worker", "uvicorn", "granian"),
                *("daphne", "hypercorn", "uwsgi", "waitress"),
            ),
            "the application server, instead of the project's",
        ),
        "database": Key(
            one_of("platform", "external"),
            "the provider of the database server, if the platform can be one",
            "platform",
        ),
        "serve": Key(
            one_of("nginx", "caddy"), "the server of the static files, if not the application"
        ),
        "collect_in": Key(one_of("build", "release"), "the phase in which Heroku collects"),
        "builder": Key(one_of("railpack", "dockerfile"), "the builder on Railway"),
        "chain": Key(
            one_of("start", "build"),
            "the Railway command that collects without a Dockerfile",
            "start",
        ),
        "legacy": Key(Flag(), "write railway.json in place of railpack.json", False),
    },
    "build": {
        "builder": Key(Text(), "a buildx builder, or embedded"),
        "base": Key(Text(), "the base image of the embedded builder"),
        "platform": Key(List(Text()), "the platforms to build for"),
        "cache_from": Key(List(Text()), "caches to import"),
        "cache_to": Key(List(Text()), "caches to export"),
        **KEEP,
    },
    "collect": {
        "cache": Key(Text(), "the directory of the cache, relative to the root"),
        "hardlinks": Key(Flag(), "hard-link equal files", False),
        "prune": Key(Flag(), "remove files of earlier runs from the output", False),
        "strict": Key(Flag(), "fail if files with the same path have different content", False),
        "missing_maps": Key(
            one_of("fail", "warn"), "treat a missing source map as an error or as a warning", "fail"
        ),
    },
    "layer": {
        "base": Key(Text(), "the base image, with --tag"),
        "compression": Key(one_of("gzip", "zstd", "none"), "the compression of the layer", "gzip"),
        **KEEP,
    },
    "check": {
        "fail_level": Key(
            one_of("error", "warning", "info"), "the lowest severity that fails", "error"
        ),
    },
}


def all_keys() -> dict[str, Key]:
    """Return all keys by name; those of a command as ``generate.port``."""
    of_commands = {
        f"{command}.{name}": key for command, keys in COMMANDS.items() for name, key in keys.items()
    }
    return {**PROJECT, **of_commands}


def schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of the table ``[tool.buildstatic]``."""
    tables = {
        command: {**table_schema(keys), "description": f"Default options of {command}."}
        for command, keys in COMMANDS.items()
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "[tool.buildstatic] in pyproject.toml",
        **table_schema(PROJECT, tables),
    }


@dataclass(frozen=True)
class FrontendConfig:
    """A table of ``[[tool.buildstatic.frontend]]``; None leaves the choice to what is detected."""

    directory: str = "."
    scripts: tuple[str, ...] | None = None
    install_needs_sources: bool | None = None


@dataclass(frozen=True)
class ProjectConfig:
    """The configuration in ``[tool.buildstatic]``.

    *manage* and *settings* replace detected ones; *network* allows network access while collecting
    in a build; *env* has placeholders for variables that the settings require. *ignore* are
    gitignore patterns for paths that are not collected; *before* and *after* are commands of
    manage.py that run around collecting; *requirements*, *groups* and *extras* are
    installed instead of those found; *build_packages* and *run_packages* are Debian packages;
    *compress* and *formats* select the compressed variants;
    *frontend* replaces the detected front-ends; *silence* are the codes of checks that are not
    reported. *commands* has the options of each command, by its name; *lines* the line of each key.
    """

    manage: str | None = None
    settings: str | None = None
    network: bool = False
    env: Mapping[str, str] = field(default_factory=dict)
    ignore: tuple[str, ...] = ()
    before: tuple[str, ...] | None = None
    after: tuple[str, ...] | None = None
    requirements: tuple[str, ...] = ()
    groups: tuple[str, ...] | None = None
    extras: tuple[str, ...] | None = None
    build_packages: tuple[str, ...] = ()
    run_packages: tuple[str, ...] = ()
    compress: Literal["none", "fast", "best"] | None = None
    formats: tuple[str, ...] = ()
    frontend: tuple[FrontendConfig, ...] | None = None
    silence: tuple[str, ...] = ()
    commands: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)

    def source(self, key: str) -> str:
        """Return ``file:line`` of *key*; a command's key is ``generate.port``."""
        return f"{FILE}:{self.lines.get(key, 1)}"

    def options(self, command: str) -> Mapping[str, Any]:
        """Return the options that are set for *command*, by name."""
        return self.commands.get(command, {})


def load(root: Path) -> ProjectConfig:
    """Return the configuration in *root*'s pyproject.toml, or the defaults.

    Raises `ConfigInvalid` for invalid TOML, an unknown key and a value of the wrong type.
    """
    path = root / FILE
    if not files.is_file(path):
        return ProjectConfig()
    data, text = files.read_toml(path, root)
    tool = data.get("tool", {})
    table = tool.get("buildstatic", {}) if isinstance(tool, dict) else {}
    if not isinstance(table, dict):
        problem = f"{_place(text)}: {TABLE} is not a table."
        raise ConfigInvalid(problem, f"Write [{TABLE}].")
    values = {
        name.replace("-", "_"): _checked(value, (name,), PROJECT, text)
        for name, value in table.items()
        if name not in COMMANDS
    }
    commands: dict[str, dict[str, Any]] = {}
    for command, keys in COMMANDS.items():
        options = table.get(command, {})
        if not isinstance(options, dict):
            problem = f"{_place(text, command)}: {command} in [{TABLE}] must be a table."
            raise ConfigInvalid(problem, f"Write its options below [{TABLE}.{command}].")
        if command in table:
            commands[command] = {
                name: _checked(value, (command, name), keys, text)
                for name, value in options.items()
            }
    if "frontend" in values:
        values["frontend"] = tuple(FrontendConfig(**table) for table in values["frontend"])
    paths: list[tuple[str, ...]] = [(name,) for name in table if name not in COMMANDS]
    paths += [(command, name) for command, options in commands.items() for name in options]
    lines = {".".join(path): files.toml_line(text, *PATH, *path) for path in paths}
    return ProjectConfig(**values, commands=commands, lines=lines)


def _place(text: str, *path: str) -> str:
    return f"{FILE}:{files.toml_line(text, *PATH, *path)}"


def _checked(value: Any, path: tuple[str, ...], keys: Mapping[str, Key], text: str) -> Any:
    """Return the *value* of the key at *path* in the table, or raise `ConfigInvalid`."""
    *above, name = path
    table = ".".join((TABLE, *above))
    if name not in keys:
        problem = f"{_place(text, *path)}: [{table}] has no key {name}."
        raise ConfigInvalid(problem, _suggest(name, keys, is_option=bool(above)))
    value_type = keys[name].type
    if isinstance(value_type, Variables) and isinstance(value, dict):
        for variable, content in value.items():
            place = _place(text, *path, variable)
            if not value_type.is_name(variable):
                problem = f"{place}: {json.dumps(variable)} is not a valid variable name."
                raise ConfigInvalid(problem, 'Write NAME = "value".')
            if not value_type.is_value(content):
                shown = str(content).lower() if isinstance(content, bool) else str(content)
                problem = f"{place}: {variable} in [{table}.{name}] must be text."
                raise ConfigInvalid(problem, f"Write {variable} = {json.dumps(shown)}")
    tables = value if isinstance(value, list) else [value]
    if isinstance(value_type, Tables) and all(isinstance(item, dict) for item in tables):
        return tuple(
            {key: _checked(item[key], (*path, key), value_type.keys, text) for key in item}
            for item in tables
        )
    if not value_type.is_valid(value):
        advice = f"It is {json.dumps(value, default=str)}."
        if isinstance(value_type, List) and isinstance(value, list):
            invalid = next(item for item in value if not value_type.item.is_valid(item))
            advice = f"It contains {json.dumps(invalid, default=str)}."
        problem = f"{_place(text, *path)}: {name} in [{table}] must be {value_type.description}."
        raise ConfigInvalid(problem, advice)
    if isinstance(value, list):
        return tuple(value)
    return int(value) if isinstance(value_type, Number) else value


def _suggest(name: str, keys: Mapping[str, Key], *, is_option: bool) -> str:
    """Return advice on *name*, which is not one of *keys*."""
    known = [*keys, *(() if is_option else COMMANDS)]
    if near := difflib.get_close_matches(name, known, n=1):
        return f"Did you mean {near[0]}?"
    places = [f"[{TABLE}.{command}]" for command, others in COMMANDS.items() if name in others]
    places += [f"[{TABLE}]"] if name in PROJECT else []
    if places:
        return f"It belongs in {' or '.join(places)}."
    return f"Valid keys: {', '.join(known)}."


def ignore_patterns(root: Path, config: ProjectConfig) -> tuple[tuple[str, str], ...]:
    """Return each pattern of paths not to collect, with its source: of *config*, of .staticignore.

    They are in gitignore syntax, so a later one takes precedence.
    """
    source = config.source("ignore")
    found = [(pattern, source) for pattern in config.ignore]
    path = root / IGNORE_FILE
    if files.is_file(path):
        lines = files.read_text(path, root).splitlines()
        found += [(line, f"{IGNORE_FILE}:{number}") for number, line in enumerate(lines, start=1)]
    return tuple(item for item in found if item[0].strip() and not item[0].startswith("#"))
