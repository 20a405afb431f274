"""The console script: runs the command line and turns failures into exit codes."""

import io
import sys
from importlib.util import find_spec


def main() -> None:
    """Run the command line on ``sys.argv`` and exit with its status."""
    if not find_spec("click"):
        sys.exit(_without_dependencies())
    from buildstatic.cli import run

    # Where the locale's encoding, or UTF-8, has no character for part of a path.
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(run(sys.argv[1:]))


def _without_dependencies() -> int:
    """Run the commands that need none, which ``pip install --no-deps`` is enough for."""
    from buildstatic.runtime.__main__ import main

    return main(sys.argv[1:], "buildstatic")


if __name__ == "__main__":
    main()
