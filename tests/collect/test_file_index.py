"""The file index: unchanged files are not read or rewritten again, and changed ones always are."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import django
import pytest

from buildstatic.collect import collector, file_index, fingerprint, references
from buildstatic.collect.cache import Cache
from buildstatic.collect.file_index import FileIndex
from buildstatic.collect.workers import worker
from tests.collect.inprocess import Sources, collect, run_collector, run_django, tree_of
from tests.collect.storages import MANIFEST_STORAGES, HashedOnlyStorage, ManifestStaticFilesStorage

FILES = {
    "a.css": b"a { background: url(i.png) }",
    "0.css": b"@import 'a.css';",
    "b.css": b"b { color: red }",
    "c.txt": b"text",
    "i.png": b"picture",
}


@dataclass
class Site:
    """Sources, and a tree by the collector and one by Django.

    *read* are the files that were read last, *rewritten* those whose references were.
    """

    root: Path
    read: list[str] = field(default_factory=list)
    rewritten: list[str] = field(default_factory=list)

    def write(self, name: str, content: bytes, directory: str = "src") -> None:
        """Write a file and keep its time, which does not say that it has changed."""
        path = self.root / directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (1_500_000_000, 1_500_000_000))

    def collect(
        self,
        place: str = "actual",
        storage: Any = ManifestStaticFilesStorage,
        directories: tuple[tuple[str, Path], ...] = (),
    ) -> None:
        """Collect into *place*."""
        time.sleep(0.02)  # longer than what the clock of the disk takes to the next time
        self.read.clear()
        self.rewritten.clear()
        loop = run_django if place == "reference" else run_collector
        sources = Sources(directories or (("", self.root / "src"),))
        verdict = collect(loop, storage(location=str(self.root / place)), sources)
        assert not verdict.error

    def collect_thrice(self) -> None:
        """Collect until nothing is read or rewritten: the second run makes the index."""
        for _ in range(3):
            self.collect()
        assert self.read == []
        assert self.rewritten == []

    @property
    def index(self) -> Path:
        """The file with the index."""
        return next((self.root / "cache").rglob("*.index"))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    site = Site(tmp_path)
    for name, content in FILES.items():
        site.write(name, content)

    def read(path: str, *arguments: Any) -> Any:
        site.read.append(os.path.relpath(path, tmp_path))
        return original(path, *arguments)

    def rewrite(storage: Any, name: str, *arguments: Any) -> Any:
        site.rewritten.append(name)
        return original_rewrite(storage, name, *arguments)

    original, original_rewrite = worker.TASKS["read"], references.rewrite
    monkeypatch.setitem(worker.TASKS, "read", read)
    monkeypatch.setattr(fingerprint, "rewrite", rewrite)
    monkeypatch.setattr(collector, "MIN_FILES", 1)
    monkeypatch.setattr(file_index, "SETTLING", 10_000_000)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return site


@pytest.mark.parametrize("storage", [s for s in MANIFEST_STORAGES if s is not HashedOnlyStorage])
def test_unchanged_files_are_not_read(site: Site, storage: Any) -> None:
    for _ in range(3):
        site.collect(storage=storage)
    assert [path for path in site.read if path.startswith("src")] == []
    assert site.rewritten == []
    site.collect("reference", storage)
    assert tree_of(site.root / "actual") == tree_of(site.root / "reference")


def fingerprinted(site: Site) -> str:
    return next(p.name for p in (site.root / "actual").glob("b.*.css"))


CHANGES: dict[str, Callable[[Site], None]] = {
    "source": lambda site: site.write("c.txt", b"TEXT"),
    "replaced source": lambda site: replace(site, "src/c.txt"),
    "source that is referred to": lambda site: site.write("i.png", b"PICTURE"),
    "source with references": lambda site: site.write("a.css", b"A { background: url(i.png) }"),
    "output": lambda site: site.write("c.txt", b"TEXT", "actual"),
    "replaced output": lambda site: replace(site, "actual/c.txt"),
    "fingerprinted output": lambda site: site.write(
        fingerprinted(site), FILES["b.css"].upper(), "actual"
    ),
    "deleted output": lambda site: (site.root / "actual/c.txt").unlink(),
    "deleted fingerprinted output": lambda site: (
        site.root / "actual" / fingerprinted(site)
    ).unlink(),
    "deleted source": lambda site: (site.root / "src/c.txt").unlink(),
    "new source": lambda site: site.write("d.txt", b"text"),
}


def replace(site: Site, name: str) -> None:
    site.write("other", b"TEXT")
    (site.root / "src/other").replace(site.root / name)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_change_of_same_size_and_time_is_found(site: Site, change: Callable[[Site], None]) -> None:
    site.collect_thrice()
    change(site)
    site.collect()
    expected = Site(site.root / "expected")
    shutil.copytree(site.root / "src", expected.root / "src")
    expected.collect("reference")
    tree = tree_of(site.root / "actual")
    for name, content in tree_of(expected.root / "reference").items():
        assert tree[name] == content, name
    site.collect()
    site.collect()
    assert site.read == []
    assert site.rewritten == []


@pytest.fixture
def storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A storage of a module in *tmp_path*."""
    (tmp_path / "own_storage.py").write_text(
        "from django.contrib.staticfiles.storage import ManifestStaticFilesStorage\n"
        "class Storage(ManifestStaticFilesStorage):\n"
        "    patterns = ManifestStaticFilesStorage.patterns\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "own_storage", raising=False)
    return import_module("own_storage").Storage


@pytest.mark.parametrize("change", ["patterns", "url", "version", "code"])
def test_files_are_rewritten_after_a_change_of(
    site: Site, storage: Any, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.test import override_settings

    site.write("a.css", b"a { background: url(/static/i.png) }")
    for _ in range(3):
        site.collect(storage=storage)
    assert site.rewritten == []
    match change:
        case "patterns":
            imports = r"(?P<matched>@import ['\"](?P<url>.*)['\"];)", "@import '%(url)s' screen;"
            monkeypatch.setattr(storage, "patterns", (("*.css", (imports,)),))
        case "version":
            monkeypatch.setattr(django, "VERSION", (99, 0, 0, "final", 0))
        case "code":
            os.utime(site.root / "own_storage.py")
    with override_settings(STATIC_URL="/other/" if change == "url" else "/static/"):
        site.collect(storage=storage)
        assert site.rewritten != []
        site.collect("reference", storage)
    tree = tree_of(site.root / "actual")
    for name, content in tree_of(site.root / "reference").items():
        assert tree[name] == content, name


def test_reference_to_a_file_of_an_earlier_run_is_looked_up_each_time(site: Site) -> None:
    site.collect_thrice()
    (site.root / "src/i.png").unlink()
    for _ in range(3):
        site.collect()
        assert "a.css" in site.rewritten
    (site.root / "actual/i.png").unlink()
    with pytest.raises(AssertionError):  # as with Django, an error
        site.collect()


def test_source_with_two_names_is_compared_with_both(site: Site) -> None:
    directories = (("", site.root / "src"), ("again", site.root / "src"))
    for _ in range(2):
        site.collect(directories=directories)
    site.write("again/c.txt", b"TEXT", "actual")
    for _ in range(2):
        site.collect(directories=directories)
    assert (site.root / "actual/again/c.txt").read_bytes() == b"text"
    site.collect(directories=directories)
    site.collect(directories=directories)
    assert site.read == []


def test_file_changed_just_before_it_was_read_is_read_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_index, "SETTLING", 3600 * 10**9)
    for _ in range(3):
        site.collect()
    assert len([path for path in site.read if path.startswith("src")]) == len(FILES)


def test_files_with_times_in_whole_seconds_are_not_recorded(tmp_path: Path) -> None:
    index = FileIndex(Cache(tmp_path), "/tree")
    assert index.is_settled(1_700_000_000_000_000_001)
    assert not index.is_settled(1_700_000_000_000_000_000)
    assert not index.is_settled(time.time_ns() + 3600 * 10**9)


def rewritten(site: Site, change: Callable[[Any], Any]) -> None:
    content = json.loads(site.index.read_bytes())
    site.index.write_text(json.dumps(change(content)))


def linked(site: Site) -> None:
    index = site.index
    index.rename(site.root / "moved")
    index.symlink_to(site.root / "moved")


DAMAGES: dict[str, Callable[[Site], object]] = {
    "group can write": lambda site: site.index.chmod(0o620),
    "all can write": lambda site: site.index.chmod(0o602),
    "no JSON": lambda site: site.index.write_bytes(b"{"),
    "a list": lambda site: rewritten(site, lambda _: []),
    "no files": lambda site: rewritten(site, lambda content: content | {"sources": 1}),
    "entries of another kind": lambda site: rewritten(
        site, lambda content: content | {"sources": dict.fromkeys(content["sources"], 1)}
    ),
    "another Python": lambda site: rewritten(site, lambda content: content | {"format": [0]}),
    "link": linked,
    "removed": lambda site: site.index.unlink(),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_index_that_cannot_be_trusted_is_replaced(
    site: Site, damage: Callable[[Site], object]
) -> None:
    site.collect_thrice()
    damage(site)
    site.collect()
    assert len([path for path in site.read if path.startswith("src")]) == len(FILES)
    assert site.index.stat().st_mode & 0o777 == 0o600
    site.collect()
    assert site.read == []


def test_index_of_another_user_is_not_used(site: Site) -> None:
    if os.geteuid():
        pytest.skip("only root can give a file to another user")
    site.collect_thrice()
    os.chown(site.index, 12345, -1)
    site.collect()
    assert site.read


def test_with_a_key_the_index_is_signed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.collect_thrice()
    monkeypatch.setenv("BUILDSTATIC_CACHE_KEY", "0123456789abcdef")
    site.collect()
    assert site.read
    site.collect()
    assert site.read == []
    signed = next((site.root / "cache").rglob("*.index.signed"))
    data = bytearray(signed.read_bytes())
    data[-1] ^= 1
    signed.write_bytes(data)
    site.collect()
    assert site.read


def test_without_a_cache_there_is_no_index(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUILDSTATIC_CACHE_SIZE", "0")
    for _ in range(3):
        site.collect()
    assert site.read
    assert not (site.root / "cache").exists()
