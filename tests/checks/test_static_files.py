"""Checks of the static files: conflicting names and broken references."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from buildstatic.checks import Severity
from tests.checks.projects import clean_project, codes, findings, only
from tests.project.tree import write

CONFLICT = {"shop/static/site.css": "shop {}\n", "blog/static/site.css": "blog {}\n"}
MODES = pytest.mark.parametrize("runs", [True, False], ids=["run", "read"])


@MODES
def test_conflicting_names(tmp_path: Path, runs: bool) -> None:
    finding = only(clean_project(tmp_path, CONFLICT), "names-conflict", runs=runs)
    assert finding.file == "blog/static/site.css"
    assert "site.css is collected from shop/static/site.css" in finding.what


@MODES
def test_harmless_conflicts_are_accepted(tmp_path: Path, runs: bool) -> None:
    files = {
        "shop/static/equal.css": "",
        "blog/static/equal.css": "",
        "assets/shop/site.css": "overrides the app's file {}\n",
        "shop/static/.hidden": "1",
        "blog/static/.hidden": "2",
    }
    assert codes(clean_project(tmp_path, files), runs=runs) == []


def test_pipes_are_not_read(tmp_path: Path) -> None:
    root = clean_project(tmp_path, {"blog/static/shop/site.css": "main {}\n"})
    os.mkfifo(root / "assets/site.css")
    os.mkfifo(root / "blog/static/site.css")
    assert "names-conflict" not in codes(root)


@MODES
@pytest.mark.parametrize(
    ("place", "target"),
    [("assets/logo.svg", "nowhere.svg"), ("shop/static/shop/dot.svg", "../../../../gone")],
    ids=["project", "app"],
)
def test_broken_link_is_reported_beside_the_rest(
    tmp_path: Path, runs: bool, place: str, target: str
) -> None:
    root = clean_project(tmp_path, CONFLICT)
    (root / place).unlink(missing_ok=True)
    (root / place).symlink_to(target)
    link, conflict = (item for item in findings(root, runs=runs) if "reference" not in item.code)
    assert (link.code, link.location) == ("source-unreadable", place)
    assert link.what.endswith(f"{place} is a broken symbolic link (to {target}).")
    assert conflict.code == "names-conflict"
    (root / ".staticignore").write_text("*.svg\nsite.css\n")
    assert "source-unreadable" not in codes(root, runs=runs)


@MODES
def test_link_into_packages_that_the_image_installs_is_not_broken(
    tmp_path: Path, runs: bool
) -> None:
    root = clean_project(tmp_path)
    (root / "assets/ace").symlink_to("../node_modules/ace-builds")
    assert only(root, "source-unreadable", runs=runs).location == "assets/ace"
    text = '{"scripts": {"build": "vite build"}, "dependencies": {"ace-builds": "1"}}'
    write(root, {"package.json": text, "package-lock.json": "{}"})
    assert codes(root, runs=runs) == []
    (root / "node_modules").mkdir()
    assert codes(root, runs=runs) == ["source-unreadable"]


def test_pipe_cannot_be_collected(tmp_path: Path) -> None:
    root = clean_project(tmp_path)
    os.mkfifo(root / "assets/pipe.css")
    assert "regular file" in only(root, "source-unreadable", runs=True).what


@pytest.mark.parametrize("name", ["manage.py", "mysite/settings.py"])
def test_code_that_only_its_owner_can_read(tmp_path: Path, name: str) -> None:
    root = clean_project(tmp_path)
    (root / name).chmod(0o600)
    finding = only(root, "code-unreadable")
    assert (finding.file, finding.fix) == (name, "chmod -R go+rX .")
    assert "mode 0600" in finding.what
    (root / "Dockerfile").write_text("FROM python\nCOPY . .\n")  # runs as root
    assert "code-unreadable" not in codes(root)


def test_front_end_that_is_not_valid_does_not_stop_the_checks(tmp_path: Path) -> None:
    root = clean_project(
        tmp_path, {"package.json": '{\n"scripts": }\n'}, ("DEBUG = False", "DEBUG = True")
    )
    debug, invalid = sorted(findings(root, runs=True), key=lambda finding: finding.code)
    assert debug.code == "debug-on"
    assert (invalid.code, invalid.location) == ("frontend-invalid", "package.json:2")
    assert invalid.what == "invalid JSON: Expecting value."


def test_missing_references_are_reported_with_lines(tmp_path: Path) -> None:
    css = 'body {\n  background: url("nowhere.svg");\n}\n@import "gone.css";\n'
    found = findings(clean_project(tmp_path, {"shop/static/shop/site.css": css}), runs=True)
    assert [(item.code, item.location, item.severity) for item in found] == [
        ("reference-missing", "shop/static/shop/site.css:2", Severity.ERROR),
        ("reference-missing", "shop/static/shop/site.css:4", Severity.ERROR),
    ]
    assert "shop/nowhere.svg" in found[0].what


def test_missing_maps_option_lowers_the_severity(tmp_path: Path) -> None:
    js = {"assets/site.js": "x()\n//# sourceMappingURL=site.js.map\n"}
    root = clean_project(tmp_path, js)
    finding = only(root, "reference-missing", runs=True)
    assert (finding.location, finding.severity) == ("assets/site.js:2", Severity.ERROR)
    (root / "pyproject.toml").write_text('[tool.buildstatic.collect]\nmissing_maps = "warn"\n')
    assert only(root, "reference-missing", runs=True).severity == Severity.INFO


def test_circular_references(tmp_path: Path) -> None:
    files = {
        "shop/static/shop/site.css": '@import "other.css";\n',
        "shop/static/shop/other.css": '@import "site.css";\n',
    }
    finding = only(clean_project(tmp_path, files), "reference-circle", runs=True)
    assert finding.what.count("shop/static/shop/") == 2


def test_ignored_files_are_not_checked(tmp_path: Path) -> None:
    files = {
        "shop/static/shop/site.css": 'a { background: url("gone.svg"); }\n',
        ".staticignore": "shop/site.css\n",
    }
    assert codes(clean_project(tmp_path, files), runs=True) == []


def test_examination_writes_and_prints_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    root = clean_project(tmp_path, change=("", 'print("from the settings")\n'))
    before = sorted(path for path in root.rglob("*") if "__pycache__" not in path.parts)
    assert codes(root, runs=True) == []
    after = sorted(path for path in root.rglob("*") if "__pycache__" not in path.parts)
    assert after == before
    assert capfd.readouterr().out == ""


def test_references_of_custom_storages_are_not_checked(tmp_path: Path) -> None:
    storage = (
        "from django.contrib.staticfiles.storage import ManifestStaticFilesStorage\n"
        "class Own(ManifestStaticFilesStorage):\n"
        "    def hashed_name(self, name, content=None, filename=None):\n"
        "        return name\n"
    )
    files = {"mysite/storage.py": storage, "assets/site.css": 'a { background: url("gone.svg"); }'}
    change = ("whitenoise.storage.CompressedManifestStaticFilesStorage", "mysite.storage.Own")
    assert codes(clean_project(tmp_path, files, change), runs=True) == []
