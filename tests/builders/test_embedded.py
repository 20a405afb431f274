"""The choice of a builder, and the embedded one called as a library."""

from __future__ import annotations

import dataclasses
import gc
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from buildstatic.builders import choose_builder, embedded
from buildstatic.builders.base import BuildOptions, BuildRequest, LayerFile
from buildstatic.builders.embedded import CollectedTree, EmbeddedBuilder
from buildstatic.builders.engine_api import EngineApiBuilder
from buildstatic.errors import EngineNotFound, StaticRootInvalid, UnsupportedByBuilder
from buildstatic.oci.reference import parse_reference
from buildstatic.project import Fact
from tests.dockerfile.variants import plain
from tests.oci.images import base, config_of, manifest_of


def builder(content: str = "body {}", **options: Any) -> EmbeddedBuilder:
    """Return a builder that collects one file with *content*."""

    def collect(layer_root: Path) -> CollectedTree:
        tree = layer_root / "x/staticfiles"
        tree.mkdir(parents=True)
        (tree / "site.css").write_text(content)
        return CollectedTree(tree)

    return EmbeddedBuilder(plain(Path("/x")), collect, **options)


def request(**options: Any) -> BuildRequest:
    return BuildRequest(Path("/x"), "", BuildOptions(**options))


@pytest.fixture
def no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make docker and its engine unavailable; ignore the sockets that the SDK leaks then."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield
        gc.collect()


@pytest.mark.usefixtures("no_engine")
def test_embedded_builder_is_the_fallback_without_an_engine() -> None:
    fallback = builder()
    assert choose_builder(request(builder="embedded"), fallback) is fallback
    assert choose_builder(request(), fallback) is fallback
    for options in ({"tags": ("x",)}, {"no_cache": True}):
        with pytest.raises(EngineNotFound, match="--base IMAGE --tag IMAGE"):
            choose_builder(request(**options), fallback)
    with pytest.raises(EngineNotFound) as failure:
        choose_builder(request(), None)
    assert "--base" not in str(failure.value)
    with pytest.raises(UnsupportedByBuilder, match="does not support --builder"):
        choose_builder(request(builder="other"), fallback)


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
def test_engine_api_is_chosen_without_a_docker_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    chosen = choose_builder(request(), builder())
    assert isinstance(chosen, EngineApiBuilder)
    chosen.client.close()


def test_layer_is_written_and_reused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    first = builder().build(request(), lambda *_: None)
    assert first.static is not None
    assert (first.static.path, first.static.files, first.static.bytes) == ("/app/staticfiles", 1, 7)
    size = embedded.DEFAULT_OUTPUT.stat().st_size
    assert first.layer == LayerFile(embedded.DEFAULT_OUTPUT, size)
    assert [stage.name for stage in first.stages] == ["collect", "layer"]
    again = builder().build(request(), lambda *_: None)
    changed = builder("p {}").build(request(), lambda *_: None)
    assert [result.reused for result in (first, again, changed)] == [None, True, False]


def test_every_tag_is_an_image_with_the_layer(tmp_path: Path) -> None:
    images = tmp_path / "images"
    start = parse_reference(base(images))
    tags = (f"oci:{images}:1", f"oci:{images}:2")
    result = builder(base=start).build(request(tags=tags), lambda *_: None)
    assert result.static is not None
    assert result.image == tags[0]
    assert result.layer is not None
    assert result.layer.path is None
    assert [stage.name for stage in result.stages] == ["collect", "layer", "image"]
    for tag in tags:
        assert manifest_of(tag)["layers"][-1]["digest"] == result.static.digest
        assert config_of(tag)["rootfs"]["diff_ids"][-1] == result.static.diff_id
    again = builder(base=parse_reference(tags[0]))
    assert again.build(request(tags=(f"oci:{images}:3",)), lambda *_: None).reused is True


def test_unsupported_requests_are_refused_before_collecting(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedByBuilder, match=r"does not support --platform, --pull\. It"):
        builder().build(request(platforms=("linux/amd64",), pull=True), lambda *_: None)
    project = plain(Path("/x"), static_root=Fact("/tmp/static", "settings.py:1"))
    elsewhere = dataclasses.replace(builder(), project=project)
    with pytest.raises(StaticRootInvalid):
        elsewhere.build(request(output=tmp_path / "layer"), lambda *_: None)
    assert list(tmp_path.iterdir()) == []
