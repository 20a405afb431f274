"""Running Django's command: its question, and errors with the file that caused them."""

from __future__ import annotations

import gzip
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
    ("answer", "code", "message"),
    [
        pytest.param("yes\n", 0, "", id="yes"),
        pytest.param("no\n", 24, "Collecting static files cancelled. No file", id="no"),
        pytest.param("", 24, "is closed. Use --noinput to overwrite them.", id="nobody"),
    ],
)
def test_django_asks_before_overwriting(
    site: Site, collect: Collect, answer: str, code: int, message: str
) -> None:
    site.write({"staticfiles/js/site.js": "old"})
    os.utime(site.tree / "js/site.js", (0, 0))
    ran = collect(site, stdin=answer)
    assert "Type 'yes' to continue, or 'no' to cancel: " in ran.out
    assert ran.code == code
    assert message in ran.err
    written = {"js/site.js": b"old"} if code else contents(site.root / "static")
    assert contents(site.tree) == written


def test_noinput_does_not_ask(site: Site, collect: Collect) -> None:
    site.write({"staticfiles/js/site.js": "old"})
    for option in ("--noinput", "--no-input"):
        ran = collect(site, option, "--clear")
        assert ran.code == 0
        assert "Type 'yes'" not in ran.out


def test_reference_cycles_are_reported(site: Site, collect: Collect) -> None:
    site.storage(MANIFEST)
    site.write({"static/css/a.css": '@import "b.css";', "static/css/b.css": '@import "a.css";'})
    ran = collect(site, "--noinput")
    assert ran.code == 26
    assert "a cycle cannot be fingerprinted: static/css/a.css, static/css/b.css." in ran.err
    assert ran.out == ""


def test_files_that_are_not_utf_8_are_reported(site: Site, collect: Collect) -> None:
    site.storage(MANIFEST)
    (site.root / "static/css/latin.css").write_bytes("/* é */".encode("latin-1"))
    ran = collect(site, "--noinput")
    assert ran.code == 26
    assert "static/css/latin.css:1: not UTF-8 text." in ran.err
    assert collect(site, "--noinput", "--ignore", "css/latin.css").code == 0


@pytest.mark.parametrize(
    ("storage", "message"),
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
def test_storage_errors_name_file_and_line(
    site: Site, collect: Collect, storage: str, message: str
) -> None:
    site.write({"mysite/files.py": STORAGES})
    site.storage(f"mysite.files.{storage}")
    ran = collect(site, "--noinput")
    assert ran.code == 23
    assert f"The storage mysite.files.{storage} {message}" in ran.err
    assert "files copied" not in ran.out


def test_variables_required_by_a_storage_are_named(site: Site, collect: Collect) -> None:
    site.write({"mysite/files.py": STORAGES})
    site.storage("mysite.files.Demands")
    ran = collect(site, "--noinput")
    assert ran.code == 14
    assert "mysite/files.py:29 requires the environment variable CDN_KEY, which is not" in ran.err


def test_broken_links_are_reported(site: Site, collect: Collect) -> None:
    (site.root / "static/css/gone.css").symlink_to("nowhere.css")
    ran = collect(site, "--noinput")
    assert ran.code == 23
    assert f"{site.root}/static/css/gone.css is a broken symbolic link (to nowhere.css)." in ran.err


def test_closed_standard_output_is_an_error(site: Site, collect: Collect) -> None:
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


def test_read_only_disk_is_reported(site: Site, collect: Collect, tiny: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", tiny], check=True)
    site.append(f'STATIC_ROOT = "{tiny}/deep/static"\n')
    for option in ("--noinput", "--link"):
        ran = collect(site, "--noinput", option)
        assert ran.code == 31
        assert f"{tiny}/deep" in ran.err
        assert "cannot be written: Read-only file system." in ran.err


def test_file_in_place_of_a_directory_is_reported(site: Site, collect: Collect) -> None:
    site.write({"staticfiles/css": "a file"})
    ran = collect(site, "--noinput")
    assert ran.code == 23
    assert "staticfiles/css is a file, but other files are collected below it." in ran.err
    assert collect(site, "--noinput", "--clear").code == 0


def test_overridden_command_is_not_run(site: Site, collect: Collect) -> None:
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


def test_options_without_effect_are_reported(site: Site, collect: Collect) -> None:
    site.write({"mysite/files.py": OWN})
    site.storage("mysite.files.Own")
    ran = collect(site, "--noinput", *ENGINES, "--reuse", site.root)
    assert ran.code == 0
    assert (
        "warning: --prune, --hardlinks, --missing-maps have no "
        "effect: Django's own code is used, because mysite.files.Own has its own exists.\n"
    ) in ran.err
    assert "warning: " not in collect(site, "--noinput", "--no-prune", "--dry-run").err


@pytest.mark.parametrize("in_layer", [False, True], ids=["STATIC_ROOT", "layer root"])
def test_files_that_own_code_has_written_are_compressed(
    site: Site, collect: Collect, tmp_path: Path, in_layer: bool
) -> None:
    code = OWN.replace("StaticFilesStorage", "ManifestStaticFilesStorage")
    site.write({"mysite/files.py": code, "static/large.css": "a { color: red }\n" * 100})
    site.storage("mysite.files.Own")
    if in_layer:
        site.place()
    options = ("--layer-root", tmp_path / "layer") if in_layer else ()
    ran = collect(site, "--noinput", "--compress=fast", "--formats=gz", *options)
    assert (ran.code, "warning" in ran.err) == (0, False), ran.err
    found = contents(tmp_path / "layer" if in_layer else site.tree)
    variants = {name for name in found if name.endswith(".gz")}
    assert len(variants) == 2
    for name in variants:
        assert gzip.decompress(found[name]) == found[name.removesuffix(".gz")]
    assert "variants    1," in ran.err


def test_options_without_effect_for_links_are_reported(site: Site, collect: Collect) -> None:
    ran = collect(site, "--noinput", "--link", "--prune")
    assert ran.code == 0
    message = "--prune has no effect: Django's own code is used, because --link creates links.\n"
    assert message in ran.err
    assert "warning: " not in collect(site, "--noinput", "--prune").err


def test_configured_options_without_effect_are_not_reported(site: Site, collect: Collect) -> None:
    site.write({"pyproject.toml": "[tool.buildstatic.collect]\nprune = true\n"})
    assert "warning: " not in collect(site, "--noinput", "--link").err
