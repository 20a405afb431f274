"""Runs Django's own tests of staticfiles with buildstatic's collectstatic command.

    python runner.py SDIST DOOR

It needs only Django, installed from SDIST, and buildstatic. The last line that
it prints is a report in JSON.
"""

from __future__ import annotations

import json
import os
import platform
import re
import runpy
import sys
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any


@dataclass
class Report:
    """The tests that ran and failed; how often the collector ran, in how many processes."""

    django: str
    python: str
    tests: int = 0
    skipped: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    collector: int = 0
    processes: int = 0


def main(sdist: str, door: str) -> int:
    """Run the tests in *sdist* with the setup *door*; return 0 if all passed."""
    import django

    report = Report(django.get_version(), platform.python_version())
    with tempfile.TemporaryDirectory() as directory:
        tests = unpack(Path(sdist), Path(directory))
        os.chdir(tests)
        sys.path.insert(0, str(tests))
        DOORS[door]()
        count_runs(report)
        count_processes(report)
        count_tests(report)
        run()
        os.chdir("/")
    print(json.dumps(asdict(report)))
    return 0 if report.tests and not report.failed else 1


def unpack(sdist: Path, directory: Path) -> Path:
    """Unpack what the tests need from *sdist* into *directory*; return their directory."""
    needed = re.compile(
        r"[^/]+/tests/([^/]+$|(admin_scripts|staticfiles_tests|templates|user_commands)/)"
    )
    with tarfile.open(sdist) as archive:
        # Python 3.11 has the filter since 3.11.4, Debian's is older.
        archive.extraction_filter = getattr(tarfile, "data_filter", lambda member, _: member)
        archive.extractall(directory, [m for m in archive if needed.match(m.name)])
    (tests,) = directory.glob("*/tests")
    return tests


def run() -> None:
    """Run Django's runner in this process, so that its tests are counted."""
    sys.argv = ["runtests.py", "staticfiles_tests", "--parallel=1"]
    try:
        runpy.run_path("runtests.py", run_name="__main__")
    except SystemExit as end:
        print(f"runtests.py exited with {end.code}.", file=sys.stderr)


def by_app() -> None:
    """Put buildstatic.django before Django's app, as a project does."""
    from staticfiles_tests.settings import TEST_SETTINGS  # type: ignore[import-not-found]

    TEST_SETTINGS["INSTALLED_APPS"].insert(0, "buildstatic.django")


def by_patch() -> None:
    """Replace Django's command class, for tests that use it directly."""
    from django.contrib.staticfiles.management.commands import collectstatic

    from buildstatic.django.management.commands.collectstatic import Command

    collectstatic.Command = Command


def by_processes() -> None:
    """Replace Django's command class, and use worker processes even for a few files."""
    pool = module("collect.workers.pool")
    pool.MIN_ITEMS = 0
    pool.available_cores = lambda: 2
    by_patch()


def by_none() -> None:
    """Run Django's own command."""


DOORS: dict[str, Callable[[], None]] = {
    "app": by_app,
    "patch": by_patch,
    "processes": by_processes,
    "none": by_none,
}


def module(name: str) -> Any:
    """Return the module *name* of buildstatic."""
    return import_module(f"buildstatic.{name}")


def count_runs(report: Report) -> None:
    """Count the runs of the collector."""
    command = module("collect.django_command")
    run_collector = command.run_collector

    def counted(*arguments: Any) -> Any:
        outcome = run_collector(*arguments)
        report.collector += 1
        return outcome

    command.run_collector = counted


def count_processes(report: Report) -> None:
    """Count the worker processes."""
    program = module("collect.workers.pool").PROGRAM

    def heard(event: str, arguments: Any) -> None:
        if event == "subprocess.Popen" and program in map(str, arguments[1]):
            report.processes += 1

    sys.addaudithook(heard)


def count_tests(report: Report) -> None:
    """Add the result of Django's runner to *report*."""
    from django.test.runner import DiscoverRunner

    suite_result = DiscoverRunner.suite_result

    def counted(runner: Any, suite: Any, result: Any, **more: Any) -> Any:
        report.tests += result.testsRun
        report.skipped += [f"{test.id()}: {reason}" for test, reason in result.skipped]
        report.failed += [test.id() for test, _ in (*result.failures, *result.errors)]
        report.failed += [test.id() for test in result.unexpectedSuccesses]
        return suite_result(runner, suite, result, **more)

    DiscoverRunner.suite_result = counted


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
