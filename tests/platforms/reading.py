"""Parsing and validating the files of platforms."""

from __future__ import annotations

import io
import json
import tomllib
from functools import cache
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
    "cloud-run": Path(__file__).with_name("cloud-run.schema.json"),
    "digitalocean": Path(__file__).with_name("digitalocean.schema.json"),
    "kamal": Path(__file__).with_name("kamal.schema.json"),
    "railpack": Path(__file__).with_name("railpack.schema.json"),
    "fly": Path(__file__).with_name("fly.schema.json"),
    "render": Path(__file__).with_name("render.schema.json"),
}


def only_file(platform: Platform, project: Project, options: Options) -> GeneratedFile:
    """Return the only file of *platform*."""
    (file,) = platform.files(project, options)
    return file


def read(platform: Platform, project: Project, options: Options) -> dict[str, Any]:
    """Return the parsed content of the only file of *platform*, validated by its schema."""
    file = only_file(platform, project, options)
    content = tomllib.loads(file.text) if file.path.endswith(".toml") else yaml(file.text)
    validator(platform.NAME).validate(content)
    return content


def yaml(text: str) -> dict[str, Any]:
    """Parse the YAML *text*."""
    (content,) = yaml_documents(text)
    return content


def yaml_documents(text: str) -> list[dict[str, Any]]:
    """Parse the documents of the YAML *text*."""
    return list(YAML(typ="safe", pure=True).load_all(io.StringIO(text)))


@cache
def validator(target: str) -> Any:
    """Return the validator of *target*; compiling a schema takes long."""
    schema = json.loads(SCHEMAS[target].read_text(encoding="utf-8"))
    return jsonschema.validators.validator_for(schema)(schema)
