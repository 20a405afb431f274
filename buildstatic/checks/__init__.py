"""Checks that find deployment problems in a project: one module per check, one interface."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import replace
from typing import Protocol

from buildstatic.checks import (
    collect_commands,
    conflicts,
    ignore_files,
    platform_files,
    project_import,
    railway_config,
    references,
    release_phase,
    security,
    settings_programs,
    sqlite,
    static_at_import,
    static_root,
    storage,
    unreadable,
    vite,
    volumes,
    whitenoise,
)
from buildstatic.checks.context import CheckContext, Examination, load_context
from buildstatic.checks.finding import Autofix, Finding, Severity
from buildstatic.checks.fixes import can_apply
from buildstatic.errors import BuildstaticError, ConfigInvalid
from buildstatic.project.config import ProjectConfig
from buildstatic.tracebacks import describe

__all__ = [
    "CHECKS",
    "Autofix",
    "CheckContext",
    "Examination",
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
    project_import,
    settings_programs,
    static_root,
    ignore_files,
    security,
    storage,
    whitenoise,
    conflicts,
    references,
    unreadable,
    vite,
    collect_commands,
    release_phase,
    railway_config,
    platform_files,
    static_at_import,
    volumes,
    sqlite,
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


def run_checks(context: CheckContext) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    """Return the findings, most severe first, and what could not be checked and why.

    Findings that the configuration silences are left out, and so is an autofix that would change
    nothing, and a failed import that another finding explains. A check that raises does not keep
    the others from running.
    """
    findings: dict[tuple[str, str, str], Finding] = {}
    incomplete = []
    for module in CHECKS:
        try:
            for finding in module.check(context):
                if finding.code not in context.project.config.silence:
                    key = (finding.code, finding.location, finding.what)
                    findings.setdefault(key, _with_effective_autofix(context, finding))
        except Exception as error:
            problem = error.problem if isinstance(error, BuildstaticError) else describe(error)
            incomplete.append(f"{', '.join(module.CODES)} ({problem.rstrip('.')})")
    causes = {each.location for each in findings.values() if each.code != project_import.IMPORT}
    found = [
        each
        for each in findings.values()
        if each.code != project_import.IMPORT or each.location not in causes
    ]
    return tuple(sorted(found, key=lambda finding: -finding.severity)), tuple(incomplete)


def _with_effective_autofix(context: CheckContext, finding: Finding) -> Finding:
    if finding.autofix is None or can_apply(context.root, finding.autofix):
        return finding
    return replace(finding, autofix=None)
