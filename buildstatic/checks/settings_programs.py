"""Settings that need what an image does not have: git, an excluded file, their own metadata."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path, PurePosixPath

from buildstatic.checks import git
from buildstatic.checks.context import CheckContext
from buildstatic.checks.finding import Finding, Severity
from buildstatic.checks.ignore_files import DOCKER, excluding_line
from buildstatic.checks.import_time import import_time_calls
from buildstatic.dockerfile.dockerignore import generate_dockerignore, own_dockerignore
from buildstatic.dockerfile.ignore_patterns import is_excluded, read_patterns
from buildstatic.project import files
from buildstatic.project.packages import pyproject
from buildstatic.project.packages.requirements import canonical
from buildstatic.templates.quoting import exact_pattern

GIT, FILE = "settings-run-git", "settings-read-excluded-file"
ARGUMENT, METADATA = "settings-require-build-argument", "settings-read-own-metadata"
CODES: tuple[str, ...] = (GIT, FILE, ARGUMENT, METADATA)
# What the path of a file that is certainly in the project consists of.
PATH_NODES = (ast.Name, ast.Attribute, ast.Call, ast.Constant, ast.BinOp, ast.Div, ast.Load)
PATH_ATTRIBUTES = {"path", "join", "dirname", "abspath", "realpath", "Path", "parent", "resolve"}
PATH_ATTRIBUTES |= {"joinpath", "absolute"}
KNOWN = {"os", "Path", "pathlib", "str", "__file__", "BASE_DIR", "ROOT_DIR", "PROJECT_ROOT"}
SUBPROCESS = {
    f"subprocess.{name}" for name in ("check_output", "check_call", "run", "Popen", "call")
}
# Functions that read the repository.
REPOSITORY = {"git.Repo", "git.repo.Repo", "pygit2.Repository", "dulwich.repo.Repo"}
REPOSITORY |= {"setuptools_scm.get_version", "dunamai.Version.from_git", "dunamai.get_version"}
# Functions that read the metadata of the distribution with the name in their first argument.
READ_METADATA = {
    f"{module}.{name}"
    for module in ("importlib.metadata", "importlib_metadata")
    for name in ("version", "metadata", "distribution", "requires", "files")
} | {"pkg_resources.get_distribution", "pkg_resources.require"}
RUNS_GIT = re.compile(r"""^(?:shlex\.split\()?[\[(]*f?['"](?:\S*/)?git(?:['"]|\s)""")
WRITES = re.compile(r""", (?:mode=)?['"][rbt+]*[wax]""")
INSTALLS_GIT = re.compile(
    r"\b(?:apt-get|apt|apk|dnf|microdnf)\b[^#]*?\s(?:install|add)\b[^#]*?\sgit\b", re.S
)


def check(context: CheckContext) -> Iterator[Finding]:
    """Yield the calls of the settings whose errors nothing catches, and required arguments."""
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
            yield from _own_metadata(context, path, name, node)
    yield from _build_arguments(context)


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
    directories = (path.parent, *path.parent.parents)
    inside = [parent for parent in directories if parent.is_relative_to(context.root)]
    existing = [file for parent in inside if files.is_file(file := parent.joinpath(*texts))]
    problem = next(filter(None, (_missing(context, each) for each in existing)), None)
    # Running the project, where it can be, fails with this error, which is a finding then.
    if (
        context.examination.failure is None
        and _is_in_project(place, texts)
        and not any(each.joinpath(*texts).exists() for each in directories)
    ):
        problem = (
            f"{'/'.join(texts)}, which the project does not have",
            "Collecting fails, and so does the site.",
            "Add the file, or catch the error.",
        )
    if problem:
        what, why, fix = problem
        place_of_call = files.relative(path, context.root), node.lineno
        yield Finding(FILE, Severity.ERROR, *place_of_call, f"The settings read {what}.", why, fix)


def _is_in_project(place: ast.expr, texts: list[str]) -> bool:
    """Return whether *place* is a path of only known directories of the project and *texts*."""
    nodes = list(ast.walk(place))
    names = {n.id for n in nodes if isinstance(n, ast.Name)}
    attributes = {n.attr for n in nodes if isinstance(n, ast.Attribute)}
    is_path = all(isinstance(n, PATH_NODES) for n in nodes)
    is_absolute = any(text.startswith(("/", "~")) for text in texts)
    return is_path and not is_absolute and names <= KNOWN and attributes <= PATH_ATTRIBUTES


def _missing(context: CheckContext, file: Path) -> tuple[str, str, str] | None:
    """Return what is wrong with reading the existing *file* in an image, why, and the fix.

    Without a .dockerignore, builds have the one that would be generated.
    """
    relative = PurePosixPath(files.relative(file, context.root)).as_posix()
    name, text = own_dockerignore(context.root) or (DOCKER, None)
    is_generated = text is None
    if text is None:
        text = generate_dockerignore(context.project).text
    if is_excluded(read_patterns(text), relative):
        if is_generated:
            why = f"Collecting fails: without a {name}, builds have the one that `generate` writes."
            fix = "Read the value from a variable that has a default, or catch the error."
            return f"{relative}, which builds leave out of the image", why, fix
        line = excluding_line(text, relative)
        return (
            f"{relative}, which {name} excludes from the image",
            f"Collecting fails: {name}:{line} leaves the file out of the build.",
            f"Add !{exact_pattern(relative)} to {name}, or catch the error.",
        )
    ignored = git.ignoring_pattern(context.root, relative)
    if ignored is None or git.list_files(context.root, "--", relative):
        return None
    return (
        f"{relative}, which git ignores",
        f"Deployments from git do not have the file: {ignored[0]}:{ignored[1]} ignores it.",
        "Create it in the build, catch the error, or commit it.",
    )


def _own_metadata(
    context: CheckContext, path: Path, name: str, node: ast.Call
) -> Iterator[Finding]:
    """Yield a call for the metadata of the project itself, which the image does not install."""
    match node.args:
        case [ast.Constant(value=str(distribution)), *_] if name in READ_METADATA:
            pass
        case _:
            return
    dependencies = context.project.dependencies
    dockerfile = context.read_text("Dockerfile") or files.GENERATED
    if dependencies is None or not dockerfile.startswith(files.GENERATED):
        return
    directory = (context.root / dependencies.value.file).parent
    if files.relative(directory, context.root) in dependencies.value.local:
        return
    description = directory / "pyproject.toml"
    if not files.is_file(description):
        return
    data, _ = files.read_toml(description, context.root)
    names = (
        pyproject.table(data, *keys).get("name") for keys in (("project",), ("tool", "poetry"))
    )
    if canonical(distribution) not in {canonical(str(each)) for each in names}:
        return
    yield Finding(
        METADATA,
        Severity.ERROR,
        files.relative(path, context.root),
        node.lineno,
        f"The settings read the metadata of {distribution}, the project itself.",
        "The image installs what the project depends on, not the project: this call fails there.",
        "Read the version from pyproject.toml, or catch PackageNotFoundError.",
    )


def _build_arguments(context: CheckContext) -> Iterator[Finding]:
    """Yield the variables that only an argument of the project's own Dockerfile sets."""
    dockerfile = context.read_text("Dockerfile") or ""
    if dockerfile.startswith(files.GENERATED):
        return
    arguments = set(re.findall(r"^\s*ARG\s+(\w+)\s*$", dockerfile, re.M | re.I))
    for variable in context.project.variables:
        if not variable.required or variable.name not in arguments:
            continue
        file, _, line = variable.source.rpartition(":")
        yield Finding(
            ARGUMENT,
            Severity.WARNING,
            file,
            int(line),
            f"The settings require {variable.name}, a build argument of the Dockerfile.",
            "A build without --build-arg, and every command outside of the image, fails.",
            f'Give it a default: os.environ.get("{variable.name}", "").',
        )
