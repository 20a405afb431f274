"""The console script: runs the command line and turns failures into exit codes."""

import io
import sys


def main() -> None:
    """Run the command line on ``sys.argv`` and exit with its status."""
    from buildstatic.cli import run

    # Where the locale's encoding, or UTF-8, has no character for part of a path.
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
