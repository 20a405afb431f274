"""What .gitignore and .dockerignore keep: the tree, which they should, and sources, never."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from buildstatic.builders.ignore_patterns import Matches, Pattern, match, read_patterns
from buildstatic.checks import git
from buildstatic.checks.context import CheckContext
from buildstatic.checks.finding import Autofix, Finding, Severity
from buildstatic.checks.lines import appended
from buildstatic.checks.static_sources import Source, directories, is_there, names
from buildstatic.dockerfile.quoting import pattern as docker_pattern
from buildstatic.errors import ConfigInvalid
from buildstatic.platforms.gitignore import pattern as git_pattern

GIT, DOCKER = ".gitignore", ".dockerignore"
LACKS_GIT, LACKS_DOCKER = "gitignore-lacks-static-root", "dockerignore-lacks-static-root"
DROPS_GIT, DROPS_DOCKER = "gitignore-drops-sources", "dockerignore-drops-sources"
CODES = {
    LACKS_GIT: "git does not ignore the collected files",
    LACKS_DOCKER: "collected files of this machine go into the image",
    DROPS_GIT: "git ignores static files that the project needs",
    DROPS_DOCKER: "static files are kept out of the image",
}


def find(case: CheckContext) -> Iterator[Finding]:
    """Yield where the two files say too little, or too much."""
    yield from _git_lacks(case)
    yield from _git_drops(case)
    name, text = _dockerignore(case)
    try:
        patterns = read_patterns(text)
    except ConfigInvalid:  # which no builder takes: it says so itself
        return
    if name != DOCKER or text or case.text("Dockerfile") is not None:
        yield from _docker_lacks(case, name, patterns)
    yield from _docker_drops(case, name, text, patterns)


def _git_lacks(case: CheckContext) -> Iterator[Finding]:
    written = git_pattern(case.tree)
    if case.tree is None or written is None or git.listed(case.root, "--", GIT) is None:
        return
    if git.ignored_by(case.root, f"{case.tree}/staticfiles.json") is not None:
        return
    yield Finding(
        LACKS_GIT,
        Severity.WARNING,
        GIT,
        0,
        f"git does not ignore {case.tree}, which is made from other files.",
        "One `git add .` checks the files in, and platforms that build from git get them.",
        f"Add {written}",
        Autofix(GIT, appended(written)),
    )


def _git_drops(case: CheckContext) -> Iterator[Finding]:
    for source in _needed(case):
        place = ("--", source.directory)
        if git.listed(case.root, *place) or git.listed(
            case.root, "--others", "--exclude-standard", *place
        ):
            continue
        ignored = git.listed(case.root, "--others", "--ignored", "--exclude-standard", *place)
        by = git.ignored_by(case.root, ignored[0]) if ignored else None
        if by is None:
            continue
        yield Finding(
            DROPS_GIT,
            Severity.WARNING,
            *by,
            f"git ignores {source.directory}, where static files come from ({source.place}).",
            "What is deployed from git has none of them: not in CI, on Heroku or on Railway.",
            "Begin the pattern with a slash, so that it means one directory alone.",
        )


def _dockerignore(case: CheckContext) -> tuple[str, str]:
    """Return the file that a build reads, and its text (docs.docker.com/build/concepts/context)."""
    for name in (f"Dockerfile{DOCKER}", DOCKER):
        text = case.text(name)
        if text is not None:
            return name, text
    return DOCKER, ""


def _docker_lacks(
    case: CheckContext, name: str, patterns: tuple[Pattern, ...]
) -> Iterator[Finding]:
    if case.tree is None or _is_out(patterns, f"{case.tree}/staticfiles.json"):
        return
    written = docker_pattern(case.tree)
    yield Finding(
        LACKS_DOCKER,
        Severity.WARNING,
        name,
        0,
        f"{name} lets {case.tree} of this machine into the build.",
        "COPY takes old collected files along, and every collectstatic here is a new layer there.",
        f"Add {written}",
        Autofix(name, appended(written)),
    )


def _docker_drops(
    case: CheckContext, name: str, text: str, patterns: tuple[Pattern, ...]
) -> Iterator[Finding]:
    for source in _needed(case):
        paths = [f"{source.directory}/{path}" for path, _ in names(case, _bare(source))]
        if not all(_is_out(patterns, path) for path in paths):
            continue
        yield Finding(
            DROPS_DOCKER,
            Severity.ERROR,
            name,
            _line(text, lambda patterns, path=paths[0]: _is_out(patterns, path)),  # type: ignore[misc]
            f"{name} keeps {source.directory} out of the build, where static files come from"
            f" ({source.place}).",
            "They are not in the image: pages without style, or a build that fails.",
            "Begin the pattern with the directory that is meant, or let this one in: "
            f"!{docker_pattern(source.directory)}",
        )


def _bare(source: Source) -> Source:
    return Source(source.directory, source.place)


def _needed(case: CheckContext) -> Iterator[Source]:
    """Yield the directories of sources that are there, but for what a front-end builds anew."""
    is_built = case.project.frontend is not None
    for source in directories(case):
        is_inside = not source.directory.startswith(("/", ".."))
        if is_inside and (source.app or not is_built) and is_there(case, source):
            yield source


def _is_out(patterns: tuple[Pattern, ...], path: str) -> bool:
    above: Matches | None = None
    is_out, parts = False, path.split("/")
    for length in range(1, len(parts) + 1):
        is_out, above = match(patterns, "/".join(parts[:length]), above)
    return is_out


def _line(text: str, is_hit: Callable[[tuple[Pattern, ...]], bool]) -> int:
    """Return the first line of *text* with which the patterns so far hit."""
    lines = text.splitlines()
    numbers = range(1, len(lines) + 1)
    return next((n for n in numbers if is_hit(read_patterns("\n".join(lines[:n])))), 0)
