"""The console script: runs the command line and turns failures into exit codes."""

import sys


def main() -> None:
    """Run the command line on ``sys.argv`` and exit with its status."""
    from buildstatic.cli import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
