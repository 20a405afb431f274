"""Detect a Django project by reading its files; it is not imported."""

from buildstatic.project.model import (
    Connection,
    Database,
    Dependencies,
    Edit,
    Fact,
    Frontend,
    Process,
    Project,
    Server,
    Sqlite,
    Variable,
)

__all__ = [
    "Connection",
    "Database",
    "Dependencies",
    "Edit",
    "Fact",
    "Frontend",
    "Process",
    "Project",
    "Server",
    "Sqlite",
    "Variable",
]
