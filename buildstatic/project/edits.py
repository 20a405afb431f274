"""Suggest the edits that a project needs before its static files can be built and served.

They complete a new ``django-admin startproject``: requirements, STATIC_ROOT, WhiteNoise with its
manifest storage (https://whitenoise.readthedocs.io/en/stable/django.html), ALLOWED_HOSTS from the
environment, and SECRET_KEY if nothing sets it.
"""

from __future__ import annotations

import ast
import itertools
import os
import posixpath
import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from buildstatic.project import Edit, Packages, Project, files, static_files
from buildstatic.project.files import Search
from buildstatic.project.manage import module_search, read_settings
from buildstatic.project.packages import LOCK_FILES
from buildstatic.project.packages.distributions import COMMANDS, imported_distributions
from buildstatic.project.packages.known import ASGI_ONLY_SERVERS
from buildstatic.project.settings import UNKNOWN, Settings, Value, imports_os, plain

SECURITY = "django.middleware.security.SecurityMiddleware"
STATICFILES = ("django.contrib.staticfiles", "django.contrib.staticfiles.apps.StaticFilesConfig")
# Other packages that serve static files from Django.
OTHER_SERVERS = ("servestatic", "dj-static")
BACKEND = '{"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}'
STORAGES = f"""STORAGES = {{
    "default": {{"BACKEND": "django.core.files.storage.FileSystemStorage"}},
    "staticfiles": {BACKEND},
}}"""
# Django in a requirements file, a list of pyproject.toml, or a lock file.
LISTS_DJANGO = re.compile(r"^[\s\[{\"']*(?:name = \")?django[\"'\s=<>~!\[;]", re.I | re.M)


def edits(project: Project, evaluated: tuple[Settings, Search] | None = None) -> tuple[Edit, ...]:
    """Return the edits that *project* needs, in the order to make them; often none.

    WhiteNoise is suggested if the storage is local and nothing else serves the static files.
    *evaluated* is the result of `read_settings`, if it is known.
    """
    settings, search = evaluated or read_settings(project)
    packages = project.packages
    local = project.remote is not None and not project.remote.value
    serves = local and not _is_served(project, settings, packages, search)
    from_environment = (*_secret_key(settings), *_allowed_hosts(settings))
    return (
        *_requirements(project, settings, search, serves=serves),
        *_import_os(from_environment, search),
        *from_environment,
        *_installed(settings),
        *(_middleware(settings) if serves else ()),
        *(_static_root(project, settings) if local else ()),
        *(_storages(settings, packages) if serves else ()),
        *(_application(project, search) if settings.classes else ()),
    )


def application_edits(project: Project) -> tuple[Edit, ...]:
    """Return those of the edits without which the server cannot start."""
    return tuple(_application(project, module_search(project))) if project.classes else ()


def _is_served(project: Project, settings: Settings, packages: Packages, search: Search) -> bool:
    """Return whether something other than WhiteNoise's middleware serves the static files."""
    if project.static_url and project.static_url.value.startswith(("http://", "https://")):
        return True
    if any(name in packages for name in OTHER_SERVERS) or _mentions(settings, "servestatic"):
        return True
    if project.web_server is not None and not _mentions(settings, "whitenoise"):
        return True
    module = project.wsgi.value.partition(":")[0] if project.wsgi else ""
    path = search.module(module) if module else None
    # Before it was a middleware, WhiteNoise wrapped the WSGI application.
    return path is not None and b"whitenoise" in files.read_bytes(path, search.root).lower()


def _mentions(settings: Settings, word: str) -> bool:
    middleware = settings.listed("MIDDLEWARE")
    return any(isinstance(item, str) and word in item.lower() for item in middleware)


def _requirements(
    project: Project, settings: Settings, search: Search, *, serves: bool
) -> Iterator[Edit]:
    imported = imported_distributions(settings, search) if project.dependencies is None else ()
    missing = [
        *(imported or (["Django"] if "django" not in project.packages else [])),
        *(["whitenoise"] if serves and "whitenoise" not in project.packages else []),
    ]
    if not missing:
        return
    # The Dockerfile installs it if it is all that is missing.
    position = missing.index("whitenoise") if "whitenoise" in missing else len(missing)
    missing[position:position] = [] if project.server else ["gunicorn"]
    found = project.dependencies.value if project.dependencies else None
    above = _packages_above(project.root) if found is None else None
    if above is not None:
        why = "It lists Django, but is not part of the build. Run buildstatic in its directory."
        yield Edit(
            above, "outside of the root", why, f"buildstatic check {posixpath.dirname(above)}"
        )
        return
    file = found.file if found else "requirements.txt"
    why = "The image installs these packages."
    if found and found.manager in COMMANDS:
        command = COMMANDS[found.manager].format(" ".join(missing).lower())
        yield Edit(file, "with this command", why, command)
    elif found and found.manager == "conda":
        lines = "\n".join(f"  - {name}".lower() for name in missing)
        yield Edit(file, "in dependencies", why, lines)
    elif found and found.manager == "pyproject":
        lines = "\n".join(f'    "{name}",' for name in missing)
        yield Edit(file, "in dependencies of [project]", why, lines)
    else:
        yield Edit(file, "at the end" if found else "a new file", why, "\n".join(missing))


def _packages_above(root: Path) -> str | None:
    """Return the file, relative to *root*, that lists Django up to two directories above.

    The search ends at the root of a repository.
    """
    for directory, above in itertools.pairwise((root, *root.parents[:2])):
        if (directory / ".git").exists():
            return None
        for name in (*LOCK_FILES, "pyproject.toml", "requirements.txt"):
            path = above / name
            try:
                text = path.read_text(errors="replace") if files.is_file(path) else ""
            except OSError:
                continue
            if LISTS_DJANGO.search(text):
                return os.path.relpath(path, root)
    return None


def _import_os(edits: Sequence[Edit], search: Search) -> Iterator[Edit]:
    """Yield ``import os`` for files of *edits*, which all use it, that do not import it."""
    for file in dict.fromkeys(edit.file for edit in edits):
        names = [edit.text.partition(" ")[0] for edit in edits if edit.file == file]
        if not imports_os(file, search):
            why = f"{' and '.join(names)} need{'' if len(names) > 1 else 's'} it."
            yield Edit(file, "among the imports", why, "import os")


def _secret_key(settings: Settings) -> Iterator[Edit]:
    value = settings.get("SECRET_KEY")
    is_set = value is not None and (value.data not in ("", None) or value.reads)
    if not settings.complete or settings.classes or is_set:
        return
    file, line = _place(value, settings)
    yield Edit(
        file,
        f"in place of SECRET_KEY, line {line}" if line else "at the end",
        "Django does not start without a secret key.",
        'SECRET_KEY = os.environ["SECRET_KEY"]',
    )


def _allowed_hosts(settings: Settings) -> Iterator[Edit]:
    value = settings.get("ALLOWED_HOSTS")
    if value is None and (settings.classes or not settings.complete):
        return
    if value is not None and (value.data != () or value.reads):
        return
    file, line = _place(value, settings)
    yield Edit(
        file,
        f"in place of ALLOWED_HOSTS, line {line}" if line else "at the end",
        "Without DEBUG, Django only serves the hosts listed here.",
        'ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", "localhost,127.0.0.1").split(",")',
    )


def _installed(settings: Settings) -> Iterator[Edit]:
    value, apps = settings.get("INSTALLED_APPS"), settings.listed("INSTALLED_APPS")
    if value is None or UNKNOWN in apps or set(apps) & set(STATICFILES):
        return
    file, line = _place(value, settings)
    where = f"in INSTALLED_APPS, line {line}"
    yield Edit(file, where, "It finds and collects static files.", f'    "{STATICFILES[0]}",')


def _middleware(settings: Settings) -> Iterator[Edit]:
    value, entries = settings.get("MIDDLEWARE"), settings.listed("MIDDLEWARE")
    if value is None or UNKNOWN in entries or _mentions(settings, "whitenoise"):
        return
    items = value.data if isinstance(value.data, tuple) else ()
    security = next((item for item in items if plain(item) == SECURITY), None)
    # What is appended to the list may be in another file, or below.
    file, line = _place(security or next(iter(items), value), settings)
    where = (
        f"below line {line}, SecurityMiddleware" if security else f"first in the list, line {line}"
    )
    text = '    "whitenoise.middleware.WhiteNoiseMiddleware",'
    yield Edit(file, where, "WhiteNoise serves the collected files.", text)


def _static_root(project: Project, settings: Settings) -> Iterator[Edit]:
    value = settings.get("STATIC_ROOT")
    is_open = value is not None and (value.data is UNKNOWN or value.reads)
    if project.static_root is not None or is_open or not settings.complete:
        return
    base = settings.get("BASE_DIR")
    match base.data if base else None:
        case PurePosixPath():
            text = 'STATIC_ROOT = BASE_DIR / "staticfiles"'
        case str():
            text = 'STATIC_ROOT = os.path.join(BASE_DIR, "staticfiles")'
        case _:
            text = 'STATIC_ROOT = "staticfiles"'
    file, line = _place(settings.get("STATIC_URL"), settings)
    where = f"below line {line}, STATIC_URL" if line else "at the end"
    yield Edit(file, where, "The static files are collected into this directory.", text)


def _storages(settings: Settings, packages: Packages) -> Iterator[Edit]:
    backend = static_files.backend(settings, legacy=static_files.reads_legacy_storage(packages))
    is_set = backend is not None or settings.get("STATICFILES_STORAGE") is not None
    # django-compressor names its files by their content.
    if is_set or not settings.complete or "compressor" in settings.listed("INSTALLED_APPS"):
        return
    value = settings.get("STORAGES")
    if value is None or value.data == {}:
        file, line = _place(settings.get("STATIC_URL"), settings)
        where, text = "below STATIC_ROOT", STORAGES
    else:
        file, line = _place(value, settings)
        where, text = f"below STORAGES, line {line}", f'STORAGES["staticfiles"] = {BACKEND}'
    yield Edit(
        file,
        where,
        "File names contain a content hash, and files are compressed at build time.",
        text,
    )


def _application(project: Project, search: Search) -> Iterator[Edit]:
    """Yield the import that settings classes require in the wsgi.py or asgi.py that is served.

    django-configurations.readthedocs.io, "Quickstart".
    """
    server = project.server.value.name if project.server else ""
    is_asgi = project.wsgi is None or server in ASGI_ONLY_SERVERS
    kind, application = ("asgi", project.asgi) if is_asgi else ("wsgi", project.wsgi)
    path = search.module(application.value.partition(":")[0]) if application else None
    if path is None or b"configurations" in files.read_bytes(path, search.root):
        return
    for node in files.read_python(path, search.root).body:
        if isinstance(node, ast.ImportFrom) and node.module == f"django.core.{kind}":
            yield Edit(
                search.relative(path),
                f"in place of line {node.lineno}, below what sets os.environ",
                "The server cannot import settings classes otherwise.",
                f"from configurations.{kind} import get_{kind}_application",
            )


def _place(value: Value | None, settings: Settings) -> tuple[str, str]:
    """Return file and line of *value*; the settings' file and an empty line if it is not set."""
    if value is None:
        return settings.file, ""
    file, _, line = value.source.rpartition(":")
    return file, line
