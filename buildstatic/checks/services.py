"""The services of the platforms whose files the project has."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from buildstatic.checks import blueprint, railway_code
from buildstatic.checks.context import CheckContext
from buildstatic.checks.service import Line, Service
from buildstatic.errors import ConfigInvalid
from buildstatic.project import files

RAILWAY_JSON, RAILWAY_TOML, FLY = "railway.json", "railway.toml", "fly.toml"


def services(case: CheckContext) -> tuple[Service, ...]:
    """Return every service that a file describes; nothing of a file that cannot be read.

    What is wrong with one, its platform says itself.
    """
    return (*_railway(case), *_railway_code(case), *_fly(case), *_render(case))


def _railway(case: CheckContext) -> Iterator[Service]:
    """Yield what ``deploy`` of railway.json says, else that of railway.toml."""
    for name in (RAILWAY_JSON, RAILWAY_TOML):
        text = case.text(name)
        if text is None:
            continue
        for table in _tables(_content(case, name), "deploy"):
            yield Service(
                "Railway",
                _lines(name, text, table, "preDeployCommand"),
                _lines(name, text, table, "startCommand"),
                _lines(name, text, table, "requiredMountPath"),
            )
        return


def _railway_code(case: CheckContext) -> Iterator[Service]:
    if case.text(railway_code.FILE) is None:
        return
    try:
        tree = files.read_python(case.root / railway_code.FILE, case.root)
    except ConfigInvalid:
        return
    yield from railway_code.services(tree)


def _fly(case: CheckContext) -> Iterator[Service]:
    """Yield what fly.toml says (fly.io/docs/reference/configuration), without its processes."""
    text = case.text(FLY)
    if text is None:
        return
    content = _content(case, FLY)
    before = [_lines(FLY, text, table, "release_command") for table in _tables(content, "deploy")]
    mounts = [_lines(FLY, text, table, "destination") for table in _tables(content, "mounts")]
    yield Service("Fly", sum(before, ()), (), sum(mounts, ()))


def _render(case: CheckContext) -> Iterator[Service]:
    yield from blueprint.services(case.text(blueprint.FILE) or "")


def _content(case: CheckContext, name: str) -> Mapping[str, Any]:
    read = files.read_json if name.endswith(".json") else files.read_toml
    try:
        return read(case.root / name, case.root)[0]
    except ConfigInvalid:
        return {}


def _tables(content: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    """Yield the table *name*, or each of several."""
    found = content.get(name)
    for table in found if isinstance(found, list) else [found]:
        if isinstance(table, Mapping):
            yield table


def _lines(name: str, text: str, table: Mapping[str, Any], key: str) -> tuple[Line, ...]:
    value = table.get(key)
    values = value if isinstance(value, list) else [value]
    return tuple(Line(name, _line(text, key, v), v) for v in values if isinstance(v, str))


def _line(text: str, key: str, value: str) -> int:
    """Return the line that *key* has *value* on, else the first that *key* is on."""
    written = rf'(?:^|[\s{{,]|")["\']?{key}["\']?\s*[:=]'
    exact = rf"{written}\s*[\"']{re.escape(value)}[\"']"
    return files.line_of(text, exact if re.search(exact, text, re.MULTILINE) else written)
