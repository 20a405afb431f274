"""``buildstatic verify``: prints the checks of an image's static files, or a comparison."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from buildstatic.cli.options import traceback_option

if TYPE_CHECKING:
    from buildstatic.verify import VerifyCheck
    from buildstatic.workflows.verify import Comparison, VerifyResult

# Findings of one check that are printed without --json.
MAX_FINDINGS = 20

EPILOG = """\b
Examples:
  buildstatic verify registry.example.com/mysite:1   an image in a registry
  buildstatic verify mysite                          an image of the local engine
  buildstatic verify oci:image                       an image in an OCI layout
  buildstatic verify image.tar                       an archive of an image
  buildstatic verify static-layer.tar.gz             the file of a layer
  buildstatic verify layer                           a layer root or a collected tree
  buildstatic verify mysite:old mysite               compare two images
  buildstatic verify mysite --html report.html       write a page with a treemap
"""


@click.command(epilog=EPILOG)
@click.argument("name", metavar="IMAGE|PATH")
@click.argument("other", metavar="[IMAGE|PATH]", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, as --format json does.")
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "json", "markdown"]),
    default="text",
    show_default=True,
    help="Format of the output; Markdown is a summary for a job in CI.",
)
@click.option(
    "--html",
    "page",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a page about the files to FILE; it needs no network.",
)
@click.option(
    "--static-root",
    metavar="PATH",
    help="Static files in the image or the layer root. [default: detected]",
)
@click.option(
    "--static-url",
    metavar="URL",
    help="Prefix of absolute references to static files. [default: detected]",
)
@click.option(
    "--source-maps/--no-source-maps",
    default=True,
    show_default=True,
    help="Allow source maps, or report them.",
)
@click.option("--insecure", is_flag=True, help="Allow registries without TLS.")
@traceback_option
def command(
    name: str,
    other: str | None,
    as_json: bool,
    output_format: str,
    page: Path | None,
    static_root: str | None,
    static_url: str | None,
    source_maps: bool,
    insecure: bool,
) -> None:
    """Check the static files of an image, a layer or a directory, or compare two of them.

    Reads everything and extracts nothing. Checks that the manifest's entries exist, that names
    match contents, references resolve and variants decompress to their files, that times and owners
    are reproducible, that there are no secrets, that one layer has all files and no later layer
    hides them, and that their parent directories are those of the base image. A directory has fewer
    checks.
    """
    from buildstatic.cli.progress import terminable
    from buildstatic.errors import VerificationFailed
    from buildstatic.workflows.verify import VerifyOptions, compare, verify

    output_format = "json" if as_json else output_format
    contents = page is not None or output_format == "markdown"
    options = VerifyOptions(static_root, insecure, source_maps, static_url, contents)
    comparison: Comparison | None = None
    results: tuple[VerifyResult, ...] = ()
    with terminable():
        if other is None:
            results = verify(name, options)
        else:
            comparison = compare(name, other, options)
    if page is not None:
        write_page(page, results, comparison)
    if output_format == "markdown":
        from buildstatic.cli.report import markdown_report

        print(markdown_report(results, comparison), end="")
    elif comparison:
        _print_comparison(comparison, output_format == "json")
    elif output_format == "json":
        images = [{"passed": each.passed, **_document(each)} for each in results]
        document = {"name": name, "passed": all(each.passed for each in results)}
        print(json.dumps({**document, "images": images}, indent=2))
    else:
        for result in results:
            _print_result(result)
    findings = [finding for result in results for finding in result.findings]
    if errors := sum(finding.severity == "error" for finding in findings):
        problems = "problem" if errors == 1 else "problems"
        raise VerificationFailed(f"{name}: {errors} {problems} found.")


def write_page(
    file: Path, results: Sequence[VerifyResult], comparison: Comparison | None = None
) -> None:
    """Write the report on *results*, or on *comparison*, to *file*; raises FileError."""
    from buildstatic.atomic import replace_output
    from buildstatic.cli.report import html_report

    content = html_report(results, comparison).encode()
    with replace_output(file) as output:
        output.write(content)


def _document(result: VerifyResult) -> dict[str, Any]:
    document = dataclasses.asdict(dataclasses.replace(result, contents=None))
    document.pop("contents")
    return document


def _print_result(result: VerifyResult) -> None:
    from buildstatic import console
    from buildstatic.verify import one_line

    size = f"{result.files:,} files, {console.size(result.bytes)}, in {one_line(result.path)}"
    heading = [("platform", one_line(result.platform or "")), ("static", size)]
    heading += [("diffID", result.diff_id or ""), ("digest", result.digest or "")]
    for earlier in result.earlier:
        heading.append(("earlier", f"{earlier.files:,} fingerprinted files, {earlier.diff_id}"))
    console.table([row for row in heading if row[1]])
    console.say()
    rows = [(check.check, f"{check.count:,}", _outcome(check)) for check in result.checks]
    console.table(rows, header=("check", "items", "result"))
    findings = []
    for check in result.checks:
        for finding in check.findings[:MAX_FINDINGS]:
            warning = " (warning)" if finding.severity == "warning" else ""
            findings.append((finding.where, f"{finding.what}{warning}", finding.advice))
        more = len(check.findings) - MAX_FINDINGS
        if more > 0:
            findings.append(("…", f"and {more:,} more ({check.check})", "--json"))
    if findings:
        console.say()
        console.table(findings, header=("where", "problem", "advice"))
    console.say()


def _outcome(check: VerifyCheck) -> str:
    errors = sum(finding.severity == "error" for finding in check.findings)
    warnings = len(check.findings) - errors
    parts = [f"{errors} failed" if errors else "passed"]
    if warnings:
        parts.append("1 warning" if warnings == 1 else f"{warnings} warnings")
    return ", ".join(parts)


def _print_comparison(comparison: Comparison, as_json: bool) -> None:
    from buildstatic import console
    from buildstatic.verify import one_line

    if as_json:
        sides = {"before": _document(comparison.before), "after": _document(comparison.after)}
        for side in sides.values():
            side.pop("checks")
        changes = [dataclasses.asdict(change) for change in comparison.changes]
        same = {"same_layer": comparison.same_layer, "pushed": comparison.pushed}
        document = {**sides, **same, "changes": changes}
        print(json.dumps(document, indent=2))
        return
    if comparison.same_layer:
        console.say(f"The same layer: {comparison.after.diff_id}.")
        _print_pushed(comparison)
        return

    def size(count: int | None) -> str:
        return "" if count is None else console.size(count)

    if not comparison.changes:
        layer = ", in another layer" if comparison.same_layer is False else ""
        console.say(f"The same files{layer}.")
        _print_pushed(comparison)
        return
    rows = [
        (change.kind, one_line(change.name), size(change.before), size(change.after))
        for change in comparison.changes
    ]
    console.table(rows, header=("", "file", "before", "after"))
    console.say()
    kinds = [change.kind for change in comparison.changes]
    counts = (f"{kinds.count(kind)} {kind}" for kind in ("added", "removed", "changed"))
    console.say(f"{', '.join(counts)}.")
    _print_pushed(comparison)


def _print_pushed(comparison: Comparison) -> None:
    from buildstatic import console

    if comparison.pushed:
        size = console.size(comparison.pushed)
        console.say(f"A push sends {size}: the layers that the first image does not have.")
