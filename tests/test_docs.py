"""The documentation is correct: links resolve, and every command shown prints what is shown.

After an intended change of output: ``GOLDEN_RECORD=1 pytest tests/test_docs.py``, then read the
diff. Output that contains ``…`` is not recorded.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import HTTPError

import pytest
from docker.errors import APIError, NotFound

from buildstatic.platforms import PLATFORMS
from tests.conftest import RUN
from tests.engine import REPOSITORY as IMAGES
from tests.engine import connect
from tests.pages import (
    ANYTHING,
    PAGES,
    REPOSITORY,
    Block,
    Command,
    Shell,
    blocks,
    commands,
    environment,
    matches,
    read,
)
from tests.running import fetch, free_port
from tests.samples import copy

if TYPE_CHECKING:
    from docker.models.volumes import Volume

pytestmark = pytest.mark.slow

# The project that a page starts in; None starts in an empty directory.
PROJECTS: dict[str, str | None] = {
    "README.md": None,
    "docs/tutorial/first-image.md": None,
    "docs/how-to/front-end.md": "frontend",
    "docs/how-to/remote-storage.md": "remote",
    "docs/how-to/cloud-run.md": "services",
    "docs/how-to/compose.md": "services",
    "docs/how-to/digitalocean.md": "services",
    "docs/how-to/fly.md": "services",
    "docs/how-to/kamal.md": "services",
    "docs/how-to/kubernetes.md": "services",
    "docs/how-to/render.md": "services",
    # A database that a release phase or a pre-deploy command can migrate.
    "docs/how-to/heroku.md": "psycopg2",
    "docs/how-to/railway.md": "psycopg2",
    "docs/how-to/self-hosted.md": "psycopg2",
}
SLOW_PAGES = (
    "docs/explanation/static-layer.md",
    "docs/how-to/ci.md",
    "docs/how-to/from-collectstatic.md",
    "docs/how-to/from-whitenoise.md",
    "docs/how-to/own-dockerfile.md",
    "docs/how-to/plain-docker-build.md",
    "docs/how-to/verify.md",
)
LINK = re.compile(r"\]\(([^)\s]+)\)")
# GitHub resolves these in a README; CI has no file in the repository that shows its result.
WORKFLOW_LINK = re.compile(r"\.\./\.\./actions/workflows/([\w-]+\.yml)(?:/badge\.svg)?")
HEADING = re.compile(r"^#+ (.+)$", re.M)
ENGINE = re.compile(r"\bdocker (?!.*--help)|\bbuildstatic build(?!.*--help)")
RUN_PAGES = [page for page in PAGES if any(map(list, map(commands, blocks(read(page)))))]


def anchors(text: str) -> set[str]:
    """Return the anchors that GitHub gives to the headings of the page *text*."""
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(text))
    return {heading.replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", PAGES)
def test_links_resolve(page: str) -> None:
    for link in LINK.findall(read(page)):
        if "://" in link:
            continue
        if workflow := WORKFLOW_LINK.fullmatch(link):
            assert (REPOSITORY / ".github" / "workflows" / workflow[1]).is_file(), link
            continue
        path, _, anchor = link.partition("#")
        target = (REPOSITORY / page).parent / path if path else REPOSITORY / page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target.read_text(encoding="utf-8")), link


def test_every_page_is_in_the_index() -> None:
    index = REPOSITORY / "docs" / "README.md"
    linked = {(index.parent / link).resolve() for link in LINK.findall(index.read_text())}
    assert {REPOSITORY / page for page in PAGES if page.startswith("docs/")} - linked == {index}


# The pages of the targets that are not named after them.
TARGET_PAGES = {
    "procfile": "heroku",
    "railway-iac": "railway",
    **dict.fromkeys(("deploy.sh", "gitignore", "systemd"), "plain-server"),
}


@pytest.mark.parametrize(
    "page",
    sorted(
        {
            *("buildpack", "self-hosted"),
            *(TARGET_PAGES.get(platform.NAME, platform.NAME) for platform in PLATFORMS),
        }
    ),
)
def test_page_of_a_target_says_what_it_was_compared_with(page: str) -> None:
    first = read(f"docs/how-to/{page}.md").split("\n\n")[1].replace("\n", " ")
    match = re.match(r"(?:Compared|Checked) on (\d{4}-\d\d-\d\d) with (.+)", first)
    assert match
    assert date.fromisoformat(match[1])
    assert re.search(r"\d|no version", match[2])


def test_readme_make_targets_exist() -> None:
    subprocess.run(["make", "--dry-run", "demo", "test"], cwd=REPOSITORY, check=True)


def needs_engine(page: str) -> bool:
    """Return whether a command of *page* builds or runs an image."""
    shown = (command for block in blocks(read(page)) for command in commands(block))
    return any(ENGINE.search(command.line) for command in shown)


def page_marks(page: str) -> list[pytest.MarkDecorator]:
    """Return the marks of *page*; the pages that take longest are run by ``make test-all``."""
    marks = [pytest.mark.engine] if needs_engine(page) else []
    return [*marks, pytest.mark.exhaustive] if page in SLOW_PAGES else marks


@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=page_marks(page)) for page in RUN_PAGES],
)
def test_page_runs_as_shown(page: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    if needs_engine(page):
        request.getfixturevalue("shared")
    port = free_port()
    shell = sandbox(page, tmp_path)
    with own_name(page) as own:
        for block in blocks(isolated(read(page), own, port)):
            run_block(block, shell, page, port)


def sandbox(page: str, parent: Path) -> Shell:
    """Return a shell in a copy of the project that *page* starts in.

    The copy is called ``mysite``; a checkout of buildstatic is beside it.
    """
    project = PROJECTS.get(page, "startproject")
    (parent / "buildstatic").symlink_to(REPOSITORY)
    start = copy(project, parent).rename(parent / "mysite") if project else parent
    return Shell(start, environment(parent), parent / "state")


@contextmanager
def own_name(page: str) -> Iterator[str]:
    """Yield a name for the containers and volumes of *page*, and remove them afterwards."""
    own = f"{IMAGES}-{Path(page).stem.lower()}-{os.environ[RUN]}"
    try:
        yield own
    finally:
        if needs_engine(page):
            remove(own)


def remove(own: str) -> None:
    """Remove the containers and volumes with the name *own*.

    A container that ran with ``--rm`` and was stopped is being removed already.
    """
    with closing(connect()) as client:
        for container in client.containers.list(
            all=True, filters={"name": own}, ignore_removed=True
        ):
            with suppress(APIError):
                container.remove(force=True)
            with suppress(NotFound):
                container.wait(condition="removed")
        for volume in client.volumes.list(filters={"name": own}):
            remove_volume(volume)


def remove_volume(volume: Volume) -> None:
    """Remove *volume*, retrying until the engine has noticed that no container uses it."""
    for _ in range(20):
        with suppress(APIError):
            volume.remove()
            return
        time.sleep(0.5)
    volume.remove()


def isolated(text: str, own: str, port: int) -> str:
    """Return *text* with image, container and volume names and the port unique to this run."""
    tag = own.removeprefix(f"{IMAGES}-")
    text = re.sub(r"(?<![\w/])mysite:(\d[\w.]*)", rf"{IMAGES}:\1-{tag}", text)
    text = re.sub(r"\bmysite-data:", f"{own}:", text)
    text = re.sub(r"(--name|docker (?:stop|logs|exec)) mysite\b", rf"\1 {own}", text)
    return text.replace("8000:8000", f"{port}:8000").replace("localhost:8000", f"localhost:{port}")


def run_block(block: Block, shell: Shell, page: str, port: int) -> None:
    """Write, apply or run *block*."""
    if block.file:
        target = shell.directory / block.file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(block.text, encoding="utf-8")
    elif block.language == "diff":
        diff = shell.state.with_name("diff")
        diff.write_text(block.text, encoding="utf-8")
        shell.run(f'git apply "{diff}"')
    elif block.language == "console":
        for command in commands(block):
            printed = shell.run(command.line)
            if "--publish" in command.line:
                wait_for(f"http://localhost:{port}")
            compare(command, printed, page)


def wait_for(url: str) -> None:
    """Wait until *url* responds, as a user would before typing the next command."""
    try:
        fetch(url)
    except HTTPError as error:
        error.close()


def compare(command: Command, printed: str, page: str) -> None:
    """Compare the output that *page* shows for *command* with what it *printed*."""
    if not command.output or matches(command.output, printed):
        return
    if os.environ.get("GOLDEN_RECORD") and ANYTHING not in command.output:
        shown = f"$ {command.line}\n{command.output}"
        text = read(page)
        assert shown in text, "the output contains names of this run: edit the page by hand"
        kept = "".join(f"{line.rstrip()}\n" for line in printed.splitlines())
        (REPOSITORY / page).write_text(text.replace(shown, f"$ {command.line}\n{kept}", 1))
    else:
        pytest.fail(f"$ {command.line}\n{printed}\nwas printed, but {page} shows\n{command.output}")
