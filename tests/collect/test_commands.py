"""Commands of manage.py around collecting."""

from __future__ import annotations

import gzip
import json
import shutil
import sys
from pathlib import Path

import pytest

from buildstatic.errors import CommandFailed
from tests.collect import pythons
from tests.collect.conftest import Collect
from tests.collect.sites import PLACE, Ran, Site, contents, manage, run, tar_digest

PLAIN = "django.contrib.staticfiles.storage.StaticFilesStorage"
MANIFEST = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
COMMANDS = {
    "compile": """\
        (settings.BASE_DIR / "static" / "compiled.css").write_text("b {}")
        made = Path(settings.MADE_ROOT, "made.js")
        made.parent.mkdir(parents=True)
        made.write_text("made")
""",
    "bundle": """\
        tree = Path(settings.BUNDLE_ROOT)
        names = sorted(p.relative_to(tree).as_posix() for p in tree.rglob("*") if p.is_file())
        (tree / "bundle.txt").write_text(" ".join(names))
        print("bundled", options["words"])
""",
    "restyle": """\
        tree = Path(settings.BUNDLE_ROOT)
        (tree / "css" / "site.css").write_text("d { e: f }\\n" * 99)
        (tree / "js" / "site.js").write_text("log()")
        (tree / "CACHE").mkdir()
        (tree / "CACHE" / "new.css").write_text("g { h: i }\\n" * 99)
""",
    "stop": """\
        print("stopping")
        sys.exit(int(options["words"][0]))
""",
    "crash": """\
        raise ValueError("no reason")
""",
}
COMMAND = """\
import sys
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    def add_arguments(self, parser):
        parser.add_argument("words", nargs="*")

    def handle(self, **options):
"""
PACKAGES = ("django-compressor", "django-js-reverse", "django-sass-processor", "django-statici18n")


def add_commands(site: Site, **commands: list[str]) -> None:
    """Add `COMMANDS` to *site*, and *commands* (before, after) to its configuration."""
    code = {f"management/commands/{name}.py": COMMAND + body for name, body in COMMANDS.items()}
    site.app("tools", {}, {"management/__init__.py": "", **code})
    site.append("MADE_ROOT = STATIC_ROOT / 'made'\nBUNDLE_ROOT = STATIC_ROOT\n")
    site.storage(MANIFEST)
    configure(site, **commands)


def configure(site: Site, **commands: list[str]) -> None:
    lines = (f"{name} = {json.dumps(words)}\n" for name, words in commands.items())
    site.write({"pyproject.toml": f"[tool.buildstatic]\n{''.join(lines)}"})


@pytest.fixture(params=["static-root", "layer-root", "manage.py"])
def collected(
    request: pytest.FixtureRequest, site: Site, collect: Collect, tmp_path: Path
) -> tuple[Ran, dict[str, bytes]]:
    """The result of commands before and after, and the tree."""
    site.append(f'STATIC_ROOT = Path("{PLACE}")\n' if request.param == "layer-root" else "")
    add_commands(site, before=["compile"], after=["bundle 'two words' --verbosity=0"])
    match request.param:
        case "manage.py":
            site.append('INSTALLED_APPS.insert(0, "buildstatic.django")\n')
            return manage(site, "--noinput"), contents(site.tree)
        case "layer-root":
            ran = collect(site, "--noinput", "--layer-root", tmp_path / "layer")
            return ran, contents(tmp_path / f"layer{PLACE}")
    return collect(site, "--noinput"), contents(site.tree)


def test_commands_write_sources_and_the_tree(collected: tuple[Ran, dict[str, bytes]]) -> None:
    ran, tree = collected
    assert ran.code == 0, ran.err
    paths = json.loads(tree["staticfiles.json"])["paths"]
    assert {"compiled.css", "made/made.js", "css/site.css"} <= paths.keys()
    assert {*tree["bundle.txt"].decode().split()} == tree.keys() - {"bundle.txt"}
    assert "bundled ['two words']" in ran.err
    assert "bundled" not in ran.out


@pytest.mark.parametrize("door", ["static-root", "layer-root", "manage.py"])
def test_changes_of_commands_have_variants(
    site: Site, collect: Collect, tmp_path: Path, door: str
) -> None:
    site.append(f'STATIC_ROOT = Path("{PLACE}")\n' if door == "layer-root" else "")
    add_commands(site, after=["restyle"])
    site.storage("whitenoise.storage.CompressedStaticFilesStorage")
    site.write({"static/css/site.css": "a { b: c }\n" * 99, "static/js/site.js": "log();\n" * 99})
    if door == "manage.py":
        site.append('INSTALLED_APPS.insert(0, "buildstatic.django")\n')
        ran, tree = manage(site, "--noinput"), site.tree
    else:
        layer = ("--layer-root", tmp_path / "layer") if door == "layer-root" else ()
        ran = collect(site, "--noinput", *layer)
        tree = tmp_path / f"layer{PLACE}" if layer else site.tree
    assert ran.code == 0, ran.err
    found = contents(tree)
    assert gzip.decompress(found["css/site.css.gz"]) == found["css/site.css"]
    assert gzip.decompress(found["CACHE/new.css.gz"]) == found["CACHE/new.css"]
    assert found["css/site.css"].startswith(b"d")
    assert "js/site.js.gz" not in found


def test_layer_with_commands_is_reproducible(site: Site, collect: Collect, tmp_path: Path) -> None:
    site.append(f'STATIC_ROOT = Path("{PLACE}")\n')
    add_commands(site, after=["bundle"])
    digests = set()
    for name in ("one", "two"):
        layer = tmp_path / name / "layer"
        ran = collect(site, "--noinput", "--layer-root", layer, "--before", "compile")
        assert ran.code == 0, ran.err
        digests.add(tar_digest(layer))
    assert len(digests) == 1


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        pytest.param("stop 3", 3, "manage.py stop 3 failed with exit code 3.", id="exit"),
        pytest.param("crash", CommandFailed.exit_code, "ValueError: no reason.", id="exception"),
        pytest.param("no_such", 1, "manage.py no_such failed with exit code 1.", id="unknown"),
    ],
)
def test_command_that_fails_publishes_nothing(
    site: Site, collect: Collect, tmp_path: Path, command: str, code: int, message: str
) -> None:
    add_commands(site)
    ran = collect(site, "--noinput", "--before", command)
    assert (ran.code, message in ran.err) == (code, True), ran.err
    assert not site.tree.exists()
    site.place()
    layer = tmp_path / "layer"
    ran = collect(site, "--noinput", "--layer-root", layer, "--after", command)
    assert (ran.code, message in ran.err) == (code, True), ran.err
    assert contents(layer) == {}
    if command.startswith("stop"):
        assert ran.err.index("stopping") < ran.err.index("\nerror: ")


@pytest.mark.slow
@pytest.mark.parametrize("door", ["static-root", "manage.py"])
@pytest.mark.parametrize(
    ("command", "storage", "complete"),
    [
        pytest.param("stop 3", MANIFEST, {"staticfiles.json"}, id="manifest"),
        pytest.param("bundle 'x", PLAIN, set(), id="plain"),
    ],
)
def test_start_collects_again_after_a_command_that_failed(
    site: Site, collect: Collect, door: str, command: str, storage: str, complete: set[str]
) -> None:
    add_commands(site, after=[command])
    site.append('INSTALLED_APPS.insert(0, "buildstatic.django")\n')
    site.storage(storage)
    ran = (collect if door == "static-root" else manage)(site, "--noinput")
    assert ran.code != 0
    assert {"css/site.css", "staticfiles.json"} & contents(site.tree).keys() == {"css/site.css"}
    configure(site, after=["bundle"])
    start = (sys.executable, "-m", "buildstatic.runtime", "start", "--", "true")
    for step in ("collected the static files", "nothing to collect"):
        ran = run(*start, cwd=site.root)
        assert (ran.code, step in ran.err) == (0, True), ran.err
    found = contents(site.tree).keys()
    assert {"bundle.txt", *complete} <= found
    assert not any(name.startswith(".") for name in found)


def test_manage_py_has_the_exit_code_of_a_command(site: Site) -> None:
    add_commands(site, before=["stop 4"])
    site.append('INSTALLED_APPS.insert(0, "buildstatic.django")\n')
    ran = manage(site, "--noinput")
    assert (ran.code, site.tree.exists()) == (4, False)
    assert "manage.py stop 4 failed with exit code 4." in ran.err


def test_dry_run_and_plan_run_no_command(site: Site, collect: Collect) -> None:
    add_commands(site, before=["stop 3"], after=["stop 3"])
    for option in ("--dry-run", "--plan"):
        assert collect(site, "--noinput", option).code == 0


def test_option_replaces_the_configuration(site: Site, collect: Collect) -> None:
    add_commands(site, after=["stop 3"])
    assert collect(site, "--noinput", "--after", "bundle").code == 0
    assert (site.tree / "bundle.txt").is_file()


def test_invalid_command_line_is_an_error(site: Site, collect: Collect) -> None:
    add_commands(site, before=["compile 'x"])
    ran = collect(site, "--noinput")
    assert ran.code == 12
    assert 'The command "compile \'x" of manage.py is invalid: No closing quotation.' in ran.err


SETTINGS = """\
from django.urls import path

USE_I18N = True
LANGUAGES = [("en", "English")]
ROOT_URLCONF = "mysite.urls"
COMPRESS_OFFLINE = True
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "compressor.finders.CompressorFinder",
    "sass_processor.finders.CssFinder",
]
INSTALLED_APPS += ["compressor", "django_js_reverse", "sass_processor", "statici18n"]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "DIRS": [BASE_DIR / "templates"],
    }
]
"""
PAGE = """\
{% load static compress sass_tags statici18n %}
{% compress css %}<link rel="stylesheet" href="{% static 'css/site.css' %}">{% endcompress %}
{% sass_src 'main.scss' %}
{% static 'django_js_reverse/js/reverse.js' %}
{% statici18n 'en' %}
"""
RENDER = "from django.template.loader import render_to_string as r; print(r('page.html'))"


@pytest.mark.exhaustive
def test_real_packages_render_what_their_commands_made(
    site: Site, collect: Collect, tmp_path: Path, environments: Path
) -> None:
    python = pythons.environment(
        environments / "commands", requirements=(pythons.DJANGO, *PACKAGES, "libsass")
    )
    site.append(SETTINGS)
    site.storage(MANIFEST)
    site.place()
    site.write(
        {
            "mysite/urls.py": "urlpatterns = []\n",
            "templates/page.html": PAGE,
            "static/main.scss": "a { b { margin: 0 } }\n",
        }
    )
    configure(
        site,
        before=["compilescss", "compilejsi18n", "collectstatic_js_reverse"],
        after=["compress"],
    )
    layers = [tmp_path / name / "layer" for name in ("one", "two")]
    for layer in layers:
        ran = collect(site, "--noinput", "--layer-root", layer, "--python", python)
        assert ran.code == 0, ran.err
    assert tar_digest(layers[0]) == tar_digest(layers[1])
    site.place(f"{layers[0]}{PLACE}")
    shutil.rmtree(layers[1])
    page = run(python, "manage.py", "shell", "-v0", "-c", RENDER, cwd=site.root)
    assert page.code == 0, page.err
    names = [word for word in page.out.split() if word.startswith("/static/")]
    names += [page.out.partition('href="')[2].partition('"')[0]]
    assert len(names) == 4, page.out
    for name in names:
        assert (layers[0] / f".{PLACE}" / name.removeprefix("/static/")).is_file(), name
