"""Replace attributes of one storage for a while, as the methods of its class look them up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

_ABSENT = object()


@contextmanager
def replaced_attributes(holder: Any, values: Mapping[str, Any]) -> Iterator[None]:
    """Set attributes of the instance *holder* in the block."""
    before = {name: vars(holder).get(name, _ABSENT) for name in values}
    try:
        for name, value in values.items():
            setattr(holder, name, value)
        yield
    finally:
        for name, value in before.items():
            if value is _ABSENT:
                delattr(holder, name)
            else:
                setattr(holder, name, value)
