"""Runs in a container: starts commands in a shell, requests a page over HTTP, and stops them.

Reads a list of [name, directory, environment, command] from the given file and prints the results.
The signal goes to the process alone if it becomes the server (exec), else to the process group, as
on Heroku (devcenter.heroku.com/articles/dynos, "Shutdown"). A command with its own /bin/sh is for a
platform without a shell, and replaces this shell.
"""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

SECONDS = 120


def fetch(port: str) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz/", timeout=5) as response:
            page: str = response.read().decode()
            return page
    except OSError:
        return ""


def wait(port: str, process: "subprocess.Popen[bytes]") -> str:
    end = time.monotonic() + SECONDS
    while time.monotonic() < end and process.poll() is None:
        if page := fetch(port):
            return page
        time.sleep(0.05)
    return ""


def stop(port: str, process: "subprocess.Popen[bytes]", alone: bool) -> int:
    (os.kill if alone else os.killpg)(process.pid, signal.SIGTERM)
    end = time.monotonic() + SECONDS
    while time.monotonic() < end and (process.poll() is None or fetch(port)):
        time.sleep(0.05)
    is_over = process.poll() is not None and not fetch(port)
    return (process.returncode if alone else 0) if is_over else 1


def outcome(directory: str, environment: "dict[str, str]", line: str) -> "dict[str, object]":
    base = {name: value for name, value in os.environ.items() if name != "PORT"}
    port = environment.get("PORT", "8000")
    line = f"exec {line}" if line.startswith("/bin/sh -c ") else line
    with Path("/tmp/log").open("w+b") as log:
        process = subprocess.Popen(
            ["sh", "-c", line],
            cwd=directory,
            env={**base, **environment},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        page = wait(port, process)
        status = stop(port, process, "exec " in line) if page else process.poll()
        log.seek(0)
        return {"page": page, "status": status, "log": log.read().decode()[-2000:]}


runs = json.loads(Path(sys.argv[1]).read_text())
print(json.dumps({name: outcome(*rest) for name, *rest in runs}))
