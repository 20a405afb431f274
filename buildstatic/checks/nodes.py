"""YAML as a tree of nodes, which know their lines."""

from __future__ import annotations

import yaml

MERGE = "tag:yaml.org,2002:merge"


def parse(text: str) -> yaml.Node | None:
    """Return the document *text*; None if it is empty, or no YAML."""
    try:
        document: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
    except (
        yaml.YAMLError,
        RecursionError,
        ValueError,
    ):  # the last for an escape like "\\U00110000"
        return None
    return document


def entries(
    node: yaml.Node | None, within: tuple[yaml.Node | None, ...] = ()
) -> dict[str, yaml.Node]:
    """Return what a mapping holds, with what it merges (``<<``); nothing of another node.

    What it is *within* is not merged again.
    """
    found: dict[str, yaml.Node] = {}
    if node in within:
        return found
    for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
        if key.tag == MERGE:
            merged = value.value if isinstance(value, yaml.SequenceNode) else [value]
            for each in merged:
                found = {**entries(each, (*within, node)), **found}
        elif isinstance(key, yaml.ScalarNode):
            found[key.value] = value
    return found


def items(node: yaml.Node | None) -> list[yaml.Node]:
    """Return what a sequence holds; nothing of another node."""
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def text(node: yaml.Node | None) -> str:
    """Return the text of a scalar, empty of another node."""
    return str(node.value) if isinstance(node, yaml.ScalarNode) else ""


def line(node: yaml.Node) -> int:
    """Return the line that *node* begins on, from 1."""
    return int(node.start_mark.line) + 1
