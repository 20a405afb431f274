"""``buildstatic collect`` on the command line: Django's options and lines, and our own."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from buildstatic.errors import ConfigInvalid, ProjectNotFound, VariablesMissing
from buildstatic.oci.layer_writer import write_layer
from tests.cli.conftest import Invoke
from tests.collect.rights import disk
from tests.collect.sites import Ran, Site, contents, make_site, manage, run
from tests.running import environment

MANIFEST = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
WHITENOISE = "whitenoise.storage.CompressedManifestStaticFilesStorage"
# In this process or in a child process of the project's Python.
each_process = pytest.mark.parametrize(
    "python", [(), ("--python", sys.executable)], ids=["in process", "child"]
)

# Collects in a process that may start no other, and prints the modules that were imported.
ALONE = """\
import atexit, sys

def refuse(event, _):
    if event in ("subprocess.Popen", "os.fork", "os.posix_spawn", "os.system"):
        raise SystemExit(f"{event} was called")

sys.addaudithook(refuse)
sys.argv[1:] = ["collect", "--noinput"]
atexit.register(lambda: print(*sys.modules))
from buildstatic.__main__ import main
main()
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return make_site(tmp_path / "site")


def collect(*arguments: str | Path, cwd: Path, environ: Mapping[str, str] = {}) -> Ran:
    return run(sys.executable, "-m", "buildstatic", "collect", *arguments, cwd=cwd, environ=environ)


def test_layer_root_may_be_beside_the_project(site: Site) -> None:
    site.place("/app/staticfiles")
    ran = collect("--noinput", "--layer-root", "../layer", cwd=site.root)
    assert ran.code == 0, ran.err
    assert (site.root.parent / "layer/app/staticfiles").is_dir()


def test_layer_tar_is_the_layer_of_the_layer_root(site: Site) -> None:
    site.place("/app/staticfiles")
    site.storage(WHITENOISE)
    layer, tar = site.root.parent / "layer", site.root.parent / "layer.tar"
    for option, place in (("--layer-root", layer), ("--layer-tar", tar)):
        ran = collect("--noinput", option, place, cwd=site.root)
        assert ran.code == 0, ran.err
    expected = io.BytesIO()
    write_layer(layer, expected, "none")
    assert tar.read_bytes() == expected.getvalue()
    assert {path.name for path in site.root.parent.iterdir()} == {"site", "layer", "layer.tar"}


def test_layer_tar_may_be_larger_than_the_temporary_directory(site: Site, tmp_path: Path) -> None:
    site.place("/app/staticfiles")
    site.write({"static/noise.bin": os.urandom(100_000).hex()})
    with disk(tmp_path / "tmp") as temporary:
        environ = {"TMPDIR": str(temporary)}
        ran = collect("--noinput", "--layer-tar", "../new/l.tar", cwd=site.root, environ=environ)
        assert ran.code == 0, ran.err
        assert "/new/l.tar/app/staticfiles'" in ran.out
        assert f"{temporary} is full" in ran.err
        assert list(temporary.iterdir()) == []
    with tarfile.open(site.root.parent / "new/l.tar") as tar:
        assert tar.getmember("app/staticfiles/noise.bin").size == 200_000


def test_limit_of_file_sizes_is_named(site: Site) -> None:
    site.write({"static/large.js": "large();\n" * 5000})
    command = ["sh", "-c", f"ulimit -f 8; exec {sys.executable} -m buildstatic collect --noinput"]
    ran = run(*command, cwd=site.root)
    assert (ran.code, "File too large" in ran.err, "ulimit -f" in ran.err) == (31, True, True)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param((), id="none"),
        pytest.param(("-c", "-i", "*.css"), id="clear, ignore"),
        pytest.param(("--dry-run", "--clear"), id="dry-run"),
        pytest.param(("-l", "-v", "2"), id="link"),
        pytest.param(("--no-post-process",), id="no-post-process"),
        pytest.param(("--verbosity=0",), id="silent"),
        pytest.param(("-v3", "--clear"), id="verbose"),
    ],
)
@pytest.mark.parametrize("again", [False, True], ids=["first", "again"])
def test_options_of_collectstatic(tmp_path: Path, options: tuple[str, ...], again: bool) -> None:
    results = []
    for name in ("django", "buildstatic"):
        site = make_site(tmp_path / name / "site")
        site.storage(MANIFEST)
        site.app("shop", {"shop/shop.css": "shop"})
        if again:
            site.write({"staticfiles/stale.css": "", "staticfiles/js/site.js": "older"})
            os.utime(site.tree / "js/site.js", (0, 0))
        arguments = ("--noinput", *options)
        ran = manage(site, *arguments) if name == "django" else collect(*arguments, cwd=site.root)
        assert ran.code == 0, ran.err
        lines = ran.out.replace(str(site.root), "").splitlines()
        results.append((sorted(lines), lines[-1:], tree(site)))
    assert results[0] == results[1]


def tree(site: Site) -> dict[str, object]:
    """Return the content of the tree; the manifest unordered, links by their targets."""
    if not site.tree.exists():
        return {}
    files: dict[str, object] = dict(contents(site.tree))
    for path in site.tree.rglob("*"):
        if path.is_symlink():
            files[path.relative_to(site.tree).as_posix()] = path.readlink().relative_to(site.root)
    if manifest := files.get("staticfiles.json"):
        assert isinstance(manifest, bytes)
        files["staticfiles.json"] = sorted(manifest)
    return files


@pytest.mark.parametrize(
    "options",
    [("-v", "4"), ("--python", "nowhere"), ("--formats", "gz,zip"), ("--link", "--layer-root=l")]
    + [("--layer-tar=l", option) for option in ("--layer-root=l", "--link", "--plan", "--dry-run")],
    ids=" ".join,
)
def test_usage_errors(site: Site, options: tuple[str, ...], invoke: Invoke) -> None:
    assert invoke("collect", "--path", site.root, *options).code == 2
    assert not (site.root / "l").exists()


def test_messages_come_before_the_summary_in_one_stream(site: Site) -> None:
    command = (sys.executable, "-m", "buildstatic", "collect", "--noinput", "-v2")
    ran = subprocess.run(
        command,
        cwd=site.root,
        env=environment(),  # with no PYTHONUNBUFFERED
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=True,
        encoding="utf-8",
    )
    messages, _, rest = ran.stdout.partition("files  ")
    assert messages.count("Copying ") == 3
    assert "Copying " not in rest


def test_manage_option(tmp_path: Path) -> None:
    site = make_site(tmp_path / "repository" / "backend")
    site.append('STATICFILES_DIRS = ["static"]\n')
    (site.root / "manage.py").rename(site.root / "run.py")
    ran = collect("--noinput", "--manage", "backend/run.py", cwd=site.root.parent)
    assert ran.code == 0, ran.err
    assert ran.out.endswith(f"3 static files copied to '{site.tree}'.\n")


def test_settings_option(site: Site) -> None:
    site.write({"mysite/other.py": "from mysite.settings import *\nSTATIC_ROOT = 'other'\n"})
    assert collect("--noinput", "--settings", "mysite.other", cwd=site.root).code == 0
    assert (site.root / "other/js/site.js").exists()
    assert not site.tree.exists()


SECRETIVE = """\
SECRET_KEY = os.environ["DJANGO_KEY"]
assert len(SECRET_KEY) > 40
(BASE_DIR.parent / "key.txt").write_text(SECRET_KEY)
"""


@each_process
def test_secret_key_is_random_and_not_stored(site: Site, python: tuple[str, ...]) -> None:
    site.append(SECRETIVE)
    keys = set()
    for _ in range(2):
        ran = collect("--noinput", "-v3", *python, cwd=site.root)
        assert ran.code == 0, ran.err
        key = (site.root.parent / "key.txt").read_text()
        assert key not in ran.out + ran.err
        assert not [name for name, text in contents(site.root).items() if key.encode() in text]
        keys.add(key)
    assert len(keys) == 2


def test_secret_key_of_the_environment_is_used(site: Site) -> None:
    site.append(SECRETIVE)
    key = "x" * 50
    assert collect("--noinput", cwd=site.root, environ={"DJANGO_KEY": key}).code == 0
    assert (site.root.parent / "key.txt").read_text() == key


DEMANDING = """\
SECRET_KEY = os.environ["SECRET_KEY"]
MAILER = os.environ["MAILER_URL"]
PAYMENTS = os.environ["PAYMENTS_TOKEN"]
DATABASE = os.environ["DATABASE_URL"]
"""


@each_process
def test_all_missing_variables_are_listed(site: Site, python: tuple[str, ...]) -> None:
    site.append(DEMANDING)
    environ = {"PAYMENTS_TOKEN": "given"}
    ran = collect("--noinput", *python, cwd=site.root, environ=environ)
    assert ran.code == VariablesMissing.exit_code
    line = site.settings.read_text().splitlines().index('MAILER = os.environ["MAILER_URL"]') + 1
    assert f"mysite/settings.py:{line}" in ran.err
    assert "The settings also require DATABASE_URL." in ran.err
    pasted = ran.err[ran.err.index("[tool.buildstatic.env]") :]
    env = tomllib.loads(pasted)["tool"]["buildstatic"]["env"]
    assert set(env) == {"MAILER_URL", "DATABASE_URL"}
    site.write({"pyproject.toml": pasted})
    again = collect("--noinput", *python, cwd=site.root, environ=environ)
    assert again.code == 0, again.err


def test_errors(site: Site) -> None:
    assert collect("--noinput", cwd=site.root.parent / "site/static").code == (
        ProjectNotFound.exit_code
    )
    site.append("def (:\n")
    ran = collect("--noinput", cwd=site.root)
    assert ran.code == ConfigInvalid.exit_code
    assert "mysite/settings.py:11: " in ran.err


@pytest.mark.parametrize("mode", [("--noinput",), ("--plan",)], ids=" ".join)
def test_report_is_relative_to_the_current_directory(site: Site, mode: tuple[str, ...]) -> None:
    here = site.root.parent
    ran = collect("--path", "site", "--report", "report.json", *mode, cwd=here)
    assert ran.code == 0, ran.err
    report = json.loads((here / "report.json").read_text())
    assert "js/site.js" in {file["path"] for file in report["files"]}
    assert ("summary" in report) == ("--plan" not in mode)


@pytest.mark.parametrize("storage", [MANIFEST, WHITENOISE], ids=["manifest", "whitenoise"])
def test_small_site_is_collected_in_one_process(site: Site, storage: str) -> None:
    site.storage(storage)
    site.write({"static/large.js": "".join(f"call({n});\n" for n in range(100_000))})
    cache = {"XDG_CACHE_HOME": str(site.root.parent / "cache")}
    if storage == WHITENOISE:  # what is in the cache is not compressed again
        assert collect("--noinput", cwd=site.root, environ=cache).code == 0
        shutil.rmtree(site.tree)
    ran = run(sys.executable, "-c", ALONE, cwd=site.root, environ=cache)
    assert ran.code == 0, ran.err
    assert ("large.js.br" in contents(site.tree)) == (storage == WHITENOISE)
    imported = {name.partition(".")[0] for name in ran.out.splitlines()[-1].split()}
    assert {"click", "django"} <= imported
    assert imported.isdisjoint(
        ("docker", "jinja2", "packaging", "pathspec", "requests", "rich", "yaml")
    )
