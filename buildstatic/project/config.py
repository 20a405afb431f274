"""``[tool.buildstatic]`` in pyproject.toml: what a project wants otherwise than found."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from buildstatic.errors import ConfigInvalid
from buildstatic.project import files

FILE = "pyproject.toml"
KINDS: dict[str, tuple[type, str]] = {
    "manage": (str, "text"),
    "settings": (str, "text"),
    "network": (bool, "true or false"),
    "env": (dict, "a table of text"),
    "ignore": (list, "a list of text"),
    "compress": (str, "none, fast or best"),
    "formats": (list, "a list of gz, br and zst"),
}
ALLOWED = {"compress": ("none", "fast", "best"), "formats": ("gz", "br", "zst")}


@dataclass(frozen=True)
class Config:
    """What ``[tool.buildstatic]`` says.

    *manage* and *settings* replace what is found; *network* gives the collecting step of a build a
    network; *env* holds placeholders for variables that the settings demand. *ignore* are patterns
    in gitignore syntax for paths that are not collected; *compress* and *formats* are what the
    variants are to be. *lines* is where each stands.
    """

    manage: str | None = None
    settings: str | None = None
    network: bool = False
    env: Mapping[str, str] = field(default_factory=dict)
    ignore: tuple[str, ...] = ()
    compress: Literal["none", "fast", "best"] | None = None
    formats: tuple[str, ...] = ()
    lines: Mapping[str, int] = field(default_factory=dict)

    def source(self, key: str) -> str:
        """Return ``file:line`` of *key*."""
        return f"{FILE}:{self.lines.get(key, 1)}"


def load(root: Path) -> Config:
    """Return the configuration in *root*'s pyproject.toml; the defaults where there is none.

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
        raise ConfigInvalid(f"{FILE}:{line}: tool.buildstatic is no table.", "[tool.buildstatic]")
    lines = {key: files.toml_line(text, "tool", "buildstatic", key) for key in table}
    for key, value in table.items():
        _check(key, value, lines[key])
    _check_env(table.get("env", {}), text)
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in table.items()
    }
    return Config(**values, lines=lines)


def _check(key: str, value: object, line: int) -> None:
    if key not in KINDS:
        near = difflib.get_close_matches(key, KINDS, n=1)
        advice = f"Did you mean {near[0]}?" if near else f"There are {', '.join(KINDS)}."
        raise ConfigInvalid(f"{FILE}:{line}: [tool.buildstatic] has no key {key}.", advice)
    kind, words = KINDS[key]
    if not isinstance(value, kind):
        problem = f"{FILE}:{line}: {key} in [tool.buildstatic] must be {words}."
        raise ConfigInvalid(problem, f"It is {json.dumps(value, default=str)}.")
    for item in value if isinstance(value, list) else [value]:
        is_one = item in ALLOWED.get(key, (item,)) and (kind is not list or isinstance(item, str))
        if not is_one:
            problem = f"{FILE}:{line}: {key} in [tool.buildstatic] must be {words}."
            raise ConfigInvalid(problem, f"There is {json.dumps(item, default=str)} in it.")


def _check_env(env: Mapping[str, object], text: str) -> None:
    for name, value in env.items():
        line = files.toml_line(text, "tool", "buildstatic", "env", name)
        if not name or "=" in name or "\0" in name:
            problem = f"{FILE}:{line}: {json.dumps(name)} is no name of a variable."
            raise ConfigInvalid(problem, 'Write NAME = "value".')
        if not isinstance(value, str) or "\0" in value:
            problem = f"{FILE}:{line}: {name} in [tool.buildstatic.env] must be text."
            quoted = json.dumps(str(value).lower() if isinstance(value, bool) else str(value))
            raise ConfigInvalid(problem, f"Write {name} = {quoted}")
