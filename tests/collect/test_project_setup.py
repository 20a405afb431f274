"""Starting the project: as under manage.py, with errors that name the cause and its place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.collect.conftest import Collect
from tests.collect.sites import Site, manage

WITNESS = """\
import json
import sys

(BASE_DIR / "witness.json").write_text(json.dumps({
    "cwd": os.getcwd(), "path": sys.path[0], "argv": sys.argv[1:],
    "settings": os.environ["DJANGO_SETTINGS_MODULE"],
}))
"""


@pytest.mark.parametrize("command", ["collect", "collect_in_child"])
def test_settings_see_the_same_as_under_manage_py(
    site: Site, command: str, request: pytest.FixtureRequest
) -> None:
    collect: Collect = request.getfixturevalue(command)
    site.append(WITNESS)
    arguments = ("--noinput", "--ignore=*.map", "--verbosity=0")
    assert manage(site, *arguments).code == 0
    expected = json.loads((site.root / "witness.json").read_text())
    assert collect(site, *arguments).code == 0
    assert json.loads((site.root / "witness.json").read_text()) == expected


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        pytest.param("import nosuchmodule\n", "ModuleNotFoundError: No module", id="import"),
        pytest.param("1 / 0\n", "ZeroDivisionError: division by zero.", id="raise"),
        pytest.param("raise SystemExit('no key')\n", "it ended the process (no key)", id="exit"),
    ],
)
def test_settings_errors_name_file_and_line(
    site: Site, collect: Collect, lines: str, message: str
) -> None:
    line = site.settings.read_text().count("\n") + 1
    site.append(lines)
    ran = collect(site, "--noinput")
    assert ran.code == 13
    assert f"mysite.settings cannot be imported: mysite/settings.py:{line}: " in ran.err
    assert message in ran.err
    assert "Traceback" not in ran.err
    assert ran.out == ""


def test_innermost_line_of_the_project_is_named(site: Site, collect: Collect) -> None:
    site.write({"mysite/base.py": "import json\n\njson.loads('{')\n"})
    site.append("from mysite.base import *\n")
    ran = collect(site, "--noinput")
    assert ran.code == 13
    assert "mysite/base.py:3: JSONDecodeError: " in ran.err


def test_missing_settings_module_is_named(site: Site, collect: Collect) -> None:
    site.append("from mysite.production import *\n")
    ran = collect(site, "--noinput")
    assert ran.code == 13
    assert "No module named 'mysite.production'" in ran.err
    assert "--python FILE" in ran.err


@pytest.mark.parametrize(
    ("app", "code", "message"),
    [
        pytest.param(
            "shop",
            {"models.py": "import nosuchmodule\n"},
            "The app 'shop' in INSTALLED_APPS cannot be imported: shop/models.py:1: ",
            id="models",
        ),
        pytest.param(
            "shop",
            {"models.py": "\ndef (:\n"},
            "in INSTALLED_APPS cannot be imported: shop/models.py:2: SyntaxError: invalid syntax.",
            id="syntax",
        ),
        pytest.param(
            "shop",
            {"apps.py": "raise ValueError('shut')\n"},
            "'shop' in INSTALLED_APPS cannot be imported: shop/apps.py:1: ValueError: shut.",
            id="config",
        ),
        pytest.param(
            "shop",
            {"models.py": "from django.contrib.auth.models import User\n"},
            "The app 'shop' in INSTALLED_APPS cannot be imported: shop/models.py:1: RuntimeError: ",
            id="model-of-an-app-that-is-not-installed",
        ),
        pytest.param(
            "shop",
            {"__init__.py": "from django.apps import apps\n\napps.get_models()\n"},
            "shop/__init__.py:3: AppRegistryNotReady: Models aren't loaded yet.",
            id="registry",
        ),
    ],
)
def test_app_import_errors_name_the_app(
    site: Site, collect: Collect, app: str, code: dict[str, str], message: str
) -> None:
    site.app(app, {}, code)
    ran = collect(site, "--noinput")
    assert ran.code == 13
    assert message in ran.err


def test_missing_app_is_named(site: Site, collect: Collect) -> None:
    site.append('INSTALLED_APPS += ["nosuchapp"]\n')
    ran = collect(site, "--noinput")
    assert ran.code == 13
    assert "'nosuchapp' in INSTALLED_APPS cannot be imported: ModuleNotFoundError" in ran.err


@pytest.mark.parametrize(
    ("file", "advice"),
    [
        ("var/my data/site.db", "database:\n\nmkdir -p 'var/my data'\n"),
        ("../../../nonexistent/site.db", "database:\n\nmkdir -p /"),
        ("mysite", "database, and make it writable.\n"),
    ],
)
def test_directory_of_a_sqlite_database_is_named(
    site: Site, collect: Collect, file: str, advice: str
) -> None:
    default = f"'ENGINE': 'django.db.backends.sqlite3', 'NAME': BASE_DIR / {file!r}"
    site.append(f"DATABASES = {{'default': {{{default}}}}}\n")
    site.app("shop", {}, {"models.py": "from django.db import connection\nconnection.cursor()\n"})
    ran = collect(site, "--noinput")
    assert ran.code == 13
    assert f"Create the directory of the SQLite {advice}" in ran.err


@pytest.mark.parametrize(
    "call",
    [
        pytest.param("check_output(['git', 'rev-parse', 'HEAD'], cwd='/')", id="no-repository"),
        pytest.param("run('git rev-parse', cwd='/', shell=True, check=True)", id="in-a-shell"),
        pytest.param("run(['git'], env={'PATH': '/nonexistent'})", id="no-git"),
    ],
)
def test_settings_that_run_git_are_told_what_replaces_it(
    site: Site, collect: Collect, call: str
) -> None:
    site.append(f"import subprocess\nsubprocess.{call}\n")
    ran = collect(site, "--noinput")
    assert ran.code == 13
    assert "has neither git nor the repository" in ran.err
    assert 'os.environ.get("GIT_COMMIT", "")' in ran.err


@pytest.mark.parametrize(
    ("name", "package"), [("libodd.so.5", "libodd5"), ("libOdd_2.so.1.0", "libodd-2-1")]
)
def test_package_of_a_missing_library_is_named(
    site: Site, collect: Collect, name: str, package: str
) -> None:
    load = f"try:\n    ctypes.CDLL({name!r})\nexcept OSError as error:\n"
    site.append(f"import ctypes\n{load}    raise ImportError('driver') from error\n")
    ran = collect(site, "--noinput")
    assert ran.code == 13
    assert f"loads {name}, which is not installed" in ran.err
    assert f'\n\n[tool.buildstatic]\nrun-packages = ["{package}"]\n' in ran.err


def test_empty_secret_key_gives_djangos_message(site: Site, collect: Collect) -> None:
    site.append('SECRET_KEY = ""\nLOGGING_CONFIG = None\n')
    site.app("shop", {}, {"apps.py": "from django.conf import settings\n\nsettings.SECRET_KEY\n"})
    ran = collect(site, "--noinput")
    assert ran.code == 13
    assert "The SECRET_KEY setting must not be empty." in ran.err


def test_traceback_option_prints_the_traceback(site: Site, collect: Collect) -> None:
    site.append("1 / 0\n")
    ran = collect(site, "--noinput", "--traceback")
    assert ran.code == 13
    assert f'File "{site.settings}", line ' in ran.err


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param('getattr(os, "environ")["HIDDEN"]\n', id="not-found-by-reading"),
        pytest.param(
            "from django.core.exceptions import ImproperlyConfigured\n"
            "def demand(name):\n"
            "    try:\n"
            "        return os.environ[name]\n"
            "    except KeyError:\n"
            '        raise ImproperlyConfigured(f"Set the {name} environment variable")\n'
            'demand("HIDDEN")\n',
            id="helper",
        ),
        pytest.param(
            "from django.core.exceptions import ImproperlyConfigured\n"
            "def demand(name):\n"
            "    try:\n"
            "        return os.environ[name]\n"
            "    except KeyError as error:\n"
            '        raise ImproperlyConfigured(f"Where is {name}?") from error\n'
            'demand("HIDDEN")\n',
            id="helper-in-its-own-words",
        ),
    ],
)
def test_missing_variables_are_named(site: Site, collect: Collect, lines: str) -> None:
    site.append(lines)
    ran = collect(site, "--noinput")
    assert ran.code == 14
    assert "requires the environment variable HIDDEN, which is not set" in ran.err
    assert "error: mysite/settings.py:" in ran.err
    assert '[tool.buildstatic.env]\nHIDDEN = "placeholder"\n' in ran.err


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        pytest.param(
            'if "HIDDEN" not in os.environ:\n    raise RuntimeError("I want HIDDEN!")\n',
            "RuntimeError: I want HIDDEN!",
            id="by-name",
        ),
        pytest.param('int(os.environ.get("HIDDEN"))\n', "TypeError: int() argument", id="by-line"),
    ],
)
def test_missing_variables_are_recognized_by_reading(
    site: Site, collect: Collect, lines: str, message: str
) -> None:
    site.append(f"import os\n{lines}")
    ran = collect(site, "--noinput")
    assert ran.code == 14
    assert message in ran.err
    assert "[tool.buildstatic.env]\nHIDDEN = " in ran.err


def test_other_key_errors_are_not_missing_variables(site: Site, collect: Collect) -> None:
    site.append('try:\n    os.environ["NO"]\nexcept KeyError:\n    {}["key"]\n')
    ran = collect(site, "--noinput")
    assert ran.code == 13
    assert "KeyError: 'key'." in ran.err


@pytest.mark.slow
@pytest.mark.parametrize(
    "lines",
    [
        pytest.param("import environ\nenviron.Env()(NAME)\n", id="django-environ"),
        pytest.param("import decouple\ndecouple.config(NAME)\n", id="python-decouple"),
        pytest.param("import environs\nenvirons.Env().int(NAME)\n", id="environs"),
        pytest.param(
            "import environs\nenv = environs.Env(eager=False)\nenv.int(NAME)\nenv.seal()\n",
            id="environs-not-eager",
        ),
        pytest.param(
            "import pydantic_settings\nclass Env(pydantic_settings.BaseSettings):\n"
            "    model_config = {'env_prefix': 'HID'}\n    den: str\nEnv()\n",
            id="pydantic-settings",
        ),
        pytest.param(
            "import dynaconf\nvalidators = [dynaconf.Validator(NAME, must_exist=True)]\n"
            "dynaconf.DjangoDynaconf(__name__, validators=validators, envvar_prefix=False)\n",
            id="dynaconf",
        ),
    ],
)
def test_errors_of_settings_libraries_name_the_variable(
    site: Site, collect: Collect, uv_made: Path, lines: str
) -> None:
    site.append(f'NAME = "HIDDEN"\n{lines}')
    ran = collect(site, "--noinput", "--python", uv_made)
    assert ran.code == 14, ran.err
    assert "requires the environment variable HIDDEN, which is not set" in ran.err
    assert "error: mysite/settings.py:" in ran.err


@pytest.mark.parametrize(
    ("lines", "pasted"),
    [
        pytest.param("", 'STATIC_ROOT = BASE_DIR / "staticfiles"', id="path"),
        pytest.param(
            "BASE_DIR = str(BASE_DIR)\n",
            'STATIC_ROOT = os.path.join(BASE_DIR, "staticfiles")',
            id="string",
        ),
        pytest.param(
            "del BASE_DIR\n",
            'STATIC_ROOT = Path(__file__).resolve().parent.parent / "staticfiles"',
            id="none",
        ),
    ],
)
def test_missing_static_root_error_has_the_line_to_add(
    site: Site, collect: Collect, lines: str, pasted: str
) -> None:
    before = site.settings.read_text()
    site.append(f"STATIC_ROOT = None\n{lines}")
    ran = collect(site, "--noinput")
    assert ran.code == 20
    assert "STATIC_ROOT is not set in mysite.settings" in ran.err
    assert ran.err.endswith(f"\n\n    {pasted}\n")
    site.settings.write_text(f"{before}{lines}{pasted}\n")
    assert collect(site, "--noinput").code == 0


def test_staticfiles_must_be_installed(site: Site, collect: Collect) -> None:
    site.append("INSTALLED_APPS = []\n")
    ran = collect(site, "--noinput")
    assert ran.code == 21
    assert ran.err.endswith('\n\n    "django.contrib.staticfiles",\n')


def test_custom_app_config_counts_as_installed(site: Site, collect: Collect) -> None:
    config = (
        "from django.contrib.staticfiles.apps import StaticFilesConfig\n\n\n"
        "class MyStaticFiles(StaticFilesConfig):\n    ignore_patterns = ['*.js']\n"
    )
    site.write({"mysite/apps.py": config})
    site.append('INSTALLED_APPS = ["mysite.apps.MyStaticFiles"]\n')
    ran = collect(site, "--noinput")
    assert ran.code == 0
    assert sorted(path.name for path in site.tree.rglob("*.*")) == ["dot.svg", "site.css"]


@pytest.mark.parametrize(
    ("backend", "message"),
    [
        pytest.param("nosuch.Storage", "Could not find backend 'nosuch.Storage'", id="import"),
        pytest.param("mysite.files.Broken", "mysite/files.py:6: ValueError: shut.", id="raise"),
    ],
)
def test_storage_creation_errors_are_reported(
    site: Site, collect: Collect, backend: str, message: str
) -> None:
    code = (
        "from django.contrib.staticfiles.storage import StaticFilesStorage\n\n\n"
        "class Broken(StaticFilesStorage):\n"
        '    def __init__(self):\n        raise ValueError("shut")\n'
    )
    site.write({"mysite/files.py": code})
    site.storage(backend)
    ran = collect(site, "--noinput")
    assert ran.code == 23
    assert message in ran.err


def test_unreadable_manifest_is_reported(site: Site, collect: Collect) -> None:
    site.storage("django.contrib.staticfiles.storage.ManifestStaticFilesStorage")
    site.write({"staticfiles/staticfiles.json": "{"})
    ran = collect(site, "--noinput")
    assert ran.code == 23
    assert "ValueError: Couldn't load manifest 'staticfiles.json' (version 1.1)." in ran.err


def test_system_check_errors_are_djangos(site: Site, collect: Collect) -> None:
    site.append("STATICFILES_DIRS = [STATIC_ROOT]\n")
    site.tree.mkdir()
    ran = collect(site, "--noinput")
    assert ran.code == 13
    assert "(staticfiles.E002) The STATICFILES_DIRS setting should not contain" in ran.err


def test_system_check_warnings_do_not_stop(site: Site, collect: Collect) -> None:
    site.append('STATICFILES_DIRS += [BASE_DIR / "nowhere"]\n')
    ran = collect(site, "--noinput")
    assert ran.code == 0
    assert "(staticfiles.W004)" in ran.err
