"""Private package indexes: the variables with their credentials, and the one in place of PyPI."""

from __future__ import annotations

import configparser
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
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
# Hosts that need no TLS, or a certificate that is not known, of pip and of uv.
TRUSTED_HOSTS = ("PIP_TRUSTED_HOST", "UV_INSECURE_HOST")
# uv does not read pip's variables (docs.astral.sh/uv/pip/compatibility).
OF_UV = {
    "PIP_INDEX_URL": "UV_DEFAULT_INDEX",
    "PIP_EXTRA_INDEX_URL": "UV_INDEX",
    TRUSTED_HOSTS[0]: TRUSTED_HOSTS[1],
}
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
# Not part of a URL, so its characters are not escaped.
PASSWORD = re.compile(r"(?:UV_INDEX|POETRY_HTTP_BASIC)_\w+_PASSWORD")
SET_VARIABLE = re.compile(
    rf"(?:^\s*(?:(?:ARG|ENV|RUN)\s+)?|\bid=)({_INDEX}|{_CREDENTIALS}|{'|'.join(TRUSTED_HOSTS)})\b"
    r"[= \t]*(\S*)",
    re.M,
)
# pip install --trusted-host HOST --extra-index-url "https://$TOKEN@…"
OPTION = re.compile(r"""--(index-url|extra-index-url)[=\s]+["']?\S*\$""")
TRUSTED_OPTION = re.compile(r"""--trusted-host[=\s]+["']?([\w.:-]+)""")


@dataclass(frozen=True)
class Indexes:
    """The environment *variables* that a manager reads for the private indexes of a project.

    *default* is the URL of the private index that replaces PyPI, empty if there is none.
    *trusted_hosts* need no TLS, or a certificate that is not known. Variables are written
    ``${NAME}``.
    """

    variables: tuple[str, ...]
    default: str = ""
    trusted_hosts: tuple[str, ...] = ()


def find(directory: Path, root: Path, manager: str) -> Indexes:
    """Return the indexes that files in *directory* or *root* name for *manager*.

    The URL of an index is itself a variable if pip's configuration or the project's own Dockerfile
    set it. Raises `ConfigInvalid` for TOML that is not valid.
    """
    in_tables, default, trusted = _in_tables(directory, root, manager)
    found, prefix = [*in_tables], PREFIXES[manager]
    for place in dict.fromkeys((root, directory)):
        for name, value in (*_in_pip_configuration(place, root), *_in_dockerfiles(place, root)):
            read = OF_UV.get(name, name) if prefix == "UV" else name
            if name in TRUSTED_HOSTS and re.fullmatch(r"[\w.:\s-]+", value):
                trusted += value.split()
                continue
            found += [read] if read.startswith(f"{prefix}_") else []
            if name in TRUSTED_HOSTS:
                trusted.append(f"${{{read}}}")
            # pip reads it where it installs the manager itself.
            is_default = read in (
                ("UV_DEFAULT_INDEX", "UV_INDEX_URL") if prefix == "UV" else ("PIP_INDEX_URL",)
            )
            default = default or (f"${{{read}}}" if is_default else "")
    return Indexes(tuple(dict.fromkeys(found)), default, tuple(trusted))


def hosts(names: Iterable[str]) -> tuple[str, ...]:
    """Return the hosts and variables among *names*, without those that a shell would change."""
    plain = (name for name in names if re.fullmatch(r"[\w.:-]+|\$\{[A-Z0-9_]+\}", name))
    return tuple(dict.fromkeys(plain))


def usable(url: str, trusted_hosts: Collection[str] = ()) -> str:
    """Return *url* of a default index if it can be used in an image, else an empty text.

    It is not if it is public, has a password, is one of ``http:`` and there are no *trusted_hosts*,
    or has characters that a shell expands.
    """
    url = re.sub(r"\$\{?([A-Z0-9_]+)\}?", r"${\1}", url)
    bare = re.sub(r"\$\{[A-Z0-9_]+\}", "", url)
    has_password = re.search(r"://([^/@:]*:[^/@]+|[^/@:]+)@", bare)
    is_plain = re.fullmatch(r"[\w.:/@%~+,=&?#-]*", bare)
    is_trusted = (
        not bare.startswith("http:") or trusted_hosts or re.search(r"[/@](127\.|localhost\b)", bare)
    )
    is_private = not bare or _is_private(bare)
    return url if is_plain and is_trusted and is_private and not has_password else ""


def _in_tables(directory: Path, root: Path, manager: str) -> tuple[list[str], str, list[str]]:
    """Return the variables in URLs, and those for an index with a name that may be private.

    And the URL of the default index, and the trusted hosts. docs.astral.sh/uv/concepts/indexes,
    python-poetry.org/docs/repositories, and PDM and Pipenv, which expand variables in URLs
    (pdm-project.org/latest/usage/config, pipenv.pypa.io/en/latest/credentials.html).
    """
    found: list[str] = []
    trusted: list[str] = []
    default = ""
    names = {"pip": (), "conda": (), "pipenv": ("Pipfile",)}.get(
        manager, ("pyproject.toml", "uv.toml")
    )
    for file in names:
        path = directory / file
        if not files.is_file(path) or (file == "uv.toml" and PREFIXES[manager] != "UV"):
            continue
        data, _ = files.read_toml(path, root)
        for keys, form in TABLES[file].items():
            listed = table(data, *keys[:-1]).get(keys[-1])
            entries = [
                e for e in (listed if isinstance(listed, list) else ()) if isinstance(e, dict)
            ]
            is_read = len(keys) < 3 or PREFIXES[manager].lower() == keys[1]
            for entry in entries:
                url = str(entry.get("url", ""))
                used = _variables(url)
                if form and not used and _is_private(url) and "name" in entry:
                    name = re.sub(r"[^A-Z0-9]", "_", str(entry["name"]).upper())
                    used = [form.format(name=name, part=part) for part in ("USERNAME", "PASSWORD")]
                    url = url.replace("://", f"://${{{used[0]}}}:${{{used[1]}}}@", 1)
                found += used
                if is_read and not default and _is_default(keys, entry, entries):
                    default = url
                    trusted += [_host(url)] if entry.get("verify_ssl") is False else []
        settings = data if file == "uv.toml" else table(data, "tool", "uv")
        for setting in (settings, table(settings, "pip")) if file != "Pipfile" else ():
            found += _variables(" ".join(str(setting.get(key, "")) for key in UV_SETTINGS))
            if PREFIXES[manager] == "UV":
                default = default or str(setting.get("index-url", ""))
                listed = setting.get("allow-insecure-host")
                trusted += map(str, listed) if isinstance(listed, list) else ()
    # uv and Poetry themselves need no more than the address.
    trusted += [_host(default)] if default.startswith("http:") else []
    return found, default, trusted


def _is_default(
    keys: tuple[str, ...], entry: Mapping[str, object], entries: Sequence[Mapping[str, object]]
) -> bool:
    """Return whether *entry* of the table at *keys* replaces PyPI."""
    match keys:
        case ("tool", "poetry", _):
            names = {str(each.get("name")).lower() for each in entries}
            priority = entry.get("priority", "secondary" if entry.get("secondary") else "primary")
            return "pypi" not in names and priority in ("primary", "default")
        case ("tool", "pdm", _):
            return entry.get("name") == "pypi"
        case ("source",):
            return all(_is_private(str(each.get("url"))) for each in entries)
    return entry.get("default") is True


def _in_pip_configuration(directory: Path, root: Path) -> Iterator[tuple[str, str]]:
    """Yield the variables in place of pip's options; for trusted hosts with the value."""
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
                    yield name, ""
            if trusted := parser.get(section, "trusted-host", fallback=""):
                yield TRUSTED_HOSTS[0], trusted


def _in_dockerfiles(directory: Path, root: Path) -> Iterator[tuple[str, str]]:
    """Yield the variables for indexes that the project's own Dockerfiles set or expand.

    Those for trusted hosts have the value that they are set to.
    """
    for path in (directory / name for name in DOCKERFILES):
        content = files.read_bytes(path, root) if files.is_file(path) else b""
        text = content.decode(errors="replace")
        if text.startswith(files.GENERATED):
            continue
        for name, value in SET_VARIABLE.findall(text):
            if not value or "://" not in value or _is_private(value.strip("\"'")):
                yield name, value.strip("\"'")
        yield from ((PIP_OPTIONS[option], "") for option in OPTION.findall(text))
        yield from ((TRUSTED_HOSTS[0], host) for host in TRUSTED_OPTION.findall(text))


def _variables(url: str) -> list[str]:
    return re.findall(r"\$\{?([A-Z0-9_]+)", url)


def _is_private(url: str) -> bool:
    """Return whether *url* is that of an index that is not known to be public."""
    host = _host(url)
    return bool(host) and host not in PUBLIC


def _host(url: str) -> str:
    return re.sub(r"^\w+://([^@/]*@)?|[:/].*$", "", url)
