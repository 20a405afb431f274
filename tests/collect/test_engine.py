"""What the engine adds to collectstatic: nothing is lost, nothing is stale, all is said."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.collect.conftest import Collect
from tests.collect.sites import Site, contents, manage, plain_environ
from tests.collect.test_workers import is_over, soon
from tests.running import started

MANIFEST = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
WHITENOISE = "whitenoise.storage.CompressedManifestStaticFilesStorage"
DATABASE = 'DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": {}}}}}\n'


def test_changed_content_with_an_older_time_is_noticed(site: Site, collect: Collect) -> None:
    assert collect(site, "--noinput").code == 0
    file = site.root / "static/js/site.js"
    file.write_text("console.log('edit');\n")
    os.utime(file, (0, 0))
    ran = collect(site, "--noinput")
    assert "1 static file copied" in ran.out
    assert (site.tree / "js/site.js").read_text() == "console.log('edit');\n"


def test_files_of_earlier_runs_stay_and_are_counted_until_they_are_pruned(
    site: Site, collect: Collect
) -> None:
    site.storage(MANIFEST)
    assert collect(site, "--noinput").code == 0
    (site.root / "static/js/site.js").unlink()
    ran = collect(site, "--noinput")
    assert "stale       2 files of earlier runs" in ran.err
    assert (site.tree / "js/site.js").exists()
    ran = collect(site, "--noinput", "--prune")
    assert "removed     2 files of earlier runs" in ran.err
    names = set(contents(site.tree))
    assert not any(name.startswith("js/") for name in names)
    assert "staticfiles.json" in names


def test_what_is_about_to_be_pruned_is_nothing_to_refer_to(site: Site, collect: Collect) -> None:
    site.storage(MANIFEST)
    site.write({"static/a.css": "a { background: url(old.png) }", "static/old.png": "old"})
    assert collect(site, "--noinput").code == 0
    (site.root / "static/old.png").unlink()
    before = contents(site.tree)
    ran = collect(site, "--noinput", "--prune")
    assert ran.code == 26
    assert "static/a.css:1: " in ran.err
    assert "old.png is not among the static files" in ran.err
    assert contents(site.tree) == before
    site.write({"static/a.css": "a { background: none }"})
    assert collect(site, "--noinput", "--prune").code == 0
    assert not [name for name in contents(site.tree) if name.startswith("old")]


@pytest.mark.parametrize("option", ["--clear", "--prune"])
@pytest.mark.parametrize(
    "place",
    [
        pytest.param("BASE_DIR", id="the project"),
        pytest.param('BASE_DIR / "mysite" / ".."', id="the project, spelt otherwise"),
        pytest.param("BASE_DIR.parent", id="its parent"),
        pytest.param('Path("/")', id="root"),
        pytest.param('BASE_DIR / "shop" / "static"', id="an app's own files"),
        pytest.param('BASE_DIR / "shop"', id="an app"),
    ],
)
def test_a_tree_that_holds_more_is_not_cleared(
    site: Site, collect: Collect, option: str, place: str
) -> None:
    site.app("shop", {"shop/shop.css": "shop"})
    site.append(f"STATIC_ROOT = {place}\n")
    before = contents(site.root)
    ran = collect(site, "--noinput", option)
    assert ran.code == 20, ran.err
    assert f"error: {option} would remove " in ran.err
    assert without_bytecode(contents(site.root)) == without_bytecode(before)


@pytest.mark.parametrize("way", ["--clear", "--prune", "door"])
@pytest.mark.parametrize(
    ("kept", "settings"),
    [
        pytest.param(
            "staticfiles/media/user.jpg",
            'MEDIA_ROOT = STATIC_ROOT / "media"\n',
            id="uploads",
        ),
        pytest.param(
            "staticfiles/db.sqlite3", DATABASE.format('STATIC_ROOT / "db.sqlite3"'), id="db"
        ),
        pytest.param(
            "staticfiles/db", DATABASE.format('f"file:{STATIC_ROOT}/db?mode=rwc"'), id="uri"
        ),
    ],
)
def test_uploads_and_databases_in_the_tree_are_not_cleared(
    site: Site, collect: Collect, way: str, kept: str, settings: str
) -> None:
    site.write({kept: "kept"})
    site.append(settings)
    assert collect(site, "--noinput").code == 0
    if way == "door":
        site.append('INSTALLED_APPS.insert(0, "buildstatic.django")\n')
        ran = manage(site, "--noinput", "--clear")
        assert ran.code == 1
        assert ran.err.startswith("CommandError: --clear would remove ")
    else:
        ran = collect(site, "--noinput", way)
        assert ran.code == 20, ran.err
        assert f"error: {way} would remove " in ran.err
    assert (site.root / kept).read_text() == "kept"


def test_a_tree_beside_uploads_and_databases_is_cleared(site: Site, collect: Collect) -> None:
    site.append('MEDIA_ROOT = BASE_DIR / "media"\n' + DATABASE.format('":memory:"'))
    site.write({"staticfiles/old.css": "old"})
    assert collect(site, "--noinput", "--clear").code == 0
    assert not (site.tree / "old.css").exists()


def test_a_database_beside_a_manifest_that_is_kept_elsewhere_is_in_no_ones_way(
    site: Site, collect: Collect
) -> None:
    site.append(
        "from django.core.files.storage import FileSystemStorage\n"
        'KEPT = FileSystemStorage(location=str(BASE_DIR / "data"))\n'
        + DATABASE.format('BASE_DIR / "data" / "db.sqlite3"')
    )
    site.storage(MANIFEST, '{"manifest_storage": KEPT}')
    site.write({"data/db.sqlite3": "kept"})
    for option in ("--clear", "--prune"):
        assert collect(site, "--noinput", option).code == 0
    assert set(contents(site.root / "data")) == {"db.sqlite3", "staticfiles.json"}


def without_bytecode(files: dict[str, bytes]) -> dict[str, bytes]:
    return {name: content for name, content in files.items() if "__pycache__" not in name}


def test_a_pipe_among_the_sources_is_refused_and_waits_for_nobody(
    site: Site, collect: Collect
) -> None:
    os.mkfifo(site.root / "static/pipe")
    ran = collect(site, "--noinput")
    assert ran.code == 23
    assert f"{site.root}/static/pipe cannot be collected: it is no regular file." in ran.err


def test_all_broken_references_are_told_at_once(site: Site, collect: Collect) -> None:
    site.storage(MANIFEST)
    site.write(
        {
            "static/a.css": "a { background: url(one.png) }\n\nb { background: url('two.png') }\n",
            "static/js/b.js": "//# sourceMappingURL=b.js.map\n",
        }
    )
    ran = collect(site, "--noinput")
    assert ran.code == 26
    for line in (
        "    static/a.css:1: url(one.png): one.png is not among the static files.",
        "    static/a.css:3: url('two.png'): two.png is not among the static files.",
        "    static/js/b.js:1: //# sourceMappingURL=b.js.map: js/b.js.map is not among",
    ):
        assert line in ran.err
    assert not (site.tree / "staticfiles.json").exists()


def test_a_source_map_may_be_missing_and_its_line_stays(site: Site, collect: Collect) -> None:
    site.storage(MANIFEST)
    text = "//# sourceMappingURL=b.js.map\n"
    site.write({"static/b.js": text})
    ran = collect(site, "--noinput", "--missing-maps=warn")
    assert ran.code == 0
    assert "warning: b.js:1: //# sourceMappingURL=b.js.map" in ran.err
    assert (site.tree / "b.js").read_text() == text


def test_a_failure_leaves_the_old_manifest_and_all_that_it_names(
    site: Site, collect: Collect
) -> None:
    site.storage(MANIFEST)
    assert collect(site, "--noinput").code == 0
    before = contents(site.tree)
    site.write({"static/css/site.css": "a { background: url(gone.png) }"})
    assert collect(site, "--noinput", "--clear").code == 26
    assert contents(site.tree) == before


def test_a_run_that_is_killed_loses_nothing_and_the_next_one_finishes(
    site: Site, collect: Collect
) -> None:
    site.storage(MANIFEST)
    site.write({f"static/{number}.txt": f"{number}" * 500 for number in range(3000)})
    assert collect(site, "--noinput").code == 0
    before = contents(site.tree)
    site.write({f"static/{number}.txt": f"new {number}" * 500 for number in range(3000)})
    command = (sys.executable, "-m", "buildstatic", "collect", "--noinput", "--path", site.root)
    with started(*command, env=plain_environ(), stderr=subprocess.DEVNULL) as process:
        until_changed(site.tree / "0.txt", before["0.txt"], site.tree / "2999.txt")
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert soon(lambda: is_over(process.pid))
    manifest = (site.tree / "staticfiles.json").read_bytes()
    after = contents(site.tree)
    if manifest == before["staticfiles.json"]:
        assert {name for name in before if "." in name[:-4] and name not in after} == set()
    assert collect(site, "--noinput").code == 0
    final = contents(site.tree)
    assert final["77.txt"] == b"new 77" * 500
    assert not any("/.buildstatic-" in f"/{name}" for name in final)


def until_changed(first: Path, before: bytes, _last: Path) -> None:
    """Wait until the run is writing."""
    end = time.monotonic() + 30
    while first.read_bytes() == before and time.monotonic() < end:
        time.sleep(0.005)


def test_two_runs_at_once_make_one_right_tree(site: Site, collect: Collect) -> None:
    site.storage(WHITENOISE)
    site.write({f"static/{number}.css": "a { color: red }\n" * number for number in range(200)})
    command = (sys.executable, "-m", "buildstatic", "collect", "--noinput", "--path", site.root)
    environ = plain_environ()
    with started(*command, env=environ) as one, started(*command, env=environ) as other:
        assert [run.wait(240) for run in (one, other)] == [0, 0]
    together = contents(site.tree)
    assert collect(site, "--noinput", "--clear").code == 0
    assert contents(site.tree) == together


def test_equal_files_are_one_file_on_request(site: Site, collect: Collect) -> None:
    site.storage(MANIFEST)
    site.write({"static/copy.js": (site.root / "static/js/site.js").read_text()})
    assert collect(site, "--noinput", "--hardlinks").code == 0
    assert (site.tree / "copy.js").samefile(site.tree / "js/site.js")
    assert (site.tree / "copy.js").stat().st_nlink == 4


def test_equal_files_that_are_there_become_one_file_where_all_are_written(
    site: Site, collect: Collect
) -> None:
    site.write({"static/copy.js": (site.root / "static/js/site.js").read_text()})
    assert collect(site, "--noinput").code == 0
    assert collect(site, "--noinput", "--clear", "--hardlinks").code == 0
    assert (site.tree / "copy.js").samefile(site.tree / "js/site.js")


def test_plain_collecting_makes_copies_with_the_time_of_now(site: Site, collect: Collect) -> None:
    site.storage(MANIFEST)
    started = time.time() - 1
    assert collect(site, "--noinput").code == 0
    for path in site.tree.rglob("*"):
        if path.is_file():
            assert path.stat().st_nlink == 1
            assert path.stat().st_mtime >= started


@pytest.mark.parametrize(
    ("options", "suffixes"),
    [
        pytest.param((), set(), id="the storage's"),
        pytest.param(("--compress", "fast"), {".br", ".gz"}, id="fast"),
        pytest.param(("--compress", "best", "--formats", "zst"), {".zst"}, id="zstd"),
        pytest.param(("--formats", "gz"), {".gz"}, id="gzip"),
        pytest.param(("--compress", "none"), set(), id="none"),
    ],
)
def test_variants_are_made_for_any_known_storage_on_request(
    site: Site, collect: Collect, options: tuple[str, ...], suffixes: set[str]
) -> None:
    site.write({"static/long.css": "a { color: red }\n" * 100})
    assert collect(site, "--noinput", *options).code == 0
    found = {path.suffix for path in site.tree.glob("long.css.*")}
    assert found == suffixes


LONG = "a { color: red }\n" * 100


@pytest.mark.parametrize(
    ("options", "content", "left"),
    [
        pytest.param(("--compress", "none"), LONG * 2, set(), id="no variants any more"),
        pytest.param(("--formats", "gz"), LONG * 2, {".gz"}, id="fewer formats"),
        pytest.param(("--compress", "fast"), "a{}", set(), id="not worth it any more"),
        pytest.param((), LONG * 2, {".br", ".gz"}, id="as Django leaves them"),
        pytest.param(("--compress", "none"), LONG, {".br", ".gz"}, id="the same content"),
    ],
)
def test_variants_of_other_content_go_where_this_run_decides_on_them(
    site: Site, collect: Collect, options: tuple[str, ...], content: str, left: set[str]
) -> None:
    site.write({"static/a.css": LONG})
    assert collect(site, "--noinput", "--compress", "fast").code == 0
    before = contents(site.tree)
    site.write({"static/a.css": content} if content != LONG else {})
    ran = collect(site, "--noinput", *options)
    assert ran.code == 0
    found = contents(site.tree)
    assert {path.suffix for path in site.tree.glob("a.css.*")} == left
    if options and ".gz" in left:
        assert gzip.decompress(found["a.css.gz"]).decode() == content
    else:
        assert all(found[f"a.css{suffix}"] == before[f"a.css{suffix}"] for suffix in left)
    assert ("removed  " in ran.err) == (bool(options) and len(left) < 2)


def test_a_source_that_is_called_as_a_variant_is_none(site: Site, collect: Collect) -> None:
    site.write({"static/a.css": "old", "static/a.css.gz": "a source"})
    assert collect(site, "--noinput").code == 0
    site.write({"static/a.css": "new content"})
    assert collect(site, "--noinput", "--compress", "none").code == 0
    assert (site.tree / "a.css.gz").read_text() == "a source"


def test_a_run_that_is_killed_leaves_no_variant_of_other_content(site: Site) -> None:
    site.write({"static/a.css": LONG})
    command = (sys.executable, "-m", "buildstatic", "collect", "--noinput", "--path", site.root)
    cache = {"XDG_CACHE_HOME": str(site.root.parent / "cache")}
    environ = {**plain_environ(), **cache}
    subprocess.run([*command, "--compress", "fast"], env=environ, check=True)
    assert (site.tree / "a.css.gz").exists()
    site.write(
        {"static/a.css": "".join(f".a{number} {{ color: red }}\n" for number in range(400_000))}
    )
    process = subprocess.Popen([*command, "--compress", "best"], env=environ)
    until_changed(site.tree / "a.css", LONG.encode(), site.tree / "a.css")
    process.send_signal(signal.SIGKILL)
    process.wait(60)
    assert (site.tree / "a.css").stat().st_size > len(LONG)
    assert not (site.tree / "a.css.gz").exists()
    assert not (site.tree / "a.css.br").exists()


def test_why_a_storages_own_code_ran_is_said(site: Site, collect: Collect) -> None:
    code = (
        "from django.contrib.staticfiles.storage import ManifestStaticFilesStorage\n\n\n"
        "class Own(ManifestStaticFilesStorage):\n"
        "    def hashed_name(self, name, content=None, filename=None):\n"
        "        return super().hashed_name(name, content, filename)\n"
    )
    site.write({"mysite/files.py": code})
    site.storage("mysite.files.Own")
    ran = collect(site, "--noinput")
    assert ran.code == 0
    said = "Django's own code collected, as mysite.files.Own has its own hashed_name."
    assert said in ran.err
