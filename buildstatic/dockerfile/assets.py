"""The ``assets`` stage of the generated Dockerfile: an image that serves the static files only."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Literal
from urllib.parse import unquote, urlsplit

from buildstatic.dockerfile import Part
from buildstatic.dockerfile.static_root import static_root_in_image
from buildstatic.errors import ConfigInvalid
from buildstatic.project import Project
from buildstatic.templates.quoting import is_plain

Assets = Literal["nginx", "caddy"]
SERVERS: tuple[Assets, ...] = ("nginx", "caddy")
# The compressed variants that each server serves.
FORMATS: dict[Assets, str] = {"nginx": "gz,br", "caddy": "gz,br,zst"}
DEFAULT_URL = "/static/"
MANIFEST = "staticfiles.json"
# A link to the tree if its name needs quotes in the server's configuration.
LINK = "/usr/local/share/assets"
_NOTE = (
    "The image of the last stage has no static files: they are in the image of the stage "
    "assets (--target assets). A platform that builds only the last stage does not have them."
)
_PLAIN = re.compile(r"[A-Za-z0-9_./-]+\Z")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def assets_part(project: Project, server: Assets) -> Part:
    """Return the part for the image of the static files, which *server* serves.

    Raises ConfigInvalid if the storage is remote, or if *server* does not support STATIC_URL.
    """
    if project.remote and project.remote.value:
        raise ConfigInvalid(
            f"--serve {server}: {project.remote.source} stores the static files remotely.",
            "Omit --serve: the storage serves them.",
        )
    prefix, tree = url_prefix(project), static_root_in_image(project)
    context: dict[str, object] = {
        "assets_tree": tree if is_plain(tree) else LINK,
        "assets_link": None if is_plain(tree) else tree,
        "assets_in_root": prefix == "/",
    }
    if server == "nginx":
        context["location"] = _nginx_word(prefix)
        context["manifest_location"] = _nginx_word(prefix + MANIFEST)
    else:
        context["paths"] = _caddy_paths(prefix)
    return Part(context, (_NOTE, *assumptions(project)))


def assumptions(project: Project) -> Iterator[str]:
    """Yield what is assumed because the settings do not determine it."""
    if project.static_url is None:
        yield (
            f"STATIC_URL cannot be determined from the settings: the files are served below "
            f"{DEFAULT_URL}."
        )


def url_prefix(project: Project) -> str:
    """Return the path of STATIC_URL, decoded, as a server sees it in a request.

    Of a URL with a host (``https://cdn.example.com/static/``), that is the path. Raises
    ConfigInvalid if no request path can begin with it.
    """
    fact = project.static_url
    url = fact.value if fact else DEFAULT_URL
    try:
        parts = urlsplit(url)
        path = unquote(parts.path, errors="strict")
    except ValueError:
        path = ""
    else:
        has_query = bool(parts.query or parts.fragment or "?" in url or "#" in url)
        is_normal = path == posixpath.normpath(path).rstrip("/") + "/"
        if has_query or not is_normal or _CONTROL.search(url) or _CONTROL.search(path):
            path = ""
    if path:
        return path
    raise ConfigInvalid(
        f"{fact.source if fact else 'The settings'}: STATIC_URL {url!r} is not a path that a "
        "server can serve files below.",
        "Set it to a path that begins and ends with a slash, such as '/static/', or to an http or "
        "https URL with such a path.",
    )


def _nginx_word(text: str) -> str:
    """Return *text* as a word of nginx's configuration (ngx_conf_read_token)."""
    if _PLAIN.match(text):
        return text
    escaped = re.sub(r'([\\"])', r"\\\1", text)
    return f'"{escaped}"'


def _caddy_paths(prefix: str) -> str:
    """Return the pattern of all paths below *prefix*.

    In a pattern ``*`` and ``%`` are special, in a Caddyfile braces are placeholders, a quoted token
    cannot hold every backslash (caddyserver.com/docs/caddyfile/concepts and matchers, "path"), and
    a prefix that is not ASCII is matched, but not stripped (trimPathPrefix, Caddy 2.6).
    """
    special = sorted({letter for letter in prefix if letter in '*%{}"`\\' or not letter.isascii()})
    if special:
        raise ConfigInvalid(
            f"--serve caddy does not support {' '.join(special)} in the path of STATIC_URL, "
            f"{prefix!r}.",
            "Use --serve nginx, or change STATIC_URL.",
        )
    pattern = f"{prefix}*"
    return pattern if _PLAIN.match(prefix) else f'"{pattern}"'
