"""The worker pool: results, failures, signals, and that no process is left."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from buildstatic.atomic import PREFIX
from buildstatic.collect.tree import Tree, list_files
from buildstatic.collect.workers.pool import MIN_ITEMS, Item, worker_pool
from buildstatic.errors import CollectFailed
from tests.collect.pythons import REPOSITORY

pytestmark = pytest.mark.slow

SECONDS = 60
UNUSUAL_NAMES = ["with space", "two\nlines", os.fsdecode(b"caf\xe9"), "é", "'\"$(x)`\\"]


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    """Return enough files to start processes, some with unusual names."""
    names = [*UNUSUAL_NAMES, *map(str, range(MIN_ITEMS))]
    (tmp_path / "in").mkdir()
    found = [tmp_path / "in" / name for name in names]
    for number, path in enumerate(found):
        path.write_bytes(b"@import %d" % number)
    return found


def reads(paths: list[Path]) -> list[Item]:
    return [(str(path), "", (b"@import",), True, True) for path in paths]


def gone(pid: int) -> bool:
    """Return whether the process *pid* ended; a zombie has no command line."""
    try:
        return not Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return True


def is_over(session: int) -> bool:
    """Return whether every process of *session* ended."""
    command = ["ps", "-o", "pid=", "-s", str(session)]
    listed = subprocess.run(command, capture_output=True, text=True).stdout.split()
    return all(gone(int(pid)) for pid in listed)


def stopped(pid: int) -> bool:
    """Return whether the process *pid*, which was sent SIGSTOP, is stopped."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def soon(condition: Callable[[], bool]) -> bool:
    """Wait until *condition* holds."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def test_results_are_in_order(paths: list[Path]) -> None:
    with worker_pool(1) as alone, worker_pool(3) as pool:
        expected = list(alone.run("read", reads(paths)))
        assert list(pool.run("read", reads(paths))) == expected
        assert (len(alone.processes), len(pool.processes)) == (0, 3)
    assert [result[-1] for result in expected] == [
        b"@import %d" % number for number in range(len(paths))
    ]


def test_unusual_names_are_written(paths: list[Path], tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    items = []
    for path in paths:
        found = path.stat()
        target = (str(tmp_path / "out" / path.name),)
        items.append((str(path), found.st_size, found.st_mtime_ns, target, -1, -1, False))
    with worker_pool(2) as pool:
        assert list(pool.run("write", items)) == [(1,)] * len(paths)
    assert {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir()} == {
        p.name: p.read_bytes() for p in paths
    }


def test_tasks_run_before_their_results_are_taken(paths: list[Path], tmp_path: Path) -> None:
    write: Item = (b"text", 0, 0, (str(tmp_path / "early"),), -1, -1, False)
    with worker_pool(2) as pool:
        early = pool.run("write", [write] * len(paths))
        assert soon((tmp_path / "early").exists)
        later = list(pool.run("read", reads(paths)))
        assert [result[-1] for result in later] == [p.read_bytes() for p in paths]
        assert list(early) == [(1,)] * len(paths)


def test_few_files_start_no_process(paths: list[Path]) -> None:
    with worker_pool(2) as pool:
        assert len(list(pool.run("read", reads(paths[: MIN_ITEMS - 1])))) == MIN_ITEMS - 1
        assert list(pool.run("read", [])) == []
        assert pool.processes == []


def test_processes_are_started_once(paths: list[Path]) -> None:
    with worker_pool(2) as pool:
        list(pool.run("read", reads(paths)))
        before = [process.pid for process in pool.processes]
        list(pool.run("read", reads(paths)))
        assert [process.pid for process in pool.processes] == before


def test_tasks_run_here_if_no_process_starts(
    paths: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for executable in ("", "/nonexistent/python"):
        monkeypatch.setattr(sys, "executable", executable)
        with worker_pool(2) as pool:
            assert len(list(pool.run("read", reads(paths)))) == len(paths)
            assert pool.processes == []


Process = subprocess.Popen[bytes]


def fail(
    count: int,
    processes: list[Process],
    task: str,
    items: list[Item],
    disturb: Callable[[], object],
) -> None:
    """Run *items*, and call *disturb* after the first; put the workers into *processes*."""
    with worker_pool(count) as pool:
        results = pool.run(task, items)
        next(results)
        processes += pool.processes
        disturb()
        list(results)


@pytest.mark.parametrize("count", [1, 2])
def test_first_failed_file_is_named(paths: list[Path], count: int) -> None:
    paths[200].unlink()
    paths[300].unlink()
    processes: list[Process] = []
    with pytest.raises(FileNotFoundError) as caught:
        fail(count, processes, "read", reads(paths), lambda: None)
    assert caught.value.filename == str(paths[200])
    assert all(process.returncode is not None for process in processes)


@pytest.mark.parametrize("task", ["read", "write"])
def test_killed_worker_is_reported(paths: list[Path], tmp_path: Path, task: str) -> None:
    target = (str(tmp_path / "target"),)
    write: Item = (b"text", 0, 0, target, -1, -1, False)
    items = reads(paths) * 200 if task == "read" else [write] * 80_000
    processes: list[Process] = []
    with pytest.raises(CollectFailed) as caught:
        fail(2, processes, task, items, lambda: processes[0].kill())
    assert "was killed by SIGKILL while" in str(caught.value)
    assert "memory" in caught.value.advice
    assert all(process.returncode is not None for process in processes)


def test_worker_that_died_between_tasks_is_reported(paths: list[Path]) -> None:
    with worker_pool(2) as pool:
        list(pool.run("read", reads(paths)))
        for process in pool.processes:
            process.kill()
            process.wait()
        with pytest.raises(CollectFailed, match="was killed by SIGKILL"):
            list(pool.run("read", reads(paths)))


def test_hanging_worker_is_killed(paths: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("buildstatic.collect.workers.pool.GRACE", 0.1)
    processes: list[Process] = []

    def hang() -> None:
        processes[0].send_signal(signal.SIGSTOP)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail(2, processes, "read", reads(paths) * 50, hang)
    assert processes[0].returncode == -signal.SIGKILL
    assert all(process.returncode is not None for process in processes)


ENDLESS = """
    import sys
    from buildstatic.collect.workers.pool import worker_pool
    source, target, size, modified, count = sys.argv[1:]
    item = (source, int(size), int(modified), (target,), -1, -1, False)
    with worker_pool(2) as pool:
        results = pool.run("write", [item] * int(count))
        next(results)
        print(*(process.pid for process in pool.processes), flush=True)
        list(results)
"""


@pytest.fixture
def endless(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """Start a process whose workers write a file again and again; yield it and their ids."""
    source, target = tmp_path / "source", tmp_path / "tree" / "target"
    target.parent.mkdir()
    source.write_bytes(random.Random(1).randbytes(2 << 20))
    found = source.stat()
    arguments = [source, target, found.st_size, found.st_mtime_ns, 1_000_000]
    process = subprocess.Popen(
        [sys.executable, "-c", dedent(ENDLESS), *map(str, arguments)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
    )
    assert process.stdout is not None
    pids = [int(pid) for pid in process.stdout.readline().split()]
    assert len(pids) == 2
    yield process, pids
    if process.poll() is None:
        process.kill()
    process.communicate()
    assert soon(lambda: all(map(gone, pids)))


Endless = tuple[subprocess.Popen[str], list[int]]


def left(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "tree").iterdir())


def test_ctrl_c_leaves_no_process_and_no_file(endless: Endless, tmp_path: Path) -> None:
    process, pids = endless
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=SECONDS)
    assert err.count("Traceback") == 1  # the parent's; workers print nothing
    assert err.rstrip().endswith("KeyboardInterrupt")
    assert all(map(gone, pids))
    assert left(tmp_path) == ["target"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_workers_end_with_their_parent(
    endless: Endless, tmp_path: Path, number: signal.Signals
) -> None:
    process, pids = endless
    process.send_signal(number)
    process.wait(SECONDS)
    assert soon(lambda: all(map(gone, pids)))
    _, err = process.communicate(timeout=SECONDS)
    assert err == ""
    # The current file was completed, and no other was begun.
    assert left(tmp_path) == ["target"]
    assert (tmp_path / "tree" / "target").read_bytes() == (tmp_path / "source").read_bytes()


MANY = """
    import sys
    from buildstatic.collect.workers.pool import worker_pool
    source, size, modified, tree = sys.argv[1:]
    how = (source, int(size), int(modified))
    items = [(*how, (f"{tree}/{n}",), -1, -1, False) for n in range(100_000)]
    with worker_pool(2) as pool:
        results = pool.run("write", items)
        next(results)
        print(*(process.pid for process in pool.processes), flush=True)
        list(results)
"""


def test_worker_begins_nothing_after_its_parent_ended(tmp_path: Path) -> None:
    source, tree = tmp_path / "source", tmp_path / "tree"
    source.write_bytes(bytes(300_000))
    tree.mkdir()
    found = source.stat()
    arguments = [source, found.st_size, found.st_mtime_ns, tree]
    command = [sys.executable, "-c", dedent(MANY), *map(str, arguments)]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        pids = [int(pid) for pid in process.stdout.readline().split()]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        assert soon(lambda: all(map(stopped, pids)))
        process.kill()
    before = len(list(tree.iterdir()))
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
    assert soon(lambda: all(map(gone, pids)))
    assert len(list(tree.iterdir())) <= before + len(pids)


def test_next_run_removes_files_of_killed_workers(endless: Endless, tmp_path: Path) -> None:
    process, pids = endless
    tree = tmp_path / "tree"
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    assert soon(lambda: all(map(stopped, pids)))
    # Stopped at any point of their work: continue until one has an incomplete file.
    for _ in range(1000):
        if any(name.startswith(PREFIX) for name in left(tmp_path)):
            break
        os.kill(pids[0], signal.SIGCONT)
        time.sleep(0.001)
        os.kill(pids[0], signal.SIGSTOP)
        assert soon(lambda: stopped(pids[0]))
    for pid in (process.pid, *pids):
        os.kill(pid, signal.SIGKILL)
    process.wait(SECONDS)
    assert soon(lambda: all(map(gone, pids)))
    assert any(name.startswith(PREFIX) for name in left(tmp_path))
    assert list_files(Tree(str(tree), None, None)) == {"target"}
    assert left(tmp_path) == ["target"]
    assert (tree / "target").read_bytes() == (tmp_path / "source").read_bytes()


NAMES = """
    import os, sys
    from buildstatic.collect.workers.pool import worker_pool
    names = [os.path.join(sys.argv[1], name) for name in os.listdir(sys.argv[1])]
    with worker_pool(2) as pool:
        found = list(pool.run("read", [(name, "", (), False, False) for name in names]))
        assert pool.processes
    print(sys.getfilesystemencoding(), len(found))
"""


@pytest.mark.parametrize("locale", ["C", "C.UTF-8", "ISO-8859-1"])
def test_worker_decodes_names_as_its_parent(paths: list[Path], tmp_path: Path, locale: str) -> None:
    environ = {**os.environ, "LC_ALL": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    if locale == "ISO-8859-1":
        environ |= {"LC_ALL": "en_US", "LOCPATH": str(made_locale(tmp_path / "locales", locale))}
    done = subprocess.run(
        [sys.executable, "-c", dedent(NAMES), paths[0].parent],
        cwd=REPOSITORY,
        env=environ,
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    encoding, count = done.stdout.split()
    assert int(count) == len(paths)
    if locale == "ISO-8859-1":
        assert encoding == "iso8859-1"


def made_locale(directory: Path, charmap: str) -> Path:
    """Compile the locale en_US in *charmap* below *directory*, or skip without localedef."""
    directory.mkdir()
    if not shutil.which("localedef"):
        pytest.skip("nothing makes locales here")
    command = ["localedef", "-i", "en_US", "-f", charmap, str(directory / "en_US")]
    if subprocess.run(command, capture_output=True).returncode > 1:
        pytest.skip("there is nothing to make locales from")
    return directory
