"""The keys of ``[tool.buildstatic]``: one table for the loader, the JSON schema and the docs.

A key has the name of its command line option, with underscores; the options of a command are in a
table of their own, ``[tool.buildstatic.generate]``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CODE = "[a-z][a-z0-9]*(-[a-z0-9]+)*"


@dataclass(frozen=True)
class Text:
    """One line of text: one of *choices*, or a full match of *pattern*."""

    description: str = "text"
    choices: tuple[str, ...] = ()
    pattern: str = r"[^\u0000-\u001f]+"

    def is_valid(self, value: object) -> bool:
        """Return whether *value* is valid."""
        if not isinstance(value, str):
            return False
        return value in self.choices if self.choices else bool(re.fullmatch(self.pattern, value))

    def schema(self) -> dict[str, Any]:
        """Return its JSON Schema. In Python, ``$`` also matches before a final newline."""
        if self.choices:
            return {"enum": list(self.choices)}
        return {"type": "string", "pattern": rf"^({self.pattern})(?!\n)$"}


@dataclass(frozen=True)
class Flag:
    """True or false."""

    description: str = "true or false"

    def is_valid(self, value: object) -> bool:
        """Return whether *value* is valid."""
        return isinstance(value, bool)

    def schema(self) -> dict[str, Any]:
        """Return its JSON Schema."""
        return {"type": "boolean"}


@dataclass(frozen=True)
class Number:
    """An integer from *least* to *most*; 8000.0 is valid, as in JSON Schema."""

    least: int
    most: int

    @property
    def description(self) -> str:
        """The description for error messages."""
        return f"a number from {self.least} to {self.most}"

    def is_valid(self, value: object) -> bool:
        """Return whether *value* is valid."""
        is_whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        return is_whole and not isinstance(value, bool) and self.least <= value <= self.most  # type: ignore[operator]

    def schema(self) -> dict[str, Any]:
        """Return its JSON Schema."""
        return {"type": "integer", "minimum": self.least, "maximum": self.most}


@dataclass(frozen=True)
class List:
    """A list of *item*."""

    item: Text
    description: str = "a list of text"

    def is_valid(self, value: object) -> bool:
        """Return whether *value* is valid."""
        return isinstance(value, list) and all(map(self.item.is_valid, value))

    def schema(self) -> dict[str, Any]:
        """Return its JSON Schema."""
        return {"type": "array", "items": self.item.schema()}


@dataclass(frozen=True)
class Variables:
    """A table of environment variables and their values."""

    description: str = "a table of text"
    name = r"[^=\u0000]+"
    value = r"[^\u0000]*"

    def is_valid(self, value: object) -> bool:
        """Return whether *value* is valid."""
        return isinstance(value, dict) and all(
            self.is_name(name) and self.is_value(text) for name, text in value.items()
        )

    def is_name(self, name: str) -> bool:
        """Return whether *name* is a valid variable name."""
        return bool(re.fullmatch(self.name, name))

    def is_value(self, value: object) -> bool:
        """Return whether *value* is valid for a variable."""
        return isinstance(value, str) and bool(re.fullmatch(self.value, value))

    def schema(self) -> dict[str, Any]:
        """Return its JSON Schema."""
        return {
            "type": "object",
            "propertyNames": {"pattern": f"^{self.name}$"},
            "additionalProperties": {"type": "string", "pattern": f"^{self.value}$"},
        }


ValueType = Text | Flag | Number | List | Variables


@dataclass(frozen=True)
class Key:
    """The *type* of a key's value, its description (*help*), and its default."""

    type: ValueType
    help: str
    default: object = None


def one_of(*choices: str) -> Text:
    """Return the type of a text that is one of *choices*."""
    return Text(f"{', '.join(choices[:-1])} or {choices[-1]}", choices)


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
    "compress": Key(
        one_of("none", "fast", "best"), "the compression effort, instead of the storage's"
    ),
    "formats": Key(
        List(Text(choices=("gz", "br", "zst")), "a list of gz, br and zst"),
        "the compressed variants to create, instead of the storage's",
    ),
    "silence": Key(
        List(Text(pattern=CODE), "a list of codes"), "codes of checks that are not reported"
    ),
}
COMMANDS: Mapping[str, Mapping[str, Key]] = {
    "generate": {
        "targets": Key(
            List(Text(pattern=r"[a-z][a-z0-9.-]*"), "a list of what generate writes"),
            "the files to generate by default",
        ),
        "python": Key(
            Text("a version such as 3.13", pattern=r"3\.(1[1-9]|[2-9][0-9])(\.[0-9]+)?"),
            "the Python version of the image, instead of the detected one",
        ),
        "port": Key(Number(1, 65535), "the port, if the platform does not set PORT", 8000),
        "cache_mounts": Key(Flag(), "use cache mounts in the build", True),
        "multi_platform": Key(Flag(), "collect once for all platforms", False),
        "collector": Key(
            one_of("buildstatic", "django"),
            "the program that collects the static files",
            "buildstatic",
        ),
        "server": Key(one_of("gunicorn", "uvicorn-worker"), "the application server"),
        "serve": Key(
            one_of("nginx", "caddy"), "the server of the static files, if not the application"
        ),
        "collect_in": Key(one_of("build", "release"), "the phase in which Heroku collects"),
        "builder": Key(one_of("railpack", "dockerfile", "nixpacks"), "the builder on Railway"),
        "chain": Key(
            one_of("start", "build"),
            "the Railway command that collects without a Dockerfile",
            "start",
        ),
    },
    "build": {
        "builder": Key(Text(), "a buildx builder, or embedded"),
        "base": Key(Text(), "the base image of the embedded builder"),
        "platform": Key(List(Text()), "the platforms to build for"),
        "cache_from": Key(List(Text()), "caches to import"),
        "cache_to": Key(List(Text()), "caches to export"),
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
        command: {**_object(keys), "description": f"Default options of {command}."}
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
    described = {**key.type.schema(), "description": f"{key.help[0].upper()}{key.help[1:]}."}
    return described if key.default is None else {**described, "default": key.default}
