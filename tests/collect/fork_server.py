"""Runs ``python -m buildstatic`` and ``python manage.py`` in forks of a process that has Django.

A fork is a process of its own, but does not import Django and the command line again, which takes
longer than most of the commands. Run as a module, this is the server: it reads a request in JSON
from each line of standard input, and writes the exit code of the command.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import runpy
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

PRELOADED = (
    "buildstatic.cli.build",
    "buildstatic.cli.collect",
    "buildstatic.cli.progress",
    "buildstatic.collect.main",
    "buildstatic.workflows.build",
    "buildstatic.workflows.collect",
    "django.contrib.staticfiles.apps",
    "django.contrib.staticfiles.finders",
    "django.contrib.staticfiles.management.commands.collectstatic",
    "django.core.management.commands.check",
    "django.core.mail",
    "django.urls",
    "django.utils.log",
    "django.views.debug",
    "django.views.generic",
)
TIMEOUT = 1200  # seconds
# The interpreter reads these when it starts.
AT_START = ("PYTHON", "LC_", "LANG")


def can_run(argv: Sequence[str], environ: Mapping[str, str]) -> bool:
    """Tell whether the server can run *argv*, with *environ* changed, as a new process would."""
    is_known = argv[:3] == [sys.executable, "-m", "buildstatic"] or argv[:2] == [
        sys.executable,
        "manage.py",
    ]
    return is_known and not any(name.startswith(AT_START) for name in environ)


def run(
    argv: Sequence[str], cwd: Path, environ: Mapping[str, str], directory: Path, stdin: str = ""
) -> tuple[int, str, str]:
    """Run *argv*; return exit code, standard output and standard error, kept in *directory*."""
    files = [directory / name for name in ("stdin", "stdout", "stderr")]
    files[0].write_text(stdin, encoding="utf-8")
    request = {"argv": argv, "cwd": str(cwd), "environ": environ, "files": list(map(str, files))}
    process, lock = _server()
    with lock:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        if not select.select([process.stdout], [], [], TIMEOUT)[0]:
            os.killpg(process.pid, signal.SIGKILL)
            raise subprocess.TimeoutExpired(argv, TIMEOUT)
        code = int(process.stdout.readline())
    out, err = (path.read_text(encoding="utf-8", errors="strict") for path in files[1:])
    return code, out, err


@cache
def _server() -> tuple[subprocess.Popen[str], threading.Lock]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.collect.fork_server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent.parent.parent,
        start_new_session=True,
    )
    atexit.register(process.communicate)
    return process, threading.Lock()


def serve() -> None:
    """Fork for each request, until standard input ends."""
    for module in PRELOADED:
        __import__(module)
    gc.freeze()
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _become(json.loads(line))
            return
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _become(request: dict[str, Any]) -> None:
    """Run the command of *request* in this process, which it ends."""
    modes = (os.O_RDONLY, *[os.O_WRONLY | os.O_CREAT | os.O_TRUNC] * 2)
    for number, (path, mode) in enumerate(zip(request["files"], modes, strict=True)):
        descriptor = os.open(path, mode, 0o600)
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(request["environ"])
    os.chdir(request["cwd"])
    argv = request["argv"]
    sys.path[0] = request["cwd"]
    if argv[1] == "manage.py":
        sys.path[0] = str(Path("manage.py").resolve().parent)
        sys.argv[:] = argv[1:]
        runpy.run_path("manage.py", run_name="__main__")
    else:
        sys.argv[:] = ["buildstatic", *argv[3:]]
        runpy.run_module("buildstatic", run_name="__main__")


if __name__ == "__main__":
    serve()
