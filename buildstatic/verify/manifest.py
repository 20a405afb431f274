"""Whether the manifest names files that are there, by the digests that they have."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from buildstatic.verify.results import CheckResult, Finding, gather, printable
from buildstatic.verify.tree import Tree

EXISTS, MATCHES = "manifest", "fingerprints"
# ManifestFilesMixin.file_hash: the first twelve digits of the MD5
_HASH = re.compile(r"[0-9a-f]{12}")
_ANEW = "Collect anew, with --clear."


def check_entries(tree: Tree) -> CheckResult:
    """Look for every file that the manifest names."""
    return gather(EXISTS, len(tree.names), lambda: _missing(tree))


def check_names(tree: Tree) -> CheckResult:
    """Compare each fingerprint with the file's content.

    Fingerprints of another length than Django's are another storage's, and are not compared.
    """
    fingerprinted = {
        name: digits for name, hashed in tree.names.items() if (digits := _digits(name, hashed))
    }
    return gather(MATCHES, len(fingerprinted), lambda: _wrong(tree, fingerprinted))


def _missing(tree: Tree) -> Iterator[Finding]:
    where = printable(tree.manifest_path or "")
    try:
        if tree.manifest is not None and not isinstance(tree.manifest["paths"], dict):
            raise ValueError("its paths are no object")
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        what = f"it is no manifest: {printable(str(error))}"
        yield Finding(EXISTS, "error", where, what, _ANEW)
    for name, hashed in tree.names.items():
        if hashed not in tree.files:
            what = f"{printable(name)} is to be {printable(hashed)}, which is not there"
            yield Finding(EXISTS, "error", where, what, _ANEW)


def _wrong(tree: Tree, fingerprinted: dict[str, str]) -> Iterator[Finding]:
    for name, digits in fingerprinted.items():
        hashed = tree.names[name]
        if hashed not in tree.files:
            continue
        found = tree.facts(tree.path(hashed))
        if not found.md5.startswith(digits) and not found.sha256.startswith(digits):
            what = f"the name has {digits}, and the content has {found.md5[:12]}"
            yield Finding(MATCHES, "error", printable(hashed), what, _ANEW)


def _digits(name: str, hashed: str) -> str:
    """Return the fingerprint in *hashed*, empty where it has none of Django's form."""
    root, suffix = posixpath.splitext(name)
    if not hashed.startswith(f"{root}.") or not hashed.endswith(suffix):
        return ""
    digits = hashed[len(root) + 1 : len(hashed) - len(suffix)]
    return digits if _HASH.fullmatch(digits) else ""
