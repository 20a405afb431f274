"""Small Django projects, and the commands that collect their static files."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path

from tests.collect import fork_server

MANAGE = """\
import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
"""
SETTINGS = """\
import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = "for-the-tests"
INSTALLED_APPS = ["django.contrib.staticfiles"]
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
USE_TZ = True
"""
FILES = {
    "static/css/site.css": 'body { background: url("../img/dot.svg"); }\n',
    "static/img/dot.svg": '<svg xmlns="http://www.w3.org/2000/svg"/>\n',
    "static/js/site.js": "console.log('site');\n",
}
# Not in any file system that runs these tests, so all its parents may be root's in an image.
PLACE = "/buildstatic-tests/staticfiles"
NO_TRACE = ("BUILDSTATIC", "DJANGO_SETTINGS_MODULE", "SECRET_KEY", "VIRTUAL_ENV", "PYTHONPATH")


@dataclass(frozen=True)
class Ran:
    """The exit code and the output of a command."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Site:
    """A project in *root*."""

    root: Path

    @property
    def settings(self) -> Path:
        return self.root / "mysite" / "settings.py"

    @property
    def tree(self) -> Path:
        return self.root / "staticfiles"

    def write(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def app(self, name: str, files: Mapping[str, str], code: Mapping[str, str] = {}) -> None:
        """Add the app *name* to the end of INSTALLED_APPS, with *files* in its static/."""
        self.write({f"{name}/__init__.py": "", **{f"{name}/{k}": v for k, v in code.items()}})
        self.write({f"{name}/static/{path}": text for path, text in files.items()})
        self.append(f'INSTALLED_APPS += ["{name}"]\n')

    def append(self, lines: str) -> None:
        """Add *lines* to the end of the settings."""
        with self.settings.open("a", encoding="utf-8") as file:
            file.write(lines)

    def storage(self, backend: str, options: str = "{}") -> None:
        self.append(
            f'STORAGES = {{"staticfiles": {{"BACKEND": "{backend}", "OPTIONS": {options}}}}}\n'
        )

    def place(self, place: str = PLACE) -> None:
        """Set STATIC_ROOT to *place*, as in an image."""
        self.append(f'STATIC_ROOT = "{place}"\n')


def make_site(root: Path, files: Mapping[str, str] = FILES) -> Site:
    """Write a project with *files* as its static files."""
    site = Site(root)
    site.write({"manage.py": MANAGE, "mysite/__init__.py": "", "mysite/settings.py": SETTINGS})
    (root / "static").mkdir()
    site.write(files)
    return site


def run(
    *argv: str | Path,
    cwd: Path,
    environ: Mapping[str, str] = {},
    stdin: str = "",
    stdout: int = subprocess.PIPE,
) -> Ran:
    """Run *argv* in *cwd*, without the environment variables that projects read.

    The known commands run in a fork, see `fork_server`.
    """
    words = list(map(str, argv))
    whole_environ = {**plain_environ(), **environ}
    if stdout == subprocess.PIPE and fork_server.can_run(words, environ):
        with tempfile.TemporaryDirectory() as directory:
            return Ran(*fork_server.run(words, cwd, whole_environ, Path(directory), stdin))
    ran = subprocess.run(
        words,
        cwd=cwd,
        env=whole_environ,
        stdout=stdout,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        timeout=120,
        input=stdin,
    )
    return Ran(ran.returncode, ran.stdout or "", ran.stderr)


def plain_environ() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(NO_TRACE)}


def manage(site: Site, *arguments: str, environ: Mapping[str, str] = {}) -> Ran:
    """Run Django's own collectstatic."""
    return run(
        sys.executable, "manage.py", "collectstatic", *arguments, cwd=site.root, environ=environ
    )


def contents(root: Path) -> dict[str, bytes]:
    """Return the files below *root* by their relative paths."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }


def tar_digest(root: Path) -> str:
    """Return a digest of the content, modes, times and hard links in *root*."""
    buffer = BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path in [root, *sorted(root.rglob("*"))]:
            tar.add(path, arcname=path.relative_to(root.parent), recursive=False)
    return sha256(buffer.getvalue()).hexdigest()
