"""The application, the assets server, and the router of the how-to together."""

from __future__ import annotations

import re
import textwrap
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests import engine as engines
from tests.dockerfile.served import base, site
from tests.engine import Served, get, responds, until
from tests.pages import read

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

ROUTER, PORTS = "router", {"80/tcp": ("127.0.0.1", 0)}
ROUTES = re.compile(r"    content: \|\n((?:      .*\n)+)")


@contextmanager
def beside(client: DockerClient, images: Mapping[str, str], routes: str) -> Iterator[Served]:
    """Run *images* in a network, each with its name as host name; yield the router."""
    name = f"{engines.REPOSITORY}-{uuid.uuid4().hex[:8]}"
    file = "/tmp/Caddyfile"
    script = f"cat > {file} <<'END'\n{routes}END\nexec caddy run --config {file}"
    with ExitStack() as undo:
        network = client.networks.create(name)
        undo.callback(network.remove)
        for role, image in images.items():
            options = {"command": ["sh", "-c", script], "ports": PORTS} if role == ROUTER else {}
            container = run(client, image, name, role, **options)
            undo.callback(container.remove, force=True, v=True)
        container.reload()
        published = container.ports["80/tcp"]
        assert published
        yield Served(container, f"http://127.0.0.1:{published[0]['HostPort']}")


def run(client: DockerClient, image: str, network: str, role: str, **options: Any) -> Container:
    """Start *image* in *network* with the host name *role*."""
    return client.containers.run(
        image,
        detach=True,
        network=network,
        networking_config={network: client.api.create_endpoint_config(aliases=[role])},
        sysctls={"net.ipv4.ip_unprivileged_port_start": "0"},
        **options,
    )


@pytest.mark.engine
def test_routes_of_the_how_to_reach_both_servers(
    engine: DockerClient, shared: Path, tag: Callable[[str], str], tmp_path: Path
) -> None:
    found = ROUTES.search(read("docs/how-to/serve.md"))
    assert found
    root = site(tmp_path)
    images = {}
    argument = base("caddy", shared, tag)
    for target in ("web", "assets"):
        options = ("--serve", "caddy", "--target", target, "--build-arg", argument)
        images[target] = engines.build(root, tag(f"routed-{target}"), *options).tag
    images[ROUTER] = argument.partition("=")[2]
    with beside(engine, images, textwrap.dedent(found[1])) as router:
        until(lambda: responds(router), "the router", router)
        until(lambda: get(router.url).status == 200, "the application", router)
        (name,) = re.findall(r'href="(/static/[^"]+)"', get(router.url).text)
        style = get(f"{router.url}{name}")
        assert (style.status, style.type) == (200, "text/css")
        assert "immutable" in style.headers["Cache-Control"]
        assert get(f"{router.url}/nowhere").status == 404
