"""The project: what is found in a directory by reading, never by importing."""

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
