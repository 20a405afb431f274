"""What runs beside the server: the Procfile's other processes, or a Celery worker."""

from __future__ import annotations

import posixpath
import re
import shlex

from buildstatic.project import files
from buildstatic.project.model import Fact, Process
from buildstatic.project.packages import Packages
from buildstatic.project.search import Search

PROCFILE = "Procfile"
# devcenter.heroku.com/articles/procfile: "letters, digits, - and _"; as honcho reads it.
LINE = re.compile(r"(?P<name>[A-Za-z0-9_-]+):\s*(?P<command>.*\S)\s*")
SERVED = ("web", "release")


def find(settings: str, packages: Packages, search: Search) -> Fact[tuple[Process, ...]] | None:
    """Return the processes of the project whose settings module is *settings*.

    The Procfile's come first; where it has none, Celery's worker if it is a dependency and the
    package of the settings has a ``celery.py``
    (docs.celeryq.dev/en/stable/django/first-steps-with-django.html).
    """
    path = search.root / PROCFILE
    found = _from_procfile(files.read_text(path, search.root)) if files.is_file(path) else None
    if found is not None:
        return found
    package = settings.partition(".")[0]
    if "celery" not in packages or search.module(f"{package}.celery") is None:
        return None
    return Fact((Process("worker", _celery(package, search)),), packages["celery"].source)


def _from_procfile(text: str) -> Fact[tuple[Process, ...]] | None:
    lines = enumerate(text.splitlines(), start=1)
    matches = [(number, match) for number, line in lines if (match := LINE.fullmatch(line))]
    found = [(number, match) for number, match in matches if match["name"] not in SERVED]
    if not found:
        return None
    processes = tuple(Process(match["name"], match["command"]) for _, match in found)
    return Fact(processes, f"{PROCFILE}:{found[0][0]}")


def _celery(package: str, search: Search) -> str:
    directory = posixpath.normpath(search.relative(search.manage))
    place = () if directory == "." else ("--workdir", f"./{directory}")
    return shlex.join(("celery", *place, "-A", package, "worker"))
