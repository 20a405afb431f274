"""Detect the Django project in a directory by reading its files; nothing is imported."""

from __future__ import annotations

import ast
import os
import posixpath
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from buildstatic.errors import ConfigInvalid
from buildstatic.manage_py import settings_modules
from buildstatic.project import (
    Connection,
    Database,
    Fact,
    Packages,
    Process,
    Project,
    Server,
    Sqlite,
    SystemPackages,
    Variable,
    config,
    files,
    frontend,
    static_files,
)
from buildstatic.project.files import Search, is_module_name
from buildstatic.project.manage import choose_settings, evaluate_settings, find_script
from buildstatic.project.packages import find_dependencies
from buildstatic.project.packages.known import (
    ASGI_SERVERS,
    DRIVERS,
    NO_OPTIONS,
    SERVERS,
    DependencyOptions,
)
from buildstatic.project.packages.python_version import (
    DEFAULT_PYTHON,
    find_python_version,
    python_for_pins,
    supported,
)
from buildstatic.project.packages.system import find_system_packages
from buildstatic.project.settings import Settings, Value, imports_os, secret_key
from buildstatic.project.static_files import directory, entry

PARTS_OF_PSYCOPG = ("psycopg-c", "psycopg-binary")
APPLICATION_NAMES = ("application", "app")
# The usual paths in Kubernetes' documentation, Rails, and django-health-check ("ht").
HEALTH_PATHS = frozenset(
    {
        *("health", "healthz", "healthcheck", "health-check", "health_check", "_health"),
        *("ht", "livez", "readyz", "up", "ping"),
    }
)
HEALTH_URLCONF = "health_check.urls"
MAX_INCLUDES = 3
PROCFILE = "Procfile"
# devcenter.heroku.com/articles/procfile: "letters, digits, - and _"; as honcho parses it.
PROCFILE_LINE = re.compile(r"(?P<name>[A-Za-z0-9_-]+):\s*(?P<command>.*\S)\s*")
SERVED = ("web", "release")
GIS = "django.contrib.gis"
# What Django's documentation lists for GeoDjango on Debian; SPATIALITE_RUN for SpatiaLite
# (docs.djangoproject.com/en/stable/ref/contrib/gis/install/geolibs, …/install/spatialite).
GIS_RUN = ("binutils", "gdal-bin", "libproj-dev")
SPATIALITE_RUN = ("libsqlite3-mod-spatialite",)
# Commands of manage.py that apps require before collecting, each from the app's own documentation:
# they compile into the sources, or write to STATIC_ROOT what the manifest has to contain.
COMMANDS_BEFORE = {
    "sass_processor": "compilescss",  # github.com/jrief/django-sass-processor
    "django_js_reverse": "collectstatic_js_reverse",  # django-js-reverse on PyPI
    "statici18n": "compilejsi18n",  # django-statici18n.readthedocs.io
}
# After it (django-compressor.readthedocs.io, "Offline compression").
COMPRESSOR, COMPRESS = "compressor", "compress"
SQLITE = "django.db.backends.sqlite3"
PARTS = ("HOST", "PORT", "NAME", "USER", "PASSWORD")
ENGINES_BY_BACKEND = {
    "postgresql": "postgresql",
    "postgis": "postgresql",
    "mysql": "mysql",
    "sqlite3": "sqlite",
    "spatialite": "sqlite",
    "oracle": "oracle",
}


def detect(
    root: Path,
    *,
    manage: str | None = None,
    settings: str | None = None,
    dependencies: DependencyOptions = NO_OPTIONS,
    environ: Mapping[str, str] | None = None,
) -> Project:
    """Return the Django project in *root*, each fact with its source.

    *manage*, *settings* and *dependencies* are those of the command line; *environ* is by default
    the environment of this process. Raises `ProjectNotFound`, `SettingsInvalid`,
    `InterpreterNotFound` and `ConfigInvalid`.
    """
    root = root.resolve()
    environ = os.environ if environ is None else environ
    configuration = config.load(root)
    script = find_script(root, manage or configuration.manage)
    search = Search(root, script.resolve().parent)
    chosen, notes = choose_settings(search, script, settings, configuration, environ)
    evaluated, selected = evaluate_settings(chosen, search, script, configuration, environ)
    required = find_python_version(root, search.manage)
    python, python_notes = supported(required) if required else (None, ())
    installed = find_dependencies(
        root,
        search.manage,
        python.value if python else DEFAULT_PYTHON,
        DependencyOptions(
            dependencies.requirements or configuration.requirements,
            configuration.groups if dependencies.groups is None else dependencies.groups,
            configuration.extras if dependencies.extras is None else dependencies.extras,
            _written_engine(evaluated),
        ),
    )
    packages = installed.packages
    python = python or python_for_pins(packages)
    whitenoise = packages.get("whitenoise")
    version = python.value if python else DEFAULT_PYTHON
    needed = find_system_packages(packages, version)
    legacy = static_files.reads_legacy_storage(packages)
    static = static_files.find(evaluated, search, legacy=legacy)
    modules = static_files.node_modules(evaluated, search)
    frontends = frontend.find(evaluated, search, modules, configuration)
    driver = find_driver(packages, version)
    wsgi = find_application("wsgi", chosen.value, evaluated, search)
    asgi = find_application("asgi", chosen.value, evaluated, search)
    name = files.relative(script, root)
    notes = (*notes, *python_notes, *installed.notes, *frontends.notes)
    if evaluated.classes and selected is None:
        notes += (
            f"{evaluated.file} has settings classes ({', '.join(evaluated.classes)}), and neither"
            " wsgi.py nor manage.py selects one. Set DJANGO_CONFIGURATION in"
            " [tool.buildstatic.env].",
        )
    if selected is not None and selected.source.startswith(f"{evaluated.file}:"):
        notes += (
            f"The image uses the settings class {selected.value} ({selected.source}), not the one"
            " for development. DJANGO_CONFIGURATION in [tool.buildstatic.env] selects another.",
        )
    url = static.static_url.value if static.static_url else "/static/"
    web_server = static_files.find_web_server(url, search) if url.strip("/") else None
    is_local = static.remote is not None and not static.remote.value
    if web_server is not None and whitenoise is None and is_local:
        notes += (
            f"{web_server.value} serves {url} ({web_server.source}), so WhiteNoise is not"
            " suggested. The files for it: buildstatic build --serve"
            f" {web_server.value.lower()} --target assets.",
        )
    legacy_storage = evaluated.get("STATICFILES_STORAGE")
    if legacy_storage is not None and not legacy:
        notes += (
            f"{legacy_storage.source} sets STATICFILES_STORAGE, which Django 5.1 and later ignore."
            ' Move it to STORAGES["staticfiles"].',
        )
    return Project(
        root=root,
        manage=Fact(name, f"{name}:1"),
        settings=chosen,
        wsgi=wsgi,
        asgi=asgi,
        python=python,
        dependencies=installed.fact,
        web_server=web_server,
        server=find_server(packages, asgi=asgi is not None, wsgi=wsgi is not None),
        whitenoise=Fact(True, whitenoise.source) if whitenoise else None,
        database=driver,
        frontends=frontends.found,
        static_root=static.static_root,
        static_url=static.static_url,
        storage=static.storage,
        remote=static.remote,
        media_root=static_files.media_root(evaluated, search),
        sqlite=find_sqlite(evaluated, search),
        node_modules=modules,
        unbuilt=frontends.unbuilt,
        gis=gis_packages(evaluated),
        python_path=_python_path((chosen, wsgi, asgi), search),
        log_files=static_files.log_files(evaluated, search),
        early_import=_early_import(chosen.value, (wsgi, asgi), search),
        configuration=selected,
        storage_switch=static.storage_switch,
        needed=static_files.needed(evaluated, search),
        variables=evaluated.variables,
        secret_key=secret_key(evaluated),
        connection=find_connection(evaluated, driver),
        health=find_health_check(evaluated, search),
        processes=find_processes(chosen.value, packages, search),
        packages=packages,
        before=commands_before(evaluated),
        after=commands_after(evaluated),
        system=SystemPackages(
            (*needed.build, *configuration.build_packages),
            (*needed.run, *configuration.run_packages),
        ),
        notes=notes,
    )


def commands_before(settings: Settings) -> tuple[str, ...]:
    """Return the commands that the installed apps require before collecting."""
    return tuple(command for app, command in COMMANDS_BEFORE.items() if _has_app(settings, app))


def commands_after(settings: Settings) -> tuple[str, ...]:
    """Return the commands that the installed apps require after collecting."""
    offline = settings.get("COMPRESS_OFFLINE")
    is_offline = offline is not None and offline.data is True
    return (COMPRESS,) if is_offline and _has_app(settings, COMPRESSOR) else ()


def _has_app(settings: Settings, name: str) -> bool:
    apps = settings.listed("INSTALLED_APPS")
    return any(isinstance(app, str) and app.partition(".")[0] == name for app in apps)


def _python_path(modules: tuple[Fact[str] | None, ...], search: Search) -> Fact[str] | None:
    """Return ``src`` if one of *modules* (``module:attribute``) is evaluated only there."""
    for fact in modules:
        path = fact and search.module(name := fact.value.partition(":")[0])
        if path and search.is_in_src(name):
            return Fact("src", f"{search.relative(path)}:1")
    return None


def _early_import(
    settings: str, applications: tuple[Fact[str] | None, ...], search: Search
) -> Fact[str] | None:
    """Return the package of an application for *settings* that imports something itself."""
    for fact in filter(None, applications):
        module = fact.value.partition(":")[0]
        package = module.partition(".")[0]
        path, file = search.module(package), search.module(module)
        if path is None or file is None or path == file:
            continue
        if settings not in dict(settings_modules(files.read_python(file, search.root))):
            continue
        for node in files.read_python(path, search.root).body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                return Fact(package, f"{search.relative(path)}:{node.lineno}")
    return None


def find_server(
    packages: Packages, *, asgi: bool = False, wsgi: bool = True
) -> Fact[Server] | None:
    """Return the application server among *packages*.

    One for ASGI is preferred if the project has no *wsgi* application, or uses Channels; it is
    ignored without an *asgi* application.
    """
    prefers_asgi = asgi and (not wsgi or "channels" in packages)
    order = (*ASGI_SERVERS, *SERVERS) if prefers_asgi else SERVERS
    usable = order if asgi else [name for name in SERVERS if name not in ASGI_SERVERS[:3]]
    found = next((packages[name] for name in usable if name in packages), None)
    if found is None:
        return None
    value = Server(found.name, found.specifier, "uvicorn-worker" in packages)
    return Fact(value, found.source)


def find_application(
    kind: str, module: str, settings: Settings, search: Search
) -> Fact[str] | None:
    """Return the application of *kind*, ``wsgi`` or ``asgi``, as ``module:attribute``.

    It is the one in the settings; else that of a wsgi.py (asgi.py) beside the settings *module*, or
    above it: ``config.settings.production`` has ``config/wsgi.py``.
    """
    named = settings.text(f"{kind.upper()}_APPLICATION")
    if named is not None and is_module_name(str(named.data)) and "." in str(named.data):
        owner, _, attribute = str(named.data).rpartition(".")
        return Fact(f"{owner}:{attribute}", named.source)
    parts = module.split(".")[:-1]
    for length in range(len(parts), -1, -1):
        name = ".".join([*parts[:length], kind])
        path = search.module(name)
        if path is None:
            continue
        lines = dict(reversed(list(_bound_names(files.read_python(path, search.root).body))))
        for attribute in APPLICATION_NAMES:
            if attribute in lines:
                source = f"{search.relative(path)}:{lines[attribute]}"
                return Fact(f"{name}:{attribute}", source)
    return None


def _bound_names(body: Sequence[ast.stmt]) -> Iterator[tuple[str, int]]:
    """Yield the names that a module binds, also in ``if`` and ``try``, with their lines."""
    for node in body:
        match node:
            case ast.Assign(targets=targets):
                names = [target.id for target in targets if isinstance(target, ast.Name)]
            case ast.AnnAssign(target=ast.Name(id=name)):
                names = [name]
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names = [name]
            case ast.ImportFrom(names=aliases) | ast.Import(names=aliases):
                names = [alias.asname or alias.name for alias in aliases]
            case ast.If() | ast.Try():
                yield from _bound_names([*node.body, *node.orelse])
                continue
            case _:
                continue
        yield from ((name, node.lineno) for name in names)


def find_health_check(settings: Settings, search: Search) -> Fact[str] | None:
    """Return the path of a health check among the URLs of *settings*, or None.

    URLs in `i18n_patterns` are left out: they respond with a redirect.
    """
    root = settings.text("ROOT_URLCONF")
    return next(_health_checks(str(root.data), "/", search, MAX_INCLUDES), None) if root else None


def _health_checks(module: str, prefix: str, search: Search, depth: int) -> Iterator[Fact[str]]:
    path = search.module(module)
    if path is None or not depth:
        return
    try:
        tree = files.read_python(path, search.root)
    except ConfigInvalid:  # only the settings have to be valid
        return
    for call in _url_calls(tree):
        route, included = _route(call), _included_module(call)
        if route is None:
            continue
        place = prefix + route
        if included == HEALTH_URLCONF or (included is None and route.strip("/") in HEALTH_PATHS):
            yield Fact(place, f"{search.relative(path)}:{call.lineno}")
        elif included is not None and search.module(included) != path:
            yield from _health_checks(included, place, search, depth - 1)


def _url_calls(node: ast.AST) -> Iterator[ast.Call]:
    """Yield the calls to path(), re_path() and url() in *node*, in their order."""
    if isinstance(node, ast.Call):
        name = _called(node)
        if name == "i18n_patterns":
            return
        if name in ("path", "re_path", "url") and node.args:
            yield node
            return
    for child in ast.iter_child_nodes(node):
        yield from _url_calls(child)


def _called(call: ast.Call) -> str:
    match call.func:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
        case _:
            return ""


def _route(call: ast.Call) -> str | None:
    """Return the path that *call* adds, or None if it has parameters."""
    match call.args[0]:
        case ast.Constant(value=str(route)):
            pass
        case _:
            return None
    if _called(call) != "path":
        route = re.sub(r"/\?$", "/", re.sub(r"^\^|\$$|\\Z$", "", route))
    return route if re.fullmatch(r"[\w/.~-]*", route, re.ASCII) else None


def _included_module(call: ast.Call) -> str | None:
    """Return the module that *call* includes; empty if unknown, None for a view."""
    target = call.args[1] if len(call.args) > 1 else None
    if not isinstance(target, ast.Call) or _called(target) != "include" or not target.args:
        return None
    first = target.args[0]
    first = first.elts[0] if isinstance(first, ast.Tuple) and first.elts else first
    return str(first.value) if isinstance(first, ast.Constant) else ""


def find_processes(
    settings: str, packages: Packages, search: Search
) -> Fact[tuple[Process, ...]] | None:
    """Return the processes beside the server; *settings* is the settings module.

    They are the Procfile's. Without any, it is a Celery worker if Celery is a dependency and the
    package of the settings has a ``celery.py``
    (docs.celeryq.dev/en/stable/django/first-steps-with-django.html).
    """
    path = search.root / PROCFILE
    text = files.read_text(path, search.root) if files.is_file(path) else ""
    lines = enumerate(text.splitlines(), start=1)
    found = [(n, match) for n, line in lines if (match := PROCFILE_LINE.fullmatch(line))]
    found = [(n, match) for n, match in found if match["name"] not in SERVED]
    if found:
        listed = tuple(Process(match["name"], match["command"]) for _, match in found)
        return Fact(listed, f"{PROCFILE}:{found[0][0]}")
    package = settings.partition(".")[0]
    if "celery" not in packages or search.module(f"{package}.celery") is None:
        return None
    directory = posixpath.normpath(search.relative(search.manage))
    workdir = () if directory == "." else ("--workdir", f"./{directory}")
    command = shlex.join(("celery", *workdir, "-A", package, "worker"))
    return Fact((Process("worker", command),), packages["celery"].source)


def find_driver(packages: Packages, python: str = DEFAULT_PYTHON) -> Fact[Database] | None:
    """Return the first database driver among *packages*, with the Debian packages for all.

    *python* is the version that they are installed for.
    """
    found = {name: packages[name] for name in DRIVERS if name in packages}
    if not found:
        return None
    parts = {name: packages[name] for name in PARTS_OF_PSYCOPG if name in packages}
    needed = find_system_packages({**found, **parts}, python)
    first = next(iter(found.values()))
    return Fact(Database(first.name, needed.build, needed.run), first.source)


def find_connection(settings: Settings, driver: Fact[Database] | None) -> Fact[Connection] | None:
    """Return how *settings* connect to the default database; *driver* is the installed one.

    None if neither tells the engine. Django's name for no database is dummy.
    """
    if settings.get("DATABASES") is None and settings.complete:
        return Fact(Connection("dummy"), f"{settings.file}:1")
    database = entry(settings.get("DATABASES"), "default")
    url = _url_variable(settings, database)
    backend = entry(database, "ENGINE")
    installed = DRIVERS.get(driver.value.driver) if driver else None
    written = _written_engine(settings)
    # A URL decides at run time: most likely for the installed driver, SQLite without one.
    engine = installed or written or "sqlite" if url else written or installed
    if engine is None:
        return None
    source = database.source if database and database.source else f"{settings.file}:1"
    parts: dict[str, str] = {}
    if database is not None and isinstance(database.data, dict):
        for part in PARTS:
            value = entry(database, part)
            if value is not None and value.reads and not (url and url.name in value.reads):
                parts[part] = value.reads[0]
    if backend is not None and isinstance(backend.data, str):
        has_gis = backend.data.startswith(GIS)
    else:
        has_gis = GIS in settings.listed("INSTALLED_APPS")
    is_postgis = engine == "postgresql" and has_gis
    return Fact(Connection(engine, url.name if url else None, parts, is_postgis), source)


def _written_engine(settings: Settings) -> str | None:
    """Return the engine that the settings name for the default database, None if unknown."""
    backend = entry(entry(settings.get("DATABASES"), "default"), "ENGINE")
    return ENGINES_BY_BACKEND.get(str(backend.data).rpartition(".")[2]) if backend else None


def _url_variable(settings: Settings, database: Value | None) -> Variable | None:
    """Return the variable with the database's URL."""
    read = database.reads if database else ()
    urls = [
        item
        for item in settings.variables
        if item.kind == "database" or item.name.endswith(("DATABASE_URL", "DB_URL"))
    ]
    urls.sort(key=lambda item: (item.name not in read, item.name != "DATABASE_URL"))
    return next(iter(urls), None)


def find_sqlite(settings: Settings, search: Search) -> Fact[Sqlite] | None:
    """Return the default database if it is SQLite in a file that does not depend on variables."""
    database = entry(settings.get("DATABASES"), "default")
    engine = entry(database, "ENGINE")
    if engine is None or engine.data != SQLITE:
        return None
    name = entry(database, "NAME")
    found = None if name is None or name.reads else directory(name, search)
    if found is None:
        return None
    file, _, _ = found.source.rpartition(":")
    return Fact(Sqlite(found.value, bool(file) and imports_os(file, search)), found.source)


def gis_packages(settings: Settings) -> Fact[tuple[str, ...]] | None:
    """Return the Debian packages that GeoDjango loads at run time, or None if it is not used."""
    databases = settings.get("DATABASES")
    names = databases.data if databases and isinstance(databases.data, dict) else ()
    backends = [entry(entry(databases, name), "ENGINE") for name in names]
    engines = [item for item in backends if item and str(item.data).startswith(f"{GIS}.")]
    apps = settings.get("INSTALLED_APPS")
    if apps is not None and GIS in settings.listed("INSTALLED_APPS"):
        source = apps.source
    elif engines:
        source = engines[0].source
    else:
        return None
    has_spatialite = any(str(engine.data).endswith(".spatialite") for engine in engines)
    return Fact((*GIS_RUN, *(SPATIALITE_RUN if has_spatialite else ())), source)
