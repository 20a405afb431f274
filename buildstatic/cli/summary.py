"""What commands that collect print at the end: the summary."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from buildstatic import console

if TYPE_CHECKING:
    from buildstatic.collect.request import CollectResult, Summary

# Names that a summary lists in full.
MAX_NAMES = 20
STEPS = {
    "read": "reading",
    "fingerprint": "fingerprinting",
    "publish": "writing",
    "compress": "compressing",
}


def print_collected(collected: CollectResult, verbosity: int = 1) -> None:
    """Print the summary to standard error, and Django's closing line to standard output."""
    if verbosity:
        print_summary(collected.summary)
    if collected.closing:
        click.echo(collected.closing)


def print_summary(summary: Summary) -> None:
    """Print *summary* to standard error."""
    variants = _variants(summary)
    if summary.own_code:
        lines = [f"Django's own code was used, because {summary.own_code}."]
        rows = {"variants": variants}
    else:
        lines = []
        rows = _rows(summary, variants)
    lines += [f"{name:<12}{text}" for name, text in rows.items() if text]
    console.note("\n".join(lines))


def _variants(summary: Summary) -> str:
    if not summary.variants:
        return ""
    sources = {"the cache": summary.hits, "the earlier tree": summary.reused}
    found = "".join(f", {count:,} of them from {name}" for name, count in sources.items() if count)
    return f"{summary.variants:,}, {console.size(summary.variant_bytes)}{found}"


def _rows(summary: Summary, variants: str) -> dict[str, str]:
    """Return what the collector did, by the names of the rows; empty texts are not printed."""
    why, stale, removed = summary.in_memory, summary.stale, summary.removed
    counts = {"unmodified": summary.unmodified, "ignored": summary.ignored, "equal": summary.equal}
    files = "".join(f", {count:,} {word}" for word, count in counts.items() if count)
    conflicts = len(summary.conflicts)
    names = ", ".join(summary.conflicts[:MAX_NAMES])
    more = f" and {conflicts - MAX_NAMES:,} more" if conflicts > MAX_NAMES else ""
    return {
        "storage": f"its own code ran in memory, because {why}" if why else "",
        "files": f"{summary.files:,}, {console.size(summary.bytes)}{files}",
        "variants": variants,
        "conflicts": f"{conflicts:,}: {names}{more}" if conflicts else "",
        "stale": f"{stale:,} files of earlier runs (--prune removes them)" if stale else "",
        "removed": f"{removed:,} files of earlier runs" if removed else "",
        "copies": (
            f"{summary.copies:,} that the file system could not link" if summary.copies else ""
        ),
        "seconds": ", ".join(f"{STEPS[step]} {took:.1f}" for step, took in summary.seconds.items()),
    }
