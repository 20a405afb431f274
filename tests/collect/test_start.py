"""The project's process: it sees what it sees under manage.py, and says what it cannot import."""

from __future__ import annotations

import json

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
def test_settings_see_what_they_see_under_manage_py(
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
    ("lines", "said"),
    [
        pytest.param("import nosuchmodule\n", "ModuleNotFoundError: No module", id="import"),
        pytest.param("1 / 0\n", "ZeroDivisionError: division by zero.", id="raise"),
        pytest.param("raise SystemExit('no key')\n", "it ended the process (no key)", id="exit"),
    ],
)
def test_settings_that_do_not_import_are_named_by_file_and_line(
    site: Site, collect: Collect, lines: str, said: str
) -> None:
    line = site.settings.read_text().count("\n") + 1
    site.append(lines)
    ran = collect(site, "--noinput")
    assert ran.code == 13
    assert f"mysite.settings cannot be imported: mysite/settings.py:{line}: " in ran.err
    assert said in ran.err
    assert "Traceback" not in ran.err
    assert ran.out == ""


def test_the_innermost_line_of_the_project_is_the_one_that_is_named(
    site: Site, collect: Collect
) -> None:
    site.write({"mysite/base.py": "import json\n\njson.loads('{')\n"})
    site.append("from mysite.base import *\n")
    ran = collect(site, "--noinput")
    assert ran.code == 13
    assert "mysite/base.py:3: JSONDecodeError: " in ran.err


def test_a_missing_settings_module_is_named(site: Site, collect: Collect) -> None:
    site.append("from mysite.production import *\n")
    ran = collect(site, "--noinput")
    assert ran.code == 13
    assert "No module named 'mysite.production'" in ran.err
    assert "--python FILE" in ran.err


@pytest.mark.parametrize(
    ("app", "code", "said"),
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
def test_an_app_that_does_not_import_is_named(
    site: Site, collect: Collect, app: str, code: dict[str, str], said: str
) -> None:
    site.app(app, {}, code)
    ran = collect(site, "--noinput")
    assert ran.code == 13
    assert said in ran.err


def test_an_app_that_is_nowhere_is_named(site: Site, collect: Collect) -> None:
    site.append('INSTALLED_APPS += ["nosuchapp"]\n')
    ran = collect(site, "--noinput")
    assert ran.code == 13
    assert "'nosuchapp' in INSTALLED_APPS cannot be imported: ModuleNotFoundError" in ran.err


def test_an_empty_secret_key_is_said_in_djangos_words(site: Site, collect: Collect) -> None:
    site.append('SECRET_KEY = ""\nLOGGING_CONFIG = None\n')
    site.app("shop", {}, {"apps.py": "from django.conf import settings\n\nsettings.SECRET_KEY\n"})
    ran = collect(site, "--noinput")
    assert ran.code == 13
    assert "The SECRET_KEY setting must not be empty." in ran.err


def test_the_traceback_is_there_for_who_asks(site: Site, collect: Collect) -> None:
    site.append("1 / 0\n")
    ran = collect(site, "--noinput", "--traceback")
    assert ran.code == 13
    assert f'File "{site.settings}", line ' in ran.err
