"""Checks that the files that style sheets and source map comments refer to exist."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from buildstatic.verify.results import CheckResult, Finding, Severity, printable
from buildstatic.verify.tree import StaticTree

REFERENCES = "references"
# Comments and strings match too, so that nothing in them is taken for a reference.
_CSS = re.compile(
    r"""
    /\*.*?\*/
    | @import\s+(?:"(?P<a>[^"\n]*)"|'(?P<b>[^'\n]*)')
    | \burl\(\s*(?:"(?P<c>[^"\n]*)"|'(?P<d>[^'\n]*)'|(?P<e>[^'")\s]+))\s*\)
    | "(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*'
    """,
    re.S | re.X | re.I,
)
# HashedFilesMixin.patterns
_SOURCE_MAP = re.compile(
    r"(?://|/\*)[#@][ \t]sourceMappingURL=(?P<url>[^\s*]+)[ \t]*(?:\*/)?[ \t]*"
)
_CSS_REFERENCE = re.compile(rb"@import|url\(", re.I)
_SOURCE_MAP_MARK = b"sourceMappingURL="


def check_references(tree: StaticTree, static_url: str | None = None) -> CheckResult:
    """Check that what style sheets refer to, and the source maps of scripts, exist.

    With a manifest a missing file is an error, except for source maps, because the storage has
    promised it. References are skipped if they lead out of the tree, or if they are absolute and do
    not begin with *static_url*. If that is None, it is detected in the references to fingerprinted
    names.
    """
    names = [name for name in tree.files if name.endswith((".css", ".js", ".mjs"))]
    parsed: dict[tuple[str, bool], tuple[set[str], set[str]]] = {}
    for name in names:
        key = tree.files[name].path, name.endswith(".css")
        if key not in parsed:
            parsed[key] = _parse(tree.read(name), is_css=key[1])
    if static_url is None:
        static_url = _detect_static_url(tree, {url for _, urls in parsed.values() for url in urls})
    findings: list[Finding] = []
    for name in names:
        maps, urls = parsed[tree.files[name].path, name.endswith(".css")]
        findings += _missing(tree, name, maps, static_url, "warning")
        severity: Severity = "error" if tree.hashed_names else "warning"
        findings += _missing(tree, name, urls, static_url, severity)
    return CheckResult(REFERENCES, len(names), tuple(findings))


def _parse(content: bytes, *, is_css: bool) -> tuple[set[str], set[str]]:
    """Return the source maps that *content* names, and what else it refers to."""
    maps = set()
    position = content.find(_SOURCE_MAP_MARK)
    while position >= 0:
        start, end = content.rfind(b"\n", 0, position) + 1, content.find(b"\n", position)
        end = len(content) if end < 0 else end
        if match := _SOURCE_MAP.fullmatch(content[start:end].decode("utf-8", "replace")):
            maps.add(match["url"])
        position = content.find(_SOURCE_MAP_MARK, end)
    urls: set[str] = set()
    if is_css and _CSS_REFERENCE.search(content):
        for match in _CSS.finditer(content.decode("utf-8", "replace")):
            urls.update(filter(None, match.groupdict().values()))
    return maps, urls


def _detect_static_url(tree: StaticTree, urls: set[str]) -> str:
    """Return what precedes fingerprinted names in *urls*, empty if none is found.

    A storage writes such URLs if a style sheet refers to a file by STATIC_URL
    (HashedFilesMixin.url_converter). The root of the site is not accepted.
    """
    hashed = {value for name, value in tree.hashed_names.items() if value != name}
    found = set()
    for url in urls:
        path = unquote(url.partition("?")[0].partition("#")[0])
        if path.startswith("/"):
            slashes = (index for index, char in enumerate(path) if char == "/")
            found |= {path[: index + 1] for index in slashes if path[index + 1 :] in hashed}
    return min(found - {"/", "//"}, key=len, default="")


def _missing(
    tree: StaticTree, name: str, urls: set[str], static_url: str, severity: Severity
) -> Iterator[Finding]:
    for url in sorted(urls):
        path = _resolve(name, url.strip(), static_url)
        if path is not None and path not in tree.files:
            what = f"it refers to {printable(url)}, but {printable(path)} does not exist"
            advice = "Collect the missing file, or remove the reference."
            yield Finding(REFERENCES, severity, printable(name), what, advice)


def _resolve(name: str, url: str, static_url: str) -> str | None:
    """Return the name that *url* in the file *name* refers to, None if it is not in the tree."""
    if static_url and url.startswith(static_url):
        name, url = "", url.removeprefix(static_url)
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.scheme or parts.netloc or not parts.path or parts.path.startswith("/"):
        return None
    path = posixpath.normpath(posixpath.join(posixpath.dirname(name), unquote(parts.path)))
    return None if path.startswith("..") else path
