"""From a project to a running container: promises of an image that buildstatic built.

Every sample is built once per run. Most samples are built by ``make test-all`` only.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urldefrag, urljoin

import pytest

from buildstatic.oci.engine import layers_of
from tests import engine as engines
from tests.engine import Build, Served, get, serve, until
from tests.samples import SAMPLES, Sample, copy, lock_with_poetry

if TYPE_CHECKING:
    from _pytest.mark import ParameterSet
    from docker import DockerClient

PLANTED = "planted-to-be-found-nowhere"
# whitenoise/media_types.py
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


# Samples that differ in what the Dockerfile installs and where the static files are.
COMMON = ("site", "uv", "frontend", "outside")


def plant_secrets(root: Path) -> None:
    """Write files to *root* that projects often have and that must never reach an image."""
    (root / ".env").write_text(f"SECRET_KEY={PLANTED}\n")
    (root / "db.sqlite3").write_text(PLANTED)


def sample_param(name: str, common: Sequence[str] = COMMON) -> ParameterSet:
    """Return a parameter that keeps the tests of a sample on one worker, to build it once.

    Samples that are not *common* are tested by ``make test-all``.
    """
    marks = [pytest.mark.xdist_group(f"sample-{name}")]
    return pytest.param(name, marks=marks if name in common else [*marks, pytest.mark.exhaustive])


@pytest.fixture(scope="module", params=[sample_param(name) for name in SAMPLES])
def sample(request: pytest.FixtureRequest) -> Sample:
    return SAMPLES[request.param]


@pytest.fixture(scope="module")
def built(sample: Sample, shared: Path, tag: Callable[[str], str]) -> Build:
    """The image of the sample, built once per run."""

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
    """A running container of the sample."""
    with serve(engine, built.tag, environment=sample.environment) as running:
        for command in sample.commands:
            running.run(command)
        yield running


def test_pages_style_sheets_and_their_references_are_served(sample: Sample, served: Served) -> None:
    sheets: set[str] = set()
    for path in sample.pages:
        page = get(urljoin(served.url, path))
        assert (page.status, page.type) == (200, "text/html"), page.text
        sheets |= {urljoin(served.url, href) for href in STYLE_SHEET.findall(page.text)}
    assert sheets
    if sample.fingerprinted:
        assert {sheet for sheet in sheets if not FINGERPRINT.search(sheet)} == set()

    referenced: set[str] = set()
    for sheet in sheets:
        response = get(sheet)
        assert (response.status, response.type) == (200, "text/css"), sheet
        references = REFERENCE.findall(response.text)
        referenced |= {urldefrag(urljoin(sheet, reference)).url for reference in references}
    assert referenced
    for url in referenced:
        response = get(url)
        assert (response.status, response.type) == (200, TYPES[url.rpartition(".")[2]]), url
        assert response.body


def test_every_file_in_the_manifest_is_served(served: Served) -> None:
    manifest = served.run("find /app /srv -name staticfiles.json").strip()
    paths = json.loads(served.run(f"cat {manifest}"))["paths"] if manifest else {}
    missing = {name for name in paths.values() if get(f"{served.url}/static/{name}").status != 200}
    assert missing == set()


@pytest.mark.parametrize(
    "sample", [sample_param(name) for name in ("site", "startproject", "whitenoise")], indirect=True
)
def test_compressed_variants_are_served(served: Served, built: Build) -> None:
    tree = built.static["path"]
    variants = served.run(f"find {tree} -name '*.css.gz'").split()
    name = max(variants, key=len).removeprefix(tree).removesuffix(".gz")
    response = get(f"{served.url}/static{name}", **{"Accept-Encoding": "gzip"})
    assert response.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(response.body) == get(f"{served.url}/static{name}").body


def test_processes_run_as_an_unprivileged_user(served: Served) -> None:
    script = """
        for process in /proc/[0-9]*; do
            name=$(cat $process/comm) uid=$(stat -c %u $process) && echo "$name $uid"
        done 2>/dev/null
        true
    """
    # While a health check starts, its process is called runc.
    running = [line for line in served.run(script).splitlines() if not line.startswith("runc")]
    assert {line.rpartition(" ")[2] for line in running} == {"10001"}
    assert served.run("touch /data/mine && rm /data/mine && ! touch /app/mine 2>&1")


def test_health_check_passes(served: Served) -> None:
    def healthy() -> bool:
        served.container.reload()
        return bool(served.container.attrs["State"]["Health"]["Status"] == "healthy")

    until(healthy, "the health check to pass", served)


@pytest.mark.parametrize("sample", [sample_param(n, ("site",)) for n in SAMPLES], indirect=True)
def test_port_web_concurrency_and_sigterm_are_respected(
    sample: Sample, built: Build, engine: DockerClient
) -> None:
    environment = {**sample.environment, "PORT": "9001", "WEB_CONCURRENCY": "3"}
    with serve(engine, built.tag, 9001, environment, read_only=True) as running:
        until(lambda: workers(running) == 3, "three workers", running)

        running.container.stop(timeout=60)
        assert running.container.wait()["StatusCode"] == 0


def workers(running: Served) -> int:
    rows = (" ".join(row) for row in running.container.top()["Processes"])
    return len([row for row in rows if "gunicorn" in row]) - 1


def test_image_contains_no_build_tools_or_caches(built: Build, engine: DockerClient) -> None:
    script = """
        find / -xdev '(' -iname '*buildstatic*' -o -name .env -o -name '*.sqlite3' \
            -o -name node_modules -o -name .git ')' -print
        for tool in cc gcc g++ make uv poetry node npm; do command -v $tool; done
        find /root/.cache -type f 2>/dev/null
        true
    """
    assert engines.inside(engine, built.tag, script).splitlines() == []


def test_no_secret_is_in_files_or_history(built: Build, engine: DockerClient) -> None:
    places = "/app /data /etc /home /layer /opt /root /run /srv /tmp /usr/local /var"
    found = engines.inside(engine, built.tag, f"grep -rlF {PLANTED} {places} 2>/dev/null; true")
    assert found == ""

    image = engine.images.get(built.tag)
    metadata = str(image.history()) + str(image.attrs["Config"])
    assert PLANTED not in metadata
    assert "SECRET_KEY" not in metadata


def test_json_report_matches_the_image(built: Build, engine: DockerClient) -> None:
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
        pytest.param(
            "old_click",
            "python -c 'import click; click.get_os_args'",
            id="old_click",
            marks=[pytest.mark.xdist_group("sample-old_click"), pytest.mark.exhaustive],
        ),
        pytest.param(
            "uv", "! python -m pip 2>&1", id="uv", marks=pytest.mark.xdist_group("sample-uv")
        ),
        pytest.param(
            "no_pip",
            "! python -m pip 2>&1",
            id="no_pip",
            marks=[pytest.mark.xdist_group("sample-no_pip"), pytest.mark.exhaustive],
        ),
    ],
    indirect=["sample"],
)
def test_virtual_environment_is_unchanged_by_collecting(served: Served, command: str) -> None:
    served.run(command)


@pytest.mark.xdist_group("static-layer")
def test_static_layer_changes_only_with_the_static_files(
    tmp_path: Path, tag: Callable[[str], str], engine: DockerClient
) -> None:
    # The samples "outside" and "frontend" have the same requirements: installed once.
    root = copy("manifest", tmp_path)
    stale = root / "staticfiles/css/site.css"
    stale.parent.mkdir(parents=True)
    stale.write_text("stale")
    first = engines.build(root, tag("layer"))
    layers = layers_of(engine, first.tag)

    no_docker_command = {"PATH": str(Path(sys.executable).parent)}
    api = engines.build(root, tag("layer-api"), environment=no_docker_command)
    assert api.static["diff_id"] == first.static["diff_id"]

    edit(root / "mysite" / "urls.py", "\nurlpatterns", f"\n# {uuid.uuid4()}\nurlpatterns")
    code = engines.build(root, tag("layer"))
    assert code.report["id"] != first.report["id"]
    cached = {stage["name"]: stage["cached"] for stage in code.report["stages"]}
    assert (cached["collect"], cached["static"]) == (False, True)
    assert code.static["diff_id"] == first.static["diff_id"]
    assert code.static["reused"]
    assert layers_of(engine, code.tag)[:-1] == layers[:-1]

    with (root / "static" / "css" / "site.css").open("a") as sheet:
        sheet.write("body { color: #2f6b4f }\n")
    # The stale file is in the code now, so the static layer has to be above it.
    (root / ".dockerignore").write_text("*.md\n")
    css = engines.build(root, tag("layer"))
    assert css.static["diff_id"] != first.static["diff_id"]
    assert not css.static["reused"]
    for build, position in ((api, -2), (css, -1)):
        assert layers_of(engine, build.tag)[position] == build.static["diff_id"]
        command = f"cat {build.static['path']}/css/site.css"
        assert "stale" not in engines.inside(engine, build.tag, command)


@pytest.mark.xdist_group("static-layer")
def test_fingerprinted_files_of_the_previous_release_are_served(
    tmp_path: Path, tag: Callable[[str], str], engine: DockerClient
) -> None:
    root = copy("manifest", tmp_path)
    removed = root / "static/css/removed.css"
    removed.write_text("body { color: #111 }\n")
    first = engines.build(root, tag("release-1"))
    removed.unlink()
    (root / "static/css/site.css").write_text("body { color: #222 }\n")
    more = ("--tag", tag("release-2-too"), "--keep", first.tag)
    second = engines.build(root, tag("release-2"), *more)
    ids = {engine.images.get(name).id for name in (second.tag, tag("release-2-too"))}
    assert ids == {second.report["id"]}

    manifest = f"cat {first.static['path']}/staticfiles.json"
    old, new = (
        json.loads(engines.inside(engine, each.tag, manifest))["paths"] for each in (first, second)
    )
    assert old["css/site.css"] != new["css/site.css"]
    with serve(engine, second.tag) as served:
        for name in {*old.values(), *new.values()}:
            assert get(f"{served.url}/static/{name}").status == 200, name
        assert get(f"{served.url}/static/css/removed.css").status == 404
        assert "#222" in get(f"{served.url}/static/css/site.css").text


@pytest.mark.exhaustive
def test_layer_is_the_same_when_everything_is_built_again(
    tmp_path: Path, tag: Callable[[str], str]
) -> None:
    root = copy("startproject", tmp_path)
    first, again = (engines.build(root, tag("again"), "--no-cache") for _ in range(2))
    assert not any(s["cached"] for s in again.report["stages"] if s["name"] == "static")
    assert again.static["diff_id"] == first.static["diff_id"]


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
