"""``buildstatic build`` with the embedded builder: no engine, and the same layer."""

from __future__ import annotations

import json
import os
import re
import sys
import tarfile
import tempfile
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from buildstatic.errors import StaticRootInvalid, UnsupportedByBuilder
from tests.cli.conftest import Invoke
from tests.oci.images import Base, base, config_of, manifest_of, put, static
from tests.oci.scratch import tar
from tests.oci.tiny import DOCKERFILE, SETTINGS, build, registry, tiny
from tests.samples import copy
from tests.verify.built import verify_one

NO_ENGINE = {"DOCKER_HOST": "unix:///nonexistent/docker.sock", "PATH": os.defpath}
EMBEDDED = ("--builder", "embedded")
STORAGE = """
STORAGES = {
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
"""
LARGE = "body { color: red }\n" * 200


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project next to the current directory, which is empty."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tiny(tmp_path / "tiny", None)


def here() -> list[str]:
    return sorted(path.name for path in Path.cwd().iterdir())


def test_used_if_no_engine_responds(root: Path) -> None:
    ran = build(root, environ=NO_ENGINE)
    assert ran.code == 0, ran.err
    assert ran.err.startswith("No Docker engine responds: building the static layer only.")
    assert "in /app/staticfiles\n" in ran.out
    assert "in static-layer.tar.gz\n" in ran.out
    assert here() == ["static-layer.tar.gz", "static-layer.tar.gz.json"]
    assert not (root / "staticfiles").exists()


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
def test_layer_equals_that_of_an_engine(tmp_path: Path, tag: Callable[[str], str]) -> None:
    root = tiny(tmp_path / "tiny", None, {"requirements.txt": "Django\ngunicorn\n"})
    engine = build(root, "--tag", tag("same-layer"), "--json").report["static"]
    embedded = build(root, "-o", str(tmp_path / "l"), "--json").report["static"]
    for key in ("path", "files", "bytes", "diff_id"):
        assert embedded[key] == engine[key]


def test_json(root: Path) -> None:
    ran = build(root, *EMBEDDED, "-o", "l.tar.gz", "--json")
    report = ran.report
    assert list(report) == ["image", "id", "static", "stages", "seconds", "layer"]
    assert (report["image"], report["id"], report["layer"]) == (None, None, "l.tar.gz")
    assert report["static"]["path"] == "/app/staticfiles"
    assert report["static"]["reused"] is None
    assert [stage["name"] for stage in report["stages"]] == ["collect", "layer"]
    descriptor = json.loads(Path("l.tar.gz.json").read_text())
    assert descriptor["digest"] == report["static"]["digest"]
    assert ran.out.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("--base", "oci:image:base", "--tag", "oci:image:1")])
def test_page_about_what_was_built(root: Path, options: tuple[str, ...]) -> None:
    base(Path("image"))
    ran = build(root, *EMBEDDED, *options, "--report-html", "report.html")
    assert ran.code == 0, ran.err
    page = Path("report.html").read_text()
    assert "Static files in <code>/app/staticfiles</code>" in page
    assert "<code>static</code>" in page


def test_reused_until_a_static_file_changes(root: Path) -> None:
    def reused() -> object:
        return build(root, *EMBEDDED, "--json").report["static"]["reused"]

    assert reused() is None
    (root / "mysite/urls.py").write_text("urlpatterns = []\n")
    assert reused() is True
    (root / "static/css/site.css").write_text("main {}\n")
    assert reused() is False


def test_note_names_commands_whose_output_differs_each_time(root: Path) -> None:
    """Only once a layer has been replaced by another one."""
    command = """
from pathlib import Path
from uuid import uuid4
from django.core.management import BaseCommand
class Command(BaseCommand):
    def handle(self, **options):
        Path("static/stamp.txt").write_text({content})
"""
    (root / "pyproject.toml").write_text('[tool.buildstatic]\nbefore = ["stamp"]\n')
    with (root / "mysite/settings.py").open("a") as settings:
        settings.write('INSTALLED_APPS = [*INSTALLED_APPS, "mysite"]\n')
    file = root / "mysite/management/commands/stamp.py"
    file.parent.mkdir(parents=True)
    notes = []
    for content in ("uuid4().hex", "'same'", "'same'"):
        file.write_text(command.format(content=content))
        ran = build(root, *EMBEDDED)
        assert ran.code == 0, ran.err
        notes.append("what stamp writes differs each time" in ran.err)
    assert notes == [False, True, False]


def test_each_tag_is_an_image_with_the_layer(root: Path) -> None:
    base(Path("images"))
    tags = ("--tag", "oci:images:1", "--tag", "oci:images:2")
    report = build(root, "--base", "oci:images:base", *tags, "--json", environ=NO_ENGINE).report
    assert (report["image"], report["layer"]) == ("oci:images:1", None)
    assert [stage["name"] for stage in report["stages"]] == ["collect", "layer", "image"]
    assert here() == ["images"]
    for name in ("oci:images:1", "oci:images:2"):
        assert manifest_of(name)["layers"][-1]["digest"] == report["static"]["digest"]
        assert config_of(name)["rootfs"]["diff_ids"][-1] == report["static"]["diff_id"]
    again = build(root, "--base", "oci:images:1", "--tag", "oci:images:3", "--json")
    assert again.report["static"]["reused"] is True
    assert len(manifest_of("oci:images:3")["layers"]) == 3


def test_attestations_of_the_base_are_dropped(root: Path) -> None:
    images = Base(Path("images"))
    one = images.image(tar({"etc/one": b"1"})).descriptor
    statement = images.write({"architecture": "unknown"}).descriptor
    more = {"annotations": {"vnd.docker.reference.type": "attestation-manifest"}}
    attestation = type(one)(statement.media_type, statement.digest, statement.size, more)
    images.index(one, attestation, tag="base")
    ran = build(root, "--base", "oci:images:base", "--tag", "oci:images:1")
    assert ran.code == 0, ran.err
    assert f"dropped {statement.digest}, an attestation" in ran.out
    kept = [each["digest"] for each in manifest_of("oci:images:1")["manifests"]]
    assert statement.digest not in kept
    assert len(kept) == 1


def test_earlier_releases_stay(root: Path) -> None:
    base(Path("images"))
    with (root / "mysite/settings.py").open("a") as settings:
        settings.write(STORAGE)
    keep: tuple[str, ...] = ()
    statics = []
    for number in (1, 2, 3):
        (root / "static/css/site.css").write_text(f"body {{ top: {number} }}\n")
        tag = f"oci:images:{number}"
        options = ("--base", "oci:images:base", "--tag", tag, "--json")
        statics.append(build(root, *options, *keep).report["static"])
        keep = ("--keep", tag, "--keep-releases", "2")
    earlier = [static["diff_id"] for static in statics[:2]]
    assert [static["earlier"] for static in statics] == [[], earlier[:1], earlier]
    assert [each.files > 0 for each in verify_one("oci:images:3").earlier] == [True, True]


def test_registry_needs_push(root: Path, invoke: Invoke) -> None:
    base(Path("images"))
    tag = f"{registry()}/buildstatic-tests/{uuid.uuid4().hex[:8]}:new"
    ran = invoke("build", root, "--base", "oci:images:base", "--tag", tag)
    assert (ran.code, "set --push" in ran.err) == (2, True)
    report = build(root, "--base", "oci:images:base", "--tag", tag, "--push", "--json").report
    assert manifest_of(tag)["layers"][-1]["digest"] == report["static"]["digest"]


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(["--tag", "oci:x:1"], id="tag without base"),
        pytest.param(["--base", "oci:x:1"], id="base without tag"),
        pytest.param(["--base", "oci:x:1", "--tag", "oci:x:2", "--push"], id="push to a layout"),
        pytest.param(["--base", "oci:x:1", "--tag", "mysite"], id="Docker Hub"),
    ],
)
def test_usage_errors(root: Path, options: list[str], invoke: Invoke) -> None:
    ran = invoke("build", root, *EMBEDDED, *options)
    assert (ran.code, here()) == (2, []), ran.err


@pytest.mark.parametrize(
    "option",
    [
        "--target=static",
        "--build-arg=A=1",
        "--secret=id=a,src=manage.py",
        "--cache-from=x",
        "--cache-to=x",
        "--platform=linux/amd64",
        "--no-cache",
        "--pull",
        "--export=out",
        "--sbom",
        "--provenance",
    ],
)
def test_options_that_need_an_engine(root: Path, option: str, invoke: Invoke) -> None:
    ran = invoke("build", root, *EMBEDDED, option)
    assert (ran.code, here()) == (UnsupportedByBuilder.exit_code, [])
    assert option.partition("=")[0] in ran.err
    assert ran.err.count("\n") == 1


def test_python_option(root: Path) -> None:
    broken = Path("python")
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    assert build(root, *EMBEDDED, "--python", str(broken)).code != 0
    assert here() == ["python"]
    assert build(root, *EMBEDDED, "--python", sys.executable).code == 0


@pytest.mark.parametrize("is_built", [False, True], ids=["not built", "built"])
def test_missing_front_end_build_is_a_warning(tmp_path: Path, is_built: bool) -> None:
    site = copy("frontend", tmp_path)
    (site / "frontend/src/page.css").write_text("body {}\n")
    if is_built:
        (site / "frontend/dist").mkdir()
        (site / "frontend/dist/page.css").write_text("body {}\n")
    ran = build(site, *EMBEDDED, "-o", str(tmp_path / "layer"))
    assert ran.code == 0, ran.err
    assert ("warning: frontend/dist is missing" in ran.err) != is_built


def test_static_root_that_cannot_be_a_layer(root: Path, invoke: Invoke) -> None:
    settings = SETTINGS.replace('BASE_DIR / "staticfiles"', '"/tmp/static"')
    (root / "mysite/settings.py").write_text(settings)
    ran = invoke("build", root, *EMBEDDED)
    assert (ran.code, here()) == (StaticRootInvalid.exit_code, [])


def test_dockerfile_is_not_read(root: Path) -> None:
    (root / "Dockerfile").write_bytes(b"\xff" + DOCKERFILE.encode())
    assert build(root, *EMBEDDED).code == 0


@pytest.mark.slow
def test_reuse_compresses_nothing_again(tmp_path: Path) -> None:
    files = {"mysite/settings.py": SETTINGS + STORAGE, "static/css/large.css": LARGE}
    root = tiny(tmp_path / "tiny", None, files)
    base(tmp_path / "oci")
    image = f"oci:{tmp_path / 'oci'}:1"
    tags = ("--base", f"oci:{tmp_path / 'oci'}:base", "--tag", image)
    environ = [{**NO_ENGINE, "XDG_CACHE_HOME": str(tmp_path / name)} for name in ("one", "two")]
    first = build(root, *tags, environ=environ[0])
    assert first.code == 0, first.err
    again = build(root, "--reuse", image, "-o", str(tmp_path / "again"), environ=environ[1])
    assert again.code == 0, again.err
    variants = re.search(r"^variants +(\d+),", first.err, re.M)
    assert variants
    assert f"{variants[1]} of them from the earlier tree" in again.err
    diff_ids = {line for r in (first, again) for line in r.out.splitlines() if "diffID" in line}
    assert len(diff_ids) == 1


def test_reuse_checks_the_content_of_variants(tmp_path: Path) -> None:
    files = {"mysite/settings.py": SETTINGS + STORAGE, "static/css/large.css": LARGE}
    root = tiny(tmp_path / "tiny", None, files)
    name = f"oci:{tmp_path / 'oci'}:1"
    earlier = {"css/large.css": LARGE, "css/large.css.gz": "of something else"}
    put(base(tmp_path / "oci"), name, static(tmp_path, earlier))
    environ = {**NO_ENGINE, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    ran = build(root, "-o", str(tmp_path / "l"), "--reuse", name, "--json", environ=environ)
    assert ran.report["static"]["files"] > 4
    with tarfile.open(tmp_path / "l") as archive:
        member = archive.extractfile("app/staticfiles/css/large.css.gz")
        assert member
        assert member.read()[:2] == b"\x1f\x8b"


def test_reuse_of_a_malicious_image(tmp_path: Path) -> None:
    Base(tmp_path / "oci").image(tar({"../x.gz": b"evil"}), tag="1")
    root, output = tiny(tmp_path / "tiny"), tmp_path / "l"
    ran = build(root, "-o", str(output), "--reuse", f"oci:{tmp_path / 'oci'}:1", environ=NO_ENGINE)
    assert ran.code == 0
    assert ran.err.startswith("warning: Nothing to reuse: ")
    assert "'../x.gz'" in ran.err
    assert not Path(tempfile.gettempdir(), "x.gz").exists()
    with tarfile.open(output) as archive:
        assert not [name for name in archive.getnames() if name.endswith(".gz")]
