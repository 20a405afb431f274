"""The responses of the images that serve the static files, and of the application's image."""

from __future__ import annotations

import gzip
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urljoin

import brotli
import pytest
from backports import zstd

from tests import engine as engines
from tests.dockerfile.served import FILES, PORT, RULES, TYPES, base, fetch, names, site
from tests.engine import Build, Served, get, serve

if TYPE_CHECKING:
    from docker import DockerClient

SHORT = "public, max-age=60"
FOREVER = "public, max-age=31536000, immutable"
DECODE: dict[str, Callable[[bytes], bytes]] = {
    "br": brotli.decompress,
    "gzip": gzip.decompress,
    "zstd": zstd.decompress,
}
# Caddy warns of what its configuration requests.
EXPECTED_WARNINGS = re.compile(r"admin endpoint disabled|automatic HTTPS is completely disabled")
REFERENCE = re.compile(r'(?:href|src)="/static/([^"]+)"')

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine")]


# The tests of a server run on one worker, which builds and starts its images once.
@pytest.fixture(
    scope="module",
    params=[
        pytest.param("nginx", marks=pytest.mark.xdist_group("by-nginx")),
        pytest.param("caddy", marks=[pytest.mark.xdist_group("by-caddy"), pytest.mark.exhaustive]),
    ],
)
def server(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def argument(server: str, shared: Path, tag: Callable[[str], str]) -> str:
    return base(server, shared, tag)


def build(
    root: Path, tag: Callable[[str], str], server: str, target: str, argument: str, *more: str
) -> Build:
    """Build *target* of the Dockerfile generated with ``--serve``."""
    options = ("--serve", server, "--target", target, "--build-arg", argument, *more)
    return engines.build(root, tag(f"{target}-{server}"), *options)


@pytest.fixture(scope="module")
def images(server: str, argument: str, shared: Path, tag: Callable[[str], str]) -> dict[str, Build]:
    """The images of both targets, built once per run."""

    def make() -> dict[str, Any]:
        root = site(shared / f"served-by-{server}")
        made = {
            target: asdict(build(root, tag, server, target, argument))
            for target in ("assets", "web")
        }
        return {target: {**each, "root": str(each["root"])} for target, each in made.items()}

    made = engines.once(shared, f"served-by-{server}", make)
    return {
        target: Build(Path(each["root"]), each["tag"], each["report"])
        for target, each in made.items()
    }


@pytest.fixture(scope="module")
def assets(images: dict[str, Build], engine: DockerClient) -> Iterator[Served]:
    """The running assets image, with a file system that is read-only except /tmp."""
    with serve(engine, images["assets"].tag, PORT, read_only=True) as running:
        yield running


@pytest.fixture(scope="module")
def manifest(assets: Served) -> dict[str, str]:
    return names(assets.read("/app/staticfiles/staticfiles.json"))


def encodings(server: str) -> dict[str, str]:
    """Return the Content-Encoding of *server* for each Accept-Encoding, empty for none."""
    return {
        "gzip, deflate, br, zstd": "br",
        "br": "br",
        "gzip": "gzip",
        "gzip, br;q=0": "gzip",
        "zstd": "zstd" if server == "caddy" else "",
        "deflate": "",
        "identity": "",
    }


def test_variant_is_chosen_by_accept_encoding(assets: Served, server: str) -> None:
    for accepted, expected in encodings(server).items():
        response = fetch(assets.url, "/static/css/large.css", Accept_Encoding=accepted)
        assert (response.status, response.headers.get("content-encoding", "")) == (200, expected)
        assert DECODE.get(expected, bytes)(response.body) == RULES.encode(), accepted
        assert response.headers["vary"] == "Accept-Encoding"
        assert response.headers["content-type"] == "text/css; charset=utf-8"
        assert int(response.headers.get("content-length", len(response.body))) == len(response.body)


def test_conditional_requests_return_not_modified(assets: Served, server: str) -> None:
    for accepted in encodings(server):
        path = "/static/css/large.css"
        full = fetch(assets.url, path, Accept_Encoding=accepted)
        for condition in (
            {"If_None_Match": full.headers["etag"]},
            {"If_None_Match": f'"x", {full.headers["etag"]}'},
            {"If_Modified_Since": full.headers["last-modified"]},
        ):
            again = fetch(assets.url, path, Accept_Encoding=accepted, **condition)
            assert (again.status, again.body) == (304, b""), (accepted, condition)
            assert again.headers["cache-control"] == SHORT
        other = fetch(assets.url, path, Accept_Encoding=accepted, If_None_Match='"another"')
        assert (other.status, other.body) == (200, full.body)
        earlier = "Thu, 01 Jan 2004 00:00:00 GMT"
        assert fetch(assets.url, path, If_Modified_Since=earlier).status == 200


def test_range_requests(assets: Served) -> None:
    whole = RULES.encode()
    for part, start, end in (("10-19", 10, 20), ("-7", len(whole) - 7, len(whole))):
        response = fetch(assets.url, "/static/css/large.css", Range=f"bytes={part}")
        assert (response.status, response.body) == (206, whole[start:end])
        assert response.headers["content-range"] == f"bytes {start}-{end - 1}/{len(whole)}"
    beyond = fetch(assets.url, "/static/css/large.css", Range=f"bytes={len(whole)}-")
    assert beyond.status == 416


def test_only_fingerprinted_files_are_immutable(assets: Served, manifest: dict[str, str]) -> None:
    assert set(FILES) <= set(manifest)
    for name, fingerprinted in manifest.items():
        for path, expected in ((name, SHORT), (fingerprinted, FOREVER)):
            response = fetch(assets.url, f"/static/{quote(path)}")
            assert (response.status, response.headers["cache-control"]) == (200, expected), path
            assert response.headers["access-control-allow-origin"] == "*"


def test_head_returns_the_headers_of_get(assets: Served) -> None:
    for accepted in ("identity", "br"):
        options = {"Accept_Encoding": accepted}
        head = fetch(assets.url, "/static/css/large.css", "HEAD", **options)
        whole = fetch(assets.url, "/static/css/large.css", **options)
        assert (head.status, head.body) == (200, b"")
        different = {"date", "connection", "content-length", "transfer-encoding"}
        assert {k: v for k, v in head.headers.items() if k not in different} == {
            k: v for k, v in whole.headers.items() if k not in different
        }


@pytest.mark.parametrize("name", TYPES)
def test_content_types(assets: Served, name: str) -> None:
    assert fetch(assets.url, f"/static/{name}").headers["content-type"] in TYPES[name]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/static",
        "/static/",
        "/static/css",
        "/static/css/",
        "/static/docs/",
        "/static/none.css",
        "/static/staticfiles.json",
        "/static/css/../staticfiles.json",
        "/static/css/..%2fstaticfiles.json",
        "/static/%73taticfiles.json",
        "//static//staticfiles.json",
        "/static/staticfiles.json/",
        "/static/css/large.css/",
        "/static/css/large.css/x",
        "/static/.git/config",
        "/static/css/%2ehidden",
        "/static/../../etc/passwd",
        "/static/..%2f..%2fetc/passwd",
        "/static/..%2f..%2f..%2f..%2fetc%2fpasswd",
        "/static/%2e%2e/%2e%2e/etc/passwd",
        "/static/..%5c..%5cetc/passwd",
        "/static../etc/passwd",
        "/static/css%00",
        "/app/staticfiles/css/large.css",
        "/css/large.css",
        "/etc/passwd",
    ],
)
def test_other_paths_are_not_served(assets: Served, path: str) -> None:
    for method in ("GET", "HEAD"):
        response = fetch(assets.url, path, method)
        assert response.status in (400, 404), response.headers
        assert b"rule-1" not in response.body
        assert b"root:" not in response.body
        assert "cache-control" not in response.headers


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "NONSENSE"])
def test_other_methods_are_refused(assets: Served, method: str) -> None:
    assert fetch(assets.url, "/static/css/large.css", method).status == 405


def test_health_check_and_access_log(assets: Served) -> None:
    alive = fetch(assets.url, "/healthz")
    assert (alive.status, alive.body.strip()) == (200, b"ok")
    name = "/static/in-the-access-log.css"
    fetch(assets.url, name)
    log = partial(assets.container.logs, stdout=True, stderr=False)
    engines.until(lambda: name.encode() in log(), "in the access log", assets, 30)
    complaints = assets.container.logs(stdout=False, stderr=True).decode()
    found = re.findall(r"(?i).*(?:warn|error|denied|emerg).*", complaints)
    assert [line for line in found if not EXPECTED_WARNINGS.search(line)] == []


def test_server_runs_as_an_unprivileged_user(assets: Served) -> None:
    processes = assets.container.top(ps_args="-o uid,pid")["Processes"]
    assert {user for user, _ in processes} == {"10001"}


def test_port_variable_and_clean_stop(images: dict[str, Build], engine: DockerClient) -> None:
    with serve(engine, images["assets"].tag, 9001, {"PORT": "9001"}) as running:
        assert fetch(running.url, "/static/css/large.css").status == 200
        running.container.stop(timeout=60)
        assert running.container.wait()["StatusCode"] == 0


def test_files_referenced_by_the_application_are_served(
    images: dict[str, Build], assets: Served, engine: DockerClient
) -> None:
    with serve(engine, images["web"].tag) as application:
        page = get(application.url)
        held = application.run("find /app/staticfiles -type f").split()
    named = REFERENCE.findall(page.text)
    assert named
    assert held == ["/app/staticfiles/staticfiles.json"]
    for name in named:
        assert re.search(r"\.[0-9a-f]{12}\.", name)
        response = fetch(assets.url, f"/static/{name}")
        assert (response.status, response.headers["cache-control"]) == (200, FOREVER)
        assert response.body.decode() == assets.read(f"/app/staticfiles/{name}")
        for further in re.findall(r'url\("([^"]+)"', response.body.decode()):
            assert fetch(assets.url, urljoin(f"/static/{name}", further)).status == 200


def test_application_image_contains_the_manifest_only(
    images: dict[str, Build],
) -> None:
    assets, web = images["assets"].static, images["web"].static
    assert assets["files"] > 2 * len(FILES)
    assert (web["files"], web["path"]) == (1, assets["path"])
    assert web["diff_id"] != assets["diff_id"]


def test_assets_image_passes_verify(images: dict[str, Build]) -> None:
    command = [sys.executable, "-m", "buildstatic", "verify", images["assets"].tag]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert images["assets"].static["diff_id"] in done.stdout


@pytest.mark.exhaustive
@pytest.mark.parametrize("server", ["nginx"], indirect=True)
def test_code_change_keeps_both_layers(
    images: dict[str, Build],
    server: str,
    argument: str,
    tmp_path: Path,
    tag: Callable[[str], str],
) -> None:
    root = site(tmp_path)
    with (root / "mysite" / "urls.py").open("a") as file:
        file.write("# A comment.\n")
    for target in ("assets", "web"):
        # Without the cache, which ignores the times in a layer.
        options = (server, target, argument, "--no-cache")
        again = build(root, lambda name: tag(f"{name}-again"), *options)
        assert again.static["diff_id"] == images[target].static["diff_id"]
        ran = {stage["name"] for stage in again.report["stages"] if not stage["cached"]}
        assert "static" in ran
        assert target == "assets" or "manifest" in ran


@pytest.mark.exhaustive
@pytest.mark.parametrize("server", ["nginx"], indirect=True)
def test_engine_api_builds_the_same_layer(
    images: dict[str, Build], server: str, argument: str, tag: Callable[[str], str]
) -> None:
    options = ("--serve", server, "--target", "assets", "--build-arg", argument)
    no_docker = {"PATH": str(Path(sys.executable).parent)}
    built = images["assets"]
    made = engines.build(built.root, tag("assets-api"), *options, environment=no_docker)
    assert made.static["diff_id"] == built.static["diff_id"]
