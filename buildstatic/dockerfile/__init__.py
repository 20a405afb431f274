"""The generated Dockerfile and .dockerignore, the project's own, and STATIC_ROOT in the image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

DOCKERFILE = "Dockerfile"
IGNORE_FILE = ".dockerignore"
# The project's root in the image.
APP = "/app"


@dataclass(frozen=True)
class Part:
    """Part of a generated Dockerfile: the *context* of its templates, and *notes* for the user."""

    context: Mapping[str, object]
    notes: tuple[str, ...] = ()
