"""The environment variables with the credentials of private package indexes."""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from buildstatic.project import files
from buildstatic.project.packages.pyproject import table
from buildstatic.project.packages.python_version import DOCKERFILES

# The tables of indexes in each file, and the variables that an index with a name is read from.
TABLES: Mapping[str, Mapping[tuple[str, ...], str]] = {
    "pyproject.toml": {
        ("tool", "uv", "index"): "UV_INDEX_{name}_{part}",
        ("tool", "poetry", "source"): "POETRY_HTTP_BASIC_{name}_{part}",
        ("tool", "pdm", "source"): "",
    },
    "uv.toml": {("index",): "UV_INDEX_{name}_{part}"},
    "Pipfile": {("source",): ""},
}
# uv's settings with URLs (docs.astral.sh/uv/reference/settings).
UV_SETTINGS = ("index-url", "extra-index-url", "find-links")
PUBLIC = {
    *("pypi.org", "test.pypi.org", "download.pytorch.org", "pypi.nvidia.com", "www.piwheels.org"),
    *("pypi.python.org", "wheels.vllm.ai", "data.pyg.org", "abetlen.github.io"),
}
# The usual places of pip's configuration in a project, and its options with URLs, with their
# variables (pip.pypa.io/en/stable/topics/configuration).
PIP_CONFIGURATION = ("pip.conf", ".pip/pip.conf", "pip/pip.conf", ".config/pip/pip.conf")
PIP_OPTIONS = {"index-url": "PIP_INDEX_URL", "extra-index-url": "PIP_EXTRA_INDEX_URL"}
# uv does not read pip's variables (docs.astral.sh/uv/pip/compatibility).
OF_UV = {"PIP_INDEX_URL": "UV_DEFAULT_INDEX", "PIP_EXTRA_INDEX_URL": "UV_INDEX"}
# The prefixes of the variables that each manager reads.
PREFIXES = {
    "pip": "PIP",
    "conda": "PIP",
    "pipenv": "PIP",
    "uv": "UV",
    "pyproject": "UV",
    "poetry": "POETRY",
    "pdm": "PDM",
}
_INDEX = r"PIP_(?:EXTRA_)?INDEX_URL|UV_(?:EXTRA_)?INDEX_URL|UV_(?:DEFAULT_)?INDEX"
_CREDENTIALS = r"(?:UV_INDEX|POETRY_HTTP_BASIC)_\w+_(?:USERNAME|PASSWORD)"
SET_VARIABLE = re.compile(
    rf"(?:^\s*(?:(?:ARG|ENV|RUN)\s+)?|\bid=)({_INDEX}|{_CREDENTIALS})\b[=\s]*(\S*)", re.M
)
# pip install --extra-index-url "https://$TOKEN@…"
OPTION = re.compile(r"""--(index-url|extra-index-url)[=\s]+["']?\S*\$""")


def variables(directory: Path, root: Path, manager: str) -> list[str]:
    """Return those that *manager* reads for the indexes that files in *directory* or *root* name.

    The URL of an index is itself a variable if pip's configuration or the project's own Dockerfile
    set it. Raises `ConfigInvalid` for TOML that is not valid.
    """
    found = [*_in_tables(directory, root, manager)]
    prefix = PREFIXES[manager]
    for place in dict.fromkeys((root, directory)):
        for name in (*_in_pip_configuration(place, root), *_in_dockerfiles(place, root)):
            read = OF_UV.get(name, name) if prefix == "UV" else name
            found += [read] if read.startswith(f"{prefix}_") else []
    return found


def _in_tables(directory: Path, root: Path, manager: str) -> Iterator[str]:
    """Yield the variables in URLs, and those for an index with a name that may be private.

    docs.astral.sh/uv/concepts/indexes, python-poetry.org/docs/repositories, and PDM and Pipenv,
    which expand variables in URLs (pdm-project.org/latest/usage/config,
    pipenv.pypa.io/en/latest/credentials.html).
    """
    names = {"pip": (), "conda": (), "pipenv": ("Pipfile",)}.get(
        manager, ("pyproject.toml", "uv.toml")
    )
    for file in names:
        path = directory / file
        if not files.is_file(path) or (file == "uv.toml" and PREFIXES[manager] != "UV"):
            continue
        data, _ = files.read_toml(path, root)
        for keys, form in TABLES[file].items():
            entries = table(data, *keys[:-1]).get(keys[-1])
            for entry in entries if isinstance(entries, list) else ():
                url = str(entry.get("url", "")) if isinstance(entry, dict) else ""
                used = _variables(url)
                yield from used
                if form and not used and _is_private(url) and "name" in entry:
                    name = re.sub(r"[^A-Z0-9]", "_", str(entry["name"]).upper())
                    yield from (form.format(name=name, part=p) for p in ("USERNAME", "PASSWORD"))
        settings = data if file == "uv.toml" else table(data, "tool", "uv")
        for setting in (settings, table(settings, "pip")) if file != "Pipfile" else ():
            yield from _variables(" ".join(str(setting.get(key, "")) for key in UV_SETTINGS))


def _in_pip_configuration(directory: Path, root: Path) -> Iterator[str]:
    for path in (directory / name for name in PIP_CONFIGURATION):
        if not files.is_file(path):
            continue
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        try:
            parser.read_string(files.read_text(path, root))
        except configparser.Error:
            continue
        for section in ("global", "install"):
            for option, name in PIP_OPTIONS.items():
                urls = parser.get(section, option, fallback="")
                if any(_is_private(url) for url in urls.split()):
                    yield name


def _in_dockerfiles(directory: Path, root: Path) -> Iterator[str]:
    """Yield the variables for indexes that the project's own Dockerfiles set or expand."""
    for path in (directory / name for name in DOCKERFILES):
        content = files.read_bytes(path, root) if files.is_file(path) else b""
        text = content.decode(errors="replace")
        if text.startswith(files.GENERATED):
            continue
        for name, value in SET_VARIABLE.findall(text):
            if not value or "://" not in value or _is_private(value.strip("\"'")):
                yield name
        yield from (PIP_OPTIONS[option] for option in OPTION.findall(text))


def _variables(url: str) -> list[str]:
    return re.findall(r"\$\{?([A-Z0-9_]+)", url)


def _is_private(url: str) -> bool:
    """Return whether *url* is that of an index that is not known to be public."""
    host = re.sub(r"^\w+://([^@/]*@)?|[:/].*$", "", url)
    return bool(host) and host not in PUBLIC
