"""Builds images of existing Django projects, unedited, and fetches a static file from each.

    real_projects.py LIST PROJECTS [NAME ...] [--results DIR] [--stand-in NAME=IMAGE ...]

LIST is a TOML file, see benchmarks/README.md; PROJECTS holds a directory NAME for each entry of it.
A project is copied, built with `buildstatic build`, started with the variables that `buildstatic
check` lists, and asked for its front page and for one of its static files, whose bytes are compared
with those in the image. Where the application does not serve them, the image of `build --serve
nginx` is asked. Needs a Docker engine, see ``DOCKER_HOST``, and for a database postgres:17 in it.
"""

from __future__ import annotations

import argparse
import datetime
import http.client
import io
import json
import os
import re
import secrets
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path, PurePosixPath
from urllib.parse import quote, urlsplit

BUILD_SECONDS = 1200
START_SECONDS = 90
PORT = "8000"
POSTGRES = "postgres:17"
DATABASE_PART = re.compile(
    r"(?:^|_)(?:DB|DATABASE|POSTGRES|PG|SQL)[A-Z]*_?(HOST|NAME|DB|USER|PASS|PORT)"
)
DATABASE = {"NAME": "app", "USER": "app", "PASSWORD": "app", "PORT": "5432"}


@dataclass(frozen=True)
class Change:
    """What an error says to change: in files, by path, or with a command in the directory."""

    #: Lines to append.
    add: Mapping[str, str] = field(default_factory=dict)
    #: A text, and what replaces it.
    replace: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    run: tuple[str, ...] = ()

    def apply(self, root: Path, directory: Path) -> None:
        """Change the project in *root*, which is built in *directory*."""
        for name, lines in self.add.items():
            with (root / name).open("a") as file:
                file.write(f"\n{lines}\n")
        for name, (old, new) in self.replace.items():
            text = (root / name).read_text()
            assert old in text, f"{name} does not contain {old}"
            (root / name).write_text(text.replace(old, new))
        if self.run:
            subprocess.run(self.run, cwd=directory, check=True)

    def is_named_by(self, error: str) -> bool:
        """Return whether *error* has every line of the change."""
        texts = (
            *self.add.values(),
            *(new for _, new in self.replace.values()),
            shlex.join(self.run),
        )
        told = {line.removeprefix("  | ").strip() for line in error.splitlines()}
        return all(line.strip() in told | {""} for text in texts for line in text.splitlines())


@dataclass(frozen=True)
class Project:
    """An entry of the list."""

    name: str
    repository: str = ""
    commit: str = ""
    #: The directory to build, relative to the project's.
    directory: str = "."
    #: What to change if the project fails, one after the other.
    changes: tuple[Change, ...] = ()
    #: Variables to run the image with, in addition to those found.
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """What came of a project."""

    name: str
    found: str = ""
    seconds: float = 0.0
    #: "yes", "with … changes", or at which step it failed.
    outcome: str = ""
    detail: str = ""
    page: str = ""
    #: When it was tried.
    day: str = ""
    #: What was printed, if it failed.
    error: str = ""


class Failed(Exception):
    """A project is no image that answers: the step that failed and what it printed last."""

    def __init__(self, step: str, output: str) -> None:
        super().__init__(step)
        self.step = step
        self.output = output


def docker(*words: str, data: bytes | None = None) -> bytes:
    """Run docker and return its output; raise :class:`Failed` on failure."""
    done = subprocess.run(["docker", *words], input=data, capture_output=True, check=False)
    if done.returncode:
        raise Failed(f"docker {words[0]}", done.stderr.decode(errors="replace"))
    return done.stdout


def buildstatic(log: Path, *words: str, allowed: tuple[int, ...] = (0,)) -> dict[str, object]:
    """Run buildstatic, append what it prints to *log* and return its line of JSON."""
    command = [sys.executable, "-m", "buildstatic", *words]
    with log.open("ab") as errors:
        errors.write(f"$ buildstatic {' '.join(words)}\n".encode())
        errors.flush()
        start = errors.tell()
        try:
            done = subprocess.run(
                command, stdout=subprocess.PIPE, stderr=errors, timeout=BUILD_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise Failed(words[0], f"no result after {BUILD_SECONDS} s") from None
    if done.returncode not in allowed:
        with log.open("rb") as printed:
            printed.seek(start)
            raise Failed(words[0], printed.read().decode(errors="replace"))
    document: dict[str, object] = json.loads(done.stdout[done.stdout.index(b"{") :])
    return document


def describe(facts: Mapping[str, object]) -> str:
    """Return what `check` found, in a few words."""

    def value(name: str) -> object:
        fact = facts.get(name)
        return fact.get("value") if isinstance(fact, dict) else None

    dependencies = value("dependencies")
    manager = dependencies.get("manager") if isinstance(dependencies, dict) else None
    words = [manager, value("python") and f"Python {value('python')}", value("server")]
    words += ["WhiteNoise" if value("whitenoise") else None, value("database")]
    words += ["front-end" if value("frontend") else None]
    return ", ".join(str(word) for word in words if word)


def environment(
    project: Project, variables: list[dict[str, object]], *, has_driver: bool
) -> dict[str, str]:
    """Return the variables to run the image with: those of the database, and the required ones.

    The database is SQLite, or none, if *has_driver* is false: the project has no driver of
    PostgreSQL.
    """
    known = {"PORT": PORT, "SECRET_KEY": secrets.token_urlsafe(50)}
    known["ALLOWED_HOSTS"] = "*"
    for variable in variables:
        name = str(variable["name"])
        found = re.search(
            r"(?:^|_)(?:DB|DATABASE|POSTGRES|PG|SQL)[A-Z]*_?(HOST|NAME|DB|USER|PASS|PORT|URL|$)",
            name,
        )
        if name.endswith("DATABASE_URL"):
            url = "postgres://app:app@database:5432/app"
            known[name] = url if has_driver else "sqlite:////data/db.sqlite3"
        elif name.endswith("SECRET_KEY"):
            known[name] = known["SECRET_KEY"]
        elif found and has_driver and found[1] == "HOST":
            known[name] = "database"
        elif found and has_driver and found[1] in ("NAME", "DB"):
            known[name] = DATABASE["NAME"]
        elif found and has_driver and found[1] in ("USER", "PASS", "PORT"):
            known[name] = DATABASE["PORT" if found[1] == "PORT" else "USER"]
        elif variable["required"]:
            known[name] = str(variable.get("placeholder") or "placeholder")
    return {**known, **project.environment}


@contextmanager
def running(*options: str) -> Iterator[str]:
    """Run a container as long as the block lasts and return its id."""
    container = docker("create", *options).decode().strip()
    try:
        docker("start", container)
        yield container
    finally:
        docker("rm", "--force", "--volumes", container)


@contextmanager
def database(network: str) -> Iterator[None]:
    """Run a PostgreSQL on *network*, under the name database, as long as the block lasts."""
    script = (
        "set -e; bin=$(ls -d /usr/lib/postgresql/*/bin | head -1); export PATH=$bin:$PATH\n"
        "command -v initdb >/dev/null; install -d -o postgres /pg /run/postgresql\n"
        "as='setpriv --reuid=postgres --regid=postgres --clear-groups'\n"
        "$as initdb -D /pg -E UTF8 >/dev/null; echo 'host all all all trust' >>/pg/pg_hba.conf\n"
        '(sleep 3; $as psql -c "create role app superuser login"; $as createdb -O app app) &\n'
        "exec $as postgres -D /pg -c listen_addresses='*'\n"
    )
    network_options = ("--network", network, "--network-alias", "database")
    with running(*network_options, POSTGRES, "/bin/sh", "-c", script):
        time.sleep(6)  # until the server runs and has the database
        yield


def get(port: int, path: str) -> tuple[int, bytes]:
    """Return the status and body of *path*, as a proxy that ended TLS would ask for it."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        headers = {"Host": "localhost", "X-Forwarded-Proto": "https"}
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def wait(container: str, path: str) -> tuple[int, bytes]:
    """Ask *container* for *path* until it answers; raise :class:`Failed` if it does not."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        state = docker("inspect", "--format", "{{.State.Running}}", container).decode().strip()
        ports = docker("port", container).decode().split()
        try:
            if state == "true" and ports:
                return get(int(ports[-1].rpartition(":")[2]), path)
        except (OSError, http.client.HTTPException):
            pass
        if state != "true" or time.monotonic() > deadline:
            logs = subprocess.run(
                ["docker", "logs", container],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
            )
            step = "start" if state != "true" else "answer"
            raise Failed(step, logs.stdout.decode(errors="replace"))
        time.sleep(0.5)


def static_files(image: str, root: str) -> dict[str, bytes]:
    """Return the files below *root* in *image*, by path; of hidden names and variants none."""
    container = docker("create", image).decode().strip()
    try:
        archive = docker("cp", "--follow-link", f"{container}:{root}", "-")
    finally:
        docker("rm", container)
    found: dict[str, bytes] = {}
    contents: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            path = PurePosixPath(*PurePosixPath(member.name).parts[1:])
            if path.suffix in (".gz", ".br", ".zst"):
                continue
            if member.isreg() and (reader := tar.extractfile(member)):
                contents[member.name] = found[str(path)] = reader.read()
            elif member.islnk() and member.linkname in contents:
                # Not with extractfile, which searches the whole archive for each link.
                found[str(path)] = contents[member.linkname]
    return found


def own_file(files: Mapping[str, bytes], sources: Path) -> tuple[str, bytes]:
    """Return a path to ask for, and its content: a file that the project has itself, if any."""
    manifest = json.loads(files.get("staticfiles.json", b"{}")).get("paths", {})
    sizes = {
        (path.name, path.stat().st_size)
        for path in sources.rglob("*")
        if path.is_file() and not path.is_symlink()
    }
    names = sorted(name for name in files if name != "staticfiles.json" and files[name])
    originals = [name for name in names if name in manifest] or names
    if not originals:
        raise Failed("static files", "the image has none")
    own = [name for name in originals if (PurePosixPath(name).name, len(files[name])) in sizes]
    chosen = (own or originals)[0]
    served = manifest.get(chosen, chosen)
    return served, files[served]


def fetch(container: str, url: str, content: bytes) -> bool:
    """Tell whether *container* answers *url* with *content*."""
    status, body = wait(container, url)
    return status == 200 and body == content


def build_and_fetch(project: Project, root: Path, log: Path) -> Result:
    """Build the image of the project in *root*, run it, and fetch a static file."""
    result = Result(project.name)
    tag = f"buildstatic-real:{re.sub(r'[^a-z0-9.-]', '-', project.name.lower())}"
    started = time.monotonic()
    try:
        checked = buildstatic(log, "check", "--json", "--no-run", str(root), allowed=(0, 1))
        facts = checked["project"]
        assert isinstance(facts, dict)
        assert isinstance(checked["variables"], list)
        result = replace(result, found=describe(facts))
        built = buildstatic(log, "build", "--json", "--tag", tag, str(root))
        result = replace(result, seconds=time.monotonic() - started)
        driver = facts.get("database")
        name = str(driver.get("value")) if isinstance(driver, dict) else ""
        has_driver = name.startswith(("psycopg", "asyncpg"))
        variables = environment(project, checked["variables"], has_driver=has_driver)
        page, server = run(root, log, tag, built, facts, variables)
        return replace(result, outcome="yes", page=page, detail=server)
    except Failed as failure:
        seconds = result.seconds or time.monotonic() - started
        with log.open("a") as file:
            file.write(f"FAILED {failure.step}\n{failure.output}\n")
        lines = [line for line in failure.output.splitlines() if line.strip()]
        told = [line for line in lines if line.startswith(("error: ", "  | error: "))]
        detail = (told or lines or [""])[-1].removeprefix("  | ")
        advice = failure.output.partition("\n\n")[2].partition("\n\n")[0]
        if detail.startswith("error: The stage ") and not advice.startswith("  | "):
            detail = " ".join(("error:", *advice.split()))
        return replace(
            result, seconds=seconds, outcome=failure.step, detail=detail, error=failure.output
        )
    finally:
        for name in (tag, f"{tag}-assets"):
            subprocess.run(["docker", "image", "rm", "--force", name], capture_output=True)


def run(
    root: Path,
    log: Path,
    tag: str,
    built: Mapping[str, object],
    facts: Mapping[str, object],
    variables: Mapping[str, str],
) -> tuple[str, str]:
    """Run the image and return the status of its front page and what serves the static file."""
    static = built.get("static")
    if not isinstance(static, dict):
        raise Failed("static files", "the image has no layer of static files")
    url = facts.get("static_url")
    prefix = url.get("value") if isinstance(url, dict) else None
    prefix = urlsplit(str(prefix or "/static/")).path.strip("/")
    name, content = own_file(static_files(tag, str(static["path"])), root)
    address = quote(f"/{prefix}/{name}")
    network = f"buildstatic-real-{os.getpid()}"
    docker("network", "create", network)
    options = ["--network", network, "--publish", f"127.0.0.1::{PORT}"]
    options += [f"--env={key}={value}" for key, value in variables.items()]
    needs_database = any("database" in value for value in variables.values())
    try:
        with (
            database(network) if needs_database else nullcontext(),
            running(*options, tag) as container,
        ):
            page = str(wait(container, "/")[0])
            if fetch(container, address, content):
                return page, "application"
        assets = f"{tag}-assets"
        serve = ("--serve", "nginx", "--target", "assets")
        buildstatic(log, "build", "--json", *serve, "--tag", assets, str(root))
        ports = docker("image", "inspect", "--format", "{{json .Config.ExposedPorts}}", assets)
        port = next(iter(json.loads(ports) or {"8080/tcp": {}})).partition("/")[0]
        with running("--publish", f"127.0.0.1::{port}", assets) as container:
            if not fetch(container, address, content):
                raise Failed("fetch", f"neither the application nor nginx serves {address}")
        return page, "nginx (`--serve nginx`)"
    finally:
        docker("network", "rm", network)


def attempt(project: Project, sources: Path, log: Path) -> Result:
    """Try a project as it is and, as long as it fails, with one more change of its entry."""
    with tempfile.TemporaryDirectory(prefix=f"{project.name}-") as directory:
        copy = Path(directory, "project")
        shutil.copytree(sources, copy, symlinks=True)
        place = copy / project.directory
        result = build_and_fetch(project, place, log)
        errors = []
        for change in project.changes:
            if result.outcome == "yes":
                break
            unnamed = "" if change.is_named_by(result.error) else " (does not name the change)"
            errors.append(f"{result.detail}{unnamed}")
            change.apply(copy, place)
            result = build_and_fetch(project, place, log)
        if not errors:
            return result
        if result.outcome != "yes":
            return replace(result, detail=" Then: ".join((*errors, result.detail)))
        count = "a change" if len(errors) == 1 else f"{len(errors)} changes"
        return replace(result, outcome=f"with {count}", detail=" Then: ".join(errors))


def table(results: list[Result]) -> str:
    """Return *results* as a Markdown table."""
    rows = [
        "| project | found | seconds | answers | detail | front page | day |",
        "|---|---|--:|---|---|---|---|",
    ]
    for result in results:
        detail = result.detail.replace("|", "\\|")
        cells = (result.name, result.found, f"{result.seconds:.0f}", result.outcome, detail)
        rows.append(f"| {' | '.join((*cells, result.page, result.day))} |")
    count = sum(result.outcome == "yes" for result in results)
    return "\n".join([*rows, "", f"{count} of {len(results)} unedited."])


def main() -> None:
    """Try the projects named, or all of the list, and print the table of all results."""
    parser = argparse.ArgumentParser(description="Build existing projects, unedited.")
    parser.add_argument("list", type=Path)
    parser.add_argument("projects", type=Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--results", type=Path, default=Path("real-projects"))
    parser.add_argument("--stand-in", action="append", default=[], metavar="NAME=IMAGE")
    parser.add_argument("--table", action="store_true", help="print the table only")
    options = parser.parse_args()
    for pair in options.stand_in:
        name, _, image = pair.partition("=")
        if subprocess.run(["docker", "image", "inspect", name], capture_output=True).returncode:
            docker("tag", image, name)
    entries = tomllib.loads(options.list.read_text())["project"]
    projects = [
        Project(
            **{**entry, "changes": tuple(Change(**change) for change in entry.get("changes", ()))}
        )
        for entry in entries
    ]
    options.results.mkdir(parents=True, exist_ok=True)
    for project in projects:
        if options.table or (options.names and project.name not in options.names):
            continue
        log = options.results / f"{project.name}.log"
        log.write_text("")
        day = datetime.date.today().isoformat()
        result = replace(attempt(project, options.projects / project.name, log), day=day)
        (options.results / f"{project.name}.json").write_text(json.dumps(asdict(result)))
        print(f"{result.name}: {result.outcome} ({result.detail})", file=sys.stderr, flush=True)
    paths = [options.results / f"{project.name}.json" for project in projects]
    print(table([Result(**json.loads(path.read_text())) for path in paths if path.exists()]))


if __name__ == "__main__":
    main()
