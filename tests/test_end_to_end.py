"""From a project to a running container: what an image that buildstatic built must keep."""

from __future__ import annotations

import gzip
import json
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urldefrag, urljoin

import pytest

from tests import engine as engines
from tests.engine import Build, Served, get, serve, until
from tests.samples import SAMPLES, Sample, copy, lock_with_poetry

if TYPE_CHECKING:
    from docker import DockerClient

PLANTED = "planted-to-be-found-nowhere"
# As WhiteNoise knows them (whitenoise/media_types.py).
TYPES = {
    "css": "text/css",
    "eot": "application/vnd.ms-fontobject",
    "gif": "image/gif",
    "png": "image/png",
    "svg": "image/svg+xml",
    "ttf": "application/octet-stream",
    "woff": "application/font-woff",
    "woff2": "font/woff2",
}
STYLE_SHEET = re.compile(r'<link[^>]+href="([^"]+\.css)"')
REFERENCE = re.compile(r"""url\(\s*["']?(?!data:)([^"')]+)""")
FINGERPRINT = re.compile(r"\.[0-9a-f]{12}\.\w+$")

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine")]


def plant_secrets(root: Path) -> None:
    """Put into *root* what people have lying there, and what must never reach an image."""
    (root / ".env").write_text(f"SECRET_KEY={PLANTED}\n")
    (root / "db.sqlite3").write_text(PLANTED)


@pytest.fixture(scope="module", params=list(SAMPLES))
def sample(request: pytest.FixtureRequest) -> Sample:
    return SAMPLES[request.param]


@pytest.fixture(scope="module")
def built(sample: Sample, shared: Path, tag: Callable[[str], str]) -> Build:
    """The image of the sample, built once a run."""

    def make() -> dict[str, Any]:
        root = copy(sample.name, shared)
        if (root / "poetry.lock").exists():
            lock_with_poetry(root)
        plant_secrets(root)
        environment = {"SECRET_KEY": PLANTED, "DJANGO_SECRET_KEY": PLANTED}
        made = asdict(engines.build(root, tag(sample.name), environment=environment))
        return {**made, "root": str(root)}

    made = engines.once(shared, sample.name, make)
    return Build(Path(made["root"]), made["tag"], made["report"])


@pytest.fixture(scope="module")
def served(sample: Sample, built: Build, engine: DockerClient) -> Iterator[Served]:
    """The sample, running."""
    with serve(engine, built.tag, environment=sample.environment) as running:
        for command in sample.commands:
            running.run(command)
        yield running


def test_pages_their_style_sheets_and_what_those_name_are_served(
    sample: Sample, served: Served
) -> None:
    sheets: set[str] = set()
    for path in sample.pages:
        page = get(urljoin(served.url, path))
        assert (page.status, page.type) == (200, "text/html"), page.text
        sheets |= {urljoin(served.url, href) for href in STYLE_SHEET.findall(page.text)}
    assert sheets
    if sample.fingerprinted:
        assert {sheet for sheet in sheets if not FINGERPRINT.search(sheet)} == set()

    named: set[str] = set()
    for sheet in sheets:
        answer = get(sheet)
        assert (answer.status, answer.type) == (200, "text/css"), sheet
        references = REFERENCE.findall(answer.text)
        named |= {urldefrag(urljoin(sheet, reference)).url for reference in references}
    assert named
    for url in named:
        answer = get(url)
        assert (answer.status, answer.type) == (200, TYPES[url.rpartition(".")[2]]), url
        assert answer.body


def test_every_file_that_the_manifest_names_is_served(served: Served) -> None:
    manifest = served.run("find /app /srv -name staticfiles.json").strip()
    paths = json.loads(served.run(f"cat {manifest}"))["paths"] if manifest else {}
    missing = {name for name in paths.values() if get(f"{served.url}/static/{name}").status != 200}
    assert missing == set()


@pytest.mark.parametrize("sample", ["site", "startproject", "whitenoise"], indirect=True)
def test_compressed_variants_are_served(served: Served, built: Build) -> None:
    tree = built.static["path"]
    variants = served.run(f"find {tree} -name '*.css.gz'").split()
    name = max(variants, key=len).removeprefix(tree).removesuffix(".gz")
    answer = get(f"{served.url}/static{name}", **{"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(answer.body) == get(f"{served.url}/static{name}").body


def test_everything_runs_as_a_user_without_rights(served: Served) -> None:
    script = """
        for process in /proc/[0-9]*; do
            name=$(cat $process/comm) uid=$(stat -c %u $process) && echo "$name $uid"
        done 2>/dev/null
        true
    """
    # The engine itself, on its way to a health check, shows up as runc.
    running = [line for line in served.run(script).splitlines() if not line.startswith("runc")]
    assert {line.rpartition(" ")[2] for line in running} == {"10001"}
    assert served.run("touch /data/mine && rm /data/mine && ! touch /app/mine 2>&1")


def test_the_container_becomes_healthy(served: Served) -> None:
    def healthy() -> bool:
        served.container.reload()
        return bool(served.container.attrs["State"]["Health"]["Status"] == "healthy")

    until(healthy, "the health check to pass", served)


def test_port_and_web_concurrency_are_honoured_and_sigterm_stops_it(
    sample: Sample, built: Build, engine: DockerClient
) -> None:
    environment = {**sample.environment, "PORT": "9001", "WEB_CONCURRENCY": "3"}
    with serve(engine, built.tag, port=9001, environment=environment) as running:
        until(lambda: workers(running) == 3, "three workers", running)

        running.container.stop(timeout=60)
        assert running.container.wait()["StatusCode"] == 0


def workers(running: Served) -> int:
    rows = (" ".join(row) for row in running.container.top()["Processes"])
    return len([row for row in rows if "gunicorn" in row]) - 1


def test_the_image_holds_nothing_of_the_build(built: Build, engine: DockerClient) -> None:
    script = """
        find / -xdev '(' -iname '*buildstatic*' -o -name .env -o -name '*.sqlite3' \
            -o -name node_modules -o -name .git ')' -print
        for tool in cc gcc g++ make uv poetry node npm; do command -v $tool; done
        find /root/.cache -type f 2>/dev/null
        true
    """
    assert engines.inside(engine, built.tag, script).splitlines() == []


def test_no_secret_is_in_a_file_or_in_the_history(built: Build, engine: DockerClient) -> None:
    places = "/app /data /etc /home /layer /opt /root /run /srv /tmp /usr/local /var"
    found = engines.inside(engine, built.tag, f"grep -rlF {PLANTED} {places} 2>/dev/null; true")
    assert found == ""

    image = engine.images.get(built.tag)
    said = str(image.history()) + str(image.attrs["Config"])
    assert PLANTED not in said
    assert "SECRET_KEY" not in said


def test_the_report_says_what_is_in_the_image(built: Build, engine: DockerClient) -> None:
    image = engine.images.get(built.tag)
    assert built.report["image"] == built.tag
    assert built.report["id"] == image.id
    assert built.static["diff_id"] in image.attrs["RootFS"]["Layers"]

    path = built.static["path"]
    listing = engines.inside(engine, built.tag, f"find {path} -type f | wc -l; stat -c %u {path}")
    assert listing.split() == [str(built.static["files"]), "0"]
    assert {"static", "web"} <= {stage["name"] for stage in built.report["stages"]}


@pytest.mark.parametrize(
    ("sample", "command"),
    [
        pytest.param("old_click", "python -c 'import click; click.get_os_args'", id="old_click"),
        pytest.param("uv", "! python -m pip 2>&1", id="uv"),
        pytest.param("no_pip", "! python -m pip 2>&1", id="no_pip"),
    ],
    indirect=["sample"],
)
def test_the_environment_stays_the_projects_own(served: Served, command: str) -> None:
    served.run(command)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return copy("site", tmp_path)


def test_two_builds_without_cache_have_the_same_static_layer(
    tmp_path: Path, tag: Callable[[str], str]
) -> None:
    root = copy("startproject", tmp_path)
    first = engines.build(root, tag("first"), "--no-cache")
    second = engines.build(root, tag("second"), "--no-cache")
    assert not any(
        stage["cached"] for stage in second.report["stages"] if stage["name"] == "static"
    )
    assert first.static["diff_id"] == second.static["diff_id"]


def test_the_api_makes_the_same_static_layer_as_buildx(
    tmp_path: Path, tag: Callable[[str], str]
) -> None:
    root = copy("startproject", tmp_path)
    buildx = engines.build(root, tag("buildx"))
    no_docker = {"PATH": str(Path(sys.executable).parent)}
    api = engines.build(root, tag("api"), environment=no_docker)
    assert api.static["diff_id"] == buildx.static["diff_id"]


def test_a_change_in_a_view_keeps_the_static_layer(site: Path, tag: Callable[[str], str]) -> None:
    before = engines.build(site, tag("view"))
    edit(site / "sightings" / "views.py", '"ok"', '"fine"')
    after = engines.build(site, tag("view"))
    assert after.report["id"] != before.report["id"]
    assert after.static["diff_id"] == before.static["diff_id"]
    assert after.static["reused"]


def test_a_change_in_a_style_sheet_changes_the_static_layer(
    site: Path, tag: Callable[[str], str]
) -> None:
    before = engines.build(site, tag("css"))
    edit(site / "sightings/static/sightings/css/site.css", "#2f6b4f", "#2f6b4e")
    after = engines.build(site, tag("css"))
    assert after.static["diff_id"] != before.static["diff_id"]
    assert not after.static["reused"]


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
