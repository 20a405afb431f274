"""Reading files and finding modules."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from buildstatic.errors import ConfigInvalid
from buildstatic.project import files
from buildstatic.project.files import Search, is_module_name
from tests.project.tree import write

RUNNING = f"{sys.version_info.major}.{sys.version_info.minor}"
READERS = [files.read_text, files.read_toml, files.read_json, files.read_python]
Reader = Callable[[Path, Path], object]


def test_files_in_unreadable_directory_do_not_exist(closed: Path) -> None:
    assert not files.is_file(closed / "x")
    assert not files.is_directory(closed / "x")


@pytest.mark.parametrize("read", READERS)
def test_unreadable_file_is_an_error(closed: Path, read: Reader) -> None:
    with pytest.raises(ConfigInvalid, match=r"^Cannot read data/x: Permission denied") as caught:
        read(closed / "x", closed.parent)
    assert caught.value.advice


@pytest.mark.parametrize(
    ("content", "text"),
    [
        pytest.param("é".encode(), "é", id="utf-8"),
        pytest.param(b"\xef\xbb\xbfa", "a", id="utf-8-with-bom"),
        pytest.param("é".encode("utf-16"), "é", id="utf-16-with-bom"),
    ],
)
def test_text_encodings(tmp_path: Path, content: bytes, text: str) -> None:
    assert files.read_text(write(tmp_path, {"x": content}) / "x", tmp_path) == text


def test_python_source_encoding(tmp_path: Path) -> None:
    content = "# coding: latin-1\nX = 'é'\n".encode("latin-1")
    tree = files.read_python(write(tmp_path, {"x.py": content}) / "x.py", tmp_path)
    assert "é" in compile(tree, "x.py", "exec").co_consts


@pytest.mark.limited
@pytest.mark.parametrize(
    ("read", "content", "problem"),
    [
        (files.read_text, b"a\nb\xff", "x:2: not valid utf-8."),
        (files.read_text, b"a\nb\0", "x:2: contains a null byte"),
        (files.read_text, b"D\0j\0a\0n\0g\0o\0", "x:1: contains a null byte"),
        (files.read_toml, b"a = 1\nb = \n", "x:2: invalid TOML: Invalid value."),
        (files.read_toml, b"a = 1\nb = '''\n", "x:3: invalid TOML"),
        (files.read_toml, b"a = 1\na = 2\n", "x:2: invalid TOML: Cannot overwrite a value."),
        (files.read_json, b'{\n"a": 1,\n}', "x:3: invalid JSON"),
        (files.read_json, b"[]", "x:1: not a JSON object."),
        (files.read_json, b"[" * 100_000, "x is nested too deeply."),
        (files.read_toml, b"a = " + b"9" * 5000, "x: invalid TOML"),
        (files.read_json, b'{"a": ' + b"9" * 5000 + b"}", "x: invalid JSON"),
        (files.read_python, b"a = 1\nb = (\n", f"x:2: not valid Python {RUNNING}: '(' was"),
        (files.read_python, b"import os\0\n", "x:1: not valid Python"),
        (files.read_python, b"X = '\xff'\n", "x:1: not "),
        (files.read_python, b"# coding: nonsense\n", f"x:1: not valid Python {RUNNING}: unknown"),
        (files.read_python, b"a = " + b"(" * 50_000, "x"),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)[:30]),
)
def test_invalid_content_is_an_error_with_line(
    tmp_path: Path, read: Reader, content: bytes, problem: str
) -> None:
    write(tmp_path, {"x": content})
    with pytest.raises(ConfigInvalid) as caught:
        read(tmp_path / "x", tmp_path)
    assert caught.value.problem.startswith(problem)


@pytest.mark.parametrize(
    ("line", "version"),
    [
        ('X = f"{Y["a"]}"', (3, 12)),
        ("X = f\"{'\\n'.join(Y)}\"", (3, 12)),
        ('X = f"{', (3, 12)),
        ("type X = int", (3, 12)),
        ("async def x[T](): pass", (3, 12)),
        ("class X[T]: pass", (3, 12)),
        ('X = t"{Y}"', (3, 14)),
        ("except A, B: pass", (3, 14)),
    ],
)
def test_error_names_the_python_of_newer_syntax(
    tmp_path: Path, line: str, version: tuple[int, int]
) -> None:
    if sys.version_info >= version:
        pytest.skip("this Python parses it")
    text = "\ntry: pass" if line.startswith("except") else "\n"
    write(tmp_path, {"x.py": f"{text}\n{line}\n" + ("}" + '"' if line.endswith("{") else "")})
    with pytest.raises(ConfigInvalid, match=rf"^x.py:3: not valid Python {RUNNING}: ") as caught:
        files.read_python(tmp_path / "x.py", tmp_path)
    needed = ".".join(map(str, version))
    assert f"install buildstatic with Python {needed} or newer" in caught.value.advice


def test_warnings_of_parsed_code_are_suppressed(tmp_path: Path) -> None:
    write(tmp_path, {"x.py": 'X = "\\d"\nif X is "a": pass\n'})
    assert files.read_python(tmp_path / "x.py", tmp_path).body


TOML = """\
title = "a [b] = c"

[project]
name = "x"
"requires-python" = ">=3.11"

[tool.poetry.dependencies]
python = "^3.11"

[tool]
buildstatic.env.A = "a"
"""


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (("title",), 1),
        (("project", "requires-python"), 5),
        (("tool", "poetry", "dependencies", "python"), 8),
        (("tool", "buildstatic", "env", "A"), 11),
        (("project", "nowhere"), 3),
        (("nowhere",), 1),
    ],
)
def test_toml_line_of_key(keys: tuple[str, ...], line: int) -> None:
    assert files.toml_line(TOML, *keys) == line


def test_long_toml_line_is_fast() -> None:
    assert files.toml_line(f"a = 1\n{' ' * 50_000}\n# {'a ' * 50_000}\nb = 1\n", "b") == 4


def test_symlink_loop_is_not_a_file(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert not files.is_file(tmp_path / "a")
    assert files.resolved(tmp_path / "a").name in "ab"


def test_name_that_no_file_can_have_is_not_a_directory(tmp_path: Path) -> None:
    assert not files.is_directory(files.resolved(tmp_path / "a\0b"))


def test_fifo_is_not_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "settings.py")
    assert not files.is_file(tmp_path / "settings.py")


def test_search_order(tmp_path: Path) -> None:
    places = [tmp_path / name for name in ("backend/a.py", "a.py", "src/a.py")]
    write(tmp_path, {str(place.relative_to(tmp_path)): "" for place in places})
    search = Search(tmp_path, tmp_path / "backend")
    for place in places:
        assert search.module("a") == place
        place.unlink()
    assert search.module("a") is None


def test_package_takes_precedence_over_module(tmp_path: Path) -> None:
    write(tmp_path, {"a/__init__.py": "", "a.py": "", "b.py": "", "c/d.py": ""})
    search = Search(tmp_path, tmp_path)
    assert search.module("a") == tmp_path / "a/__init__.py"
    assert search.module("b") == tmp_path / "b.py"
    assert search.module("c") is None
    assert search.package("c") == tmp_path / "c"
    assert search.module("c.d") == tmp_path / "c/d.py"


@pytest.mark.parametrize("name", ["a" * 300, "a\0b", "nowhere.at.all"])
def test_invalid_name_is_not_found(tmp_path: Path, name: str) -> None:
    search = Search(tmp_path, tmp_path)
    assert (search.module(name), search.package(name)) == (None, None)


def test_unreadable_directory_has_no_modules(closed: Path) -> None:
    search = Search(closed.parent, closed)
    assert (search.module("a.b"), search.package("a")) == (None, None)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.b_1", True), ("a..b", False), ("", False), ("a/b", False), ("a b", False), ("1a", False)],
)
def test_is_module_name(name: str, expected: bool) -> None:
    assert is_module_name(name) is expected
