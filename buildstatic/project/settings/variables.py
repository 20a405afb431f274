"""Environment variables, and the libraries that read them.

``os.environ``; django-environ's and environs' ``Env`` (https://django-environ.readthedocs.io,
https://github.com/sloria/environs); python-decouple's ``config``; ``dj_database_url.config``.
"""

from __future__ import annotations

import ast
from dataclasses import replace

from buildstatic.project.settings.arguments import Arguments
from buildstatic.project.settings.state import Frame, Read
from buildstatic.project.settings.values import UNKNOWN, Environment, Ref, Value, union

LIBRARIES = {
    "environ.Env": "environ",
    "environ.FileAwareEnv": "environ",
    "environ.environ.Env": "environ",
    "environs.Env": "environs",
    "environs.FileAwareEnv": "environs",
    "decouple.AutoConfig": "decouple",
    "decouple.Config": "decouple",
}
READERS = {"decouple.config": "decouple", "environs.env": "environs"}
# django-environ's methods that have a variable of their own, and what they make of it.
URLS = {
    "db": "DATABASE_URL",
    "db_url": "DATABASE_URL",
    "cache": "CACHE_URL",
    "cache_url": "CACHE_URL",
    "email": "EMAIL_URL",
    "email_url": "EMAIL_URL",
    "search_url": "SEARCH_URL",
    "channels": "CHANNELS_URL",
    "channels_url": "CHANNELS_URL",
}
KINDS = {
    "int": "number",
    "float": "number",
    "decimal": "number",
    "decimal.Decimal": "number",
    "timedelta": "number",
    "log_level": "number",
    "bool": "flag",
    "json": "json",
    "json.loads": "json",
    "db": "database",
    "db_url": "database",
    "dj_db_url": "database",
    "dj_database_url.parse": "database",
    "cache": "cache",
    "cache_url": "cache",
    "dj_cache_url": "cache",
    "email": "email",
    "email_url": "email",
    "dj_email_url": "email",
}
OTHER_METHODS = frozenset(
    {
        "read_env",
        "read_envfile",
        "prefixed",
        "seal",
        "dump",
        "add_parser",
        "parser_for",
    }
)
TRUE = frozenset({"1", "true", "yes", "y", "on", "ok", "t"})


def record(
    name: str,
    frame: Frame,
    node: ast.AST,
    *,
    required: bool,
    default: Value | None = None,
    kind: str = "text",
) -> Value:
    """Note that *name* is read, and return its worth: what the code itself set, or *default*.

    *required* says that the reading raises where the variable is not set and has no default.
    """
    given = frame.reading.given.get(name)
    default = default if given is None else given
    demanded = required and default is None and frame.runs
    bare = default is None or default.data in (None, "")
    source = frame.site or frame.source(node)
    frame.reading.reads.append(Read(name, demanded, source, kind, bare))
    if default is None:
        return Value(UNKNOWN if required else None, reads=(name,))
    return replace(default, reads=(name, *default.reads))


def settle(value: Value, frame: Frame) -> None:
    """Note that the code does without the variables behind *value*, where they are not set."""
    for entry in frame.reading.reads:
        if entry.name in value.reads:
            entry.bare = False


def call(name: str, arguments: Arguments) -> Value | None:
    """Return what a call of the function *name* reads from the environment; None if it does not."""
    if name in LIBRARIES:
        return Value(Environment(LIBRARIES[name], _declared(arguments)))
    if name in READERS:
        return read(Environment(READERS[name]), "", arguments)
    if name in KINDS:
        _mark(arguments, KINDS[name])
        return None
    match name:
        case "os.environ.get" | "os.getenv":
            return _get(arguments, required=False)
        case "os.environ.pop":
            return _get(arguments, required=True)
        case "os.environ.setdefault":
            return _set(arguments)
        case "os.environ.copy":
            return Value(Ref("os.environ"))
        case "dj_database_url.config":
            env = arguments.named.get("env", Value("DATABASE_URL"))
            default = arguments.get(0, "default") or Value({})
            return _read(env, default, "database", arguments, required=False)
        case _:
            return None


def _declared(arguments: Arguments) -> dict[str, Value]:
    pairs = {name: value.data for name, value in arguments.named.items()}
    return {
        name: pair[1] for name, pair in pairs.items() if isinstance(pair, tuple) and len(pair) == 2
    }


def _mark(arguments: Arguments, kind: str) -> None:
    """Note that the variables in *arguments* are made into *kind*: ``int(os.environ["PORT"])``."""
    names = union(*arguments.positional)
    for entry in arguments.frame.reading.reads:
        if entry.name in names and entry.kind == "text":
            entry.kind = kind


def _get(arguments: Arguments, *, required: bool) -> Value:
    name, default = arguments.get(0, "key"), arguments.get(1, "default")
    return _read(name, default, "text", arguments, required=required)


def _read(
    name: Value | None, default: Value | None, kind: str, arguments: Arguments, *, required: bool
) -> Value:
    if name is None or not isinstance(name.data, str):
        return Value(UNKNOWN)
    frame, node = arguments.frame, arguments.node
    return record(name.data, frame, node, required=required, default=default, kind=kind)


def _set(arguments: Arguments) -> Value:
    name, value = arguments.get(0, "key"), arguments.get(1, "value")
    if name is None or value is None or not isinstance(name.data, str):
        return Value(UNKNOWN)
    value = replace(value, source=arguments.frame.source(arguments.node))
    return give(name.data, value, arguments.frame, anew=False)


def give(name: str, value: Value, frame: Frame, *, anew: bool) -> Value:
    """Put *value* into the environment as the code does; *anew* replaces what it put there."""
    into = frame.reading.given if frame.runs else frame.reading.offered
    if anew or name not in into:
        into[name] = value
    return into[name]


def read(environment: Environment, method: str, arguments: Arguments) -> Value:
    """Return what ``env("X")``, ``env.bool("X", default=…)`` or ``config("X", cast=…)`` reads."""
    if method in OTHER_METHODS:
        return Value(UNKNOWN)
    direct = method in ("", "get_value") and environment.library == "environ"
    kind = KINDS.get(method, "text")
    cast = arguments.get(1, "cast") if direct else arguments.named.get("cast")
    if cast is not None and isinstance(cast.data, Ref):
        kind = KINDS.get(cast.data.name, kind)
    name = arguments.get(0, "var", "name", "option", "key")
    if name is None and method in URLS:
        name = Value(URLS[method])
    if name is not None and isinstance(name.data, str):
        name = replace(name, data=arguments.frame.prefix + name.data)
    default = _default(environment, name, arguments.get(2 if direct else 1, "default"), kind)
    return _read(name, default, kind, arguments, required=True)


def _default(
    environment: Environment, name: Value | None, default: Value | None, kind: str
) -> Value | None:
    if default is None and name is not None and isinstance(name.data, str):
        default = environment.defaults.get(name.data)
    if default is not None and isinstance(default.data, Ref):  # env.NOTSET, decouple.undefined
        return None
    if default is not None and kind == "flag" and isinstance(default.data, str):
        return replace(default, data=default.data.lower() in TRUE)
    return default
