"""The reference documentation agrees with the code."""

from __future__ import annotations

import ast
import inspect
import json
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest

from buildstatic import errors, workflows
from buildstatic.cli import COMMANDS, INTERNAL, INTERRUPTED, PIPE_CLOSED
from buildstatic.cli.check_document import FACTS
from buildstatic.errors import BuildstaticError
from buildstatic.project import config
from buildstatic.workflows.targets import TARGETS
from tests.pages import REPOSITORY, blocks, commands, read
from tests.running import environment
from tests.startproject import edited, startproject


def rows(page: str) -> list[list[str]]:
    """Return the cells of the tables in *page*, without their headings."""
    lines = [line for line in read(page).splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def failures(kind: type[BuildstaticError] = BuildstaticError) -> Iterator[type[BuildstaticError]]:
    """Yield every class of error."""
    for below in kind.__subclasses__():
        yield below
        yield from failures(below)


def summary(kind: type[BuildstaticError]) -> str:
    return (kind.__doc__ or "").splitlines()[0].replace("``", "`")


def test_captain_definition_names_the_dockerfile() -> None:
    page = (REPOSITORY / "docs" / "how-to" / "self-hosted.md").read_text()
    block = json.loads(page.partition("```json\n")[2].partition("```")[0])
    assert block == {"schemaVersion": 2, "dockerfilePath": "./Dockerfile"}


def test_exit_codes_page_lists_each_error() -> None:
    shown = {row[0]: row[1:] for row in rows("docs/reference/exit-codes.md")}
    expected = {str(kind.exit_code): [f"`{kind.__name__}`", summary(kind)] for kind in failures()}
    assert {code: row for code, row in shown.items() if row[0]} == expected
    others = {code for code, row in shown.items() if not row[0]}
    assert others == {"0", "1", "2", str(INTERNAL), str(INTERRUPTED), str(PIPE_CLOSED)}


def test_exit_codes_are_sorted_and_unique() -> None:
    codes = [int(row[0]) for row in rows("docs/reference/exit-codes.md")]
    assert codes == sorted(set(codes))


def test_configuration_page_lists_each_key() -> None:
    shown, command = {}, ""
    for line in read("docs/reference/configuration.md").splitlines():
        if heading := re.fullmatch(r"### \[tool\.buildstatic\.(\w+)\]", line):
            command = f"{heading[1]}."
        if row := re.fullmatch(r"\| `([\w-]+)` \| (.+) \| .+ \|", line):
            shown[f"{command}{row[1]}"] = row[2]
    tables = {f"frontend.{name}": key for name, key in config.FRONTEND.items()}
    expected = {**config.all_keys(), **tables}
    assert shown == {name: key.type.description for name, key in expected.items()}


@pytest.mark.parametrize("command", COMMANDS)
def test_page_of_each_command_shows_its_help(command: str) -> None:
    shown = [c.line for b in blocks(read(f"docs/reference/{command}.md")) for c in commands(b)]
    assert shown[0] == f"buildstatic {command} --help"


def test_check_page_names_each_fact() -> None:
    assert set(re.findall(r"`(\w+)`", read("docs/reference/check.md"))) >= set(FACTS)


def test_api_page_names_existing_functions_and_each_value() -> None:
    shown = set(re.findall(r"^\| `(\w+\.\w+)` \|", read("docs/reference/api.md"), re.M))
    names = [module.name for module in iter_modules(workflows.__path__)]
    modules = {name: import_module(f"{workflows.__name__}.{name}") for name in names}
    for name, _, attribute in (each.partition(".") for each in shown):
        assert callable(getattr(modules[name], attribute))
    classes = {
        f"{name}.{attribute}"
        for name, module in modules.items()
        for attribute, value in vars(module).items()
        if inspect.isclass(value) and value.__module__ == module.__name__
        if not attribute.startswith("_")
    }
    assert classes <= shown


def test_generate_page_lists_each_target() -> None:
    assert [row[0].strip("`") for row in rows("docs/reference/generate.md")] == list(TARGETS)


def test_dockerfile_page_shows_each_line() -> None:
    page = blocks(read("docs/reference/dockerfile.md"))
    shown = "".join(block.text for block in page if block.language == "dockerfile")
    assert lines_of(shown) == lines_of((REPOSITORY / "Dockerfile.example").read_text())


def lines_of(text: str) -> list[str]:
    return [line for line in text.splitlines() if line]


def test_readme_shows_the_edits_that_are_printed(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    root = startproject(here)
    (file,) = (block for block in blocks(read("README.md")) if block.file)
    (root / str(file.file)).write_text(file.text)
    diff = next(block for block in blocks(read("README.md")) if block.language == "diff")
    (tmp_path / "diff").write_text(diff.text)
    git = {**environment(), "GIT_CEILING_DIRECTORIES": str(tmp_path)}
    subprocess.run(["git", "apply", tmp_path / "diff"], cwd=root, env=git, check=True)
    assert contents(root) == contents(edited(startproject(there)))


def contents(root: Path) -> dict[str, str]:
    """Return the files below *root* without the random SECRET_KEY of startproject."""
    key = re.compile(r"^SECRET_KEY = .*$", re.M)
    files = (path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): key.sub("", path.read_text()) for path in files}


def test_manual_pages_are_current() -> None:
    """After an intended change: make man."""
    pages = dict(runpy.run_path(str(REPOSITORY / "docs" / "man.py"))["pages"]())
    assert {path.name: path.read_text("utf-8") for path in (REPOSITORY / "man").iterdir()} == pages
    assert set(pages) == {"buildstatic.1", *(f"buildstatic-{name}.1" for name in COMMANDS)}


@pytest.mark.parametrize(
    ("script", "picture"), [("badges", "badges"), ("layers", "layers"), ("terminal", "build")]
)
def test_pictures_of_the_readme_are_current(script: str, picture: str) -> None:
    """After an intended change: make pictures."""
    command = [sys.executable, str(REPOSITORY / "docs" / f"{script}.py")]
    drawn = subprocess.run(command, capture_output=True, text=True, check=True)
    assert read(f"docs/{picture}.svg") == drawn.stdout
    assert f"](docs/{picture}.svg)" in read("README.md")
    assert not re.search(r"https?://(?!www\.w3\.org/)|\burl\(['\"]?(?!#)", drawn.stdout)


def test_figures_of_the_readme_are_those_of_the_docs() -> None:
    figures = re.findall(r"\b[\d.]+ s\b", read("README.md").partition("## Compared with")[0])
    known = re.findall(r"[\d.]+", read("docs/explanation/collecting.md"))
    assert figures
    assert [figure for figure in figures if figure.removesuffix(" s") not in known] == []


def test_troubleshooting_page_explains_each_error() -> None:
    shown = re.findall(r"^`(\w+)`, exit code (\d+)", read("docs/how-to/troubleshooting.md"), re.M)
    assert set(shown) == {(kind.__name__, str(kind.exit_code)) for kind in failures()}


def test_troubleshooting_headings_are_messages_of_the_code() -> None:
    messages = [text for path in Path(errors.__file__).parent.rglob("*.py") for text in texts(path)]
    page = read("docs/how-to/troubleshooting.md")
    headings = re.findall(r"^### (.+)\n\n`\w+`, exit code", page, re.M)
    assert headings
    for heading in headings:
        parts = [part.strip() for part in heading.split("…") if part.strip()]
        unknown = [p for p in parts if not any(p in message for message in messages)]
        assert not unknown, heading


def texts(path: Path) -> Iterator[str]:
    """Yield the strings of the module *path*, with … for each expression in one."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            parts = node.values
            yield "".join(str(p.value) if isinstance(p, ast.Constant) else "…" for p in parts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
