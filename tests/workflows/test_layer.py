"""``layer``, ``build`` with the embedded builder, and ``verify`` as functions."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path, PurePosixPath

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from buildstatic.errors import (
    ConfigInvalid,
    EngineNotFound,
    ImageNotFound,
    StaticRootInvalid,
    UnsupportedByBuilder,
)
from buildstatic.workflows import Reporter
from buildstatic.workflows.build import BuildOptions, build
from buildstatic.workflows.layer import AppendRequest, layer
from buildstatic.workflows.verify import compare, verify
from tests.oci.images import base
from tests.oci.tiny import SETTINGS, tiny

CHECKS_OFF = 'SILENCED_SYSTEM_CHECKS = ["admin.E403", "admin.E408", "admin.E409", "admin.E410"]\n'
COMMAND = """\
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    def handle(self, **options):
        Path(settings.STATIC_ROOT).mkdir(parents=True)
        Path(settings.STATIC_ROOT, "catalog.js").touch()
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tiny(tmp_path / "tiny", None)


# The docker SDK does not close a socket that it cannot connect.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def _no_engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    yield
    gc.collect()


def test_layer_collects_and_writes(root: Path, tmp_path: Path) -> None:
    summaries: list[int] = []
    output = tmp_path / "layer.tar.gz"
    reporter = Reporter(collected=lambda summary: summaries.append(summary.files))
    result = layer(root, output=output, verbosity=0, report=reporter)
    assert (result.layer.files, result.layer.tree) == (2, "/app/staticfiles")
    assert summaries == [2]
    assert result.layer.size == output.stat().st_size
    described = json.loads(output.with_name("layer.tar.gz.json").read_text())
    assert described["digest"] == result.layer.digest
    assert result.image is None


def test_sbom_names_the_packages_of_the_files(root: Path, tmp_path: Path) -> None:
    settings = root / "mysite/settings.py"
    apps = ("contenttypes", "auth", "admin", "messages", "sessions")
    more = [f"django.contrib.{name}" for name in apps] + ["rest_framework"]
    settings.write_text(f"{settings.read_text()}INSTALLED_APPS += {more!r}\n" + CHECKS_OFF)
    sbom, again = tmp_path / "sbom.json", tmp_path / "again.json"
    result = layer(root, output=tmp_path / "layer.tar.gz", verbosity=0, sbom=sbom)
    layer(root, output=tmp_path / "layer.tar.gz", verbosity=0, sbom=again)
    text = sbom.read_text()
    assert again.read_text() == text
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    document = json.loads(text)
    assert document["metadata"]["component"]["version"] == result.layer.diff_id
    found = {each["name"]: each for each in document["components"]}
    assert set(found) == {"tiny", "Django", "djangorestframework"}
    assert found["Django"]["purl"] == f"pkg:pypi/django@{version('Django')}"
    assert found["djangorestframework"]["version"] == version("djangorestframework")
    counts = {name: int(each["properties"][0]["value"]) for name, each in found.items()}
    assert counts["tiny"] == 2
    assert sum(counts.values()) == result.layer.files


def test_layer_runs_the_commands_of_installed_apps(root: Path, tmp_path: Path) -> None:
    """Each is an app of the same name and command, which writes to STATIC_ROOT."""
    settings = root / "mysite/settings.py"
    settings.write_text(f"{settings.read_text()}\nINSTALLED_APPS += ['statici18n']\n")
    command = root / "statici18n/management/commands/compilejsi18n.py"
    command.parent.mkdir(parents=True)
    for directory in command.parents[:3]:
        (directory / "__init__.py").touch()
    command.write_text(COMMAND)
    result = layer(root, output=tmp_path / "layer.tar.gz", verbosity=0)
    assert result.layer.files == 3
    (root / "pyproject.toml").write_text("[tool.buildstatic]\nbefore = []\n")
    assert layer(root, output=tmp_path / "layer.tar.gz", verbosity=0).layer.files == 2


def test_layer_on_an_image_is_what_build_makes(root: Path, tmp_path: Path) -> None:
    name = base(tmp_path / "images")
    first = layer(root, append=AppendRequest(name, f"oci:{tmp_path / 'images'}:1"), verbosity=0)
    assert first.image is not None
    options = BuildOptions(base=name, tags=(f"oci:{tmp_path / 'images'}:2",))
    result = build(root, options, verbosity=0).result
    assert result.static is not None
    assert result.static.diff_id == first.layer.diff_id
    assert result.id == first.image.digest
    (verified,) = verify(f"oci:{tmp_path / 'images'}:1")
    assert verified.passed
    assert compare(f"oci:{tmp_path / 'images'}:1", f"oci:{tmp_path / 'images'}:2").same_layer


def test_layer_of_a_tree(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "staticfiles.json").write_text("{}")
    warnings: list[str] = []
    placed = layer(tmp_path, tree=tree, at=PurePosixPath("/srv"), report=Reporter(warnings.append))
    assert (placed.layer.tree, warnings) == ("/srv", [])
    layer(tmp_path, tree=tree, report=Reporter(warnings.append))
    assert "may not be a layer root" in warnings[0]


@pytest.mark.usefixtures("_no_engine")
def test_build_without_an_engine_writes_the_layer(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    notes: list[str] = []
    result = build(root, verbosity=0, report=Reporter(note=notes.append)).result
    assert result.layer is not None
    assert result.layer.path == Path("static-layer.tar.gz")
    assert notes == ["No Docker engine responds: building the static layer only."]


@pytest.mark.usefixtures("_no_engine")
def test_errors_are_raised(root: Path, tmp_path: Path) -> None:
    with pytest.raises(EngineNotFound):
        build(root, BuildOptions(tags=("mysite",)))
    with pytest.raises(UnsupportedByBuilder, match="--no-cache"):
        build(root, BuildOptions(builder="embedded", no_cache=True))
    with pytest.raises(ConfigInvalid, match="no stage other"):
        build(root, BuildOptions(target="other"))
    missing = f"oci:{tmp_path / 'none'}:1"
    with pytest.raises(ImageNotFound):
        layer(root, append=AppendRequest(missing, missing), verbosity=0)
    with pytest.raises(ImageNotFound):
        verify(missing)
    (root / "mysite/settings.py").write_text(SETTINGS.replace('BASE_DIR / "static', '"/tmp/static'))
    with pytest.raises(StaticRootInvalid):
        layer(root)
    with pytest.raises(StaticRootInvalid):
        layer(root, at=PurePosixPath("/bin"))
