"""Replicas of one project on one database: processes that start together, and what they did."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.running import environment

SITE = Path(__file__).parent / "site"
SECONDS = 120
MODULE = (sys.executable, "-m", "buildstatic.runtime")
SCRIPT = (str(Path(sys.executable).with_name("buildstatic")),)
# A server that prints when it began.
CLOCK = ("--", "date", "+%s.%N")
Settings = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """A copy of the project, and the environment variables of its processes."""

    root: Path
    environ: dict[str, str] = field(default_factory=dict)

    def start(self, *argv: str, **more: str) -> subprocess.Popen[str]:
        """Start *argv* in the root, with *more* environment variables."""
        return subprocess.Popen(
            argv,
            cwd=self.root,
            env=environment(**{**self.environ, **more}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *argv: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run *argv* to its end."""
        process = self.start(*argv, **more)
        out, err = process.communicate(timeout=SECONDS)
        return subprocess.CompletedProcess(argv, process.returncode, out, err)


def place(parent: Path, database: Settings | None = None, **environ: str) -> Place:
    """Copy the project below *parent*, for *database* or a SQLite file in the copy."""
    root = Path(
        shutil.copytree(SITE, parent / "site", ignore=shutil.ignore_patterns("__pycache__"))
    )
    if database:
        environ["DATABASES"] = json.dumps({"default": database})
    return Place(root, environ)


@dataclass(frozen=True)
class Step:
    """A migration that ran, or a post_migrate handler: when, in seconds."""

    name: str
    began: float
    ended: float


QUERY = "SELECT name, began, ended FROM shop_run ORDER BY began"
ONCE = ["0002", "0003", "post_migrate"]


def start_together(place: Place, count: int, *argv: str, **more: str) -> list[tuple[float, str]]:
    """Start *argv* *count* times, and let all try to take the lock at the same time.

    Returns when each began to serve, and its standard error.
    """
    barrier = place.root / "barrier"
    barrier.mkdir()
    processes = [place.start(*argv, BARRIER=str(barrier), **more) for _ in range(count)]
    until(lambda: len(list(barrier.iterdir())) == count, processes[0])
    (barrier / "go").touch()
    ends = [process.communicate(timeout=SECONDS) for process in processes]
    for process, (_, err) in zip(processes, ends, strict=True):
        assert process.returncode == 0, err
    return [(float(out.splitlines()[-1]), err) for out, err in ends]


def assert_one_migrated(served: Sequence[tuple[float, str]], steps: Sequence[Step]) -> None:
    """Assert that each step ran once, in order, and that no replica served before the last."""
    assert [step.name for step in steps] == ONCE
    for before, after in pairwise(steps):
        assert before.ended <= after.began
    assert min(when for when, _ in served) >= steps[-1].ended
    said = [err for _, err in served]
    assert sum("buildstatic: migrated default in " in err for err in said) == 1, said
    assert (
        sum("buildstatic: nothing to migrate in default\n" in err for err in said) == len(said) - 1
    )


@contextmanager
def holding(place: Place, name: str, *argv: str) -> Iterator[subprocess.Popen[str]]:
    """Run *argv*, which migrates and stays in the step *name* until the block ends."""
    hold = place.root / "hold"
    hold.touch()
    process = place.start(*argv, HOLD=str(hold), HOLD_IN=name)
    try:
        until(lambda: hold.with_name("held").exists(), process)
        yield process
    finally:
        hold.unlink()
        process.kill()
        process.communicate(timeout=SECONDS)


def until(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Wait until *condition* holds, while *process* runs."""
    end = time.monotonic() + SECONDS
    while not condition():
        ended = process.poll() is not None
        assert not ended, process.communicate()[1]
        assert time.monotonic() < end
        time.sleep(0.02)


def rounds() -> int:
    """Return how many times a race is run."""
    return int(os.environ.get("BUILDSTATIC_TEST_ROUNDS", "1"))
