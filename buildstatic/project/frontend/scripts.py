"""The scripts of a package.json: which of them build, and which of them an installation runs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from itertools import islice

# Words in a script's name, by which it builds, builds for production, or does something else.
BUILD = frozenset({"build", "bundle", "compile", "dist"})
PRODUCTION = frozenset({"prod", "production"})
OTHER = frozenset(
    {
        *("dev", "develop", "development", "local", "debug", "watch", "hot", "hmr", "serve"),
        *("server", "start", "run", "preview", "staging", "test", "tests", "testing", "e2e"),
        *("lint", "format", "fix", "check", "types", "typecheck", "tsc", "clean", "clear"),
        *("docs", "doc", "storybook", "stats", "analyze", "analyse", "analyzer", "report"),
        *("docker", "image", "deploy", "publish", "release", "push", "upload", "install", "ci"),
        *("android", "ios", "electron", "profile", "size", "styleguide", "guide"),
    }
)
_PROGRAM = (
    r"\b(?:webpack(?!-dev-server)|vite build|rollup|esbuild|parcel build|gulp|grunt|browserify"
    r"|(?:node-)?sass|lessc|postcss|tailwind(?:css)?|mix|encore|ng build|react-scripts build"
    r"|vue-cli-service build|svelte-kit build|rspack|rsbuild build|brunch build|tsup)\b"
)
# What runs until it is stopped.
_ENDLESS = frozenset(
    {
        *("watch", "-w", "-watch", "--watch", "--watchAll", "serve", "--serve", "--hot"),
        *("nodemon", "webpack-dev-server", "live-server", "browser-sync", "http-server"),
    }
)
_PLAIN = r"\w[\w:./@+-]*"
# What an installation may run without the project's files: git hooks, messages, and what changes
# node_modules alone.
_HARMLESS = frozenset(
    {
        *("husky", "is-ci", "simple-git-hooks", "lefthook", "yorkie", "patch-package"),
        *("only-allow", "opencollective", "opencollective-postinstall", "ngcc", "echo", "exit"),
        *("true", ":", "test", "[", "git", "yarn-deduplicate", "playwright", "puppeteer"),
    }
)
# More than the package.json of any real project has.
MAX_SCRIPTS = 200
MAX_LENGTH = 10_000
MAX_PATTERNS = 50
LIFECYCLE = ("preinstall", "install", "postinstall", "preprepare", "prepare", "postprepare")
_RUNNERS = frozenset({"run-s", "run-p", "npm-run-all", "npm-run-all2", "concurrently"})
_MANAGERS = frozenset({"npm", "pnpm", "yarn", "bun"})


def texts(package: Mapping[str, object]) -> dict[str, str]:
    """Return the scripts of *package* that are text."""
    table = package.get("scripts")
    scripts = table.items() if isinstance(table, dict) else ()
    found = {
        name: text
        for name, text in scripts
        if isinstance(text, str) and text.strip() and len(text) <= MAX_LENGTH
    }
    return dict(islice(found.items(), MAX_SCRIPTS))


def build_scripts(scripts: Mapping[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the scripts that build for production, in the order to run them, and other candidates.

    One for production (``build:prod``) takes precedence over ``build``, and that over scripts that
    build a part (``build:css``). Parts are run in the order in which another script runs them.
    Without such names a script counts whose command is that of a bundler, and at last
    ``heroku-postbuild``, which Heroku runs as its build.
    """
    names = [name for name in scripts if _is_candidate(name, scripts)]
    if not names:
        fallback = [
            name
            for name, text in scripts.items()
            if not _words(name) & OTHER and re.search(_PROGRAM, text) and _ends(text)
        ]
        names = ["heroku-postbuild"] if "heroku-postbuild" in scripts else fallback
    run_by_others = {each for name in names for each in _runs_all(name, scripts)}
    roots = [name for name in names if name not in run_by_others] or names
    whole = [name for name in roots if not _part(name)]
    whole.sort(key=lambda name: (not _words(name) & PRODUCTION, name != "build"))
    if whole:
        return (whole[0],), tuple(name for name in roots if name != whole[0])
    parts: dict[frozenset[str], str] = {}
    for name in sorted(roots, key=lambda name: not _words(name) & PRODUCTION):
        parts.setdefault(_part(name), name)
    chosen = [name for name in roots if name in parts.values()]
    for text in scripts.values():
        order = [name for name in _runs(text, scripts) if name in chosen]
        if len(order) > 1:
            chosen = list(dict.fromkeys((*order, *chosen)))
            break
    return tuple(chosen), tuple(name for name in roots if name not in chosen)


def install_script_with_sources(scripts: Mapping[str, str]) -> str:
    """Return the first script of an installation that may read the project's files, else ``""``."""
    for name in LIFECYCLE:
        if name in scripts and not _is_harmless(scripts[name], scripts, frozenset({name}), set()):
            return name
    return ""


def expanded(name: str, scripts: Mapping[str, str]) -> str:
    """Return the text of the script *name*, and of all scripts that it runs."""
    return "\n".join(scripts[each] for each in (name, *_runs_all(name, scripts)) if each in scripts)


def _is_candidate(name: str, scripts: Mapping[str, str]) -> bool:
    hook = re.match(r"(?:pre|post)(.+)", name)
    if not re.fullmatch(_PLAIN, name) or (hook and hook[1] in scripts) or _words(name) & OTHER:
        return False
    if not _ends(text := expanded(name, scripts)):
        return False
    if _words(name) & BUILD:
        return True
    # "prod" may as well start a server.
    return bool(_words(name) & PRODUCTION and re.search(rf"{_PROGRAM}|\bbuild\b", text))


def _words(name: str) -> frozenset[str]:
    words = re.split(r"[\W_]+|(?<=[a-z0-9])(?=[A-Z])", name)
    return frozenset(word.lower() for word in words if word)


def _part(name: str) -> frozenset[str]:
    """Return the words that say which part of the front end *name* builds."""
    return _words(name) - BUILD - PRODUCTION - {"all", "assets", "frontend"}


def _ends(text: str) -> bool:
    # The flag -w of a package manager selects a workspace.
    return not any(set(words) & _ENDLESS for words in _commands(text) if words[0] not in _MANAGERS)


def _runs_all(name: str, scripts: Mapping[str, str]) -> list[str]:
    """Return the scripts that the script *name* runs, also indirectly, without itself."""
    found: dict[str, None] = {}
    left = [name]
    while left:
        for each in _runs(scripts.get(left.pop(), ""), scripts):
            if each not in found and each != name:
                found[each] = None
                left.append(each)
    return list(found)


def _runs(text: str, scripts: Mapping[str, str]) -> Iterator[str]:
    """Yield the names in *scripts* that the command *text* runs, in order."""
    for words in _commands(text):
        program, *rest = words
        if program in _RUNNERS:
            names = [word.removeprefix("npm:") for word in rest[:MAX_PATTERNS]]
            for pattern in names:
                yield from (name for name in scripts if fnmatchcase(name, pattern))
        elif program in _MANAGERS:
            plain = [word for word in rest if not word.startswith("-")]
            is_run = plain[:1] in (["run"], ["run-script"])
            name = plain[1:2] if is_run else plain[:1] if program in ("yarn", "pnpm") else []
            yield from (each for each in name if each in scripts)


def _commands(text: str) -> Iterator[list[str]]:
    """Yield the words of each command in *text*, without variables, ``npx`` and quotes."""
    for command in re.split(r"[;&|()\n]+", text):
        words = [word.strip("\"'\\") for word in command.split()]
        while words and (
            re.match(r"\w+=", words[0]) or words[0] in ("npx", "cross-env", "exec", "!", "")
        ):
            words.pop(0)
        if words:
            yield words


def _is_harmless(
    text: str, scripts: Mapping[str, str], above: frozenset[str], harmless: set[str]
) -> bool:
    """Return whether *text* does not read the project; *harmless* are scripts that do not."""
    for words in _commands(text):
        inner = [name for name in _runs(" ".join(words), scripts) if name not in above]
        if not (words[0] in _MANAGERS | _RUNNERS and inner):
            if words[0] not in _HARMLESS:
                return False
            continue
        for name in inner:
            if name in harmless:
                continue
            if not _is_harmless(scripts[name], scripts, above | {name}, harmless):
                return False
            harmless.add(name)
    return True
