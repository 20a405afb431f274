"""How many cores this process may really use."""

from __future__ import annotations

import os
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")


def cores(root: Path = CGROUP) -> int:
    """Return the number of cores that affinity and the cgroup's quota leave, at least 1.

    A quota is rounded up, as half a core is still a core to run on (docs.kernel.org,
    "Control Group v2", cpu.max; "CFS Bandwidth Control" for version 1).
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    quota = _quota(root)
    return max(1, min(allowed or 1, quota or allowed or 1))


def _quota(root: Path) -> int | None:
    return _share(root / "cpu.max") or _share(
        root / "cpu/cpu.cfs_quota_us", root / "cpu/cpu.cfs_period_us"
    )


def _share(*files: Path) -> int | None:
    try:
        words = " ".join(file.read_text() for file in files).split()
        quota, period = int(words[0]), int(words[1])
    except (OSError, ValueError, IndexError):
        return None
    return -(-quota // period) if quota > 0 and period > 0 else None
