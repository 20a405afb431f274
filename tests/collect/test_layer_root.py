"""Collecting into a layer root: laid out as in the image, and reproducible."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from buildstatic.atomic import lock_directory
from tests.collect.conftest import Collect
from tests.collect.sites import PLACE, Site, contents, make_site, plain_environ, tar_digest

MANIFEST = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
PLAIN = "django.contrib.staticfiles.storage.StaticFilesStorage"
WHITENOISE = "whitenoise.storage.CompressedManifestStaticFilesStorage"
INSIDE = PLACE.removeprefix("/")


def disturb(site: Site) -> None:
    """Rewrite the sources of *site* in another order, with other times."""
    files = contents(site.root / "static")
    shutil.rmtree(site.root / "static")
    for name in sorted(files, reverse=True):
        path = site.root / "static" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(files[name])
        path.chmod(0o600)
        os.utime(path, (86_400, 86_400))


@pytest.mark.parametrize("backend", [MANIFEST, WHITENOISE])
def test_equal_input_gives_equal_bytes(tmp_path: Path, collect: Collect, backend: str) -> None:
    digests = []
    for name, seed, umask in (("one", "1", 0o022), ("other", "2", 0o077)):
        site = make_site(tmp_path / name / "site")
        site.write(
            {f"static/many/{number}.css": f"a{{order:{number % 7}}}" for number in range(40)}
        )
        site.write({"static/long.js": "console.log('long enough to be compressed');\n" * 100})
        site.storage(backend)
        site.place()
        if name == "other":
            disturb(site)
        before = os.umask(umask)
        layer = tmp_path / name / "layer"
        ran = collect(site, "--noinput", "--layer-root", layer, environ={"PYTHONHASHSEED": seed})
        os.umask(before)
        assert ran.code == 0
        assert f"static files copied to '{layer}{PLACE}'" in ran.out
        digests.append(tar_digest(layer))
    assert digests[0] == digests[1]


def test_second_run_changes_nothing(site: Site, collect: Collect) -> None:
    site.storage(WHITENOISE)
    site.place()
    layer = site.root.parent / "layer"
    assert collect(site, "--noinput", "--layer-root", layer).code == 0
    digest = tar_digest(layer)
    assert collect(site, "--layer-root", layer).code == 0
    assert tar_digest(layer) == digest


def test_changed_file_gets_another_time(site: Site, collect: Collect) -> None:
    site.place()
    layer = site.root.parent / "layer"
    times = []
    for text in ("body { color: red }", "body { color: tan }"):
        site.write({"static/css/site.css": text})
        assert collect(site, "--noinput", "--layer-root", layer).code == 0
        times.append({p.name: p.stat().st_mtime for p in layer.rglob("*") if p.is_file()})
    assert {name for name in times[0] if times[0][name] != times[1][name]} == {"site.css"}


def test_files_of_earlier_runs_are_removed(site: Site, collect: Collect) -> None:
    site.place()
    layer = site.root.parent / "layer"
    stale = layer / INSIDE / "old/gone.css"
    stale.parent.mkdir(parents=True)
    stale.touch()
    assert collect(site, "--noinput", "--layer-root", layer).code == 0
    assert set(contents(layer / INSIDE)) == set(contents(site.root / "static"))
    assert not stale.parent.exists()


def test_dry_run_changes_nothing(site: Site, collect: Collect) -> None:
    site.place()
    layer = site.root.parent / "layer"
    stale = layer / INSIDE / "old.css"
    stale.parent.mkdir(parents=True)
    stale.touch()
    before = tar_digest(layer)
    ran = collect(site, "--noinput", "--dry-run", "--layer-root", layer)
    assert ran.code == 0
    assert "Pretending to copy" in ran.out
    assert tar_digest(layer) == before


def strict(site: Site) -> None:
    site.app("shop", {"css/site.css": "of the shop"})


def raising_finder(site: Site) -> None:
    finder = (
        "from django.contrib.staticfiles.finders import FileSystemFinder\n\n\n"
        "class Finder(FileSystemFinder):\n"
        "    def list(self, ignore_patterns):\n"
        "        raise ValueError('not today')\n"
    )
    site.write({"mysite/finding.py": finder})
    site.append('STATICFILES_FINDERS = ["mysite.finding.Finder"]\n')


def broken_reference(site: Site) -> None:
    site.write({"static/css/site.css": "a { background: url(gone.png) }"})


def nothing_wrong(_site: Site) -> None:
    pass


@pytest.mark.parametrize(
    ("wrong", "option", "code"),
    [
        pytest.param(nothing_wrong, "--plan", 0, id="plan"),
        pytest.param(strict, "--strict", 25, id="conflict"),
        pytest.param(raising_finder, "--noinput", 23, id="finder"),
        pytest.param(broken_reference, "--noinput", 26, id="reference"),
    ],
)
def test_earlier_layer_is_kept_on_errors(
    site: Site, collect: Collect, wrong: Callable[[Site], None], option: str, code: int
) -> None:
    site.storage(MANIFEST)
    site.place()
    layer = site.root.parent / "layer"
    assert collect(site, "--noinput", "--layer-root", layer).code == 0
    before = tar_digest(layer)
    wrong(site)
    ran = collect(site, option, "--layer-root", layer)
    assert ran.code == code, ran.err
    assert tar_digest(layer) == before


def test_references_to_an_earlier_layer_are_broken(site: Site, collect: Collect) -> None:
    site.storage(MANIFEST)
    site.place()
    layer = site.root.parent / "layer"
    site.write({"static/css/old/a.txt": "a", "static/css/site.css": "a { b: url(old) }"})
    assert collect(site, "--noinput", "--layer-root", layer).code == 0
    shutil.rmtree(site.root / "static/css/old")
    ran = collect(site, "--noinput", "--layer-root", layer)
    assert ran.code == 26
    assert "url(old)" in ran.err


def test_own_code_gets_an_empty_layer_without_a_question(site: Site, collect: Collect) -> None:
    site.write({"mysite/files.py": OWN})
    site.storage("mysite.files.Own")
    site.place()
    layer = site.root.parent / "layer"
    for name in ("old", "new"):
        site.write({f"static/{name}.txt": name})
        assert collect(site, "--layer-root", layer).code == 0
        (site.root / f"static/{name}.txt").unlink()
    assert "old.txt" not in contents(layer / INSIDE)
    assert "new.txt" in contents(layer / INSIDE)


OWN = """\
from django.contrib.staticfiles.storage import StaticFilesStorage


class Own(StaticFilesStorage):
    def exists(self, name):
        return super().exists(name)
"""


@pytest.mark.parametrize("static_root", ["{!r}", "os.path.relpath({!r})"])
def test_own_code_finds_its_files_below_static_root(
    site: Site, collect: Collect, static_root: str
) -> None:
    site.write({"mysite/files.py": READS_STATIC_ROOT})
    site.storage("mysite.files.Upper")
    site.append(f"import os\nSTATIC_ROOT = {static_root.format(PLACE)}\n")
    layer = site.root.parent / "layer"
    assert collect(site, "--noinput", "--layer-root", layer).code == 0
    assert (layer / INSIDE / "css/site.css").read_text().startswith("BODY")


READS_STATIC_ROOT = """\
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.storage import StaticFilesStorage


class Upper(StaticFilesStorage):
    def post_process(self, paths, dry_run=False, **options):
        for name in paths:
            file = Path(settings.STATIC_ROOT) / name
            file.write_text(file.read_text().upper())
            yield name, name, True
"""


@pytest.mark.slow
def test_concurrent_runs_wait_for_each_other(site: Site) -> None:
    site.storage(WHITENOISE)
    site.place()
    site.write({f"static/{number}.css": "a { color: red }\n" * number for number in range(300)})
    command = (sys.executable, "-m", "buildstatic", "collect", "--noinput", "--path", site.root)
    roots = [site.root.parent / name for name in ("alone", "shared")]
    places = [roots[0], *[roots[1]] * 3]
    runs = [
        subprocess.Popen(
            [*command, "--layer-root", place], env=plain_environ(), stdout=subprocess.DEVNULL
        )
        for place in places
    ]
    assert [run.wait(120) for run in runs] == [0, 0, 0, 0]
    alone, shared = (tar_of(root) for root in roots)
    assert shared == alone


def tar_of(root: Path) -> str:
    """Return the digest of *root* without its name."""
    named = root.rename(root.with_name("layer"))
    try:
        return tar_digest(named)
    finally:
        named.rename(root)


def test_lock_is_on_the_current_directory(tmp_path: Path) -> None:
    place = tmp_path / "tree"
    found: list[bool] = []

    def make() -> None:
        place.mkdir(exist_ok=True)

    waiting = threading.Thread(target=lambda: found.append(is_of(place, make)))
    with lock_directory(place, make):
        waiting.start()
        time.sleep(0.3)
        place.rename(tmp_path / "away")
        place.mkdir()
    waiting.join(10)
    assert found == [True]


def is_of(place: Path, make: Callable[[], None]) -> bool:
    """Tell whether the lock on *place* is on the directory that is there."""
    with lock_directory(place, make) as descriptor:
        return os.path.samestat(os.fstat(descriptor), place.stat())


def test_relative_layer_root_is_relative_to_the_working_directory(
    site: Site, collect: Collect
) -> None:
    site.place()
    assert collect(site, "--noinput", "--layer-root", "some/layer").code == 0
    assert (site.root.parent / "some/layer" / INSIDE / "js/site.js").exists()


def test_project_without_static_files_gives_an_empty_tree(site: Site, collect: Collect) -> None:
    site.place()
    shutil.rmtree(site.root / "static")
    layer = site.root.parent / "layer"
    assert collect(site, "--noinput", "--layer-root", layer).code == 0
    assert list((layer / INSIDE).iterdir()) == []


def test_location_of_the_storage_is_used(site: Site, collect: Collect) -> None:
    site.storage(MANIFEST, '{"location": "/buildstatic-tests/elsewhere"}')
    layer = site.root.parent / "layer"
    assert collect(site, "--noinput", "--layer-root", layer).code == 0
    assert (layer / "buildstatic-tests/elsewhere/staticfiles.json").exists()
    assert not (layer / INSIDE).exists()
    assert not site.tree.exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "kept", ["/buildstatic-manifest", "/buildstatic-tests", f"{PLACE}/manifest", PLACE]
)
def test_manifest_is_written_to_its_storage(site: Site, collect: Collect, kept: str) -> None:
    site.place()
    site.append(
        "from django.core.files.storage import FileSystemStorage\n"
        f'KEPT = FileSystemStorage(location="{kept}")\n'
    )
    site.storage(MANIFEST, '{"manifest_storage": KEPT}')
    layer = site.root.parent / "layer"
    for _ in range(2):
        assert collect(site, "--noinput", "--layer-root", layer).code == 0
    manifest = json.loads((layer / kept.removeprefix("/") / "staticfiles.json").read_text())
    assert list(manifest["paths"]) == ["css/site.css", "img/dot.svg", "js/site.js"]
    assert (layer / INSIDE / manifest["paths"]["js/site.js"]).exists()
    assert not Path("/buildstatic-manifest").exists()
    assert not Path("/buildstatic-tests").exists()


def test_no_manifest_without_post_processing(site: Site, collect: Collect) -> None:
    site.place()
    site.storage(MANIFEST)
    layer = site.root.parent / "layer"
    assert collect(site, "--noinput", "--no-post-process", "--layer-root", layer).code == 0
    assert set(contents(layer / INSIDE)) == set(contents(site.root / "static"))


REMOTE = """\
from django.contrib.staticfiles.storage import StaticFilesStorage
from django.core.files.storage import Storage


class Bucket(Storage):
    location = "static"

    def _open(self, name, mode="rb"):
        raise FileNotFoundError(name)


class Stubborn(StaticFilesStorage):
    def path(self, name):
        return "/nowhere/" + name


class Fixed(StaticFilesStorage):
    location = property(lambda self: "/nowhere")
"""


def test_remote_storage_is_refused(site: Site, collect: Collect) -> None:
    site.write({"mysite/files.py": REMOTE})
    site.storage("mysite.files.Bucket")
    ran = collect(site, "--noinput", "--layer-root", site.root.parent / "layer")
    assert ran.code == 22
    assert "The storage mysite.files.Bucket does not keep its files on this disk" in ran.err
    assert "release step" in ran.err


def test_remote_manifest_is_refused(site: Site, collect: Collect) -> None:
    site.place()
    site.write({"mysite/files.py": REMOTE})
    site.append("from mysite.files import Bucket\nKEPT = Bucket()\n")
    site.storage(MANIFEST, '{"manifest_storage": KEPT}')
    ran = collect(site, "--noinput", "--layer-root", site.root.parent / "layer")
    assert ran.code == 22
    assert "mysite.files.Bucket does not keep its files on this disk" in ran.err


def test_storage_that_ignores_its_location_is_refused(site: Site, collect: Collect) -> None:
    site.write({"mysite/files.py": REMOTE})
    site.storage("mysite.files.Stubborn")
    site.place()
    ran = collect(site, "--noinput", "--layer-root", site.root.parent / "layer")
    assert ran.code == 23
    assert "mysite.files.Stubborn does not write to its `location`" in ran.err
