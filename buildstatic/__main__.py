"""The console script: runs the command line and turns failures into exit codes."""

import io
import sys
from importlib.util import find_spec


def main() -> None:
    """Run the command line on ``sys.argv`` and exit with its status."""
    if not find_spec("click"):
        sys.exit(_run_without_dependencies())
    from buildstatic.cli import run

    # A path may have bytes that the encoding of standard output has no character for.
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(run(sys.argv[1:]))


def _run_without_dependencies() -> int:
    """Run ``start`` and ``release``, which work after ``pip install --no-deps``."""
    from buildstatic.runtime.__main__ import main

    return main(sys.argv[1:], "buildstatic")


if __name__ == "__main__":
    main()
