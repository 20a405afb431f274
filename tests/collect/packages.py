"""Real packages to collect: Python packages with static files, and packages from npm."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.collect import pythons

# Those that the installed Django collects with a manifest: others name files that they do not ship.
PACKAGES = {
    "@fortawesome/fontawesome-free": "6.7.2",
    "bootstrap": "5.3.7",
    "bootstrap-icons": "1.13.1",
    "codemirror": "5.65.19",
    "flag-icons": "7.5.0",
    "jquery": "3.7.1",
    "leaflet": "1.9.4",
    "tinymce": "7.9.1",
}
STORAGES = (
    "django-compressor",
    "django-manifeststaticfiles-enhanced",
    "django-pipeline",
    "django-static-compress",
)
APPS = """\
INSTALLED_APPS += [
    "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes",
    "django.contrib.messages", "django.contrib.sessions", "rest_framework",
    "wagtail.admin", "wagtail.documents", "wagtail.embeds", "wagtail.images",
    "wagtail.snippets", "wagtail.search", "wagtail.sites", "wagtail.users", "wagtail",
    "modelcluster", "taggit",
]
WAGTAIL_SITE_NAME = "site"
WAGTAILADMIN_BASE_URL = "http://localhost"
"""


def python_with_apps(parent: Path) -> Path:
    """Return the Python of an environment with `APPS`, WhiteNoise and other storages."""
    more = ("djangorestframework", "wagtail", "whitenoise", "brotli", *STORAGES)
    return pythons.environment(parent / "apps", requirements=(pythons.DJANGO, *more))


def node_modules(parent: Path) -> Path:
    """Return a directory with `PACKAGES`, downloaded once per run, or skip the test."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm, which fetches the front-end packages, is not installed")
    home = parent / "npm"
    with pythons.locked(home.with_suffix(".lock")):
        if not (home / "complete").exists():
            home.mkdir(exist_ok=True)
            (home / "package.json").write_text(json.dumps({"private": True}))
            names = [f"{name}@{version}" for name, version in PACKAGES.items()]
            install = [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
            subprocess.run([*install, *names], cwd=home, check=True)
            (home / "complete").touch()
    return home / "node_modules"
