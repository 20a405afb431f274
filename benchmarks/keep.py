"""Counts the bytes that a push sends after a change, with and without ``--keep``; see README.md.

Needs a Docker engine, see ``DOCKER_HOST``, and a registry on this machine, see ``REGISTRY``, which
is reached through a proxy that counts. Arguments are the builders.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections import Counter
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

REGISTRY = os.environ.get("REGISTRY", "127.0.0.1:5000")
SITE = Path(__file__).parent.parent / "examples/site"
SHEET = "sightings/static/sightings/css/site.css"
BASE = "python:3.13-slim"
BUILD = [sys.executable, "-m", "buildstatic", "build", "--push"]
# Without the docker command, the engine's API is used.
NO_DOCKER = {"PATH": str(Path(sys.executable).parent)}
CASES = (
    ("style sheet", SHEET, "/* {} */", False),
    ("style sheet, --keep", SHEET, "/* {} */", True),
    ("view, --keep", "sightings/views.py", "# {}", True),
)


async def count(counted: Counter[str], port: SimpleQueue[int]) -> None:
    """Serve the registry on a port of its own, which is put into *port*, and count bytes."""

    async def copy(name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            counted[name] += len(data)
            writer.write(data)
            await writer.drain()
        writer.close()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(*REGISTRY.split(":"))
        await asyncio.gather(
            copy("sent", reader, back), copy("received", there, writer), return_exceptions=True
        )

    async with await asyncio.start_server(connect, "127.0.0.1", 0) as server:
        port.put(server.sockets[0].getsockname()[1])
        await server.serve_forever()


def measure(builder: str, name: str, counted: Counter[str]) -> None:
    """Print a line for each of CASES; the images are called *name*."""
    environ = {**os.environ, **(NO_DOCKER if builder == "engine API" else {})}
    more = ["--builder=embedded", f"--base={name}:base"] if builder == "embedded" else []
    for case, file, comment, keeps in CASES:
        repository = f"{name}-{uuid.uuid4().hex[:8]}"
        with tempfile.TemporaryDirectory(prefix="buildstatic-bench-") as directory:
            root = shutil.copytree(SITE, Path(directory, "site"))
            tags: list[str] = []
            # The image that is kept keeps one itself. No other case has the same static files.
            for edited, text in ((SHEET, "/* {} */"), (SHEET, "/* {} */"), (file, comment)):
                with (root / edited).open("a") as changed:
                    changed.write(f"\n{text.format(uuid.uuid4())}\n")
                keep = [f"--keep={tags[-1]}"] if keeps and tags else []
                tags.append(f"{repository}:{len(tags)}")
                counted.clear()
                command = [*BUILD, *more, *keep, f"--tag={tags[-1]}", str(root)]
                subprocess.run(command, check=True, env=environ, capture_output=True)
        print(
            f"{builder:<12}{case:<22}{counted['sent']:>12,}{counted['received']:>12,}", flush=True
        )
        if builder != "embedded":
            subprocess.run(["docker", "image", "rm", *tags], check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    """Print how many bytes the registry was sent, and how many it sent itself."""
    counted: Counter[str] = Counter()
    port: SimpleQueue[int] = SimpleQueue()
    Thread(target=asyncio.run, args=[count(counted, port)], daemon=True).start()
    name = f"127.0.0.1:{port.get()}/buildstatic-bench/keep"
    for command in (["tag", BASE, f"{name}:base"], ["push", f"{name}:base"]):
        subprocess.run(["docker", *command], check=True, stdout=subprocess.DEVNULL)
    print(f"{'':<12}{'changed':<22}{'bytes sent':>12}{'received':>12}")
    for builder in sys.argv[1:] or ("buildx", "engine API", "embedded"):
        measure(builder, name, counted)
    subprocess.run(["docker", "image", "rm", f"{name}:base"], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
