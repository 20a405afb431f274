"""Unusual and broken input: handled, or reported on one line; nothing is lost."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.collect.conftest import Collect
from tests.collect.rights import disk
from tests.collect.sites import Ran, Site, contents, make_site, manage, plain_environ, run
from tests.collect.workers.test_pool import is_over, soon
from tests.running import started

pytestmark = [pytest.mark.slow, pytest.mark.limited]

PLAIN = "django.contrib.staticfiles.storage.StaticFilesStorage"
MANIFEST = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
WHITENOISE = "whitenoise.storage.CompressedManifestStaticFilesStorage"
COLLECT = (sys.executable, "-m", "buildstatic", "collect", "--noinput")
DOOR = (sys.executable, "manage.py", "collectstatic", "--noinput")


def door(site: Site) -> Site:
    """Install buildstatic.django in *site*."""
    site.append('INSTALLED_APPS.insert(0, "buildstatic.django")\n')
    return site


def assert_message(ran: Ran, code: int, *words: str) -> None:
    """Assert that *ran* failed with *code* and one line that contains *words*."""
    assert ran.code == code, ran.err
    assert "Traceback" not in ran.err
    assert len(ran.err.splitlines()) == 1, ran.err
    for word in words:
        assert word in ran.err


def circle_to_parent(site: Site) -> Path:
    return link(site.root / "static/loop", "..")


def circle_to_itself(site: Site) -> Path:
    return link(site.root / "static/self.css", "self.css")


def two_circles(site: Site) -> Path:
    """Link twice to the same directory, which gives infinitely many paths."""
    link(site.root / "static/css/b", ".")
    return link(site.root / "static/css/a", ".")


def circle_of_two(site: Site) -> Path:
    link(site.root / "static/css/js", "../js")
    return link(site.root / "static/js/css", "../css")


def link(place: Path, target: str) -> Path:
    place.symlink_to(target)
    return place


CIRCLES = [circle_to_parent, circle_to_itself, two_circles, circle_of_two]


@pytest.mark.parametrize("circle", CIRCLES)
def test_link_cycles_are_reported_before_writing(
    site: Site, collect: Collect, circle: Callable[[Site], Path]
) -> None:
    circle(site)
    ran = collect(site, "--noinput")
    assert_message(ran, 23, f"{site.root}/static/", " is a symbolic link to ", "Remove the link.")
    assert not site.tree.exists()


@pytest.mark.parametrize("circle", [circle_to_itself, two_circles])
def test_manage_py_reports_the_first_link_of_a_cycle(
    site: Site, circle: Callable[[Site], Path]
) -> None:
    place = circle(site).parent
    ran = manage(door(site), "--noinput")
    assert_message(ran, 1, f"CommandError: {place}/", " is a symbolic link to ")


def test_repeated_directory_names_are_not_a_cycle(site: Site, collect: Collect) -> None:
    site.write({"static/css/css/css/a.css": "a", "elsewhere/css/b.css": "b"})
    link(site.root / "static/css/js", "../../elsewhere")
    assert collect(site, "--noinput").code == 0
    assert {"css/css/css/a.css", "css/js/css/b.css"} <= set(contents(site.tree))


def test_manage_py_reports_broken_links(site: Site) -> None:
    link(site.root / "static/gone.css", "nowhere")
    assert_message(manage(door(site), "--noinput"), 1, "static/gone.css is a broken symbolic link")


@contextmanager
def closed(path: Path, mode: int) -> Iterator[None]:
    """Set the mode of *path* in the block."""
    before = path.stat().st_mode
    path.chmod(mode)
    try:
        yield
    finally:
        path.chmod(before)


def without_rights(site: Site, *command: str | Path) -> Ran:
    """Run *command* without root's right to ignore modes."""
    if os.geteuid() == 0:
        command = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", *command)
    return run(*command, cwd=site.root)


@pytest.mark.parametrize(
    ("place", "mode", "code", "message"),
    [
        pytest.param("static/js/site.js", 0, 23, "site.js cannot be collected", id="file"),
        pytest.param("static/js", 0, 23, "static/js cannot be collected", id="directory"),
        pytest.param("static/js", 0o444, 23, "site.js cannot be collected", id="only listed"),
        pytest.param("staticfiles", 0o555, 31, "staticfiles/css cannot be written", id="tree"),
        pytest.param("staticfiles/js", 0o555, 31, "js/site.js cannot be written", id="in the tree"),
        pytest.param("staticfiles/js", 0, 31, "staticfiles/js cannot be written", id="unseen"),
    ],
)
def test_missing_permissions_are_reported(
    site: Site, place: str, mode: int, code: int, message: str
) -> None:
    old = "staticfiles" if place == "staticfiles" else "staticfiles/js"
    site.write({f"{old}/old.txt": "old"})
    with closed(site.root / place, mode):
        ran = without_rights(site, *COLLECT)
        by_door = without_rights(door(site), *DOOR)
    assert_message(ran, code, message, "Permission denied")
    assert_message(by_door, 1, message, "Permission denied")
    assert (site.root / old / "old.txt").read_text() == "old"


@pytest.mark.parametrize(
    ("place", "finding"),
    [("static/js/site.js", "source-unreadable"), ("static/js", "collecting-fails")],
)
def test_check_reports_missing_permissions_beside_the_rest(
    site: Site, place: str, finding: str
) -> None:
    with closed(site.root / place, 0):
        ran = without_rights(site, sys.executable, "-m", "buildstatic", "check")
    assert ran.code == 1, ran.err
    assert re.search(rf"^error: {place}: .*\[{finding}\]$", ran.out, re.M), ran.out
    assert "[manifest-storage-off]" in ran.out


@pytest.mark.parametrize("way", ["here", "door"])
def test_files_that_change_while_collecting_are_refused(site: Site, way: str) -> None:
    log, is_over = site.root / "static/log.bin", threading.Event()
    log.touch()
    os.truncate(log, 256 << 20)  # sparse; long enough to read that a write falls into it

    def write() -> None:
        while not is_over.is_set():
            with log.open("ab") as file:
                file.write(b"x")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        ran = manage(door(site), "--noinput") if way == "door" else run(*COLLECT, cwd=site.root)
    finally:
        is_over.set()
        writer.join()
    assert_message(ran, 1 if way == "door" else 23, f"{log} cannot be collected: it changed while")
    assert "log.bin" not in contents(site.tree)


def files_become_directories(site: Site) -> None:
    """Replace a directory by a file, and a file by a directory."""
    (site.root / "static/js/site.js").unlink()
    (site.root / "static/css/site.css").unlink()
    (site.root / "static/css").rmdir()
    site.write({"static/js/site.js/a.js": "a", "static/css": "no directory"})


@pytest.mark.parametrize(
    ("option", "storage"), [("--clear", MANIFEST), ("--prune", MANIFEST), ("--prune", WHITENOISE)]
)
def test_files_and_directories_may_replace_each_other_when_clearing(
    site: Site, collect: Collect, option: str, storage: str
) -> None:
    site.storage(storage)
    site.write({"static/deep/deep.css": "a { color: red }\n" * 99})
    assert collect(site, "--noinput").code == 0
    files_become_directories(site)
    site.write({"staticfiles/deep/deep.css.gz/old.txt": "old"} if storage == MANIFEST else {})
    assert collect(site, "--noinput", option).code == 0
    found = contents(site.tree)
    assert found["js/site.js/a.js"] == b"a"
    assert found["css"] == b"no directory"
    assert_manifest_is_kept(site.tree)
    assert collect(site, "--noinput", "--clear").code == 0
    assert contents(site.tree) == found


def test_directories_with_files_are_only_replaced_with_clear(site: Site, collect: Collect) -> None:
    site.write({"staticfiles/js/site.js/old.txt": "old"})
    ran = collect(site, "--noinput")
    message = (
        "js/site.js is a directory, but a file is to be collected there. Remove it, or collect"
    )
    assert_message(ran, 23, message)
    assert contents(site.tree)["js/site.js/old.txt"] == b"old"
    assert collect(site, "--noinput", "--clear").code == 0
    assert contents(site.tree) == contents(site.root / "static")


@pytest.mark.parametrize("is_link", [False, True], ids=["file", "broken link"])
def test_static_root_that_is_not_a_directory_is_reported(
    site: Site, collect: Collect, is_link: bool
) -> None:
    if is_link:
        link(site.tree, "elsewhere")
    else:
        site.tree.write_text("mine")
    message = f"{site.tree}, the directory to collect to, is a "
    assert_message(
        collect(site, "--noinput", "--clear"), 23, message, "or set STATIC_ROOT to another"
    )
    assert_message(manage(door(site), "--noinput", "--clear"), 1, message)
    assert os.path.lexists(site.tree)


def test_manifest_that_is_a_directory_is_reported(site: Site, collect: Collect) -> None:
    site.storage(MANIFEST)
    (site.tree / "staticfiles.json").mkdir(parents=True)
    place = f"{site.tree}/staticfiles.json"
    assert_message(collect(site, "--noinput"), 23, place, "Is a directory")
    message = f"{place} cannot be read: Is a directory. Fix or remove it."
    assert_message(manage(door(site), "--noinput"), 1, message)


UNUSUAL = (
    "a b.css",
    "it's.css",
    'q"q.css',
    "n\nl.css",
    "t\t.css",
    "%20.css",
    "ü.css",
    "\x1b[31m.css",
)
MORE_UNUSUAL = (
    "ha#sh.css",
    "que?ry.css",
    "[x].css",
    " lead.css",
    "trail ",
    "x\r.css",
    "caf\udce9.css",
)


@pytest.mark.parametrize("storage", [MANIFEST, WHITENOISE])
def test_unusual_file_names_are_collected_as_by_django(
    tmp_path: Path, collect: Collect, storage: str
) -> None:
    sites = [make_site(tmp_path / name / "site") for name in ("reference", "actual")]
    for site in sites:
        site.storage(storage)
        for number, name in enumerate(
            (*UNUSUAL, *MORE_UNUSUAL, "Case.css", "case.css", "e\u0301", "\u00e9")
        ):
            (site.root / "static" / name).write_text("a { color: red }\n" * (number + 9))
    assert manage(sites[0], "--noinput").code == 0
    ran = collect(sites[1], "--noinput")
    assert ran.code == 0, ran.err
    reference, actual = (contents(site.tree) for site in sites)
    manifests = [json.loads(files.pop("staticfiles.json")) for files in (reference, actual)]
    assert manifests[0] == manifests[1]
    assert set(actual) == set(reference)
    assert {n: c for n, c in actual.items() if n[-3:] not in (".gz", ".br")} == {
        n: c for n, c in reference.items() if n[-3:] not in (".gz", ".br")
    }


def test_backslashes_separate_directories_as_in_django(tmp_path: Path, collect: Collect) -> None:
    sites = [make_site(tmp_path / name / "site") for name in ("reference", "actual")]
    for site in sites:
        site.write({"static/a\\b.css": "a"})
    assert manage(sites[0], "--noinput").code == 0
    assert collect(sites[1], "--noinput").code == 0
    assert contents(sites[1].tree) == contents(sites[0].tree)
    assert contents(sites[1].tree)["a/b.css"] == b"a"


def test_manifest_matches_files_with_backslashes(site: Site, collect: Collect) -> None:
    """Django's manifest has another name for such a file than it writes."""
    site.storage(WHITENOISE)
    site.write({"static/a\\b.css": "a { color: red }\n" * 99})
    for _ in range(2):
        assert collect(site, "--noinput").code == 0
    assert_manifest_is_kept(site.tree)
    assert "a/b.css.gz" in contents(site.tree)


def assert_manifest_is_kept(tree: Path) -> None:
    paths = json.loads((tree / "staticfiles.json").read_text())["paths"]
    assert paths
    assert set(paths.values()) <= set(contents(tree))


def out_of_the_tree(site: Site) -> None:
    site.write({"static/a\\..\\..\\evil.css": "evil", "evil.css": "mine"})


def out_of_the_tree_by_a_prefix(site: Site) -> None:
    site.append('STATICFILES_DIRS = [("..", BASE_DIR / "static")]\n')
    site.write({"static/evil.css": "evil", "evil.css": "mine"})


def by_an_absolute_prefix(site: Site) -> None:
    site.append('STATICFILES_DIRS = [(str(BASE_DIR), BASE_DIR / "static")]\n')
    site.write({"static/evil.css": "evil", "evil.css": "mine"})


def there_and_back(site: Site) -> None:
    site.write({"static/x\\..\\evil.css": "evil", "evil.css": "mine"})


def no_name_at_all(site: Site) -> None:
    site.write({"static/evil.css\\": "evil", "evil.css": "mine"})


HOSTILE = [
    out_of_the_tree,
    out_of_the_tree_by_a_prefix,
    by_an_absolute_prefix,
    there_and_back,
    no_name_at_all,
]


@pytest.mark.parametrize(
    ("storage", "hostile"),
    [(PLAIN, out_of_the_tree), *((MANIFEST, hostile) for hostile in HOSTILE)],
)
def test_names_outside_static_root_are_refused(
    tmp_path: Path, collect: Collect, storage: str, hostile: Callable[[Site], None]
) -> None:
    sites = [make_site(tmp_path / name / "site") for name in ("reference", "actual", "doors")]
    for site in sites:
        site.storage(storage)
        hostile(site)
    reference = manage(sites[0], "--noinput")
    assert "SuspiciousFileOperation" in reference.err
    ran = collect(sites[1], "--noinput")
    assert_message(ran, 23, "evil.css", " cannot be collected: ", "--ignore PATTERN")
    by_door = manage(door(sites[2]), "--noinput")
    assert by_door.code == reference.code == 1
    assert by_door.err.splitlines()[-1].startswith("django.core.exceptions.SuspiciousFileOperation")
    for site in sites[1:]:
        assert not site.tree.exists()
        assert (site.root / "evil.css").read_text() == "mine"


@pytest.mark.parametrize("storage", [PLAIN, MANIFEST])
def test_null_bytes_in_names_are_reported(site: Site, collect: Collect, storage: str) -> None:
    site.storage(storage)
    site.append('STATICFILES_DIRS = [("a\\0b", BASE_DIR / "static")]\n')
    ran = collect(site, "--noinput")
    assert_message(ran, 23, "embedded null byte", "--ignore PATTERN")
    assert "Traceback" not in ran.err
    assert contents(site.tree) == {}


def test_dots_in_names_are_allowed(site: Site, collect: Collect) -> None:
    site.write({"static/a..b/c..css": "c", "static/d..": "d"})
    assert collect(site, "--noinput").code == 0
    assert {"a..b/c..css", "d.."} <= set(contents(site.tree))


def test_names_that_differ_only_in_a_backslash_conflict(site: Site, collect: Collect) -> None:
    site.write({"static/a\\b.css": "one", "static/a/b.css": "other"})
    ran = collect(site, "--noinput")
    assert ran.code == 0
    assert "conflicts   1: a/b.css" in ran.err


def test_case_insensitive_collisions_are_reported(site: Site, collect: Collect) -> None:
    """A link makes two directories one, as on a case-insensitive file system."""
    site.storage(MANIFEST)
    assert collect(site, "--noinput").code == 0
    before = (site.tree / "staticfiles.json").read_bytes()
    site.write({"static/A/x.css": "upper", "static/a/x.css": "lower", "staticfiles/a/y": ""})
    link(site.tree / "A", "a")
    ran = collect(site, "--noinput")
    assert_message(
        ran,
        23,
        "A/x.css",
        "a/x.css",
        "have different content, but are the same file in",
        "Rename one",
    )
    assert (site.tree / "staticfiles.json").read_bytes() == before
    site.write({"static/A/x.css": "lower"})
    assert collect(site, "--noinput").code == 0


@pytest.mark.parametrize(
    ("storage", "length", "size"),
    [
        pytest.param(MANIFEST, 255, 268, id="fingerprint"),
        pytest.param(WHITENOISE, 241, 257, id="variant"),
    ],
)
def test_too_long_names_are_reported_with_their_length(
    site: Site, collect: Collect, storage: str, length: int, size: int
) -> None:
    site.storage(storage)
    assert collect(site, "--noinput").code == 0
    before = contents(site.tree)
    name = "n" * (length - 4) + ".css"
    site.write({f"static/css/{name}": "a { color: red }\n" * 99})
    ran = collect(site, "--noinput")
    assert_message(ran, 23, name[:-4], f"its name has {size} bytes", "is 255", "Rename the source")
    assert_message(manage(door(site), "--noinput"), 1, f"its name has {size} bytes")
    after = contents(site.tree)
    assert {name: after.get(name) for name in before} == before


def test_names_of_255_bytes_are_collected(site: Site, collect: Collect) -> None:
    name = "n" * 251 + ".css"
    site.write({f"static/{name}": "long"})
    assert collect(site, "--noinput").code == 0
    assert contents(site.tree)[name] == b"long"


@pytest.mark.parametrize("option", ["", "--clear"])
def test_manage_py_ignores_static_root_inside_a_source(site: Site, option: str) -> None:
    site.append('STATIC_ROOT = BASE_DIR / "static" / "out"\n')
    door(site)
    for _ in range(3):
        assert manage(site, "--noinput", *filter(None, [option])).code == 0
    names = set(contents(site.root / "static/out"))
    assert names == {"css/site.css", "img/dot.svg", "js/site.js"}


def test_static_root_that_is_a_source_fails_the_system_check(site: Site, collect: Collect) -> None:
    site.append('STATIC_ROOT = BASE_DIR / "static"\n')
    ran = collect(site, "--noinput", "--clear")
    assert ran.code == 13
    assert "(staticfiles.E002)" in ran.err
    assert len(contents(site.root / "static")) == 3


@pytest.mark.parametrize("size", [400_000, 95_000], ids=["file", "variant"])
def test_full_disk_leaves_the_tree_unchanged(site: Site, collect: Collect, size: int) -> None:
    site.storage(WHITENOISE)
    with disk(site.tree, "size=300k"):
        assert collect(site, "--noinput").code == 0
        before = contents(site.tree)
        (site.root / "static/noise.css").write_bytes(os.urandom(size // 2).hex().encode())
        ran = collect(site, "--noinput")
        assert_message(ran, 31, f"{site.tree} cannot be written: No space left on device.")
        after = contents(site.tree)
        assert {name: after.get(name) for name in before} == before
        assert not [name for name in after if ".buildstatic-" in name]


@pytest.mark.parametrize("options", [(), ("--clear",), ("--prune",)], ids=str)
def test_read_only_tree_is_reported_with_the_file(
    site: Site, collect: Collect, options: tuple[str, ...]
) -> None:
    site.storage(MANIFEST)
    with disk(site.tree, "size=300k"):
        assert collect(site, "--noinput").code == 0
        before = contents(site.tree)
        subprocess.run(["mount", "-o", "remount,ro", site.tree], check=True)
        message = "staticfiles.json cannot be written: Read-only file system."
        if not options:
            ran = collect(site, "--noinput")
            assert_message(ran, 31, f"{site.tree}/{message}")
        site.write({"static/new.css": "new"})
        ran = collect(site, "--noinput", *options)
        assert_message(ran, 31, f"{site.tree}/new.css cannot be written: Read-only file system.")
        assert contents(site.tree) == before


def test_ctrl_c_leaves_no_partial_files(site: Site) -> None:
    site.storage(WHITENOISE)
    environ = {"XDG_CACHE_HOME": str(site.root.parent / "cache"), "TERM": "xterm"}
    assert run(*COLLECT, cwd=site.root, environ=environ).code == 0
    before = contents(site.tree)
    site.write({f"static/{n}.txt": f"{n} line\n" * 9000 for n in range(200)})
    status, out = interrupted(COLLECT, site, environ, lambda: len([*site.tree.iterdir()]) > 150)
    assert status == 130
    assert out.rstrip().endswith(b"Interrupted.")
    assert b"Traceback" not in out
    after = contents(site.tree)
    assert {name: after.get(name) for name in before} == before
    assert not [name for name in after if ".buildstatic-" in name]


def interrupted(
    command: tuple[str, ...], site: Site, environ: Mapping[str, str], is_time: Callable[[], bool]
) -> tuple[int, bytes]:
    """Run *command* in a terminal, and press Ctrl-C when *is_time*; return how it ended."""
    actual, reference = pty.openpty()
    process = subprocess.Popen(
        ["setsid", "--ctty", "--wait", *command],
        cwd=site.root,
        env={**plain_environ(), **environ},
        stdin=reference,
        stdout=reference,
        stderr=reference,
    )
    os.close(reference)
    with process:
        try:
            end = time.monotonic() + 60
            while not is_time() and time.monotonic() < end:
                time.sleep(0.01)
            os.write(actual, b"\x03")
            out = b"".join(iter(lambda: read(actual), b""))
            return process.wait(60), out
        finally:
            process.kill()
            os.close(actual)


def read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # EIO: the other end is closed
        return b""


@pytest.mark.parametrize("way", ["child", pytest.param("door", marks=pytest.mark.exhaustive)])
def test_next_run_completes_after_a_kill(site: Site, old_click: Path, way: str) -> None:
    site.storage(MANIFEST)
    site.write({f"static/{n}.txt": f"{n}" * 500 for n in range(1000)})
    options = ("--python", str(old_click)) if way == "child" else ()
    command = (*COLLECT, *options)
    if way == "door":
        door(site)
        command = DOOR
    assert run(*command, cwd=site.root).code == 0
    site.write({f"static/{n}.txt": f"new {n}" * 500 for n in range(1000)})
    with started(*command, cwd=site.root, env=plain_environ()) as process:
        end = time.monotonic() + 60
        while (site.tree / "0.txt").read_text()[:1] == "0" and time.monotonic() < end:
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.wait(60)
        assert soon(lambda: is_over(process.pid))
    assert_manifest_is_kept(site.tree)
    assert run(*command, cwd=site.root).code == 0
    assert_manifest_is_kept(site.tree)
    found = contents(site.tree)
    assert {n: found[n] for n in contents(site.root / "static")} == contents(site.root / "static")
    assert not [name for name in found if ".buildstatic-" in name]
