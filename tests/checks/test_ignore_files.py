"""Checks of .gitignore and .dockerignore."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildstatic.checks.finding import Severity
from tests.checks.projects import clean_project, codes, only, repository
from tests.project.tree import write

DOCKERFILE = {"Dockerfile": "FROM scratch\n"}


def test_unignored_static_root_is_reported_in_a_repository(tmp_path: Path) -> None:
    root = clean_project(tmp_path)
    assert codes(root) == []
    finding = only(repository(root), "gitignore-lacks-static-root")
    assert (finding.location, finding.fix) == (".gitignore", "Add /staticfiles/ to .gitignore.")


@pytest.mark.parametrize("pattern", ["staticfiles", "/staticfiles/", "static*/", "*"], ids=str)
def test_any_pattern_may_ignore_static_root(tmp_path: Path, pattern: str) -> None:
    root = clean_project(tmp_path, {".gitignore": f"{pattern}\n"})
    assert codes(repository(root, "shop", "blog", "assets")) == []


def test_gitignore_of_a_parent_directory_counts(tmp_path: Path) -> None:
    root = clean_project(tmp_path / "backend")
    (tmp_path / ".gitignore").write_text("staticfiles/\n")
    repository(tmp_path)
    assert codes(root) == []


@pytest.mark.parametrize(
    ("text", "place", "fix"),
    [
        pytest.param("*.pyc\nstatic/\n", ".gitignore:2", "Start ", id="any-depth"),
        pytest.param("/shop/*\n!/shop/*.py\n", ".gitignore:1", "Remove ", id="by-name"),
    ],
)
def test_ignored_sources_in_git(tmp_path: Path, text: str, place: str, fix: str) -> None:
    root = clean_project(tmp_path, {".gitignore": f"{text}staticfiles/\n"})
    finding = only(repository(root, "blog"), "gitignore-drops-sources")
    assert finding.location == place
    assert "git ignores shop/static" in finding.what
    assert finding.fix.startswith(fix)


def test_static_root_among_the_sources_is_one_finding(tmp_path: Path) -> None:
    files = {".gitignore": "/assets/\n", ".dockerignore": "assets\n"}
    root = clean_project(tmp_path, files, ('"staticfiles"', '"assets"'))
    assert codes(repository(root, "shop", "blog")) == ["static-root-in-sources"]


def test_output_of_a_front_end_may_be_ignored(tmp_path: Path) -> None:
    files = {
        ".gitignore": "/staticfiles/\n/shop/static/\n",
        "shop/static_src/package.json": '{"scripts": {"build": "tailwindcss -o ../static/a.css"}}',
    }
    assert codes(repository(clean_project(tmp_path, files))) == []


def test_tracked_sources_may_match_an_ignore_pattern(tmp_path: Path) -> None:
    root = clean_project(tmp_path, {".gitignore": "static/\nstaticfiles/\n"})
    assert codes(repository(root, "shop", "blog")) == []


def test_static_root_in_the_build_context(tmp_path: Path) -> None:
    root = clean_project(tmp_path, DOCKERFILE)
    assert codes(root) == []
    write(root, {"staticfiles/.keep": ""})
    assert codes(root) == []
    write(root, {"staticfiles/site.js": ""})
    finding = only(root, "dockerignore-lacks-static-root")
    assert (finding.location, finding.fix) == (".dockerignore", "Add staticfiles to .dockerignore.")
    (root / ".dockerignore").write_text("**/staticfiles\n")
    assert codes(root) == []
    (root / "Dockerfile.dockerignore").write_text("*.pyc\n")  # takes precedence
    assert only(root, "dockerignore-lacks-static-root").location == "Dockerfile.dockerignore"


def test_old_files_that_replace_the_static_layer_are_an_error(tmp_path: Path) -> None:
    copies = ["COPY . .", "COPY --link --from=static /layer/ /"]
    root = clean_project(tmp_path, {"staticfiles/site.js": ""})
    for lines, severity in ((copies, Severity.WARNING), (copies[::-1], Severity.ERROR)):
        (root / "Dockerfile").write_text("\n".join(("FROM x AS static", "FROM x", *lines)))
        finding = only(root, "dockerignore-lacks-static-root")
        assert (finding.severity, "replace" in finding.why) == (severity, lines != copies)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        pytest.param("staticfiles\n**/static\n!blog/static\n", ".dockerignore:2", id="any-depth"),
        pytest.param("*\n!blog\n!assets\n", ".dockerignore:1", id="allowlist"),
        pytest.param("staticfiles\nshop\n", ".dockerignore:2", id="app"),
    ],
)
def test_sources_excluded_from_the_build(tmp_path: Path, text: str, place: str) -> None:
    finding = only(clean_project(tmp_path, {".dockerignore": text}), "dockerignore-drops-sources")
    assert finding.location == place
    assert ".dockerignore excludes shop/static" in finding.what


FRONTEND = {
    "frontend/package.json": '{"scripts": {"build": "vite build --outDir ../assets"}}',
    "frontend/package-lock.json": "{}",
    "frontend/vite.config.ts": "",
    "frontend/src/main.ts": "",
}


@pytest.mark.parametrize(
    ("pattern", "excluded"),
    [
        pytest.param("frontend", "frontend/package.json, frontend/package-lock.json, ", id="all"),
        pytest.param("**/*.json", "frontend/package.json, frontend/package-lock.json,", id="json"),
        pytest.param("**/src", "frontend/src,", id="sources"),
        pytest.param("templates", "templates,", id="templates"),
    ],
)
def test_what_the_build_requires_is_excluded(tmp_path: Path, pattern: str, excluded: str) -> None:
    templates = 'TEMPLATES = [{"DIRS": [BASE_DIR / "templates"]}]\n'
    files = {**FRONTEND, "templates/a.html": "", ".dockerignore": f"staticfiles\n{pattern}\n"}
    root = repository(clean_project(tmp_path, files, ("", templates)), "templates")
    (root / ".gitignore").write_text("/staticfiles/\n")
    finding = only(root, "dockerignore-drops-sources")
    assert finding.location == ".dockerignore:2"
    assert f"excludes {excluded}" in finding.what


def test_front_end_exempts_no_tracked_sources(tmp_path: Path) -> None:
    files = {**FRONTEND, ".gitignore": "/staticfiles/\n", ".dockerignore": "assets\n"}
    root = repository(clean_project(tmp_path, files))
    assert codes(root) == []
    assert only(repository(root, "assets"), "dockerignore-drops-sources").fix.endswith("!assets")


def test_directory_that_a_command_fills_may_be_excluded(tmp_path: Path) -> None:
    files = {".dockerignore": "staticfiles\njsi18n\n", "jsi18n/.gitignore": "*\n"}
    change = ('BASE_DIR / "assets"', 'BASE_DIR / "jsi18n"')
    root = clean_project(tmp_path, {**files, "jsi18n/de/djangojs.js": ""}, change)
    command = "[tool.buildstatic]\nbefore = ['compilejsi18n']\n"
    assert "dockerignore-drops-sources" in codes(root)
    repository(write(root, {"pyproject.toml": command}), "jsi18n/.gitignore")
    assert "dockerignore-drops-sources" not in codes(root)
    repository(root, "jsi18n/de")
    assert "dockerignore-drops-sources" in codes(root)


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({".dockerignore": "staticfiles\n**/*.svg\n"}, id="partly-excluded"),
        pytest.param(
            {**FRONTEND, ".dockerignore": "frontend\n", "Dockerfile": "FROM scratch\n"},
            id="front-end-in-no-Dockerfile",
        ),
        pytest.param(
            {
                "package.json": '{"scripts": {"build": "vite build"}}',
                "package-lock.json": "{}",
                ".dockerignore": "staticfiles\nassets\n",
            },
            id="built-by-the-front-end",
        ),
        pytest.param({".dockerignore": "[\n"}, id="invalid"),
    ],
)
def test_accepted_dockerignore(tmp_path: Path, files: dict[str, str]) -> None:
    assert codes(clean_project(tmp_path, files)) == []
