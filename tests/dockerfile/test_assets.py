"""The assets stage with every kind of STATIC_URL and STATIC_ROOT."""

from __future__ import annotations

import os
import re
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

import pytest

from buildstatic.dockerfile.assets import SERVERS, Assets, url_prefix
from buildstatic.dockerfile.generate import DockerfileOptions, generate_dockerfile
from buildstatic.dockerfile.static_root import static_root_in_image
from buildstatic.errors import ConfigInvalid
from buildstatic.project import Fact
from tests.dockerfile.served import PORT, base, fetch
from tests.dockerfile.variants import SERVE, SPECIAL_NAMES, Variant, plain
from tests.engine import serve

if TYPE_CHECKING:
    from docker import DockerClient

every_server = pytest.mark.parametrize("server", SERVERS)
# Characters that are special in a URL, a shell, a Dockerfile or a configuration.
TOGETHER = 'it\'s "$HOME" `id` ${a}{b} \\ back;semi|pipe ünïcødé-日本 *.css (r) [ab] ^~ <<EOF'
URL = "it's (r) [ab]%3F;|&^~ $x %231"


def with_url(url: str) -> Fact[str]:
    return Fact(url, "mysite/settings.py:3")


def options(server: Assets, *, formats_configured: bool = False) -> DockerfileOptions:
    return DockerfileOptions(SERVE, assets=server, formats_configured=formats_configured)


def image(server: Assets, root: Path, tag: str, argument: str, url: str, static_root: str) -> None:
    """Build the generated image of *server*, its static stage replaced by one file and a manifest.

    A named context replaces the stage of that name (docs.docker.com/reference/cli/docker/buildx,
    build, "--build-context").
    """
    facts = {"static_url": with_url(url), "static_root": Fact(static_root, "s:1")}
    variant = Variant(facts, {"assets": server})
    tree = root / "static" / "layer" / static_root_in_image(variant.project(root)).strip("/")
    tree.mkdir(parents=True)
    (tree / "site.css").write_text("body {}")
    (tree / "staticfiles.json").write_text("{}")
    (tree / ".git").mkdir()
    (tree / ".git" / "config").write_text("[core]")
    text = generate_dockerfile(variant.project(root), variant.dockerfile_options).text
    (root / "Dockerfile").write_text(text, encoding="utf-8")
    flags = ("--target=assets", f"--tag={tag}", f"--build-arg={argument}")
    command = ["docker", "buildx", "build", *flags, f"--build-context=static={root}/static"]
    done = subprocess.run(
        [*command, str(root)], env=os.environ, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.engine
@every_server
@pytest.mark.parametrize(
    ("url", "prefix", "static_root"),
    [
        pytest.param("https://cdn.example.com/", "/", "/srv/static", id="a host's root"),
        pytest.param(f"/{URL}/", f"/{unquote(URL)}/", TOGETHER, id="special"),
    ],
)
def test_files_are_served_below_static_url(
    server: Assets,
    url: str,
    prefix: str,
    static_root: str,
    tmp_path: Path,
    engine: DockerClient,
    shared: Path,
    tag: Callable[[str], str],
) -> None:
    name = tag(f"named-{server}-{uuid.uuid4().hex[:8]}")
    image(server, tmp_path, name, base(server, shared, tag), url, static_root)
    with serve(engine, name, PORT, read_only=True) as running:
        response = fetch(running.url, quote(f"{prefix}site.css"))
        assert (response.status, response.body) == (200, b"body {}")
        for name in ("staticfiles.json", "none.css", ".git/config"):
            assert fetch(running.url, quote(f"{prefix}{name}")).status == 404
        assert fetch(running.url, "/healthz").body.strip() == b"ok"
        assert fetch(running.url, "/other/site.css").status == 404


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("/static", id="no slash at its end"),
        pytest.param("https://cdn.example.com", id="no path"),
        pytest.param("/static/?v=2/", id="query"),
        pytest.param("/static/#/", id="fragment"),
        pytest.param("/a/../static/", id="above"),
        pytest.param("/./static/", id="dot"),
        pytest.param("/static//", id="two slashes"),
        pytest.param("/sta\ntic/", id="line break"),
        pytest.param("/sta%0atic/", id="line break, encoded"),
        pytest.param("/sta%00tic/", id="zero byte"),
        pytest.param("/\udcff/", id="no UTF-8"),
        pytest.param("/%ff/", id="no UTF-8, encoded"),
        pytest.param("http://[::1/static/", id="no address"),
    ],
)
@every_server
def test_invalid_static_url_is_refused(server: Assets, url: str) -> None:
    with pytest.raises(ConfigInvalid, match=r"^mysite/settings.py:3: .*STATIC_URL"):
        generate_dockerfile(plain(Path("/x"), static_url=with_url(url)), options(server))


@pytest.mark.parametrize("name", SPECIAL_NAMES)
def test_url_prefix_is_decoded(name: str) -> None:
    url = f"https://example.com/{quote(name)}/"
    assert url_prefix(plain(Path("/x"), static_url=with_url(url))) == f"/{name}/"


@every_server
def test_remote_storage_is_refused(server: Assets) -> None:
    remote = plain(Path("/x"), remote=Fact(True, "mysite/settings.py:9"))
    with pytest.raises(
        ConfigInvalid, match=r"mysite/settings.py:9 stores the static files remotely"
    ):
        generate_dockerfile(remote, options(server))


@every_server
def test_unknown_static_url_is_assumed_with_a_note(server: Assets) -> None:
    made = generate_dockerfile(plain(Path("/x"), static_url=None), options(server))
    assert "/static/" in made.text
    assert "below /static/" in " ".join(made.notes)


@every_server
def test_formats_of_the_server_are_the_default(server: Assets) -> None:
    default = generate_dockerfile(plain(Path("/x")), options(server)).text
    assert '"--formats", "gz,br' in default
    configured = generate_dockerfile(
        plain(Path("/x")), options(server, formats_configured=True)
    ).text
    assert "--formats" not in configured


@pytest.mark.engine
def test_nginx_supports_all_characters_in_static_url(
    tmp_path: Path, engine: DockerClient, shared: Path, tag: Callable[[str], str]
) -> None:
    name = tag("named-nginx-anything")
    image("nginx", tmp_path, name, base("nginx", shared, tag), f"/{TOGETHER}/", TOGETHER)
    with serve(engine, name, PORT) as running:
        assert fetch(running.url, quote(f"/{TOGETHER}/site.css")).body == b"body {}"
        assert fetch(running.url, quote(f"/{TOGETHER}/staticfiles.json")).status == 404


@pytest.mark.parametrize("letter", ["*", "%", "{", "}", '"', "`", "\\", "ü"])
def test_caddy_refuses_special_characters(letter: str) -> None:
    project = plain(Path("/x"), static_url=with_url(f"/{quote(letter)}/"))
    with pytest.raises(ConfigInvalid, match=f"does not support {re.escape(letter)} in the path"):
        generate_dockerfile(project, options("caddy"))
    assert "location ^~" in generate_dockerfile(project, options("nginx")).text
