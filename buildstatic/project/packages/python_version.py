"""The Python version that a project requires: ``3.X``, or ``3.X.Y`` if only that one matches."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from buildstatic.errors import ConfigInvalid
from buildstatic.project import Fact, Packages, files
from buildstatic.project.packages import conda, pyproject

# The image's Python if the project does not require one.
DEFAULT_PYTHON = "3.14"
# The oldest that buildstatic, and so collecting, runs on.
OLDEST = 11
NEWEST = 14
OLDEST_DJANGO = Version("4.2")
# Supported versions, the newest first, then versions to come, then those that are too old.
PREFERRED = (14, 13, 12, 11, 15, 16, 17, 18, 19, 20, 10, 9, 8, 7, 6)
PATCHES = range(40)
VERSION = r"(\d{1,4})(?:\.(\d{1,4}))?"
# The usual places of a project's own Dockerfile; the last is cookiecutter-django's.
DOCKERFILES = ("Dockerfile", "docker/Dockerfile", "compose/production/django/Dockerfile")
# ``python:3.12-slim``, ``registry.example/library/python:3.12``, ``…/uv:python3.12-bookworm-slim``.
IMAGE = re.compile(rf"(?:^|/)(?:python:|uv:(?:[^@]*-)?python){VERSION}(?![\w.]*rc)")
# The newest Python of Django's versions from each of these on, the newest first
# (docs.djangoproject.com/en/stable/faq/install, "What Python version can I use with Django?").
NEWEST_OF_DJANGO = {
    "5.2.8": 14,
    "5.1.0": 13,
    "4.2.0": 12,
    "4.1.0": 11,
    "3.2.0": 10,
}
# The first version of each package with wheels for Python 3.13, and for 3.14 (their files on PyPI);
# older ones mostly cannot be compiled for it either.
FIRST_WITH_WHEELS = {
    "aiohttp": ("3.10.6", "3.13.0"),
    "asyncpg": ("0.30.0", "0.31.0"),
    "cffi": ("1.17.0", "2.0.0"),
    "gevent": ("24.10.1", "25.8.1"),
    "greenlet": ("3.1.0", "3.2.3"),
    "grpcio": ("1.66.2", "1.75.1"),
    "httptools": ("0.6.2", "0.7.1"),
    "lxml": ("5.3.0", "6.0.1"),
    "matplotlib": ("3.9.2", "3.10.5"),
    "msgpack": ("1.1.0", "1.1.2"),
    "numpy": ("2.1.0", "2.3.2"),
    "orjson": ("3.10.7", "3.11.1"),
    "pandas": ("2.2.3", "2.3.3"),
    "pillow": ("11.0.0", "11.3.0"),
    "psycopg-binary": ("3.2.2", "3.2.10"),
    "psycopg2": ("2.9.10", "2.9.11"),
    "psycopg2-binary": ("2.9.10", "2.9.11"),
    "pydantic": ("2.8.0", "2.12.0"),
    "pyyaml": ("6.0.2", "6.0.3"),
    "regex": ("2024.9.11", "2025.7.29"),
    "scipy": ("1.14.1", "1.16.1"),
    "ujson": ("5.10.0", "5.11.0"),
    "uvloop": ("0.21.0", "0.22.1"),
}


def find_python_version(root: Path, manage: Path, limit: str | None = None) -> Fact[str] | None:
    """Return the Python version that the files of a project name; it may be below 3.11.

    *root*, then *manage* (manage.py's directory), are searched for .python-version, runtime.txt,
    .tool-versions, mise.toml, pyproject.toml, Pipfile, and conda's environment.yml and its export
    as requirements.txt, then for a Dockerfile. Of the versions that pyproject.toml allows, the
    Dockerfile's is preferred, then *limit*, the newest one that the packages support.
    """
    readers = {
        ".python-version": _from_text,
        "runtime.txt": _from_text,
        ".tool-versions": _from_tool_versions,
        "mise.toml": _from_mise,
        "pyproject.toml": _from_pyproject,
        "Pipfile": _from_pipfile,
        **dict.fromkeys((*conda.FILES, "requirements.txt"), _from_conda),
    }
    directories = tuple(dict.fromkeys((root, manage)))
    image = _from_dockerfiles(directories, root)
    for directory in directories:
        for name, read in readers.items():
            path = directory / name
            if not files.is_file(path):
                continue
            if read is _from_pyproject:
                found = _from_pyproject(path, root, image, limit)
            else:
                found = read(path, root)
            if found:
                return _exact_patch(found, directory, root) or found
    return image


def supported(required: Fact[str]) -> tuple[Fact[str], tuple[str, ...]]:
    """Return the version for the image: *required*, or 3.11 and a note if that is older."""
    minor = int(required.value.split(".")[1]) if required.value.startswith("3.") else 0
    if minor >= OLDEST:
        return required, ()
    note = (
        f"{required.source} requires Python {required.value}; buildstatic requires 3.{OLDEST} or"
        f" newer, so the image has Python 3.{OLDEST}."
    )
    return Fact(f"3.{OLDEST}", required.source), (note,)


def newest_python(packages: Packages) -> Fact[str] | None:
    """Return the newest Python that Django and pinned *packages* support, None for the default."""
    limits = []
    for name in ("django", *FIRST_WITH_WHEELS):
        if package := packages.get(name):
            newest = _newest_minor(name, package.specifier)
            limits.append((max(newest, OLDEST), package.source))
    version, source = min(limits, default=(NEWEST, ""))
    return Fact(f"3.{version}", source) if version < NEWEST else None


def _newest_minor(name: str, specifier: str) -> int:
    """Return the newest Python 3 of the package *name*, of its newest version in *specifier*."""
    if name == "django":
        newest = _newest_django(specifier)
        return next((n for v, n in NEWEST_OF_DJANGO.items() if newest >= Version(v)), 10)
    pinned = re.search(r"(?:==|~=)\s*(\d+\.\d+[\d.]*)", specifier)
    version = Version(pinned[1].rstrip(".")) if pinned else None
    first_13, first_14 = map(Version, FIRST_WITH_WHEELS[name])
    if version is None or version >= first_14:
        return NEWEST
    return 13 if version >= first_13 else 12


def old_django(packages: Packages) -> Fact[str] | None:
    """Return the newest Django that *packages* allow if buildstatic cannot collect with it."""
    package = packages.get("django")
    newest = _newest_django(package.specifier) if package else Version("0")
    if package is None or not Version("0") < newest < OLDEST_DJANGO:
        return None
    return Fact(f"{newest.major}.{newest.minor}", package.source)


def _newest_django(specifier: str) -> Version:
    """Return the newest version of Django in *specifier*, 99 without a limit, 0 if not known."""
    return Version(next(SpecifierSet(specifier).filter(_django_versions()), "0"))


def _django_versions() -> Iterator[str]:
    """Yield the version of an unlimited requirement, then Django's versions, the newest first."""
    yield "99"
    for major in range(9, 2, -1):
        for minor in (2, 1, 0):
            yield from (f"{major}.{minor}.{patch}" for patch in reversed(PATCHES))


def _exact_patch(found: Fact[str], directory: Path, root: Path) -> Fact[str] | None:
    """Return the patch version of *found* if pyproject.toml allows only one, else None."""
    path = directory / "pyproject.toml"
    try:
        exact = _from_pyproject(path, root) if files.is_file(path) else None
    except ConfigInvalid:
        return None
    return exact if exact and exact.value.startswith(f"{found.value}.") else None


def _from_text(path: Path, root: Path) -> Fact[str] | None:
    """``3.12.4``, ``python-3.12``, ``cpython@3.12``; other names are ignored."""
    lines = files.read_text(path, root).splitlines()
    for number, line in enumerate(lines, start=1):
        found = re.match(rf"(?:c?python[-@]?)?{VERSION}(?![\w-])", line.strip().lower())
        if found:
            source = f"{files.relative(path, root)}:{number}"
            return _version(found, source)
    return None


def _from_tool_versions(path: Path, root: Path) -> Fact[str] | None:
    """``python 3.12.4 3.11``, of asdf and mise; the first one."""
    for number, line in enumerate(files.read_text(path, root).splitlines(), start=1):
        found = re.match(rf"\s*python\s+{VERSION}(?![\w-])", line)
        if found:
            return _version(found, f"{files.relative(path, root)}:{number}")
    return None


def _from_conda(path: Path, root: Path) -> Fact[str] | None:
    """``- python=3.12``, or ``python=3.12.3=build`` in an export; None in other requirements."""
    if path.name not in conda.FILES and not conda.is_export(path):
        return None
    for number, line in enumerate(files.read_text(path, root).splitlines(), start=1):
        found = re.match(rf"\s*(?:-\s*)?[\"']?(?:[\w-]+::)?python\s*=+\s*{VERSION}", line)
        if found:
            return _version(found, f"{files.relative(path, root)}:{number}")
    return None


def _from_mise(path: Path, root: Path) -> Fact[str] | None:
    """``[tools] python``: a version, a list of versions or a table with a version."""
    data, text = files.read_toml(path, root)
    value = pyproject.table(data, "tools").get("python")
    value = value[0] if isinstance(value, list) and value else value
    value = value.get("version") if isinstance(value, dict) else value
    found = re.match(rf"{VERSION}(?![\w-])", value) if isinstance(value, str) else None
    source = f"{files.relative(path, root)}:{files.toml_line(text, 'tools', 'python')}"
    return _version(found, source) if found else None


def _from_dockerfiles(directories: tuple[Path, ...], root: Path) -> Fact[str] | None:
    """Return the Python of the last stage on an image of Python, in a Dockerfile of the project.

    Dockerfiles that buildstatic wrote follow the other files and are not read. Bytes that are not
    UTF-8 are no error here: builders that run the file report them.
    """
    for path in (directory / name for directory in directories for name in DOCKERFILES):
        content = files.read_bytes(path, root) if files.is_file(path) else b""
        text = content.decode(errors="replace")
        if text.startswith(files.GENERATED):
            continue
        last: Fact[str] | None = None
        for number, image in _base_images(text):
            found = IMAGE.search(image)
            source = f"{files.relative(path, root)}:{number}"
            last = (_version(found, source) if found else None) or last
        if last:
            return last
    return None


def _base_images(dockerfile: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the image of each FROM, with the defaults of build arguments."""
    defaults: dict[str, str] = {}

    def default(used: re.Match[str]) -> str:
        return defaults.get(used[1] or used[2], "")

    for number, line in enumerate(dockerfile.splitlines(), start=1):
        words = line.split()
        match [word.upper() for word in words[:1]]:
            case ["ARG"] if len(words) > 1:
                name, _, value = words[1].partition("=")
                defaults[name] = value.strip("\"'")
            case ["FROM"]:
                image = next((word for word in words[1:] if not word.startswith("--")), "")
                yield number, re.sub(r"\$(?:\{(\w+)\}|(\w+))", default, image)


def _from_pipfile(path: Path, root: Path) -> Fact[str] | None:
    data, text = files.read_toml(path, root)
    for key in ("python_full_version", "python_version"):
        required = pyproject.table(data, "requires").get(key)
        found = re.match(VERSION, required) if isinstance(required, str) else None
        if found:
            source = f"{files.relative(path, root)}:{files.toml_line(text, 'requires', key)}"
            return _version(found, source)
    return None


def _version(found: re.Match[str], source: str) -> Fact[str] | None:
    major, minor = found[1], found[2]
    return Fact(f"{int(major)}.{int(minor)}", source) if minor is not None else None


def _from_pyproject(
    path: Path, root: Path, image: Fact[str] | None = None, limit: str | None = None
) -> Fact[str] | None:
    data, text = files.read_toml(path, root)
    for keys in (("project", "requires-python"), ("tool", "poetry", "dependencies", "python")):
        required = pyproject.table(data, *keys[:-1]).get(keys[-1])
        if isinstance(required, str):
            source = f"{files.relative(path, root)}:{files.toml_line(text, *keys)}"
            is_poetry = keys[0] == "tool"
            sets = _poetry_specifiers(required) if is_poetry else [required]
            version = _preferred(sets, required, source, (image.value if image else None, limit))
            return image if image and image.value == version else Fact(version, source)
    return None


def _preferred(sets: list[str], required: str, source: str, first: tuple[str | None, ...]) -> str:
    """Return the version that one of the specifier *sets* allows: of *first*, or of `PREFERRED`."""
    allowed = set()
    for one in sets:
        try:
            specifier = SpecifierSet(one)
            allowed |= {
                (minor, patch)
                for minor in PREFERRED
                for patch in PATCHES
                if specifier.contains(f"3.{minor}.{patch}")
            }
        except ValueError as error:  # InvalidSpecifier, or a number of thousands of digits
            problem = f"{source}: {required} is not a valid version specifier."
            raise ConfigInvalid(problem, f'Write ">={DEFAULT_PYTHON}".') from error
    if len(allowed) == 1:
        # ``==3.12`` matches only 3.12.0, but means any patch version.
        only = "3.{}.{}".format(*next(iter(allowed)))
        if only in required:
            return only
    minors = {minor for minor, _ in allowed}
    for version in (*first, *(f"3.{minor}" for minor in PREFERRED)):
        if version and version in {f"3.{minor}" for minor in minors}:
            return version
    problem = f"{source}: no version of Python 3 matches {required}."
    raise ConfigInvalid(problem, f'Write ">={DEFAULT_PYTHON}".')


def _poetry_specifiers(constraint: str) -> list[str]:
    """Return Poetry's *constraint* as PEP 440 specifier sets of which one has to match.

    ``^3.11`` is ``>=3.11,<4``; ``~3.12`` is ``>=3.12,<3.13``
    (https://python-poetry.org/docs/dependency-specification/).
    """
    return [
        ",".join(
            _poetry_specifier(part) for part in re.split(r"[,\s]+(?=[\^~<>=!\d*])", one.strip())
        )
        for one in re.split(r"\|\|?", constraint)
    ]


def _poetry_specifier(part: str) -> str:
    part = part.strip()
    if part in ("", "*"):
        return ""
    if part[0].isdigit():
        return f"=={part}"
    if part[0] not in "^~" or part.startswith("~="):
        return part
    try:
        release = list(Version(part[1:]).release)
    except ValueError:  # InvalidVersion, or a number of thousands of digits
        return part
    # Python's major version is never 0, so ^ keeps it; ~ keeps the minor version if it has one.
    kept = release[: 1 if part[0] == "^" or len(release) == 1 else 2]
    kept[-1] += 1
    return f">={part[1:]},<{'.'.join(map(str, kept))}"
