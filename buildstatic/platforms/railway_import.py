"""Converts an existing railway.json or railway.toml to .railway/railway.py without losing anything.

The keys are those of docs.railway.com/config-as-code/reference, and the SDK accepts ``build`` and
``deploy`` as they are. The settings of an environment override those of the service key by key.
Null means that a key is not set.
"""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from buildstatic.errors import ConfigInvalid
from buildstatic.project import Project, files
from buildstatic.templates import GeneratedFile, render

# The documented keys of each section.
SECTIONS = {
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
class ServiceConfig:
    """The configuration of a service: both sections, and those of each environment."""

    service: str
    file: str
    build: Mapping[str, Any]
    deploy: Mapping[str, Any]
    environments: Mapping[str, Mapping[str, Any]]
    warnings: tuple[str, ...]


def import_config(
    project: Project, sources: Sequence[tuple[str, str]], context: Mapping[str, object]
) -> GeneratedFile:
    """Return a railway.py with the settings of *sources*, pairs of a service and its file.

    *context* are the values of the template that do not come from them.

    Raises ConfigInvalid for a file that cannot be read, and, with the line, for a setting that
    railway.py does not support.
    """
    services = tuple(_read_config(project, service, file) for service, file in sources)
    text = render(
        "railway-iac-migrated.py.jinja",
        services=services,
        environments={item.service: item.environments for item in services if item.environments},
        **context,
    )
    listed = ", ".join(dict.fromkeys(item.file for item in services))
    notes = (
        "Railway: build, deploy and environment settings are carried over; volumes, domains, "
        "sources other than origin, and variables that railway.py does not preserve are not.",
        "Railway: the names of the services in railway.py must be their names on Railway.",
        f"Railway: a service cannot use both files, so delete {listed} when you apply.",
    )
    warnings = tuple(text for item in services for text in item.warnings)
    return GeneratedFile(".railway/railway.py", text, notes=notes, warnings=warnings)


@dataclass(frozen=True)
class _Source:
    """A configuration file, to find the lines of its keys."""

    file: str
    text: str
    is_toml: bool

    def line(self, *keys: str) -> str:
        """Return ``file:line`` of the key with the path *keys*."""
        if self.is_toml:
            return f"{self.file}:{files.toml_line(self.text, *keys)}"
        end = 0
        for key in keys:
            found = re.compile(rf"{re.escape(json.dumps(key))}\s*:").search(self.text, end)
            end = found.end() if found else end
        return f"{self.file}:{self.text.count(chr(10), 0, end) + 1}"


def _read_config(project: Project, service: str, file: str) -> ServiceConfig:
    path = project.root / file
    is_toml = path.suffix == ".toml"
    read = files.read_toml if is_toml else files.read_json
    data, text = read(path, project.root)
    source = _Source(files.relative(path, project.root), text, is_toml)
    if not is_toml:
        _reject_duplicate_keys(source)
    _reject_unsupported_keys(data, ("$schema", *SECTIONS, "environments"), (), source)
    _reject_unsupported_values(data, (), source)
    environments = _table(data, "environments", (), source)
    for name in environments:
        environment = _table(environments, name, ("environments",), source)
        _reject_unsupported_keys(environment, tuple(SECTIONS), ("environments", name), source)
        for section in SECTIONS:
            _table(environment, section, ("environments", name), source)
    return ServiceConfig(
        service,
        source.file,
        _table(data, "build", (), source),
        _table(data, "deploy", (), source),
        {name: value or {} for name, value in environments.items()},
        tuple(_warnings(data, source)),
    )


def _table(
    data: Mapping[str, Any], key: str, path: tuple[str, ...], source: _Source
) -> Mapping[str, Any]:
    """Return the table *key* of *data*, which is at *path*; empty if missing or null."""
    value = data.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ConfigInvalid(
            f"{source.line(*path, key)}: {'.'.join((*path, key))} is not a table.",
            "See docs.railway.com/config-as-code/reference.",
        )
    return value


def _reject_unsupported_keys(
    data: Mapping[str, Any], supported: Sequence[str], path: tuple[str, ...], source: _Source
) -> None:
    for key in data:
        if key not in supported:
            name, hint = ".".join((*path, key)), _suggestion(key, supported)
            raise ConfigInvalid(
                f"{source.line(*path, key)}: railway.py does not support {name}.{hint}",
                "Remove it here, and set it on Railway.",
            )


def _reject_unsupported_values(value: object, path: tuple[str, ...], source: _Source) -> None:
    """Raise ConfigInvalid for a value of TOML that JSON does not have."""
    if isinstance(value, dict):
        for key, inner in value.items():
            _reject_unsupported_values(inner, (*path, key), source)
    elif isinstance(value, list):
        for inner in value:
            _reject_unsupported_values(inner, path, source)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ConfigInvalid(f"{source.line(*path)}: {'.'.join(path)} is not a finite number.")
    elif not isinstance(value, str | int | float | None):
        raise ConfigInvalid(f"{source.line(*path)}: {'.'.join(path)} is a date.", "Quote it.")


def _reject_duplicate_keys(source: _Source) -> None:
    """Raise ConfigInvalid for a duplicate key, all but one of which JSON parsers drop."""

    def check_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        for key in keys:
            if keys.count(key) > 1:
                problem = f"{source.line(key)}: the key {key} occurs more than once in a table."
                raise ConfigInvalid(problem, "Keep one of them.")
        return dict(pairs)

    json.loads(source.text, object_pairs_hook=check_pairs)


def _warnings(data: Mapping[str, Any], source: _Source) -> Iterator[str]:
    environments = data.get("environments") or {}
    tables = [((), data), *((("environments", name), env) for name, env in environments.items())]
    for path, table in tables:
        for section, documented in SECTIONS.items():
            for key in (table or {}).get(section) or {}:
                if key not in documented:
                    name = ".".join((*path, section, key))
                    yield (
                        f"{source.line(*path, section, key)}: Railway does not document {name}. "
                        f"It is kept.{_suggestion(key, documented)}"
                    )
    if PULL_REQUESTS in environments:
        yield (
            f"{source.line('environments', PULL_REQUESTS)}: environments.{PULL_REQUESTS} applied "
            "to the environments of all pull requests; railway.py applies it to those only if the "
            f"CLI says which they are, and to an environment named {PULL_REQUESTS}."
        )


def _suggestion(key: str, known: Sequence[str] | frozenset[str]) -> str:
    near = difflib.get_close_matches(key, known, n=1)
    return f" Did you mean {near[0]}?" if near else ""
