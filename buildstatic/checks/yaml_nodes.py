"""YAML as a tree of nodes that know their line numbers."""

from __future__ import annotations

import yaml

MAX_MERGED = 100  # mappings that are merged into one
MERGE = "tag:yaml.org,2002:merge"


def parse(text: str) -> yaml.Node | None:
    """Return the root node of the document *text*; None if it is empty or not valid YAML."""
    try:
        document: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError, ValueError):  # ValueError: an escape above U+10FFFF
        return None
    return document


def entries(
    node: yaml.Node | None, merged_before: dict[int, dict[str, yaml.Node]] | None = None
) -> dict[str, yaml.Node]:
    """Return the entries of a mapping including merged ones (``<<``); empty for other nodes.

    *merged_before* are those of the nodes that were merged already, so that circular merges end.
    """
    done = {} if merged_before is None else merged_before
    if not isinstance(node, yaml.MappingNode) or len(done) > MAX_MERGED:
        return {}
    if id(node) in done:
        return done[id(node)]
    found = done[id(node)] = {}
    for key, value in node.value:
        if key.tag == MERGE:
            for merged in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                found = {**entries(merged, done), **found}
        elif isinstance(key, yaml.ScalarNode):
            found[key.value] = value
    done[id(node)] = found
    return found


def items(node: yaml.Node | None) -> list[yaml.Node]:
    """Return the items of a sequence; empty for other nodes."""
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def text(node: yaml.Node | None) -> str:
    """Return the text of a scalar; empty for other nodes."""
    return str(node.value) if isinstance(node, yaml.ScalarNode) else ""


def line(node: yaml.Node) -> int:
    """Return the line number of *node*, starting at 1."""
    return int(node.start_mark.line) + 1
