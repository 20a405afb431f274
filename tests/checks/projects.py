"""A small project without problems, variations of it, and running the checks on it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from buildstatic.checks import Examination, Finding, load_context, run_checks
from buildstatic.project.detect import detect
from buildstatic.workflows.check import examine
from tests.project.tree import MANAGE, write

SETTINGS = """\
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = "a-key-for-the-tests-with-more-than-fifty-characters"
DEBUG = False
ALLOWED_HOSTS = ["example.com"]
INSTALLED_APPS = [
    "django.contrib.staticfiles",
    "shop",
    "blog",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.common.CommonMiddleware",
]
ROOT_URLCONF = "mysite.urls"
WSGI_APPLICATION = "mysite.wsgi.application"
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "assets"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
USE_TZ = True
"""
WSGI = """\
import os
from django.core.wsgi import get_wsgi_application
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
application = get_wsgi_application()
"""
FILES = {
    "manage.py": MANAGE.format(settings="mysite.settings"),
    "mysite/__init__.py": "",
    "mysite/settings.py": SETTINGS,
    "mysite/urls.py": "urlpatterns = []\n",
    "mysite/wsgi.py": WSGI,
    "shop/__init__.py": "",
    "shop/models.py": "",
    "shop/static/shop/site.css": 'body { background: url("dot.svg"); }\n',
    "shop/static/shop/dot.svg": "<svg/>\n",
    "blog/__init__.py": "",
    "blog/static/blog/site.css": "main {}\n",
    "assets/site.js": "console.log('site');\n",
    "requirements.txt": "Django>=4.2\ngunicorn\nwhitenoise\n",
}


TODAY = date(2026, 11, 1)


def clean_project(
    root: Path, files: Mapping[str, str | bytes] = {}, change: tuple[str, str] = ("", "")
) -> Path:
    """Write the project and *files* to *root*.

    *change* replaces a part of its settings; an empty part appends to them.
    """
    assert change[0] in SETTINGS
    settings = SETTINGS.replace(*change, 1) if change[0] else SETTINGS + change[1]
    return write(root, {**FILES, "mysite/settings.py": settings, **files})


def findings(root: Path, *, runs: bool = False, today: date = TODAY) -> list[Finding]:
    """Check the project in *root*; with *runs*, its own Python examines it as well."""
    project = detect(root, keep_invalid=True)
    examination = examine(project, None) if runs else Examination()
    assert not examination.skipped
    found, incomplete = run_checks(load_context(project, examination, today))
    assert not incomplete
    return list(found)


def codes(root: Path, *, runs: bool = False) -> list[str]:
    return [finding.code for finding in findings(root, runs=runs)]


def only(root: Path, code: str, *, runs: bool = False) -> Finding:
    """Return the only finding, which must have *code*."""
    (finding,) = findings(root, runs=runs)
    assert finding.code == code
    return finding


def repository(root: Path, *added: str) -> Path:
    """Make *root* a git repository with the paths *added* in its index."""
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(root),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CEILING_DIRECTORIES": str(root.parent),
    }
    for command in (["init", "--quiet"], *([["add", "--force", "--", *added]] if added else [])):
        subprocess.run(["git", *command], cwd=root, env=environ, check=True, capture_output=True)
    return root
