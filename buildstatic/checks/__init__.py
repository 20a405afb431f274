"""Checks that find deployment problems in a project: one module per check, one interface."""

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
    volumes,
    whitenoise,
)
from buildstatic.checks.context import CheckContext, load_context
from buildstatic.checks.finding import Autofix, Finding, Severity
from buildstatic.checks.fixes import can_apply
from buildstatic.errors import ConfigInvalid
from buildstatic.project.config import ProjectConfig

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
    """The interface of a check module: the codes of its findings, and the check itself."""

    CODES: tuple[str, ...]

    def check(self, context: CheckContext) -> Iterable[Finding]:
        """Yield the problems found in the project of *context*."""


CHECKS: tuple[Check, ...] = (
    static_root,
    ignore_files,
    debug,
    storage,
    whitenoise,
    conflicts,
    references,
    release_phase,
    railway_config,
    static_at_import,
    volumes,
)


def finding_codes() -> tuple[str, ...]:
    """Return the code of every finding, in the order of the checks."""
    return tuple(code for module in CHECKS for code in module.CODES)


def validate_silence(config: ProjectConfig) -> None:
    """Raise `ConfigInvalid` if ``silence`` contains an unknown code."""
    known = finding_codes()
    for code in config.silence:
        if code not in known:
            near = difflib.get_close_matches(code, known, n=1)
            advice = f"Did you mean {near[0]}?" if near else f"Known codes: {', '.join(known)}."
            raise ConfigInvalid(f"{config.source('silence')}: unknown finding code {code}.", advice)


def run_checks(context: CheckContext) -> tuple[Finding, ...]:
    """Return the findings that the configuration does not silence, most severe first.

    A finding whose autofix would change nothing is returned without it.
    """
    findings = [
        finding
        if finding.autofix is None or can_apply(context.root, finding.autofix)
        else replace(finding, autofix=None)
        for module in CHECKS
        for finding in module.check(context)
        if finding.code not in context.config.silence
    ]
    return tuple(sorted(findings, key=lambda finding: -finding.severity))
