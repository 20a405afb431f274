"""Settings that need what an image does not have: git, its repository, an excluded file."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path, PurePosixPath

from buildstatic.checks.context import CheckContext
from buildstatic.checks.finding import Finding, Severity
from buildstatic.checks.ignore_files import excluding_line, read_dockerignore
from buildstatic.checks.import_time import import_time_calls
from buildstatic.dockerfile.dockerignore import escape, is_excluded, read_patterns
from buildstatic.project import files

GIT, FILE = "settings-run-git", "settings-read-excluded-file"
CODES: tuple[str, ...] = (GIT, FILE)
SUBPROCESS = {
    f"subprocess.{name}" for name in ("check_output", "check_call", "run", "Popen", "call")
}
# Functions that read the repository.
REPOSITORY = {"git.Repo", "git.repo.Repo", "pygit2.Repository", "dulwich.repo.Repo"}
REPOSITORY |= {"setuptools_scm.get_version", "dunamai.Version.from_git", "dunamai.get_version"}
RUNS_GIT = re.compile(r"""^(?:shlex\.split\()?[\[(]*f?['"](?:\S*/)?git(?:['"]|\s)""")
WRITES = re.compile(r""", (?:mode=)?['"][rbt+]*[wax]""")
INSTALLS_GIT = re.compile(
    r"\b(?:apt-get|apt|apk|dnf|microdnf)\b[^#]*?\s(?:install|add)\b[^#]*?\sgit\b", re.S
)


def check(context: CheckContext) -> Iterator[Finding]:
    """Yield the calls of the settings whose errors nothing catches."""
    trees = {path: files.read_python(path, context.root) for path in context.settings_files}
    called: dict[Path | None, list[str]] = {}
    for path, tree in trees.items():
        for name, _ in import_time_calls(tree):
            module, _, function = name.rpartition(".")
            called.setdefault(_module(module, path, context), []).append(function)
    for path, tree in trees.items():
        for name, node in import_time_calls(tree, called.get(path, ())):
            yield from _git(context, path, name, node, tree)
            yield from _file(context, path, name, node)


def _module(name: str, importer: Path, context: CheckContext) -> Path | None:
    """Return the file of the module *name*, which may be relative to *importer*, or None."""
    bare = name.lstrip(".")
    if bare == name:
        return context.search.module(name) if name else None
    directory = importer.parents[len(name) - len(bare) - 1]
    return files.module_at(directory.joinpath(*bare.split(".")))


def _git(
    context: CheckContext, path: Path, name: str, node: ast.Call, tree: ast.Module
) -> Iterator[Finding]:
    runs = name in SUBPROCESS and node.args and RUNS_GIT.match(_unparsed(node.args[0], tree))
    options = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
    # A shell without git raises nothing if the exit status is not checked.
    is_checked = name in ("subprocess.check_output", "subprocess.check_call") or "check" in options
    if not (name in REPOSITORY or (runs and (is_checked or "shell" not in options))):
        return
    if INSTALLS_GIT.search(context.read_text("Dockerfile") or ""):
        return
    program = "git" if runs else name
    yield Finding(
        GIT,
        Severity.ERROR,
        files.relative(path, context.root),
        node.lineno,
        f"The settings run {program}, and nothing catches its failure.",
        "The image has no git and no .git directory, so collecting and the site fail to start.",
        'Read the version from a variable: os.environ.get("GIT_COMMIT", ""), or catch the error.',
    )


def _unparsed(node: ast.expr, tree: ast.Module) -> str:
    """Return the source of *node*, or of what *tree* assigns to the name that it is."""
    assigned = _assigned(tree).get(node.id) if isinstance(node, ast.Name) else None
    return ast.unparse(assigned or node)


@lru_cache(maxsize=4)
def _assigned(tree: ast.Module) -> dict[str, ast.expr]:
    """Return what is first assigned to each name."""
    found: dict[str, ast.expr] = {}
    for statement in ast.walk(tree):
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                found.setdefault(name, value)
    return found


def _file(context: CheckContext, path: Path, name: str, node: ast.Call) -> Iterator[Finding]:
    match node.func:
        case ast.Name(id="open") if node.args and not WRITES.search(ast.unparse(node)):
            place: ast.expr = node.args[0]
        case ast.Attribute(value=value, attr="read_text" | "read_bytes" | "open") if name not in (
            "io.open",
            "os.open",
        ):
            place = value
        case _:
            return
    constants = [n for n in ast.walk(place) if isinstance(n, ast.Constant)]
    constants.sort(key=lambda n: (n.lineno, n.col_offset))
    texts = [n.value for n in constants if isinstance(n.value, str)]
    if not texts:
        return
    ignore_file, text = read_dockerignore(context)
    patterns = read_patterns(text or "")
    directories = (path.parent, *path.parent.parents)
    for directory in (parent for parent in directories if parent.is_relative_to(context.root)):
        found = directory.joinpath(*texts)
        relative = PurePosixPath(files.relative(found, context.root)).as_posix()
        if not files.is_file(found) or not is_excluded(patterns, relative):
            continue
        line = excluding_line(text or "", relative)
        yield Finding(
            FILE,
            Severity.ERROR,
            files.relative(path, context.root),
            node.lineno,
            f"The settings read {relative}, which {ignore_file} excludes from the image.",
            f"Collecting fails: {ignore_file}:{line} leaves the file out of the build.",
            f"Add !{escape(relative)} to {ignore_file}, or catch the error.",
        )
        return
