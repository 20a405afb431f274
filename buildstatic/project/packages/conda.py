"""conda's environment.yml and ``conda list --export``: what pip installs of them, from PyPI.

docs.conda.io/projects/conda/en/stable/user-guide/tasks/manage-environments.html,
docs.conda.io/projects/conda/en/stable/user-guide/concepts/pkg-specs.html
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from buildstatic.errors import ConfigInvalid
from buildstatic.project import files
from buildstatic.project.packages import requirements
from buildstatic.project.packages.requirements import Requirements, canonical

FILES = ("environment.yml", "environment.yaml")
# The first lines of an export have the command that reads it.
EXPORTED = b"conda create --name"
# The virtual environment of the image has them, or needs none of them.
PROVIDED = {"python", "pip", "setuptools", "wheel", "python-abi", "certifi", "tzdata"}
# What conda's channels have and PyPI has not, or has as something else.
PROGRAMS = frozenset(
    {
        *("blas", "bzip2", "c-ares", "ca-certificates", "cairo", "compilers", "curl", "expat"),
        *("ffmpeg", "fontconfig", "freetype", "gcc", "gdal", "geos", "gettext", "giflib", "git"),
        *("glib", "graphviz", "gxx", "icu", "intel-openmp", "jpeg", "krb5", "lcms2", "lerc"),
        *("ld-impl-linux-64", "llvm-openmp", "lz4-c", "make", "mkl", "mysql", "ncurses", "nginx"),
        *("nodejs", "nss", "openjpeg", "openssl", "pango", "pcre", "pcre2", "pkg-config"),
        *("poppler", "postgis", "postgresql", "proj", "pthread-stubs", "readline", "redis-server"),
        *("sqlite", "tesseract", "tini", "tk", "ucrt", "vc", "vs2015-runtime", "xz", "yaml"),
        *("yarn", "zlib", "zstd"),
    }
)
PREFIXES = ("_", "lib", "r-", "xorg-")
# Names on PyPI of packages that conda's channels call otherwise.
NAMES = {
    "brotli-python": "brotli",
    "dask-core": "dask",
    "matplotlib-base": "matplotlib",
    "msgpack-python": "msgpack",
    "opencv": "opencv-python-headless",
    "pytables": "tables",
    "python-graphviz": "graphviz",
    "pytorch": "torch",
}


def is_export(path: Path) -> bool:
    """Return whether the requirements file *path* was written by ``conda list --export``."""
    try:
        with path.open("rb") as file:
            return EXPORTED in file.read(500)
    except OSError:
        return False


def read(path: Path, root: Path, python: str) -> tuple[Requirements, tuple[str, ...]]:
    """Return the packages of the environment or export at *path*, and pip's arguments for them.

    What is not on PyPI is in the requirements' *left_out*. Raises `ConfigInvalid`, with file and
    line, for invalid YAML and as `requirements.read` does for the lines in ``pip:``.
    """
    if path.name in FILES:
        data, text = files.read_yaml(path, root)
        listed = data.get("dependencies") if isinstance(data, dict) else None
    else:
        text = files.read_text(path, root)
        listed = [line for line in text.splitlines() if not re.match(r"\s*(#|@|$)", line)]
    result = Requirements(root, python)
    arguments: list[str] = []
    for entry in listed if isinstance(listed, list) else ():
        inner = entry.get("pip") if isinstance(entry, dict) else None
        for line in inner if isinstance(inner, list) else ():
            arguments += _read_line(str(line), text, path, result)
        if isinstance(entry, str):
            name, specifier = _spec(entry)
            if name in PROGRAMS or name.startswith(PREFIXES):
                result.left_out.append(name)
            elif name not in PROVIDED:
                name = NAMES.get(name, name)
                number = files.line_of(text, re.escape(entry))
                _add(f"{name}{specifier}", number, path, result)
                arguments.append(f"{name}{specifier}")
    return result, tuple(arguments)


def _spec(text: str) -> tuple[str, str]:
    """Return name and PEP 440 specifiers of ``channel::name=1.2=build``, ``name 1.2`` and so on.

    ``=1.2`` is every version that begins so, unless a build follows. What PEP 440 cannot say
    is left out.
    """
    found = re.match(r"(?:[^\s:]+::)?\s*([\w.-]+)\s*(.*)", text)
    name, rest = (found[1], found[2].strip()) if found else (text, "")
    pinned = re.fullmatch(r"(={0,2})\s*(\d[\w.!+]*?)(\.\*)?([=\s]\s*\S+)?", rest)
    if pinned:
        is_exact = pinned[1] != "=" or pinned[4]
        rest = f"=={pinned[2]}{'' if is_exact and not pinned[3] else '.*'}"
    try:
        return name if name.startswith("_") else canonical(name), str(SpecifierSet(rest))
    except InvalidSpecifier:
        return canonical(name), ""


def _read_line(line: str, text: str, path: Path, result: Requirements) -> list[str]:
    """Read a line of ``pip:`` into *result*; return the arguments for pip in the root."""
    number = files.line_of(text, re.escape(line))
    left_out, by_name = len(result.left_out), len(result.by_name)
    _add(line, number, path, result)
    if len(result.left_out) > left_out:
        return []
    if len(result.by_name) > by_name:
        return result.by_name[by_name:]
    try:
        words = shlex.split(line, comments=True) if line.startswith("-") else [line.strip()]
    except ValueError as error:
        place = f"{files.relative(path, result.root)}:{number}"
        raise ConfigInvalid(f"{place}: {line}: {error}.", "Correct the quotes.") from error
    # conda runs pip beside the file.
    target = files.resolved(path.parent / words[-1])
    if (len(words) > 1 or "/" in words[0]) and target.exists():
        words[-1] = f"./{files.relative(target, result.root)}"
    return words


def _add(line: str, number: int, path: Path, result: Requirements) -> None:
    requirements.read_lines([(number, line)], path, result, result.found)
