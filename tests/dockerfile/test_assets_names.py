"""STATIC_URL and STATIC_ROOT of any name: a server that answers there, or one that says why not."""

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

from buildstatic.dockerfile.assets import SERVERS, Assets, prefix_of
from buildstatic.dockerfile.generate import DockerfileOptions, dockerfile, tree_in_image
from buildstatic.errors import ConfigInvalid
from buildstatic.project import Fact
from tests.engine import serve
from tests.oci.served import BASE, PORT, ask
from tests.oci.variants import ODD, SERVE, Variant, plain

if TYPE_CHECKING:
    from docker import DockerClient

every_server = pytest.mark.parametrize("server", SERVERS)
# Where a URL and a shell, a Dockerfile or a configuration would read something else.
TOGETHER = 'it\'s "$HOME" `id` ${a}{b} \\ back;semi|pipe ünïcødé-日本 *.css (r) [ab] ^~ <<EOF'
URL = "it's (r) [ab]%3F;|&^~ $x %231"


def with_url(url: str) -> Fact[str]:
    return Fact(url, "mysite/settings.py:3")


def options(server: Assets, *, own_variants: bool = False) -> DockerfileOptions:
    return DockerfileOptions(SERVE, assets=server, own_variants=own_variants)


def image(server: Assets, root: Path, tag: str, url: str, static_root: str) -> None:
    """Build the generated image of *server*, its static stage replaced by one file and a manifest.

    A named context stands for the stage of that name (docs.docker.com/reference/cli/docker/buildx,
    build, "--build-context").
    """
    facts = {"static_url": with_url(url), "static_root": Fact(static_root, "s:1")}
    variant = Variant(facts, {"assets": server})
    tree = root / "static" / "layer" / tree_in_image(variant.project(root)).strip("/")
    tree.mkdir(parents=True)
    (tree / "site.css").write_text("body {}")
    (tree / "staticfiles.json").write_text("{}")
    (tree / ".git").mkdir()
    (tree / ".git" / "config").write_text("[core]")
    text = dockerfile(variant.project(root), variant.chosen).text
    (root / "Dockerfile").write_text(text, encoding="utf-8")
    flags = ("--target=assets", f"--tag={tag}", f"--build-arg={BASE}")
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
        pytest.param("https://cdn.example.com/static/", "/static/", "public", id="a host's"),
        pytest.param("https://cdn.example.com/", "/", "/srv/static", id="a host's root"),
        pytest.param("/a/b%20c/", "/a/b c/", "with space", id="space"),
        pytest.param(f"/{URL}/", f"/{unquote(URL)}/", TOGETHER, id="odd"),
    ],
)
def test_files_are_served_below_a_url_of_any_name(
    server: Assets,
    url: str,
    prefix: str,
    static_root: str,
    tmp_path: Path,
    engine: DockerClient,
    tag: Callable[[str], str],
) -> None:
    name = tag(f"named-{server}-{uuid.uuid4().hex[:8]}")
    image(server, tmp_path, name, url, static_root)
    with serve(engine, name, PORT, read_only=True) as running:
        answer = ask(running.url, quote(f"{prefix}site.css"))
        assert (answer.status, answer.body) == (200, b"body {}")
        for name in ("staticfiles.json", "none.css", ".git/config"):
            assert ask(running.url, quote(f"{prefix}{name}")).status == 404
        assert ask(running.url, "/healthz").body.strip() == b"ok"
        assert ask(running.url, "/other/site.css").status == 404


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
def test_a_url_that_no_server_can_have_is_refused(server: Assets, url: str) -> None:
    with pytest.raises(ConfigInvalid, match=r"^mysite/settings.py:3: .*STATIC_URL"):
        dockerfile(plain(Path("/x"), static_url=with_url(url)), options(server))


@pytest.mark.parametrize("name", ODD)
def test_a_url_of_an_odd_name_is_the_path_that_a_browser_asks_for(name: str) -> None:
    url = f"https://example.com/{quote(name)}/"
    assert prefix_of(plain(Path("/x"), static_url=with_url(url))) == f"/{name}/"


@every_server
def test_files_that_are_kept_elsewhere_have_no_server_here(server: Assets) -> None:
    remote = plain(Path("/x"), remote=Fact(True, "mysite/settings.py:9"))
    with pytest.raises(
        ConfigInvalid, match=r"mysite/settings.py:9 keeps the static files elsewhere"
    ):
        dockerfile(remote, options(server))


@every_server
def test_an_unknown_url_is_the_usual_one_and_that_is_said(server: Assets) -> None:
    made = dockerfile(plain(Path("/x"), static_url=None), options(server))
    assert "/static/" in made.text
    assert "below /static/" in " ".join(made.notes)


@every_server
def test_variants_are_asked_for_unless_the_project_says_which(server: Assets) -> None:
    asked = dockerfile(plain(Path("/x")), options(server)).text
    assert '"--formats", "gz,br' in asked
    own = dockerfile(plain(Path("/x")), options(server, own_variants=True)).text
    assert "--formats" not in own


@pytest.mark.engine
def test_nginx_serves_below_a_url_of_any_letters_at_all(
    tmp_path: Path, engine: DockerClient, tag: Callable[[str], str]
) -> None:
    image("nginx", tmp_path, tag("named-nginx-anything"), f"/{TOGETHER}/", TOGETHER)
    with serve(engine, tag("named-nginx-anything"), PORT) as running:
        assert ask(running.url, quote(f"/{TOGETHER}/site.css")).body == b"body {}"
        assert ask(running.url, quote(f"/{TOGETHER}/staticfiles.json")).status == 404


@pytest.mark.parametrize("letter", ["*", "%", "{", "}", '"', "`", "\\", "ü"])
def test_a_letter_that_means_something_to_caddy_is_named(letter: str) -> None:
    odd = plain(Path("/x"), static_url=with_url(f"/{quote(letter)}/"))
    with pytest.raises(ConfigInvalid, match=f"has {re.escape(letter)} in it"):
        dockerfile(odd, options("caddy"))
    assert "location ^~" in dockerfile(odd, options("nginx")).text
