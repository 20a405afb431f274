"""Contents that wait to be written take little memory, however large they are."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from buildstatic.collect.contents import read_content
from buildstatic.collect.spool import IN_MEMORY, open_spool
from buildstatic.collect.workers.file_tasks import SMALL, write

FILES = 60
SIZE = 2 << 20
# What collecting may take besides what is imported; the files have 120 MB.
MEMORY = 50  # MB
PROGRAM = """
import resource, sys
from pathlib import Path
from tests.collect.inprocess import Sources, collect, run_collector, start
start()
from tests.collect.storages import ManifestStaticFilesStorage

class Wrapped(ManifestStaticFilesStorage):
    def post_process(self, *arguments, **options):
        yield from super().post_process(*arguments, **options)

class Loop(ManifestStaticFilesStorage):
    def post_process(self, *arguments, **options):
        for each in super().post_process(*arguments, **options):
            self.exists("other")
            yield each

storage = vars()[sys.argv[1]](location=sys.argv[2] + "/tree")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert not collect(run_collector, storage, Sources((("", Path(sys.argv[2], "src")),))).error
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.slow
@pytest.mark.parametrize("storage", ["ManifestStaticFilesStorage", "Wrapped", "Loop"])
def test_memory_does_not_grow_with_the_contents(tmp_path: Path, storage: str) -> None:
    sources = tmp_path / "src"
    sources.mkdir()
    (sources / "i.png").write_bytes(b"i")
    for number in range(FILES):
        content = b"a { background: url(i.png) }\n/* %d */\n" % number
        (sources / f"{number}.css").write_bytes(content.ljust(SIZE, b"\n"))
    command = [sys.executable, "-c", PROGRAM, storage, str(tmp_path)]
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    ran = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    assert int(ran.stdout) < MEMORY
    made = [path for path in (tmp_path / "tree").iterdir() if path.name.count(".") == 2]
    assert len(made) == FILES + 1
    assert all(b"url(i.png)" not in path.read_bytes() for path in made)


def test_small_contents_stay_in_memory_until_there_are_too_many(tmp_path: Path) -> None:
    with open_spool(str(tmp_path)) as spool:
        small = b"s" * SMALL
        large = b"l" * (SMALL + 1)
        assert spool.keep(small) is small
        kept = [spool.keep(large), spool.keep(b"")]
        assert [read_content(each) for each in kept] == [large, b""]
        for _ in range(IN_MEMORY // SMALL - 1):
            spool.keep(small)
        last = spool.keep(small)
        assert not isinstance(last, bytes)
        assert read_content(last) == small


def test_contents_of_the_spool_are_written(tmp_path: Path) -> None:
    with open_spool(str(tmp_path)) as spool:
        spool.keep(b"before" * SMALL)
        content = b"content" * SMALL
        offset = spool.size
        spool.keep(content)
        target = str(tmp_path / "target")
        write((spool.descriptor, offset), len(content), 0, (target,), -1, -1, False)
        assert Path(target).read_bytes() == content
        assert [path.name for path in tmp_path.iterdir()] == ["target"]


def test_directory_that_cannot_be_written_is_not_needed(tmp_path: Path) -> None:
    with open_spool(str(tmp_path / "missing")) as spool:
        kept = spool.keep(b"content" * SMALL)
        assert read_content(kept) == b"content" * SMALL
