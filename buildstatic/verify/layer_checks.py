"""Checks of a layer's entries, of their times, modes and owners, and of secrets."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from buildstatic.collect.layer_root import EPOCH, content_time
from buildstatic.oci.documents import Config
from buildstatic.oci.layer_reader import WHITEOUT, LayerEntry
from buildstatic.verify.content_checks import original_name
from buildstatic.verify.results import CheckResult, Finding, printable
from buildstatic.verify.secret_scanner import secret_in_variable, secrets_in_command
from buildstatic.verify.tree import StaticTree

ENTRIES, TIMES, SECRETS, SOURCE_MAPS = "entries", "times and owners", "secrets", "source maps"
_FILE_MODE, _DIRECTORY_MODE = 0o644, 0o755
_COLLECT = "Collect again with --layer-root, and let no other program write into the layer."
_COPY_WHOLE = "Collect with --layer-root and copy the whole layer root: COPY --link --from=static."
_REVOKE = "Remove it and change the secret: everyone with the image has it."
_ENV_FILE = re.compile(r"\.env(?:\.(?!example|sample|template|dist|defaults?\b)[\w.-]+)?")
_SSH_KEY = re.compile(r"id_(?:rsa|dsa|ecdsa|ed25519)(?:_sk)?")


def check_entries(tree: StaticTree) -> CheckResult:
    """Check that entries are files and directories whose names stay inside the layer."""
    findings = []
    for entry in tree.entries:
        if what := _entry_problem(tree, entry):
            findings.append(Finding(ENTRIES, "error", printable(entry.name), what, _COLLECT))
    return CheckResult(ENTRIES, len(tree.entries), tuple(findings))


def check_times(tree: StaticTree) -> CheckResult:
    """Check that modes and owners are fixed, and that times depend on the content only."""
    entries = [entry for entry in tree.entries if entry.kind in ("file", "dir")]
    findings = []
    equal_files = defaultdict(list)
    for entry in entries:
        if problems := ", ".join(_metadata_problems(tree, entry)):
            findings.append(Finding(TIMES, "error", printable(entry.path), problems, _COPY_WHOLE))
        if entry.kind == "file" and tree.file_entries.get(entry.path) is entry:
            equal_files[tree.summary(entry.path).sha256].append(entry.path)
    for paths in equal_files.values():
        if len(paths) > 1:
            # A warning: the file system may not support hard links.
            what = f"{len(paths)} files have this content; they are not hard links to one file"
            findings.append(Finding(TIMES, "warning", printable(paths[0]), what, _COPY_WHOLE))
    return CheckResult(TIMES, len(entries), tuple(findings))


def check_secrets(tree: StaticTree, config: Config | None) -> CheckResult:
    """Check the entries, and the environment and history in *config*, for secrets.

    A finding names the place, never the secret.
    """
    problems = [
        *_secret_files(tree),
        *((path, each.secret) for path, each in tree.summaries.items() if each.secret),
    ]
    count = len(tree.entries)
    if config:
        variables = (config.extra.get("config") or {}).get("Env") or []
        commands = [str(step.get("created_by") or "") for step in config.history]
        count += len(variables) + len(commands)
        for variable in variables:
            if name := secret_in_variable(str(variable)):
                problems.append(("the image's environment", f"contains the value of {name}"))
        for number, command in enumerate(commands, 1):
            problems += [
                (f"entry {number} of the history", f"contains the value of {name}")
                for name in secrets_in_command(command)
            ]
    findings = (
        Finding(SECRETS, "error", printable(where), what, _REVOKE) for where, what in problems
    )
    return CheckResult(SECRETS, count, tuple(findings))


def check_source_maps(tree: StaticTree) -> CheckResult:
    """Check that no source map, which reveals a script's source, is there."""
    advice = "Collect with --ignore '*.map', or build the front end without source maps."
    findings = (
        Finding(SOURCE_MAPS, "error", printable(name), "it is a source map", advice)
        for name in tree.files
        if name.endswith(".map")
    )
    return CheckResult(SOURCE_MAPS, len(tree.files), tuple(findings))


def _entry_problem(tree: StaticTree, entry: LayerEntry) -> str:
    if entry.name.startswith("/"):
        return "its name is absolute"
    if ".." in entry.name.split("/"):
        return "its name is outside of the layer"
    if ".." in entry.target.split("/") or entry.target.startswith("/"):
        return f"it is a link to {printable(entry.target)}"
    if entry.path.rpartition("/")[2].startswith(WHITEOUT):
        return "it is a whiteout, which deletes a file of the base image"
    if entry.kind == "link" and entry.path not in tree.file_entries:
        return f"it is a hard link to {printable(entry.target)}, which is not in the layer"
    if entry.kind == "symlink":
        return "it is a symbolic link; a static layer holds files and directories only"
    if entry.kind == "other":
        return "it is a device, FIFO or the like; a static layer holds files and directories only"
    return ""


def _metadata_problems(tree: StaticTree, entry: LayerEntry) -> Iterator[str]:
    mode = _DIRECTORY_MODE if entry.kind == "dir" else _FILE_MODE
    if entry.mode != mode:
        yield f"its mode is {entry.mode:04o}, not {mode:04o}"
    if tree.has_owners and (entry.uid, entry.gid) != (0, 0):
        yield f"its owner is {entry.uid}:{entry.gid}, not 0:0"
    times = [EPOCH]
    if entry.kind == "file":
        # A variant may have the time of its own content or that of its original.
        is_current = tree.file_entries.get(entry.path) is entry
        paths = (entry.path, original_name(entry.path)) if is_current else ()
        times = [
            content_time(tree.summary(path).sha256) for path in paths if path in tree.file_entries
        ]
    if times and entry.mtime not in times:
        yield f"its time is {entry.mtime:.16g}, not {times[0]}"


def _secret_files(tree: StaticTree) -> Iterator[tuple[str, str]]:
    repositories = set()
    for entry in tree.entries:
        parent, git, _ = f"/{entry.path}/".partition("/.git/")
        name = entry.path.rpartition("/")[2]
        if git:
            repositories.add(f"{parent}/.git".lstrip("/"))
        elif entry.kind != "dir" and _ENV_FILE.fullmatch(name):
            yield entry.path, "it is a file of environment variables"
        elif entry.kind != "dir" and _SSH_KEY.fullmatch(name):
            yield entry.path, "it has the name of a private key"
    for path in sorted(repositories):
        yield path, "it is a git repository"
