"""Names that a file system takes for one: where case, or the form of an accent, does not matter."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

from buildstatic.collect.outputs import Output
from buildstatic.collect.stage import Stage
from buildstatic.errors import CollectFailed


def check_apart(stage: Stage, outputs: Sequence[Output]) -> None:
    """Raise `CollectFailed` where one of *outputs*, which *stage* has, took the place of another.

    Django does not notice it: the file that is met last is there under both names.
    """
    for one, other, first, second in _alike(outputs):
        if _is_one(stage.tree.path(one), stage.tree.path(other)) and _differ(first, second):
            problem = f"{one} and {other} are different files, and one in {stage.root}."
            advice = "Rename one of them, or leave it out: --ignore PATTERN."
            raise CollectFailed(f"{problem} Their names differ in case alone.", advice)


def _alike(outputs: Sequence[Output]) -> Iterator[tuple[str, str, Output, Output]]:
    """Yield the names that differ in nothing that every file system minds, in pairs."""
    known: dict[str, tuple[str, Output]] = {}
    for output in outputs:
        for name in output.names:
            plain = name if name.isascii() else unicodedata.normalize("NFC", name)
            found = known.setdefault(plain.casefold(), (name, output))
            if found[0] != name and found[1] is not output:
                yield found[0], name, found[1], output


def _is_one(one: str, other: str) -> bool:
    try:
        return Path(one).samefile(other)
    except OSError:
        return False


def _differ(one: Output, other: Output) -> bool:
    if one.digest and other.digest:
        return one.digest != other.digest
    return _content(one) != _content(other)


def _content(output: Output) -> bytes:
    return Path(output.path).read_bytes() if output.content is None else output.content
