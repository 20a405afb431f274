"""The directories that the project's own static files come from, as read from the settings."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from buildstatic.checks.context import CheckContext
from buildstatic.project import files
from buildstatic.project.settings import Value
from buildstatic.project.static_files import app_directory, directory

MAX_FILES = 20_000


@dataclass(frozen=True)
class SourceDirectory:
    """A directory of static files.

    *path* is relative to the root or absolute; *source* is where the settings name it; *app* is
    the app it belongs to, empty for an entry of STATICFILES_DIRS; *prefix* is prepended to the
    names of its files.
    """

    path: str
    source: str
    app: str = ""
    prefix: str = ""


def source_directories(context: CheckContext) -> Iterator[SourceDirectory]:
    """Yield the directories in the order in which Django's finders search them."""
    setting = context.settings.get("STATICFILES_DIRS")
    for item in setting.data if setting and isinstance(setting.data, tuple) else ():
        pair = item.data if isinstance(item.data, tuple) else (Value(""), item)
        found = directory(pair[-1], context.search)
        if found is not None:
            prefix = pair[0].data if isinstance(pair[0].data, str) else ""
            yield SourceDirectory(found.value, item.source or found.source, prefix=prefix)
    setting = context.settings.get("INSTALLED_APPS")
    for item in setting.data if setting and isinstance(setting.data, tuple) else ():
        path = app_directory(item.data, context.search)
        if path is not None:
            app = PurePosixPath(path).name
            yield SourceDirectory(f"{path}/static", item.source, app=app)


def collected_directory(context: CheckContext) -> str | None:
    """Return STATIC_ROOT relative to the root, if it is in the project and contains no sources.

    Only then may it be left out of git and of builds.
    """
    root = context.static_root
    if root is None or any(
        PurePosixPath(source.path).is_relative_to(root) for source in source_directories(context)
    ):
        return None
    return root


def source_files(
    context: CheckContext, source: SourceDirectory, *, with_broken_links: bool = False
) -> Iterator[tuple[str, str]]:
    """Yield the collected name and the path of each file in *source*, of 20,000 at most.

    Files that collectstatic ignores by default are left out.
    """
    top = context.root / source.path
    count = 0
    for parent, directories, names in os.walk(top):
        directories[:] = sorted(
            name for name in directories if not name.startswith(".") and name != "CVS"
        )
        for name in sorted(names):
            if name.startswith(".") or name.endswith("~"):
                continue
            path = os.path.join(parent, name)  # noqa: PTH118
            # Reading a pipe would block.
            if not os.path.isfile(path) and not (  # noqa: PTH113
                with_broken_links and os.path.islink(path) and not os.path.exists(path)  # noqa: PTH110, PTH114
            ):
                continue
            yield str(PurePosixPath(source.prefix, os.path.relpath(path, top))), path
            count += 1
            if count >= MAX_FILES:
                return


def has_files(context: CheckContext, source: SourceDirectory) -> bool:
    """Return whether *source* is an existing directory that contains a file."""
    path = context.root / source.path
    return files.is_directory(path) and any(source_files(context, source))
