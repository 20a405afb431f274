"""The files of the platforms, read by those whose language they are written in."""

from __future__ import annotations

import io
import json
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
from ruamel.yaml import YAML

from buildstatic.platforms import Platform
from buildstatic.platforms.options import Options
from buildstatic.project import Project
from buildstatic.templates import GeneratedFile

SCHEMAS = {
    "compose": files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json",
    "fly": Path(__file__).with_name("fly.schema.json"),
    "render": Path(__file__).with_name("render.schema.json"),
}


def the(platform: Platform, project: Project, options: Options) -> GeneratedFile:
    """Return the one file of *platform*."""
    (file,) = platform.files(project, options)
    return file


def read(platform: Platform, project: Project, options: Options) -> dict[str, Any]:
    """Return what the one file of *platform* says, valid by its schema."""
    file = the(platform, project, options)
    said = tomllib.loads(file.text) if file.path.endswith(".toml") else yaml(file.text)
    valid(platform.NAME, said)
    return said


def yaml(text: str) -> dict[str, Any]:
    """Return what the YAML *text* says."""
    said: dict[str, Any] = YAML(typ="safe", pure=True).load(io.StringIO(text))
    return said


def valid(target: str, said: object) -> None:
    """Hold *said* against the schema of *target*."""
    schema = json.loads(SCHEMAS[target].read_text(encoding="utf-8"))
    jsonschema.validate(said, schema, cls=jsonschema.validators.validator_for(schema))
