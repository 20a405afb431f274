"""The request to collect: a value that is passed to the project's Python as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True)
class Request:
    """A project, and how to collect its static files. Paths are absolute.

    - *root*, *manage*, *settings*: the project's directory, its manage.py, its settings module.
    - *interactive* to *verbosity*: the options of Django's collectstatic.
    - *layer_root*: collect into a directory laid out as in the image; None for STATIC_ROOT.
    - *compress*, *formats*: the effort, and the suffixes of the variants (gz, br, zst); None and
      empty leave both to the storage.
    - *cache*, *reuse*: the cache directory; an earlier tree to take variants from.
    - *hardlinks*, *prune*, *strict*, *missing_maps*: options of ``buildstatic collect``.
    - *patterns*: gitignore patterns to leave out, each with the file it comes from.
    - *libraries*: directories to import codecs and pathspec from.
    - *with_plan*: `collect` returns the plan as well.
    - *is_image*: this machine's directories are those of the image.
    - *given*: the options on the command line that Django's own code does not support.
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
        """The directory of manage.py, the working directory of the project."""
        return Path(self.manage).parent

    def to_json(self) -> str:
        """Return the request as one line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Request:
        """Return the request that `to_json` wrote."""
        fields: dict[str, Any] = json.loads(text)
        return cls(**{name: _as_tuple(value) for name, value in fields.items()})


def _as_tuple(value: Any) -> Any:
    return tuple(map(_as_tuple, value)) if isinstance(value, list) else value


def django_arguments(request: Request) -> list[str]:
    """Return the arguments of ``manage.py collectstatic`` for *request*."""
    switches = {
        "--noinput": not request.interactive,
        "--clear": request.clear,
        "--dry-run": request.dry_run,
        "--link": request.link,
        "--no-post-process": not request.post_process,
        "--no-default-ignore": not request.default_ignore,
    }
    arguments = [switch for switch, is_set in switches.items() if is_set]
    arguments += [f"--ignore={pattern}" for pattern in request.ignore]
    return [*arguments, f"--verbosity={request.verbosity}"]
