"""Find and read a project's files: modules, text, Python, TOML and JSON.

Errors contain the line.
"""

from __future__ import annotations

import ast
import io
import json
import os
import re
import tokenize
import tomllib
import warnings
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from sys import version_info

from buildstatic.errors import ConfigInvalid

# The first line of a Dockerfile that buildstatic wrote begins with this.
GENERATED = "# Written by buildstatic"
# Lines that only a later Python parses: its version, their syntax.
LATER_SYNTAX = {
    r"\b[rR]?[fF][rR]?[\"']": ((3, 12), "f-strings (PEP 701)"),
    r"^\s*(type\s+\w+[^=]*=|((async\s+)?def|class)\s+\w+\s*\[)": ((3, 12), "types (PEP 695)"),
    r"\b[rR]?[tT][rR]?[\"']": ((3, 14), "t-strings (PEP 750)"),
    r"^\s*except\*?\s+[\w.]+\s*,": ((3, 14), "except without parentheses (PEP 758)"),
}
# Lock files of large projects have some megabytes; Python that people write does not.
MAX_SIZE = 64_000_000
MAX_PYTHON_SIZE = 4_000_000
# The entries of a mapping in YAML, with those that are merged into it.
MAX_MERGED = 10_000
# The levels of tables in TOML that have lines of their own.
MAX_KEYS = 20
# A string of JavaScript or JSON, or else a comment.
COMMENT = re.compile(
    # The last quote is optional, so that the time is linear where there is none.
    r"""("(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?|`(?:\\[\s\S]|[^`\\])*`?)"""
    r"|//[^\n]*|/\*(?:[\s\S]*?\*/|[\s\S]*)"
)
TRAILING_COMMA = re.compile(r"""("(?:\\.|[^"\\\n])*"?)|,(?=\s*[}\]])""")
TOML_KEY = r"""(?:[\w.\- ]|"[^"]*"|'[^']*')+(?==)"""


def relative(path: Path, root: Path) -> str:
    """Return *path* in POSIX form, relative to *root* if it is inside, else absolute."""
    return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()


def is_file(path: Path) -> bool:
    """Return whether *path* is a file; False if a parent may not be entered."""
    return os.path.isfile(path)  # noqa: PTH113 - Path.is_file raises where a parent is closed


def is_directory(path: Path) -> bool:
    """Return whether *path* is a directory; False if a parent may not be entered."""
    return os.path.isdir(path)  # noqa: PTH112 - Path.is_dir raises where a parent is closed


def names(directory: Path) -> list[str]:
    """Return the sorted names in *directory*; none if it cannot be read or is no valid path."""
    try:
        return sorted(path.name for path in directory.iterdir())
    except (OSError, ValueError):
        return []


def resolved(path: Path) -> Path:
    """Return *path* with symbolic links resolved; a link loop and a NUL in a name are kept."""
    try:
        return Path(os.path.realpath(path))  # Path.resolve raises, before Python 3.13
    except ValueError:
        return path


@dataclass(frozen=True)
class Search:
    """The module search path: manage.py's directory, those *added* by it, the root, its ``src``."""

    root: Path
    manage: Path
    added: tuple[Path, ...] = ()

    @property
    def directories(self) -> tuple[Path, ...]:
        """The directories in search order, without duplicates."""
        return tuple(dict.fromkeys((self.manage, *self.added, self.root, self.root / "src")))

    def relative(self, path: Path) -> str:
        """Return *path* in POSIX form, relative to the root."""
        return relative(path, self.root)

    def module(self, name: str) -> Path | None:
        """Return the file of the module *name*, a package's ``__init__.py``, or None."""
        places = (directory.joinpath(*name.split(".")) for directory in self.directories)
        return next((found for place in places if (found := module_at(place))), None)

    def is_in_src(self, name: str) -> bool:
        """Return whether the module *name* is found only in ``src``, and manage.py is elsewhere."""
        places = [directory.joinpath(*name.split(".")) for directory in self.directories]
        source = (self.root / "src").joinpath(*name.split("."))
        found = next((place for place in places if module_at(place)), None)
        return found == source and self.manage != self.root / "src"

    def package(self, name: str) -> Path | None:
        """Return the directory of the package *name*, with or without an ``__init__.py``."""
        places = (directory.joinpath(*name.split(".")) for directory in self.directories)
        return next((place for place in places if is_directory(place)), None)


def module_at(place: Path) -> Path | None:
    """Return the file of the module at *place*, a path without suffix, or None."""
    candidates = (place / "__init__.py", place.with_name(f"{place.name}.py"))
    return next((path for path in candidates if is_file(path)), None)


def is_module_name(module: str) -> bool:
    """Return whether *module* is a valid dotted module name."""
    return all(part.isidentifier() for part in module.split("."))


def read_bytes(path: Path, root: Path, limit: int = MAX_SIZE) -> bytes:
    """Return the content of *path*, of at most *limit* bytes, or raise `ConfigInvalid`."""
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except OSError as error:
        problem = f"Cannot read {relative(path, root)}: {error.strerror}."
        raise ConfigInvalid(problem, "Check that it is a file and that you may read it.") from error
    if len(content) > limit:
        problem = f"{relative(path, root)} is larger than {limit // 1_000_000} MB."
        raise ConfigInvalid(problem, "Move it out of the project, or shorten it.")
    return content


def read_text(path: Path, root: Path) -> str:
    """Return the text of *path*: UTF-8, or UTF-16 with a BOM, as PowerShell's ``>`` writes it."""
    content = read_bytes(path, root)
    utf16 = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    text = _decode(content, "utf-16" if utf16 else "utf-8-sig", path, root)
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        problem = f"{relative(path, root)}:{line}: contains a null byte."
        raise ConfigInvalid(problem, "Save the file as UTF-8.")
    return text


def _decode(content: bytes, encoding: str, path: Path, root: Path) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problem = f"{relative(path, root)}:{line}: not valid {error.encoding.removesuffix('-sig')}."
        raise ConfigInvalid(problem, "Save the file as UTF-8.") from error


def read_toml(path: Path, root: Path) -> tuple[dict[str, object], str]:
    """Return the content of a TOML file, and its text."""
    text = read_text(path, root)
    try:
        return tomllib.loads(text), text
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        line = int(found[1]) if found else text.count("\n") + 1
        reason = str(error).partition(" (at ")[0]
        problem = f"{relative(path, root)}:{line}: invalid TOML: {reason}."
        raise ConfigInvalid(problem, "Fix that line.") from error
    except ValueError as error:  # a number of thousands of digits
        raise ConfigInvalid(f"{relative(path, root)}: invalid TOML: {error}.") from error
    except (RecursionError, MemoryError) as error:
        raise _too_deep(path, root) from error


def read_json(
    path: Path, root: Path, *, with_comments: bool = False
) -> tuple[dict[str, object], str]:
    """Return the object in a JSON file, and its text.

    *with_comments* also accepts comments and trailing commas; they are not in the text.
    """
    text = read_text(path, root)
    if with_comments:
        text = TRAILING_COMMA.sub(lambda found: found[1] or "", without_comments(text))
    try:
        value = json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        problem = f"{relative(path, root)}:{error.lineno}: invalid JSON: {error.msg}."
        raise ConfigInvalid(problem, "Fix that line.") from error
    except ValueError as error:  # a number of thousands of digits
        raise ConfigInvalid(f"{relative(path, root)}: invalid JSON: {error}.") from error
    except (RecursionError, MemoryError) as error:
        raise _too_deep(path, root) from error
    if not isinstance(value, dict):
        raise ConfigInvalid(
            f"{relative(path, root)}:1: not a JSON object.", "Write an object: {…}."
        )
    return value, text


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not a number of JSON")


def without_comments(text: str) -> str:
    """Return JavaScript, or JSON with comments, without comments; every line keeps its number."""
    return COMMENT.sub(lambda found: found[1] or " " + "\n" * found[0].count("\n"), text)


def read_yaml(path: Path, root: Path) -> tuple[object, str]:
    """Return the content of a YAML file, and its text."""
    import yaml

    text = read_text(path, root)
    try:
        return _load_yaml(text), text
    except (yaml.YAMLError, RecursionError, MemoryError, ValueError, TypeError) as error:
        raise _invalid_yaml(path, root, error) from error


def check_yaml(path: Path, root: Path) -> None:
    """Raise ConfigInvalid unless the file is YAML: documents that are mappings or empty."""
    import yaml

    text = read_text(path, root)
    try:
        for node in yaml.compose_all(text, Loader=yaml.SafeLoader):
            if not isinstance(node, yaml.MappingNode) and node.tag != "tag:yaml.org,2002:null":
                place = f"{relative(path, root)}:{node.start_mark.line + 1}"
                raise ConfigInvalid(f"{place}: not a mapping.", "Write KEY: VALUE lines.")
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise _invalid_yaml(path, root, error) from error


def _invalid_yaml(path: Path, root: Path, error: Exception) -> ConfigInvalid:
    mark = getattr(error, "problem_mark", None)
    line = mark.line + 1 if mark else 1
    return ConfigInvalid(f"{relative(path, root)}:{line}: invalid YAML.", "Fix that line.")


def _load_yaml(text: str) -> object:
    import yaml

    class Loader(yaml.SafeLoader):
        """A loader for which merges of merges do not double the entries without end."""

        def flatten_mapping(self, node: yaml.MappingNode) -> None:
            super().flatten_mapping(node)
            if len(node.value) > MAX_MERGED:
                raise yaml.constructor.ConstructorError(None, None, "merged", node.start_mark)

    return yaml.load(text, Loader)


def read_python(path: Path, root: Path) -> ast.Module:
    """Return the syntax tree of a Python file, decoded as Python does (PEP 263)."""
    content = read_bytes(path, root, MAX_PYTHON_SIZE)
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        text = _decode(content, encoding, path, root)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the project's code: "\d" and the like
            return ast.parse(text)
    except SyntaxError as error:
        reason = error.msg.partition(" for '")[0]
        running = f"{version_info.major}.{version_info.minor}"
        problem = (
            f"{relative(path, root)}:{error.lineno or 1}: not valid Python {running}: {reason}."
        )
        raise ConfigInvalid(problem, _syntax_advice(error.text or "")) from error
    except ValueError as error:  # a null byte, before Python 3.12
        raise ConfigInvalid(f"{relative(path, root)}:1: not valid Python: {error}.") from error
    except (RecursionError, MemoryError) as error:
        raise _too_deep(path, root) from error


def _syntax_advice(line: str) -> str:
    for pattern, (version, syntax) in LATER_SYNTAX.items():
        if version > version_info[:2] and re.search(pattern, line):
            needed = ".".join(map(str, version))
            return (
                f"If it is the syntax of Python {needed} for {syntax}, install buildstatic with "
                f"Python {needed} or newer. Otherwise fix it."
            )
    return "Fix it, or install buildstatic with a newer Python if that parses it."


def _too_deep(path: Path, root: Path) -> ConfigInvalid:
    return ConfigInvalid(f"{relative(path, root)} is nested too deeply.")


def first_lines(text: str, pattern: str, start: int = 0) -> dict[str, int]:
    """Return the first line of each text that the group of *pattern* matches after *start*."""
    found: dict[str, int] = {}
    line, last = 1, 0
    for match in re.compile(pattern, re.MULTILINE).finditer(text, max(start, 0)):
        line, last = line + text.count("\n", last, match.start(1)), match.start(1)
        found.setdefault(match[1], line)
    return found


def line_of(text: str, pattern: str) -> int:
    """Return the line on which the first match of the regular expression ends, else 1."""
    found = re.search(pattern, text, re.MULTILINE)
    return text.count("\n", 0, found.end()) + 1 if found else 1


def toml_line(text: str, *keys: str) -> int:
    """Return the line of *text* that sets the key at the path *keys*, else its table's."""
    entries, inside = _toml_lines(text)
    if keys in inside:
        return inside[keys]
    shorter = (entries.get(keys[:length]) for length in range(len(keys) - 1, 0, -1))
    return next(filter(None, shorter), 1)


@lru_cache(maxsize=8)  # asked for each of thousands of dependencies
def _toml_lines(text: str) -> tuple[dict[tuple[str, ...], int], dict[tuple[str, ...], int]]:
    """Return the first lines of all keys, and of all keys and what they are in."""
    table: tuple[str, ...] = ()
    entries: dict[tuple[str, ...], int] = {}
    inside: dict[tuple[str, ...], int] = {}
    for number, content in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*\[\[?([^\[\]]+)\]", content):
            table = path = _toml_path(header[1])
        elif entry := re.match(TOML_KEY, content.lstrip()):
            path = table + _toml_path(entry[0])
        else:
            continue
        entries.setdefault(path, number)
        for length in range(1, min(len(path), MAX_KEYS) + 1):
            inside.setdefault(path[:length], number)
    return entries, inside


def _toml_path(text: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in text.split("."))
