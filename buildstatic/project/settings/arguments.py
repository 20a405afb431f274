"""What a call is given."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from buildstatic.project.settings.state import Frame
from buildstatic.project.settings.values import Value


@dataclass(frozen=True)
class Arguments:
    """The arguments of a call, and where it stands."""

    positional: tuple[Value, ...]
    named: dict[str, Value]
    node: ast.AST
    frame: Frame

    def get(self, position: int, *names: str) -> Value | None:
        """Return the argument at *position*, or with one of *names*, or None."""
        if position < len(self.positional):
            return self.positional[position]
        return next((self.named[name] for name in names if name in self.named), None)
