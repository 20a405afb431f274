"""``buildstatic verify``: whether an image's static files are what was promised."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from buildstatic.cli.options import traceback_option
from buildstatic.cli.signals import terminable

if TYPE_CHECKING:
    from buildstatic.verify import Comparison, VerifyResult
    from buildstatic.verify.results import CheckResult, Finding

# More of one check than this is only counted, but for --json.
SHOWN = 20

EPILOG = """\b
Examples:
  buildstatic verify registry.example.com/mysite:1   an image in a registry
  buildstatic verify mysite                          an image of the local engine
  buildstatic verify oci:image                       an image in an OCI layout
  buildstatic verify layer                           a layer root, or a collected tree
  buildstatic verify mysite:old mysite               what changed from one to the other
"""


@click.command(epilog=EPILOG)
@click.argument("name", metavar="IMAGE|TREE")
@click.argument("other", metavar="[IMAGE|TREE]", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@click.option(
    "--static-root",
    metavar="PATH",
    help="Where the static files are in the image or the layer root, in place of where a mark or "
    "the manifest is.",
)
@click.option(
    "--static-url",
    metavar="URL",
    help="What absolute references to static files begin with, in place of what is before a name "
    "of the manifest in one of them.",
)
@click.option(
    "--source-maps/--no-source-maps", default=True, help="Whether source maps may be there."
)
@click.option("--insecure", is_flag=True, help="Allow a registry without TLS.")
@traceback_option
def command(
    name: str,
    other: str | None,
    as_json: bool,
    static_root: str | None,
    static_url: str | None,
    source_maps: bool,
    insecure: bool,
) -> None:
    """Check an image's static files, or say what changed between two images'.

    All of it is read, and nothing is extracted: the manifest's entries are there, names match
    contents, references resolve, variants decompress to their files, times and owners come from
    the content, there are no secrets, one layer has it all and nothing hides it, and the
    directories above it are the base's. A directory is verified as far as it goes.
    """
    from buildstatic.verify import VerifyOptions, compare, verify

    options = VerifyOptions(static_root, insecure, source_maps, static_url)
    if other is not None:
        with terminable():
            compared = compare(name, other, options)
        _print_compared(compared, as_json)
        return
    with terminable():
        verified = verify(name, options)
    if as_json:
        document = {"name": name, "passed": all(each.passed for each in verified)}
        print(json.dumps({**document, "images": [_document(each) for each in verified]}, indent=2))
    else:
        for each in verified:
            _print(each)
    _raise_if_failed(name, verified)


def _raise_if_failed(name: str, verified: Sequence[VerifyResult]) -> None:
    from buildstatic.errors import VerificationFailed

    errors = [each for image in verified for each in image.findings if each.severity == "error"]
    if errors:
        problems = "problem" if len(errors) == 1 else "problems"
        raise VerificationFailed(f"{name}: {len(errors)} {problems} found.")


def _document(verified: VerifyResult) -> dict[str, Any]:
    said = dataclasses.asdict(verified)
    return {"passed": verified.passed, **said}


def _print(verified: VerifyResult) -> None:
    from buildstatic import console

    console.table(_heading(verified))
    console.say()
    rows = [(each.check, f"{each.count:,}", _result(each)) for each in verified.checks]
    console.table(rows, header=("check", "looked at", "result"))
    found = [row for check in verified.checks for row in _rows(check)]
    if found:
        console.say()
        console.table(found, header=("where", "what is wrong", "what next"))
    console.say()


def _heading(verified: VerifyResult) -> list[tuple[str, str]]:
    from buildstatic import console
    from buildstatic.verify.results import printable

    size = (
        f"{verified.files:,} files, {console.size(verified.bytes)}, in {printable(verified.path)}"
    )
    rows = [("platform", printable(verified.platform or "")), ("static", size)]
    rows += [("diffID", verified.diff_id or ""), ("digest", verified.digest or "")]
    return [row for row in rows if row[1]]


def _result(checked: CheckResult) -> str:
    if not checked.findings:
        return "passed"
    errors = sum(each.severity == "error" for each in checked.findings)
    warnings = len(checked.findings) - errors
    parts = [f"{errors} failed"] if errors else ["passed"]
    if warnings:
        parts.append("1 warning" if warnings == 1 else f"{warnings} warnings")
    return ", ".join(parts)


def _rows(checked: CheckResult) -> list[tuple[str, str, str]]:
    rows = [(each.where, _what(each), each.advice) for each in checked.findings[:SHOWN]]
    more = len(checked.findings) - SHOWN
    return [*rows, *([("…", f"and {more:,} more ({checked.check})", "--json")] if more > 0 else [])]


def _what(finding: Finding) -> str:
    return finding.what if finding.severity == "error" else f"{finding.what} (warning)"


def _print_compared(compared: Comparison, as_json: bool) -> None:
    from buildstatic import console
    from buildstatic.verify.results import printable

    if as_json:
        document = dataclasses.asdict(compared)
        for side in ("before", "after"):
            document[side].pop("checks")
        print(json.dumps(document, indent=2))
        return
    if compared.same_layer:
        console.say(f"The same layer: {compared.after.diff_id}.")
        return
    rows = [
        (each.kind, printable(each.name), _size(each.before), _size(each.after))
        for each in compared.changes
    ]
    if rows:
        console.table(rows, header=("", "file", "before", "after"))
        console.say()
    console.say(_counts(compared))


def _size(count: int | None) -> str:
    from buildstatic import console

    return "" if count is None else console.size(count)


def _counts(compared: Comparison) -> str:
    kinds = [each.kind for each in compared.changes]
    counts = ", ".join(f"{kinds.count(kind)} {kind}" for kind in ("added", "removed", "changed"))
    if kinds:
        return f"{counts}."
    return "The same files" + (", in another layer." if compared.same_layer is False else ".")
