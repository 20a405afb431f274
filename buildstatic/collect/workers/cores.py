"""How many cores this process may really use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

CGROUP = Path("/sys/fs/cgroup")
GROUPS = Path("/proc/self/cgroup")


def cores(root: Path = CGROUP, groups: Path = GROUPS) -> int:
    """Return the number of cores that affinity and the cgroups' quotas leave, at least 1.

    *root* is where cgroups are mounted, *groups* the file that names those of this process. A quota
    is rounded up, as half a core is still a core to run on (docs.kernel.org, "Control Group v2",
    cpu.max; "CFS Bandwidth Control" for version 1).
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min([allowed or 1, *_quotas(root, groups)]))


def _quotas(root: Path, groups: Path) -> Iterator[int]:
    """Yield the quotas of the groups of this process, and of all that these are in.

    In a container the groups may be named as the host sees them, and be mounted at the root.
    """
    for group in _groups(groups):
        for above in (group, *group.parents):
            yield from _share(root / above / "cpu.max")
            for controller in ("cpu", "cpu,cpuacct"):
                place = root / controller / above
                yield from _share(place / "cpu.cfs_quota_us", place / "cpu.cfs_period_us")


def _groups(file: Path) -> list[PurePosixPath]:
    """Return the groups in *file*, relative, as cgroups(7) says; at least the root."""
    try:
        lines = file.read_text(errors="surrogateescape").splitlines()
    except OSError:
        lines = []
    fields = [line.split(":", 2) for line in lines]
    named = [PurePosixPath(f[2].lstrip("/")) for f in fields if len(f) == 3 and _has_cpu(f[1])]
    return [group for group in named if ".." not in group.parts] or [PurePosixPath()]


def _has_cpu(controllers: str) -> bool:
    return not controllers or "cpu" in controllers.split(",")


def _share(*files: Path) -> Iterator[int]:
    try:
        words = " ".join(file.read_text() for file in files).split()
        quota, period = int(words[0]), int(words[1])
    except (OSError, ValueError, IndexError):
        return
    if quota > 0 and period > 0:
        yield -(-quota // period)
