"""The types of the values in ``[tool.buildstatic]``: what is valid, and its JSON Schema."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


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


@dataclass(frozen=True)
class Tables:
    """A table with *keys*, or a list of such tables."""

    keys: Mapping[str, Key]
    description: str = "a table or a list of tables"

    def is_valid(self, value: object) -> bool:
        """Return whether *value* is valid."""
        tables = value if isinstance(value, list) else [value]
        return all(
            isinstance(table, dict)
            and all(
                name in self.keys and self.keys[name].type.is_valid(table[name]) for name in table
            )
            for table in tables
        )

    def schema(self) -> dict[str, Any]:
        """Return its JSON Schema."""
        table = table_schema(self.keys)
        return {"anyOf": [table, {"type": "array", "items": table}]}


@dataclass(frozen=True)
class Key:
    """The *type* of a key's value, its description (*help*), and its default."""

    type: Text | Flag | Number | List | Variables | Tables
    help: str
    default: object = None


def one_of(*choices: str) -> Text:
    """Return the type of a text that is one of *choices*."""
    return Text(f"{', '.join(choices[:-1])} or {choices[-1]}", choices)


def table_schema(keys: Mapping[str, Key], more: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the JSON Schema of a table with *keys*, and with the properties *more*."""
    properties = {name: _property(key) for name, key in keys.items()}
    return {
        "type": "object",
        "properties": {**properties, **(more or {})},
        "additionalProperties": False,
    }


def _property(key: Key) -> dict[str, Any]:
    described = {**key.type.schema(), "description": f"{key.help[0].upper()}{key.help[1:]}."}
    return described if key.default is None else {**described, "default": key.default}
