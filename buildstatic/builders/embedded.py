"""The builder without an engine: collects on this machine, and writes the layer or the image."""

from __future__ import annotations

import json
import os
import posixpath
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import ClassVar

from buildstatic.atomic import replace_output
from buildstatic.builders.base import BuildOptions, BuildRequest, BuildResult, LayerFile
from buildstatic.builders.progress import OnStep, Stage
from buildstatic.collect.workers.cores import available_cores
from buildstatic.dockerfile.layer_location import check_layer_location, check_target_path
from buildstatic.dockerfile.static_root import static_root_in_image
from buildstatic.errors import UnsupportedByBuilder
from buildstatic.oci.append import append, source_date_epoch
from buildstatic.oci.earlier_releases import EarlierReleases
from buildstatic.oci.layer_compressor import Compression
from buildstatic.oci.layer_lookup import StaticLayer
from buildstatic.oci.layer_writer import (
    DIFF_ID,
    MANIFEST,
    WrittenLayer,
    descriptor,
    write_layer,
    write_tree,
)
from buildstatic.oci.reference import Reference, parse_reference
from buildstatic.project import Project

NAME = "embedded"
DEFAULT_OUTPUT = Path("static-layer.tar.gz")


@dataclass(frozen=True)
class CollectedTree:
    """The tree at *path*; *sources* are the files that its names come from, if that is known."""

    path: Path
    sources: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class EmbeddedBuilder:
    """Collects *project* and writes its layer into a file, and onto the image *base* for each tag.

    *earlier* are the static layers of earlier releases to keep in those images.
    *collect* collects into the layer root that it is given, creates it, and returns the tree in it.
    Without an output and *base* the layer is written into `DEFAULT_OUTPUT`.
    """

    project: Project
    collect: Callable[..., CollectedTree]
    base: Reference | None = None
    earlier: EarlierReleases | None = None
    name: ClassVar[str] = NAME

    @staticmethod
    def check(request: BuildRequest, /) -> None:
        """Raise UnsupportedByBuilder if *request* needs an engine."""
        if used := ", ".join(dockerfile_only_options(request.options)):
            advice = "It does not run a Dockerfile: omit the option, or build with an engine."
            if request.options.sbom:
                advice += " `buildstatic layer --sbom FILE` writes the SBOM of the static layer."
            raise UnsupportedByBuilder(f"The embedded builder does not support {used}.", advice)

    def build(self, request: BuildRequest, _on_step: OnStep, /) -> BuildResult:
        """Collect, and write the layer and the images; there are no events.

        Raises UnsupportedByBuilder, StaticRootInvalid, ConfigInvalid, and what *collect* and
        `oci.append.append` raise.
        """
        self.check(request)
        options = request.options
        check_layer_location(self.project)
        place = static_root_in_image(self.project)
        tags = [parse_reference(tag) for tag in options.tags] if self.base else []
        created = source_date_epoch(os.environ)
        kept = options.output or (None if self.base else DEFAULT_OUTPUT)
        times = [time.monotonic()]
        with tempfile.TemporaryDirectory(prefix="buildstatic-layer-") as temporary:
            file = kept or Path(temporary, "layer.tar")
            before = _diff_id_of(file)
            tree = self.collect(Path(temporary, "layer"))
            times.append(time.monotonic())
            layer = save_layer(tree.path, PurePosixPath(place), file, "gzip")
            times.append(time.monotonic())
            appended = [
                append(
                    self.base,
                    tag,
                    layer,
                    file,
                    insecure=options.insecure,
                    created=created,
                    earlier=self.earlier,
                )
                for tag in tags
                if self.base
            ]
            if appended:
                times.append(time.monotonic())
        replaced = {each for done in appended for image in done.images for each in image.replaced}
        previous = replaced or ({before} if before and not appended else set())
        names = ("collect", "layer", "image")
        return BuildResult(
            image=appended[0].reference if appended else None,
            id=appended[0].digest if appended else None,
            static=StaticLayer(place, layer.files, layer.bytes, layer.diff_id, layer.digest),
            reused=layer.diff_id in previous if previous else None,
            stages=tuple(
                Stage(name, round(end - begin, 2), cached=False)
                for name, begin, end in zip(names, times, times[1:], strict=False)
            ),
            seconds=round(time.monotonic() - times[0], 2),
            layer=LayerFile(kept, layer.size, tree.sources),
            earlier=appended[0].earlier if appended else (),
            dropped=appended[0].dropped if appended else (),
        )


def save_layer(
    tree: Path, place: PurePosixPath | None, output: Path, compression: Compression
) -> WrittenLayer:
    """Write *tree* as a layer into *output*, and its descriptor into *output* with ``.json``.

    *place* is the absolute path of the tree in the image, None if *tree* is a layer root. Neither
    file is visible before it is complete. Raises StaticRootInvalid.
    """
    beside = output.with_name(f"{output.name}.json")
    if place:
        check_target_path(place)
    with replace_output(beside) as json_file:
        with replace_output(output) as file:
            if place:
                layer = write_tree(tree, place, file, compression, available_cores())
            else:
                layer = write_layer(tree, file, compression, available_cores())
            beside.unlink(missing_ok=True)
        json_file.write((json.dumps(descriptor(layer), indent=2) + "\n").encode())
    return layer


def dockerfile_only_options(options: BuildOptions) -> tuple[str, ...]:
    """Return those of *options* that only a builder that runs a Dockerfile supports."""
    values = {
        "--export": options.export is not None,
        "--target": options.target is not None and options.export is None,
        "--build-arg": bool(options.build_args),
        "--secret": bool(options.secrets),
        "--cache-from": bool(options.cache_from),
        "--cache-to": bool(options.cache_to),
        "--platform": bool(options.platforms),
        "--no-cache": options.no_cache,
        "--pull": options.pull,
        "--sbom": options.sbom,
        "--provenance": options.provenance,
    }
    return tuple(name for name, is_set in values.items() if is_set)


def missing_frontend_output(project: Project) -> str:
    """Return a warning about the output of the front-end build that is missing, empty for none.

    A Dockerfile runs that build; this builder collects what is there.
    """
    frontends = [fact.value for fact in project.frontends]
    needed = [*project.needed, *(frontend.modules for frontend in frontends if frontend.modules)]
    missing = [each for each in needed if not (project.root / each).is_dir()]
    if not missing or not frontends:
        return ""
    verb = "is" if len(missing) == 1 else "are"
    places = ", ".join(posixpath.normpath(each) for each in missing)
    commands = " and ".join(
        f"{command} in {posixpath.normpath(project.root / directory)}"
        for frontend in frontends
        for directory, command in frontend.commands
        or [(frontend.directory, f"{frontend.manager} install")]
    )
    return f"{places} {verb} missing: run {commands} first. No Dockerfile does it here."


def collected_tree(layer_root: Path, project: Project) -> Path:
    """Return the tree in *layer_root*, which has the path of STATIC_ROOT on this machine.

    Raises UnsupportedByBuilder if the path is not known from the settings.
    """
    if project.static_root:
        for root in (project.root.absolute(), project.root.resolve()):
            tree = layer_root / (root / project.static_root.value).relative_to("/")
            if tree.is_dir():
                return tree
    for manifest in sorted(layer_root.rglob(MANIFEST)):
        return manifest.parent
    raise UnsupportedByBuilder(
        "The embedded builder cannot determine the path of STATIC_ROOT in the image.",
        'Set STATIC_ROOT = BASE_DIR / "staticfiles" in the settings.',
    )


def _diff_id_of(output: Path) -> str | None:
    """Return the diffID of the layer that *output* holds already, None if there is none."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        described = json.loads(output.with_name(f"{output.name}.json").read_text("utf-8"))
        return str(described["annotations"][DIFF_ID])
    return None
