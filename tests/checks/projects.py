"""A small project that nothing is wrong with, what is done to it, and what is found then."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from buildstatic.checks import Finding
from buildstatic.cli.findings import Checkup, examine
from tests.project.tree import MANAGE, write

SETTINGS = """\
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = "for-the-tests"
DEBUG = False
ALLOWED_HOSTS = ["localhost"]
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


def sound(
    root: Path, files: Mapping[str, str | bytes] = {}, change: tuple[str, str] = ("", "")
) -> Path:
    """Write the project and *files* to *root*, *change* made to its settings."""
    assert change[0] in SETTINGS
    settings = SETTINGS.replace(*change, 1) if change[0] else SETTINGS + change[1]
    return write(root, {**FILES, "mysite/settings.py": settings, **files})


def checked(root: Path, *, runs: bool = False) -> Checkup:
    """Return what is said of the project in *root*, with its own Python where it *runs*."""
    return examine(root, None, None, None, runs=runs)


def found(root: Path, *, runs: bool = False) -> list[Finding]:
    return list(checked(root, runs=runs).findings)


def codes(root: Path, *, runs: bool = False) -> list[str]:
    return [finding.code for finding in found(root, runs=runs)]


def one(root: Path, code: str, *, runs: bool = False) -> Finding:
    """Return the finding of *code*, which has to be the only one."""
    (finding,) = found(root, runs=runs)
    assert finding.code == code
    return finding


def repository(root: Path, *added: str) -> Path:
    """Make *root* a git repository with what is *added* in its index."""
    git(root, "init", "--quiet")
    if added:
        git(root, "add", "--force", "--", *added)
    return root


def git(root: Path, *arguments: str) -> None:
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(root),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CEILING_DIRECTORIES": str(root.parent),
    }
    subprocess.run(["git", *arguments], cwd=root, env=environ, check=True, capture_output=True)
