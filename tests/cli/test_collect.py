"""``buildstatic collect`` on the command line: Django's words, Django's lines, and what is ours."""

from __future__ import annotations

import json
import os
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.collect.sites import Ran, Site, contents, make_site, manage, run

OPTIONS = (
    "--noinput --no-input --clear -c --dry-run -n --ignore -i --no-default-ignore --link -l "
    "--no-post-process --verbosity -v --layer-root --python --path --manage --settings"
)
MANIFEST = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return make_site(tmp_path / "site")


def collect(*arguments: str | Path, cwd: Path, environ: Mapping[str, str] = {}) -> Ran:
    command = (sys.executable, "-m", "buildstatic", "collect")
    return run(*command, *arguments, cwd=cwd, environ=environ)


def test_the_help_names_every_option_and_shows_examples(tmp_path: Path) -> None:
    ran = collect("--help", cwd=tmp_path)
    assert ran.code == 0
    for option in OPTIONS.split():
        assert option in ran.out
    assert "  buildstatic collect --noinput --layer-root /layer  " in ran.out


@pytest.mark.parametrize(
    "options",
    [
        pytest.param((), id="plain"),
        pytest.param(("--clear",), id="clear"),
        pytest.param(("-c",), id="c"),
        pytest.param(("--dry-run",), id="dry-run"),
        pytest.param(("-n", "-c"), id="n-and-c"),
        pytest.param(("--link",), id="link"),
        pytest.param(("-l", "-v", "2"), id="l"),
        pytest.param(("--no-post-process",), id="no-post-process"),
        pytest.param(("-i", "*.css"), id="ignore"),
        pytest.param(("-v", "0"), id="silent"),
        pytest.param(("--verbosity=2", "--clear"), id="verbose"),
        pytest.param(("-v3",), id="most-verbose"),
    ],
)
@pytest.mark.parametrize("again", [False, True], ids=["first", "again"])
def test_every_option_does_and_says_what_djangos_does(
    tmp_path: Path, options: tuple[str, ...], again: bool
) -> None:
    seen = []
    for name in ("theirs", "ours"):
        site = make_site(tmp_path / name / "site")
        site.storage(MANIFEST)
        site.app("shop", {"shop/shop.css": "shop"})
        if again:
            site.write({"staticfiles/stale.css": "", "staticfiles/js/site.js": "older"})
            os.utime(site.tree / "js/site.js", (0, 0))
        arguments = ("--noinput", *options)
        ran = collect(*arguments, cwd=site.root) if name == "ours" else manage(site, *arguments)
        assert ran.code == 0, ran.err
        lines = ran.out.replace(str(site.root), "").splitlines()
        seen.append((sorted(lines), lines[-1:], tree(site)))
    assert seen[0] == seen[1]


def tree(site: Site) -> dict[str, object]:
    """Return what is in the tree but for the order of the manifest; links as where they lead."""
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


@pytest.mark.parametrize("options", [("-v", "4"), ("--python", "nowhere"), ("--nothing",)], ids=str)
def test_wrong_use_is_code_2(site: Site, options: tuple[str, ...]) -> None:
    assert collect(*options, cwd=site.root).code == 2


def test_links_and_a_layer_root_exclude_each_other(site: Site) -> None:
    ran = collect("--link", "--layer-root", "layer", cwd=site.root)
    assert ran.code == 2
    assert "A layer cannot hold links: omit --link or --layer-root." in ran.err
    assert not (site.root / "layer").exists()


def test_a_manage_py_in_a_subfolder_runs_from_there(tmp_path: Path) -> None:
    site = make_site(tmp_path / "repository" / "backend")
    site.append('STATICFILES_DIRS = ["static"]\n')
    (site.root / "manage.py").rename(site.root / "run.py")
    ran = collect("--noinput", "--manage", "backend/run.py", cwd=site.root.parent)
    assert ran.code == 0, ran.err
    assert ran.out.endswith(f"3 static files copied to '{site.tree}'.\n")


def test_other_settings_may_be_named(site: Site) -> None:
    site.write({"mysite/other.py": "from mysite.settings import *\nSTATIC_ROOT = 'other'\n"})
    assert collect("--noinput", "--settings", "mysite.other", cwd=site.root).code == 0
    assert (site.root / "other/js/site.js").exists()
    assert not site.tree.exists()


SECRETIVE = """\
SECRET_KEY = os.environ["DJANGO_KEY"]
assert len(SECRET_KEY) > 40
(BASE_DIR.parent / "key.txt").write_text(SECRET_KEY)
"""


@pytest.mark.parametrize("child", [False, True], ids=["here", "child"])
def test_the_secret_key_is_a_throwaway_that_is_kept_nowhere(site: Site, child: bool) -> None:
    site.append(SECRETIVE)
    options = ("--python", sys.executable) if child else ()
    keys = set()
    for _ in range(2):
        ran = collect("--noinput", "-v3", *options, cwd=site.root)
        assert ran.code == 0, ran.err
        key = (site.root.parent / "key.txt").read_text()
        assert key not in ran.out + ran.err
        assert not [name for name, text in contents(site.root).items() if key.encode() in text]
        keys.add(key)
    assert len(keys) == 2


def test_a_secret_key_that_is_given_is_used(site: Site) -> None:
    site.append(SECRETIVE)
    given = "x" * 50
    assert collect("--noinput", cwd=site.root, environ={"DJANGO_KEY": given}).code == 0
    assert (site.root.parent / "key.txt").read_text() == given


DEMANDING = """\
SECRET_KEY = os.environ["SECRET_KEY"]
MAILER = os.environ["MAILER_URL"]
PAYMENTS = os.environ["PAYMENTS_TOKEN"]
DATABASE = os.environ["DATABASE_URL"]
"""


@pytest.mark.parametrize("child", [False, True], ids=["here", "child"])
def test_missing_variables_are_named_all_at_once_with_the_lines_to_paste(
    site: Site, child: bool
) -> None:
    site.append(DEMANDING)
    options = ("--python", sys.executable) if child else ()
    ran = collect("--noinput", *options, cwd=site.root, environ={"PAYMENTS_TOKEN": "given"})
    assert ran.code == 14
    line = site.settings.read_text().splitlines().index('MAILER = os.environ["MAILER_URL"]') + 1
    said = (
        f"mysite/settings.py:{line} requires the environment variable MAILER_URL, which is not set"
    )
    assert said in ran.err
    assert "The settings also require DATABASE_URL." in ran.err
    pasted = ran.err[ran.err.index("[tool.buildstatic.env]") :]
    env = tomllib.loads(pasted)["tool"]["buildstatic"]["env"]
    assert set(env) == {"MAILER_URL", "DATABASE_URL"}
    site.write({"pyproject.toml": pasted})
    again = collect("--noinput", *options, cwd=site.root, environ={"PAYMENTS_TOKEN": "given"})
    assert again.code == 0, again.err


def test_settings_that_are_no_python_are_named(site: Site) -> None:
    site.append("def (:\n")
    ran = collect("--noinput", cwd=site.root)
    assert ran.code == 12
    assert "mysite/settings.py:11: " in ran.err


def test_no_project_is_said(tmp_path: Path) -> None:
    assert collect("--noinput", cwd=tmp_path).code == 10


@pytest.mark.parametrize("mode", [("--noinput",), ("--plan",)], ids=" ".join)
def test_the_report_counts_from_where_the_command_is_run(site: Site, mode: tuple[str, ...]) -> None:
    here = site.root.parent
    ran = collect("--path", "site", "--report", "report.json", *mode, cwd=here)
    assert ran.code == 0, ran.err
    said = json.loads((here / "report.json").read_text())
    assert "js/site.js" in {file["path"] for file in said["files"]}
    assert ("summary" in said) == ("--plan" not in mode)
