"""Whatever is put into a template is read back as it was, by those whose language it is."""

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
from buildstatic.templates import exec_form, json_text, python_text, render
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
    """Return *value* as the filter *name* brings it into a template."""
    return templates._environment().from_string("{{ value | " + name + " }}").render(value=value)


@pytest.mark.parametrize("value", HOSTILE, ids=ascii)
def test_a_shell_reads_one_word(value: str) -> None:
    line = f"printf '%s|' {filtered('sh', value)} end"
    done = subprocess.run(["sh", "-c", line], capture_output=True, check=True, env={"HOME": "/no"})
    assert done.stdout.decode() == f"{value}|end|"


@given(text)
def test_json_reads_the_value(value: str) -> None:
    assert json.loads(filtered("json", value)) == value
    assert len(json_text(value).split("\n")) == 1


@given(text)
def test_python_reads_the_value_from_one_line(value: str) -> None:
    written = filtered("py", value)
    assert ast.literal_eval(written) == value
    assert "\n" not in written
    assert "\r" not in written
    compiled: dict[str, str] = {}
    exec(compile(f"value = {python_text(value)}\n".encode(), "railway.py", "exec"), compiled)
    assert compiled["value"] == value


@given(text)
def test_yaml_and_toml_read_the_value_from_one_line(value: str) -> None:
    made = f"key = {filtered('toml', value)}\n"
    assert tomllib.loads(made) == {"key": value}
    assert yaml(f"key: {filtered('yaml', [value])}\n") == {"key": [value]}
    assert yaml(f"{filtered('yaml_key', value)}: 1\n") == {value: 1}


@pytest.mark.parametrize("value", [*HOSTILE, "on", "No", "null", "1", "1e3", "~", "A_B"], ids=ascii)
def test_yaml_and_toml_read_texts_as_texts(value: str) -> None:
    """By YAML 1.1, too, where ``on`` is true and U+2028 a line break."""
    made = f"{filtered('yaml_key', value)}: {filtered('yaml', value)}\n"
    assert yaml(made) == {value: value}
    assert yaml(f"%YAML 1.1\n---\n{made}") == {value: value}
    assert tomllib.loads(f"key = {filtered('toml', value)}") == {"key": value}


@given(words)
def test_the_exec_form_is_a_list_of_the_words_on_one_line(value: list[str]) -> None:
    written = filtered("exec", tuple(value))
    assert json.loads(written) == value
    assert written == exec_form(value)
    assert "\n" not in written
    assert "\r" not in written


@settings(deadline=None)
@given(text)
def test_what_looks_like_a_template_is_not_rendered_again(value: str) -> None:
    made = render(
        "Procfile",
        in_release=False,
        remote=False,
        release="x",
        web=f"{{{{ {value} }}}}",
        processes=[],
    )
    assert f"web: {{{{ {value} }}}}".rstrip("\n") in made


def test_a_value_that_is_not_given_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="release"):
        render("Procfile", in_release=False, remote=False, web="x", processes=[])
    with pytest.raises(TemplateNotFound):
        render("no-such-template")


def test_a_rendered_file_ends_in_one_newline() -> None:
    made = render("gitignore", static=None, media=None)
    assert made.endswith("venv/\n")


@pytest.mark.parametrize("name", NAMES)
def test_a_template_looks_like_the_file_that_it_makes(name: str) -> None:
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
        ("railway.py.jinja", "py"),
        ("compose.yaml", "yaml"),
        ("render.yaml", "yaml"),
        ("fly.toml", "toml"),
    ],
)
def test_all_that_goes_into_a_file_is_quoted_for_it(name: str, quoted: str) -> None:
    """But for what cannot be anything else: bare keys, numbers, constants of the template."""
    source = (DIRECTORY / name).read_text()
    bare = {"toml": ("name", "container.port"), "py": ("variable", 'resources | join(", ")')}
    filters = (f" | {quoted}", f" | {quoted}_key", f" | {quoted})")
    for expression in re.findall(r"\{\{ (.*?) \}\}", source):
        is_quoted = expression.endswith(filters) or expression.startswith('"')
        is_macro = expression.endswith(("() -", "()"))
        assert is_quoted or is_macro or expression in bare.get(quoted, ()), expression
