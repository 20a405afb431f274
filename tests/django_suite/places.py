"""Where Django's own tests run: a local environment, and images of other Pythons."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from buildstatic.builders.wheel import make_wheel
from tests.collect.sites import plain_environ
from tests.engine import once

RUNNER = Path(__file__).parent / "runner.py"
SECONDS = 600
DOCKERFILE = """\
FROM python:{python}-slim
RUN python -m venv /venv
COPY django.tar.gz /
RUN /venv/bin/pip install --quiet /django.tar.gz
COPY wheels /wheels/
RUN /venv/bin/pip install --quiet /wheels/*.whl
COPY runner.py /
ENTRYPOINT ["/venv/bin/python", "/runner.py", "/django.tar.gz"]
"""


def sdist(shared: Path, version: str) -> Path:
    """Return the newest sdist of Django *version*, downloaded once per run."""

    def fetch() -> str:
        target = shared / f"django-{version}"
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        source = ["--no-binary=django", "--ignore-requires-python", f"--dest={target}"]
        check([*pip, *source, f"django=={version}.*"])
        (found,) = target.iterdir()
        return str(found)

    return Path(once(shared, f"sdist-{version}", fetch))


def environment(shared: Path, version: str) -> Path:
    """The Python of an environment with the Django of the sdist of *version*, and buildstatic."""
    django = sdist(shared, version).name.removesuffix(".tar.gz").replace("-", "==")
    home = shared / f"here-{version}"

    def make() -> str:
        wheels = shared / f"here-{version}-wheels"
        wheels.mkdir()
        uv = [sys.executable, "-m", "uv"]
        check([*uv, "venv", "--quiet", f"--python={sys.executable}", str(home)])
        install = [
            *uv,
            "pip",
            "install",
            "--quiet",
            "--compile-bytecode",
            f"--python={home}/bin/python",
        ]
        check([*install, django, str(make_wheel(wheels))])
        return str(home / "bin" / "python")

    return Path(once(shared, home.name, make))


def image(shared: Path, version: str, python: str, tag: str) -> str:
    """Return *tag*, an image of *python* with Django *version*, from its sdist, and buildstatic."""
    source = sdist(shared, version)

    def make() -> str:
        context = shared / f"image-{version}"
        (context / "wheels").mkdir(parents=True)
        make_wheel(context / "wheels")
        shutil.copy(source, context / "django.tar.gz")
        shutil.copy(RUNNER, context)
        (context / "Dockerfile").write_text(DOCKERFILE.format(python=python), encoding="utf-8")
        check(["docker", "buildx", "build", "--load", f"--tag={tag}", str(context)])
        return tag

    return str(once(shared, f"image-{version}", make))


def report(command: Sequence[str | Path], cwd: Path) -> dict[str, Any]:
    """Run *command*, which starts the runner, in *cwd*; return its report.

    Failures of Django's tests are this test's, in Django's words.
    """
    # Bytecode is for the worker processes, which would compile the package again and again.
    environ = {**plain_environ(), "PYTHONDONTWRITEBYTECODE": ""}
    ran = subprocess.run(
        command, cwd=cwd, env=environ, capture_output=True, text=True, timeout=SECONDS
    )
    if ran.returncode:
        pytest.fail(f"The runner exited with {ran.returncode}:\n{ran.stderr[-20000:]}")
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return found


def check(command: Sequence[str | Path]) -> None:
    """Run *command*; if it fails, fail the test with its output."""
    ran = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    if ran.returncode:
        words = " ".join(map(str, command))
        pytest.fail(f"{words} exited with {ran.returncode}:\n{ran.stderr[-6000:]}")
