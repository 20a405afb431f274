"""``buildstatic layer``: the layer that it writes, or puts on an image, all or nothing."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import tarfile
import time
import uuid
from pathlib import Path, PurePosixPath

import pytest

from buildstatic.errors import (
    ConfigInvalid,
    FileError,
    ImageNotFound,
    ImageReferenceInvalid,
    RegistryUnavailable,
    StaticLayerNotFound,
    StaticRootInvalid,
)
from tests.cli.conftest import Invoke
from tests.collect.sites import PLACE, Ran, make_site, run
from tests.oci.images import Base, base, config_of, manifest_of
from tests.oci.scratch import tar
from tests.oci.tiny import registry
from tests.running import free_port, started

ARGV = (sys.executable, "-m", "buildstatic", "layer")
ON_BASE = ("--base=oci:images:base", "--tag=oci:images:new")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a layer root of one file, in the current directory."""
    file = tmp_path / "root/app/staticfiles/site.css"
    file.parent.mkdir(parents=True)
    file.write_text("body {}\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "root"


def layer(*arguments: str | Path, cwd: Path) -> Ran:
    """Run ``layer`` in a process of its own, which becomes the project's."""
    return run(*ARGV, *arguments, cwd=cwd)


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_descriptor_summary_and_json_agree(root: Path, invoke: Invoke) -> None:
    ran = invoke("layer", "root", "-o", "l.tar.gz", "--json")
    assert ran.code == 0, ran.err
    assert names(root.parent) == ["l.tar.gz", "l.tar.gz.json", "root"]
    printed = json.loads(ran.out)
    descriptor = json.loads(Path("l.tar.gz.json").read_text())
    assert descriptor["digest"] == printed["digest"]
    assert descriptor["annotations"]["containerd.io/uncompressed"] == printed["diff_id"]
    assert descriptor["size"] == Path("l.tar.gz").stat().st_size
    assert printed["diff_id"] in ran.err
    assert printed["files"] == 1


def test_project_is_collected_without_a_tree(tmp_path: Path) -> None:
    site = make_site(tmp_path / "site")
    site.place()
    collect = (sys.executable, "-m", "buildstatic", "collect", "--noinput", "--layer-root")
    assert run(*collect, tmp_path / "layer", cwd=site.root).code == 0
    assert layer("--path", site.root, "-o", "one", cwd=tmp_path).code == 0
    assert layer(tmp_path / "layer", "-o", "two", cwd=tmp_path).code == 0
    build = (sys.executable, "-m", "buildstatic", "build", "--builder=embedded", "-o", "three")
    assert run(*build, site.root, cwd=tmp_path).code == 0
    contents = {(tmp_path / name).read_bytes() for name in ("one", "two", "three")}
    assert len(contents) == 1


@pytest.mark.parametrize(
    ("options", "place"),
    [((), "app/staticfiles"), (("--at", "/srv/files"), "srv/files")],
    ids=["settings", "at"],
)
def test_place_of_what_is_collected(tmp_path: Path, options: tuple[str, ...], place: str) -> None:
    site = make_site(tmp_path / "site")
    # Directories of this machine do not matter.
    site.root.chmod(0o700)
    ran = layer("--path", site.root, *options, "-o", "l.tar.gz", "--json", cwd=tmp_path)
    assert ran.code == 0, ran.err
    printed = json.loads(ran.out)
    with tarfile.open(tmp_path / "l.tar.gz") as archive:
        members = archive.getnames()
    parents = [str(each) for each in PurePosixPath(place).parents if each.name]
    assert members[: len(parents) + 1] == [*reversed(parents), place]
    assert all(each.startswith(f"{place}/") for each in members[len(parents) + 1 :])
    assert printed["tree"] == f"/{place}"
    assert printed["files"] > 1


def test_static_root_that_cannot_be_a_layer(tmp_path: Path, invoke: Invoke) -> None:
    site = make_site(tmp_path / "site")
    site.place("/tmp/static")
    ran = invoke("layer", "--path", site.root, "-o", tmp_path / "l")
    assert (ran.code, names(tmp_path)) == (StaticRootInvalid.exit_code, ["site"])
    assert layer("--path", site.root, "--at=/app/static", "-o", "l", cwd=tmp_path).code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("nowhere", "-o", "l"), id="missing tree"),
        pytest.param(("root", "-o", "root/l"), id="output in the tree"),
        pytest.param(("root", "--settings", "x", "-o", "l"), id="tree and settings"),
        pytest.param(("root", "--at", "app", "-o", "l"), id="relative path"),
        pytest.param(("root",), id="no output"),
        pytest.param(("root", "--base", "oci:images"), id="base without tag"),
        pytest.param(("root", "--tag", "oci:images"), id="tag without base"),
        pytest.param(("root", "--tag", "oci:images", "-o", "l"), id="tag without base, output"),
        pytest.param(("root", "--insecure", "-o", "l"), id="insecure without base"),
        pytest.param(("root", "--sbom", "s", "-o", "l"), id="sbom of what was collected before"),
        pytest.param(("root", "--keep", "oci:images", "-o", "l"), id="keep without base"),
        pytest.param(("root", *ON_BASE, "--keep-releases", "0"), id="no release to keep"),
    ],
)
def test_usage_errors(root: Path, arguments: tuple[str, ...], invoke: Invoke) -> None:
    assert invoke("layer", *arguments).code == 2
    assert names(root.parent) == ["root"]
    assert names(root) == ["app"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        pytest.param(("--at", "/tmp/x", "-o", "l"), StaticRootInvalid.exit_code, id="path"),
        pytest.param(("-o", "nowhere/l"), FileError.exit_code, id="directory"),
        pytest.param(("-o", "/dev/full"), FileError.exit_code, id="device"),
    ],
)
def test_failure_writes_nothing(
    root: Path, arguments: tuple[str, ...], code: int, invoke: Invoke
) -> None:
    ran = invoke("layer", "root", *arguments)
    assert ran.code == code
    assert len(ran.err.splitlines()) == 1
    assert names(root.parent) == ["root"]
    assert not Path("/dev/full").is_file()


def test_failure_keeps_the_previous_layer(root: Path, invoke: Invoke) -> None:
    assert invoke("layer", "root", "-o", "l").code == 0
    before = {name: Path(name).read_bytes() for name in ("l", "l.json")}
    (root / "link").symlink_to("site.css")
    assert invoke("layer", "root", "--at=/srv", "-o", "l").code == FileError.exit_code
    assert {name: Path(name).read_bytes() for name in before} == before
    assert names(root.parent) == ["l", "l.json", "root"]


def test_full_disk(root: Path) -> None:
    (root / "large").write_bytes(bytes(1 << 22))
    limited = ("sh", "-c", 'ulimit -f 100; exec "$@"', "sh")
    ran = run(*limited, *ARGV, "root", "--compression=none", "-o", "l", cwd=root.parent)
    assert ran.code == FileError.exit_code
    assert "File too large" in ran.err
    assert names(root.parent) == ["root"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupt_leaves_no_partial_file(root: Path, number: int, code: int) -> None:
    with (root / "large").open("wb") as file:
        file.truncate(20 << 30)
    command = (*ARGV, "root", "-o", "l")
    with started(*command, cwd=root.parent, stderr=subprocess.DEVNULL) as process:
        end = time.monotonic() + 120
        while len(names(root.parent)) < 3:
            assert time.monotonic() < end
            time.sleep(0.02)
        process.send_signal(number)
        assert process.wait(120) == code
    assert names(root.parent) == ["root"]


@pytest.mark.parametrize("output", [(), ("-o", "l")], ids=["image", "image and file"])
def test_layer_on_an_image(root: Path, output: tuple[str, ...], invoke: Invoke) -> None:
    base(Path("images"))
    ran = invoke("layer", "root", *ON_BASE, *output, "--json")
    assert ran.code == 0, ran.err
    printed = json.loads(ran.out)
    assert names(root.parent) == ["images", *(["l", "l.json"] if output else []), "root"]
    top = manifest_of("oci:images:new")["layers"][-1]
    assert (top["digest"], top["size"]) == (printed["digest"], printed["size"])
    assert printed["image"]["reference"] == "oci:images:new"
    assert printed["image"]["sent"] >= printed["size"]
    assert printed["image"]["present"] > 0


def test_paths_are_relative_to_the_initial_directory(tmp_path: Path) -> None:
    site = make_site(tmp_path / "site")
    site.place()
    base(tmp_path / "images")
    ran = layer("--path", "site", *ON_BASE, "-o", "layer.tar", cwd=tmp_path)
    assert ran.code == 0, ran.err
    assert names(tmp_path) == ["images", "layer.tar", "layer.tar.json", "site"]
    assert len(manifest_of(f"oci:{tmp_path / 'images'}:new")["layers"]) == 3
    assert PLACE not in ran.err


def test_replaced_and_dropped_parts_are_printed(root: Path, invoke: Invoke) -> None:
    images = Base(Path("images"))
    one = images.image(tar({"etc/one": b"1"})).descriptor
    two = images.image(tar({"etc/one": b"1"}), platform="arm64").descriptor
    more = {"annotations": {"vnd.docker.reference.type": "attestation-manifest"}}
    other = images.write({"architecture": "unknown"}).descriptor
    attestation = type(other)(other.media_type, other.digest, other.size, more)
    images.index(one, two, attestation, tag="base")
    first = invoke("layer", "root", "--base=oci:images:base", "-t", "oci:images:1")
    assert first.code == 0, first.err
    assert first.out.count("linux/a") == 2
    assert f"dropped  {other.digest}, an attestation" in first.out
    assert "replaced" not in first.out
    diff_id = next(line for line in first.out.splitlines() if line.startswith("diffID"))
    (root / "app/staticfiles/site.css").write_text("other {}\n")
    again = invoke("layer", "root", "--base=oci:images:1", "-t", "oci:images:2")
    assert f"replaced {diff_id.split()[1]}, the previous static layer\n" in again.out
    assert again.out.count("replaced") == 1


@pytest.mark.usefixtures("root")
def test_source_date_epoch(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    base(Path("images"))
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert invoke("layer", "root", *ON_BASE).code == 0
    assert config_of("oci:images:new")["created"] == "1970-01-02T00:00:00Z"


@pytest.mark.usefixtures("root")
def test_second_push_sends_nothing(invoke: Invoke) -> None:
    tag = f"{registry()}/buildstatic-tests/{uuid.uuid4().hex[:8]}:new"
    base(Path("images"))
    for _ in range(2):
        ran = invoke("layer", "root", "--base=oci:images:base", "--tag", tag, "--json")
        assert ran.code == 0, ran.err
        printed = json.loads(ran.out)
    assert printed["image"]["sent"] == 0 < printed["image"]["present"]
    assert manifest_of(tag)["layers"][-1]["digest"] == printed["digest"]


def add_release(root: Path, number: int) -> None:
    """Write the static files of a release, 400 kB, into the layer root *root*."""
    tree, hashed = root / "app/staticfiles", f"site.{number:012x}.css"
    for path in tree.iterdir():
        path.unlink()
    (tree / "large.bin").write_bytes(random.Random(1).randbytes(400_000))
    (tree / hashed).write_text(f"body {{ top: {number} }}\n")
    (tree / "staticfiles.json").write_text(json.dumps({"paths": {"site.css": hashed}}))


@pytest.mark.parametrize("to", ["registry", "layout"])
def test_layers_of_earlier_releases_are_not_sent_again(root: Path, to: str, invoke: Invoke) -> None:
    store = "oci:images:"
    if to == "registry":
        store = f"{registry()}/buildstatic-tests/{uuid.uuid4().hex[:8]}:"
    base(Path("images"))
    keep: tuple[str, ...] = ()
    layers, sent = [], []
    for number in (1, 2, 3):
        add_release(root, number)
        tag = f"{store}{number}"
        ran = invoke("layer", "root", "--base=oci:images:base", "-t", tag, "--json", *keep)
        assert ran.code == 0, ran.err
        printed = json.loads(ran.out)
        layers.append((printed["diff_id"], printed["size"]))
        sent.append(printed["image"]["sent"])
        keep = ("--keep", tag, "--keep-releases=2")
    (image,) = printed["image"]["images"]
    assert image["earlier"] == [diff_id for diff_id, _ in layers[:2]]
    assert f"earlier  {layers[0][0]}, the static layer of an earlier release\n" in ran.err
    # Whiteouts and the configuration are sent with the new layer.
    assert all(
        0 < count - size < 5000 for count, (_, size) in zip(sent[1:], layers[1:], strict=True)
    )


@pytest.mark.parametrize(
    ("keep", "code", "message"),
    [
        ("oci:missing:1", ImageNotFound.exit_code, "Omit --keep for the first release."),
        ("oci:images:base", StaticLayerNotFound.exit_code, "has no static layer"),
        ("oci:images:elsewhere", StaticRootInvalid.exit_code, "those of the new image in /app/st"),
    ],
)
def test_image_that_cannot_be_kept(
    root: Path, keep: str, code: int, message: str, invoke: Invoke
) -> None:
    base(Path("images"))
    add_release(root, 1)
    elsewhere = ("root/app/staticfiles", "--at=/srv/static", "-t", "oci:images:elsewhere")
    assert invoke("layer", *elsewhere, "--base=oci:images:base").code == 0
    index = Path("images/index.json").read_bytes()
    ran = invoke("layer", "root", *ON_BASE, "--keep", keep)
    assert (ran.code, len(ran.err.splitlines())) == (code, 1), ran.err
    assert message in ran.err
    assert Path("images/index.json").read_bytes() == index


@pytest.mark.parametrize(
    ("image", "epoch", "code"),
    [
        pytest.param("oci:missing:1", "", ImageNotFound.exit_code, id="missing"),
        pytest.param("UPPER CASE", "", ImageReferenceInvalid.exit_code, id="reference"),
        pytest.param("oci:images:base", "today", ConfigInvalid.exit_code, id="epoch"),
    ],
)
@pytest.mark.usefixtures("root")
def test_failure_tags_nothing(
    image: str, epoch: str, code: int, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    base(Path("images"))
    index = Path("images/index.json").read_bytes()
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    ran = invoke("layer", "root", "--base", image, "--tag", "oci:images:new")
    assert (ran.code, len(ran.err.splitlines())) == (code, 1), ran.err
    assert Path("images/index.json").read_bytes() == index


@pytest.mark.usefixtures("root")
def test_registry_that_does_not_respond(invoke: Invoke) -> None:
    base(Path("images"))
    tag = f"127.0.0.1:{free_port()}/x:1"
    ran = invoke("layer", "root", "--base=oci:images:base", "--tag", tag)
    assert (ran.code, len(ran.err.splitlines())) == (RegistryUnavailable.exit_code, 1), ran.err
