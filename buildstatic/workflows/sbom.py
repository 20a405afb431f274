"""The software bill of materials of a static layer, in CycloneDX (cyclonedx.org, version 1.6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from buildstatic import __version__
from buildstatic.oci.layer_writer import WrittenLayer

SPEC_VERSION = "1.6"
FILES = "buildstatic:files"


def static_layer_sbom(layer: WrittenLayer, plan: Mapping[str, Any], project: str) -> dict[str, Any]:
    """Return what *layer*, made of the sources in *plan*, consists of, as JSON values.

    *plan* is that of `buildstatic.workflows.collect.plan`. The components are the distributions
    that its files come from, and *project* for all others. A property says how many files each has.
    Without a time and a serial number, the same files give the same document.
    """
    distributions = [file["distribution"] for file in plan["files"]]
    counts = Counter((d["name"], d["version"], d.get("purl", "")) for d in distributions if d)
    components: list[dict[str, Any]] = []
    if own := distributions.count(None):
        components.append(
            {"type": "application", "bom-ref": f"project:{project}", "name": project}
            | _file_count(own)
        )
    for (name, version, purl), count in sorted(counts.items()):
        components.append(
            {"type": "library", "bom-ref": purl or f"{name}@{version}", "name": name}
            | {"version": version}
            | ({"purl": purl} if purl else {})
            | _file_count(count)
        )
    algorithm, _, digest = layer.diff_id.partition(":")
    subject = {
        "type": "container",
        "bom-ref": layer.diff_id,
        "name": f"static layer of {project}",
        "version": layer.diff_id,
        "hashes": [{"alg": algorithm.upper().replace("SHA", "SHA-"), "content": digest}],
    }
    tool = {"type": "application", "name": "buildstatic", "version": __version__}
    references = [component["bom-ref"] for component in components]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": SPEC_VERSION,
        "version": 1,
        "metadata": {"tools": {"components": [tool]}, "component": subject},
        "components": components,
        "dependencies": [{"ref": layer.diff_id, "dependsOn": references}],
    }


def _file_count(count: int) -> dict[str, Any]:
    return {"properties": [{"name": FILES, "value": str(count)}]}
