"""The .dockerignore: generates one, and finds the files that one lets into the build context.

Patterns match as in BuildKit, github.com/moby/patternmatcher: they are rooted, ``**`` matches any
number of directories, the last match decides, and a directory's match applies to all that it
contains. Its surprises are kept: ``**x`` matches any path that ends in x, and in a pattern with a
wildcard braces, ``|`` and ``^`` have the meaning of a regular expression.
"""

from __future__ import annotations

import os
import posixpath
import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from buildstatic.dockerfile import IGNORE_FILE
from buildstatic.errors import ConfigInvalid
from buildstatic.project import Project
from buildstatic.project.static_files import contains_needed, output_tree, uploads
from buildstatic.templates import GeneratedFile, render

Matches: TypeAlias = tuple[bool, ...]

# Usual names of virtual environments at any depth, and in the root only.
ENVIRONMENTS = (".venv", "venv", ".virtualenv")
ROOT_ENVIRONMENTS = ("env", "ENV")
# Including what is special in the list of sent files, which builders derive from the same patterns.
_ESCAPED = re.compile(r"[\\*?\[^{|}\x00-\x1f\x7f]|^[#!\s]|\s$")
_SPECIAL = re.compile(r"[*?\[\]\\]")
_TOKEN = re.compile(r"(?P<deep>\*\*/?)|(?P<any>\*)|(?P<one>\?)|\\(?P<escaped>.)|(?P<char>.)", re.S)
MAX_DEEP = 4
_QUOTED = ".+()$"
# The syntax of Go's path/filepath.Match, which every pattern must follow.
_CLASS_CHAR = r"(?:\\.|[^\\\]-])"
_VALID = re.compile(
    rf"(?:\\.|[^\\\[]|\[\^?(?:{_CLASS_CHAR}(?:-{_CLASS_CHAR})?)+\])+\Z",
    re.S,
)


@dataclass(frozen=True)
class BuildContext:
    """A directory, and the relative paths in it that are sent to the builder."""

    root: Path
    paths: tuple[str, ...]


@dataclass(frozen=True)
class ContextSize:
    """The size of a context in bytes, and its *largest* top-level entries with theirs."""

    bytes: int
    largest: tuple[tuple[str, int], ...]


def generate_dockerignore(project: Project, *, local: bool = False) -> GeneratedFile:
    """Return the .dockerignore of *project*, the same in every checkout.

    A note names virtual environments with unusual names, which only this checkout has. With
    *local*, for a build of this checkout, they are ignored, too.
    """
    root, usual = project.root, (*ENVIRONMENTS, *ROOT_ENVIRONMENTS)
    markers = sorted(marker.parent.name for marker in root.glob("*/pyvenv.cfg"))
    unusual = [name for name in markers if name not in usual]
    environments = [f"**/{name}" for name in ENVIRONMENTS]
    if not any(_is_code(project, name) for name in ROOT_ENVIRONMENTS):
        environments += ROOT_ENVIRONMENTS
    if local:
        environments += map(escape, unusual)
    media, collected = uploads(project), output_tree(project)
    secrets = [fact.value.secret for fact in project.frontends if fact.value.secret]
    text = render(
        "dockerignore",
        secrets=[escape(place.rpartition(":")[0]) for place in secrets],
        media=(escape(media),) if media else (),
        made=(escape(collected),) if collected else (),
        environments=environments,
    )
    if exceptions := missing_paths(project, text):
        text += "\n# Required by the build\n" + "".join(f"!{escape(path)}\n" for path in exceptions)
    notes = (
        f"{IGNORE_FILE} does not contain the virtual environment {name}. Rename it to .venv."
        for name in unusual
    )
    return GeneratedFile(IGNORE_FILE, text, notes=tuple(notes))


def missing_paths(project: Project, text: str) -> tuple[str, ...]:
    """Return the paths that the patterns in *text* exclude and the generated Dockerfile requires.

    These are static files and templates, what the front-ends need, and ``node_modules`` that are
    collected unless a front-end installs them.
    """
    frontends = [fact.value for fact in project.frontends]
    installed = [frontend.modules for frontend in frontends if frontend.modules]
    collected = [fact.value for fact in project.node_modules]
    required = [
        path
        for path in (*project.needed, *collected)
        if not any(PurePosixPath(path).is_relative_to(modules) for modules in installed)
    ]
    for frontend in frontends:
        named = (*frontend.files, *frontend.directories, *frontend.public_environment)
        required += [posixpath.join(frontend.directory, name) for name in named]
        required += [posixpath.join(place, "package.json") for place in frontend.workspaces]
        required += filter(
            None, (posixpath.join(frontend.directory, "package.json"), frontend.lock)
        )
    patterns = read_patterns(text)
    inside = (posixpath.normpath(path) for path in required if not path.startswith(("/", "..")))
    return tuple(path for path in dict.fromkeys(inside) if is_excluded(patterns, path))


def _is_code(project: Project, name: str) -> bool:
    """Return whether the directory *name* is part of the project, not a virtual environment."""
    found = project.dependencies.value if project.dependencies else None
    files = (*found.files, *found.local) if found else ()
    is_named = any(
        PurePosixPath(path).is_relative_to(name) for path in (*files, project.manage.value)
    )
    return is_named or contains_needed(project, name) or any((project.root / name).glob("*.py"))


def escape(path: str) -> str:
    """Return the Go file pattern (``filepath.Match``) that matches *path* alone.

    A builder may turn it into a regular expression in which ``[*]`` would match any name, so
    special characters are escaped within the class, too (github.com/moby/patternmatcher).
    Characters that no pattern can contain, as a line break, are matched by ``?``.
    """
    return _ESCAPED.sub(lambda m: rf"[\{m[0]}]" if " " <= m[0] <= "~" else "?", path)


def read_context(root: Path, dockerignore: str | None = None) -> BuildContext:
    """Return the files of *root* that *dockerignore*, else its own .dockerignore, does not exclude.

    Raises ConfigInvalid for an invalid pattern, and if a directory cannot be read.
    """
    own = root / IGNORE_FILE
    text = own.read_text("utf-8-sig", "surrogateescape") if own.is_file() else ""
    patterns = read_patterns(text if dockerignore is None else dockerignore)
    return BuildContext(root, tuple(sorted(_walk(root, "", patterns, False, None))))


def _walk(
    root: Path,
    directory: str,
    patterns: tuple[Pattern, ...],
    is_excluded: bool,
    matched: Matches | None,
) -> Iterator[str]:
    """Yield the paths below *directory*; an excluded one if an exception includes any below it.

    *is_excluded* and *matched* are the result of `match` for *directory*.
    """
    try:
        with os.scandir(root / directory) as scanned:
            entries = list(scanned)
    except PermissionError as error:
        if is_excluded:
            return
        raise ConfigInvalid(
            f"Cannot read {root / directory}, which is part of the build context: "
            f"{error.strerror}.",
            "Add it to .dockerignore, or change its permissions.",
        ) from error
    for entry in entries:
        path = posixpath.join(directory, entry.name)
        is_out, matches = match(patterns, path, matched)
        if entry.is_dir(follow_symlinks=False):
            if is_out and not may_except_below(patterns, path):
                continue
            below = tuple(_walk(root, path, patterns, is_out, matches))
            if below or not is_out:
                yield path
            yield from below
        elif not is_out:
            yield path


def measure(context: BuildContext) -> ContextSize:
    """Return the size of *context*."""
    sizes: Counter[str] = Counter()
    for path in context.paths:
        file = context.root / path
        if file.is_file() and not file.is_symlink():
            sizes[PurePosixPath(path).parts[0]] += file.stat().st_size
    return ContextSize(sizes.total(), tuple(sizes.most_common(3)))


@dataclass(frozen=True)
class Pattern:
    """A normalized pattern; an exception (``!``) includes what earlier patterns exclude."""

    text: str
    is_exception: bool
    matches: Callable[[str], bool]


def read_patterns(text: str) -> tuple[Pattern, ...]:
    """Return the patterns in the *text* of a .dockerignore.

    Raises ConfigInvalid for an invalid pattern.
    """
    lines = text.removeprefix("\ufeff").split("\n")
    return tuple(
        _pattern(line.strip()) for line in lines if line.strip() and not line.startswith("#")
    )


def match(patterns: Iterable[Pattern], path: str, above: Matches | None) -> tuple[bool, Matches]:
    """Return whether *path* is excluded, and which patterns match it.

    *above* is what matched its parent, None in the root. A pattern that cannot change the result
    does not match, not below *path* either.
    """
    is_excluded, matches = False, []
    for index, pattern in enumerate(patterns):
        hit = above is not None and above[index]
        if not hit and pattern.is_exception == is_excluded:
            hit = pattern.matches(path)
        matches.append(hit)
        if hit:
            is_excluded = not pattern.is_exception
    return is_excluded, tuple(matches)


def is_excluded(patterns: Iterable[Pattern], path: str) -> bool:
    """Return whether *path* is excluded, by a pattern for itself or for a parent."""
    above: Matches | None = None
    result, parts = False, path.split("/")
    for length in range(1, len(parts) + 1):
        result, above = match(patterns, "/".join(parts[:length]), above)
    return result


def may_except_below(patterns: Iterable[Pattern], directory: str) -> bool:
    """Return whether an exception may match anything below the excluded *directory*."""
    texts = (
        pattern.text.removesuffix("/**").removesuffix("/*")
        for pattern in patterns
        if pattern.is_exception
    )
    return any(_SPECIAL.search(text) or f"{text}/".startswith(f"{directory}/") for text in texts)


def _pattern(line: str) -> Pattern:
    is_exception = line.startswith("!")
    text = line.removeprefix("!").strip()
    if text:
        text = re.sub("^/+(?=.)", "", posixpath.normpath(text), flags=re.S)
    text = text if is_exception else text.strip()
    try:
        if _VALID.match(text) and not (is_exception and text == "/"):
            return Pattern(text, is_exception, _matcher(text))
    except re.error:
        pass
    raise ConfigInvalid(
        f'"{line}" in the .dockerignore is not a valid pattern.',
        "Put a backslash before a bracket that is part of a name.",
    )


def _matcher(text: str) -> Callable[[str], bool]:
    if not _SPECIAL.search(text):
        return text.__eq__
    if text.startswith("**") and not _SPECIAL.search(text[2:]):
        end = text[2:]
        return lambda path: path.endswith(end) or f"/{path}" == end
    if text.endswith("**") and not _SPECIAL.search(text[:-2]):
        return lambda path: path.startswith(text[:-2])
    expression = _expression(text)
    with warnings.catch_warnings():
        # "[[" is not a nested set, neither in Go nor here.
        warnings.simplefilter("ignore", FutureWarning)
        regex = re.compile(rf"^{expression}\Z", re.ASCII)
    return lambda path: regex.search(path) is not None


def _expression(text: str) -> str:
    """Return the regular expression of a pattern.

    The text between two wildcards of one name is matched where it comes first, without a second
    try, so that the time does not grow with the number of wildcards (CPython's fnmatch does so,
    too). Raises ConfigInvalid for more wildcards than that helps with.
    """
    parts: list[str] = []
    star = None  # the last wildcard in the name
    deep = 0
    is_regular = not re.search(r"[{}|^]", text)
    for token in _TOKEN.finditer(re.sub(r"(?:\*\*/)+", "**/", text) if is_regular else text):
        if token.lastgroup == "any" and is_regular:
            if star is not None:
                fixed = "".join(parts[star + 1 :])
                parts[star:] = [f"(?>[^/]*?{fixed})"]
            star = len(parts)
        elif token.lastgroup in ("any", "deep"):
            deep += 1
            star = None
        parts.append(_translate(token, token.end() == len(token.string)))
    if deep > MAX_DEEP:
        raise ConfigInvalid(
            f'"{text[:200]}" in the .dockerignore has more than {MAX_DEEP} times **.',
            "Write a shorter pattern.",
        )
    return "".join(parts)


def _translate(token: re.Match[str], is_last: bool) -> str:
    match token.lastgroup:
        case "deep":
            return ".*" if is_last else "(.*/)?"
        case "any":
            return "[^/]*"
        case "one":
            return "[^/]"
        case "escaped":
            return f"\\{token['escaped']}"
    char = token["char"]
    return f"\\{char}" if char in _QUOTED else char
