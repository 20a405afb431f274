"""``check`` as a function."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent

import pytest

from buildstatic.errors import ConfigInvalid, InterpreterNotFound, ProjectNotFound
from buildstatic.workflows.check import NO_RUN, check, fix
from tests.checks.projects import FILES, clean_project

NO_STATIC_ROOT = ('STATIC_ROOT = BASE_DIR / "staticfiles"\n', "")


def test_check_returns_findings_of_the_project(tmp_path: Path) -> None:
    root = clean_project(tmp_path, change=NO_STATIC_ROOT)
    result = check(root, run=False)
    assert [finding.code for finding in result.findings] == ["static-root-missing"]
    assert result.project.settings.value == "mysite.settings"
    assert [edit.file for edit in result.edits] == ["mysite/settings.py"]
    assert result.skipped == (f"references between static files ({NO_RUN})",)


def test_fix_repairs_the_project(tmp_path: Path) -> None:
    root = clean_project(tmp_path, change=NO_STATIC_ROOT)
    assert [finding.code for finding in fix(check(root, run=False))] == ["static-root-missing"]
    assert check(root, run=False).findings == ()


def test_check_imports_the_project(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    files = {"shop/static/shop/site.css": 'a { background: url("missing.svg") }\n'}
    result = check(clean_project(tmp_path, files))
    assert [finding.code for finding in result.findings] == ["reference-missing"]
    assert result.skipped == ()
    assert (result.failed, result.output) == (False, "")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("line", "note"),
    [
        ("return super().url(name)", None),
        (
            "return name",
            "Collecting runs the storage's own code in memory, because mysite.files.Own has its "
            "own hashed_name.",
        ),
        (
            "return open(name)",
            "Collecting runs the storage's own code, as with Django alone, because "
            "mysite.files.Own has its own hashed_name, and its code uses open.",
        ),
    ],
    ids=["not called", "in memory", "on the disk"],
)
def test_note_says_how_the_storage_is_used(tmp_path: Path, line: str, note: str | None) -> None:
    method = "hashed_name" if note else "url"
    code = (
        "from whitenoise.storage import CompressedManifestStaticFilesStorage\n"
        "class Own(CompressedManifestStaticFilesStorage):\n"
        f"    def {method}(self, name, *arguments):\n        {line}\n"
    )
    change = ("whitenoise.storage.CompressedManifestStaticFilesStorage", "mysite.files.Own")
    result = check(clean_project(tmp_path, {"mysite/files.py": code}, change))
    assert [text for text in result.notes if "storage" in text] == ([note] if note else [])


def test_references_are_resolved_by_the_code_of_the_storage(tmp_path: Path) -> None:
    code = (
        "from whitenoise.storage import CompressedManifestStaticFilesStorage\n"
        "class Own(CompressedManifestStaticFilesStorage):\n"
        "    def hashed_name(self, name, *arguments):\n"
        "        if 'optional' in name:\n"
        "            return name\n"
        "        return super().hashed_name(name, *arguments)\n"
    )
    files = {
        "mysite/files.py": code,
        "shop/static/shop/a.css": 'a { background: url("optional.svg") }\n',
        "shop/static/shop/b.css": 'a { background: url("missing.svg") }\n',
    }
    change = ("whitenoise.storage.CompressedManifestStaticFilesStorage", "mysite.files.Own")
    (finding,) = check(clean_project(tmp_path, files, change)).findings
    assert (finding.code, finding.location) == ("reference-missing", "shop/static/shop/b.css")
    assert "shop/missing.svg" in finding.what


def test_project_that_fails_to_import_has_a_finding(tmp_path: Path) -> None:
    apps = """\
from django.apps import AppConfig
class ShopConfig(AppConfig):
    name = "shop"
    def ready(self):
        raise OSError("no database")
"""
    result = check(clean_project(tmp_path, {"shop/apps.py": apps}))
    (finding,) = result.findings
    assert (finding.code, finding.location) == ("project-does-not-import", "shop/apps.py:5")
    assert finding.what.endswith(
        "'shop' in INSTALLED_APPS cannot be imported: OSError: no database."
    )
    assert result.skipped == ()


@pytest.mark.parametrize(
    ("name", "found"),
    [
        pytest.param("TOKEN", ["names-conflict"], id="placeholder"),
        pytest.param("STATIC_HOST", ["project-does-not-import", "names-conflict"], id="static"),
    ],
)
def test_project_with_missing_variables_is_run_with_placeholders(
    tmp_path: Path, name: str, found: list[str]
) -> None:
    """As a layer is collected; variables that static files depend on have no placeholder."""
    files = {"shop/static/site.css": "1", "blog/static/site.css": "2"}
    text = f'import os\n{name} = os.environ["{name}"]\nPORT = int(os.environ["PORT"])\n'
    result = check(clean_project(tmp_path, files, change=("", text)))
    assert [finding.code for finding in result.findings] == found
    assert result.findings[0].location.startswith(("mysite/settings.py:28", "blog"))
    assert result.skipped == ()


def test_missing_module_of_the_project_is_an_error(tmp_path: Path) -> None:
    result = check(clean_project(tmp_path, change=("", "from mysite.private import TOKEN\n")))
    assert [finding.code for finding in result.findings] == ["project-does-not-import"]


def test_error_that_no_package_causes_is_reported(tmp_path: Path) -> None:
    files = {"requirements.txt": "not-installed\ngunicorn\nwhitenoise\nDjango\n"}
    text = 'open(BASE_DIR / "data" / "key.txt")\n'
    result = check(clean_project(tmp_path, files, change=("", text)))
    assert [finding.code for finding in result.findings] == ["project-does-not-import"]


@pytest.mark.parametrize(
    ("requirements", "lacking"),
    [
        pytest.param("not-installed\n", "not-installed (requirements.txt:1)", id="missing"),
        pytest.param("Django==1.11\n", "django==1.11 (requirements.txt:1), it has", id="other"),
    ],
)
def test_packages_that_are_not_installed_are_no_error(
    tmp_path: Path, requirements: str, lacking: str
) -> None:
    files = {"requirements.txt": requirements + "gunicorn\nwhitenoise\n"}
    result = check(clean_project(tmp_path, files, change=("", "import not_installed\n")))
    assert result.findings == ()
    (skipped,) = result.skipped
    assert lacking in skipped
    assert "No module named 'not_installed'" in skipped
    assert "pip install -r requirements.txt" in skipped


@pytest.mark.parametrize(
    ("module", "found"),
    [
        ("not_installed", []),
        ("mysite.gone", ["project-does-not-import"]),
        ("", ["project-does-not-import"]),
    ],
)
def test_manage_py_that_exits_without_packages_is_no_error(
    tmp_path: Path, module: str, found: list[str]
) -> None:
    exits = f"""\
import traceback
try:
    import {module or "os; raise OSError"}
except Exception:
    traceback.print_exc()
    raise SystemExit(1)
"""
    files = {"requirements.txt": "not-installed\ngunicorn\nwhitenoise\nDjango\n"}
    files["manage.py"] = FILES["manage.py"].replace(
        "\n    from ", f"\n{indent(exits, '    ')}    from "
    )
    result = check(clean_project(tmp_path, files))
    assert [finding.code for finding in result.findings] == found
    assert result.failed == bool(found)
    assert any("lacks not-installed" in reason for reason in result.skipped) == (not found)


FINDER = """\
import os
from django.contrib.staticfiles.finders import BaseFinder
class NpmFinder(BaseFinder):
    def list(self, ignore_patterns):
        os.listdir("node_modules")
        return []
    find = None
"""


def test_packages_of_node_that_only_the_image_has_are_no_error(tmp_path: Path) -> None:
    files = {"npm/__init__.py": "", "npm/finders.py": FINDER}
    text = 'STATICFILES_FINDERS = ["npm.finders.NpmFinder"]\n'
    root = clean_project(tmp_path, files, change=("", text))
    assert [finding.code for finding in check(root).findings] == ["collecting-fails"]
    (root / "package.json").write_text('{"dependencies": {"htmx.org": "2"}}')
    result = check(root)
    assert result.findings == ()
    assert "install the packages in node_modules" in result.skipped[0]


def test_errors_are_raised(tmp_path: Path) -> None:
    with pytest.raises(ProjectNotFound):
        check(tmp_path)
    root = clean_project(tmp_path)
    with pytest.raises(InterpreterNotFound):
        check(root, python=Path("/bin/false"))
    (root / "pyproject.toml").write_text('[tool.buildstatic]\nsilence = ["debug-off"]\n')
    with pytest.raises(ConfigInvalid, match="debug-off"):
        check(root, run=False)
