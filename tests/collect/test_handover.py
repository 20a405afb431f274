"""Publishing: what goes wrong in a storage is said with the file that it went wrong at."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.collect.conftest import Collect
from tests.collect.sites import Site, contents

MANIFEST = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
STORAGES = """\
import os
import sys

from django.contrib.staticfiles.storage import ManifestStaticFilesStorage, StaticFilesStorage


class RaisesOnSave(StaticFilesStorage):
    def _save(self, name, content):
        if name.endswith(".js"):
            raise ConnectionError("no answer")
        return super()._save(name, content)


class RaisesOnHash(ManifestStaticFilesStorage):
    def file_hash(self, name, content=None):
        if name.endswith(".js"):
            raise LookupError("no hash")
        return super().file_hash(name, content)


class Exits(StaticFilesStorage):
    def post_process(self, paths, dry_run=False, **options):
        sys.exit("no more")
        yield


class Demands(StaticFilesStorage):
    def post_process(self, paths, dry_run=False, **options):
        os.environ["CDN_KEY"]
        yield
"""


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        pytest.param("yes\n", 0, "", id="yes"),
        pytest.param("no\n", 24, "Collecting static files cancelled. No file", id="no"),
        pytest.param("", 24, "is closed. Use --noinput to overwrite them.", id="nobody"),
    ],
)
def test_django_asks_before_it_overwrites(
    site: Site, collect: Collect, answer: str, code: int, said: str
) -> None:
    site.write({"staticfiles/js/site.js": "old"})
    os.utime(site.tree / "js/site.js", (0, 0))
    ran = collect(site, stdin=answer)
    assert "Type 'yes' to continue, or 'no' to cancel: " in ran.out
    assert ran.code == code
    assert said in ran.err
    written = {"js/site.js": b"old"} if code else contents(site.root / "static")
    assert contents(site.tree) == written


def test_noinput_does_not_ask(site: Site, collect: Collect) -> None:
    site.write({"staticfiles/js/site.js": "old"})
    for option in ("--noinput", "--no-input"):
        ran = collect(site, option, "--clear")
        assert ran.code == 0
        assert "Type 'yes'" not in ran.out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(
            'a { background: url("gone.png") }',
            'static/css/bad.css:1: url("gone.png"): css/gone.png is not among the static files.',
            id="reference",
        ),
        pytest.param(
            '@import "other.css";',
            "in a cycle cannot be fingerprinted: static/css/bad.css, static/css/other.css.",
            id="cycle",
        ),
    ],
)
def test_a_reference_that_cannot_be_followed_is_named_with_its_place(
    site: Site, collect: Collect, text: str, said: str
) -> None:
    site.storage(MANIFEST)
    site.write({"static/css/bad.css": text, "static/css/other.css": '@import "bad.css";'})
    ran = collect(site, "--noinput")
    assert ran.code == 26
    assert said in ran.err
    assert ran.out == ""


def test_a_style_sheet_that_is_not_utf_8_is_named(site: Site, collect: Collect) -> None:
    site.storage(MANIFEST)
    (site.root / "static/css/latin.css").write_bytes("/* é */".encode("latin-1"))
    ran = collect(site, "--noinput")
    assert ran.code == 26
    assert "static/css/latin.css:1: not UTF-8 text." in ran.err
    assert collect(site, "--noinput", "--ignore", "css/latin.css").code == 0


@pytest.mark.parametrize(
    ("storage", "said"),
    [
        pytest.param(
            "RaisesOnSave",
            "failed for js/site.js: mysite/files.py:10: ConnectionError: no answer.",
            id="save",
        ),
        pytest.param(
            "RaisesOnHash",
            "failed for js/site.js: mysite/files.py:17: LookupError: no hash.",
            id="hash",
        ),
        pytest.param(
            "Exits", "failed: mysite/files.py:23: it ended the process (no more).", id="exit"
        ),
    ],
)
def test_a_storage_that_raises_is_named_with_the_file_and_the_line(
    site: Site, collect: Collect, storage: str, said: str
) -> None:
    site.write({"mysite/files.py": STORAGES})
    site.storage(f"mysite.files.{storage}")
    ran = collect(site, "--noinput")
    assert ran.code == 23
    assert f"The storage mysite.files.{storage} {said}" in ran.err
    assert "files copied" not in ran.out


def test_a_variable_that_a_storage_demands_is_named(site: Site, collect: Collect) -> None:
    site.write({"mysite/files.py": STORAGES})
    site.storage("mysite.files.Demands")
    ran = collect(site, "--noinput")
    assert ran.code == 14
    assert "mysite/files.py:29 requires the environment variable CDN_KEY, which is not" in ran.err


def test_a_broken_link_among_the_sources_is_named(site: Site, collect: Collect) -> None:
    (site.root / "static/css/gone.css").symlink_to("nowhere.css")
    ran = collect(site, "--noinput")
    assert ran.code == 23
    assert f"{site.root}/static/css/gone.css is a broken symbolic link (to nowhere.css)." in ran.err


def test_a_closed_standard_output_is_no_success(site: Site, collect: Collect) -> None:
    for number in range(2000):
        (site.root / "static" / f"{number}.txt").touch()
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ran = collect(site, "--noinput", "-v2", stdout=writing)
    finally:
        os.close(writing)
    assert ran.code not in (0, 70)
    assert "Traceback" not in ran.err


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """Return a file system of 64 KiB, or skip where none can be mounted."""
    target = tmp_path / "tiny"
    target.mkdir()
    mount: list[str | Path] = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", target]
    mounted = subprocess.run(mount, capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    yield target
    subprocess.run(["umount", target], check=True)


def test_a_full_disk_is_said(site: Site, collect: Collect, tiny: Path) -> None:
    site.append(f'STATIC_ROOT = "{tiny}/static"\n')
    site.write({"static/large.txt": "x" * 100_000})
    ran = collect(site, "--noinput")
    assert ran.code == 31
    assert f"{tiny}/static cannot be written: No space left on device." in ran.err


def test_a_read_only_disk_is_said(site: Site, collect: Collect, tiny: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", tiny], check=True)
    site.append(f'STATIC_ROOT = "{tiny}/deep/static"\n')
    for option in ("--noinput", "--link"):
        ran = collect(site, "--noinput", option)
        assert ran.code == 31
        assert f"{tiny}/deep" in ran.err
        assert "cannot be written: Read-only file system." in ran.err


def test_a_file_where_a_directory_must_be_is_said(site: Site, collect: Collect) -> None:
    site.write({"staticfiles/css": "a file"})
    ran = collect(site, "--noinput")
    assert ran.code == 23
    assert "staticfiles/css is a file, and other files are to be collected below it." in ran.err
    assert collect(site, "--noinput", "--clear").code == 0


def test_a_collectstatic_of_an_app_is_not_run_and_that_is_said(
    site: Site, collect: Collect
) -> None:
    code = (
        "from django.contrib.staticfiles.management.commands.collectstatic import Command\n"
        "raise SystemExit('run')\n"
    )
    packages = {"management/__init__.py": "", "management/commands/__init__.py": ""}
    site.app("shop", {}, {**packages, "management/commands/collectstatic.py": code})
    site.append("INSTALLED_APPS.reverse()\n")
    ran = collect(site, "--noinput")
    assert ran.code == 0
    assert "warning: The collectstatic command of shop is not run" in ran.err


OWN = """\
from django.contrib.staticfiles.storage import StaticFilesStorage


class Own(StaticFilesStorage):
    def exists(self, name):
        return super().exists(name)
"""
ENGINES = ("--prune", "--hardlinks", "--compress=fast", "--formats=gz", "--missing-maps=warn")


def test_options_that_djangos_own_loop_does_not_obey_are_named_with_the_reason(
    site: Site, collect: Collect
) -> None:
    site.write({"mysite/files.py": OWN})
    site.storage("mysite.files.Own")
    ran = collect(site, "--noinput", *ENGINES, "--reuse", site.root)
    assert ran.code == 0
    assert (
        "warning: --prune, --hardlinks, --compress, --formats, --reuse, --missing-maps have no "
        "effect: Django's own code collects, as mysite.files.Own has its own exists.\n"
    ) in ran.err
    assert "warning: " not in collect(site, "--noinput", "--no-prune", "--dry-run").err


def test_an_option_that_does_nothing_with_links_is_named(site: Site, collect: Collect) -> None:
    ran = collect(site, "--noinput", "--link", "--prune")
    assert ran.code == 0
    said = "warning: --prune has no effect: Django's own code collects, as --link creates links.\n"
    assert said in ran.err
    assert "warning: " not in collect(site, "--noinput", "--prune").err


def test_options_of_the_configuration_are_for_where_they_do_something(
    site: Site, collect: Collect
) -> None:
    site.write({"pyproject.toml": "[tool.buildstatic.collect]\nprune = true\n"})
    assert "warning: " not in collect(site, "--noinput", "--link").err
