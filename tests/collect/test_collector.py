"""The collector: stale files, protected files, hard links and variants."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from buildstatic.collect.workers.pool import MIN_ITEMS
from tests.collect.conftest import Collect
from tests.collect.sites import Site, contents, manage, plain_environ
from tests.running import started

MANIFEST = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
WHITENOISE = "whitenoise.storage.CompressedManifestStaticFilesStorage"
DATABASE = 'DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": {}}}}}\n'


def test_changed_content_with_an_older_time_is_collected(site: Site, collect: Collect) -> None:
    assert collect(site, "--noinput").code == 0
    file = site.root / "static/js/site.js"
    file.write_text("console.log('edit');\n")
    os.utime(file, (0, 0))
    ran = collect(site, "--noinput")
    assert "1 static file copied" in ran.out
    assert (site.tree / "js/site.js").read_text() == "console.log('edit');\n"


def test_stale_files_are_counted_until_pruned(site: Site, collect: Collect) -> None:
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


def test_references_to_pruned_files_are_broken(site: Site, collect: Collect) -> None:
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


@pytest.mark.parametrize(
    ("option", "place"),
    [
        pytest.param("--clear", "BASE_DIR", id="project"),
        pytest.param("--prune", "BASE_DIR", id="prune"),
        pytest.param("--clear", 'BASE_DIR / "mysite" / ".."', id="unnormalized"),
        pytest.param("--clear", "BASE_DIR.parent", id="parent"),
        pytest.param("--clear", 'Path("/")', id="root"),
        pytest.param("--prune", 'BASE_DIR / "shop" / "static"', id="app-files"),
        pytest.param("--clear", 'BASE_DIR / "shop"', id="app"),
    ],
)
def test_clear_refuses_to_remove_other_files(
    site: Site, collect: Collect, option: str, place: str
) -> None:
    site.app("shop", {"shop/shop.css": "shop"})
    site.append(f"STATIC_ROOT = {place}\n")
    before = contents(site.root)
    ran = collect(site, "--noinput", option)
    assert ran.code == 20, ran.err
    assert f"error: {option} would remove " in ran.err
    assert without_bytecode(contents(site.root)) == without_bytecode(before)


UPLOADS = ("staticfiles/media/user.jpg", 'MEDIA_ROOT = STATIC_ROOT / "media"\n')
SQLITE = ("staticfiles/db.sqlite3", DATABASE.format('STATIC_ROOT / "db.sqlite3"'))
URI = ("staticfiles/db", DATABASE.format('f"file:{STATIC_ROOT}/db?mode=rwc"'))


@pytest.mark.parametrize(
    ("command", "kept", "settings"),
    [
        pytest.param("--clear", *UPLOADS, id="clear-uploads"),
        pytest.param("--prune", *UPLOADS, id="prune-uploads"),
        pytest.param("manage.py", *UPLOADS, id="manage.py-uploads"),
        pytest.param("--clear", *SQLITE, id="clear-database"),
        pytest.param("--prune", *URI, id="prune-database-uri"),
    ],
)
def test_clear_refuses_to_remove_uploads_and_databases(
    site: Site, collect: Collect, command: str, kept: str, settings: str
) -> None:
    site.write({kept: "kept"})
    site.append(settings)
    assert collect(site, "--noinput").code == 0
    if command == "manage.py":
        site.append('INSTALLED_APPS.insert(0, "buildstatic.django")\n')
        ran = manage(site, "--noinput", "--clear")
        assert ran.code == 1
        assert ran.err.startswith("CommandError: --clear would remove ")
    else:
        ran = collect(site, "--noinput", command)
        assert ran.code == 20, ran.err
        assert f"error: {command} would remove " in ran.err
    assert (site.root / kept).read_text() == "kept"


def test_clear_works_beside_uploads_and_databases(site: Site, collect: Collect) -> None:
    site.append('MEDIA_ROOT = BASE_DIR / "media"\n' + DATABASE.format('":memory:"'))
    site.write({"staticfiles/old.css": "old"})
    assert collect(site, "--noinput", "--clear").code == 0
    assert not (site.tree / "old.css").exists()


def test_database_beside_a_separate_manifest_is_allowed(site: Site, collect: Collect) -> None:
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


def test_named_pipes_are_refused_without_waiting(site: Site, collect: Collect) -> None:
    os.mkfifo(site.root / "static/pipe")
    ran = collect(site, "--noinput")
    assert ran.code == 23
    assert f"{site.root}/static/pipe cannot be collected: it is not a regular file." in ran.err


def test_all_broken_references_are_reported(site: Site, collect: Collect) -> None:
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


def test_missing_source_maps_may_be_warnings(site: Site, collect: Collect) -> None:
    site.storage(MANIFEST)
    text = "//# sourceMappingURL=b.js.map\n"
    site.write({"static/b.js": text})
    ran = collect(site, "--noinput", "--missing-maps=warn")
    assert ran.code == 0
    assert "warning: b.js:1: //# sourceMappingURL=b.js.map" in ran.err
    assert (site.tree / "b.js").read_text() == text


def test_failure_leaves_the_tree_unchanged(site: Site, collect: Collect) -> None:
    site.storage(MANIFEST)
    assert collect(site, "--noinput").code == 0
    before = contents(site.tree)
    site.write({"static/css/site.css": "a { background: url(gone.png) }"})
    assert collect(site, "--noinput", "--clear").code == 26
    assert contents(site.tree) == before


def many(site: Site) -> None:
    """Add enough files that worker processes write them."""
    site.write({f"static/many/{number}.txt": str(number) for number in range(MIN_ITEMS)})


@pytest.mark.slow
def test_broken_reference_leaves_an_empty_tree_empty(site: Site, collect: Collect) -> None:
    site.storage(MANIFEST)
    many(site)
    site.write({"static/css/site.css": "a { background: url(gone.png) }"})
    assert collect(site, "--noinput").code == 26
    assert list(site.tree.iterdir()) == []


DELETES = """
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage

class Own(ManifestStaticFilesStorage):
    def post_process(self, paths, **options):
        yield from super().post_process(paths, **options)
        for name in paths:
            self.delete(name)
"""


@pytest.mark.slow
def test_files_that_the_storage_deletes_are_not_published(site: Site, collect: Collect) -> None:
    many(site)
    site.write({"mysite/files.py": DELETES})
    site.storage("mysite.files.Own")
    ran = collect(site, "--noinput")
    assert "ran in memory" in ran.err
    collected = contents(site.tree)
    hashed = json.loads(collected.pop("staticfiles.json"))["paths"]
    assert set(collected) == set(hashed.values())
    assert collected[hashed["many/7.txt"]] == b"7"


def until_changed(first: Path, before: bytes, _last: Path) -> None:
    """Wait until the run writes."""
    end = time.monotonic() + 30
    while first.read_bytes() == before and time.monotonic() < end:
        time.sleep(0.005)


@pytest.mark.slow
def test_concurrent_runs_give_one_consistent_tree(site: Site, collect: Collect) -> None:
    site.storage(WHITENOISE)
    site.write({f"static/{number}.css": "a { color: red }\n" * number for number in range(200)})
    command = (sys.executable, "-m", "buildstatic", "collect", "--noinput", "--path", site.root)
    environ = plain_environ()
    with started(*command, env=environ) as one, started(*command, env=environ) as other:
        assert [run.wait(240) for run in (one, other)] == [0, 0]
    together = contents(site.tree)
    assert collect(site, "--noinput", "--clear").code == 0
    assert contents(site.tree) == together


def test_hardlinks_link_equal_files(site: Site, collect: Collect) -> None:
    site.storage(MANIFEST)
    site.write({"static/copy.js": (site.root / "static/js/site.js").read_text()})
    assert collect(site, "--noinput", "--hardlinks").code == 0
    assert (site.tree / "copy.js").samefile(site.tree / "js/site.js")
    assert (site.tree / "copy.js").stat().st_nlink == 4


def test_hardlinks_with_clear_replace_existing_copies(site: Site, collect: Collect) -> None:
    site.write({"static/copy.js": (site.root / "static/js/site.js").read_text()})
    assert collect(site, "--noinput").code == 0
    assert collect(site, "--noinput", "--clear", "--hardlinks").code == 0
    assert (site.tree / "copy.js").samefile(site.tree / "js/site.js")


def test_files_are_copies_with_current_times_by_default(site: Site, collect: Collect) -> None:
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
def test_compress_options_make_variants_for_any_known_storage(
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
def test_outdated_variants_are_removed_if_requested(
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


def test_sources_named_like_variants_are_kept(site: Site, collect: Collect) -> None:
    site.write({"static/a.css": "old", "static/a.css.gz": "a source"})
    assert collect(site, "--noinput").code == 0
    site.write({"static/a.css": "new content"})
    assert collect(site, "--noinput", "--compress", "none").code == 0
    assert (site.tree / "a.css.gz").read_text() == "a source"


@pytest.mark.slow
def test_killed_run_leaves_no_outdated_variants(site: Site) -> None:
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


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "return super().hashed_name(*arguments)",
            "storage     its own code ran in memory, because mysite.files.Own has its own "
            "hashed_name",
        ),
        (
            "return str(self.location) and super().hashed_name(*arguments)",
            "Django's own code was used, because mysite.files.Own has its own hashed_name, and its "
            "code uses location.",
        ),
        (
            "return open(__file__) and super().hashed_name(*arguments)",
            "Django's own code was used, because mysite.files.Own has its own hashed_name, and its "
            "code uses open.",
        ),
    ],
    ids=["in memory", "on disk after all", "on disk"],
)
def test_summary_says_how_the_storage_was_used_and_why(
    line: str, message: str, site: Site, collect: Collect
) -> None:
    code = (
        "from django.contrib.staticfiles.storage import ManifestStaticFilesStorage\n\n\n"
        "class Own(ManifestStaticFilesStorage):\n"
        f"    def hashed_name(self, *arguments):\n        {line}\n"
    )
    site.write({"mysite/files.py": code})
    site.storage("mysite.files.Own")
    ran = collect(site, "--noinput")
    assert ran.code == 0
    assert f"{message}\n" in ran.err
    assert json.loads((site.tree / "staticfiles.json").read_text())["paths"].keys() == {
        "css/site.css",
        "img/dot.svg",
        "js/site.js",
    }
