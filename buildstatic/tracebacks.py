"""What a traceback says about the project: the line, local variables, a missing variable."""

from __future__ import annotations

import os
import re
import traceback
from collections.abc import Callable, Sequence
from typing import Any

# The messages of django-environ and of the usual helper function, of python-decouple, of environs,
# of django-configurations.
_MISSING_VARIABLE = (
    re.compile(r"Set the (\w+) environment variable"),
    re.compile(r"^(\w+) not found\. Declare it as envvar"),
    re.compile(r"[Ee]nvironment variable [\"']?(\w+)[\"']? (?:is )?not set"),
    re.compile(r"is required to be set as the environment variable '(\w+)'"),
)
_DYNACONF = re.compile(r"^(\w+) is required in env ")


def describe(error: BaseException) -> str:
    """Return *error* as Python prints it below a traceback, with its notes; no final full stop."""
    if isinstance(error, SystemExit):
        return f"it ended the process ({error})"
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    text = "\n".join([text, *getattr(error, "__notes__", ())]).strip() or "no message"
    return f"{type(error).__name__}: {text.removesuffix('.')}"


def innermost_line(error: BaseException, accepts: Callable[[str], bool]) -> tuple[str, int] | None:
    """Return file and line of the innermost frame of *error* whose file *accepts* accepts.

    The place of a SyntaxError counts as its innermost frame.
    """
    lines = [(frame.f_code.co_filename, line) for frame, line in _frames(error)]
    if isinstance(error, SyntaxError) and error.filename:
        lines.insert(0, (error.filename, error.lineno or 0))
    return next((place for place in lines if accepts(place[0])), None)


def locals_of(error: BaseException, module: str, function: str) -> dict[str, Any]:
    """Return the local variables of the innermost frame of *function* in *module*, or nothing."""
    for frame, _ in _frames(error):
        if frame.f_code.co_name == function and frame.f_globals.get("__name__") == module:
            return dict(frame.f_locals)
    return {}


def missing_variables(error: BaseException) -> tuple[str, ...]:
    """Return the environment variables that *error* says are not set, or nothing.

    A KeyError of ``os.environ`` is recognized by its frame, the error of a library that reads
    variables by its class or its message.
    """
    if name := _key_of_environ(error):
        return (name,)
    if names := _fields_of_pydantic(error):
        return names
    text = str(error)
    for pattern in _MISSING_VARIABLE:
        if found := pattern.search(text):
            return (found[1],)
    messages = getattr(error, "error_messages", None)
    if isinstance(messages, dict):  # environs, if it collects all errors
        return tuple(name for name, lines in messages.items() if "not set" in str(lines))
    if found := _DYNACONF.match(text):
        attribute = "ENVVAR_PREFIX_FOR_DYNACONF"
        settings = _first_local(error, lambda value: attribute in getattr(value, "__dict__", ()))
        prefix = vars(settings)[attribute] if settings else "DYNACONF"
        return (f"{prefix}_{found[1]}" if isinstance(prefix, str) and prefix else found[1],)
    previous = error.__cause__ or error.__context__
    if previous is None:
        return ()
    return tuple(name for name in missing_variables(previous) if name in text)


def not_set(names: Sequence[str]) -> str:
    """Return ``the environment variable X, which is not set``, or the same of several *names*."""
    if len(names) == 1:
        return f"the environment variable {names[0]}, which is not set"
    return f"the environment variables {', '.join(names)}, which are not set"


def _fields_of_pydantic(error: BaseException) -> tuple[str, ...]:
    """Return the variables of missing fields in a ValidationError of a pydantic settings class.

    See https://docs.pydantic.dev/latest/concepts/pydantic_settings/#environment-variable-names.
    """
    errors = getattr(error, "errors", None)
    if not callable(errors) or not type(error).__module__.startswith("pydantic"):
        return ()
    method = "settings_customise_sources"
    settings = type(_first_local(error, lambda value: hasattr(type(value), method)))
    config: dict[str, Any] = getattr(settings, "model_config", {})
    prefix, delimiter = config.get("env_prefix") or "", config.get("env_nested_delimiter") or "__"
    names = []
    for entry in errors():
        place = [str(part) for part in entry["loc"]]
        if entry["type"] == "missing" and hasattr(settings, method):
            name = delimiter.join(place)
            # The place of a field with an alias is the alias, which has no prefix.
            name = f"{prefix}{name}" if place[0] in getattr(settings, "model_fields", ()) else name
            names.append(name if config.get("case_sensitive") else name.upper())
    return tuple(names)


def _first_local(error: BaseException, accepts: Callable[[object], bool]) -> object:
    """Return the innermost local variable in the frames of *error* that *accepts* accepts."""
    values = (value for frame, _ in _frames(error) for value in frame.f_locals.values())
    return next((value for value in values if accepts(value)), None)


def _frames(error: BaseException) -> list[Any]:
    """Return the frames that *error* passed with their lines, innermost first."""
    return list(traceback.walk_tb(error.__traceback__))[::-1]


def _key_of_environ(error: BaseException) -> str | None:
    frames = _frames(error)
    if not isinstance(error, KeyError) or not frames:
        return None
    is_environ = frames[0][0].f_code is type(os.environ).__getitem__.__code__
    return str(error.args[0]) if is_environ else None
