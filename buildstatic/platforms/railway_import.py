"""An existing railway.json or railway.toml as .railway/railway.py, which loses nothing of it.

The keys are those of docs.railway.com/config-as-code/reference, and stay what they are: the SDK
takes ``build`` and ``deploy`` as they stand. What an environment says goes over it key by key. Null
is a key that is not set, there as here.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from buildstatic.errors import ConfigInvalid
from buildstatic.platforms.repository import place as directory_of
from buildstatic.platforms.repository import repository_of
from buildstatic.project import files
from buildstatic.project.model import Project
from buildstatic.templates import GeneratedFile, render

PARTS = ("build", "deploy")
KNOWN = {
    "build": frozenset(
        {
            *("builder", "buildCommand", "dockerfilePath", "watchPatterns", "railpackVersion"),
            *("nixpacksConfigPath", "nixpacksPlan", "nixpacksVersion", "buildEnvironment"),
        }
    ),
    "deploy": frozenset(
        {
            *("startCommand", "preDeployCommand", "healthcheckPath", "healthcheckTimeout"),
            *("restartPolicyType", "restartPolicyMaxRetries", "numReplicas", "multiRegionConfig"),
            *("cronSchedule", "overlapSeconds", "drainingSeconds", "sleepApplication", "region"),
            *("requiredMountPath", "limitOverride", "ipv6EgressEnabled", "runtime"),
        }
    ),
}
PULL_REQUESTS = "pr"


@dataclass(frozen=True)
class Old:
    """A service by its configuration: the two parts, and those of each environment."""

    service: str
    file: str
    build: Mapping[str, Any]
    deploy: Mapping[str, Any]
    environments: Mapping[str, Mapping[str, Any]]
    warnings: tuple[str, ...]


def migrated(project: Project, name: str, sources: Sequence[tuple[str, str]]) -> GeneratedFile:
    """Return the railway.py that says what *sources* say, pairs of a service and its file.

    Raises ConfigInvalid for a file that cannot be read, and for whatever in it railway.py has no
    place for, with its line.
    """
    services = tuple(_read(project, service, file) for service, file in sources)
    text = render(
        "railway-migrated.py.jinja",
        name=name,
        origin=repository_of(project.root),
        directory=directory_of(project.root),
        services=services,
        environments={item.service: item.environments for item in services if item.environments},
    )
    listed = ", ".join(dict.fromkeys(item.file for item in services))
    notes = (
        "Railway: the services have to be called in railway.py what they are called on Railway: "
        "`railway config plan` should then show no change.",
        f"Railway: a service is managed by one of the two, so take {listed} out when you apply.",
    )
    said = tuple(text for item in services for text in item.warnings)
    return GeneratedFile(".railway/railway.py", text, notes=notes, warnings=said)


def _read(project: Project, service: str, file: str) -> Old:
    path = project.root / file
    is_toml = path.suffix == ".toml"
    read = files.read_toml if is_toml else files.read_json
    data, text = read(path, project.root)
    place = _Place(files.relative(path, project.root), text, is_toml)
    if not is_toml:
        _refuse_doubles(place)
    _refuse_unknown(data, ("$schema", *PARTS, "environments"), (), place)
    _refuse_odd(data, (), place)
    environments = _table(data, "environments", (), place)
    for key in environments:
        inner = _table(environments, key, ("environments",), place)
        _refuse_unknown(inner, PARTS, ("environments", key), place)
        for part in PARTS:
            _table(inner, part, ("environments", key), place)
    return Old(
        service,
        place.file,
        _table(data, "build", (), place),
        _table(data, "deploy", (), place),
        {key: value or {} for key, value in environments.items()},
        tuple(_warnings(data, place)),
    )


@dataclass(frozen=True)
class _Place:
    """A file that was read, to find lines in."""

    file: str
    text: str
    is_toml: bool

    def line(self, *keys: str) -> str:
        """Return ``file:line`` of the key at the path *keys*."""
        if self.is_toml:
            return f"{self.file}:{files.toml_line(self.text, *keys)}"
        end = 0
        for key in keys:
            found = re.compile(rf"{re.escape(json.dumps(key))}\s*:").search(self.text, end)
            end = found.end() if found else end
        return f"{self.file}:{self.text.count(chr(10), 0, end) + 1}"


def _table(
    data: Mapping[str, Any], key: str, above: tuple[str, ...], place: _Place
) -> Mapping[str, Any]:
    """Return the table *key*; nothing, and null, are an empty one."""
    value = data.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        path = ".".join((*above, key))
        raise ConfigInvalid(
            f"{place.line(*above, key)}: {path} is no table.", "See docs.railway.com."
        )
    return value


def _refuse_unknown(
    data: Mapping[str, Any], known: Sequence[str], above: tuple[str, ...], place: _Place
) -> None:
    for key in data:
        if key not in known:
            path, near = ".".join((*above, key)), _near(key, known)
            raise ConfigInvalid(
                f"{place.line(*above, key)}: railway.py has no place for {path}.{near}",
                "Take it out, and set what it says on Railway.",
            )


def _refuse_odd(value: object, keys: tuple[str, ...], place: _Place) -> None:
    """Raise ConfigInvalid for what JSON cannot say: a date, infinity, or half a character."""
    if isinstance(value, dict):
        for key, inner in value.items():
            _refuse_odd(inner, (*keys, key), place)
    elif isinstance(value, list):
        for inner in value:
            _refuse_odd(inner, keys, place)
    elif isinstance(value, float) and value - value != 0:
        raise ConfigInvalid(f"{place.line(*keys)}: {'.'.join(keys)} is no number.")
    elif not isinstance(value, str | int | float | None):
        raise ConfigInvalid(f"{place.line(*keys)}: {'.'.join(keys)} is a date.", "Quote it.")


def _refuse_doubles(place: _Place) -> None:
    """Raise ConfigInvalid for a key that is there twice, of which JSON's readers drop one."""

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in found]
        for key in keys:
            if keys.count(key) > 1:
                problem = f"{place.line(key)}: {key} is there twice in one table."
                raise ConfigInvalid(problem, "Keep the one that is meant.")
        return dict(found)

    json.loads(place.text, object_pairs_hook=pairs)


def _warnings(data: Mapping[str, Any], place: _Place) -> Iterator[str]:
    environments = data.get("environments") or {}
    tables = [((), data), *((("environments", key), value) for key, value in environments.items())]
    for above, table in tables:
        for part in PARTS:
            for key in (table or {}).get(part) or {}:
                if key not in KNOWN[part]:
                    path = ".".join((*above, part, key))
                    yield (
                        f"{place.line(*above, part, key)}: Railway documents no {path}; it is "
                        f"kept as it is.{_near(key, KNOWN[part])}"
                    )
    if PULL_REQUESTS in environments:
        yield (
            f"{place.line('environments', PULL_REQUESTS)}: environments.{PULL_REQUESTS} was for "
            "all environments of pull requests; railway.py only knows the name of the one it is "
            f"run for, so it is for one named {PULL_REQUESTS}."
        )


def _near(key: str, known: Sequence[str] | frozenset[str]) -> str:
    near = difflib.get_close_matches(key, known, n=1)
    return f" Did you mean {near[0]}?" if near else ""
