"""Finding manage.py and the settings module."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from buildstatic.errors import ConfigInvalid, ProjectNotFound, SettingsInvalid
from buildstatic.project import Fact
from buildstatic.project.config import ProjectConfig
from buildstatic.project.files import Search
from buildstatic.project.manage import choose_settings, find_script, locate
from tests.project.tree import MANAGE, project, write

INSTALLED = "import os\nINSTALLED_APPS: list[str] = []\n"


@pytest.mark.parametrize(
    "place",
    [
        pytest.param("manage.py", id="root"),
        pytest.param("backend/manage.py", id="one-below"),
        pytest.param("apps/backend/manage.py", id="two-below"),
        pytest.param("Ünïcode dir/manage.py", id="unicode-name"),
    ],
)
def test_manage_py_is_found_down_to_two_levels(tmp_path: Path, place: str) -> None:
    write(tmp_path, {place: ""})
    assert find_script(tmp_path, None) == tmp_path / place


def test_shallowest_manage_py_wins(tmp_path: Path) -> None:
    write(tmp_path, {"a/b/manage.py": "", "z/manage.py": "", "c/d/manage.py": ""})
    assert find_script(tmp_path, None) == tmp_path / "z/manage.py"


def test_manage_py_three_levels_below_is_not_found(tmp_path: Path) -> None:
    write(tmp_path, {"a/b/c/manage.py": ""})
    with pytest.raises(ProjectNotFound, match=r"No manage\.py found"):
        find_script(tmp_path, None)


def test_several_at_one_depth_are_an_error(tmp_path: Path) -> None:
    write(tmp_path, {"shop/manage.py": "", "blog/manage.py": ""})
    with pytest.raises(ProjectNotFound) as caught:
        find_script(tmp_path, None)
    assert "blog/manage.py, shop/manage.py" in caught.value.problem
    assert caught.value.advice == "Choose one: --manage blog/manage.py"


@pytest.mark.parametrize(
    "directory",
    [
        ".venv",
        "venv",
        "env",
        ".git",
        ".hidden",
        "node_modules",
        "site-packages",
        "vendor",
        "third_party",
        "build",
        "dist",
    ],
)
def test_hidden_and_vendored_directories_are_skipped(tmp_path: Path, directory: str) -> None:
    write(tmp_path, {f"{directory}/manage.py": "", f"x/{directory}/manage.py": ""})
    with pytest.raises(ProjectNotFound):
        find_script(tmp_path, None)


def test_virtual_environments_are_skipped(tmp_path: Path) -> None:
    write(tmp_path, {"python311/pyvenv.cfg": "", "python311/manage.py": "", "src/manage.py": ""})
    assert find_script(tmp_path, None) == tmp_path / "src/manage.py"


def test_directory_symlinks_are_not_followed(tmp_path: Path) -> None:
    write(tmp_path, {"releases/2/manage.py": ""})
    (tmp_path / "current").symlink_to("releases/2")
    (tmp_path / "loop").symlink_to(".")
    assert find_script(tmp_path, None) == tmp_path / "releases/2/manage.py"


def test_directory_or_broken_symlink_is_not_manage_py(tmp_path: Path) -> None:
    (tmp_path / "manage.py").mkdir()
    (tmp_path / "a").mkdir()
    (tmp_path / "a/manage.py").symlink_to("nowhere")
    (tmp_path / "b").mkdir()
    (tmp_path / "b/manage.py").symlink_to("manage.py")
    with pytest.raises(ProjectNotFound):
        find_script(tmp_path, None)


def test_unreadable_directory_is_skipped(closed: Path) -> None:
    write(closed.parent, {"site/manage.py": ""})
    assert find_script(closed.parent, None) == closed.parent / "site/manage.py"


@pytest.mark.parametrize(
    "named",
    [pytest.param("shop/manage.py", id="file"), pytest.param("shop", id="directory")],
)
def test_named_manage_py_is_used(tmp_path: Path, named: str) -> None:
    write(tmp_path, {"manage.py": "", "shop/manage.py": ""})
    assert find_script(tmp_path, named) == tmp_path / "shop/manage.py"


def test_named_script_may_have_another_name(tmp_path: Path) -> None:
    write(tmp_path, {"manage.py": "", "bin/run.py": ""})
    assert find_script(tmp_path, "bin/run.py") == tmp_path / "bin/run.py"


@pytest.mark.parametrize("named", ["nowhere/manage.py", "empty"])
def test_missing_named_manage_py_is_an_error(tmp_path: Path, named: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ProjectNotFound, match=f"{named} not found"):
        find_script(tmp_path, named)


def test_named_manage_py_outside_of_root_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, {"manage.py": "", "root/x": ""})
    with pytest.raises(ProjectNotFound, match="outside"):
        find_script(tmp_path / "root", os.path.join("..", "manage.py"))  # noqa: PTH118


NO_CONFIG = ProjectConfig()


def chosen(
    root: Path, named: str | None = None, config: ProjectConfig = NO_CONFIG, variable: str = ""
) -> tuple[Fact[str], tuple[str, ...]]:
    environ = {"DJANGO_SETTINGS_MODULE": variable}
    return choose_settings(Search(root, root), root / "manage.py", named, config, environ)


def test_precedence_option_config_environment_script(tmp_path: Path) -> None:
    project(tmp_path, {}, "by.script")
    config = ProjectConfig(settings="by.config", lines={"settings": 3})
    by_option, _ = chosen(tmp_path, "by.option", config, "by.environ")
    assert by_option == Fact("by.option", "--settings")
    by_config, _ = chosen(tmp_path, None, config, "by.environ")
    assert by_config == Fact("by.config", "pyproject.toml:3")
    by_environ, _ = chosen(tmp_path, variable="by.environ")
    assert by_environ == Fact("by.environ", "DJANGO_SETTINGS_MODULE")
    assert chosen(tmp_path)[0] == Fact("by.script", "manage.py:6")


def test_note_if_environment_contradicts_manage_py(tmp_path: Path) -> None:
    project(tmp_path, {"mysite/settings.py": "", "mysite/other.py": ""})
    _, notes = chosen(tmp_path, variable="mysite.other")
    assert notes == (
        "The environment variable DJANGO_SETTINGS_MODULE selects the settings mysite.other; without"
        " it, mysite.settings (manage.py:6) would be used. Unset it if that is not intended.",
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
            id="not-test-settings",
        ),
        pytest.param(
            "import os\nif os.environ.get('ENV') == 'production':\n"
            "  os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'a.prod')\nelse:\n"
            "  os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'a.b')",
            5,
            id="empty-environment",
        ),
        pytest.param(
            "import os\ndef main(environ=os.environ):\n"
            "  environ.setdefault('DJANGO_SETTINGS_MODULE', 'a.b')\n",
            3,
            id="in-uncalled-function",
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
def test_settings_module_is_read_from_manage_py(tmp_path: Path, script: str, line: int) -> None:
    write(tmp_path, {"manage.py": script})
    assert chosen(tmp_path)[0] == Fact("a.b", f"manage.py:{line}")


def test_settings_module_set_in_imported_module_is_found(tmp_path: Path) -> None:
    files = {"manage.py": "from site_.run import main\nmain()\n", "site_/run.py": MANAGE}
    write(tmp_path, {name: text.replace("{settings}", "a.b") for name, text in files.items()})
    assert chosen(tmp_path)[0] == Fact("a.b", "site_/run.py:6")


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        pytest.param("print('hello')", "manage.py does not set", id="none"),
        pytest.param(
            "import os, x\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', x.find_script())",
            "manage.py:2 computes",
            id="computed",
        ),
    ],
)
def test_manage_py_without_settings_module_is_an_error(
    tmp_path: Path, script: str, problem: str
) -> None:
    write(tmp_path, {"manage.py": script})
    with pytest.raises(SettingsInvalid, match=problem) as caught:
        chosen(tmp_path)
    assert "--settings" in caught.value.advice


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        pytest.param(
            {"site_/wsgi.py": MANAGE.format(settings="site_.prod"), "site_/base.py": INSTALLED},
            Fact("site_.prod", "site_/wsgi.py:6"),
            id="wsgi.py",
        ),
        pytest.param(
            {"site_/conf/base.py": INSTALLED, "site_/conf/dev.py": "from .base import *"},
            Fact("site_.conf.base", "site_/conf/base.py:2"),
            id="only-module-with-installed-apps",
        ),
        pytest.param(
            {"settings/__init__.py": INSTALLED, "tests/test_settings.py": INSTALLED},
            Fact("settings", "settings/__init__.py:2"),
            id="package",
        ),
    ],
)
def test_settings_that_manage_py_does_not_name(
    tmp_path: Path, others: dict[str, str], expected: Fact[str]
) -> None:
    write(tmp_path, {"manage.py": "print('hello')", **others})
    found, notes = chosen(tmp_path)
    assert found == expected
    assert notes == (
        f"manage.py does not set DJANGO_SETTINGS_MODULE. The image uses {found.value};"
        " --settings selects others.",
    )


def test_settings_to_choose_from_are_listed(tmp_path: Path) -> None:
    write(tmp_path, {"manage.py": "", "a/settings.py": INSTALLED, "b/settings.py": INSTALLED})
    with pytest.raises(SettingsInvalid, match=r"manage\.py does not set") as caught:
        chosen(tmp_path)
    assert caught.value.advice.endswith("Found: a.settings, b.settings.")


def test_invalid_manage_py_is_an_error_with_line(tmp_path: Path) -> None:
    write(tmp_path, {"manage.py": "import os\n\ndef main(:\n"})
    with pytest.raises(ConfigInvalid, match=r"^manage.py:3: not valid Python"):
        chosen(tmp_path)


SIBLINGS = [
    pytest.param("conf.settings.local", "conf.settings.production", id="local"),
    pytest.param("conf.settings.dev", "conf.settings.prod", id="dev-prod"),
    pytest.param("conf.settings.development", "conf.settings.deploy", id="deploy"),
    pytest.param("conf.settings.devel", "conf.settings.product", id="product"),
    pytest.param("conf.settings.develop", "conf.settings.production", id="develop"),
    pytest.param("conf.debug", "conf.live", id="debug-live"),
    pytest.param("conf.settings.local", "conf.settings.heroku", id="heroku"),
    pytest.param("conf.settings_dev", "conf.settings_prod", id="suffix"),
    pytest.param("conf.local_settings", "conf.production_settings", id="prefix"),
    pytest.param("local", "production", id="top-level"),
]


@pytest.mark.parametrize(("named", "taken"), SIBLINGS)
def test_production_sibling_replaces_development_with_note(
    tmp_path: Path, named: str, taken: str
) -> None:
    file = f"{taken.replace('.', '/')}.py"
    project(tmp_path, {f"{named.replace('.', '/')}.py": "", file: ""}, named)
    found, notes = chosen(tmp_path)
    assert found == Fact(taken, f"{file}:1")
    assert notes == (
        f"manage.py:6 names the settings {named}; the image uses {taken} instead"
        f" (--settings {named} overrides this).",
    )


def test_production_is_preferred_over_prod_and_deploy(tmp_path: Path) -> None:
    files = {f"s/{name}.py": "" for name in ("dev", "deploy", "prod", "production")}
    project(tmp_path, files, "s.dev")
    assert chosen(tmp_path)[0].value == "s.production"


def test_development_without_sibling_is_kept(tmp_path: Path) -> None:
    project(tmp_path, {"s/dev.py": "", "s/staging.py": ""}, "s.dev")
    assert chosen(tmp_path) == (Fact("s.dev", "manage.py:6"), ())


@pytest.mark.parametrize("name", ["staging", "docker", "test", "production"])
def test_module_with_another_purpose_is_kept(tmp_path: Path, name: str) -> None:
    project(tmp_path, {f"s/{item}.py": "" for item in ("dev", "production", name)}, f"s.{name}")
    assert chosen(tmp_path)[0].value == f"s.{name}"


def test_shared_base_is_replaced_by_production(tmp_path: Path) -> None:
    project(tmp_path, {f"s/{name}.py": "" for name in ("base", "local", "prod")}, "s.base")
    assert chosen(tmp_path)[0].value == "s.prod"


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        pytest.param("from .settings import *  # noqa\nDEBUG = False\n", True, id="relative"),
        pytest.param("from s.settings import *\n", True, id="absolute"),
        pytest.param("from .settings import DEBUG\n", False, id="one-name"),
        pytest.param("DEBUG = False\n", False, id="alone"),
    ],
)
@pytest.mark.parametrize("name", ["settings_production", "production"])
def test_production_module_over_the_settings_is_used(
    tmp_path: Path, name: str, text: str, taken: bool
) -> None:
    files = {"s/settings.py": "DEBUG = True\n", f"s/{name}.py": text}
    project(tmp_path, files, "s.settings")
    assert chosen(tmp_path)[0].value == (f"s.{name}" if taken else "s.settings")


def test_only_manage_py_choice_is_replaced(tmp_path: Path) -> None:
    project(tmp_path, {"s/dev.py": "", "s/prod.py": ""}, "s.dev")
    assert chosen(tmp_path, "s.dev")[0].value == "s.dev"
    assert chosen(tmp_path, variable="s.dev")[0].value == "s.dev"
    assert chosen(tmp_path, None, ProjectConfig(settings="s.dev"))[0].value == "s.dev"


@pytest.mark.parametrize(
    ("init", "taken"),
    [
        pytest.param("", "s.prod", id="empty"),
        pytest.param('"""Settings."""\n', "s.prod", id="only-docstring"),
        pytest.param("from .dev import *", "s.prod", id="only-development"),
        pytest.param("from s.local import *  # noqa", "s.prod", id="absolute"),
        pytest.param(None, "s.prod", id="no-init"),
        pytest.param(
            "try:\n  from .dev import *\nexcept ImportError:\n  from .prod import *",
            "s.prod",
            id="development-if-it-exists",
        ),
        pytest.param("from .base import *", "s", id="base"),
        pytest.param("DEBUG = True", "s", id="own-settings"),
        pytest.param(
            "import os\nif os.environ['X']:\n  from .prod import *\nelse:\n  from .dev import *",
            "s",
            id="conditional-import",
        ),
    ],
)
def test_development_package_is_replaced_by_production(
    tmp_path: Path, init: str | None, taken: str
) -> None:
    files = {f"s/{name}.py": "" for name in ("base", "dev", "local", "prod")}
    project(tmp_path, files | ({} if init is None else {"s/__init__.py": init}), "s")
    assert chosen(tmp_path)[0].value == taken


@pytest.mark.parametrize(
    ("name", "match"),
    [
        pytest.param(
            "mysite.nowhere", "mysite.nowhere .* was not found in the root, src/", id="none"
        ),
        pytest.param("mysite/settings.py", r"Write mysite\.settings\.", id="a-path"),
        pytest.param("./mysite/settings.py", r"Write mysite\.settings\.", id="dotted-path"),
        pytest.param("../../etc/passwd", "is a path", id="outside"),
        pytest.param("my site", "was not found", id="no-name"),
    ],
)
def test_settings_module_without_file_is_an_error(tmp_path: Path, name: str, match: str) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        locate(Fact(name, "--settings"), Search(tmp_path, tmp_path))
    assert caught.match(match)
