"""Which settings module is chosen."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildstatic.errors import ConfigInvalid, SettingsInvalid
from buildstatic.project import choice
from buildstatic.project.config import Config
from buildstatic.project.model import Fact
from buildstatic.project.search import Search
from tests.project.tree import MANAGE, project, write

NO_CONFIG = Config()


def chosen(
    root: Path, named: str | None = None, config: Config = NO_CONFIG, variable: str = ""
) -> tuple[Fact[str], tuple[str, ...]]:
    environ = {"DJANGO_SETTINGS_MODULE": variable}
    return choice.choose(Search(root, root), root / "manage.py", named, config, environ)


def test_what_is_named_wins_then_the_configuration_then_the_environment(tmp_path: Path) -> None:
    project(tmp_path, {}, "by.script")
    config = Config(settings="by.config", lines={"settings": 3})
    by_option, _ = chosen(tmp_path, "by.option", config, "by.environ")
    assert by_option == Fact("by.option", "--settings")
    by_config, _ = chosen(tmp_path, None, config, "by.environ")
    assert by_config == Fact("by.config", "pyproject.toml:3")
    by_environ, _ = chosen(tmp_path, variable="by.environ")
    assert by_environ == Fact("by.environ", "DJANGO_SETTINGS_MODULE")
    assert chosen(tmp_path)[0] == Fact("by.script", "manage.py:6")


def test_what_the_environment_names_against_manage_py_is_said(tmp_path: Path) -> None:
    project(tmp_path, {"mysite/settings.py": "", "mysite/other.py": ""})
    _, notes = chosen(tmp_path, variable="mysite.other")
    assert notes == (
        "The settings are mysite.other, as DJANGO_SETTINGS_MODULE in the environment says; without"
        " it they would be mysite.settings (manage.py:6). Unset it where that is not meant.",
    )
    assert chosen(tmp_path, variable="mysite.settings")[1] == ()


@pytest.mark.parametrize(
    ("script", "line"),
    [
        pytest.param(
            'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "a.b")', 2, id="top"
        ),
        pytest.param('import os\nos.environ["DJANGO_SETTINGS_MODULE"] = "a.b"', 2, id="assigned"),
        pytest.param(
            'from os import environ\nenviron.setdefault("DJANGO_SETTINGS_MODULE", "a.b")',
            2,
            id="environ-imported",
        ),
        pytest.param(
            'import os\nNAME = "a"\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", f"{NAME}.b")',
            3,
            id="f-string",
        ),
        pytest.param(
            "import os\nMODULE = os.environ.get('SETTINGS', 'a.b')\n"
            'os.environ["DJANGO_SETTINGS_MODULE"] = os.getenv("DJANGO_SETTINGS_MODULE", MODULE)',
            3,
            id="default-of-another-variable",
        ),
        pytest.param(
            "import os, sys\ndef main():\n  if 'test' in sys.argv:\n"
            "    os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'a.test')\n  else:\n"
            "    os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'a.b')\n"
            "if __name__ == '__main__':\n  sys.exit(main())",
            6,
            id="not-the-tests-settings",
        ),
        pytest.param(
            "import os\nif os.environ.get('ENV') == 'production':\n"
            "  os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'a.prod')\nelse:\n"
            "  os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'a.b')",
            5,
            id="as-in-an-empty-environment",
        ),
        pytest.param(
            "import os\ndef main(environ=os.environ):\n"
            "  environ.setdefault('DJANGO_SETTINGS_MODULE', 'a.b')\n",
            3,
            id="in-a-function-that-others-call",
        ),
        pytest.param(
            "import os\nfrom decouple import config\nos.environ.setdefault("
            "'DJANGO_SETTINGS_MODULE', config('DJANGO_SETTINGS_MODULE', default='a.b'))",
            3,
            id="decouple",
        ),
        pytest.param(
            'import os\r\nos.environ.setdefault("DJANGO_SETTINGS_MODULE",\r\n"a.b")\r\n',
            2,
            id="crlf",
        ),
    ],
)
def test_manage_py_is_read_not_run(tmp_path: Path, script: str, line: int) -> None:
    write(tmp_path, {"manage.py": script})
    assert chosen(tmp_path)[0] == Fact("a.b", f"manage.py:{line}")


def test_a_manage_py_that_leaves_it_to_the_project_is_followed(tmp_path: Path) -> None:
    files = {"manage.py": "from site_.run import main\nmain()\n", "site_/run.py": MANAGE}
    write(tmp_path, {name: text.replace("{settings}", "a.b") for name, text in files.items()})
    assert chosen(tmp_path)[0] == Fact("a.b", "site_/run.py:6")


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        pytest.param("print('hello')", "manage.py names no settings module", id="none"),
        pytest.param(
            "import os, x\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', x.find())",
            "manage.py:2 works out",
            id="computed",
        ),
    ],
)
def test_no_settings_module_is_said_with_what_to_write(
    tmp_path: Path, script: str, problem: str
) -> None:
    write(tmp_path, {"manage.py": script})
    with pytest.raises(SettingsInvalid, match=problem) as caught:
        chosen(tmp_path)
    assert "--settings" in caught.value.advice


def test_a_broken_manage_py_is_said_with_its_line(tmp_path: Path) -> None:
    write(tmp_path, {"manage.py": "import os\n\ndef main(:\n"})
    with pytest.raises(ConfigInvalid, match=r"^manage.py:3: not valid Python"):
        chosen(tmp_path)


SIBLINGS = [
    pytest.param("conf.settings.local", "conf.settings.production", id="local"),
    pytest.param("conf.settings.dev", "conf.settings.prod", id="dev-prod"),
    pytest.param("conf.settings.development", "conf.settings.deploy", id="deploy"),
    pytest.param("conf.settings_dev", "conf.settings_prod", id="suffix"),
    pytest.param("conf.local_settings", "conf.production_settings", id="prefix"),
    pytest.param("local", "production", id="top-level"),
]


@pytest.mark.parametrize(("named", "taken"), SIBLINGS)
def test_production_is_taken_over_development_and_it_is_said(
    tmp_path: Path, named: str, taken: str
) -> None:
    file = f"{taken.replace('.', '/')}.py"
    project(tmp_path, {f"{named.replace('.', '/')}.py": "", file: ""}, named)
    found, notes = chosen(tmp_path)
    assert found == Fact(taken, f"{file}:1")
    assert notes == (
        f"manage.py:6 names {named}; for the image its sibling {taken} is taken"
        f" (--settings {named} takes the other).",
    )


def test_production_comes_before_prod_and_deploy(tmp_path: Path) -> None:
    files = {f"s/{name}.py": "" for name in ("dev", "deploy", "prod", "production")}
    project(tmp_path, files, "s.dev")
    assert chosen(tmp_path)[0].value == "s.production"


def test_development_without_a_sibling_stays(tmp_path: Path) -> None:
    project(tmp_path, {"s/dev.py": "", "s/staging.py": ""}, "s.dev")
    assert chosen(tmp_path) == (Fact("s.dev", "manage.py:6"), ())


@pytest.mark.parametrize("name", ["staging", "docker", "test", "production"])
def test_a_module_of_another_purpose_stays(tmp_path: Path, name: str) -> None:
    project(tmp_path, {f"s/{item}.py": "" for item in ("dev", "production", name)}, f"s.{name}")
    assert chosen(tmp_path)[0].value == f"s.{name}"


def test_a_base_beside_both_gives_way(tmp_path: Path) -> None:
    project(tmp_path, {f"s/{name}.py": "" for name in ("base", "local", "prod")}, "s.base")
    assert chosen(tmp_path)[0].value == "s.prod"


def test_only_manage_py_gives_way(tmp_path: Path) -> None:
    project(tmp_path, {"s/dev.py": "", "s/prod.py": ""}, "s.dev")
    assert chosen(tmp_path, "s.dev")[0].value == "s.dev"
    assert chosen(tmp_path, variable="s.dev")[0].value == "s.dev"
    assert chosen(tmp_path, None, Config(settings="s.dev"))[0].value == "s.dev"


@pytest.mark.parametrize(
    ("init", "taken"),
    [
        pytest.param("", "s.prod", id="empty"),
        pytest.param('"""Settings."""\n', "s.prod", id="docstring-alone"),
        pytest.param("from .dev import *", "s.prod", id="development-alone"),
        pytest.param("from s.local import *  # noqa", "s.prod", id="absolute"),
        pytest.param(None, "s.prod", id="no-init"),
        pytest.param("from .base import *", "s", id="base"),
        pytest.param("DEBUG = True", "s", id="settings-of-its-own"),
        pytest.param(
            "import os\nif os.environ['X']:\n  from .prod import *\nelse:\n  from .dev import *",
            "s",
            id="chooses-itself",
        ),
    ],
)
def test_a_settings_package_gives_way_where_it_is_development_s(
    tmp_path: Path, init: str | None, taken: str
) -> None:
    files = {f"s/{name}.py": "" for name in ("base", "dev", "local", "prod")}
    project(tmp_path, files | ({} if init is None else {"s/__init__.py": init}), "s")
    assert chosen(tmp_path)[0].value == taken


@pytest.mark.parametrize(
    "place",
    ["backend/mysite/settings.py", "mysite/settings/__init__.py", "src/mysite/settings.py"],
)
def test_modules_are_searched_beside_manage_py_then_in_the_root_then_in_src(
    tmp_path: Path, place: str
) -> None:
    write(tmp_path, {"backend/manage.py": "", place: ""})
    found = choice.locate(Fact("mysite.settings", "x"), Search(tmp_path, tmp_path / "backend"))
    assert found == tmp_path / place


@pytest.mark.parametrize(
    ("name", "match"),
    [
        pytest.param(
            "mysite.nowhere", "mysite.nowhere .* has no file in the root, src/", id="none"
        ),
        pytest.param("mysite/settings.py", r"Write mysite\.settings\.", id="a-path"),
        pytest.param("./mysite/settings.py", r"Write mysite\.settings\.", id="dotted-path"),
        pytest.param("../../etc/passwd", "written as a file", id="outside"),
        pytest.param("my site", "has no file", id="no-name"),
    ],
)
def test_a_module_without_a_file_is_said(tmp_path: Path, name: str, match: str) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        choice.locate(Fact(name, "--settings"), Search(tmp_path, tmp_path))
    assert caught.match(match)
