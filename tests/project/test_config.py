"""``[tool.buildstatic]``: its keys, their schema and the loader."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from buildstatic.cli import COMMANDS as PROGRAMS
from buildstatic.cli import LazyGroup
from buildstatic.errors import ConfigInvalid
from buildstatic.project.config import (
    COMMANDS,
    PROJECT,
    ProjectConfig,
    all_keys,
    load,
    schema,
)
from buildstatic.project.config_types import Flag, Key, List, Number, Tables, Text
from tests.pages import PAGES, REPOSITORY, blocks, read
from tests.project.tree import write

ALL = f"Valid keys: {', '.join((*PROJECT, *COMMANDS))}."


def loaded(root: Path, text: str) -> ProjectConfig:
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
    assert load(write(tmp_path, files)) == ProjectConfig()


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
        pytest.param("frontend = 1", 2, "must be a table or a list of tables", id="tables"),
        pytest.param(
            "[[tool.buildstatic.frontend]]\nscript = 'x'",
            3,
            "Did you mean scripts?",
            id="in-tables",
        ),
        pytest.param(
            "[[tool.buildstatic.frontend]]\nscripts = ['a b']", 3, 'It contains "a b".', id="script"
        ),
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


PUBLISHED = REPOSITORY / "docs" / "reference" / "tool-buildstatic.schema.json"
VALIDATOR = Draft202012Validator(schema())


def test_published_schema_is_current() -> None:
    made = json.dumps(schema(), indent=2) + "\n"
    if os.environ.get("GOLDEN_RECORD"):
        PUBLISHED.write_text(made, encoding="utf-8")
    assert PUBLISHED.read_text(encoding="utf-8") == made


def test_schema_is_valid() -> None:
    Draft202012Validator.check_schema(schema())


def shown() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the tables ``[tool.buildstatic]`` of the documentation, with their pages."""
    for page in PAGES:
        for block in blocks(read(page)):
            if block.language == "toml" and "tool.buildstatic" in block.text:
                yield page, tomllib.loads(block.text)["tool"]["buildstatic"]


def test_documented_examples_are_valid() -> None:
    examples = list(shown())
    assert len(examples) >= 3
    assert [page for page, table in examples if not VALIDATOR.is_valid(table)] == []


def toml(value: object) -> str:
    """Return *value* as TOML."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case list():
            return f"[{', '.join(map(toml, value))}]"
        case dict():
            return (
                f"{{{', '.join(f'{toml(name)} = {toml(item)}' for name, item in value.items())}}}"
            )
        case _:
            return str(value)


def is_loaded(root: Path, table: dict[str, object]) -> bool:
    write(root, {"pyproject.toml": f"tool.buildstatic = {toml(table)}\n"})
    try:
        load(root)
    except ConfigInvalid:
        return False
    return True


LINE = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=6)
CHOICES = sorted({c for k in all_keys().values() for c in getattr(k.type, "choices", ())})
TEXT = LINE | st.sampled_from([*CHOICES, "3.13", "3.13\n", "3.9", "3.12.4", "debug-on", "a\nb", ""])
VALUE = st.recursive(
    TEXT | st.booleans() | st.integers(-9, 70_000) | st.floats(allow_nan=False).map(float),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)
NAME = st.sampled_from([*(name.rpartition(".")[2] for name in all_keys()), *COMMANDS]) | LINE


def of(key: Key) -> st.SearchStrategy[object]:
    """Return values of which many are valid for *key*."""
    match key.type:
        case Text(choices=choices) if choices:
            likely: st.SearchStrategy[object] = st.sampled_from(choices)
        case List(item=Text(choices=choices)) if choices:
            likely = st.lists(st.sampled_from(choices), max_size=2)
        case List():
            likely = st.lists(TEXT, max_size=2)
        case Flag():
            likely = st.booleans()
        case Number():
            likely = st.integers(0, 65_537) | st.just(8000.0)
        case Text():
            likely = TEXT
        case Tables(keys=keys):
            table = st.fixed_dictionaries({}, optional={name: of(k) for name, k in keys.items()})
            likely = table | st.lists(table | st.dictionaries(TEXT, TEXT, max_size=1), max_size=2)
        case _:
            likely = st.dictionaries(TEXT, TEXT, max_size=2)
    return likely | VALUE


@st.composite
def tables(draw: st.DrawFn) -> dict[str, object]:
    """Return a table with one valid key, or any content."""
    name = draw(st.sampled_from(list(all_keys())))
    table, _, key = name.rpartition(".")
    value = draw(of(all_keys()[name]))
    entry: dict[str, object] = {table: {key: value}} if table else {key: value}
    return draw(st.just(entry) | st.dictionaries(NAME, VALUE, max_size=1))


@settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(table=tables())
def test_schema_and_loader_agree(tmp_path: Path, table: dict[str, object]) -> None:
    read_back = tomllib.loads(f"tool.buildstatic = {toml(table)}")["tool"]["buildstatic"]
    assert is_loaded(tmp_path, table) == VALIDATOR.is_valid(read_back)


@pytest.mark.parametrize("name", all_keys())
def test_defaults_are_valid(tmp_path: Path, name: str) -> None:
    key = all_keys()[name]
    table, _, last = name.rpartition(".")
    entry: dict[str, object] = {table: {last: key.default}} if table else {last: key.default}
    assert key.default is None or (is_loaded(tmp_path, entry) and VALIDATOR.is_valid(entry))


def parameters(command: str) -> dict[str, click.Parameter]:
    found = LazyGroup().get_command(click.Context(click.Command("buildstatic")), command)
    assert found is not None
    return {str(parameter.name): parameter for parameter in found.params}


@pytest.mark.parametrize("name", [name for name in all_keys() if "." in name])
def test_keys_match_command_options(name: str) -> None:
    command, _, option = name.partition(".")
    parameter, key = parameters(command)[option], all_keys()[name]
    item = key.type.item if isinstance(key.type, List) else key.type
    # What generate writes is known where the platforms are.
    choices = () if option == "targets" else getattr(parameter.type, "choices", ())
    assert tuple(choices) == tuple(getattr(item, "choices", ()))
    assert key.default is None or parameter.default == key.default
    assert parameter.multiple == isinstance(key.type, List) or parameter.nargs == -1


def test_every_table_belongs_to_a_command() -> None:
    assert set(COMMANDS) <= set(PROGRAMS)
