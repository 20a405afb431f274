"""Checks of the manifest, of fingerprints, of compressed variants, and of references."""

from __future__ import annotations

import os
import posixpath
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import chain
from urllib.parse import unquote, urlsplit

from buildstatic.collect import codecs
from buildstatic.collect.workers.cores import available_cores
from buildstatic.threads import Threads
from buildstatic.verify import Severity, VerifyCheck, VerifyFinding, one_line
from buildstatic.verify.tree import StaticTree

MANIFEST, FINGERPRINTS, VARIANTS = "manifest", "fingerprints", "variants"
# ManifestFilesMixin.file_hash: the first twelve digits of the MD5
_HASH = re.compile(r"[0-9a-f]{12}")
SUFFIXES = {".gz": "gz", ".br": "br", ".zst": "zst", ".zstd": "zst"}
_COLLECT_CLEAR = "Collect again with --clear."
_COLLECT_VARIANTS = "Collect again with --compress; an empty --cache creates all variants again."
_INSTALL_CODECS = "Install brotli, and before Python 3.14 backports.zstd, next to buildstatic."
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


def original_name(name: str) -> str:
    """Return the name of the file that *name* is a variant of, empty if it is not a variant."""
    root, suffix = os.path.splitext(name)  # noqa: PTH122 - a name in the tree, not a path
    return root if suffix in SUFFIXES else ""


def name_before_hashing(path: str, names: Mapping[str, str]) -> str:
    """Return the original name of *path*, a file or a variant of one.

    *names* are the original names by fingerprinted ones.
    """
    original = original_name(path)
    if original in names:
        return names[original] + path[len(original) :]
    return names.get(path, path)


def check_manifest(tree: StaticTree) -> VerifyCheck:
    """Check that every file in the manifest exists."""
    path = one_line(tree.manifest_path or "")
    problems = []
    try:
        if tree.manifest is not None and not isinstance(tree.manifest["paths"], dict):
            raise ValueError("its paths are not an object")
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        problems.append(f"it is not a valid manifest: {one_line(str(error))}")
    problems += [
        f"{one_line(name)} is mapped to {one_line(hashed)}, which does not exist"
        for name, hashed in tree.hashed_names.items()
        if hashed not in tree.files
    ]
    findings = (VerifyFinding(MANIFEST, "error", path, what, _COLLECT_CLEAR) for what in problems)
    return VerifyCheck(MANIFEST, len(tree.hashed_names), tuple(findings))


def check_fingerprints(tree: StaticTree) -> VerifyCheck:
    """Check that each fingerprint is that of the file's content.

    Fingerprints of another length than Django's are those of another storage, and are skipped.
    """
    fingerprints = {}
    for name, hashed in tree.hashed_names.items():
        root, suffix = posixpath.splitext(name)
        if hashed.startswith(f"{root}.") and hashed.endswith(suffix):
            fingerprint = hashed[len(root) + 1 : len(hashed) - len(suffix)]
            if _HASH.fullmatch(fingerprint):
                fingerprints[hashed] = fingerprint
    findings = []
    for hashed, fingerprint in fingerprints.items():
        if hashed not in tree.files:
            continue
        summary = tree.summary(tree.path(hashed))
        if not summary.md5.startswith(fingerprint) and not summary.sha256.startswith(fingerprint):
            what = f"its name has the fingerprint {fingerprint}, its content has {summary.md5[:12]}"
            findings.append(
                VerifyFinding(FINGERPRINTS, "error", one_line(hashed), what, _COLLECT_CLEAR)
            )
    return VerifyCheck(FINGERPRINTS, len(fingerprints), tuple(findings))


def check_variants(tree: StaticTree) -> VerifyCheck:
    """Check that every variant decompresses to its original."""
    variants = {
        name: original
        for name in tree.files
        if (original := original_name(name)) and original in tree.files
    }
    return VerifyCheck(VARIANTS, len(variants), tuple(_variant_findings(tree, variants)))


def _variant_findings(tree: StaticTree, variants: dict[str, str]) -> Iterator[VerifyFinding]:
    # Variants and originals with several names, such as a fingerprinted one, are compared once.
    unique = {
        (tree.files[name].path, tree.files[original].path): name
        for name, original in variants.items()
    }
    by_original: dict[str, list[str]] = defaultdict(list)
    for (_, original_path), name in unique.items():
        by_original[original_path].append(name)
    loaded = {suffix: codecs.load_codec(kind, "fast") for suffix, kind in SUFFIXES.items()}

    def compare(names: list[str]) -> list[tuple[str, bool | None]]:
        content = tree.read(variants[names[0]])
        results: list[tuple[str, bool | None]] = []
        for name in names:
            codec = loaded[name[name.rindex(".") :]]
            results.append((name, codec.is_variant(tree.read(name), content) if codec else None))
        return results

    # One original and one of its variants are in memory for each thread.
    with Threads(available_cores()) as threads:
        results = dict(chain.from_iterable(threads.map(compare, by_original.values())))
    for name, original in variants.items():
        if name not in results or results[name]:
            continue
        if results[name] is None:
            what = "not compared, because its codec is not installed"
            yield VerifyFinding(VARIANTS, "warning", one_line(name), what, _INSTALL_CODECS)
        else:
            what = f"it does not decompress to {one_line(original)}"
            yield VerifyFinding(VARIANTS, "error", one_line(name), what, _COLLECT_VARIANTS)


def check_references(tree: StaticTree, static_url: str | None = None) -> VerifyCheck:
    """Check that what style sheets refer to, and the source maps of scripts, exist.

    With a manifest a missing file is an error, except for source maps, because the storage has
    promised it. References are skipped if they lead out of the tree, or if they are absolute and do
    not begin with *static_url*. If that is None, it is detected in the references to fingerprinted
    names.
    """
    parsed, static_url = _parse_all(tree, static_url)
    findings: list[VerifyFinding] = []
    for name, (maps, urls) in parsed.items():
        findings += _missing(tree, name, maps, static_url, "warning")
        severity: Severity = "error" if tree.hashed_names else "warning"
        findings += _missing(tree, name, urls, static_url, severity)
    return VerifyCheck(REFERENCES, len(parsed), tuple(findings))


def referenced_names(tree: StaticTree, static_url: str | None = None) -> set[str]:
    """Return the names that style sheets and scripts refer to; see `check_references`."""
    parsed, static_url = _parse_all(tree, static_url)
    return {
        path
        for name, found in parsed.items()
        for url in chain(*found)
        if (path := _resolve(name, url.strip(), static_url)) is not None
    }


def _parse_all(
    tree: StaticTree, static_url: str | None
) -> tuple[dict[str, tuple[set[str], set[str]]], str]:
    """Return what `_parse` finds in each style sheet and script, and the STATIC_URL."""
    names = [name for name in tree.files if name.endswith((".css", ".js", ".mjs"))]
    parsed: dict[tuple[str, bool], tuple[set[str], set[str]]] = {}
    for name in names:
        key = tree.files[name].path, name.endswith(".css")
        if key not in parsed:
            parsed[key] = _parse(tree.read(name), is_css=key[1])
    if static_url is None:
        static_url = _detect_static_url(tree, {url for _, urls in parsed.values() for url in urls})
    return {
        name: parsed[tree.files[name].path, name.endswith(".css")] for name in names
    }, static_url


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
) -> Iterator[VerifyFinding]:
    for url in sorted(urls):
        path = _resolve(name, url.strip(), static_url)
        if path is not None and path not in tree.files:
            what = f"it refers to {one_line(url)}, but {one_line(path)} does not exist"
            advice = "Collect the missing file, or remove the reference."
            yield VerifyFinding(REFERENCES, severity, one_line(name), what, advice)


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
