"""Detection of whole projects."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from buildstatic.project import Fact, Project, Sqlite
from buildstatic.project.detect import detect
from tests.project.tree import MANAGE, project, write
from tests.running import run
from tests.samples import copy
from tests.startproject import startproject


def values(found: Project, *names: str) -> dict[str, object]:
    facts = {name: getattr(found, name) for name in names}
    return {name: fact.value if fact else None for name, fact in facts.items()}


def test_startproject(tmp_path: Path) -> None:
    root = startproject(tmp_path)
    found = detect(root, environ={})
    assert found.root == root
    names = ("manage", "settings", "wsgi", "asgi", "static_url", "sqlite", "remote")
    assert values(found, *names) == {
        "manage": "manage.py",
        "settings": "mysite.settings",
        "wsgi": "mysite.wsgi:application",
        "asgi": "mysite.asgi:application",
        "static_url": "/static/",
        "sqlite": Sqlite("db.sqlite3", imports_os=False),
        "remote": False,
    }
    missing = ("python", "dependencies", "server", "whitenoise", "database", "storage")
    assert values(found, *missing, "static_root") == dict.fromkeys((*missing, "static_root"))
    assert (found.variables, found.secret_key, found.notes) == ((), None, ())


COOKIECUTTER = {
    "manage.py": (
        "import os, sys\nfrom pathlib import Path\nif __name__ == '__main__':\n"
        "    os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'config.settings.local')\n"
        "    try:\n        from django.core.management import execute_from_command_line\n"
        "    except ImportError:\n        raise\n"
        "    sys.path.append(str(Path(__file__).parent.resolve() / 'shop'))\n"
        "    execute_from_command_line(sys.argv)\n"
    ),
    "config/settings/__init__.py": "",
    "config/settings/base.py": (
        "from pathlib import Path\nimport environ\n"
        "BASE_DIR = Path(__file__).resolve(strict=True).parent.parent.parent\n"
        "APPS_DIR = BASE_DIR / 'shop'\nenv = environ.Env()\n"
        "READ_DOT_ENV_FILE = env.bool('DJANGO_READ_DOT_ENV_FILE', default=False)\n"
        "if READ_DOT_ENV_FILE:\n    env.read_env(str(BASE_DIR / '.env'))\n"
        "DEBUG = env.bool('DJANGO_DEBUG', False)\n"
        "DATABASES = {'default': env.db('DATABASE_URL')}\n"
        "DATABASES['default']['ATOMIC_REQUESTS'] = True\n"
        "WSGI_APPLICATION = 'config.wsgi.application'\n"
        "STATIC_ROOT = str(BASE_DIR / 'staticfiles')\nSTATIC_URL = '/static/'\n"
        "STATICFILES_DIRS = [str(APPS_DIR / 'static')]\nMEDIA_ROOT = str(APPS_DIR / 'media')\n"
    ),
    "config/settings/local.py": "from .base import *\nSECRET_KEY = env('KEY', default='x')\n",
    "config/settings/production.py": (
        "from .base import *\nfrom .base import DATABASES\nfrom .base import env\n"
        "SECRET_KEY = env('DJANGO_SECRET_KEY')\n"
        "ALLOWED_HOSTS = env.list('DJANGO_ALLOWED_HOSTS', default=['example.com'])\n"
        "DATABASES['default']['CONN_MAX_AGE'] = env.int('CONN_MAX_AGE', default=60)\n"
        "STORAGES = {\n    'staticfiles': {\n        'BACKEND': "
        "'whitenoise.storage.CompressedManifestStaticFilesStorage',\n    },\n}\n"
        "ADMIN_URL = env('DJANGO_ADMIN_URL')\n"
    ),
    "config/wsgi.py": "from django.core.wsgi import get_wsgi_application\napplication = 1\n",
    "requirements/base.txt": "django==5.1.9  # https://www.djangoproject.com/\nwhitenoise==6.9.0\n",
    "requirements/production.txt": "# all\n\n-r base.txt\ngunicorn==23.0.0\npsycopg[c]==3.2.7\n",
    "requirements/local.txt": "-r production.txt\nwerkzeug[watchdog]==3.1.3\n",
    "pyproject.toml": "[tool.pytest.ini_options]\nminversion = '6'\n",
    ".python-version": "3.12\n",
    "package.json": '{"scripts": {"dev": "gulp", "build": "gulp build"}}',
}


def test_split_settings_with_django_environ(tmp_path: Path) -> None:
    found = detect(write(tmp_path, COOKIECUTTER), environ={})
    names = ("settings", "wsgi", "asgi", "python", "static_root", "media_root", "remote", "sqlite")
    assert values(found, *names) == {
        "settings": "config.settings.production",
        "wsgi": "config.wsgi:application",
        "asgi": None,
        "python": "3.12",
        "static_root": "staticfiles",
        "media_root": "shop/media",
        "remote": False,
        "sqlite": None,
    }
    assert found.server is not None
    assert (found.server.value.specifier, found.server.source) == (
        "==23.0.0",
        "requirements/production.txt:4",
    )
    assert found.database is not None
    assert found.database.value.run_packages == ("libpq5",)
    assert found.static_root == Fact("staticfiles", "config/settings/base.py:13")
    assert [item.name for item in found.variables if item.required] == [
        "DATABASE_URL",
        "DJANGO_SECRET_KEY",
        "DJANGO_ADMIN_URL",
    ]
    assert found.secret_key is not None
    assert found.secret_key.source == "config/settings/production.py:4"
    assert "--settings config.settings.local overrides this" in found.notes[0]


def test_project_in_src(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    run(tmp_path / "src", "django-admin", "startproject", "mysite", ".")
    with (tmp_path / "src/mysite/settings.py").open("a") as settings:
        settings.write('STATIC_ROOT = BASE_DIR.parent / "build/static"\n')
    write(tmp_path, {"requirements.txt": "Django\ngunicorn\n", "frontend/package.json": "{}"})
    found = detect(tmp_path, environ={})
    assert values(found, "manage", "wsgi", "static_root", "sqlite") == {
        "manage": "src/manage.py",
        "wsgi": "mysite.wsgi:application",
        "static_root": "build/static",
        "sqlite": Sqlite("src/db.sqlite3", imports_os=False),
    }
    assert found.settings.source.startswith("src/manage.py:")
    assert found.dependencies is not None
    assert found.dependencies.source == "requirements.txt:1"


@pytest.mark.parametrize(
    "name",
    ["frontend", "options_location", "outside", "remote"],
)
def test_detected_settings_equal_django_settings(tmp_path: Path, name: str) -> None:
    """Compare with the settings that the project's own Django loads."""
    root = copy(name, tmp_path)
    found = detect(root, environ={})
    code = (
        "import django, os; django.setup(); from django.conf import settings as s;"
        "o = s.STORAGES['staticfiles'];"
        "print(os.path.abspath(o.get('OPTIONS', {}).get('location') or s.STATIC_ROOT or ''),"
        "s.STATIC_URL, o['BACKEND'], sep='\\n')"
    )
    place, url, backend = _django_settings(root, found, code)
    assert found.remote is not None
    assert found.remote.value is (name == "remote")
    if name != "remote":
        assert found.static_root is not None
        assert str(root / found.static_root.value) == place
    assert found.static_url is not None
    assert found.static_url.value == url
    default = "django.contrib.staticfiles.storage.StaticFilesStorage"
    assert (found.storage.value if found.storage else default) == backend


def _django_settings(root: Path, found: Project, code: str) -> list[str]:
    environment = {"DJANGO_SETTINGS_MODULE": found.settings.value, "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=(root / found.manage.value).parent,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def test_project_code_is_not_executed(tmp_path: Path) -> None:
    bomb = "from pathlib import Path\nPath(__file__).with_name('ran').touch()\n"
    files = dict.fromkeys(("mysite/__init__.py", "mysite/settings.py", "mysite/wsgi.py"), bomb)
    project(tmp_path, {**files, "sitecustomize.py": bomb, "django.py": bomb})
    detect(tmp_path, environ={})
    assert not list(tmp_path.rglob("ran"))
    assert not list(tmp_path.rglob("__pycache__"))


def test_configuration_selects_manage_py_and_settings(tmp_path: Path) -> None:
    files = {
        "a/manage.py": MANAGE.format(settings="one.settings"),
        "b/manage.py": MANAGE.format(settings="one.settings"),
        "b/two/conf.py": "",
        "pyproject.toml": '[tool.buildstatic]\nmanage = "b/manage.py"\nsettings = "two.conf"\n',
    }
    found = detect(write(tmp_path, files), environ={})
    assert found.manage.value == "b/manage.py"
    assert found.settings == Fact("two.conf", "pyproject.toml:3")


def test_process_environment_selects_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(tmp_path, {"mysite/settings.py": "", "mysite/other.py": ""})
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "mysite.other")
    assert detect(tmp_path).settings == Fact("mysite.other", "DJANGO_SETTINGS_MODULE")


def test_markers_are_evaluated_for_project_python(tmp_path: Path) -> None:
    lines = "gunicorn; python_version < '3.12'\nwaitress; python_version >= '3.12'\n"
    project(tmp_path, {"mysite/settings.py": "", "requirements.txt": lines})
    for version, server in (("3.11", "gunicorn"), ("3.12", "waitress")):
        write(tmp_path, {".python-version": version})
        found = detect(tmp_path, environ={}).server
        assert found is not None
        assert found.value.name == server


def test_front_ends_are_detected_with_notes(tmp_path: Path) -> None:
    files = {
        "mysite/settings.py": "STATICFILES_DIRS = ['node_modules/htmx.org/dist']\n",
        "package.json": '{"dependencies": {"htmx.org": "2"}}',
        "web/package.json": '{"scripts": {"build": "vite build"}}',
    }
    found = detect(project(tmp_path, files), environ={})
    assert [fact.value.modules for fact in found.frontends] == ["node_modules"]
    assert [fact.value for fact in found.node_modules] == ["node_modules"]
    assert [fact.value for fact in found.unbuilt] == ["web"]

    write(tmp_path, {"mysite/settings.py": ""})
    found = detect(tmp_path, environ={})
    assert found.frontends == ()
    assert "web/package.json:1 is a build script that is not run" in found.notes[-1]


def test_commands_of_installed_apps(tmp_path: Path) -> None:
    apps = ("compressor.apps.CompressorConfig", "statici18n", "sass_processor", "shop")
    project(tmp_path, {"mysite/settings.py": f"INSTALLED_APPS = {apps}\nCOMPRESS_OFFLINE = True\n"})
    found = detect(tmp_path, environ={})
    assert (found.before, found.after) == (("compilescss", "compilejsi18n"), ("compress",))
    write(tmp_path, {"mysite/settings.py": f"INSTALLED_APPS = {apps[:1]}\n"})
    found = detect(tmp_path, environ={})
    assert (found.before, found.after) == ((), ())


@pytest.mark.parametrize(
    ("offline", "runs"),
    [
        ("DEBUG = os.getenv('DEBUG') == '1'\nCOMPRESS_OFFLINE = not DEBUG", True),
        ("COMPRESS_OFFLINE = os.environ.get('OFFLINE', 'yes') == 'yes'", True),
        ("if not os.getenv('DEBUG'):\n    COMPRESS_OFFLINE = True", True),
        ("COMPRESS_OFFLINE = False", False),
    ],
    ids=["not-debug", "default", "branch", "off"],
)
def test_offline_compression_in_production(tmp_path: Path, offline: str, runs: bool) -> None:
    text = f"import os\nINSTALLED_APPS = ['django_js_reverse', 'compressor']\n{offline}\n"
    found = detect(project(tmp_path, {"mysite/settings.py": text}), environ={})
    assert found.before == ("collectstatic_js_reverse",)
    assert found.after == (("compress",) if runs else ())


@pytest.mark.parametrize(
    ("settings", "requirements", "note"),
    [
        pytest.param(
            "STATICFILES_STORAGE = 'x.Y'",
            "Django>=5.1",
            "which Django 5.1 and later ignore",
            id="legacy",
        ),
    ],
)
def test_notes_on_ignored_settings(
    tmp_path: Path, settings: str, requirements: str, note: str
) -> None:
    files = {"mysite/settings.py": settings, "requirements.txt": requirements}
    found = detect(project(tmp_path, files), environ={})
    assert any(note in text for text in found.notes)


def test_root_may_be_symlink_with_special_characters(tmp_path: Path) -> None:
    root = project(tmp_path / "my site\n[é]", {"mysite/settings.py": "STATIC_ROOT = 's'"})
    (tmp_path / "link").symlink_to(root)
    found = detect(tmp_path / "link", environ={})
    assert found.root == root
    assert found.static_root == Fact("s", "mysite/settings.py:1")


def test_symlink_loops_are_harmless(tmp_path: Path) -> None:
    project(tmp_path, {"mysite/settings.py": "from .loop import *\n"})
    for name in ("loop", "mysite/loop.py", "package.json", "uv.lock", "pyproject.toml"):
        (tmp_path / name).symlink_to(tmp_path / name)
    (tmp_path / "here").symlink_to(".")
    assert detect(tmp_path, environ={}).settings.value == "mysite.settings"


MAIN = MANAGE.format(settings="mysite.settings")
SRC = {"src/mysite/settings.py": "WSGI_APPLICATION = 'mysite.wsgi.application'\n"}
WSGI = {
    "mysite/settings.py": "WSGI_APPLICATION = 'shop.wsgi.application'\n",
    "src/shop/wsgi.py": "application = None\n",
}


@pytest.mark.parametrize(
    ("imports", "named", "found"),
    [
        ("from .celery import app\n", "mysite.settings", Fact("mysite", "mysite/__init__.py:1")),
        ("from .celery import app\n", "mysite.other", None),
        ("__version__ = '1'\n", "mysite.settings", None),
    ],
)
def test_package_that_imports_before_settings_are_named(
    tmp_path: Path, imports: str, named: str, found: Fact[str] | None
) -> None:
    wsgi = f"os.environ.setdefault('DJANGO_SETTINGS_MODULE', {named!r})\napplication = f()\n"
    files = {
        "manage.py": MAIN,
        "mysite/settings.py": "",
        "mysite/__init__.py": imports,
        "mysite/wsgi.py": f"import os\n{wsgi}",
    }
    assert detect(write(tmp_path, files), environ={}).early_import == found


@pytest.mark.parametrize(
    ("files", "source"),
    [
        pytest.param({"manage.py": MAIN, **SRC}, "src/mysite/settings.py:1", id="settings"),
        pytest.param({"manage.py": MAIN, **WSGI}, "src/shop/wsgi.py:1", id="application"),
        pytest.param({"manage.py": MAIN, "mysite/settings.py": ""}, None, id="root"),
        pytest.param({"src/manage.py": MAIN, **SRC}, None, id="manage-py-in-src"),
        pytest.param({"manage.py": MAIN, **SRC, "mysite/settings.py": ""}, None, id="both"),
    ],
)
def test_python_path_for_modules_only_in_src(
    tmp_path: Path, files: dict[str, str], source: str | None
) -> None:
    found = detect(write(tmp_path, files), environ={}).python_path
    assert found == (Fact(("src",), source) if source else None)


@pytest.mark.parametrize(
    "line",
    [
        'sys.path.insert(0, str(Path(__file__).resolve().parent / "apps"))',
        'sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "apps"))',
        'sys.path.append("apps")',
        'import site\nsite.addsitedir("apps")',
    ],
)
def test_python_path_has_what_manage_py_adds(tmp_path: Path, line: str) -> None:
    """The server does not run manage.py."""
    imports = "import os, sys\nfrom pathlib import Path\n"
    others = 'sys.path.append("/srv/lib")\nsys.path.append(".")\nsys.path.append("gone")\n'
    made = {"manage.py": f"{imports}{line}\n{others}{MAIN}", "mysite/settings.py": ""}
    found = detect(write(tmp_path, {**made, "apps/blog/__init__.py": ""}), environ={})
    assert found.python_path is not None
    assert found.python_path.value == ("apps",)
    assert found.python_path.source.startswith("manage.py:")


@pytest.mark.parametrize(
    ("value", "expected"),
    [("static", "/srv/site/static"), ("/var/static", "/var/static")],
)
def test_static_root_from_a_variable_that_the_configuration_sets(
    tmp_path: Path, value: str, expected: str
) -> None:
    files = {
        "mysite/settings.py": "import os\nHOST = os.environ['DB_HOST']\n"
        "STATIC_ROOT = os.path.join('/srv/site', os.environ['PLACE'])\n",
        "pyproject.toml": f'[tool.buildstatic.env]\nPLACE = "{value}"\nDB_HOST = "localhost"\n',
    }
    found = detect(project(tmp_path, files), environ={})
    assert found.static_root == Fact(expected, "mysite/settings.py:3")
    assert {item.name for item in found.variables if item.required} == {"PLACE", "DB_HOST"}


@pytest.mark.parametrize(
    ("text", "extras"),
    [
        pytest.param(
            "DATABASES = {'default': SQLITE}\n"
            "DATABASES['default'].update(dj_database_url.config(env='DATABASE_URL'))\n",
            ("postgresql",),
            id="updated",
        ),
        pytest.param(
            "DATABASES = {'default': SQLITE}\nif 'DATABASE_URL' in os.environ:\n"
            "    DATABASES['default'] = dj_database_url.parse(os.environ['DATABASE_URL'])\n",
            ("postgresql",),
            id="replaced",
        ),
        pytest.param(
            "DATABASES = {'default': dj_database_url.config(default='sqlite:///db.sqlite3')}\n",
            ("postgresql",),
            id="default",
        ),
        pytest.param("DATABASES = {'default': SQLITE}\n", (), id="sqlite-alone"),
    ],
)
def test_driver_for_a_url_that_replaces_sqlite_is_installed(
    tmp_path: Path, text: str, extras: tuple[str, ...]
) -> None:
    settings = "import os, dj_database_url\nSQLITE = {'ENGINE': 'django.db.backends.sqlite3'}\n"
    pyproject = (
        "[project]\nname = 'x'\ndependencies = ['Django']\n[project.optional-dependencies]\n"
        "postgresql = ['psycopg2-binary']\n"
    )
    files = {"mysite/settings.py": settings + text, "pyproject.toml": pyproject}
    found = detect(project(tmp_path, files), environ={})
    assert found.dependencies is not None
    assert found.dependencies.value.extras == extras
