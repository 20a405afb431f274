"""What the project keeps on the disk that is nobody's to clear: uploads, and its databases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

# What the backends that keep a database in a file have in their names.
FILES = ("sqlite", "spatialite")


def kept_by_the_project() -> dict[str, Path]:
    """Return ``MEDIA_ROOT`` and the files of databases, by what to call them, as far as set."""
    from django.conf import settings

    kept = {f"the database {alias}": path for alias, path in _databases(settings.DATABASES)}
    return {**kept, "MEDIA_ROOT": Path(settings.MEDIA_ROOT)} if settings.MEDIA_ROOT else kept


def _databases(databases: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, Path]]:
    for alias, database in databases.items():
        name = str(database.get("NAME") or "")
        if name.startswith("file:"):  # a URI: sqlite.org/uri.html
            name = name.removeprefix("file:").partition("?")[0]
        is_file = any(word in str(database.get("ENGINE", "")) for word in FILES)
        if is_file and name and not name.startswith(":"):
            yield alias, Path(name)
