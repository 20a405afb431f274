"""``[tool.buildstatic]`` in pyproject.toml."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildstatic.errors import ConfigInvalid
from buildstatic.project.config import Config, load
from buildstatic.project.keys import COMMANDS, PROJECT
from tests.project.tree import write

ALL = f"Valid keys: {', '.join((*PROJECT, *COMMANDS))}."


def loaded(root: Path, text: str) -> Config:
    return load(write(root, {"pyproject.toml": text}))


def test_keys_are_loaded_with_lines(tmp_path: Path) -> None:
    text = (
        '[project]\nname = "x"\n\n[tool.buildstatic]\nmanage = "src/manage.py"\n'
        'settings = "a.b"\nnetwork = true\n\n[tool.buildstatic.env]\nKEY = "value"\n'
    )
    found = loaded(tmp_path, text)
    assert (found.manage, found.settings, found.network) == ("src/manage.py", "a.b", True)
    assert found.env == {"KEY": "value"}
    assert found.source("manage") == "pyproject.toml:5"
    assert found.source("settings") == "pyproject.toml:6"


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({}, id="no-file"),
        pytest.param({"pyproject.toml": ""}, id="empty"),
        pytest.param({"pyproject.toml": "[tool.ruff]\nline-length = 100\n"}, id="no-table"),
        pytest.param({"pyproject.toml": "tool = 1"}, id="tool-is-not-a-table"),
        pytest.param({"pyproject.toml/x": ""}, id="a-directory"),
    ],
)
def test_defaults_without_configuration(tmp_path: Path, files: dict[str, str]) -> None:
    assert load(write(tmp_path, files)) == Config()


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        pytest.param('settings = "a"\nsetings = "b"', 3, "Did you mean settings?", id="misspelt"),
        pytest.param("colour = 1", 2, ALL, id="unknown"),
        pytest.param("settings = 1", 2, "settings in [tool.buildstatic] must be text", id="number"),
        pytest.param('network = "yes"', 2, "must be true or false. It is", id="text-for-a-flag"),
        pytest.param('env = ["A"]', 2, "must be a table of text", id="list-for-a-table"),
        pytest.param("env.DEBUG = true", 2, 'Write DEBUG = "true"', id="flag-in-env"),
        pytest.param("[tool.buildstatic.env]\nA = 'a'\nPORT = 80", 4, 'PORT = "80"', id="number-2"),
        pytest.param(
            "[tool.buildstatic.env]\n'A=B' = ''", 3, "not a valid variable name", id="name"
        ),
        pytest.param("settings = ", 2, "invalid TOML", id="toml"),
        pytest.param("port = 80", 2, "It belongs in [tool.buildstatic.generate].", id="above"),
        pytest.param(
            'base = "x"',
            2,
            "It belongs in [tool.buildstatic.build] or [tool.buildstatic.layer].",
            id="above-two",
        ),
        pytest.param("generat.port = 1", 2, "Did you mean generate?", id="misspelt-table"),
        pytest.param("generate = 1", 2, "below [tool.buildstatic.generate]", id="table"),
        pytest.param(
            "[tool.buildstatic.generate]\npotr = 1", 3, "Did you mean port?", id="misspelt-option"
        ),
        pytest.param(
            "[tool.buildstatic.collect]\nignore = []",
            3,
            "It belongs in [tool.buildstatic].",
            id="below",
        ),
        pytest.param(
            "generate.port = 65536", 2, "a number from 1 to 65535. It is 65536.", id="range"
        ),
        pytest.param('build.platform = ["a", 1]', 2, "It contains 1.", id="item"),
        pytest.param('silence = ["Debug"]', 2, 'It contains "Debug".', id="code"),
    ],
)
def test_invalid_configuration_is_an_error_with_line(
    tmp_path: Path, text: str, line: int, message: str
) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        loaded(tmp_path, f"[tool.buildstatic]\n{text}\n")
    assert str(caught.value).startswith(f"pyproject.toml:{line}: ")
    assert message in str(caught.value)


def test_value_instead_of_table_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match=r"^pyproject.toml:2: tool.buildstatic is not a table"):
        loaded(tmp_path, "[tool]\nbuildstatic = 1\n")


def test_command_options_are_loaded_with_lines(tmp_path: Path) -> None:
    text = (
        '[tool.buildstatic]\nsilence = ["debug-on"]\nlayer.base = "x:1"\n\n'
        '[tool.buildstatic.generate]\nport = 8080\ntargets = ["procfile"]\n'
    )
    found = loaded(tmp_path, text)
    assert found.silence == ("debug-on",)
    assert found.options("generate") == {"port": 8080, "targets": ("procfile",)}
    assert found.options("layer") == {"base": "x:1"}
    assert found.options("collect") == {}
    assert found.source("generate.port") == "pyproject.toml:6"
    assert found.source("layer.base") == "pyproject.toml:3"
