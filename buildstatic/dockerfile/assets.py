"""The image that serves the static files alone: a server, its configuration and the layer."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Literal
from urllib.parse import unquote, urlsplit

from buildstatic.dockerfile.quoting import is_plain
from buildstatic.errors import ConfigInvalid
from buildstatic.project import Project

Assets = Literal["nginx", "caddy"]
SERVERS: tuple[Assets, ...] = ("nginx", "caddy")
# The variants that a server knows how to choose from.
FORMATS: dict[Assets, str] = {"nginx": "gz,br", "caddy": "gz,br,zst"}
DEFAULT_URL = "/static/"
MANIFEST = "staticfiles.json"
# Where a tree is linked to whose name would have to be quoted in a server's configuration.
LINK = "/usr/local/share/assets"
_PLAIN = re.compile(r"[A-Za-z0-9_./-]+\Z")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def context(project: Project, server: Assets, tree: str) -> dict[str, object]:
    """Return what the template of *server* needs; *tree* is the absolute path in the image.

    Raises ConfigInvalid where there is nothing to serve, or no server can have the files there.
    """
    if project.remote and project.remote.value:
        raise ConfigInvalid(
            f"--serve {server}: {project.remote.source} keeps the static files elsewhere.",
            "Leave --serve out: that storage serves them.",
        )
    prefix = prefix_of(project)
    return {
        "assets_tree": tree if is_plain(tree) else LINK,
        "assets_link": None if is_plain(tree) else tree,
        "assets_in_root": prefix == "/",
        **(_nginx(prefix) if server == "nginx" else _caddy(prefix)),
    }


def notes(project: Project) -> Iterator[str]:
    """Yield what is to be known of the image beside the application's."""
    yield (
        "The image of the last stage has no static files: those are in one of their own "
        "(--target assets), and a platform that builds the last stage alone has none."
    )
    yield from unknown(project)


def unknown(project: Project) -> Iterator[str]:
    """Yield what is only supposed, as the settings do not tell."""
    if project.static_url is None:
        yield f"STATIC_URL is not known from the settings: the files are below {DEFAULT_URL}."


def prefix_of(project: Project) -> str:
    """Return the path of STATIC_URL, decoded, as a server sees it in a request.

    What is behind a host's name (``https://cdn.example.com/static/``) is asked for by its path.
    Raises ConfigInvalid for what no request can begin with.
    """
    fact = project.static_url
    url = fact.value if fact else DEFAULT_URL
    if not _CONTROL.search(url):
        path = _path(url)
        if path:
            return path
    raise ConfigInvalid(
        f"{fact.source if fact else 'The settings'}: no server can have files below STATIC_URL "
        f"{url!r}.",
        "Write it as a path that begins and ends with a slash, as '/static/', or as an address "
        "of http or https with such a path.",
    )


def _path(url: str) -> str:
    """Return the decoded path of *url*, empty where it is none that a server keeps as it is."""
    try:
        parts = urlsplit(url)
        path = unquote(parts.path, errors="strict")
    except ValueError:
        return ""
    normal = posixpath.normpath(path).rstrip("/") + "/"
    is_whole = not (parts.query or parts.fragment or "?" in url or "#" in url)
    return path if is_whole and path == normal and not _CONTROL.search(path) else ""


def _nginx(prefix: str) -> dict[str, object]:
    return {"location": _nginx_word(prefix), "manifest_location": _nginx_word(prefix + MANIFEST)}


def _nginx_word(text: str) -> str:
    """Return *text* as a word of nginx's configuration (ngx_conf_read_token)."""
    if _PLAIN.match(text):
        return text
    escaped = re.sub(r'([\\"])', r"\\\1", text)
    return f'"{escaped}"'


def _caddy(prefix: str) -> dict[str, object]:
    """Return the pattern of all paths below *prefix*.

    In a pattern ``*`` and ``%`` mean something, in a Caddyfile braces are placeholders, a token in
    quotes cannot hold every backslash (caddyserver.com/docs/caddyfile/concepts and matchers,
    "path"), and what is not ASCII is matched, but not taken away (trimPathPrefix, Caddy 2.6).
    """
    odd = sorted({letter for letter in prefix if letter in '*%{}"`\\' or not letter.isascii()})
    if odd:
        raise ConfigInvalid(
            f"--serve caddy: the path of STATIC_URL, {prefix!r}, has {' '.join(odd)} in it.",
            "--serve nginx takes it; or give STATIC_URL another path.",
        )
    pattern = f"{prefix}*"
    return {"paths": pattern if _PLAIN.match(prefix) else f'"{pattern}"'}
