"""Fuzz the parsers with atheris, which looks for inputs that reach other code: ``make fuzz``.

``python -m tests.coverage_fuzz layer -max_total_time=600``; the options are libFuzzer's.
"""

from __future__ import annotations

import sys
from typing import Any

import atheris

with atheris.instrument_imports(include=["buildstatic"]):
    from tests import test_fuzz

PROPERTIES: dict[str, Any] = {
    "project": test_fuzz.test_mutated_project_file,
    "layer": test_fuzz.test_mutated_layer,
    "bytes": test_fuzz.test_layer_of_any_bytes,
    "release": test_fuzz.test_mutated_static_file,
    "events": test_fuzz.test_mutated_events,
}


def main() -> None:
    """Fuzz the property that the first argument names."""
    test = PROPERTIES[sys.argv[1]]
    atheris.Setup([sys.argv[0], *sys.argv[2:]], test.hypothesis.fuzz_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
