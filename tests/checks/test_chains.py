"""What a deployment runs, and in which order: release phases, start commands, scripts."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from buildstatic.checks import Severity, load_context, railway_config
from buildstatic.project.config import Config
from buildstatic.project.detect import detect
from tests.checks.projects import codes, found, one, sound
from tests.samples import copy

LOCAL, ENDS, ORDER = "release-collects-locally", "railway-config-ends", "migrate-before-collect"
COLLECT = "python manage.py collectstatic --noinput"
MIGRATE = "python manage.py migrate --noinput"
FORMS = """\
from django import forms
from django.templatetags.static import static


class Form(forms.Form):
    class Media:
        js = [static("site.js")]
"""
SUCCESSOR = {".railway/railway.py": "# it is there\n"}


@pytest.mark.parametrize(
    ("file", "text", "line"),
    [
        pytest.param(
            "Procfile", f"web: gunicorn\nrelease: {COLLECT} && {MIGRATE}\n", 2, id="heroku"
        ),
        pytest.param("Procfile", "release: buildstatic collect --noinput\n", 1, id="ours"),
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
        pytest.param(
            ".railway/railway.py",
            f'service(\n    "web",\n    preDeploy=["{MIGRATE}",\n      "{COLLECT}"],\n)\n',
            4,
            id="railway.py",
        ),
        pytest.param(
            ".railway/railway.py",
            f'sdk.service("web", deploy={{\n"preDeployCommand": "{COLLECT}"}} | during(ctx))\n',
            2,
            id="railway.py-migrated",
        ),
    ],
)
def test_collecting_into_what_is_thrown_away_is_found(
    tmp_path: Path, file: str, text: str, line: int
) -> None:
    findings = {f.code: f for f in found(sound(tmp_path, {**SUCCESSOR, file: text}))}
    assert set(findings) - {ENDS} == {LOCAL}
    assert (findings[LOCAL].file, findings[LOCAL].line) == (file, line)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"release: {MIGRATE}\nweb: {COLLECT} && gunicorn\n", id="in-web"),
        pytest.param(f"release: {COLLECT} --dry-run\n", id="dry"),
        pytest.param("release: python manage.py collectstatic_s3\n", id="another-command"),
        pytest.param("release: echo no collectstatic here\n", id="a-word"),
        pytest.param("# release: python manage.py collectstatic\n", id="a-comment"),
    ],
)
def test_other_procfiles_are_well(tmp_path: Path, text: str) -> None:
    assert codes(sound(tmp_path, {"Procfile": text})) == []


def test_with_remote_storage_a_release_may_collect(tmp_path: Path) -> None:
    root = copy("remote", tmp_path)
    (root / "Procfile").write_text(f"release: {COLLECT}\n")
    assert codes(root) == []


@pytest.mark.parametrize("name", ["railway.json", "railway.toml"])
@pytest.mark.parametrize(
    ("today", "severity"),
    [
        pytest.param(date(2026, 11, 30), Severity.WARNING, id="before"),
        pytest.param(date(2026, 12, 1), Severity.ERROR, id="after"),
    ],
)
def test_a_railway_file_is_about_to_be_ignored_and_then_is(
    tmp_path: Path, name: str, today: date, severity: Severity
) -> None:
    root = sound(tmp_path, {name: "{}" if name.endswith("json") else ""})
    case = load_context(detect(root), Config(), None, today)
    (finding,) = railway_config.find(case)
    assert (finding.code, finding.file, finding.severity) == (ENDS, name, severity)
    (root / ".railway").mkdir()
    (root / ".railway/railway.ts").write_text("// it is there\n")
    (finding,) = railway_config.find(load_context(detect(root), Config(), None, today))
    assert finding.severity == Severity.INFO


CHAINS = [
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
        ".railway/railway.py",
        f'service("web", {{"run": {{"command":\n"{MIGRATE} && {COLLECT}"}}}})\n',
        2,
        id="railway.py",
    ),
    pytest.param(
        "render.yaml",
        f"services:\n- preDeployCommand: {MIGRATE}\n  startCommand: {COLLECT} && gunicorn\n",
        2,
        id="render",
    ),
]


@pytest.mark.parametrize(("file", "text", "line"), CHAINS)
def test_migrating_before_collecting_is_found_where_static_is_called_at_import(
    tmp_path: Path, file: str, text: str, line: int
) -> None:
    root = sound(tmp_path, {**SUCCESSOR, file: text, "shop/forms.py": FORMS})
    findings = {finding.code: finding for finding in found(root)}
    assert set(findings) - {ENDS} == {"static-at-import", ORDER}
    assert findings[ORDER].place == f"{file}:{line}"
    assert "shop/forms.py:7 calls static() at import" in findings[ORDER].what


@pytest.mark.parametrize(("file", "text", "line"), CHAINS)
def test_where_static_is_not_called_at_import_the_order_is_free(
    tmp_path: Path, file: str, text: str, line: int
) -> None:
    later = FORMS.replace('js = [static("site.js")]', 'js = ["site.js"]')
    late = "from django.templatetags.static import static\ndef f():\n    return static('x')\n"
    files = {"shop/forms.py": later, "shop/views.py": late, **SUCCESSOR}
    assert line
    assert [c for c in codes(sound(tmp_path, {**files, file: text})) if c != ENDS] == []


def test_collecting_first_is_the_right_order(tmp_path: Path) -> None:
    script = f"#!/bin/sh\n{COLLECT} && {MIGRATE}\n"
    files = {"deploy.sh": script, "shop/forms.py": FORMS}
    assert one(sound(tmp_path, files), "static-at-import").severity == Severity.WARNING


@pytest.mark.parametrize(
    ("file", "text", "place"),
    [
        pytest.param(
            "shop/models.py",
            "from django.templatetags.static import static\nLOGO = static('site.js')\n",
            "shop/models.py:2",
            id="models",
        ),
        pytest.param(
            "shop/apps.py",
            "from django.contrib.staticfiles.storage import staticfiles_storage\n"
            "class Shop:\n    logo = staticfiles_storage.url('site.js')\n",
            "shop/apps.py:3",
            id="apps",
        ),
    ],
)
def test_what_collecting_itself_imports_is_an_error(
    tmp_path: Path, file: str, text: str, place: str
) -> None:
    finding = one(sound(tmp_path, {file: text}), "static-at-import")
    assert (finding.place, finding.severity) == (place, Severity.ERROR)


def test_without_a_manifest_static_may_be_called_at_any_time(tmp_path: Path) -> None:
    backend = "whitenoise.storage.Compressed{}StaticFilesStorage"
    change = (backend.format("Manifest"), backend.format(""))
    assert codes(sound(tmp_path, {"shop/forms.py": FORMS}, change)) == ["manifest-storage-off"]


def test_the_other_static_of_urls_is_none(tmp_path: Path) -> None:
    urls = "from django.conf.urls.static import static\nurlpatterns = static('/media/')\n"
    assert codes(sound(tmp_path, {"mysite/urls.py": urls})) == []
