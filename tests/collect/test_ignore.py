"""Ignored files: by .staticignore, by the configuration, and those of an earlier run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.collect.conftest import Collect
from tests.collect.sites import Site, contents


@pytest.mark.parametrize(
    ("patterns", "left"),
    [
        pytest.param("*.css", {"img/dot.svg", "js/site.js"}, id="anywhere"),
        pytest.param("/css/", {"img/dot.svg", "js/site.js"}, id="a directory"),
        pytest.param("site.*\n!*.js", {"img/dot.svg", "js/site.js"}, id="an exception"),
        pytest.param("# a comment\n\n", {"css/site.css", "img/dot.svg", "js/site.js"}, id="none"),
    ],
)
def test_staticignore_has_gitignore_syntax(
    site: Site, collect: Collect, patterns: str, left: set[str]
) -> None:
    site.write({".staticignore": patterns})
    assert collect(site, "--noinput").code == 0
    assert set(contents(site.tree)) == left


def test_staticignore_overrides_the_configuration(site: Site, collect: Collect) -> None:
    site.write({"pyproject.toml": '[tool.buildstatic]\nignore = ["*.css", "*.svg"]\n'})
    site.write({".staticignore": "!site.css\n"})
    assert collect(site, "--noinput").code == 0
    assert set(contents(site.tree)) == {"css/site.css", "js/site.js"}


@pytest.mark.parametrize(
    ("file", "pattern"),
    [
        (".staticignore", "!"),
        (".staticignore", "css\\"),
        (".staticignore", "\\"),
        ("pyproject.toml", "!"),
    ],
)
def test_invalid_patterns_are_reported_with_their_line(
    site: Site, collect: Collect, pattern: str, file: str
) -> None:
    config = f"[tool.buildstatic]\nignore = ['*.map', '{pattern}']\n"
    site.write({file: config if file == "pyproject.toml" else f"*.map\n{pattern}\n"})
    ran = collect(site, "--noinput")
    assert ran.code == 12
    assert f"error: {file}:2: {pattern} is not a valid gitignore pattern." in ran.err
    assert not site.tree.exists()


def test_own_code_does_not_collect_ignored_files(site: Site, collect: Collect) -> None:
    site.write({".staticignore": "*.css\n", "mysite/files.py": OWN_CODE})
    site.storage("mysite.files.Own")
    assert collect(site, "--noinput").code == 0
    assert set(contents(site.tree)) == {"img/dot.svg", "js/site.js"}


OWN_CODE = """\
from django.contrib.staticfiles.storage import StaticFilesStorage


class Own(StaticFilesStorage):
    def _save(self, name, content):
        return super()._save(name, content)
"""


def test_static_root_inside_a_source_is_ignored(site: Site, collect: Collect) -> None:
    site.append('STATIC_ROOT = BASE_DIR / "static" / "out"\n')
    for _ in range(3):
        assert collect(site, "--noinput").code == 0
    names = set(contents(site.root / "static/out"))
    assert names == {"css/site.css", "img/dot.svg", "js/site.js"}


def test_report_lists_ignored_files_with_their_rule(
    site: Site, collect: Collect, tmp_path: Path
) -> None:
    site.write({".staticignore": "\n*.css\n", "static/.hidden/a.txt": "", "static/b.txt~": ""})
    report = tmp_path / "report.json"
    assert collect(site, "--noinput", "--ignore", "*.svg", "--report", report).code == 0
    ignored = json.loads(report.read_text())["ignored"]
    assert {item["path"]: item["rule"] for item in ignored} == {
        "css/site.css": "*.css (.staticignore:2)",
        "img/dot.svg": "*.svg (Django)",
        ".hidden/a.txt": ".* (Django)",
        "b.txt~": "*~ (Django)",
    }
