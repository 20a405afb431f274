"""Whether what style sheets refer to is there, and the source maps that files name."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from buildstatic.verify.results import CheckResult, Finding, Severity, gather, printable
from buildstatic.verify.tree import Tree

CHECK = "references"
# Comments and other texts are read over, so that nothing in them is taken for a reference.
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
_MAP = re.compile(r"(?://|/\*)[#@][ \t]sourceMappingURL=(?P<url>[^\s*]+)[ \t]*(?:\*/)?[ \t]*")
_REFERS = re.compile(rb"@import|url\(", re.I)
_MARK = b"sourceMappingURL="


def check(tree: Tree, static_url: str | None = None) -> CheckResult:
    """Look for what every style sheet refers to, and for the source map of every script.

    What the collecting storage has promised is an error: with a manifest, all but source maps.
    A reference is not looked for that leads out of the tree, or is absolute or has a host and does
    not begin with *static_url*. Where that is None, it is what stands before a name that the
    manifest has, in the references that there are.
    """
    texts = [name for name in tree.files if name.endswith((".css", ".js", ".mjs"))]
    return gather(CHECK, len(texts), lambda: _findings(tree, texts, static_url))


def _findings(tree: Tree, texts: list[str], static_url: str | None) -> Iterator[Finding]:
    known: dict[tuple[str, bool], tuple[set[str], set[str]]] = {}
    for name in texts:
        key = tree.files[name].path, name.endswith(".css")
        if key not in known:
            known[key] = _references(tree, name)
    if static_url is None:
        static_url = _static_url(tree, {url for _, urls in known.values() for url in urls})
    for name in texts:
        maps, urls = known[tree.files[name].path, name.endswith(".css")]
        yield from _missing(tree, name, maps, static_url, is_map=True)
        yield from _missing(tree, name, urls, static_url, is_map=False)


def _static_url(tree: Tree, urls: set[str]) -> str:
    """Return what *urls* have before the fingerprinted names, empty where they tell nothing.

    A storage writes them so where a style sheet names a file by STATIC_URL
    (HashedFilesMixin.url_converter). The root of the site is not taken for it.
    """
    hashed = {value for name, value in tree.names.items() if value != name}
    found = {prefix for url in urls if url.startswith("/") for prefix in _prefixes(url, hashed)}
    return min(found - {"/", "//"}, key=len, default="")


def _prefixes(url: str, hashed: set[str]) -> Iterator[str]:
    path = unquote(url.partition("?")[0].partition("#")[0])
    for place, sign in enumerate(path):
        if sign == "/" and path[place + 1 :] in hashed:
            yield path[: place + 1]


def _references(tree: Tree, name: str) -> tuple[set[str], set[str]]:
    """Return the source maps that the file *name* names, and what else it refers to."""
    content = tree.read(name)
    maps = {url for line in _marked(content) for url in _maps(line)}
    is_css = name.endswith(".css") and _REFERS.search(content)
    return maps, set(_urls(content.decode("utf-8", "replace"))) if is_css else set()


def _marked(content: bytes) -> Iterator[bytes]:
    """Yield the lines that may name a source map."""
    place = content.find(_MARK)
    while place >= 0:
        end = content.find(b"\n", place)
        end = len(content) if end < 0 else end
        yield content[content.rfind(b"\n", 0, place) + 1 : end]
        place = content.find(_MARK, end)


def _maps(line: bytes) -> Iterator[str]:
    if found := _MAP.fullmatch(line.decode("utf-8", "replace")):
        yield found["url"]


def _urls(text: str) -> Iterator[str]:
    for found in _CSS.finditer(text):
        yield from filter(None, found.groupdict().values())


def _missing(
    tree: Tree, name: str, urls: set[str], static_url: str, *, is_map: bool
) -> Iterator[Finding]:
    severity: Severity = "warning" if is_map or not tree.names else "error"
    for url in sorted(urls):
        path = _target(name, url.strip(), static_url)
        if path is not None and path not in tree.files:
            what = f"it refers to {printable(url)}, and {printable(path)} is not there"
            advice = "Collect what it names, or take the reference out."
            yield Finding(CHECK, severity, printable(name), what, advice)


def _target(name: str, url: str, static_url: str) -> str | None:
    """Return the file of the tree that *url* in the file *name* means, None for another place."""
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
