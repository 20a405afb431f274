"""What is asked for: a value that crosses from our interpreter to the project's as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True)
class Request:
    """A collection to run: the project, and the options of Django's collectstatic.

    *root* and *manage* (the manage.py) are absolute paths, *settings* is a module; *layer_root*,
    absolute too, is where the files are laid out as in an image, or None for the storage's own
    place. *compress* is none, fast or best, and *formats* are suffixes (gz, br, zst); None and an
    empty tuple leave both to the storage. *cache* is the directory of the cache, *reuse* an earlier
    tree to take variants from. *patterns* are in gitignore syntax, each with the place that it was
    written at. *missing_maps* says what a source map that is not there is. *libraries* are
    directories to import codecs from that the project has not. With *with_plan*, `collect` returns
    the plan as well. *is_image* tells whether the files of this machine are
    those of the image, so that the parents of STATIC_ROOT are what a layer would change. *given*
    are the options on the command line that Django does not know and its own loop does not obey.
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
    compress: Literal["none", "fast", "best"] | None = None
    formats: tuple[str, ...] = ()
    cache: str | None = None
    reuse: str | None = None
    hardlinks: bool = False
    prune: bool = False
    strict: bool = False
    missing_maps: Literal["fail", "warn"] = "fail"
    patterns: tuple[tuple[str, str], ...] = ()
    libraries: tuple[str, ...] = ()
    with_plan: bool = False
    is_image: bool = True
    given: tuple[str, ...] = ()

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
        fields: dict[str, Any] = json.loads(text)
        return cls(**{name: _tuples(value) for name, value in fields.items()})


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


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
