"""``buildstatic layer --base --tag``: the layer put on an image, from the command line."""

from __future__ import annotations

import json
import sys
import uuid
from pathlib import Path

import pytest

from buildstatic.errors import (
    ConfigInvalid,
    ImageNotFound,
    ImageReferenceInvalid,
    RegistryUnavailable,
)
from tests.collect.sites import PLACE, Ran, make_site, run
from tests.oci.images import Base, base, config_of, manifest_of
from tests.oci.scratch import tar
from tests.oci.tiny import registry
from tests.running import free_port

ARGV = (sys.executable, "-m", "buildstatic", "layer")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a layer root of one file."""
    file = tmp_path / "root/app/staticfiles/site.css"
    file.parent.mkdir(parents=True)
    file.write_text("body {}\n")
    return tmp_path / "root"


def layer(*arguments: str | Path, cwd: Path, **environ: str) -> Ran:
    return run(*ARGV, *arguments, cwd=cwd, environ=environ)


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_the_image_has_the_layer_on_top_and_no_file_is_left(tree: Path) -> None:
    base(tree.parent / "images")
    ran = layer("root", "--base=oci:images:base", "--tag=oci:images:new", "--json", cwd=tree.parent)
    assert ran.code == 0, ran.err
    said = json.loads(ran.out)
    assert names(tree.parent) == ["images", "root"]
    top = manifest_of(f"oci:{tree.parent / 'images'}:new")["layers"][-1]
    assert (top["digest"], top["size"]) == (said["digest"], said["size"])
    assert said["image"]["reference"] == "oci:images:new"
    assert said["image"]["sent"] >= said["size"]
    assert said["image"]["present"] > 0


def test_with_an_output_the_layer_is_there_too(tree: Path) -> None:
    base(tree.parent / "images")
    names_of = ("--base", "oci:images:base", "--tag", "oci:images:new")
    ran = layer("root", *names_of, "-o", "l.tar.gz", cwd=tree.parent)
    assert ran.code == 0, ran.err
    assert names(tree.parent) == ["images", "l.tar.gz", "l.tar.gz.json", "root"]
    top = manifest_of(f"oci:{tree.parent / 'images'}:new")["layers"][-1]
    assert json.loads((tree.parent / "l.tar.gz.json").read_text())["digest"] == top["digest"]


def test_a_project_is_collected_first_and_names_are_of_the_directory_that_it_began_in(
    tmp_path: Path,
) -> None:
    site = make_site(tmp_path / "site")
    site.place()
    base(tmp_path / "images")
    names_of = ("--base", "oci:images:base", "--tag", "oci:images:new")
    ran = layer("--path", "site", *names_of, "-o", "layer.tar", cwd=tmp_path)
    assert ran.code == 0, ran.err
    assert names(tmp_path) == ["images", "layer.tar", "layer.tar.json", "site"]
    assert len(manifest_of(f"oci:{tmp_path / 'images'}:new")["layers"]) == 3
    assert PLACE not in ran.err


def test_what_is_replaced_and_what_is_dropped_is_said(tree: Path) -> None:
    images = Base(tree.parent / "images")
    one = images.image(tar({"etc/one": b"1"})).descriptor
    two = images.image(tar({"etc/one": b"1"}), platform="arm64").descriptor
    more = {"annotations": {"vnd.docker.reference.type": "attestation-manifest"}}
    kept = images.write({"architecture": "unknown"}).descriptor
    attestation = type(kept)(kept.media_type, kept.digest, kept.size, more)
    images.index(one, two, attestation, tag="base")
    first = layer("root", "--base=oci:images:base", "-t", "oci:images:1", cwd=tree.parent)
    assert first.code == 0, first.err
    assert first.out.count("linux/a") == 2
    assert f"dropped  {kept.digest}, an attestation" in first.out
    assert "replaced" not in first.out
    diff_id = next(line for line in first.out.splitlines() if line.startswith("diffID"))
    (tree / "app/staticfiles/site.css").write_text("other {}\n")
    again = layer("root", "--base=oci:images:1", "-t", "oci:images:2", cwd=tree.parent)
    assert f"replaced {diff_id.split()[1]}, the static layer before\n" in again.out
    assert again.out.count("replaced") == 1


def test_source_date_epoch_is_the_time_of_the_image(tree: Path) -> None:
    base(tree.parent / "images")
    names_of = ("--base=oci:images:base", "--tag=oci:images:new")
    ran = layer("root", *names_of, cwd=tree.parent, SOURCE_DATE_EPOCH="86400")
    assert ran.code == 0, ran.err
    config = config_of(f"oci:{tree.parent / 'images'}:new")
    assert config["created"] == "1970-01-02T00:00:00Z"


def test_in_a_registry_the_second_push_sends_next_to_nothing(tree: Path) -> None:
    registry()
    base(tree.parent / "images")
    tag = f"127.0.0.1:5000/buildstatic-tests/{uuid.uuid4().hex[:8]}:new"
    for _ in range(2):
        ran = layer("root", "--base=oci:images:base", "--tag", tag, "--json", cwd=tree.parent)
        assert ran.code == 0, ran.err
        image = json.loads(ran.out)["image"]
    assert image["sent"] == 0 < image["present"]
    assert manifest_of(tag)["layers"][-1]["digest"] == json.loads(ran.out)["digest"]


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("--base", "oci:images"), id="no-tag"),
        pytest.param(("--tag", "oci:images"), id="no-base"),
        pytest.param(("--insecure", "-o", "l"), id="insecure-alone"),
        pytest.param(("--tag", "oci:images", "-o", "l"), id="no-base-but-output"),
    ],
)
def test_wrong_use_is_code_2_and_writes_nothing(tree: Path, arguments: tuple[str, ...]) -> None:
    assert layer("root", *arguments, cwd=tree.parent).code == 2
    assert names(tree.parent) == ["root"]


@pytest.mark.parametrize(
    ("named", "epoch", "code"),
    [
        pytest.param("oci:missing:1", "", ImageNotFound.exit_code, id="missing"),
        pytest.param("UPPER CASE", "", ImageReferenceInvalid.exit_code, id="reference"),
        pytest.param("oci:images:base", "today", ConfigInvalid.exit_code, id="epoch"),
    ],
)
def test_what_fails_is_one_line_with_a_code_and_tags_nothing(
    tree: Path, named: str, epoch: str, code: int
) -> None:
    base(tree.parent / "images")
    index = (tree.parent / "images/index.json").read_bytes()
    names_of = ("--base", named, "--tag", "oci:images:new")
    ran = layer("root", *names_of, cwd=tree.parent, SOURCE_DATE_EPOCH=epoch)
    assert (ran.code, len(ran.err.splitlines())) == (code, 1), ran.err
    assert (tree.parent / "images/index.json").read_bytes() == index


def test_a_registry_that_does_not_answer_is_its_own_code(tree: Path) -> None:
    base(tree.parent / "images")
    tag = f"127.0.0.1:{free_port()}/x:1"
    ran = layer("root", "--base=oci:images:base", "--tag", tag, cwd=tree.parent)
    assert (ran.code, len(ran.err.splitlines())) == (RegistryUnavailable.exit_code, 1), ran.err
