"""Environment variables, and the libraries that read them.

``os.environ``; django-environ's and environs' ``Env`` (https://django-environ.readthedocs.io,
https://github.com/sloria/environs); python-decouple's ``config``; ``dj_database_url.config``;
pydantic-settings (https://docs.pydantic.dev/latest/concepts/pydantic_settings/); the values of
django-configurations (https://django-configurations.readthedocs.io/en/stable/values/); validators
of dynaconf (https://www.dynaconf.com/validation/).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from buildstatic.project import files
from buildstatic.project.settings.scope import Arguments, Class, Field, Frame, VariableRead
from buildstatic.project.settings.values import (
    UNKNOWN,
    EnvReader,
    Instance,
    Module,
    Ref,
    Value,
    union,
)

LIBRARIES = {
    "environ.Env": "environ",
    "environ.FileAwareEnv": "environ",
    "environ.environ.Env": "environ",
    "environs.Env": "environs",
    "environs.FileAwareEnv": "environs",
    "epicenv.Env": "environs",  # a fork
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
# The classes of django-configurations: the kind of the value, and its default.
CONFIGURATIONS_KINDS = {
    "BooleanValue": "flag",
    "IntegerValue": "number",
    "PositiveIntegerValue": "number",
    "FloatValue": "number",
    "DecimalValue": "number",
    "ListValue": "list",
    "TupleValue": "list",
    "SetValue": "list",
    "DictValue": "json",
    "EmailValue": "address",
    "URLValue": "url",
    "PathValue": "directory",
    "DatabaseURLValue": "database",
    "CacheURLValue": "cache",
    "EmailURLValue": "email",
}
CONFIGURATIONS_URLS = {
    "DatabaseURLValue": "DATABASE_URL",
    "CacheURLValue": "CACHE_URL",
    "EmailURLValue": "EMAIL_URL",
    "SearchURLValue": "SEARCH_URL",
}
CONFIGURATIONS_DEFAULTS: Mapping[str, object] = {
    "BooleanValue": False,
    "ListValue": (),
    "TupleValue": (),
    "SetValue": (),
    **{method: {} for method in CONFIGURATIONS_URLS},
}
# The prefix of the variables that an object of dynaconf reads by default.
DYNACONF_PREFIXES = {
    "dynaconf.DjangoDynaconf": "DJANGO",
    "dynaconf.Dynaconf": "DYNACONF",
    "dynaconf.LazySettings": "DYNACONF",
}
DYNACONF_FILES = [
    f"{name}.{suffix}"
    for name in ("settings", ".secrets", "settings.local", ".secrets.local")
    for suffix in ("toml", "tml", "yaml", "yml", "ini", "conf", "properties", "json")
]
TRUE = frozenset({"1", "true", "yes", "y", "on", "ok", "t"})


def record_read(
    name: str,
    frame: Frame,
    source: str,
    *,
    required: bool,
    default: Value | None = None,
    kind: str = "text",
    choices: tuple[str, ...] = (),
) -> Value:
    """Record that *name* is read; return the value that the code itself set, or *default*.

    *required* means that the read raises if the variable is not set and has no default. *kind* and
    *choices* are those of its value, see `Variable`.
    """
    evaluation = frame.evaluation
    default = evaluation.environ.get(name, default)
    evaluation.reads.append(
        VariableRead(
            name,
            required=required and default is None and frame.reached,
            source=source,
            kind=kind,
            bare=default is None or default.data in (None, ""),
            choices=choices,
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
    reader, _, method = name.rpartition(".")
    if name in READERS or reader in READERS:  # from environs import env; env.str("X")
        method = "" if name in READERS else method
        return call_reader(EnvReader(READERS.get(name) or READERS[reader]), method, arguments)
    if name in KINDS:  # int(os.environ["PORT"])
        names = union(*arguments.positional)
        for entry in arguments.frame.evaluation.reads:
            if entry.name in names and entry.kind in ("text", "url"):
                entry.kind = KINDS[name]
        given = arguments.positional[:1]
        if name != "bool" and arguments.frame.reached and given and given[0].data is None:
            arguments.frame.evaluation.require(names)  # int(os.environ.get("PORT")) raises
        is_database = KINDS[name] == "database" and given
        return parse_database_url(given[0]) if is_database else None
    if name == "dynaconf.Validator":
        return Value(LateValue("Validator", arguments))
    if name in DYNACONF_PREFIXES:
        _read_validators(arguments, DYNACONF_PREFIXES[name])
        return None
    if name.startswith("configurations.values."):
        late = LateValue(name.rpartition(".")[2], arguments)
        is_late = late.method in CONFIGURATIONS_URLS or "environ_name" not in arguments.named
        return Value(late) if is_late else read_late(late, "")
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
        case "pydantic.AliasChoices":
            return Value(arguments.positional)
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


@dataclass(frozen=True, eq=False, repr=False)
class LateValue:
    """A value of django-configurations, which is read when its class is chosen, or a validator.

    *method* is the name of its class, *arguments* are those that it was created with.
    """

    method: str
    arguments: Arguments


def read_late(late: LateValue, setting: str) -> Value:
    """Return the value of *setting*, as `configurations.values.Value.setup` does."""
    arguments, method = late.arguments, late.method
    given = {key: value.data for key, value in arguments.named.items()}
    default = arguments.get(0, "default")
    if default is None and method in CONFIGURATIONS_DEFAULTS:
        default = Value(CONFIGURATIONS_DEFAULTS[method])
    is_url = method in CONFIGURATIONS_URLS
    prefix = given.get("environ_prefix", None if is_url else "DJANGO")
    name = given.get("environ_name") or CONFIGURATIONS_URLS.get(method, setting)
    if given.get("environ") is False or not isinstance(name, str):
        return default or Value(None)
    required = method == "SecretValue" or given.get("environ_required") is True
    variable = f"{prefix.removesuffix('_')}_{name}" if isinstance(prefix, str) and prefix else name
    kind = CONFIGURATIONS_KINDS.get(method, "text")
    value = record_read(
        variable,
        arguments.frame,
        arguments.frame.source(arguments.node),
        required=required,
        default=None if required else default or Value(None),
        kind=kind,
    )
    is_alias = is_url and method != "EmailURLValue" and value.data != {}
    return Value({"default": value}, reads=value.reads) if is_alias else value


def _read_validators(arguments: Arguments, prefix: object) -> None:
    """Record the variables that validators of dynaconf require without a condition.

    A name that the settings set, or one of dynaconf's files, needs no variable.
    """
    frame, named = arguments.frame, arguments.named
    for key in ("envvar_prefix", "ENVVAR_PREFIX_FOR_DYNACONF"):
        prefix = named[key].data if key in named else prefix
    listed = named.get("validators", Value(())).data
    texts: list[str] | None = None
    for late in (item.data for item in listed) if isinstance(listed, tuple) else ():
        if not isinstance(late, LateValue) or not (prefix is False or isinstance(prefix, str)):
            continue
        given = {key: value.data for key, value in late.arguments.named.items()}
        is_required = given.get("must_exist", given.get("required")) is True
        if not is_required or not given.keys().isdisjoint({"default", "when", "env"}):
            continue
        cast = given.get("is_type_of", given.get("cast"))
        for name in (item.data for item in late.arguments.positional):
            key, *inner = name.split(".") if isinstance(name, str) else ("",)
            if not key or frame.lookup(key.upper()) or key in named:
                continue
            texts = _dynaconf_texts(frame, named) if texts is None else texts
            if any(re.search(rf"\b{re.escape(key)}\b", text, re.IGNORECASE) for text in texts):
                continue
            start = f"{prefix.split(',')[0].upper()}_" if isinstance(prefix, str) else ""
            record_read(
                "__".join((f"{start}{key.upper()}", *inner)),
                frame,
                late.arguments.place,
                required=True,
                kind=KINDS.get(cast.name, "text") if isinstance(cast, Ref) else "text",
            )


def _dynaconf_texts(frame: Frame, named: Mapping[str, Value]) -> list[str]:
    """Return the contents of the files that dynaconf searches, from the settings' up to the root.

    https://www.dynaconf.com/settings_files/
    """
    given = [named[key].data for key in ("settings_files", "settings_file") if key in named]
    names = [item.data for each in given if isinstance(each, tuple) for item in each]
    names += [each for each in given if isinstance(each, str)]
    own = [name for name in names if isinstance(name, str)] or DYNACONF_FILES
    root = frame.evaluation.search.root
    above = [each for each in frame.file.parents if each.is_relative_to(root)]
    places = (place for each in above for place in (each, each / "config"))
    paths = dict.fromkeys(place / name for place in places for name in (*own, ".env"))
    contents = (files.read_bytes(path, root) for path in paths if files.is_file(path))
    return [content.decode(errors="replace") for content in contents]


def read_fields(owner: Class, given: Mapping[str, Value], frame: Frame) -> dict[str, Value]:
    """Return the fields of an object of *owner*, a settings class of pydantic, created in *frame*.

    *given* are those that the code sets.
    """
    settings = owner.names.get("model_config", owner.names.get("Config", Value({}))).data
    entries = settings.names if isinstance(settings, Module) else settings
    config = (
        {key: item.data for key, item in entries.items()} if isinstance(entries, Mapping) else {}
    )
    prefix, delimiter = config.get("env_prefix"), config.get("env_nested_delimiter")
    is_exact = config.get("case_sensitive") is True

    def read(fields: Iterable[Field], prefix: str) -> Iterator[tuple[str, Value]]:
        for field in fields:
            name = field.names[0] if field.names else prefix + field.name
            name = name if is_exact else name.upper()
            nested = field.nested
            if nested is not None and nested.fields and delimiter and field.default is None:
                inner = dict(read(nested.fields.values(), f"{name}{delimiter}"))
                yield field.name, Value(Instance({**nested.names, **inner}), field.source)
                continue
            value = record_read(
                name,
                frame,
                field.source,
                required=field.default is None,
                default=field.default,
                kind=field.kind,
                choices=field.choices,
            )
            yield field.name, value.at(field.source)

    own = [field for name, field in owner.fields.items() if name not in {"model_config", *given}]
    return {**dict(read(own, prefix if isinstance(prefix, str) else "")), **given}


def _read(
    name: Value | None, default: Value | None, kind: str, arguments: Arguments, *, required: bool
) -> Value:
    if name is None or not isinstance(name.data, str):
        return Value(UNKNOWN)
    value = record_read(
        name.data, arguments.frame, arguments.place, required=required, default=default, kind=kind
    )
    return parse_database_url(value) if kind == "database" else value


def parse_database_url(value: Value) -> Value:
    """Return the entry of DATABASES that a URL describes (github.com/jazzband/dj-database-url)."""
    if not isinstance(value.data, str):
        return value
    scheme, _, place = value.data.partition("://")
    scheme = re.sub(r"^(postgres|pgsql|psql|postgresql)$", "postgresql", scheme)
    package = "django.contrib.gis.db" if scheme in ("postgis", "spatialite") else "django.db"
    engine = f"{package}.backends.{'sqlite3' if scheme == 'sqlite' else scheme}"
    name = place.partition("?")[0].partition("/")[2]
    entries = {"ENGINE": engine, "NAME": name}
    return replace(
        value, data={key: Value(text, value.source, value.reads) for key, text in entries.items()}
    )
