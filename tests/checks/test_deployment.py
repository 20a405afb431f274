"""Checks of what a deployment runs, and in which order."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from buildstatic.checks import Severity
from buildstatic.cli import run
from tests.checks.projects import clean_project, codes, findings, only
from tests.samples import copy

LOCAL, ENDS, ORDER = "release-collects-locally", "railway-config-ends", "migrate-before-collect"
COLLECT = "python manage.py collectstatic --noinput"
MIGRATE = "python manage.py migrate --noinput"
IMPORT = "from django.templatetags.static import static\n"
FORMS = f"""\
from django import forms
{IMPORT}

class Form(forms.Form):
    class Media:
        js = [static("site.js")]
"""


@pytest.mark.parametrize(
    ("file", "text", "line"),
    [
        pytest.param(
            "Procfile", f"web: gunicorn\nrelease: {COLLECT} && {MIGRATE}\n", 2, id="heroku"
        ),
        pytest.param("Procfile", "release: buildstatic collect --noinput\n", 1, id="buildstatic"),
        pytest.param(
            "railway.json",
            f'{{\n "deploy": {{\n  "preDeployCommand": ["{MIGRATE}", "{COLLECT}"]\n }}\n}}\n',
            3,
            id="railway.json",
        ),
        pytest.param(
            "railway.toml", f'[deploy]\npreDeployCommand = "{COLLECT}"\n', 2, id="railway.toml"
        ),
        pytest.param(
            "fly.toml", f'app = "x"\n[deploy]\nrelease_command = "{COLLECT}"\n', 3, id="fly.toml"
        ),
        pytest.param(
            "render.yaml",
            f"services:\n  - type: web\n    preDeployCommand: {COLLECT}\n",
            3,
            id="render.yaml",
        ),
        pytest.param(
            "render.yaml",
            "projects:\n- environments:\n  - services:\n"
            f"    - type: web\n      preDeployCommand: {COLLECT}\n",
            5,
            id="render.yaml-project",
        ),
    ],
)
def test_collecting_in_the_release_phase(tmp_path: Path, file: str, text: str, line: int) -> None:
    found = {item.code: item for item in findings(clean_project(tmp_path, {file: text}))}
    assert set(found) - {ENDS} == {LOCAL}
    assert found[LOCAL].location == f"{file}:{line}"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"release: {MIGRATE}\nweb: {COLLECT} && gunicorn\n", id="in-web"),
        pytest.param(f"release: {COLLECT} --dry-run\n", id="dry-run"),
        pytest.param("release: python manage.py collectstatic_s3\n", id="another-command"),
        pytest.param("release: echo no collectstatic here\n", id="a-word"),
        pytest.param("# release: python manage.py collectstatic\n", id="a-comment"),
        pytest.param("  # a\r\n\r\n  web: gunicorn mysite.wsgi # b\r\n", id="spaces"),
    ],
)
def test_accepted_procfiles(tmp_path: Path, text: str) -> None:
    assert codes(clean_project(tmp_path, {"Procfile": text})) == []


def test_release_phase_may_collect_into_remote_storage(tmp_path: Path) -> None:
    root = copy("remote", tmp_path)
    (root / "Procfile").write_text(f"release: {COLLECT}\n")
    assert LOCAL not in codes(root)


@pytest.mark.parametrize("name", ["railway.json", "railway.toml"])
@pytest.mark.parametrize(
    ("today", "severity"),
    [
        pytest.param(date(2026, 11, 30), Severity.WARNING, id="before"),
        pytest.param(date(2026, 12, 1), Severity.ERROR, id="after"),
    ],
)
def test_railway_stops_reading_its_config_files(
    tmp_path: Path, name: str, today: date, severity: Severity
) -> None:
    root = clean_project(tmp_path, {name: "{}" if name.endswith("json") else ""})
    (finding,) = findings(root, today=today)
    assert (finding.code, finding.file, finding.severity) == (ENDS, name, severity)
    (root / ".railway").mkdir()
    (root / ".railway/railway.ts").write_text("// the successor\n")
    (finding,) = findings(root, today=today)
    assert finding.severity == Severity.INFO


def test_dockerfile_makes_railpack_config_useless(tmp_path: Path) -> None:
    files = {"railpack.json": '{"deploy": {"startCommand": "gunicorn mysite.wsgi"}}'}
    assert codes(clean_project(tmp_path / "without", files)) == []
    root = copy("manifest", tmp_path)
    (root / "railpack.json").write_text(files["railpack.json"])
    assert run(["generate", "dockerfile", "dockerignore", "--path", str(root), "--force"]) == 0
    assert "railpack-config-unused" in codes(root)


@pytest.mark.parametrize(
    ("file", "text", "location"),
    [
        pytest.param("railpack.json", "{\n  deploy: {}\n}", "railpack.json:2", id="railpack"),
        pytest.param("app.json", '{"env": {},\n}', "app.json:", id="heroku"),
        pytest.param("fly.toml", "app = 'x'\n[deploy\n", "fly.toml:2", id="fly"),
        pytest.param("render.yaml", "services:\n- a: [\n", "render.yaml:3", id="render"),
        pytest.param("render.yaml", b"\xff\xff", "render.yaml:1", id="encoding"),
        pytest.param(
            "docker-compose.yml",
            'services: "\\U00110000"\n',
            "docker-compose.yml:1",
            id="invalid-escape",
        ),
        *(
            pytest.param(name, "a: 1\n---\nb: [\n", f"{name}:", id=name)
            for name in ("compose.yaml", "kubernetes.yaml", "config/deploy.yml", ".do/app.yaml")
        ),
        pytest.param("cloud-run/migrate.yaml", "a: [\n", "cloud-run/migrate.yaml:2", id="job"),
        pytest.param(
            ".railway/railway.py",
            "def main(ctx):\n    return (\n",
            ".railway/railway.py:2",
            id="py",
        ),
        pytest.param("Procfile", "# a\n\nweb gunicorn mysite.wsgi\n", "Procfile:3", id="no-colon"),
        pytest.param("Procfile", "web: a\n<<<<<<< HEAD\n", "Procfile:2", id="merge-conflict"),
        pytest.param("Procfile", "// a\nweb: a\n", "Procfile:1", id="two-slashes"),
        pytest.param("Procfile", "web: a\r\nrelease:\r\n", "Procfile:2", id="no-command"),
        pytest.param("Procfile", "web: a\nrelease: b\nweb: c\n", "Procfile:3", id="twice"),
        *(
            pytest.param(name, text.encode("utf-16"), f"{name}:1", id=f"{name}-in-utf-16")
            for name, text in (("Procfile", "web: a\n"), ("app.json", "{}"), ("fly.toml", "a = 1"))
        ),
        pytest.param("compose.yaml", "# a\n- b: 1\n", "compose.yaml:2", id="a-list"),
        pytest.param("kubernetes.yaml", "a: 1\n---\n3\n", "kubernetes.yaml:3", id="a-number"),
    ],
)
def test_platform_file_that_cannot_be_parsed(
    tmp_path: Path, file: str, text: str | bytes, location: str
) -> None:
    finding = only(clean_project(tmp_path, {file: text}), "platform-file-invalid")
    assert finding.location.startswith(location)


def test_documents_tags_and_templates_are_no_invalid_yaml(tmp_path: Path) -> None:
    given = {
        "compose.yaml": "services:\n  web: !reset null\n",
        "kubernetes.yaml": "---\n# a\n---\nkind: Service\n---\nkind: Job\n---\n",
        "config/deploy.yml": "service: <%= name %>\n<% if true %>\nb: [\n<% end %>\n",
    }
    assert "platform-file-invalid" not in codes(clean_project(tmp_path, given))


SEQUENCES = [
    pytest.param(
        "railpack.json",
        f'{{ // "startCommand": "x"\n/* a, */ "deploy": {{\n"startCommand": '
        f'"{MIGRATE} && {COLLECT} && gunicorn", // https://x\n}},\n}}\n',
        3,
        id="railpack.json-with-comments",
    ),
    pytest.param(
        "railpack.json",
        f'{{\n"deploy": {{"startCommand": "{MIGRATE} && {COLLECT} && gunicorn"}}}}',
        2,
        id="railpack.json",
    ),
    pytest.param("Procfile", f"release: {MIGRATE}\nweb: {COLLECT} && gunicorn\n", 1, id="procfile"),
    pytest.param("Procfile", f"web: {MIGRATE} && {COLLECT} && gunicorn\n", 1, id="one-line"),
    pytest.param("deploy.sh", f"#!/bin/sh\nset -e\n{MIGRATE}\n{COLLECT}\n", 3, id="script"),
    pytest.param("bin/start", f"#!/usr/bin/env bash\n{MIGRATE}\n{COLLECT}\n", 2, id="bin"),
    pytest.param(
        "railway.toml",
        f'[deploy]\npreDeployCommand = "{MIGRATE}"\nstartCommand = "{COLLECT}"\n',
        2,
        id="railway",
    ),
    pytest.param(
        "render.yaml",
        f"services:\n- preDeployCommand: {MIGRATE}\n  startCommand: {COLLECT} && gunicorn\n",
        2,
        id="render",
    ),
]


@pytest.mark.parametrize(("file", "text", "line"), SEQUENCES)
def test_migrating_before_collecting(tmp_path: Path, file: str, text: str, line: int) -> None:
    """An error only if static() is called at import."""
    root = clean_project(tmp_path, {file: text, "shop/forms.py": FORMS})
    found = {finding.code: finding for finding in findings(root)}
    assert set(found) - {ENDS} == {"static-at-import", ORDER}
    assert found[ORDER].location == f"{file}:{line}"
    assert "shop/forms.py:7 uses static() at import" in found[ORDER].what
    (root / "shop/forms.py").write_text(FORMS.replace('static("site.js")', '"site.js"'))
    assert [code for code in codes(root) if code != ENDS] == []


def test_collecting_before_migrating_is_accepted(tmp_path: Path) -> None:
    script = {"deploy.sh": f"#!/bin/sh\n{COLLECT} && {MIGRATE}\n", "shop/forms.py": FORMS}
    finding = only(clean_project(tmp_path, script), "static-at-import")
    assert finding.severity == Severity.WARNING


@pytest.mark.parametrize(
    ("file", "text", "line"),
    [
        pytest.param("shop/models.py", f"{IMPORT}LOGO = static('site.js')\n", 2, id="models"),
        pytest.param(
            "shop/apps.py",
            "from django.contrib.staticfiles.storage import staticfiles_storage\n"
            "class Shop:\n    logo = staticfiles_storage.url('site.js')\n",
            3,
            id="apps",
        ),
        pytest.param(
            "shop/models.py",
            "from django.templatetags import static as s\ndef f(a=s.static('x')): pass\n",
            2,
            id="default",
        ),
    ],
)
def test_static_in_modules_that_collecting_imports(
    tmp_path: Path, file: str, text: str, line: int
) -> None:
    finding = only(clean_project(tmp_path, {file: text}), "static-at-import")
    assert (finding.location, finding.severity) == (f"{file}:{line}", Severity.ERROR)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"{IMPORT}def f():\n    return static('x')\n", id="function"),
        pytest.param(f"{IMPORT}f = lambda: static('x')\n", id="lambda"),
        pytest.param(f"{IMPORT}if __name__ == '__main__':\n    static('x')\n", id="main"),
        pytest.param(
            "from django.conf.urls.static import static\nurlpatterns = static('/media/')\n",
            id="of-urls",
        ),
    ],
)
def test_static_that_is_not_called_at_import(tmp_path: Path, text: str) -> None:
    assert codes(clean_project(tmp_path, {"shop/models.py": text})) == []


def test_static_at_import_works_without_a_manifest(tmp_path: Path) -> None:
    backend = "whitenoise.storage.Compressed{}StaticFilesStorage"
    change = (backend.format("Manifest"), backend.format(""))
    root = clean_project(tmp_path, {"shop/forms.py": FORMS}, change)
    fix = only(root, "manifest-storage-off").fix
    assert "First move the calls of static() out of import time (shop/forms.py:7)" in fix
