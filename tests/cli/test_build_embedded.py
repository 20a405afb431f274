"""The embedded builder: no engine, the same layer, and nothing that was not asked for."""

from __future__ import annotations

import json
import os
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.oci.images import base, config_of, manifest_of
from tests.oci.tiny import DOCKERFILE, SETTINGS, build, registry, tiny
from tests.samples import copy

NOWHERE = {"DOCKER_HOST": "unix:///nonexistent/docker.sock", "PATH": os.defpath}
EMBEDDED = ("--builder", "embedded")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project, in a directory that is the current one's neighbour."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tiny(tmp_path / "tiny", None)


def here() -> list[str]:
    return sorted(path.name for path in Path.cwd().iterdir())


def test_where_no_engine_answers_the_layer_is_made_all_the_same_and_that_is_said(
    root: Path,
) -> None:
    ran = build(root, environ=NOWHERE)
    assert ran.code == 0, ran.err
    assert ran.err.startswith("No Docker engine responds: building the static layer only.")
    assert "in /app/staticfiles\n" in ran.out
    assert "in static-layer.tar.gz\n" in ran.out
    assert here() == ["static-layer.tar.gz", "static-layer.tar.gz.json"]
    assert not (root / "staticfiles").exists()


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
def test_the_layer_is_the_one_that_the_engine_makes(
    tmp_path: Path, tag: Callable[[str], str]
) -> None:
    root = tiny(tmp_path / "tiny", None, {"requirements.txt": "Django\ngunicorn\n"})
    with_engine = build(root, "--tag", tag("same-layer"), "--json").report
    without = build(root, "-o", str(tmp_path / "l"), "--json", environ=NOWHERE).report
    for key in ("path", "files", "bytes", "diff_id"):
        assert without["static"][key] == with_engine["static"][key]


def test_programs_get_what_they_get_of_another_builder_and_the_file(root: Path) -> None:
    ran = build(root, *EMBEDDED, "-o", "l.tar.gz", "--json")
    report = ran.report
    assert list(report) == ["image", "id", "static", "stages", "seconds", "layer"]
    assert (report["image"], report["id"], report["layer"]) == (None, None, "l.tar.gz")
    assert report["static"]["path"] == "/app/staticfiles"
    assert report["static"]["reused"] is None
    assert [stage["name"] for stage in report["stages"]] == ["collect", "layer"]
    described = json.loads(Path("l.tar.gz.json").read_text())
    assert described["digest"] == report["static"]["digest"]
    assert ran.out.count("\n") == 1


def test_a_layer_is_reused_until_a_static_file_is_another(root: Path) -> None:
    said = [build(root, *EMBEDDED, "--json").report["static"]["reused"]]
    (root / "mysite/urls.py").write_text("urlpatterns = []\n")
    said.append(build(root, *EMBEDDED, "--json").report["static"]["reused"])
    (root / "static/css/site.css").write_text("main {}\n")
    said.append(build(root, *EMBEDDED, "--json").report["static"]["reused"])
    assert said == [None, True, False]


def test_with_a_base_every_tag_is_an_image_with_the_layer_and_no_file_is_written(
    root: Path,
) -> None:
    base(Path("images"))
    tags = ("--tag", "oci:images:1", "--tag", "oci:images:2")
    report = build(root, "--base", "oci:images:base", *tags, "--json", environ=NOWHERE).report
    assert (report["image"], report["layer"]) == ("oci:images:1", None)
    assert [stage["name"] for stage in report["stages"]] == ["collect", "layer", "image"]
    assert here() == ["images"]
    for name in ("oci:images:1", "oci:images:2"):
        assert manifest_of(name)["layers"][-1]["digest"] == report["static"]["digest"]
        assert config_of(name)["rootfs"]["diff_ids"][-1] == report["static"]["diff_id"]
    again = build(root, "--base", "oci:images:1", "--tag", "oci:images:3", "--json")
    assert again.report["static"]["reused"] is True
    assert len(manifest_of("oci:images:3")["layers"]) == 3


def test_only_push_sends_to_a_registry(root: Path) -> None:
    base(Path("images"))
    tag = f"{registry()}/buildstatic-tests/{uuid.uuid4().hex[:8]}:new"
    ran = build(root, "--base", "oci:images:base", "--tag", tag)
    assert (ran.code, "set --push" in ran.err) == (2, True)
    report = build(root, "--base", "oci:images:base", "--tag", tag, "--push", "--json").report
    assert manifest_of(tag)["layers"][-1]["digest"] == report["static"]["digest"]


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(["--tag", "oci:x:1"], id="tag-alone"),
        pytest.param(["--base", "oci:x:1"], id="base-alone"),
        pytest.param(["--base", "oci:x:1", "--tag", "oci:x:2", "--push"], id="push-to-a-layout"),
        pytest.param(["--base", "oci:x:1", "--tag", "mysite"], id="docker-hub"),
    ],
)
def test_wrong_use_is_told_before_anything_is_collected(root: Path, options: list[str]) -> None:
    ran = build(root, *EMBEDDED, *options)
    assert (ran.code, here()) == (2, []), ran.err


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(["--builder", "other", "-o", "l"], id="output"),
        pytest.param(["--builder", "other", "--base", "x", "--tag", "x"], id="base"),
        pytest.param(["--insecure"], id="insecure"),
        pytest.param(["--python", sys.executable], id="python"),
    ],
)
def test_what_is_for_the_embedded_builder_is_wrong_with_another(
    root: Path, options: list[str]
) -> None:
    ran = build(root, *options, environ=NOWHERE)
    assert (ran.code, here()) == (2, [])
    assert "embedded builder" in ran.err


@pytest.mark.parametrize(
    "option",
    [
        pytest.param("--target=static", id="target"),
        pytest.param("--build-arg=A=1", id="build-arg"),
        pytest.param("--secret=id=a,src=manage.py", id="secret"),
        pytest.param("--cache-from=x", id="cache-from"),
        pytest.param("--cache-to=x", id="cache-to"),
        pytest.param("--platform=linux/amd64", id="platform"),
        pytest.param("--no-cache", id="no-cache"),
        pytest.param("--pull", id="pull"),
        pytest.param("--export=out", id="export"),
    ],
)
def test_what_is_about_a_dockerfile_is_refused_and_named(root: Path, option: str) -> None:
    ran = build(root, *EMBEDDED, option)
    assert (ran.code, here()) == (44, [])
    assert ran.err.startswith(
        f"error: The embedded builder does not support {option.partition('=')[0]}."
    )
    assert ran.err.count("\n") == 1
    if option not in ("--secret=id=a,src=manage.py",):
        other = build(root, option, environ=NOWHERE)
        assert other.code in (40, 44, 12), other.err


def test_the_python_that_is_named_collects(root: Path) -> None:
    broken = Path("python")
    broken.write_text("#!/bin/sh\necho this one is asked >&2\nexit 1\n")
    broken.chmod(0o755)
    ran = build(root, *EMBEDDED, "--python", str(broken))
    assert (ran.code != 0, here()) == (True, ["python"])
    assert build(root, *EMBEDDED, "--python", sys.executable).code == 0


@pytest.mark.parametrize("is_built", [False, True], ids=["not built", "built"])
def test_a_front_end_that_was_not_built_is_warned_about(tmp_path: Path, is_built: bool) -> None:
    site = copy("frontend", tmp_path)
    (site / "frontend/src/page.css").write_text("body {}\n")
    if is_built:
        (site / "frontend/dist").mkdir()
        (site / "frontend/dist/page.css").write_text("body {}\n")
    ran = build(site, *EMBEDDED, "-o", str(tmp_path / "layer"))
    assert ran.code == 0, ran.err
    said = f"warning: frontend/dist is missing: run npm run build in {site} first"
    assert (said in " ".join(ran.err.split())) != is_built


def test_a_place_where_the_layer_would_do_damage_is_refused(root: Path) -> None:
    settings = SETTINGS.replace('BASE_DIR / "staticfiles"', '"/tmp/static"')
    (root / "mysite/settings.py").write_text(settings)
    ran = build(root, *EMBEDDED)
    assert (ran.code, here()) == (20, [])


def test_it_needs_no_dockerfile_and_reads_none(root: Path) -> None:
    (root / "Dockerfile").write_bytes(b"\xff" + DOCKERFILE.encode())
    assert build(root, *EMBEDDED).code == 0
