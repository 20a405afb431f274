"""The names of what ``generate`` writes, apart so that its ``--help`` imports little."""

from __future__ import annotations

import difflib
from collections.abc import Collection

from buildstatic.errors import ConfigInvalid
from buildstatic.platforms import PLATFORMS

_IMAGE = {
    "dockerfile": "Dockerfile, with the static files in a layer of their own",
    "dockerignore": ".dockerignore: what the build does not need",
}
# What each target is, by name.
TARGETS = {**_IMAGE, **{platform.NAME: platform.SUMMARY for platform in PLATFORMS}}
DEFAULT_TARGETS = (*_IMAGE, *(platform.NAME for platform in PLATFORMS if platform.IS_DEFAULT))


def check_targets(targets: Collection[str], source: str = "") -> None:
    """Raise ConfigInvalid if one of *targets* does not exist; *source* says where it is from."""
    for name in targets:
        if name not in TARGETS:
            where = f"{source}: " if source else ""
            raise ConfigInvalid(f"{where}Unknown target {name!r}.", nearest_target(name))


def nearest_target(name: str) -> str:
    """Return advice for the unknown target *name*: the nearest one, or all of them."""
    near = difflib.get_close_matches(name, TARGETS, n=1)
    return f"Did you mean {near[0]}?" if near else f"Use one of {', '.join(TARGETS)}."
