"""The project: what is found in a directory by reading, never by importing."""

from buildstatic.project.model import (
    Database,
    Dependencies,
    Edit,
    Fact,
    Frontend,
    Project,
    Server,
    Sqlite,
    Variable,
)

__all__ = [
    "Database",
    "Dependencies",
    "Edit",
    "Fact",
    "Frontend",
    "Project",
    "Server",
    "Sqlite",
    "Variable",
]
