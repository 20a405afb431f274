"""Runs in a container: starts command lines by a shell, asks them over HTTP, stops them.

Reads a list of [name, directory, environment, line] from the file that is named, and prints what
came of each. A line that hands over to the server gets the signal alone, and has the server's
status; of any other all processes get it, as on Heroku (devcenter.heroku.com/articles/dynos,
"Shutdown"). A line that brings its own shell is for a platform that asks none, and takes its place.
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
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz/", timeout=5) as page:
            said: str = page.read().decode()
            return said
    except OSError:
        return ""


def wait(port: str, process: "subprocess.Popen[bytes]") -> str:
    end = time.monotonic() + SECONDS
    while time.monotonic() < end and process.poll() is None:
        if said := fetch(port):
            return said
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
        said = wait(port, process)
        status = stop(port, process, "exec " in line) if said else process.poll()
        log.seek(0)
        return {"said": said, "status": status, "log": log.read().decode()[-2000:]}


runs = json.loads(Path(sys.argv[1]).read_text())
print(json.dumps({name: outcome(*rest) for name, *rest in runs}))
