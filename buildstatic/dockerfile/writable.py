"""The part of the generated Dockerfile for the files that the application writes."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from pathlib import PurePosixPath

from buildstatic.dockerfile import APP, Part
from buildstatic.dockerfile.static_root import DATA, data_directory, static_root_in_image
from buildstatic.project import Project
from buildstatic.project.files import names
from buildstatic.project.static_files import contains_needed, uploads


def writable_part(project: Project) -> Part:
    """Return the part for what the application of *project* writes to."""
    file_directories = _file_directories(project)
    directories = tuple(dict.fromkeys((*_upload_directory(project), *file_directories)))
    logs = dict.fromkeys(file.value for file in project.log_files)
    context = {
        "file_directories": file_directories,
        "writable_directories": directories,
        # Log files in directories that the application may not write to.
        "writable_files": [name for name in logs if posixpath.dirname(name) not in directories],
    }
    return Part(context, tuple(_notes(project, directories)))


def _file_directories(project: Project) -> tuple[str, ...]:
    """Return the directories of log files and SQLite databases, if no code or source is in them.

    They have to exist when the project is imported, and often the repository does not have them.
    """
    written = [file.value for file in (*project.log_files, *project.sqlite_files)]
    if project.sqlite and not project.sqlite.value.file.startswith("/"):
        written.append(project.sqlite.value.file)
    places = dict.fromkeys(map(posixpath.dirname, written))
    return tuple(
        place
        for place in places
        if place
        and not contains_needed(project, place)
        and not any(name.endswith(".py") for name in names(project.root / place))
    )


def _upload_directory(project: Project) -> tuple[str, ...]:
    """Return the directory of uploads, if any, relative to the project or absolute."""
    place = uploads(project) if project.media_root else None
    if project.media_root and data_directory(project) != DATA:
        media = PurePosixPath(project.media_root.value)
        place = str(media) if media.is_relative_to(DATA) else place
    tree = posixpath.join(APP, place or "")
    contains_static = f"{static_root_in_image(project)}/".startswith(f"{tree}/")
    return () if place is None or contains_static else (place,)


def _notes(project: Project, writable: tuple[str, ...]) -> Iterator[str]:
    """Yield where a database and uploads are in /app, and what becomes of them there."""
    if project.sqlite and not project.sqlite.value.file.startswith("/"):
        place = posixpath.dirname(project.sqlite.value.file)
        directory = posixpath.join(APP, place).rstrip("/")
        import_os = "" if project.sqlite.value.imports_os else " and import os"
        yield f"SQLite: {project.sqlite.source} puts the database into {directory}, " + (
            "where it is lost with the container. Mount a volume there."
            if place in writable
            else "which the application cannot write to. Wrap the value of NAME in "
            f'os.environ.get("DATABASE_PATH", …){import_os}, and run the image with '
            f"DATABASE_PATH={data_directory(project)}/db.sqlite3."
        )
    if project.media_root and not project.media_root.value.startswith("/"):
        place = posixpath.join(APP, project.media_root.value)
        if uploads(project) in writable:
            effect = "where they are lost with the container. Mount a volume there"
        else:
            effect = "which the application cannot write to. Read MEDIA_ROOT from a variable"
        yield f"Uploads: {project.media_root.source} puts them into {place}, {effect}."
