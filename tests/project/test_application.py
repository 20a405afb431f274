"""The WSGI and ASGI application."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildstatic.errors import ConfigInvalid
from buildstatic.project import application
from buildstatic.project.model import Fact
from buildstatic.project.search import Search
from tests.project.tree import read


def find(root: Path, kind: str, module: str, files: dict[str, str]) -> Fact[str] | None:
    file = f"{module.replace('.', '/')}.py"
    settings = read(root, {file: "", **files}, file)
    return application.find(kind, module, settings, Search(root, root))


def test_what_the_settings_name_comes_first(tmp_path: Path) -> None:
    files = {
        "a/settings.py": (
            "WSGI_APPLICATION = 'b.wsgi.app'\nASGI_APPLICATION = 'a.routing.application'"
        ),
        "a/wsgi.py": "application = 1",
    }
    assert find(tmp_path, "wsgi", "a.settings", files) == Fact("b.wsgi:app", "a/settings.py:1")
    assert find(tmp_path, "asgi", "a.settings", files) == Fact(
        "a.routing:application", "a/settings.py:2"
    )


@pytest.mark.parametrize(
    ("module", "file", "expected"),
    [
        pytest.param("a.settings", "a/wsgi.py", "a.wsgi:application", id="beside"),
        pytest.param("a.settings.prod", "a/wsgi.py", "a.wsgi:application", id="above-the-package"),
        pytest.param("a.settings.prod", "wsgi.py", "wsgi:application", id="in-the-root"),
        pytest.param("settings", "wsgi.py", "wsgi:application", id="top-level"),
    ],
)
def test_else_it_is_the_module_beside_the_settings_or_above(
    tmp_path: Path, module: str, file: str, expected: str
) -> None:
    files = {file: "import os\n\napplication = get()\n"}
    assert find(tmp_path, "wsgi", module, files) == Fact(expected, f"{file}:3")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("app = application = get()", "a.wsgi:application", id="both"),
        pytest.param("app = get()", "a.wsgi:app", id="app"),
        pytest.param("from x import application", "a.wsgi:application", id="imported"),
        pytest.param("from x import y as application", "a.wsgi:application", id="imported-as"),
        pytest.param(
            "if x:\n  application = 1\nelse:\n  application = 2", "a.wsgi:application", id="if"
        ),
        pytest.param("def application(e, s): pass", "a.wsgi:application", id="function"),
        pytest.param("server = get()", None, id="another-name"),
    ],
)
def test_the_attribute_is_one_that_the_module_binds(
    tmp_path: Path, text: str, expected: str | None
) -> None:
    found = find(tmp_path, "wsgi", "a.settings", {"a/wsgi.py": text})
    assert (found.value if found else None) == expected


@pytest.mark.parametrize("value", ["None", "'application'", "find()", "'a b.c'"])
def test_a_setting_that_names_no_application_does_not_count(tmp_path: Path, value: str) -> None:
    files = {"a/settings.py": f"WSGI_APPLICATION = {value}", "a/wsgi.py": "application = 1"}
    assert find(tmp_path, "wsgi", "a.settings", files) == Fact("a.wsgi:application", "a/wsgi.py:1")


def test_none_is_none(tmp_path: Path) -> None:
    assert find(tmp_path, "asgi", "a.settings", {}) is None


def test_a_broken_module_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match=r"^a/asgi\.py:1: not valid Python"):
        find(tmp_path, "asgi", "a.settings", {"a/asgi.py": "application = ("})
