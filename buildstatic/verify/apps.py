"""Where static files are from: apps of the project and of installed packages."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

from buildstatic.oci.layer_reader import LayerEntry
from buildstatic.verify.tree import StaticTree

_STATIC = "/static/"
_INSTALLED = re.compile(r".*/(?:site|dist)-packages/")


def app_of(source: str, name: str, project: str) -> str:
    """Return where the file *source* is from that is collected as *name*, empty if that is unclear.

    This is a module of an installed package, or an app's or another directory, relative to
    *project*.
    """
    directory = source.removesuffix(f"/{name}")
    if directory == source:
        return ""
    app = directory.removesuffix("/static")
    if installed := _INSTALLED.match(app):
        return app[installed.end() :].replace("/", ".")
    return "static" if app == project else app.removeprefix(f"{project.rstrip('/')}/")


def find_apps(entries: Iterable[LayerEntry], tree: StaticTree, project: str) -> dict[str, str]:
    """Return the apps that names in *tree* come from, by the *entries* of the other layers.

    Those have a file of that name and size in a directory ``static``. If several have one, it is
    not known which was collected.
    """
    found: dict[str, set[str]] = defaultdict(set)
    own = f"/{tree.root}/"
    for entry in entries:
        path = f"/{entry.path}"
        start = -1 if path.startswith(own) else path.find(_STATIC)
        while start >= 0:
            name = path[start + len(_STATIC) :]
            collected = tree.files.get(name) or tree.files.get(tree.hashed_names.get(name, ""))
            if collected and collected.size == entry.size:
                found[name].add(app_of(path, name, project))
            start = path.find(_STATIC, start + 1)
    return {name: apps.pop() for name, apps in found.items() if len(apps) == 1}
