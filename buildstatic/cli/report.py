"""Renders the results of ``verify`` as a page that needs no network, or as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from buildstatic import __version__, console
from buildstatic.templates import render_page
from buildstatic.verify import one_line
from buildstatic.verify.contents import StaticFile
from buildstatic.workflows.verify import Comparison, VerifyResult

# What is shown of each list; more would make the page slow to load, and nobody reads it.
LARGEST, ROWS, CHANGES = 50, 100, 500
GROUPS, TILES, MAX_DEPTH = 40, 60, 5
MARKDOWN_ROWS = 10
TOP = "(top level)"
WIDTH, HEIGHT = 1000.0, 560.0  # the proportions of the treemap


@dataclass(frozen=True)
class Box:
    """A rectangle of a treemap, in percent of the one around it."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True)
class Group:
    """Files with a common beginning of their names, and their sizes as in `StaticFile`."""

    name: str
    files: int
    size: int
    smallest: int
    stored: int
    parts: tuple[Group, ...] = ()

    @property
    def saved(self) -> int:
        """The bytes that compression saves if every file is sent once."""
        return self.size - self.smallest


def html_report(results: Sequence[VerifyResult], comparison: Comparison | None = None) -> str:
    """Return a page about the first of *results*, or about what *comparison* compares.

    All platforms have the same static files. The results have contents (`VerifyOptions`).
    """
    result = comparison.after if comparison else results[0]
    contents = result.contents
    assert contents is not None
    groups = group_files(contents.files)
    return render_page(
        "report.html",
        version=__version__,
        result=result,
        platforms=[each.platform for each in results if each.platform],
        comparison=comparison,
        counts=_counts(comparison) if comparison else {},
        changes=comparison.changes[:CHANGES] if comparison else (),
        total=_sum("", contents.files),
        groups=groups,
        tiles=[
            (group, box, list(zip(parts, _boxes(parts, box), strict=True)))
            for group, box, parts in _treemap(groups)
        ],
        largest=sorted(contents.files, key=lambda file: -file.stored)[:LARGEST],
        contents=contents,
        rows=ROWS,
        text=one_line,
        bytes=console.size,
    )


def markdown_report(results: Sequence[VerifyResult], comparison: Comparison | None = None) -> str:
    """Return the same in short, as GitHub's Markdown for the summary of a job."""
    result = comparison.after if comparison else results[0]
    total = _sum("", result.contents.files if result.contents else ())
    lines = [
        "### Static layer",
        "",
        f"{result.files:,} names, {console.size(result.bytes)}, in {_code(result.path)}. "
        f"Compression saves {console.size(total.saved)} of {console.size(total.size)}.",
        "",
    ]
    if result.diff_id:
        lines += [f"diffID {_code(result.diff_id)}", ""]
    if comparison:
        lines += _comparison_lines(comparison)
    for each in results:
        lines += _check_lines(each)
    groups = group_files(result.contents.files if result.contents else ())[:MARKDOWN_ROWS]
    lines += ["| app or directory | files | size | in the layer |", "|---|---:|---:|---:|"]
    for group in groups:
        sizes = f"{console.size(group.size)} | {console.size(group.stored)}"
        lines.append(f"| {_code(group.name)} | {group.files:,} | {sizes} |")
    return "\n".join(lines) + "\n"


def _comparison_lines(comparison: Comparison) -> Iterator[str]:
    if comparison.same_layer:
        yield "The same layer as before: nothing of it is pushed."
    elif not comparison.changes:
        yield "The same files as before."
    else:
        counts = ", ".join(f"{count} {kind}" for kind, count in _counts(comparison).items())
        yield f"Compared with before: {counts}."
    if comparison.pushed is not None:
        yield f"The layers that the earlier image does not have: {console.size(comparison.pushed)}."
    yield ""
    if comparison.changes:
        yield from ("| | file | before | after |", "|---|---|---:|---:|")
        for change in comparison.changes[:MARKDOWN_ROWS]:
            sizes = (
                "" if size is None else console.size(size) for size in (change.before, change.after)
            )
            yield f"| {change.kind} | {_code(change.name)} | {' | '.join(sizes)} |"
        if (more := len(comparison.changes) - MARKDOWN_ROWS) > 0:
            yield f"| | and {more:,} more | | |"
        yield ""


def _check_lines(result: VerifyResult) -> Iterator[str]:
    failed = [finding for finding in result.findings if finding.severity == "error"]
    if not result.checks:
        return
    where = f" ({one_line(result.platform)})" if result.platform else ""
    problems = "1 problem" if len(failed) == 1 else f"{len(failed)} problems"
    yield f"{len(result.checks)} checks, {problems}{where}."
    yield ""
    for finding in failed[:MARKDOWN_ROWS]:
        yield f"- {_code(finding.where)}: {_code(finding.what)}"
    if failed:
        yield ""


def _code(text: str) -> str:
    """Return *text* as code in Markdown, which can have no markup and no cell's end in it."""
    quoted = one_line(text).replace("|", "\\|").replace("`", "'")
    return f"`{quoted}`"


def _counts(comparison: Comparison) -> dict[str, int]:
    kinds = [change.kind for change in comparison.changes]
    return {kind: kinds.count(kind) for kind in ("added", "removed", "changed")}


def group_files(files: Sequence[StaticFile]) -> tuple[Group, ...]:
    """Return *files*, sorted by name, by their apps; the largest group is first.

    A file of which the app is not known is in the group of its first directory.

    The parts of a group are its files and directories, as deep as the treemap can show them.
    """

    def place(file: StaticFile) -> tuple[str, str]:
        first, slash, _ = file.name.partition("/")
        return file.app, first if slash and not file.app else ""

    groups = []
    # Files of an app, and those without a directory, may be anywhere among the sorted names.
    for (app, directory), members in groupby(sorted(files, key=place), place):
        found = tuple(members)
        prefix = f"{directory}/" if directory else ""

        parts: list[Group] = []
        for depth in range(1, MAX_DEPTH):

            def part(file: StaticFile, prefix: str = prefix, depth: int = depth) -> str:
                words = file.name.removeprefix(prefix).split("/")
                return "/".join(words[:depth]) + ("/" if len(words) > depth else "")

            deeper = [_sum(key, tuple(inner)) for key, inner in groupby(found, part)]
            if parts and len(deeper) > TILES:
                break
            parts = deeper
        groups.append(_sum(app or directory or TOP, found, _by_size(parts)))
    return _by_size(groups)


def _sum(name: str, files: Sequence[StaticFile], parts: tuple[Group, ...] = ()) -> Group:
    return Group(
        name,
        len(files),
        sum(file.size for file in files),
        sum(file.smallest for file in files),
        sum(file.stored for file in files),
        parts,
    )


def _by_size(groups: Iterator[Group] | Sequence[Group]) -> tuple[Group, ...]:
    return tuple(sorted(groups, key=lambda group: (-group.stored, group.name)))


def _treemap(groups: tuple[Group, ...]) -> Iterator[tuple[Group, Box, tuple[Group, ...]]]:
    """Yield each group with its box, and what is drawn in it."""
    shown = _merge_rest(groups, GROUPS, "other directories")
    for group, box in zip(shown, squarify(_stored(shown), WIDTH, HEIGHT), strict=True):
        yield group, box, _merge_rest(group.parts, TILES, "others")


def _boxes(parts: tuple[Group, ...], around: Box) -> tuple[Box, ...]:
    return squarify(_stored(parts), around.width * WIDTH, around.height * HEIGHT)


def _merge_rest(groups: tuple[Group, ...], limit: int, what: str) -> tuple[Group, ...]:
    """Return at most *limit* of *groups* with any size; the smallest are merged into one."""
    drawn = tuple(group for group in groups if group.stored)
    if len(drawn) <= limit:
        return drawn
    rest = drawn[limit - 1 :]
    merged = Group(
        f"{len(rest):,} {what}",
        sum(group.files for group in rest),
        sum(group.size for group in rest),
        sum(group.smallest for group in rest),
        sum(group.stored for group in rest),
    )
    return _by_size([*drawn[: limit - 1], merged])


def _stored(groups: Sequence[Group]) -> list[int]:
    return [group.stored for group in groups]


def squarify(sizes: Sequence[float], width: float, height: float) -> tuple[Box, ...]:
    """Return a box for each of *sizes*, positive and in descending order, in a rectangle.

    Its proportions are *width* by *height*. Rows are filled along the shorter side while that makes
    their boxes more square (Bruls, Huizing, van Wijk: Squarified Treemaps, 2000).
    """
    boxes: list[Box] = []
    x = y = 0.0
    dx, dy = width, height
    areas = [size * width * height / sum(sizes) for size in sizes]
    while len(boxes) < len(areas):
        side = min(dx, dy)
        row: list[float] = []
        worst = float("inf")
        for area in areas[len(boxes) :]:
            total = sum(row) + area
            largest = row[0] if row else area
            ratio = max(side**2 * largest / total**2, total**2 / (side**2 * area))
            if ratio > worst:
                break
            worst = ratio
            row.append(area)
        depth = sum(row) / side
        position = 0.0
        for area in row:
            length = area / depth
            left, top = (x, y + position) if dx >= dy else (x + position, y)
            across, down = (depth, length) if dx >= dy else (length, depth)
            values = (left / width, top / height, across / width, down / height)
            boxes.append(Box(*(round(100 * value, 3) for value in values)))
            position += length
        if dx >= dy:
            x, dx = x + depth, dx - depth
        else:
            y, dy = y + depth, dy - depth
    return tuple(boxes)
