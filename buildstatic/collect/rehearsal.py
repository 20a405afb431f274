"""A storage's own ``post_process`` run in memory, for one that is written for that.

It belongs to django-manifeststaticfiles-enhanced, whose way of finding references, ordering files
and naming circles is its own. The storage reads what was read before, and what it saves is taken
down. It stops at the first reference that cannot be followed; here it is led past each of them.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from buildstatic.collect.fingerprint import Fingerprinted, Original, judge
from buildstatic.collect.references import Problem
from buildstatic.collect.storage_overlay import Digest, Left, collected
from buildstatic.collect.storages.kind import Fingerprints
from buildstatic.collect.workers.read_task import digest

# The methods that are led, with their parameters.
HOOKS = {
    "_find_substitutions": ("paths",),
    "_get_url_finders": ("name",),
    "_process_file": ("name", "storage_and_path", "hashed_files", "url_positions"),
    "_process_file_content": ("name", "content", "url_positions", "hashed_files"),
    "_should_adjust_url": ("url",),
}
# A reference as its finders give it: the url, its position, whether a source map, its length.
Position = tuple[str, int, bool, int]


def rehearse(
    storage: Any,
    originals: tuple[Original, ...],
    *,
    left: Left,
    keeps: bool,
    warns: bool,
    missing_maps: Callable[[str], None] | None,
) -> Fingerprints:
    """Return what *storage* makes of *originals*, and what it tells of that.

    *left* says what else its place holds, *keeps* that the originals are in it. With
    *warns* a warning is one; else it is a problem, as for Django's collectstatic. Where
    *missing_maps* is given, a source map that is not there is told to it. Raises `Unresolved`.
    """
    scene = _Scene(storage, {original.name: original for original in originals}, keeps, warns)
    digests = {original.name: original.digest for original in originals if keeps}
    with (
        collected(storage, digests, scene.made, left) as directories,
        scene.staged(directories),
    ):
        paths = {o.name: (_Source(o.digest, o, scene.read), o.path) for o in originals}
        for told in storage.post_process(paths):
            scene.hear(*told)
    judge(scene.problems, missing_maps)
    return scene.fingerprints()


@dataclass(frozen=True)
class _Source(Digest):
    """What stands in for a source, and for the storage that has it; it is *read* when it must."""

    original: Original
    reader: Callable[[Original], bytes]

    def open(self, _path: str) -> _Source:
        return self

    def read(self) -> bytes:
        return self.reader(self.original)

    def __enter__(self) -> _Source:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass
class _Scene:
    """One run of ``post_process``, and what comes of it.

    *made* are the digests of what it has saved, *named* the names that it gives, *owners* whose
    they were first, *texts* what it has put into files. *spots* are where the warnings came up that
    it has not told of yet.
    """

    storage: Any
    originals: dict[str, Original]
    keeps: bool
    warns: bool
    made: dict[str, str] = field(default_factory=dict)
    named: dict[str, str] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    processed: list[tuple[str, str]] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    spots: dict[int, Problem] = field(default_factory=dict)
    broken: set[tuple[str, int]] = field(default_factory=set)
    found_in: tuple[str, str] = ("", "")

    @contextmanager
    def staged(self, directories: set[str]) -> Iterator[None]:
        """Put what is ours in the place of what the storage does to the world, and of its hooks."""
        storage, before = self.storage, dict(vars(self.storage))
        acts = {
            "_save": partial(self.save, directories),
            "delete": self.delete,
            "save_manifest": lambda: None,
            "post_process_workers": 1,
            "_get_url_finders": partial(self.finders, storage._get_url_finders),
            "_should_adjust_url": partial(self.adjusts, storage._should_adjust_url),
            "_process_file": partial(self.file, storage._process_file),
            "_process_file_content": partial(self.content, storage._process_file_content),
        }
        vars(storage).update(acts)
        try:
            yield
        finally:
            for name in acts:
                del vars(storage)[name]
            vars(storage).update({name: before[name] for name in acts if name in before})

    def problem(self, name: str, error: Exception, line: int = 0, text: str = "") -> None:
        self.problems.append(Problem(name, line, text, error))

    # What the storage does to files.

    def read(self, original: Original) -> bytes:
        """Return the content of *original*, nothing for one that holds no references or no text."""
        content = original.content or b""
        try:
            content.decode()
        except UnicodeDecodeError as error:
            self.problem(original.name, error, content.count(b"\n", 0, error.start) + 1)
            return b""
        return content

    def save(self, directories: set[str], name: str, content: Any) -> str:
        """Take down that *content* is saved as *name*; raise what ``_save`` does for a bad name."""
        key = self.key(name)
        is_source = isinstance(content, _Source)
        self.made[key] = content.digest if is_source else digest(content.read(), False)[0]
        while (key := posixpath.dirname(key)) not in directories and key:
            directories.add(key)
        return name.replace("\\", "/")

    def delete(self, name: str) -> None:
        self.made.pop(self.key(name), None)

    def key(self, name: str) -> str:
        """Return what *name* means below the root; raise what the storage would for nothing."""
        path: str = posixpath.relpath(self.storage.path(name), self.storage.location)
        if "\0" in path:
            raise ValueError("embedded null byte")
        return path

    # Where the storage would stop.

    def finders(self, own: Any, name: str) -> list[Any]:
        return [partial(self.find, finder) for finder in own(name)]

    def find(self, finder: Any, name: str, content: str) -> Any:
        self.found_in = name, content
        return finder(name, content)

    def adjusts(self, own: Any, url: str) -> bool:
        """Return what *own* says of *url*, which it may not be able to read at all."""
        try:
            return bool(own(url))
        except ValueError as error:
            name, content = self.found_in
            self.problem(name, error, content.count("\n", 0, content.find(url)) + 1, url)
            return False

    def file(self, own: Any, name: str, place: Any, hashed: Any, positions: Any) -> Any:
        """Let *own* process the file *name*, whose own name may be one that nothing comes of."""
        from django.core.exceptions import SuspiciousFileOperation

        try:
            return own(name, place, hashed, positions)
        except (ValueError, SuspiciousFileOperation) as error:
            self.problem(name, error)
            return name, name, False

    def content(
        self, own: Any, name: str, content: str, positions: Sequence[Position], hashed: Any
    ) -> str:
        """Return what *own* makes of *content*; what it cannot follow stays as it is."""
        from django.core.exceptions import SuspiciousFileOperation
        from django_manifeststaticfiles_enhanced.storage import StaticFileProcessingError

        waiting = self.storage._post_process_warnings
        before = len(waiting)
        try:
            text = own(name, content, positions, hashed)
        except (StaticFileProcessingError, SuspiciousFileOperation):
            follows = partial(self.follows, own, name, content, hashed)
            positions = [p for p in sorted(positions, key=lambda p: p[1]) if follows(p)]
            del waiting[before:]
            text = own(name, content, positions, hashed)
        if len(waiting) > before:
            self.locate(own, name, content, positions, hashed)
        self.texts[name] = text
        return str(text)

    def follows(self, own: Any, name: str, content: str, hashed: Any, position: Position) -> bool:
        """Tell whether *own* can follow the one reference, and take down why not, once."""
        from django.core.exceptions import SuspiciousFileOperation

        try:
            own(name, content, [position], hashed)
        except (ValueError, SuspiciousFileOperation) as error:
            if (name, position[1]) not in self.broken:
                self.broken.add((name, position[1]))
                cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
                self.problem(name, cause, *_spot(content, position))
            return False
        return True

    def locate(
        self, own: Any, name: str, content: str, positions: Sequence[Position], hashed: Any
    ) -> None:
        """Take down where each of the warnings came up that *own* has just had."""
        waiting = self.storage._post_process_warnings
        told = list(waiting)
        places = []
        for position in sorted(positions, key=lambda p: p[1]):
            own(name, content, [position], hashed)
            places += [_spot(content, position)] * (len(waiting) - len(told))
            del waiting[len(told) :]
        for (_, warning), (line, text) in zip(told[-len(places) :], places, strict=True):
            self.spots[id(warning)] = Problem(name, line, text, warning)

    # What comes of it.

    def hear(self, name: str, hashed_name: str | None, processed: Any) -> None:
        """Take down what ``post_process`` tells collectstatic of."""
        from django_manifeststaticfiles_enhanced.storage import ManifestStaticFilesWarning

        is_warning = isinstance(processed, ManifestStaticFilesWarning)
        if isinstance(processed, Exception) and not (is_warning and self.warns):
            place = self.spots.get(id(processed))
            self.problems.append(place or Problem(name, 0, "", processed))
            return
        if is_warning:
            self.warnings.append(str(processed))
        else:
            self.named[name] = str(hashed_name)
            self.owners.setdefault(str(hashed_name), name)
        if processed:
            self.processed.append((name, str(hashed_name)))
        else:
            self.skipped.append(name)

    def fingerprints(self) -> Fingerprints:
        files = {name: self.fingerprinted(original) for name, original in self.originals.items()}
        told = tuple(self.processed), tuple(self.skipped)
        return Fingerprints(files, *told, tuple(self.warnings))

    def fingerprinted(self, original: Original) -> Fingerprinted:
        """Return what *original* has become; it yields to what has its new name already."""
        name = self.named[original.name]
        is_source = self.keeps and name in self.originals and name not in self.made
        yields = is_source or self.owners[name] != original.name
        if yields or original.name not in self.texts:
            return Fingerprinted(name, original.digest, original.identity, yields=yields)
        content = self.texts[original.name].encode()
        return Fingerprinted(name, *digest(content, bool(original.identity)), content)


def _spot(content: str, position: Position) -> tuple[int, str]:
    """Return the line that *position* is on, and what stands there."""
    url, start, is_map, _ = position
    return content.count("\n", 0, start) + 1, f"sourceMappingURL={url}" if is_map else url
