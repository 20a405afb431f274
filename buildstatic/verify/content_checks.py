"""Checks of the manifest, of fingerprints, and of compressed variants."""

from __future__ import annotations

import os
import posixpath
import re
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

from buildstatic.collect import codecs
from buildstatic.collect.workers.pool import available_cores
from buildstatic.verify.results import CheckResult, Finding, printable
from buildstatic.verify.tree import StaticTree

MANIFEST, FINGERPRINTS, VARIANTS = "manifest", "fingerprints", "variants"
# ManifestFilesMixin.file_hash: the first twelve digits of the MD5
_HASH = re.compile(r"[0-9a-f]{12}")
SUFFIXES = {".gz": "gz", ".br": "br", ".zst": "zst", ".zstd": "zst"}
_COLLECT_CLEAR = "Collect again with --clear."
_COLLECT_VARIANTS = "Collect again with --compress; an empty --cache creates all variants again."
_INSTALL_CODECS = "Install brotli, and before Python 3.14 backports.zstd, next to buildstatic."


def original_name(name: str) -> str:
    """Return the name of the file that *name* is a variant of, empty if it is not a variant."""
    root, suffix = os.path.splitext(name)  # noqa: PTH122 - a name in the tree, not a path
    return root if suffix in SUFFIXES else ""


def check_manifest(tree: StaticTree) -> CheckResult:
    """Check that every file in the manifest exists."""
    path = printable(tree.manifest_path or "")
    problems = []
    try:
        if tree.manifest is not None and not isinstance(tree.manifest["paths"], dict):
            raise ValueError("its paths are not an object")
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        problems.append(f"it is not a valid manifest: {printable(str(error))}")
    problems += [
        f"{printable(name)} is mapped to {printable(hashed)}, which does not exist"
        for name, hashed in tree.hashed_names.items()
        if hashed not in tree.files
    ]
    findings = (Finding(MANIFEST, "error", path, what, _COLLECT_CLEAR) for what in problems)
    return CheckResult(MANIFEST, len(tree.hashed_names), tuple(findings))


def check_fingerprints(tree: StaticTree) -> CheckResult:
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
            findings.append(Finding(FINGERPRINTS, "error", printable(hashed), what, _COLLECT_CLEAR))
    return CheckResult(FINGERPRINTS, len(fingerprints), tuple(findings))


def check_variants(tree: StaticTree) -> CheckResult:
    """Check that every variant decompresses to its original."""
    variants = {
        name: original
        for name in tree.files
        if (original := original_name(name)) and original in tree.files
    }
    return CheckResult(VARIANTS, len(variants), tuple(_variant_findings(tree, variants)))


def _variant_findings(tree: StaticTree, variants: dict[str, str]) -> Iterator[Finding]:
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
    with ThreadPoolExecutor(available_cores()) as pool:
        results = dict(chain.from_iterable(pool.map(compare, by_original.values())))
    for name, original in variants.items():
        if name not in results or results[name]:
            continue
        if results[name] is None:
            what = "not compared, because its codec is not installed"
            yield Finding(VARIANTS, "warning", printable(name), what, _INSTALL_CODECS)
        else:
            what = f"it does not decompress to {printable(original)}"
            yield Finding(VARIANTS, "error", printable(name), what, _COLLECT_VARIANTS)
