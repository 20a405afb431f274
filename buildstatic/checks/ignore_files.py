""".gitignore and .dockerignore: they should exclude collected files, and no source files."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from buildstatic.checks import git
from buildstatic.checks.context import CheckContext
from buildstatic.checks.finding import Autofix, Finding, Severity
from buildstatic.checks.fixes import append_line
from buildstatic.checks.static_sources import (
    SourceDirectory,
    collected_directory,
    has_files,
    source_directories,
    source_files,
)
from buildstatic.dockerfile.dockerignore import own_dockerignore, required_paths
from buildstatic.dockerfile.ignore_patterns import Pattern, is_excluded, read_patterns
from buildstatic.dockerfile.source import copies_code_last
from buildstatic.errors import ConfigInvalid
from buildstatic.platforms.gitignore import pattern as git_pattern
from buildstatic.templates.quoting import exact_pattern

GIT, DOCKER = ".gitignore", ".dockerignore"
GIT_LACKS, DOCKER_LACKS = "gitignore-lacks-static-root", "dockerignore-lacks-static-root"
GIT_DROPS, DOCKER_DROPS = "gitignore-drops-sources", "dockerignore-drops-sources"
CODES: tuple[str, ...] = (GIT_LACKS, DOCKER_LACKS, GIT_DROPS, DOCKER_DROPS)
# What a front-end's build reads in its directory, beside package.json and the lock file.
FRONTEND_SOURCES = ("src", "index.html", "tsconfig.json", "*.config.*")
NODE = re.compile(r"\b(npm|npx|yarn|pnpm|bun|node)\b")


def check(context: CheckContext) -> Iterator[Finding]:
    """Yield collected files that are not ignored, and source directories that are."""
    if git.list_files(context.root, "--", GIT) is not None:
        yield from _git_lacks(context)
        yield from _git_drops(context)
    name, text = own_dockerignore(context.root) or (DOCKER, None)
    try:
        patterns = read_patterns(text or "")
    except ConfigInvalid:  # reported by the build itself
        return
    # A build without the directory, as in CI, is not affected.
    root = collected_directory(context)
    is_collected = root is not None and has_files(context, SourceDirectory(root, ""))
    if is_collected and (text is not None or context.read_text("Dockerfile") is not None):
        yield from _docker_lacks(context, name, patterns)
    yield from _docker_drops(context, name, text or "", patterns)


def _git_lacks(context: CheckContext) -> Iterator[Finding]:
    root = collected_directory(context)
    pattern = git_pattern(root)
    if root is None or pattern is None:
        return
    if git.ignoring_pattern(context.root, f"{root}/staticfiles.json") is not None:
        return
    yield Finding(
        GIT_LACKS,
        Severity.WARNING,
        GIT,
        0,
        f"git does not ignore {root}, which contains generated files.",
        "`git add .` commits them, and platforms that build from git receive them.",
        f"Add {pattern} to {GIT}.",
        Autofix(GIT, append_line(pattern)),
    )


def _git_drops(context: CheckContext) -> Iterator[Finding]:
    for source in _required_sources(context):
        place = ("--", source.path)
        if git.list_files(context.root, *place) or git.list_files(
            context.root, "--others", "--exclude-standard", *place
        ):
            continue
        ignored = git.list_files(
            context.root, "--others", "--ignored", "--exclude-standard", *place
        )
        pattern = git.ignoring_pattern(context.root, ignored[0]) if ignored else None
        if pattern is not None:
            lines = (context.read_text(pattern[0]) or "").splitlines()
            text = lines[pattern[1] - 1].strip() if len(lines) >= pattern[1] else ""
            fix = "Start the pattern with a slash so that it matches only one directory."
            if "/" in text.rstrip("/") or "/" not in source.path:  # it is the one that is matched
                fix = f"Remove the pattern, or add files with it: git add --force {source.path}"
            yield Finding(
                GIT_DROPS,
                Severity.WARNING,
                *pattern,
                f"git ignores {source.path}, a source directory of static files ({source.source}).",
                "Deployments from git (CI, Heroku, Railway) do not have these files.",
                fix,
            )


def _docker_lacks(
    context: CheckContext, name: str, patterns: Sequence[Pattern]
) -> Iterator[Finding]:
    root = collected_directory(context)
    if root is None or is_excluded(patterns, f"{root}/staticfiles.json"):
        return
    pattern = exact_pattern(root)
    severity = Severity.WARNING
    why = "COPY adds outdated collected files, and each local collectstatic invalidates the layer."
    if copies_code_last(context.read_text("Dockerfile") or ""):
        severity = Severity.ERROR
        why = "The Dockerfile copies the code after the static layer: old files replace the new."
    yield Finding(
        DOCKER_LACKS,
        severity,
        name,
        0,
        f"{name} does not exclude {root}.",
        why,
        f"Add {pattern} to {name}.",
        Autofix(name, append_line(pattern)),
    )


def _docker_drops(
    context: CheckContext, name: str, text: str, patterns: Sequence[Pattern]
) -> Iterator[Finding]:
    reported = {0}
    for source in _required_sources(context):
        directory = SourceDirectory(source.path, source.source)  # without its prefix
        paths = [f"{source.path}/{file}" for file, _ in source_files(context, directory)]
        if not all(is_excluded(patterns, path) for path in paths):
            continue
        line = excluding_line(text, paths[0])
        reported.add(line)
        yield Finding(
            DOCKER_DROPS,
            Severity.ERROR,
            name,
            line,
            f"{name} excludes {source.path}, a source directory of static files ({source.source}).",
            "The image lacks these files: pages have no styles, or the build fails.",
            f"Make the pattern more specific, or add !{exact_pattern(source.path)}",
        )
    by_line: dict[int, list[str]] = {}
    for path in _required_paths(context, patterns):
        by_line.setdefault(excluding_line(text, path), []).append(path)
    for line, paths in by_line.items():
        if line in reported:
            continue
        more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
        exceptions = "\n".join(f"!{exact_pattern(path)}" for path in paths)
        yield Finding(
            DOCKER_DROPS,
            Severity.ERROR,
            name,
            line,
            f"{name} excludes {', '.join(paths[:3])}{more}, which the build requires.",
            "The build fails, or the image lacks these files.",
            f"Make the pattern more specific, or add after it:\n\n{exceptions}",
        )


def _required_paths(context: CheckContext, patterns: Sequence[Pattern]) -> Iterator[str]:
    """Yield the existing paths that *patterns* exclude and the build requires.

    The front-ends are not required if the project's own Dockerfile builds none.
    """
    dockerfile = context.read_text("Dockerfile")
    has_node = dockerfile is None or NODE.search(dockerfile) is not None
    frontends = tuple(context.project.frontends if has_node else ())
    for path in required_paths(replace(context.project, frontends=frontends)):
        if not is_excluded(patterns, path):
            continue
        may_be_missing = path in context.project.needed and (
            path == context.static_root or _is_built(context, path)
        )
        if (context.root / path).exists() and not may_be_missing:
            yield path
    for frontend in (fact.value for fact in frontends):
        if not frontend.build:
            continue
        top = context.root / frontend.directory
        for pattern in FRONTEND_SOURCES:
            for place in sorted(top.glob(pattern)):
                path = posixpath.normpath(f"{frontend.directory}/{place.name}")
                if is_excluded(patterns, path):
                    yield path


def _is_built(context: CheckContext, path: str) -> bool:
    """Return whether the build may create *path*: git, if it is used, tracks no content in it."""
    builds = any(fact.value.build for fact in context.project.frontends)
    tracked = git.list_content(context.root, path)
    if tracked is None:
        return builds
    return (builds or bool(context.project.before_collecting)) and not tracked


def _required_sources(context: CheckContext) -> Iterator[SourceDirectory]:
    """Yield the source directories in the project, except those a front-end build creates.

    STATIC_ROOT has a finding of its own if it is one.
    """
    for source in source_directories(context):
        is_inside = not source.path.startswith(("/", ".."))
        # A front-end in the app's directory, as django-tailwind's, builds into it.
        app = f"{posixpath.dirname(source.path)}/"
        is_output = not source.app or any(
            f"{frontend.value.directory}/".startswith(app) for frontend in context.project.frontends
        )
        is_root = source.path == context.static_root
        if not is_inside or is_root or (is_output and _is_built(context, source.path)):
            continue
        if has_files(context, source):
            yield source


def excluding_line(text: str, path: str) -> int:
    """Return the number of the first line of *text* up to which the patterns exclude *path*."""
    lines = text.splitlines()
    for number in range(1, len(lines) + 1):
        if is_excluded(read_patterns("\n".join(lines[:number])), path):
            return number
    return 0
