"""The cores that this process may use: those of its CPU affinity and of its cgroups."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath


def available_cores(
    root: Path = Path("/sys/fs/cgroup"), groups: Path = Path("/proc/self/cgroup")
) -> int:
    """Return the number of cores that CPU affinity and cgroup quotas allow, at least 1.

    *root* is where cgroups are mounted, *groups* the file that lists those of this process. A quota
    is rounded up, as half a core is still a core to run on (docs.kernel.org, "Control Group v2",
    cpu.max; "CFS Bandwidth Control" for version 1).
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    quotas = []
    for group in _cgroups(groups):
        # In a container the groups may be named as on the host, and be mounted at the root.
        for parent in (group, *group.parents):
            quotas.append(_quota(root / parent / "cpu.max"))
            for controller in ("cpu", "cpu,cpuacct"):
                place = root / controller / parent
                quotas.append(_quota(place / "cpu.cfs_quota_us", place / "cpu.cfs_period_us"))
    return max(1, min([allowed or 1, *filter(None, quotas)]))


def _cgroups(file: Path) -> list[PurePosixPath]:
    """Return the CPU groups listed in *file*, as relative paths (cgroups(7)); at least the root."""
    try:
        lines = file.read_text(errors="surrogateescape").splitlines()
    except OSError:
        lines = []
    groups = []
    for line in lines:
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if path and (not controllers or "cpu" in controllers.split(",")):
            groups.append(PurePosixPath(path.lstrip("/")))
    return [group for group in groups if ".." not in group.parts] or [PurePosixPath()]


def _quota(*files: Path) -> int | None:
    """Return the quota in *files*, in whole cores; None without one."""
    try:
        words = " ".join(file.read_text() for file in files).split()
        quota, period = int(words[0]), int(words[1])
    except (OSError, ValueError, IndexError):
        return None
    return -(-quota // period) if quota > 0 and period > 0 else None
