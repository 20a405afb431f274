"""The plan can be looked at: as a table before anything is written, as JSON beside the files."""

from __future__ import annotations

import json
from pathlib import Path

from tests.collect.conftest import Collect
from tests.collect.sites import Site


def shadowed(site: Site) -> None:
    """Let the site have one path three times, of which two are equal."""
    site.app("shop", {"css/site.css": (site.root / "static/css/site.css").read_text()})
    site.app("blog", {"css/site.css": "blog"})


def test_the_plan_is_printed_and_nothing_is_written(site: Site, collect: Collect) -> None:
    shadowed(site)
    ran = collect(site, "--plan")
    assert ran.code == 0
    assert not site.tree.exists()
    rows = [line.split() for line in ran.out.splitlines()]
    assert ["collected", "js/site.js", str(site.root / "static/js/site.js")] in rows
    by = str(site.root / "static/css/site.css")
    places = {place: str(site.root / place / "static/css/site.css") for place in ("shop", "blog")}
    assert ["shadowed", "css/site.css", places["shop"], "equal,", "by", by] in rows
    assert ["shadowed", "css/site.css", places["blog"], "different,", "by", by] in rows


def test_the_report_has_the_plan_and_the_summary(
    site: Site, collect: Collect, tmp_path: Path
) -> None:
    shadowed(site)
    report = tmp_path / "report.json"
    assert collect(site, "--noinput", "--report", report).code == 0
    said = json.loads(report.read_text())
    names = {file["path"] for file in said["files"]}
    assert names == {"css/site.css", "img/dot.svg", "js/site.js"}
    assert [item["equal"] for item in said["shadowed"]] == [True, False]
    summary = said["summary"]
    assert (summary["files"], summary["copied"], summary["equal"]) == (3, 3, 1)
    assert summary["conflicts"] == ["css/site.css"]
    assert summary["bytes"] == sum(len(path.read_bytes()) for path in files(site.root / "static"))


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


def test_a_conflict_is_in_the_summary_and_an_equal_file_is_not(
    site: Site, collect: Collect
) -> None:
    site.app("shop", {"js/site.js": (site.root / "static/js/site.js").read_text()})
    site.app("blog", {"css/site.css": "blog"})
    ran = collect(site, "--noinput")
    lines = [line.split(maxsplit=1) for line in ran.err.splitlines()]
    assert ["conflicts", "1: css/site.css"] in lines
    assert not any("js/site.js" in line for line in ran.err.splitlines())


def test_strict_fails_on_a_conflict_before_anything_is_written(
    site: Site, collect: Collect
) -> None:
    site.app("blog", {"css/site.css": "blog"})
    ran = collect(site, "--noinput", "--strict")
    assert ran.code == 25
    assert str(site.root / "blog/static/css/site.css") in ran.err
    assert not site.tree.exists()


def test_strict_lets_equal_files_pass(site: Site, collect: Collect) -> None:
    site.app("shop", {"js/site.js": (site.root / "static/js/site.js").read_text()})
    assert collect(site, "--noinput", "--strict").code == 0
