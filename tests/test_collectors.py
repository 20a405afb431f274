"""What becomes of a Dockerfile that was written with other options: built, run and asked."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import pytest

from buildstatic.cli import run
from tests.engine import Build, build, get, inside, serve
from tests.samples import SAMPLES, copy

if TYPE_CHECKING:
    from docker import DockerClient

Tag = Callable[[str], str]

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine")]


def generated(name: str, parent: Path, *options: str) -> Path:
    """Copy the project *name*, and write its Dockerfile and .dockerignore with *options*."""
    parent.mkdir(exist_ok=True)
    root = copy(name, parent)
    command = ["generate", "dockerfile", "dockerignore", "--path", str(root), *options]
    assert run(command) == 0
    return root


def style_sheet(url: str) -> str:
    """Fetch the page at *url*, and return the address of the style sheet that it names."""
    page = get(url)
    assert page.status == 200, page.text
    found = re.search(r'<link[^>]+href="([^"]+\.css)"', page.text)
    assert found, page.text
    return str(urljoin(url, found[1]))


def assert_fingerprints_are_served(url: str) -> None:
    """Fetch a page, its style sheet, and what that names in turn."""
    sheet = style_sheet(url)
    assert re.search(r"\.[0-9a-f]{12}\.css$", sheet)
    answer = get(sheet)
    assert (answer.status, answer.type) == (200, "text/css")
    (named,) = re.findall(r'url\("(.+?)"\)', answer.text)
    assert get(urljoin(sheet, named)).status == 200


@pytest.fixture(scope="module", params=["secret_key", "outside"])
def by_django(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, tag: Tag
) -> Build:
    """An image of a project whose files plain ``manage.py collectstatic`` collects."""
    name = request.param
    parent = tmp_path_factory.mktemp("django")
    root = generated(name, parent, "--collector", "django")
    assert "/opt/buildstatic" not in (root / "Dockerfile").read_text()
    return build(root, tag(f"django-{name}"), "--no-cache")


def test_what_django_collects_alone_is_served(by_django: Build, engine: DockerClient) -> None:
    environment = SAMPLES[by_django.root.name].environment
    with serve(engine, by_django.tag, environment=environment) as served:
        assert_fingerprints_are_served(served.url)


def test_what_django_collects_alone_is_the_same_layer_with_every_build(
    by_django: Build, tag: Tag
) -> None:
    again = build(by_django.root, tag(f"django-again-{by_django.root.name}"), "--no-cache")
    (stage,) = (stage for stage in again.report["stages"] if stage["name"] == "static")
    assert not stage["cached"]
    assert again.static["diff_id"] == by_django.static["diff_id"]


def test_what_django_collects_alone_is_roots_and_can_be_read(
    by_django: Build, engine: DockerClient
) -> None:
    tree = by_django.static["path"]
    script = (
        f"find {tree} -type f -printf '%m %U:%G %T@\\n' | sort -u; stat -c %a%u {tree} {tree}/.."
    )
    assert inside(engine, by_django.tag, script).splitlines() == [
        "644 0:0 0.0000000000",
        "7550",
        "7550",
    ]
    assert inside(engine, by_django.tag, "find / -xdev -iname '*buildstatic*'") == ""


def test_no_placeholder_of_djangos_collecting_is_in_the_image(
    by_django: Build, engine: DockerClient
) -> None:
    image = engine.images.get(by_django.tag)
    said = f"{image.history()}{image.attrs['Config']}"
    assert "SECRET_KEY" not in said
    assert "PAYMENTS_URL" not in said


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory, tag: Tag) -> Build:
    """An image with no options at all."""
    root = generated("manifest", tmp_path_factory.mktemp("usual"))
    return build(root, tag("options-usual"))


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(["--no-cache-mounts"], id="no cache mounts"),
        pytest.param(["--multi-platform"], id="multi-platform"),
    ],
)
def test_options_make_another_dockerfile_and_the_same_static_layer(
    options: list[str], usual: Build, tmp_path: Path, tag: Tag
) -> None:
    root = generated("manifest", tmp_path, *options)
    other, plain = ((path / "Dockerfile").read_text() for path in (root, usual.root))
    assert other != plain
    image = build(root, tag(f"options{options[0]}"))
    assert image.static["diff_id"] == usual.static["diff_id"]


def test_without_cache_mounts_no_cache_is_left_in_the_image(
    tmp_path: Path, tag: Tag, engine: DockerClient
) -> None:
    root = generated("manifest", tmp_path, "--no-cache-mounts")
    assert "type=cache" not in (root / "Dockerfile").read_text()
    image = build(root, tag("no-cache-mounts"))
    caches = "find / -xdev -path '*/.cache/*' -type f"
    assert inside(engine, image.tag, caches) == ""
    with serve(engine, image.tag) as served:
        assert_fingerprints_are_served(served.url)


def test_the_python_and_the_port_asked_for_are_those_that_serve(
    tmp_path: Path, tag: Tag, engine: DockerClient
) -> None:
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


def test_with_remote_storage_the_image_builds_with_no_static_stage_and_answers(
    tmp_path: Path, tag: Tag, engine: DockerClient
) -> None:
    source = copy("remote", tmp_path)
    with (source / "mysite" / "settings.py").open("a") as settings:
        settings.write(S3)
    assert run(["generate", "dockerfile", "dockerignore", "--path", str(source)]) == 0
    image = build(source, tag("remote"))
    assert image.report["static"] is None
    assert {stage["name"] for stage in image.report["stages"]} == {"base", "deps", "web"}
    with serve(engine, image.tag) as served:
        assert style_sheet(served.url) == "https://static.example.org/css/site.css"
        assert served.run("python manage.py help collectstatic")
