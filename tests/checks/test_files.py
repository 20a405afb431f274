"""FilesConflict names and broken references, as the project's own Python and by reading."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from buildstatic.checks import Severity
from tests.checks.projects import codes, found, one, sound

CONFLICT = {"shop/static/site.css": "shop {}\n", "blog/static/site.css": "blog {}\n"}
WAYS = pytest.mark.parametrize("runs", [True, False], ids=["run", "read"])


@WAYS
def test_names_that_conflict_are_found_where_they_are_lost(tmp_path: Path, runs: bool) -> None:
    finding = one(sound(tmp_path, CONFLICT), "names-conflict", runs=runs)
    assert finding.file == "blog/static/site.css"
    assert "site.css is collected from shop/static/site.css, not from here" in finding.what


@WAYS
@pytest.mark.parametrize(
    "files",
    [
        pytest.param({**CONFLICT, "blog/static/site.css": "shop {}\n"}, id="equal"),
        pytest.param({"assets/shop/site.css": "mine {}\n"}, id="meant"),
        pytest.param({"shop/static/.x": "1", "blog/static/.x": "2"}, id="ignored"),
    ],
)
def test_names_that_do_no_harm_are_well(tmp_path: Path, files: dict[str, str], runs: bool) -> None:
    assert codes(sound(tmp_path, files), runs=runs) == []


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    root = sound(tmp_path, {"blog/static/shop/site.css": "main {}\n"})
    os.mkfifo(root / "assets/site.css")
    os.mkfifo(root / "blog/static/site.css")
    assert "names-conflict" not in codes(root)


def test_references_that_lead_nowhere_are_found_with_their_lines(tmp_path: Path) -> None:
    css = 'body {\n  background: url("nowhere.svg");\n}\n@import "gone.css";\n'
    findings = found(sound(tmp_path, {"shop/static/shop/site.css": css}), runs=True)
    assert [(item.code, item.place) for item in findings] == [
        ("reference-missing", "shop/static/shop/site.css:2"),
        ("reference-missing", "shop/static/shop/site.css:4"),
    ]
    assert "shop/nowhere.svg is not among the static files." in findings[0].what
    assert {item.severity for item in findings} == {Severity.ERROR}


def test_a_missing_source_map_matters_as_much_as_it_does_to_collect(tmp_path: Path) -> None:
    js = "x()\n//# sourceMappingURL=site.js.map\n"
    root = sound(tmp_path, {"assets/site.js": js})
    finding = one(root, "reference-missing", runs=True)
    assert (finding.place, finding.severity) == ("assets/site.js:2", Severity.ERROR)
    (root / "pyproject.toml").write_text('[tool.buildstatic.collect]\nmissing_maps = "warn"\n')
    assert one(root, "reference-missing", runs=True).severity == Severity.INFO


def test_a_circle_is_found(tmp_path: Path) -> None:
    files = {
        "shop/static/shop/site.css": '@import "other.css";\n',
        "shop/static/shop/other.css": '@import "site.css";\n',
    }
    finding = one(sound(tmp_path, files), "reference-circle", runs=True)
    assert finding.what.count("shop/static/shop/") == 2


def test_what_is_left_out_is_not_looked_at(tmp_path: Path) -> None:
    files = {"shop/static/shop/site.css": 'a { background: url("gone.svg"); }\n'}
    root = sound(tmp_path, {**files, ".staticignore": "shop/site.css\n"})
    assert codes(root, runs=True) == []


def test_nothing_is_written_and_nothing_of_the_project_is_printed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    root = sound(tmp_path, change=("", 'print("from the settings")\n'))
    before = sorted(path for path in root.rglob("*") if "__pycache__" not in path.parts)
    assert codes(root, runs=True) == []
    after = sorted(path for path in root.rglob("*") if "__pycache__" not in path.parts)
    assert after == before
    assert capfd.readouterr().out == ""


def test_a_storage_of_the_projects_own_is_left_to_its_own_code(tmp_path: Path) -> None:
    storage = (
        "from django.contrib.staticfiles.storage import ManifestStaticFilesStorage\n"
        "class Own(ManifestStaticFilesStorage):\n"
        "    def hashed_name(self, name, content=None, filename=None):\n"
        "        return name\n"
    )
    files = {"mysite/storage.py": storage, "assets/site.css": 'a { background: url("gone.svg"); }'}
    change = ("whitenoise.storage.CompressedManifestStaticFilesStorage", "mysite.storage.Own")
    assert codes(sound(tmp_path, files, change), runs=True) == []
