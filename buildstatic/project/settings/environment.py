"""Environment variables, and the libraries that read them.

``os.environ``; django-environ's and environs' ``Env`` (https://django-environ.readthedocs.io,
https://github.com/sloria/environs); python-decouple's ``config``; ``dj_database_url.config``.
"""

from __future__ import annotations

import ast
from dataclasses import replace

from buildstatic.project.settings.scope import Arguments, Frame, VariableRead
from buildstatic.project.settings.values import UNKNOWN, EnvReader, Ref, Value, union

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
# django-environ's methods with a default variable.
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
# The kind of value that a method, a cast or a function takes, see `Variable`.
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
# Methods of readers that read no variable.
OTHER_METHODS = frozenset(
    {"read_env", "read_envfile", "prefixed", "seal", "dump", "add_parser", "parser_for"}
)
TRUE = frozenset({"1", "true", "yes", "y", "on", "ok", "t"})


def record_read(
    name: str,
    frame: Frame,
    node: ast.AST,
    *,
    required: bool,
    default: Value | None = None,
    kind: str = "text",
) -> Value:
    """Record that *name* is read; return the value that the code itself set, or *default*.

    *required* means that the read raises if the variable is not set and has no default.
    """
    evaluation = frame.evaluation
    default = evaluation.environ.get(name, default)
    evaluation.reads.append(
        VariableRead(
            name,
            required=required and default is None and frame.reached,
            source=frame.call_site or frame.source(node),
            kind=kind,
            bare=default is None or default.data in (None, ""),
        )
    )
    if default is None:
        return Value(UNKNOWN if required else None, reads=(name,))
    return replace(default, reads=(name, *default.reads))


def set_variable(name: str, value: Value, frame: Frame, *, overwrite: bool) -> Value:
    """Set *name* in ``os.environ`` as the code does, and return the value that it then has."""
    evaluation = frame.evaluation
    variables = evaluation.environ if frame.reached else evaluation.possible_environ
    if overwrite or name not in variables:
        variables[name] = value
    return variables[name]


def call_environment(name: str, arguments: Arguments) -> Value | None:
    """Return what the function *name* reads from the environment; None if it reads nothing."""
    if name in LIBRARIES:
        pairs = {key: value.data for key, value in arguments.named.items()}
        defaults = {
            key: pair[1]
            for key, pair in pairs.items()
            if isinstance(pair, tuple) and len(pair) == 2
        }
        return Value(EnvReader(LIBRARIES[name], defaults))
    if name in READERS:
        return call_reader(EnvReader(READERS[name]), "", arguments)
    if name in KINDS:  # int(os.environ["PORT"])
        names = union(*arguments.positional)
        for entry in arguments.frame.evaluation.reads:
            if entry.name in names and entry.kind == "text":
                entry.kind = KINDS[name]
        return None
    key = arguments.get(0, "key")
    match name:
        case "os.environ.get" | "os.getenv" | "os.environ.pop":
            default = arguments.get(1, "default")
            return _read(key, default, "text", arguments, required=name == "os.environ.pop")
        case "os.environ.setdefault":
            value = arguments.get(1, "value")
            if key is None or value is None or not isinstance(key.data, str):
                return Value(UNKNOWN)
            value = replace(value, source=arguments.frame.source(arguments.node))
            return set_variable(key.data, value, arguments.frame, overwrite=False)
        case "os.environ.copy":
            return Value(Ref("os.environ"))
        case "dj_database_url.config":
            variable = arguments.named.get("env", Value("DATABASE_URL"))
            default = arguments.get(0, "default") or Value({})
            return _read(variable, default, "database", arguments, required=False)
        case _:
            return None


def call_reader(reader: EnvReader, method: str, arguments: Arguments) -> Value:
    """Return what ``env("X")``, ``env.bool("X", default=…)`` or ``config("X", cast=…)`` reads."""
    if method in OTHER_METHODS:
        return Value(UNKNOWN)
    takes_cast = method in ("", "get_value") and reader.library == "environ"
    kind = KINDS.get(method, "text")
    cast = arguments.get(1, "cast") if takes_cast else arguments.named.get("cast")
    if cast is not None and isinstance(cast.data, Ref):
        kind = KINDS.get(cast.data.name, kind)
    default = arguments.get(2 if takes_cast else 1, "default")
    name = arguments.get(0, "var", "name", "option", "key")
    if name is None and method in URLS:
        name = Value(URLS[method])
    if name is not None and isinstance(name.data, str):
        name = replace(name, data=arguments.frame.prefix + name.data)
        if default is None:
            default = reader.defaults.get(str(name.data))
    if default is not None and isinstance(default.data, Ref):  # env.NOTSET, decouple.undefined
        default = None
    if default is not None and kind == "flag" and isinstance(default.data, str):
        default = replace(default, data=default.data.lower() in TRUE)
    return _read(name, default, kind, arguments, required=True)


def _read(
    name: Value | None, default: Value | None, kind: str, arguments: Arguments, *, required: bool
) -> Value:
    if name is None or not isinstance(name.data, str):
        return Value(UNKNOWN)
    return record_read(
        name.data, arguments.frame, arguments.node, required=required, default=default, kind=kind
    )
