"""Suggested edits."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from buildstatic.project import Edit
from buildstatic.project.detect import detect
from buildstatic.project.edits import edits
from tests.project.tree import project, write
from tests.running import environment, run
from tests.startproject import apply, edited, startproject

REQUIREMENTS = "Django>=5.2\ngunicorn\nwhitenoise\n"
MIDDLEWARE = '    "whitenoise.middleware.WhiteNoiseMiddleware",'
HOSTS = 'ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", "localhost,127.0.0.1").split(",")'
STORAGES = """\
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}"""
# A project that needs no edits.
DONE = f"""\
import os
from pathlib import Path
BASE_DIR = Path(__file__).resolve().parent.parent
{HOSTS}
INSTALLED_APPS = ["django.contrib.staticfiles"]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
{MIDDLEWARE}
]
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
{STORAGES}
SECRET_KEY = "x"
"""
KEY = 'SECRET_KEY = os.environ["SECRET_KEY"]'
S3 = "storages.backends.s3.S3Storage"


def needed(
    root: Path, *changes: tuple[str, str], installs: tuple[str, str] = ("", "")
) -> tuple[Edit, ...]:
    """Return the edits for a complete project after *changes* to its settings.

    *installs* is the file of its packages and the content, instead of the complete one.
    """
    text = DONE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    name, content = installs if installs[0] else ("requirements.txt", REQUIREMENTS)
    project(root, {"mysite/settings.py": text, name: content})
    return edits(detect(root, environ={}))


def test_edits_for_startproject(tmp_path: Path) -> None:
    root = startproject(tmp_path)
    lines = (root / "mysite/settings.py").read_text().splitlines()
    hosts = lines.index("ALLOWED_HOSTS = []") + 1
    security = lines.index("    'django.middleware.security.SecurityMiddleware',") + 1
    url = lines.index("STATIC_URL = 'static/'") + 1
    found = edits(detect(root, environ={}))
    assert [(edit.file, edit.where, edit.text) for edit in found] == [
        ("requirements.txt", "a new file", "Django\ngunicorn\nwhitenoise"),
        ("mysite/settings.py", "among the imports", "import os"),
        ("mysite/settings.py", f"in place of ALLOWED_HOSTS, line {hosts}", HOSTS),
        ("mysite/settings.py", f"below line {security}, SecurityMiddleware", MIDDLEWARE),
        (
            "mysite/settings.py",
            f"below line {url}, STATIC_URL",
            'STATIC_ROOT = BASE_DIR / "staticfiles"',
        ),
        ("mysite/settings.py", "below STATIC_ROOT", STORAGES),
    ]
    assert all(edit.why.endswith(".") for edit in found)


@pytest.mark.slow
def test_startproject_with_edits_applied_collects(tmp_path: Path) -> None:
    root = edited(startproject(tmp_path))
    assert edits(detect(root, environ={})) == ()
    run(root, "python", "manage.py", "check")
    run(root, "python", "manage.py", "collectstatic", "--noinput")
    assert (root / "staticfiles/staticfiles.json").exists()


def test_complete_project_has_no_edits(tmp_path: Path) -> None:
    assert needed(tmp_path) == ()


@pytest.mark.parametrize(
    ("changes", "where", "text"),
    [
        pytest.param(
            [("BASE_DIR = Path", "ROOT = Path"), ('STATIC_ROOT = BASE_DIR / "staticfiles"\n', "")],
            "below line 10, STATIC_URL",
            'STATIC_ROOT = "staticfiles"',
            id="no-base-dir",
        ),
        pytest.param(
            [
                ("Path(__file__).resolve().parent.parent", "os.path.dirname(__file__)"),
                ('STATIC_ROOT = BASE_DIR / "staticfiles"', "STATIC_ROOT = None"),
            ],
            "below line 10, STATIC_URL",
            'STATIC_ROOT = os.path.join(BASE_DIR, "staticfiles")',
            id="base-dir-is-text",
        ),
        pytest.param(
            [("security.Security", "common.Common"), (f"{MIDDLEWARE}\n", "")],
            "first in the list, line 7",
            MIDDLEWARE,
            id="no-security-middleware",
        ),
        pytest.param(
            [('"django.contrib.staticfiles"', '"mysite"')],
            "in INSTALLED_APPS, line 5",
            '    "django.contrib.staticfiles",',
            id="staticfiles-not-installed",
        ),
        pytest.param(
            [("ALLOWED_HOSTS = os", "OTHER = os")], "at the end", HOSTS, id="no-allowed-hosts"
        ),
        pytest.param(
            [(STORAGES, "STORAGES = {'default': {}}")],
            "below STORAGES, line 12",
            'STORAGES["staticfiles"] = '
            '{"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}',
            id="storages-without-staticfiles",
        ),
    ],
)
def test_edit_for_each_missing_setting(
    tmp_path: Path, changes: list[tuple[str, str]], where: str, text: str
) -> None:
    found = needed(tmp_path, *changes)
    assert [(edit.file, edit.where, edit.text) for edit in found] == [
        ("mysite/settings.py", where, text)
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param('STATIC_ROOT = BASE_DIR / "staticfiles"', "STATIC_ROOT = find()", id="root"),
        pytest.param(HOSTS, "ALLOWED_HOSTS = ['example.com']", id="hosts"),
        pytest.param(HOSTS, "ALLOWED_HOSTS = find()", id="hosts-unknown"),
        pytest.param('["django.contrib.staticfiles"]', "find()", id="apps-unknown"),
        pytest.param('"django.contrib.staticfiles"', "*find()", id="apps-partly-unknown"),
        pytest.param(
            f'    "django.middleware.security.SecurityMiddleware",\n{MIDDLEWARE}\n', "*M()", id="m"
        ),
        pytest.param(STORAGES, "STORAGES = {'staticfiles': {'BACKEND': find()}}", id="storage"),
    ],
)
def test_no_edit_for_unknown_setting(tmp_path: Path, old: str, new: str) -> None:
    assert needed(tmp_path, (old, new)) == ()


@pytest.mark.parametrize(
    ("file", "content", "where", "text"),
    [
        ("requirements.txt", "Django", "at the end", "gunicorn\nwhitenoise"),
        (
            "pyproject.toml",
            '[project]\ndependencies = ["Django"]',
            "in dependencies of [project]",
            '    "gunicorn",\n    "whitenoise",',
        ),
        ("uv.lock", "", "with this command", "uv add django gunicorn whitenoise"),
        ("poetry.lock", "", "with this command", "poetry add django gunicorn whitenoise"),
        ("pdm.lock", "", "with this command", "pdm add django gunicorn whitenoise"),
        ("Pipfile.lock", "{}", "with this command", "pipenv install django gunicorn whitenoise"),
    ],
)
def test_packages_are_added_with_the_package_manager(
    tmp_path: Path, file: str, content: str, where: str, text: str
) -> None:
    (found,) = needed(tmp_path, installs=(file, content))
    assert (found.file, found.where, found.text) == (file, where, text)


def test_any_server_satisfies(tmp_path: Path) -> None:
    assert needed(tmp_path, installs=("requirements.txt", "Django\nwhitenoise\ndaphne")) == ()


@pytest.mark.parametrize(
    ("requirements", "wsgi"),
    [
        pytest.param("Django\ngunicorn\nservestatic", "", id="servestatic"),
        pytest.param("Django\ngunicorn\ndj-static", "", id="dj-static"),
        pytest.param(
            "Django\ngunicorn",
            "# coding: latin-1\n# é\nimport whitenoise\napplication = whitenoise.WhiteNoise(x)",
            id="wrapped-around-wsgi",
        ),
    ],
)
def test_no_whitenoise_if_something_else_serves(
    tmp_path: Path, requirements: str, wsgi: str
) -> None:
    write(tmp_path, {"mysite/wsgi.py": wsgi.encode("latin-1")})
    changes = [(f"{MIDDLEWARE}\n", ""), (STORAGES, "")]
    assert needed(tmp_path, *changes, installs=("requirements.txt", requirements)) == ()


@pytest.mark.parametrize(
    ("file", "text", "line"),
    [
        ("deploy/nginx.conf", "server {\n  location /static/ {\n", 2),
        ("nginx/default.conf.template", "location ^~ /static {", 1),
        ("config/site.conf.erb", "location ~ ^/static/ {", 1),
        ("Caddyfile", "example.org\nhandle_path /static/* {", 2),
    ],
)
def test_no_whitenoise_if_a_web_server_serves(
    tmp_path: Path, file: str, text: str, line: int
) -> None:
    write(tmp_path, {file: text})
    changes = [(f"{MIDDLEWARE}\n", ""), (STORAGES, "")]
    assert needed(tmp_path, *changes, installs=("requirements.txt", "Django\ngunicorn")) == ()
    assert f"serves /static/ ({file}:{line})" in " ".join(detect(tmp_path, environ={}).notes)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("nginx.conf", "location / {\n  proxy_pass http://web;"),
        ("nginx.conf", "# location /static/ {"),
        ("notes.txt", "location /static/ {"),
    ],
)
def test_whitenoise_if_no_web_server_serves(tmp_path: Path, file: str, text: str) -> None:
    write(tmp_path, {file: text})
    installs = ("requirements.txt", "Django\ngunicorn")
    texts = [edit.text for edit in needed(tmp_path, (f"{MIDDLEWARE}\n", ""), installs=installs)]
    assert texts == ["whitenoise", MIDDLEWARE]


def test_appended_middleware_is_not_the_first(tmp_path: Path) -> None:
    changes = [
        ("security.Security", "common.Common"),
        (f"{MIDDLEWARE}\n", ""),
        ("STATIC_URL", 'MIDDLEWARE += ["mysite.last"]\nSTATIC_URL'),
    ]
    assert [edit.where for edit in needed(tmp_path, *changes)] == ["first in the list, line 7"]


def test_no_manifest_storage_for_django_compressor(tmp_path: Path) -> None:
    apps = ('"django.contrib.staticfiles"', '"django.contrib.staticfiles", "compressor"')
    assert needed(tmp_path, (STORAGES, ""), apps) == ()


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("requirements.txt", "Django>=5.2\n"),
        ("pyproject.toml", '[project]\ndependencies = [\n  "django>=5",\n]\n'),
        ("uv.lock", '[[package]]\nname = "django"\nversion = "5.2"\n'),
    ],
)
def test_packages_above_the_root_are_named(tmp_path: Path, file: str, text: str) -> None:
    write(tmp_path, {file: text})
    root = tmp_path / "backend"
    project(root, {"mysite/settings.py": DONE})
    found = edits(detect(root, environ={}))
    assert [(edit.file, edit.text) for edit in found] == [(f"../{file}", "buildstatic check ..")]


def test_other_packages_above_the_root_are_ignored(tmp_path: Path) -> None:
    write(tmp_path, {"requirements.txt": "flask\ndjango-htmx\n"})
    project(tmp_path / "backend", {"mysite/settings.py": DONE})
    found = edits(detect(tmp_path / "backend", environ={}))
    assert [edit.file for edit in found] == ["requirements.txt"]


def test_files_outside_of_the_repository_are_not_read(tmp_path: Path) -> None:
    write(tmp_path, {"requirements.txt": "Django\n", "backend/.git/HEAD": ""})
    project(tmp_path / "backend", {"mysite/settings.py": DONE})
    found = edits(detect(tmp_path / "backend", environ={}))
    assert [edit.file for edit in found] == ["requirements.txt"]


def test_no_static_root_or_whitenoise_for_remote_storage(tmp_path: Path) -> None:
    changes = [
        (f"{MIDDLEWARE}\n", ""),
        ('STATIC_ROOT = BASE_DIR / "staticfiles"', ""),
        ("whitenoise.storage.CompressedManifestStaticFilesStorage", S3),
    ]
    assert needed(tmp_path, *changes, installs=("requirements.txt", "Django\ngunicorn")) == ()


def test_edits_of_split_settings_name_the_right_file(tmp_path: Path) -> None:
    base = DONE.replace("parent.parent", "parent.parent.parent").replace(HOSTS, "")
    files = {
        "mysite/settings/base.py": base.replace('STATIC_ROOT = BASE_DIR / "staticfiles"\n', ""),
        "mysite/settings/dev.py": "from .base import *\nALLOWED_HOSTS = ['*']\n",
        "mysite/settings/production.py": "from .base import *\nALLOWED_HOSTS = []\n",
        "requirements.txt": REQUIREMENTS,
    }
    project(tmp_path, files, "mysite.settings.dev")
    found = edits(detect(tmp_path, environ={}))
    assert [(edit.file, edit.where) for edit in found] == [
        ("mysite/settings/production.py", "in place of ALLOWED_HOSTS, line 2"),
        ("mysite/settings/base.py", "below line 10, STATIC_URL"),
    ]


def test_no_edits_for_settings_in_classes(tmp_path: Path) -> None:
    text = "from configurations import Configuration\nclass Prod(Configuration):\n  DEBUG = False\n"
    project(tmp_path, {"mysite/settings.py": text, "requirements.txt": REQUIREMENTS})
    assert edits(detect(tmp_path, environ={})) == ()


@pytest.mark.parametrize("kind", ["wsgi", "asgi"])
def test_settings_classes_require_their_own_application(tmp_path: Path, kind: str) -> None:
    text = "from configurations import Configuration\nclass Prod(Configuration):\n  DEBUG = False\n"
    function = f"get_{kind}_application"
    line = f"from django.core.{kind} import {function}"
    application = f"import os\n\n{line}\n\napplication = {function}()\n"
    made = {"mysite/settings.py": text, "requirements.txt": REQUIREMENTS}
    project(tmp_path, {**made, f"mysite/{kind}.py": application})
    (edit,) = edits(detect(tmp_path, environ={}))
    assert (edit.file, edit.where) == (
        f"mysite/{kind}.py",
        "in place of line 3, below what sets os.environ",
    )
    assert edit.text == line.replace("django.core", "configurations")
    (tmp_path / f"mysite/{kind}.py").write_text(application.replace(line, edit.text))
    if kind == "wsgi":  # which gunicorn serves
        (tmp_path / "mysite/asgi.py").write_text(application.replace("wsgi", "asgi"))
    assert edits(detect(tmp_path, environ={})) == ()


def wagtail(root: Path) -> Path:
    """Create a project with settings split like those of ``wagtail start``."""
    run(root, "django-admin", "startproject", "mysite", ".")
    package = root / "mysite/settings"
    package.mkdir()
    text = (root / "mysite/settings.py").read_text()
    (root / "mysite/settings.py").unlink()
    kept = (line for line in text.splitlines() if not line.startswith(("SECRET_KEY", "DEBUG")))
    local = "\ntry:\n    from .local import *\nexcept ImportError:\n    pass\n"
    files = {
        "__init__.py": "",
        "base.py": "\n".join(kept),
        "dev.py": "from .base import *\n\nDEBUG = True\nSECRET_KEY = 'dev'\n" + local,
        "production.py": "from .base import *\n\nDEBUG = False\n" + local,
    }
    write(package, files)
    manage = (root / "manage.py").read_text()
    (root / "manage.py").write_text(manage.replace("mysite.settings", "mysite.settings.dev"))
    return root


def test_edit_for_missing_secret_key_in_production(tmp_path: Path) -> None:
    found = edits(detect(wagtail(tmp_path), environ={}))
    place = "mysite/settings/production.py"
    (edit,) = (edit for edit in found if edit.text == KEY)
    assert (edit.file, edit.where) == (place, "at the end")
    imports = [(edit.file, edit.why) for edit in found if edit.text == "import os"]
    assert (place, "SECRET_KEY needs it.") in imports


def test_secret_key_edit_reads_environment(tmp_path: Path) -> None:
    root = wagtail(tmp_path)
    environ = environment(DJANGO_SETTINGS_MODULE="mysite.settings.production", SECRET_KEY="given")
    code = "from django.conf import settings; print(settings.SECRET_KEY)"

    def ask() -> str:
        argv = [sys.executable, "-c", code]
        done = subprocess.run(argv, cwd=root, env=environ, capture_output=True, text=True)
        return done.stdout + done.stderr

    assert "The SECRET_KEY setting must not be empty" in ask()
    while needed := [edit for edit in edits(detect(root, environ={})) if "production" in edit.file]:
        apply(root, needed[0])
    assert ask() == "given\n"


def test_one_import_per_file(tmp_path: Path) -> None:
    changes = [("import os\n", ""), (HOSTS, ""), ('SECRET_KEY = "x"', "SECRET_KEY = ''")]
    imports, key, hosts = needed(tmp_path, *changes)
    assert (imports.text, imports.why) == ("import os", "SECRET_KEY and ALLOWED_HOSTS need it.")
    assert (key.text, key.where) == (KEY, "in place of SECRET_KEY, line 15")
    assert hosts.text == HOSTS


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("SECRET_KEY = os.environ.get('KEY', '')", id="from-the-environment"),
        pytest.param("if DEBUG:\n    SECRET_KEY = 'x'", id="in-a-branch"),
        pytest.param("from .secrets import SECRET_KEY", id="from-missing-module"),
        pytest.param("globals()['SECRET_KEY'] = 'x'", id="globals"),
        pytest.param("from .local import *", id="star-import-of-missing-module"),
        pytest.param(
            "try:\n    from .local import *\nexcept ImportError:\n    raise SystemExit('no local')",
            id="star-import-of-required-module",
        ),
        pytest.param(
            "try:\n    from .local import *\nexcept ImportError:\n    from local_settings import *",
            id="star-import-of-one-or-another",
        ),
        pytest.param("from shared.settings import *", id="star-import-of-package"),
        pytest.param(
            "from dynaconf import DjangoDynaconf\nDjangoDynaconf(__name__)", id="dynaconf"
        ),
        pytest.param("import django_heroku\ndjango_heroku.settings(locals())", id="locals"),
        pytest.param("globals().update(find())", id="update"),
        pytest.param("for name in find():\n    globals()[name] = 1", id="computed-name"),
        pytest.param("exec(open('more.py').read())", id="exec"),
        pytest.param("import sys\nsetattr(sys.modules[__name__], find(), 1)", id="setattr"),
        pytest.param(
            "class Base:\n  @classmethod\n  def load(cls, name): ...\nBase.load(__name__)",
            id="class",
        ),
        pytest.param(
            "from split_settings.tools import include\ninclude(find())", id="computed-include"
        ),
        pytest.param("def fill(names):\n    names.update(x)\nfill(vars())", id="a-function"),
    ],
)
def test_no_secret_key_edit_if_it_may_be_set_elsewhere(tmp_path: Path, text: str) -> None:
    assert needed(tmp_path, ('SECRET_KEY = "x"', text)) == ()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("import logging\nlog = logging.getLogger(__name__)", id="a-logger"),
        pytest.param("from .helpers import find\nX = find()", id="a-helper"),
        pytest.param("from .other import *", id="existing-module"),
    ],
)
def test_secret_key_edit_if_nothing_sets_it(tmp_path: Path, text: str) -> None:
    write(
        tmp_path,
        {
            "mysite/helpers.py": "from elsewhere import *\ndef find():\n    return globals()\n",
            "mysite/other.py": "OTHER = 1\n",
        },
    )
    (found,) = needed(tmp_path, ('SECRET_KEY = "x"', text))
    assert found.text == KEY


@pytest.mark.parametrize(
    ("file", "content", "command"),
    [
        ("pyproject.toml", '[tool.poetry.dependencies]\ndjango = "*"\n', "poetry add {}"),
        ("Pipfile", '[packages]\ndjango = "*"\n', "pipenv install {}"),
    ],
)
def test_requirements_edit_without_lock_file_is_a_command(
    tmp_path: Path, file: str, content: str, command: str
) -> None:
    (found,) = needed(tmp_path, installs=(file, content))
    assert (found.file, found.text) == (file, command.format("gunicorn whitenoise"))
    assert "lock" in detect(tmp_path, environ={}).notes[0]
