"""Cores: what affinity and the cgroups leave, read from files as kernels write them."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from docker import DockerClient

from buildstatic.collect.workers import cores
from buildstatic.collect.workers.cores import available_cores
from tests.project.tree import write

MANY = "6400000 100000"
HERE = len(os.sched_getaffinity(0))
ONE = {"a/cpu.max": "100000 100000\n"}


@pytest.mark.parametrize(
    ("groups", "files", "expected"),
    [
        pytest.param("0::/\n", {"cpu.max": "max 100000\n"}, HERE, id="no quota"),
        pytest.param("0::/\n", {"cpu.max": "100000 100000\n"}, 1, id="one core"),
        pytest.param("0::/\n", {"cpu.max": "50000 100000\n"}, 1, id="half a core"),
        pytest.param("0::/\n", {"cpu.max": "1 1000000\n"}, 1, id="nearly none"),
        pytest.param("0::/\n", {"cpu.max": f"{MANY}\n"}, min(HERE, 64), id="more than there are"),
        pytest.param("0::/\n", {"cpu.max": "nonsense"}, HERE, id="nonsense"),
        pytest.param("0::/\n", {"cpu.max": ""}, HERE, id="nothing in the file"),
        pytest.param("0::/\n", {}, HERE, id="no file"),
        pytest.param("", {"cpu.max": "100000 100000\n"}, 1, id="no group named"),
        pytest.param("0::/a\n", ONE, 1, id="a group below"),
        pytest.param("0::/a/b/c\n", ONE, 1, id="a group above"),
        pytest.param("0::/b\n", ONE, HERE, id="another's group"),
        pytest.param("0::/../a\n", ONE, HERE, id="a group outside"),
        pytest.param("0::/x:y\n", {"x:y/cpu.max": "9 9\n"}, 1, id="a colon in the name"),
        pytest.param(
            "0::/docker/0123\n", {"cpu.max": "100000 100000\n"}, 1, id="a container without its own"
        ),
        pytest.param(
            "4:cpu,cpuacct:/\n",
            {"cpu/cpu.cfs_quota_us": "50000\n", "cpu/cpu.cfs_period_us": "100000\n"},
            1,
            id="version 1",
        ),
        pytest.param(
            "4:cpu:/a\n",
            {"cpu/a/cpu.cfs_quota_us": "50000\n", "cpu/a/cpu.cfs_period_us": "100000\n"},
            1,
            id="version 1, a group below",
        ),
        pytest.param(
            "4:cpu,cpuacct:/a\n",
            {
                "cpu,cpuacct/a/cpu.cfs_quota_us": "50000\n",
                "cpu,cpuacct/a/cpu.cfs_period_us": "100000\n",
            },
            1,
            id="version 1, long controller name",
        ),
        pytest.param(
            "4:cpu:/\n",
            {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"},
            HERE,
            id="version 1, no quota",
        ),
        pytest.param(
            "3:cpuset:/a\n1:cpu:/\n",
            {"cpu/a/cpu.cfs_quota_us": "50000\n", "cpu/a/cpu.cfs_period_us": "100000\n"},
            HERE,
            id="version 1, group of another controller",
        ),
    ],
)
def test_quota_is_rounded_up(
    groups: str, files: Mapping[str, str], expected: int, tmp_path: Path
) -> None:
    write(tmp_path, {"groups": groups, **{f"root/{name}": text for name, text in files.items()}})
    assert available_cores(tmp_path / "root", tmp_path / "groups") == expected


@pytest.mark.skipif(HERE < 2, reason="one core leaves nothing to take")
def test_quota_of_one_and_a_half_cores(tmp_path: Path) -> None:
    write(tmp_path, {"groups": "0::/", "cpu.max": "150000 100000"})
    assert available_cores(tmp_path, tmp_path / "groups") == 2


def test_affinity_decides_without_cgroups(tmp_path: Path) -> None:
    assert available_cores(tmp_path / "none", tmp_path / "none") == HERE


def test_process_with_affinity_to_one_core() -> None:
    code = (
        "import os; from buildstatic.collect.workers.cores import available_cores;"
        "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); print(available_cores())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout == b"1\n"


@pytest.mark.engine
def test_quota_of_a_container(engine: DockerClient) -> None:
    functions = (cores.available_cores, cores._cgroups, cores._quota)
    code = "import os\nfrom pathlib import Path, PurePosixPath\n"
    code += (
        "\n".join(inspect.getsource(function) for function in functions)
        + "\nprint(available_cores())\n"
    )
    said = engine.containers.run(
        "python:3.13-slim", ["python", "-c", code], nano_cpus=10**9 // 2, remove=True
    )
    assert said == b"1\n"
