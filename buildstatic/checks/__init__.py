"""The doctor: what will bite in production, found in a project that was read.

One module a finding, or a few that belong together, all of one shape, registered here.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import replace
from typing import Protocol

from buildstatic.checks import (
    conflicts,
    debug,
    ignore_files,
    railway_config,
    references,
    release_phase,
    static_at_import,
    static_root,
    storage,
    touching,
    volumes,
    whitenoise,
)
from buildstatic.checks.context import CheckContext, load_context
from buildstatic.checks.finding import Autofix, Finding, Severity
from buildstatic.checks.fixes import is_possible
from buildstatic.errors import ConfigInvalid
from buildstatic.project.config import Config

__all__ = [
    "CHECKS",
    "Autofix",
    "CheckContext",
    "Finding",
    "Severity",
    "finding_codes",
    "load_context",
    "run_checks",
    "validate_silence",
]


class Check(Protocol):
    """What each module offers: its codes with what they mean, and its findings."""

    CODES: dict[str, str]

    def find(self, case: CheckContext) -> Iterable[Finding]:
        """Yield what is found in *case*."""


CHECKS: tuple[Check, ...] = (
    static_root,
    ignore_files,
    debug,
    storage,
    whitenoise,
    conflicts,
    references,
    touching,
    release_phase,
    railway_config,
    static_at_import,
    volumes,
)


def finding_codes() -> dict[str, str]:
    """Return every code, with what it means."""
    return {code: means for check in CHECKS for code, means in check.CODES.items()}


def validate_silence(config: Config) -> None:
    """Raise `ConfigInvalid` for a code in ``silence`` that is none."""
    known = finding_codes()
    for code in config.silence:
        if code not in known:
            near = difflib.get_close_matches(code, known, n=1)
            advice = f"Did you mean {near[0]}?" if near else f"There are {', '.join(known)}."
            raise ConfigInvalid(f"{config.source('silence')}: check finds no {code}.", advice)


def run_checks(case: CheckContext) -> tuple[Finding, ...]:
    """Return what is found in *case*, the gravest first, without what its project silences."""
    found = (finding for check in CHECKS for finding in check.find(case))
    told = [_honest(case, item) for item in found if item.code not in case.config.silence]
    return tuple(sorted(told, key=lambda finding: -finding.severity))


def _honest(case: CheckContext, finding: Finding) -> Finding:
    """Return *finding* without a repair that would do nothing, the file being written otherwise."""
    possible = finding.autofix is None or is_possible(case.root, finding)
    return finding if possible else replace(finding, autofix=None)
