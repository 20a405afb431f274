"""Fuzz the parsers with atheris, which looks for inputs that reach other code: ``make fuzz``.

``python -m tests.coverage_fuzz layer -max_total_time=600``; the options are libFuzzer's.
"""

from __future__ import annotations

import sys
from pathlib import Path
from random import Random
from typing import Any

import atheris

with atheris.instrument_imports(include=["buildstatic"]):
    from tests import test_fuzz

SEEDS = 16
SIZE = 2048  # bytes of an input
PROPERTIES: dict[str, Any] = {
    "project": test_fuzz.test_mutated_project_file,
    "layer": test_fuzz.test_mutated_layer,
    "bytes": test_fuzz.test_layer_of_any_bytes,
    "release": test_fuzz.test_mutated_static_file,
    "events": test_fuzz.test_mutated_events,
}


def main() -> None:
    """Fuzz the property that the first argument names; inputs are kept for the next run."""
    name, *options = sys.argv[1:]
    corpus = Path(".hypothesis/atheris", name)
    corpus.mkdir(parents=True, exist_ok=True)
    # Those that libFuzzer begins with are too short for Hypothesis to make an example of them.
    for number in range(SEEDS):
        (corpus / f"seed-{number}").write_bytes(Random(number).randbytes(SIZE))
    arguments = [sys.argv[0], "-len_control=0", f"-max_len={SIZE}", *options, str(corpus)]
    atheris.Setup(arguments, PROPERTIES[name].hypothesis.fuzz_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
