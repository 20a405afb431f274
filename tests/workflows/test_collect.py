"""``collect`` and ``plan`` as functions, in a child process."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from buildstatic.collect.request import CollectOptions
from buildstatic.errors import ConfigInvalid, FilesConflict, SettingsInvalid, VariablesMissing
from buildstatic.workflows import Reporter
from buildstatic.workflows.collect import collect, configured_options, plan
from tests.collect.sites import Site, make_site

MANIFEST = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return make_site(tmp_path / "site")


def test_collect_returns_the_summary_and_reports_progress(
    site: Site, capfd: pytest.CaptureFixture[str]
) -> None:
    site.storage(MANIFEST)
    site.app("shop", {"js/site.js": "another"})
    warnings: list[str] = []
    steps: list[str] = []
    reporter = Reporter(warn=warnings.append, progress=lambda step, *_: steps.append(step))
    here = Path.cwd()
    collected = collect(site.root, with_plan=True, report=reporter)
    assert collected.summary.files == 3
    assert collected.summary.conflicts == ("js/site.js",)
    assert collected.closing.startswith("\n3 static files copied")
    assert collected.plan is not None
    assert (site.tree / "staticfiles.json").exists()
    assert any("js/site.js" in text for text in warnings)
    assert {"read", "publish"} <= set(steps)
    assert Path.cwd() == here
    assert "django" not in sys.modules or capfd.readouterr().out == ""


def test_plan_writes_nothing(site: Site) -> None:
    planned = plan(site.root)
    assert {file["path"] for file in planned["files"]} >= {"js/site.js"}
    assert not site.tree.exists()


def test_a_layer_is_collected_with_placeholders_for_missing_variables(
    site: Site, tmp_path: Path
) -> None:
    site.append(
        'import os\nTOKEN = os.environ["TOKEN"]\nPORT = int(os.environ["SMTP_PORT"])\n'
        'LATER = os.environ["LA" "TER"]\nSTATIC_ROOT = "/srv/site/static"\n'
    )
    warnings: list[str] = []
    options = CollectOptions(layer_root=tmp_path / "layer")
    collect(site.root, options, report=Reporter(warn=warnings.append))
    assert list((tmp_path / "layer/srv/site/static").iterdir())
    assert len(warnings) == 1
    assert all(name in warnings[0] for name in ("TOKEN", "SMTP_PORT", "LATER"))


@pytest.mark.parametrize("setting", ["STATIC_URL", "STATIC_ROOT"])
def test_no_placeholder_for_what_decides_on_the_static_files(
    site: Site, tmp_path: Path, setting: str
) -> None:
    site.append(f'import os\n{setting} = os.environ["PLACE"]\n')
    with pytest.raises(VariablesMissing, match="PLACE"):
        collect(site.root, CollectOptions(layer_root=tmp_path / "layer"))


@pytest.mark.parametrize(
    ("lines", "name"),
    [
        pytest.param("INSTALLED_APPS += ['mptt']\n", "django-mptt", id="app"),
        pytest.param("import corsheaders.defaults\n", "django-cors-headers", id="import"),
        pytest.param(
            "DATABASES = {'default': {'ENGINE': 'django.db.backends.oracle'}}\n"
            "INSTALLED_APPS += ['shop']\n",
            "oracledb",
            id="driver",
        ),
    ],
)
def test_package_that_no_requirement_lists_is_named(site: Site, lines: str, name: str) -> None:
    site.write({"requirements.txt": "Django\n", "shop/__init__.py": ""})
    site.write({"shop/models.py": "from django.db import models\n\nclass A(models.Model): pass\n"})
    site.append(lines)
    with pytest.raises(SettingsInvalid) as raised:
        collect(site.root)
    assert f"Add it to requirements.txt:\n\n{name}\n\nIf" in raised.value.advice


@pytest.mark.parametrize("lines", ["import mysite.local\n", "INSTALLED_APPS += ['mptt']\n"])
def test_module_of_the_project_or_of_a_requirement_is_not_missing(site: Site, lines: str) -> None:
    site.write({"requirements.txt": "Django\ndjango-mptt\n"})
    site.append(lines)
    with pytest.raises(SettingsInvalid) as raised:
        collect(site.root)
    assert "requirements.txt" not in raised.value.advice


def test_options_take_precedence_over_configuration(site: Site) -> None:
    table = '[tool.buildstatic]\ncompress = "best"\nformats = ["br"]\nbefore = ["a"]\n'
    more = '[tool.buildstatic.collect]\nstrict = true\ncache = "cache"\n'
    site.write({"pyproject.toml": table + more})
    options = configured_options(site.root, prune=True, missing_maps="fail")
    assert (options.strict, options.prune, options.cache) == (True, True, site.root / "cache")
    assert (options.compress, options.formats, options.before) == ("best", ("br",), ("a",))
    assert options.explicit == ("--prune",)
    options = configured_options(site.root, strict=False, compress="none", before=("b",))
    assert (options.strict, options.compress, options.before) == (False, "none", ("b",))


def test_errors_are_raised(site: Site) -> None:
    site.app("shop", {"js/site.js": "another"})
    with pytest.raises(FilesConflict):
        collect(site.root, CollectOptions(strict=True))
    site.append('import os\nTOKEN = os.environ["TOKEN"]\nOTHER = os.environ["OTHER"]\n')
    with pytest.raises(VariablesMissing, match=r"also require OTHER") as caught:
        collect(site.root)
    assert caught.value.names == ("TOKEN", "OTHER")
    with pytest.raises(SettingsInvalid):
        collect(site.root, settings="mysite.nowhere")
    site.write({"pyproject.toml": "[tool.buildstatic.collect]\nstric = true\n"})
    with pytest.raises(ConfigInvalid, match="strict"):
        collect(site.root)
