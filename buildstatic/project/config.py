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
from buildstatic.project.keys import COMMANDS, PROJECT, Key, Number, Variables

FILE = "pyproject.toml"
TABLE = "tool.buildstatic"
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
        line = files.toml_line(text, "tool", "buildstatic")
        raise ConfigInvalid(f"{FILE}:{line}: {TABLE} is not a table.", f"Write [{TABLE}].")
    return _Text(text).config(table)


@dataclass(frozen=True)
class _Text:
    """The text of pyproject.toml, to find the lines of errors."""

    text: str

    def config(self, table: Mapping[str, Any]) -> Config:
        own = {name: value for name, value in table.items() if name not in COMMANDS}
        values = self.read(own, PROJECT, ())
        commands = {
            name: self.read(self.table(table[name], name), keys, (name,))
            for name, keys in COMMANDS.items()
            if name in table
        }
        paths = [*((name,) for name in own), *((c, name) for c in commands for name in commands[c])]
        lines = {".".join(path): self.line(*path) for path in paths}
        return Config(**values, commands=commands, lines=lines)

    def line(self, *path: str) -> int:
        return files.toml_line(self.text, "tool", "buildstatic", *path)

    def table(self, value: object, name: str) -> Mapping[str, Any]:
        if isinstance(value, dict):
            return value
        problem = f"{FILE}:{self.line(name)}: {name} in [{TABLE}] must be a table."
        raise ConfigInvalid(problem, f"Write its options below [{TABLE}.{name}].")

    def read(
        self, table: Mapping[str, Any], keys: Mapping[str, Key], above: tuple[str, ...]
    ) -> dict[str, Any]:
        """Return the values in *table* after checking them against *keys*."""
        for name, value in table.items():
            if name not in keys:
                where = f"{FILE}:{self.line(*above, name)}: [{'.'.join((TABLE, *above))}]"
                raise ConfigInvalid(f"{where} has no key {name}.", _suggest(name, keys, above))
            self.check(value, keys[name], (*above, name))
        return {name: _value(value, keys[name]) for name, value in table.items()}

    def check(self, value: Any, key: Key, path: tuple[str, ...]) -> None:
        if isinstance(key.kind, Variables) and isinstance(value, dict):
            self.check_variables(value, key.kind, path)
        if key.kind.allows(value):
            return
        where = f"{FILE}:{self.line(*path)}: {path[-1]} in [{'.'.join((TABLE, *path[:-1]))}]"
        raise ConfigInvalid(f"{where} must be {key.kind.words}.", _describe(value, key))

    def check_variables(
        self, table: Mapping[str, object], kind: Variables, path: tuple[str, ...]
    ) -> None:
        for name, value in table.items():
            line = self.line(*path, name)
            if not kind.is_name(name):
                problem = f"{FILE}:{line}: {json.dumps(name)} is not a valid variable name."
                raise ConfigInvalid(problem, 'Write NAME = "value".')
            if not kind.is_value(value):
                problem = f"{FILE}:{line}: {name} in [{TABLE}.env] must be text."
                quoted = json.dumps(str(value).lower() if isinstance(value, bool) else str(value))
                raise ConfigInvalid(problem, f"Write {name} = {quoted}")


def _describe(value: object, key: Key) -> str:
    """Describe the invalid *value* of *key*; for a list, its first invalid item."""
    item = getattr(key.kind, "item", None)
    if item and isinstance(value, list):
        wrong = next(each for each in value if not item.allows(each))
        return f"It contains {json.dumps(wrong, default=str)}."
    return f"It is {json.dumps(value, default=str)}."


def _suggest(name: str, keys: Mapping[str, Key], above: tuple[str, ...]) -> str:
    """Return advice on *name*, which is not one of *keys*."""
    known = [*keys, *(COMMANDS if not above else ())]
    if near := difflib.get_close_matches(name, known, n=1):
        return f"Did you mean {near[0]}?"
    places = [f"[{TABLE}.{command}]" for command, others in COMMANDS.items() if name in others]
    places += [f"[{TABLE}]"] if name in PROJECT else []
    if places:
        return f"It belongs in {' or '.join(places)}."
    return f"Valid keys: {', '.join(known)}."


def _value(value: Any, key: Key) -> Any:
    if isinstance(value, list):
        return tuple(value)
    return int(value) if isinstance(key.kind, Number) else value


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
