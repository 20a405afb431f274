"""The template filters quote any value for the language of the file."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import TemplateNotFound, UndefinedError, meta

from buildstatic import templates
from buildstatic.errors import ConfigInvalid
from buildstatic.templates import render
from buildstatic.templates.quoting import json_text
from tests.platforms.projects import AWKWARD
from tests.platforms.reading import yaml

DIRECTORY = Path(templates.__file__).parent
NAMES = sorted(path.name for path in DIRECTORY.iterdir() if path.suffix != ".py" and path.is_file())
HOSTILE = (
    *AWKWARD,
    "",
    "line\nbreak",
    "\r\n",
    "\t",
    "'''\"\"\"",
    "\\",
    "\\n",
    "${{ secrets.X }}",
    "$(id)",
    "{# no #}{% no %}",
    "\u2028\u2029\x85\x0b\x0c\x1c",
    "\x7f\x1b[31m",
    "😀",
    "<!--&amp;-->",
)
text = st.text(max_size=20)
words = st.lists(text, max_size=4)


def filtered(name: str, value: object) -> str:
    """Return *value* as formatted by the filter *name*."""
    return templates._environment().from_string("{{ value | " + name + " }}").render(value=value)


BREAKS = [value for value in HOSTILE if "\n" in value]


@pytest.mark.parametrize("value", [value for value in HOSTILE if value not in BREAKS], ids=ascii)
def test_sh_filter_is_one_shell_word(value: str) -> None:
    line = f"printf '%s|' {filtered('sh', value)} end"
    done = subprocess.run(["sh", "-c", line], capture_output=True, check=True, env={"HOME": "/no"})
    assert done.stdout.decode() == f"{value}|end|"


@pytest.mark.parametrize("value", [*BREAKS, "\0", "\ud800"], ids=ascii)
def test_sh_filter_refuses_line_breaks_and_what_is_not_text(value: str) -> None:
    with pytest.raises(ConfigInvalid, match="cannot contain"):
        filtered("sh", value)


@given(text)
def test_json_filter_round_trips(value: str) -> None:
    assert json.loads(filtered("json", value)) == value
    assert len(json_text(value).split("\n")) == 1


@given(text)
def test_py_filter_round_trips_on_one_line(value: str) -> None:
    written = filtered("py", value)
    assert ast.literal_eval(written) == value
    assert "\n" not in written
    assert "\r" not in written
    compiled: dict[str, str] = {}
    exec(compile(f"value = {json_text(value)}\n".encode(), "railway.py", "exec"), compiled)
    assert compiled["value"] == value


@given(text)
def test_yaml_and_toml_filters_round_trip(value: str) -> None:
    text = f"key = {filtered('toml', value)}\n"
    assert tomllib.loads(text) == {"key": value}
    assert yaml(f"key: {filtered('yaml', [value])}\n") == {"key": [value]}
    assert yaml(f"{filtered('yaml_key', value)}: 1\n") == {value: 1}


@pytest.mark.parametrize("value", [*HOSTILE, "on", "No", "null", "1", "1e3", "~", "A_B"], ids=ascii)
def test_yaml_and_toml_filters_keep_strings(value: str) -> None:
    """Also in YAML 1.1, where ``on`` is true and U+2028 a line break."""
    text = f"{filtered('yaml_key', value)}: {filtered('yaml', value)}\n"
    assert yaml(text) == {value: value}
    assert yaml(f"%YAML 1.1\n---\n{text}") == {value: value}
    assert tomllib.loads(f"key = {filtered('toml', value)}") == {"key": value}


@given(words)
def test_exec_filter_is_a_json_list_on_one_line(value: list[str]) -> None:
    written = filtered("exec", tuple(value))
    assert json.loads(written) == value
    assert "\n" not in written
    assert "\r" not in written


@settings(deadline=None)
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20))
def test_values_are_not_rendered_as_templates(value: str) -> None:
    text = render(
        "Procfile",
        in_release=False,
        remote=False,
        discards_database=False,
        release="x",
        web=f"{{{{ {value} }}}}",
        processes=[],
    )
    assert f"web: {{{{ {value} }}}}".rstrip("\n") in text


def test_missing_values_and_templates_are_errors() -> None:
    with pytest.raises(UndefinedError, match="release"):
        render("Procfile", in_release=False, remote=False, web="x", processes=[])
    with pytest.raises(TemplateNotFound):
        render("no-such-template")


def test_rendered_files_end_in_one_newline() -> None:
    text = render("gitignore", static=None, media=None)
    assert text.endswith("venv/\n")


@pytest.mark.parametrize("name", NAMES)
def test_templates_are_formatted_like_their_files(name: str) -> None:
    source = (DIRECTORY / name).read_bytes().decode()
    assert "\r" not in source
    # As `caddy fmt` has it.
    assert "\t" not in source or name == "Dockerfile.assets-caddy"
    assert not re.search(r"[ ]$", source, re.M)
    assert source.endswith("\n")
    meta.find_undeclared_variables(templates._environment().parse(source))


@pytest.mark.parametrize(
    ("name", "quoted"),
    [
        ("railway.json", "json"),
        ("railway-iac.py.jinja", "py"),
        ("compose.yaml", "yaml"),
        ("render.yaml", "yaml"),
        ("fly.toml", "toml"),
    ],
)
def test_templates_quote_all_values(name: str, quoted: str) -> None:
    """Except for bare keys, numbers and constants of the template."""
    source = (DIRECTORY / name).read_text()
    bare = {"toml": ("name", "container.port"), "py": ("variable", 'resources | join(", ")')}
    filters = (f" | {quoted}", f" | {quoted}_key", f" | {quoted})")
    for expression in re.findall(r"\{\{ (.*?) \}\}", source):
        is_quoted = expression.endswith(filters) or expression.startswith('"')
        is_macro = expression.endswith(("() -", "()"))
        assert is_quoted or is_macro or expression in bare.get(quoted, ()), expression
