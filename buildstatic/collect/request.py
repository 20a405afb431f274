"""What is asked for: a value that crosses from our interpreter to the project's as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Request:
    """A collection to run: the project, and the options of Django's collectstatic.

    *root* and *manage* (the manage.py) are absolute paths, *settings* is a module; *layer_root*,
    absolute too, is where the files are laid out as in an image, or None for the storage's own
    place.
    """

    root: str
    manage: str
    settings: str
    interactive: bool = True
    clear: bool = False
    dry_run: bool = False
    ignore: tuple[str, ...] = ()
    default_ignore: bool = True
    link: bool = False
    post_process: bool = True
    verbosity: int = 1
    layer_root: str | None = None

    @property
    def directory(self) -> Path:
        """The directory of manage.py, where the project runs."""
        return Path(self.manage).parent

    def to_json(self) -> str:
        """Return the request as one line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Request:
        """Return the request that `to_json` wrote."""
        fields = json.loads(text)
        return cls(**{**fields, "ignore": tuple(fields["ignore"])})


def django_arguments(request: Request) -> list[str]:
    """Return *request* in the words of ``manage.py collectstatic``."""
    switches = {
        "--noinput": not request.interactive,
        "--clear": request.clear,
        "--dry-run": request.dry_run,
        "--link": request.link,
        "--no-post-process": not request.post_process,
        "--no-default-ignore": not request.default_ignore,
    }
    words = [switch for switch, wanted in switches.items() if wanted]
    words += [f"--ignore={pattern}" for pattern in request.ignore]
    return [*words, f"--verbosity={request.verbosity}"]
