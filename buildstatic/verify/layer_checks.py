"""Checks of a layer's entries and secrets, and of its place among the image's other layers."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import PurePosixPath

from buildstatic.collect.publish import EPOCH, content_time
from buildstatic.errors import StaticLayerNotFound
from buildstatic.oci.documents import ImageConfig
from buildstatic.oci.layer_reader import FILES, WHITEOUT, LayerEntry, replaced_path
from buildstatic.verify import VerifyCheck, VerifyFinding, one_line
from buildstatic.verify.content_checks import original_name
from buildstatic.verify.image import LayeredImage
from buildstatic.verify.secret_scanner import secret_in_variable, secrets_in_command
from buildstatic.verify.tree import StaticTree

ENTRIES, TIMES, SECRETS, SOURCE_MAPS = "entries", "times and owners", "secrets", "source maps"
_FILE_MODE, _DIRECTORY_MODE = 0o644, 0o755
_COLLECT = "Collect again with --layer-root, and let no other program write into the layer."
_COPY_WHOLE = "Collect with --layer-root and copy the whole layer root: COPY --link --from=static."
_REVOKE = "Remove it and change the secret: everyone with the image has it."
_ENV_FILE = re.compile(r"\.env(?:\.(?!example|sample|template|dist|defaults?\b)[\w.-]+)?")
_SSH_KEY = re.compile(r"id_(?:rsa|dsa|ecdsa|ed25519)(?:_sk)?")
ONE_LAYER, NOT_HIDDEN, PARENTS = "one layer", "not hidden", "parents"
EARLIER_RELEASES = "earlier releases"
_EXCLUDE = "Add the old tree to .dockerignore, and use a base image without static files."
_COPY_LAST = (
    "Add an old tree to .dockerignore, or move COPY --link --from=static /layer/ / to the end of "
    "the final stage."
)
_KEEP = "Build the image again, with --keep or without."
_OTHER_ROOT = "Use a STATIC_ROOT whose parents are directories of root, mode 0755, not symlinks."


def check_entries(tree: StaticTree) -> VerifyCheck:
    """Check that entries are files and directories whose names stay inside the layer."""
    findings = []
    for entry in tree.entries:
        if what := _entry_problem(tree, entry):
            findings.append(VerifyFinding(ENTRIES, "error", one_line(entry.name), what, _COLLECT))
    return VerifyCheck(ENTRIES, len(tree.entries), tuple(findings))


def check_times(tree: StaticTree) -> VerifyCheck:
    """Check that modes and owners are fixed, and that times depend on the content only."""
    entries = [entry for entry in tree.entries if entry.kind in ("file", "dir")]
    findings = []
    equal_files = defaultdict(list)
    for entry in entries:
        if problems := ", ".join(_metadata_problems(tree, entry)):
            findings.append(
                VerifyFinding(TIMES, "error", one_line(entry.path), problems, _COPY_WHOLE)
            )
        if entry.kind == "file" and tree.file_entries.get(entry.path) is entry:
            equal_files[tree.summary(entry.path).sha256].append(entry.path)
    for paths in equal_files.values():
        if len(paths) > 1:
            # A warning: the file system may not support hard links.
            what = f"{len(paths)} files have this content; they are not hard links to one file"
            findings.append(VerifyFinding(TIMES, "warning", one_line(paths[0]), what, _COPY_WHOLE))
    return VerifyCheck(TIMES, len(entries), tuple(findings))


def check_secrets(tree: StaticTree, config: ImageConfig | None) -> VerifyCheck:
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
        VerifyFinding(SECRETS, "error", one_line(where), what, _REVOKE) for where, what in problems
    )
    return VerifyCheck(SECRETS, count, tuple(findings))


def check_source_maps(tree: StaticTree) -> VerifyCheck:
    """Check that no source map, which reveals a script's source, is there."""
    advice = "Collect with --ignore '*.map', or build the front end without source maps."
    findings = (
        VerifyFinding(SOURCE_MAPS, "error", one_line(name), "it is a source map", advice)
        for name in tree.files
        if name.endswith(".map")
    )
    return VerifyCheck(SOURCE_MAPS, len(tree.files), tuple(findings))


def _entry_problem(tree: StaticTree, entry: LayerEntry) -> str:
    if entry.name.startswith("/"):
        return "its name is absolute"
    if ".." in entry.name.split("/"):
        return "its name is outside of the layer"
    if ".." in entry.target.split("/") or entry.target.startswith("/"):
        return f"it is a link to {one_line(entry.target)}"
    if entry.path.rpartition("/")[2].startswith(WHITEOUT):
        return "it is a whiteout, which deletes a file of the base image"
    if entry.kind == "link" and entry.path not in tree.file_entries:
        return f"it is a hard link to {one_line(entry.target)}, which is not in the layer"
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


def check_one_layer(image: LayeredImage, index: int, tree: StaticTree) -> VerifyCheck:
    """Check that no layer below the static layer, which has *index*, has static files.

    Those of earlier releases are left to `check_earlier_releases`.
    """
    findings = []
    if len(image.marked) > 1:
        what = f"{len(image.marked)} layers are marked as the static layer"
        layers = ", ".join(_short_id(image, each) for each in image.marked)
        findings.append(VerifyFinding(ONE_LAYER, "error", layers, what, _EXCLUDE))
    for lower in sorted({*range(index)} - {*image.of_earlier_releases}):
        files = [
            entry.path
            for entry in image.entries(lower)
            if entry.kind in FILES
            and entry.path.startswith(f"{tree.root}/")
            and not entry.path.rpartition("/")[2].startswith(WHITEOUT)
        ]
        if files:
            visible = [
                path
                for path in files
                if path not in tree.file_entries and image.entry_below(index, path) is not None
            ]
            what = f"it also has {len(files)} files in /{one_line(tree.root)}"
            what += f", {len(visible)} of them visible" if visible else ""
            findings.append(
                VerifyFinding(ONE_LAYER, "error", _short_id(image, lower), what, _EXCLUDE)
            )
    return VerifyCheck(ONE_LAYER, len(image), tuple(findings))


def check_earlier_releases(image: LayeredImage, index: int, tree: StaticTree) -> VerifyCheck:
    """Check that of the layers of earlier releases only fingerprinted names are visible.

    The layers of whiteouts above them may delete static files only.
    """
    problems = (
        (lower, what)
        for lower in image.of_earlier_releases
        if (what := _earlier_problem(image, index, tree, lower))
    )
    findings = tuple(
        VerifyFinding(EARLIER_RELEASES, "error", _short_id(image, lower), what, _KEEP)
        for lower, what in problems
    )
    return VerifyCheck(EARLIER_RELEASES, len(image.releases), findings)


def check_not_hidden(image: LayeredImage, index: int, tree: StaticTree) -> VerifyCheck:
    """Check that no layer above the static layer replaces, deletes or adds static files."""
    findings = tuple(_hidden_findings(image, index, tree))
    return VerifyCheck(NOT_HIDDEN, len(image) - index - 1, findings)


def check_parent_directories(image: LayeredImage, index: int, tree: StaticTree) -> VerifyCheck:
    """Check that each directory down to the tree is the same as in the layers below."""
    root = PurePosixPath(tree.root)
    parents = [str(each) for each in (*reversed(root.parents), root) if each.name]
    findings = []
    lowest = min((index, *image.of_earlier_releases))
    for path in parents:
        base = image.entry_below(lowest, path)
        what = _parent_problem(base, image.entries_by_path(index).get(path)) if base else ""
        if what:
            findings.append(
                VerifyFinding(PARENTS, "error", f"/{one_line(path)}", what, _OTHER_ROOT)
            )
    return VerifyCheck(PARENTS, len(parents), tuple(findings))


def _hidden_findings(image: LayeredImage, index: int, tree: StaticTree) -> Iterator[VerifyFinding]:
    if index + 1 == len(image):
        return
    files = {tree.path(name) for name in tree.files}
    directories = {path.rpartition("/")[0] for path in files}
    parents = directories | {
        str(parent) for path in directories for parent in PurePosixPath(path).parents
    }
    for upper in range(index + 1, len(image)):
        layer = f"layer {_short_id(image, upper)}"
        for entry in image.entries(upper):
            path, keeps_content = replaced_path(entry)
            where = f"/{one_line(path)}"
            if path in files or (path in parents and not keeps_content):
                yield VerifyFinding(NOT_HIDDEN, "error", where, f"{layer} hides it", _COPY_LAST)
            elif entry.kind in FILES and path.startswith(f"{tree.root}/"):
                what = f"{layer} adds it to the static files"
                yield VerifyFinding(NOT_HIDDEN, "error", where, what, _EXCLUDE)


def _earlier_problem(image: LayeredImage, index: int, tree: StaticTree, lower: int) -> str:
    """Return what is wrong with the layer *lower* of an earlier release, empty for nothing."""
    if lower > index:
        return "it is above the static layer"
    release = image.releases.get(lower)
    if release is None:
        for entry in image.entries(lower):
            path, is_directory = replaced_path(entry)
            if not is_directory and (path == entry.path or not path.startswith(f"{tree.root}/")):
                return f"it changes /{one_line(path)}; it may only delete files of the tree"
        return ""
    if isinstance(release, StaticLayerNotFound):
        return one_line(release.problem)
    if release.tree != tree.root:
        return f"its static files are in /{one_line(release.tree)}"
    visible = [
        path
        for path in release.others
        if path not in tree.file_entries and image.entry_below(index, path) is not None
    ]
    if visible:
        return f"{len(visible)} other files of it are visible, such as /{one_line(visible[0])}"
    return ""


def _parent_problem(base: LayerEntry, own: LayerEntry | None) -> str:
    if base.kind != "dir":
        kind = f"a symbolic link to {one_line(base.target)}" if base.target else "not a directory"
        return f"in the base image it is {kind}, and the layer makes it a directory"
    if own is None:
        return ""
    changes = []
    if base.mode != own.mode:
        changes.append(f"its mode was {base.mode:04o} and is {own.mode:04o}")
    if (base.uid, base.gid) != (own.uid, own.gid):
        changes.append(f"its owner was {base.uid}:{base.gid} and is {own.uid}:{own.gid}")
    return ", ".join(changes)


def _short_id(image: LayeredImage, index: int) -> str:
    return image.config.diff_ids[index][:19]
