"""``layer``: writes the static files as an image layer, without a container engine."""

from __future__ import annotations

import json
import os
import tempfile
import time
from contextlib import ExitStack, chdir
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from buildstatic.atomic import replace_output
from buildstatic.builders.embedded import collected_tree, missing_frontend_output, save_layer
from buildstatic.dockerfile.layer_location import check_layer_location, check_target_path
from buildstatic.dockerfile.static_root import static_root_in_image
from buildstatic.oci import append as image
from buildstatic.oci.earlier_releases import check_same_tree, open_earlier
from buildstatic.oci.layer_compressor import Compression
from buildstatic.oci.layer_writer import MANIFEST, WrittenLayer
from buildstatic.oci.reference import parse_reference
from buildstatic.oci.stores import find_image
from buildstatic.platforms.commands import project_name
from buildstatic.project import Project
from buildstatic.project.detect import detect
from buildstatic.workflows import SILENT, Reporter
from buildstatic.workflows.collect import collect_project, configured_options
from buildstatic.workflows.sbom import static_layer_sbom


@dataclass(frozen=True)
class AppendRequest:
    """Put the layer on top of the image *base*, and write the result as *tag*.

    *insecure* allows registries without TLS. The static layers of the image *keep*, at most
    *keep_releases*, stay below the new one.
    """

    base: str
    tag: str
    insecure: bool = False
    keep: str | None = None
    keep_releases: int = 1


@dataclass(frozen=True)
class LayerResult:
    """The *layer*, the *image* with it if one was requested, and the *seconds* that it took."""

    layer: WrittenLayer
    image: image.AppendResult | None
    seconds: float


def layer(
    path: Path,
    *,
    tree: Path | None = None,
    at: PurePosixPath | None = None,
    output: Path | None = None,
    append: AppendRequest | None = None,
    compression: Compression = "gzip",
    sbom: Path | None = None,
    verbosity: int = 1,
    manage: str | None = None,
    settings: str | None = None,
    python: Path | None = None,
    isolate: bool = True,
    report: Reporter = SILENT,
) -> LayerResult:
    """Write the static files of the project in *path* as a layer, into *output* or onto an image.

    *tree* is what was collected before: a layer root or, with *at*, the absolute path of its place
    in the image, a collected tree. Without *tree* the project is collected first, for *at* or for
    the place that it has in the image of a build. The descriptor goes into ``<output>.json``, and
    what the collected files consist of into *sbom*, which needs a project instead of *tree*. For
    *manage*, *settings*, *python* and *isolate* see `buildstatic.workflows.collect.collect`.

    Raises StaticRootInvalid for a place that cannot be a separate layer, FileError,
    ImageReferenceInvalid, ImageNotFound, StaticLayerNotFound for an image to keep, what the
    registries raise, and what `collect` raises.
    """
    appended = earlier = plan = None
    if append:
        # Found before anything is collected.
        base, tag = find_image(append.base), parse_reference(append.tag)
        created = image.source_date_epoch(os.environ)
    started = time.monotonic()
    with ExitStack() as stack:
        temporary = stack.enter_context(tempfile.TemporaryDirectory(prefix="buildstatic-layer-"))
        if tree is None:
            project = detect(path, manage=manage, settings=settings)
            if at:
                check_target_path(at)
            else:
                check_layer_location(project)
                at = PurePosixPath(static_root_in_image(project))
        if append and append.keep:
            kept = open_earlier(
                find_image(append.keep),
                str(at) if at else None,
                append.keep_releases,
                insecure=append.insecure,
            )
            earlier = stack.enter_context(kept)
        if tree is None:
            tree, plan = collect_tree(
                project,
                Path(temporary, "layer"),
                verbosity=verbosity,
                python=python,
                with_plan=sbom is not None,
                isolate=isolate,
                report=report,
            )
        file = output or Path(temporary, "layer.tar")
        if not at and (tree / MANIFEST).exists():
            report.warn(
                f"{tree} contains {MANIFEST}, so it may not be a layer root. If it is a collected "
                "tree, set its path in the image with --at."
            )
        written = save_layer(tree, at, file, compression)
        if sbom and plan:
            document = static_layer_sbom(written, plan, project_name(project))
            with replace_output(sbom) as sbom_file:
                sbom_file.write((json.dumps(document, indent=2) + "\n").encode())
        if earlier and written.tree:
            check_same_tree(str(earlier.source.reference), earlier.tree, written.tree)
        if append:
            appended = image.append(
                base,
                tag,
                written,
                file,
                insecure=append.insecure,
                created=created,
                earlier=earlier,
            )
    return LayerResult(written, appended, time.monotonic() - started)


def collect_tree(
    project: Project,
    layer_root: Path,
    *,
    verbosity: int = 1,
    reuse: Path | None = None,
    python: Path | None = None,
    with_plan: bool = False,
    isolate: bool,
    report: Reporter,
) -> tuple[Path, dict[str, Any] | None]:
    """Collect *project* into the new directory *layer_root*; return the tree in it, and the plan.

    *reuse* is a tree to take variants from. The current directory is restored. Raises
    UnsupportedByBuilder if the tree cannot be found.
    """
    if sentence := missing_frontend_output(project):
        report.warn(sentence)
    layer_root.mkdir()
    options = configured_options(
        project.root,
        project.config,
        layer_root=layer_root,
        verbosity=verbosity,
        before=project.before_collecting,
        after=project.after_collecting,
        reuse=reuse,
    )
    with chdir(Path.cwd()):
        collected = collect_project(
            project,
            options,
            python=python,
            with_plan=with_plan,
            isolate=isolate,
            report=report,
            is_image=False,
        )
    report.collected(collected.summary)
    return collected_tree(layer_root, project), collected.plan
