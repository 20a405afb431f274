"""The keys of ``[tool.buildstatic]``: what each may say. Loader, schema and tests go by this table.

A key is named as the option of the command line that it stands for, with underscores; the options
of one command are in a table of its own, ``[tool.buildstatic.generate]``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CODE = "[a-z][a-z0-9]*(-[a-z0-9]+)*"


@dataclass(frozen=True)
class Text:
    """One line of text: one of *choices*, or what fits *pattern* from its start to its end."""

    words: str = "text"
    choices: tuple[str, ...] = ()
    pattern: str = r"[^\u0000-\u001f]+"

    def allows(self, value: object) -> bool:
        """Say whether *value* may stand here."""
        if not isinstance(value, str):
            return False
        return value in self.choices if self.choices else bool(re.fullmatch(self.pattern, value))

    def schema(self) -> dict[str, Any]:
        """Return what JSON Schema says of it; its ``$`` may be before a line's end, for Python."""
        if self.choices:
            return {"enum": list(self.choices)}
        return {"type": "string", "pattern": rf"^({self.pattern})(?!\n)$"}


@dataclass(frozen=True)
class Flag:
    """True or false."""

    words: str = "true or false"

    def allows(self, value: object) -> bool:
        """Say whether *value* may stand here."""
        return isinstance(value, bool)

    def schema(self) -> dict[str, Any]:
        """Return what JSON Schema says of it."""
        return {"type": "boolean"}


@dataclass(frozen=True)
class Number:
    """A whole number between *least* and *most*; 8000.0 is one, as for JSON Schema."""

    least: int
    most: int

    @property
    def words(self) -> str:
        """What it is, in words."""
        return f"a number from {self.least} to {self.most}"

    def allows(self, value: object) -> bool:
        """Say whether *value* may stand here."""
        is_whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        return is_whole and not isinstance(value, bool) and self.least <= value <= self.most  # type: ignore[operator]

    def schema(self) -> dict[str, Any]:
        """Return what JSON Schema says of it."""
        return {"type": "integer", "minimum": self.least, "maximum": self.most}


@dataclass(frozen=True)
class Listed:
    """A list of *item*."""

    item: Text
    words: str = "a list of text"

    def allows(self, value: object) -> bool:
        """Say whether *value* may stand here."""
        return isinstance(value, list) and all(map(self.item.allows, value))

    def schema(self) -> dict[str, Any]:
        """Return what JSON Schema says of it."""
        return {"type": "array", "items": self.item.schema()}


@dataclass(frozen=True)
class Variables:
    """A table of environment variables and their values."""

    words: str = "a table of text"
    name = r"[^=\u0000]+"
    value = r"[^\u0000]*"

    def allows(self, value: object) -> bool:
        """Say whether *value* may stand here."""
        return isinstance(value, dict) and all(
            self.is_name(name) and self.is_value(text) for name, text in value.items()
        )

    def is_name(self, name: str) -> bool:
        """Say whether a variable can be called *name*."""
        return bool(re.fullmatch(self.name, name))

    def is_value(self, value: object) -> bool:
        """Say whether a variable can have *value*."""
        return isinstance(value, str) and bool(re.fullmatch(self.value, value))

    def schema(self) -> dict[str, Any]:
        """Return what JSON Schema says of it."""
        return {
            "type": "object",
            "propertyNames": {"pattern": f"^{self.name}$"},
            "additionalProperties": {"type": "string", "pattern": f"^{self.value}$"},
        }


Kind = Text | Flag | Number | Listed | Variables


@dataclass(frozen=True)
class Key:
    """What *kind* of value a key takes, what it is *about*, and what holds where it is not set."""

    kind: Kind
    about: str
    default: object = None


def one_of(*choices: str) -> Text:
    """Return the kind of a text that is one of *choices*."""
    return Text(f"{', '.join(choices[:-1])} or {choices[-1]}", choices)


PROJECT: Mapping[str, Key] = {
    "manage": Key(Text(), "the manage.py to use, relative to the root, where there are several"),
    "settings": Key(Text(), "the settings module to deploy, in place of the one found"),
    "network": Key(
        Flag(), "whether collecting has a network in the build; without it, it has none", False
    ),
    "env": Key(
        Variables(), "placeholders for variables that the settings demand, only while collecting"
    ),
    "ignore": Key(
        Listed(Text(pattern=r"[^\u0000]*")),
        "patterns in gitignore syntax for paths that are not collected",
    ),
    "compress": Key(
        one_of("none", "fast", "best"), "the effort for variants, in place of the storage's"
    ),
    "formats": Key(
        Listed(Text(choices=("gz", "br", "zst")), "a list of gz, br and zst"),
        "the variants to make, in place of the storage's",
    ),
    "silence": Key(
        Listed(Text(pattern=CODE), "a list of codes"), "findings that check does not tell of"
    ),
}
COMMANDS: Mapping[str, Mapping[str, Key]] = {
    "generate": {
        "targets": Key(
            Listed(Text(pattern=r"[a-z][a-z0-9.-]*"), "a list of what generate writes"),
            "what is written where none is named",
        ),
        "python": Key(
            Text("a version, as 3.13", pattern=r"3\.(1[1-9]|[2-9][0-9])(\.[0-9]+)?"),
            "the Python of the image, in place of the one found",
        ),
        "port": Key(Number(1, 65535), "the port, where the platform sets no PORT", 8000),
        "cache_mounts": Key(Flag(), "caches mounted into the build", True),
        "multi_platform": Key(Flag(), "collect once for all platforms", False),
        "collector": Key(one_of("buildstatic", "django"), "what collects", "buildstatic"),
        "server": Key(one_of("gunicorn", "uvicorn-worker"), "what serves"),
        "serve": Key(one_of("nginx", "caddy"), "what serves the static files, if not the app"),
        "collect_in": Key(one_of("build", "release"), "the Procfile's phase that collects"),
        "builder": Key(one_of("railpack", "dockerfile", "nixpacks"), "what builds on Railway"),
        "chain": Key(
            one_of("start", "build"),
            "Railway's command that collects where no Dockerfile does",
            "start",
        ),
    },
    "build": {
        "builder": Key(Text(), "a builder that buildx knows, or embedded"),
        "base": Key(Text(), "the image that the embedded builder puts the static layer on"),
        "platform": Key(Listed(Text()), "platforms to build for"),
        "cache_from": Key(Listed(Text()), "caches to read"),
        "cache_to": Key(Listed(Text()), "caches to write"),
    },
    "collect": {
        "cache": Key(Text(), "where variants are kept, relative to the root"),
        "hardlinks": Key(Flag(), "make equal files one file with several names", False),
        "prune": Key(Flag(), "remove what earlier runs have left in the tree", False),
        "strict": Key(Flag(), "fail where files of one path have different content", False),
        "missing_maps": Key(one_of("fail", "warn"), "what a missing source map is", "fail"),
    },
    "layer": {
        "base": Key(Text(), "the image that the layer is put on, where there is a --tag"),
        "compression": Key(one_of("gzip", "zstd", "none"), "how the layer is compressed", "gzip"),
    },
    "check": {
        "fail_level": Key(
            one_of("error", "warning", "info"), "the least severity that fails", "error"
        ),
    },
}


def every() -> dict[str, Key]:
    """Return all keys by their names, those of a command as ``generate.port``."""
    of_commands = {
        f"{command}.{name}": key for command, keys in COMMANDS.items() for name, key in keys.items()
    }
    return {**PROJECT, **of_commands}


def schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of the table ``[tool.buildstatic]``."""
    tables = {
        command: {**_object(keys), "description": f"What {command} does unless told otherwise."}
        for command, keys in COMMANDS.items()
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "[tool.buildstatic] in pyproject.toml",
        **_object(PROJECT, tables),
    }


def _object(keys: Mapping[str, Key], more: Mapping[str, Any] | None = None) -> dict[str, Any]:
    properties = {name: _property(key) for name, key in keys.items()}
    return {
        "type": "object",
        "properties": {**properties, **(more or {})},
        "additionalProperties": False,
    }


def _property(key: Key) -> dict[str, Any]:
    described = {**key.kind.schema(), "description": f"{key.about[0].upper()}{key.about[1:]}."}
    return described if key.default is None else {**described, "default": key.default}
