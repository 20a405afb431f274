"""``buildpack`` as a function."""

from __future__ import annotations

import os
import sys
import tomllib
from pathlib import Path

import pytest

from buildstatic.errors import StaticRootInvalid
from buildstatic.workflows.buildpack import build
from tests.oci.tiny import SETTINGS, tiny


def test_build_collects_and_declares_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, layers = tiny(tmp_path / "tiny", None), tmp_path / "layers"
    layers.mkdir()
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.defpath}")
    result = build(root, layers)
    assert result.collected is not None
    assert (root / "staticfiles/js/site.js").exists()
    launch = tomllib.loads((layers / "launch.toml").read_text())
    assert [each["type"] for each in launch["processes"]] == [
        each.type for each in result.processes
    ]
    assert launch["slices"] == [{"paths": ["staticfiles"]}]
    assert (layers / "variants").is_dir() == bool(result.collected.summary.variants)


def test_static_root_outside_of_the_application_is_raised(tmp_path: Path) -> None:
    settings = SETTINGS.replace('BASE_DIR / "staticfiles"', '"/srv/static"')
    root = tiny(tmp_path / "tiny", None, {"mysite/settings.py": settings})
    with pytest.raises(StaticRootInvalid):
        build(root, tmp_path)
