"""Generated files, run on a real startproject with honcho, a shell and gunicorn."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest

from buildstatic.platforms import PLATFORMS
from buildstatic.platforms.options import Options
from buildstatic.templates.write import compare, write
from tests.platforms.projects import GENERATED, project
from tests.platforms.reading import yaml_documents
from tests.running import (
    SECONDS,
    assert_page_and_style_sheet,
    environment,
    migrations,
    run,
    serving,
)

pytestmark = pytest.mark.slow

EDITS = """
ALLOWED_HOSTS = ["127.0.0.1"]
DEBUG = False
STATIC_ROOT = BASE_DIR / "staticfiles"
MIDDLEWARE.insert(1, "whitenoise.middleware.WhiteNoiseMiddleware")
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
}
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a startproject, edited for production, with all generated files."""
    root = tmp_path / "my site"
    root.mkdir()
    run(root, "django-admin", "startproject", "mysite", ".")
    with (root / "mysite" / "settings.py").open("a") as settings:
        settings.write(EDITS)
    found, options = project(root), Options(builder="railpack", dockerfile=GENERATED)
    files = [file for platform in PLATFORMS for file in platform.files(found, options)]
    write(root, compare(root, files))
    return root


def test_replicas_on_kubernetes_wait_for_the_migrations(checkout: Path) -> None:
    deployment, *_ = yaml_documents((checkout / "kubernetes.yaml").read_text())
    (container,) = deployment["spec"]["template"]["spec"]["initContainers"]
    with pytest.raises(subprocess.CalledProcessError) as waited:
        run(checkout, "timeout", "2", *container["command"])
    assert waited.value.returncode == 124
    run(checkout, "python", "manage.py", "migrate", "--noinput")
    run(checkout, "timeout", "20", *container["command"])


def test_honcho_runs_release_and_then_web(checkout: Path) -> None:
    run(checkout, "python", "manage.py", "collectstatic", "--noinput")  # as the buildpack does
    run(checkout, "honcho", "start", "release")
    assert migrations(checkout) > 0
    with serving(checkout, ["honcho", "start", "web"]) as (url, _):
        assert_page_and_style_sheet(url)


def start_command(checkout: Path) -> str:
    deploy = json.loads((checkout / "railpack.json").read_text())["deploy"]
    assert list(deploy) == ["startCommand"]
    return str(deploy["startCommand"])


def test_railway_start_command_serves_a_fresh_checkout(checkout: Path) -> None:
    with serving(checkout, ["sh", "-c", start_command(checkout)]) as (url, process):
        assert_page_and_style_sheet(url)
        assert migrations(checkout) > 0
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 0


def test_railway_start_command_stops_at_the_first_failure(checkout: Path) -> None:
    command = start_command(checkout)
    (checkout / "staticfiles").write_text("no directory\n")
    done = subprocess.run(["sh", "-c", command], cwd=checkout, env=environment(), check=False)
    assert done.returncode != 0
    assert not (checkout / "db.sqlite3").exists()


def test_deploy_script_serves_a_fresh_checkout(checkout: Path) -> None:
    with serving(checkout, ["./deploy.sh"]) as (url, process):
        assert_page_and_style_sheet(url)
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 0
