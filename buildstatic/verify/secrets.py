"""Whether there is anything in the layer, or in what the image says of itself, that is secret.

A finding names the place and never the secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from buildstatic.oci.documents import Config
from buildstatic.verify.image import commands, environment
from buildstatic.verify.keys import in_command, in_variable
from buildstatic.verify.results import CheckResult, Finding, gather, printable
from buildstatic.verify.tree import Tree

CHECK, MAPS = "secrets", "source maps"
_KEPT = "Take it out, and change the secret: who has the image has it."
_ENV = re.compile(r"\.env(?:\.(?!example|sample|template|dist|defaults?\b)[\w.-]+)?")
_SSH = re.compile(r"id_(?:rsa|dsa|ecdsa|ed25519)(?:_sk)?")


def check(tree: Tree, config: Config | None) -> CheckResult:
    """Look at every file around the static files, and at the image's *config*."""
    said = [*environment(config), *commands(config)] if config else []
    return gather(CHECK, len(tree.members) + len(said), lambda: _findings(tree, config))


def check_maps(tree: Tree) -> CheckResult:
    """Look for source maps, which give away what a script was made from."""
    found = [name for name in tree.files if name.endswith(".map")]
    advice = "Leave them out: --ignore '*.map' when collecting, or build the front end without."
    return gather(
        MAPS,
        len(tree.files),
        lambda: (Finding(MAPS, "error", printable(n), "it is a source map", advice) for n in found),
    )


def _findings(tree: Tree, config: Config | None) -> Iterator[Finding]:
    yield from _by_name(tree)
    for path, facts in tree.contents.items():
        if facts.key:
            yield Finding(CHECK, "error", printable(path), facts.key, _KEPT)
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
            yield Finding(
                CHECK, "error", printable(member.path), "it is a file of variables", _KEPT
            )
        elif member.kind != "dir" and _SSH.fullmatch(name):
            yield Finding(
                CHECK, "error", printable(member.path), "it is a private key by name", _KEPT
            )
    for path in sorted(repositories):
        yield Finding(CHECK, "error", printable(path), "it is a git repository", _KEPT)


def _in_config(config: Config) -> Iterator[Finding]:
    for variable in environment(config):
        if name := in_variable(variable):
            what = f"it has the value of {name}"
            yield Finding(CHECK, "error", "the image's environment", what, _KEPT)
    for number, command in enumerate(commands(config), 1):
        for name in in_command(command):
            what = f"it has the value of {name}"
            yield Finding(CHECK, "error", f"the history, entry {number}", what, _KEPT)
