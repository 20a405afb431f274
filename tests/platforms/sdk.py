"""Evaluating a railway.py with Railway's SDK."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from railway_sdk import create_railway_context

from buildstatic.templates import GeneratedFile


def without_source(text: str) -> str:
    """Return railway.py for services that ``railway up`` deploys, as a user edits it."""
    return text.replace("SOURCE = ...", "SOURCE = None")


def evaluated(root: Path, file: GeneratedFile, context: object = "") -> dict[str, Any]:
    """Write *file* to *root*, import it, and return the graph that the SDK makes of it.

    *context* is what the CLI gives, or the name of an environment for the SDK's own context.
    """
    path = root / file.path
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(without_source(file.text).encode())
    spec = importlib.util.spec_from_file_location("railway_config", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if isinstance(context, str):
        context = create_railway_context({"environment": context} if context else {})
    result: dict[str, Any] = module.main(context).to_graph()
    return result
