"""What runs in which order before a deployment serves: Procfile, services, shell scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from buildstatic.checks.context import CheckContext
from buildstatic.checks.service import Line
from buildstatic.checks.services import services
from buildstatic.project import files

DJANGO = r"(?:manage\.py|django-admin|-m\s+django)(?:\s+-\S+)*"
COMMANDS = {
    "collect": re.compile(rf"(?:{DJANGO}\s+collectstatic|buildstatic\s+collect)(?![\w-])"),
    "migrate": re.compile(rf"(?:{DJANGO}\s+migrate|buildstatic\s+release)(?![\w-])"),
}
DRY = re.compile(r"[^&;|]*\s(?:--dry-run|-n|--plan|--check)\b")
SCRIPTS = ("*.sh", "bin/*", "scripts/*", "docker/*.sh", "deploy/*.sh", "compose/*/*/start")
LARGEST = 100_000


@dataclass(frozen=True)
class Step:
    """A command that does *kind*, ``collect`` or ``migrate``; *position* orders it in its chain."""

    kind: str
    position: int
    file: str
    line: int


@dataclass(frozen=True)
class Chain:
    """Steps that run one after the other; *name* is what people call it."""

    name: str
    steps: tuple[Step, ...]

    def first(self, kind: str) -> Step | None:
        """Return the first step of *kind*."""
        return next((step for step in self.steps if step.kind == kind), None)


def chains(case: CheckContext) -> tuple[Chain, ...]:
    """Return every chain of the project's that is found."""
    release, web = processes(case).get("release"), processes(case).get("web")
    return (
        chain("The Procfile", [line for line in (release, web) if line]),
        *(chain(each.platform, [*each.before, *each.start]) for each in services(case)),
        *(chain(lines[0].file, lines) for lines in _scripts(case) if lines),
    )


def chain(name: str, lines: Sequence[Line]) -> Chain:
    """Return the chain of *lines*, which run in this order."""
    steps = [
        Step(kind, number * LARGEST + match.start(), line.file, line.number)
        for number, line in enumerate(lines)
        for kind, pattern in COMMANDS.items()
        for match in pattern.finditer(line.text)
        if not DRY.match(line.text, match.end())
    ]
    return Chain(name, tuple(sorted(steps, key=lambda step: step.position)))


def processes(case: CheckContext) -> dict[str, Line]:
    """Return the processes of the Procfile (devcenter.heroku.com/articles/procfile)."""
    text = case.text("Procfile") or ""
    found: dict[str, Line] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if match := re.match(r"([A-Za-z0-9_-]+):\s*(.+)", line):
            found.setdefault(match[1], Line("Procfile", number, match[2]))
    return found


def _scripts(case: CheckContext) -> Iterator[list[Line]]:
    """Yield the lines of each shell script that is where such scripts are, without comments."""
    for path in sorted({path for pattern in SCRIPTS for path in case.root.glob(pattern)}):
        if not files.is_file(path) or path.stat().st_size > LARGEST:
            continue
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:  # not for us to read, nor for whoever deploys
            continue
        if path.suffix == ".sh" or re.match(r"#!.*\bsh\b|#!.*\b(?:ba|da|z)sh\b", text):
            name = files.relative(path, case.root)
            yield [
                Line(name, number, line)
                for number, line in enumerate(text.splitlines(), 1)
                if not line.lstrip().startswith("#")
            ]
