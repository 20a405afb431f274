"""Dockerfiles generated with options: built and run."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import pytest

from buildstatic.cli import run
from tests.engine import build, get, inside, serve
from tests.samples import SAMPLES, copy

if TYPE_CHECKING:
    from docker import DockerClient

Tag = Callable[[str], str]

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine")]


def generated(name: str, parent: Path, *options: str) -> Path:
    """Copy the project *name* and generate its Dockerfile and .dockerignore with *options*."""
    parent.mkdir(exist_ok=True)
    root = copy(name, parent)
    command = ["generate", "dockerfile", "dockerignore", "--path", str(root), *options]
    assert run(command) == 0
    return root


def style_sheet(url: str) -> str:
    """Fetch the page at *url* and return the URL of its style sheet."""
    page = get(url)
    assert page.status == 200, page.text
    found = re.search(r'<link[^>]+href="([^"]+\.css)"', page.text)
    assert found, page.text
    return str(urljoin(url, found[1]))


def assert_fingerprints_are_served(url: str) -> None:
    """Fetch a page, its style sheet, and the file that the style sheet refers to."""
    sheet = style_sheet(url)
    assert re.search(r"\.[0-9a-f]{12}\.css$", sheet)
    response = get(sheet)
    assert (response.status, response.type) == (200, "text/css")
    (reference,) = re.findall(r'url\("(.+?)"\)', response.text)
    assert get(urljoin(sheet, reference)).status == 200


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("secret_key"),
        pytest.param("outside", marks=pytest.mark.exhaustive),
    ],
)
def test_collector_django_gives_a_reproducible_layer(
    name: str, tmp_path: Path, tag: Tag, engine: DockerClient
) -> None:
    root = generated(name, tmp_path, "--collector", "django")
    assert "/opt/buildstatic" not in (root / "Dockerfile").read_text()
    first = build(root, tag(f"django-{name}"))
    (root / "another.py").write_text(f"# {uuid.uuid4()}\n")
    again = build(root, tag(f"django-again-{name}"))
    assert not any(s["cached"] for s in again.report["stages"] if s["name"] == "static")
    assert again.static["diff_id"] == first.static["diff_id"]

    with serve(engine, first.tag, environment=SAMPLES[name].environment) as served:
        assert_fingerprints_are_served(served.url)

    tree = first.static["path"]
    modes = (
        f"find {tree} -type f -printf '%m %U:%G %T@\\n' | sort -u; stat -c %a%u {tree} {tree}/.."
    )
    expected = ["644 0:0 0.0000000000", "7550", "7550"]
    assert inside(engine, first.tag, modes).splitlines() == expected
    assert inside(engine, first.tag, "find / -xdev -iname '*buildstatic*'") == ""

    image = engine.images.get(first.tag)
    metadata = f"{image.history()}{image.attrs['Config']}"
    assert "SECRET_KEY" not in metadata
    assert "PAYMENTS_URL" not in metadata


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(["--cache-mounts"], id="cache-mounts"),
        pytest.param(["--multi-platform"], id="multi-platform"),
    ],
)
@pytest.mark.exhaustive
def test_options_do_not_change_the_static_layer(
    options: list[str], tmp_path: Path, tag: Tag, engine: DockerClient
) -> None:
    plain = generated("manifest", tmp_path / "plain")
    root = generated("manifest", tmp_path / "options", *options)
    assert (root / "Dockerfile").read_text() != (plain / "Dockerfile").read_text()
    image = build(root, tag(f"options{options[0]}"))
    assert image.static["diff_id"] == build(plain, tag("options-plain")).static["diff_id"]
    assert inside(engine, image.tag, "find / -xdev -path '*/.cache/*' -type f") == ""
    with serve(engine, image.tag) as served:
        assert_fingerprints_are_served(served.url)


@pytest.mark.exhaustive
def test_python_and_port_options_are_used(tmp_path: Path, tag: Tag, engine: DockerClient) -> None:
    root = generated("manifest", tmp_path, "--python", "3.11", "--port", "9000")
    image = build(root, tag("python-and-port"))
    with serve(engine, image.tag, port=9000) as served:
        assert_fingerprints_are_served(served.url)
        version = "python -c 'import sys; print(*sys.version_info[:2])'"
        assert served.run(version).split() == ["3", "11"]


S3 = """
STORAGES["staticfiles"] = {
    "BACKEND": "storages.backends.s3.S3Storage",
    "OPTIONS": {
        "bucket_name": "mysite-static",
        "custom_domain": "static.example.org",
        "querystring_auth": False,
    },
}
"""


def test_remote_storage_needs_no_static_stage(
    tmp_path: Path, tag: Tag, engine: DockerClient
) -> None:
    source = copy("remote", tmp_path)
    with (source / "mysite" / "settings.py").open("a") as settings:
        settings.write(S3)
    assert run(["generate", "dockerfile", "dockerignore", "--path", str(source)]) == 0
    image = build(source, tag("remote"))
    assert image.report["static"] is None
    # BuildKit leaves a stage out of its progress if a later step was cached.
    stages = {stage["name"] for stage in image.report["stages"]}
    assert stages | {"base"} == {"base", "deps", "runtime", "web"}
    with serve(engine, image.tag) as served:
        assert style_sheet(served.url) == "https://static.example.org/css/site.css"
        assert served.run("python manage.py help collectstatic")
