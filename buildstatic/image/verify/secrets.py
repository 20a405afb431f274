"""Whether there is anything in the layer, or in what the image says of itself, that is secret.

A finding names the place and never the secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from buildstatic.image.oci import Config
from buildstatic.image.verify.content import Content
from buildstatic.image.verify.finding import Checked, Finding, gather, shown
from buildstatic.image.verify.image import commands, environment
from buildstatic.image.verify.member import Member
from buildstatic.image.verify.tree import Tree

CHECK, MAPS = "secrets", "source maps"
_KEPT = "Take it out, and change the secret: who has the image has it."
# Enough before and after the end of a piece for all that is searched for.
OVERLAP = 4096  # bytes
_ENV = re.compile(r"\.env(?:\.(?!example|sample|template|dist|defaults?\b)[\w.-]+)?")
_SSH = re.compile(r"id_(?:rsa|dsa|ecdsa|ed25519)(?:_sk)?")
# RFC 7468; with a key in it, since scripts that read keys have the heading alone.
_PEM = re.compile(
    rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
    rb"(?:\\r|\\n|\s|[A-Za-z-]+: [^\n]{1,100}\n)+[A-Za-z0-9+/=]{40}"
)
_NAME = r"(?:[A-Z0-9]+_)*SECRET_(?:ACCESS_)?KEY"
_IN_FILE = re.compile(
    rf"(?<![\w.]){_NAME}[\"']?\s{{0,9}}[:=]\s{{0,9}}"
    r"(?:\"([^\"\n]{20,200})\"|'([^'\n]{20,200})')".encode()
)
_IN_ENV_FILE = re.compile(rf"^(?:export )?{_NAME}=([^\s\"'$(){{}};,]{{20,200}})\s*$".encode(), re.M)
_IN_HISTORY = re.compile(rf"(?<![\w.$]){_NAME}[= ](?:\"([^\"]*)\"|'([^']*)'|([^\s\"';&|]*))")
_PLACEHOLDER = re.compile(
    r"(?=.*(?:dummy|placeholder|build|throwaway|unused|fake|example|test|change|collect|none"
    r"|not|insecure|your|secret|static|temp))[a-z]+(?:[-_. ]?[a-z]+)*",
    re.I,
)
_LETTERS = tuple(map(re.compile, (r"[a-z]", r"[A-Z]", r"[0-9]", r"[^\w\s]")))
SHORT = 8


def check(tree: Tree, config: Config | None) -> Checked:
    """Look at every file around the static files, and at the image's *config*."""
    said = [*environment(config), *commands(config)] if config else []
    return gather(CHECK, len(tree.members) + len(said), lambda: _findings(tree, config))


def check_maps(tree: Tree) -> Checked:
    """Look for source maps, which give away what a script was made from."""
    found = [name for name in tree.files if name.endswith(".map")]
    advice = "Leave them out: --ignore '*.map' when collecting, or build the front end without."
    return gather(
        MAPS,
        len(tree.files),
        lambda: (Finding(MAPS, "error", shown(n), "it is a source map", advice) for n in found),
    )


def _findings(tree: Tree, config: Config | None) -> Iterator[Finding]:
    yield from _by_name(tree)
    for member in {each.path: each for each in tree.sources.values()}.values():
        what = _by_content(tree.content, member)
        if what:
            yield Finding(CHECK, "error", shown(member.path), what, _KEPT)
    if config:
        yield from _in_config(config)


def _by_name(tree: Tree) -> Iterator[Finding]:
    repositories = set()
    for member in tree.members:
        before, git, _ = f"/{member.path}/".partition("/.git/")
        name = member.path.rpartition("/")[2]
        if git:
            repositories.add(f"{before}/.git".lstrip("/"))
        elif member.kind != "dir" and _ENV.fullmatch(name):
            yield Finding(CHECK, "error", shown(member.path), "it is a file of variables", _KEPT)
        elif member.kind != "dir" and _SSH.fullmatch(name):
            yield Finding(CHECK, "error", shown(member.path), "it is a private key by name", _KEPT)
    for path in sorted(repositories):
        yield Finding(CHECK, "error", shown(path), "it is a git repository", _KEPT)


def _by_content(content: Content, member: Member) -> str:
    before = b""
    for piece in content.pieces(member):
        window = before + piece
        if b"PRIVATE KEY" in window and _PEM.search(window):
            return "it has a private key in it"
        if b"SECRET_" in window and _has_value(window):
            return "it has the value of a secret key in it"
        before = window[-OVERLAP:]
    return ""


def _has_value(window: bytes) -> bool:
    found = [*_IN_FILE.finditer(window), *_IN_ENV_FILE.finditer(window)]
    values = (next(filter(None, each.groups()), b"").decode("utf-8", "replace") for each in found)
    return any(_is_random(value) for value in values)


def _in_config(config: Config) -> Iterator[Finding]:
    for variable in environment(config):
        name, _, value = variable.partition("=")
        if re.fullmatch(_NAME, name) and _is_secret(value):
            what = f"it has the value of {name}"
            yield Finding(CHECK, "error", "the image's environment", what, _KEPT)
    for number, command in enumerate(commands(config), 1):
        for found in _IN_HISTORY.finditer(command):
            if _is_secret(next(filter(None, found.groups()), "")):
                name = re.split("[= ]", found[0])[0]
                what = f"it has the value of {name}"
                yield Finding(CHECK, "error", f"the history, entry {number}", what, _KEPT)


def _is_secret(value: str) -> bool:
    """Tell a value from none, from a word that stands for one, and from another variable."""
    if len(value) < SHORT or value.startswith("$"):
        return False
    return not _PLACEHOLDER.fullmatch(value)


def _is_random(value: str) -> bool:
    """Tell a key from a sentence or a name, of which scripts have many."""
    kinds = sum(each.search(value) is not None for each in _LETTERS)
    return kinds > 1 and " " not in value and _is_secret(value)
