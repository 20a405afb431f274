"""The fixtures of collect's tests: a project, and the Pythons that projects run on."""

from __future__ import annotations

from tests.collect.conftest import (
    collect,
    collect_in_child,
    environments,
    old_click,
    ours_alone,
    site,
    uv_made,
)

__all__ = [
    "collect",
    "collect_in_child",
    "environments",
    "old_click",
    "ours_alone",
    "site",
    "uv_made",
]
