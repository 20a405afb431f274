"""Load ``[tool.buildstatic]`` from pyproject.toml, and the patterns in .staticignore."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from buildstatic.errors import ConfigInvalid
from buildstatic.project import files
from buildstatic.project.keys import COMMANDS, PROJECT, Key, List, Number, Variables

FILE = "pyproject.toml"
PATH = ("tool", "buildstatic")
TABLE = ".".join(PATH)
IGNORE_FILE = ".staticignore"


@dataclass(frozen=True)
class Config:
    """The configuration in ``[tool.buildstatic]``.

    *manage* and *settings* replace detected ones; *network* allows network access while collecting
    in a build; *env* has placeholders for variables that the settings require. *ignore* are
    gitignore patterns for paths that are not collected; *compress* and *formats* select the
    compressed variants; *silence* are the codes of checks that are not reported. *commands* has the
    options of each command, by its name; *lines* the line of each key.
    """

    manage: str | None = None
    settings: str | None = None
    network: bool = False
    env: Mapping[str, str] = field(default_factory=dict)
    ignore: tuple[str, ...] = ()
    compress: Literal["none", "fast", "best"] | None = None
    formats: tuple[str, ...] = ()
    silence: tuple[str, ...] = ()
    commands: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)

    def source(self, key: str) -> str:
        """Return ``file:line`` of *key*; a command's key is ``generate.port``."""
        return f"{FILE}:{self.lines.get(key, 1)}"

    def options(self, command: str) -> Mapping[str, Any]:
        """Return the options that are set for *command*, by name."""
        return self.commands.get(command, {})


def load(root: Path) -> Config:
    """Return the configuration in *root*'s pyproject.toml, or the defaults.

    Raises `ConfigInvalid` for invalid TOML, an unknown key and a value of the wrong type.
    """
    path = root / FILE
    if not files.is_file(path):
        return Config()
    data, text = files.read_toml(path, root)
    tool = data.get("tool", {})
    table = tool.get("buildstatic", {}) if isinstance(tool, dict) else {}
    if not isinstance(table, dict):
        problem = f"{_place(text)}: {TABLE} is not a table."
        raise ConfigInvalid(problem, f"Write [{TABLE}].")
    values = {
        name: _checked(value, (name,), PROJECT, text)
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
    paths: list[tuple[str, ...]] = [(name,) for name in values]
    paths += [(command, name) for command, options in commands.items() for name in options]
    lines = {".".join(path): files.toml_line(text, *PATH, *path) for path in paths}
    return Config(**values, commands=commands, lines=lines)


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


def ignore_patterns(root: Path, config: Config) -> tuple[tuple[str, str], ...]:
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
