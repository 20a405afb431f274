"""Find the application and its server, the health check among its URLs, and other processes."""

from __future__ import annotations

import ast
import posixpath
import re
import shlex
from collections.abc import Iterator, Sequence

from buildstatic.errors import ConfigInvalid
from buildstatic.manage_py.find import settings_modules
from buildstatic.project import Fact, Packages, Process, Server, files
from buildstatic.project.files import Search, is_module_name
from buildstatic.project.packages.known import ASGI_ONLY_SERVERS, ASGI_SERVERS, SERVERS
from buildstatic.project.settings import Settings

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


def python_path(
    modules: tuple[Fact[str] | None, ...], added: tuple[Fact[str], ...], search: Search
) -> Fact[tuple[str, ...]] | None:
    """Return the directories that a server has to find modules in, in addition to manage.py's.

    These are the ones *added* by manage.py, which the server does not run, and ``src`` if one of
    *modules* (``module:attribute``) is found only there.
    """
    found = list(added)
    for fact in modules:
        path = fact and search.module(name := fact.value.partition(":")[0])
        if path and search.is_in_src(name):
            found.append(Fact("src", f"{search.relative(path)}:1"))
    if not found:
        return None
    return Fact(tuple(dict.fromkeys(fact.value for fact in found)), found[0].source)


def early_import(
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
    usable = order if asgi else [name for name in SERVERS if name not in ASGI_ONLY_SERVERS]
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
