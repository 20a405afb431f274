"""Static files and other directories in the settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildstatic.project import Fact, static_files
from buildstatic.project.files import Search
from buildstatic.project.remote_storage import is_remote
from buildstatic.project.static_files import StaticFiles
from tests.platforms.projects import project
from tests.project.tree import packages, read, write

BASE = "from pathlib import Path\nBASE_DIR = Path(__file__).resolve().parent.parent\n"
MANIFEST = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
S3 = "storages.backends.s3.S3Storage"


def find(root: Path, text: str, manage: str = ".", *, legacy: bool = True) -> StaticFiles:
    settings = read(root, {"mysite/settings.py": text})
    return static_files.find(settings, Search(root, (root / manage).resolve()), legacy=legacy)


def storages(backend: str, options: str = "{}") -> str:
    return f"STORAGES = {{'staticfiles': {{'BACKEND': '{backend}', 'OPTIONS': {options}}}}}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("STATIC_ROOT = BASE_DIR / 'static'", "static", id="inside"),
        pytest.param("STATIC_ROOT = str(BASE_DIR / 'a/static/')", "a/static", id="slash"),
        pytest.param("STATIC_ROOT = 'static'", "backend/static", id="relative-to-manage-py"),
        pytest.param("STATIC_ROOT = '../static/'", "static", id="relative-upwards"),
        pytest.param("STATIC_ROOT = '/srv/static'", "/srv/static", id="absolute"),
        pytest.param("STATIC_ROOT = BASE_DIR.parent / 'static'", "/static", id="above-the-root"),
        pytest.param("STATIC_ROOT = None", None, id="none"),
        pytest.param("STATIC_ROOT = ''", None, id="empty"),
        pytest.param("STATIC_ROOT = find()", None, id="unknown"),
        pytest.param("", None, id="not-set"),
    ],
)
def test_static_root(tmp_path: Path, text: str, expected: str | None) -> None:
    found = find(tmp_path, BASE + text, "backend").static_root
    assert found == (Fact(expected, "mysite/settings.py:3") if expected else None)


def test_storage_location_takes_precedence_over_static_root(tmp_path: Path) -> None:
    text = BASE + "STATIC_ROOT = 'a'\n" + storages(MANIFEST, "{'location': BASE_DIR / 'b'}")
    assert find(tmp_path, text).static_root == Fact("b", "mysite/settings.py:4")


def test_location_of_remote_storage_is_ignored(tmp_path: Path) -> None:
    text = "STATIC_ROOT = 'a'\n" + storages(S3, "{'location': 'b'}")
    assert find(tmp_path, text).static_root == Fact("a", "mysite/settings.py:1")


def test_unknown_location_means_unknown_static_root(tmp_path: Path) -> None:
    text = "STATIC_ROOT = 'a'\n" + storages(MANIFEST, "{'location': find()}")
    assert find(tmp_path, text).static_root is None


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("static/", "/static/"),
        ("/static/", "/static/"),
        ("https://cdn.example.com/", "https://cdn.example.com/"),
    ],
)
def test_static_url_gets_leading_slash(tmp_path: Path, url: str, expected: str) -> None:
    assert find(tmp_path, f"STATIC_URL = {url!r}").static_url == Fact(
        expected, "mysite/settings.py:1"
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param(storages(MANIFEST), 1, id="dict"),
        pytest.param(
            f"STORAGES = {{}}\nSTORAGES['staticfiles'] = {{'BACKEND': '{MANIFEST}'}}", 2, id="item"
        ),
        pytest.param(f"STORAGES['staticfiles']['BACKEND'] = '{MANIFEST}'", 1, id="nested-item"),
        pytest.param(
            f"STORAGES = {{'default': {{}}}}\nSTORAGES = {{\n**STORAGES,\n"
            f"'staticfiles': {{\n'BACKEND': '{MANIFEST}'}},\n}}",
            5,
            id="spread",
        ),
        pytest.param(f"STATICFILES_STORAGE = '{MANIFEST}'", 1, id="legacy"),
        pytest.param(f"STATICFILES_STORAGE = 'x.Y'\n{storages(MANIFEST)}", 2, id="both"),
        pytest.param(
            f"import os\nif not os.environ.get('DEBUG'):\n  STORAGES = {{'staticfiles': "
            f"{{'BACKEND': '{MANIFEST}'}}}}",
            3,
            id="in-one-branch",
        ),
    ],
)
def test_storage_backend(tmp_path: Path, text: str, line: int) -> None:
    found = find(tmp_path, text)
    assert found.storage == Fact(MANIFEST, f"mysite/settings.py:{line}")
    assert found.remote == Fact(False, f"mysite/settings.py:{line}")


def test_default_storage_is_local(tmp_path: Path) -> None:
    found = find(tmp_path, "STORAGES = {'default': {'BACKEND': 'x.Y'}}")
    assert (found.storage, found.remote) == (None, Fact(False, "mysite/settings.py:1"))


def test_legacy_setting_is_ignored_by_new_django(tmp_path: Path) -> None:
    found = find(tmp_path, f"STATICFILES_STORAGE = '{S3}'", legacy=False)
    assert (found.storage, found.remote) == (None, Fact(False, "mysite/settings.py:1"))


@pytest.mark.parametrize(
    ("one", "other", "remote"),
    [
        pytest.param(
            MANIFEST, "whitenoise.storage.CompressedStaticFilesStorage", False, id="local"
        ),
        pytest.param(S3, "storages.backends.gcloud.GoogleCloudStorage", True, id="remote"),
        pytest.param(MANIFEST, S3, None, id="either"),
        pytest.param(MANIFEST, "elsewhere.Storage", None, id="unknown"),
    ],
)
def test_storages_in_two_branches(
    tmp_path: Path, one: str, other: str, remote: bool | None
) -> None:
    text = (
        f"import os\nif os.getenv('A'):\n  B = '{one}'\nelse:\n  B = '{other}'\n"
        "STORAGES = {'staticfiles': {'BACKEND': B}}\n"
    )
    found = find(tmp_path, text)
    assert found.storage is None
    assert (found.remote.value if found.remote else None) is remote


SWITCH = "import os\nS3 = os.getenv('USE_S3') == '1'\n"


@pytest.mark.parametrize(
    ("text", "variables", "line"),
    [
        pytest.param(
            f"if S3:\n  {storages(S3)}else:\n  {storages(MANIFEST)}", ("USE_S3",), 6, id="both"
        ),
        pytest.param(
            f"{storages(MANIFEST)}if S3:\n  STORAGES['staticfiles'] = {{'BACKEND': '{S3}'}}",
            ("USE_S3",),
            5,
            id="overridden",
        ),
        pytest.param(f"if S3:\n  {storages(S3)}", ("USE_S3",), 4, id="only-one-branch"),
        pytest.param(
            f"STORAGES = {{}}\nif S3:\n  STORAGES['staticfiles'] = {{'BACKEND': '{S3}'}}",
            ("USE_S3",),
            5,
            id="added",
        ),
        pytest.param(
            f"STORAGES = {{'staticfiles': {{'BACKEND': '{S3}' if S3 else '{MANIFEST}'}}}}",
            ("USE_S3",),
            3,
            id="expression",
        ),
        pytest.param(
            f"{storages(MANIFEST)}if S3:\n  STORAGES.update(staticfiles={{'BACKEND': '{S3}'}})",
            ("USE_S3",),
            5,
            id="updated",
        ),
        pytest.param(
            f"match os.getenv('HOST'):\n  case 'aws':\n    {storages(S3)}  case _:\n"
            f"    {storages(MANIFEST)}",
            ("HOST",),
            7,
            id="match",
        ),
        pytest.param(f"if not S3:\n  {storages(MANIFEST)}", None, 0, id="local-either-way"),
    ],
)
def test_variables_that_switch_the_storage(
    tmp_path: Path, text: str, variables: tuple[str, ...] | None, line: int
) -> None:
    found = find(tmp_path, SWITCH + text)
    expected = Fact(variables, f"mysite/settings.py:{line}") if variables else None
    assert found.storage_switch == expected
    assert found.remote is None or variables is None


def test_storage_that_debug_leaves_out_is_the_one_of_production(tmp_path: Path) -> None:
    text = f"import os\nDEBUG = os.getenv('DEBUG', '1') == '1'\nif not DEBUG:\n  {storages(S3)}"
    found = find(tmp_path, text)
    assert found.storage_switch is None
    assert found.remote == Fact(True, "mysite/settings.py:4")


@pytest.mark.parametrize("text", ["STORAGES = find()", "STORAGES = {'staticfiles': find()}"])
def test_unknown_storage(tmp_path: Path, text: str) -> None:
    found = find(tmp_path, text)
    assert (found.storage, found.remote) == (None, None)


@pytest.mark.parametrize(
    ("name", "remote"),
    [
        ("django.contrib.staticfiles.storage.StaticFilesStorage", False),
        ("whitenoise.storage.CompressedManifestStaticFilesStorage", False),
        ("servestatic.storage.CompressedManifestStaticFilesStorage", False),
        ("storages.backends.s3.S3ManifestStaticStorage", True),
        ("storages.backends.gcloud.GoogleCloudStorage", True),
        ("storages.backends.azure_storage.AzureStorage", True),
        ("cloudinary_storage.storage.StaticHashedCloudinaryStorage", True),
        ("elsewhere.storage.Storage", None),
        ("Storage", None),
        ("", None),
    ],
)
def test_known_storage_packages(tmp_path: Path, name: str, remote: bool | None) -> None:
    assert is_remote(name, Search(tmp_path, tmp_path)) is remote


BOTO = "from storages.backends.s3boto3 import S3Boto3Storage\n"


@pytest.mark.parametrize(
    ("text", "remote"),
    [
        pytest.param(BOTO + "class Static(S3Boto3Storage):\n  location = 's'", True, id="s3"),
        pytest.param(
            "from storages.backends import s3\nclass Static(s3.S3Storage): pass", True, id="module"
        ),
        pytest.param(
            "import storages.backends.s3\nclass Static(storages.backends.s3.S3Storage): pass",
            True,
            id="dotted",
        ),
        pytest.param(
            BOTO + "from django.contrib.staticfiles.storage import ManifestFilesMixin as M\n"
            "class Static(M, S3Boto3Storage): pass",
            True,
            id="mixin",
        ),
        pytest.param(
            BOTO + "class Base(S3Boto3Storage): pass\nclass Static(Base): pass",
            True,
            id="grandchild",
        ),
        pytest.param(BOTO + "Static = lambda: S3Boto3Storage(location='s')", True, id="lambda"),
        pytest.param(BOTO + "def Static():\n  return S3Boto3Storage()", True, id="function"),
        pytest.param(
            BOTO + "from functools import partial\nStatic = partial(S3Boto3Storage, location='s')",
            True,
            id="partial",
        ),
        pytest.param(BOTO + "Static = S3Boto3Storage", True, id="alias"),
        pytest.param("from .other import Static", True, id="imported"),
        pytest.param("from mysite.other import Remote as Static", True, id="imported-as"),
        pytest.param(
            "try:\n  from storages.backends.s3 import S3Storage\nexcept ImportError:\n  pass\n"
            "class Static(S3Storage): pass",
            True,
            id="in-try",
        ),
        pytest.param(
            "from whitenoise.storage import CompressedManifestStaticFilesStorage as C\n"
            "class Static(C):\n  manifest_strict = False",
            False,
            id="whitenoise",
        ),
        pytest.param("from elsewhere import X\nclass Static(X): pass", None, id="unknown"),
        pytest.param("class Static: pass", None, id="no-base"),
        pytest.param("class Other: pass", None, id="not-there"),
        pytest.param("class Static(Static): pass", None, id="circle"),
        pytest.param("class Static(find()): pass", None, id="computed"),
        pytest.param("class Static(:", None, id="broken"),
    ],
)
def test_storage_classes_of_the_project(tmp_path: Path, text: str, remote: bool | None) -> None:
    other = BOTO + "class Static(S3Boto3Storage): pass\nRemote = Static"
    write(tmp_path, {"mysite/storage.py": text, "mysite/other.py": other})
    assert is_remote("mysite.storage.Static", Search(tmp_path, tmp_path)) is remote


OS_BASE = f"import os\n{BASE}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("MEDIA_ROOT = BASE_DIR / 'media'", "media"),
        ("MEDIA_ROOT = os.path.join(BASE_DIR, 'a', 'media/')", "a/media"),
        ("MEDIA_ROOT = '/data/media'", "/data/media"),
        ("MEDIA_ROOT = os.environ.get('MEDIA', 'media')", "backend/media"),
        ("MEDIA_ROOT = os.environ['MEDIA']", None),
        ("MEDIA_ROOT = ''", None),
        ("", None),
    ],
)
def test_media_root(tmp_path: Path, text: str, expected: str | None) -> None:
    settings = read(tmp_path, {"mysite/settings.py": OS_BASE + text})
    found = static_files.media_root(settings, Search(tmp_path, tmp_path / "backend"))
    assert found == (Fact(expected, "mysite/settings.py:4") if expected else None)


def test_log_files(tmp_path: Path) -> None:
    handlers = {
        "file": {"filename": "debug.log"},
        "path": {"filename": "PATH"},
        "outside": {"filename": "/var/log/site.log"},
        "console": {"class": "logging.StreamHandler"},
    }
    text = repr({"handlers": handlers}).replace("'PATH'", "BASE_DIR / 'logs/site.log'")
    settings = read(tmp_path, {"mysite/settings.py": f"{OS_BASE}LOGGING = {text}"})
    found = static_files.log_files(settings, Search(tmp_path, tmp_path))
    assert [file.value for file in found] == ["debug.log", "logs/site.log"]


def test_sqlite_files_that_any_setting_names(tmp_path: Path) -> None:
    text = f"""{OS_BASE}
if os.environ.get('ENGINE') == 'postgres':
    database = {{'ENGINE': 'django.db.backends.postgresql', 'NAME': 'site'}}
else:
    database = {{'ENGINE': 'django.db.backends.sqlite3', 'NAME': BASE_DIR / 'data/db.sqlite3'}}
DATABASES = {{'default': database}}
QUEUE = {{'connection': {{'filename': BASE_DIR / 'data/tasks.db', 'name': 'x.db'}}}}
OTHERS = [BASE_DIR / 'data/words.txt', '/var/lib/site/site.db']
"""
    settings = read(tmp_path, {"mysite/settings.py": text})
    found = static_files.sqlite_files(settings, Search(tmp_path, tmp_path))
    assert [file.value for file in found] == ["data/db.sqlite3", "data/tasks.db"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "STATICFILES_DIRS = [\nBASE_DIR / 'static',\nBASE_DIR / 'node_modules',\n]",
            {"node_modules": 6},
        ),
        (
            "STATICFILES_DIRS = [('npm', BASE_DIR / 'node_modules/htmx.org/dist')]",
            {"node_modules": 4},
        ),
        (
            "STATICFILES_DIRS = ('node_modules/a', 'node_modules/b', '/srv/node_modules/c')",
            {"node_modules": 4, "/srv/node_modules": 4},
        ),
        ("STATICFILES_DIRS = [BASE_DIR / 'node_modules.old', find()]", {}),
        ("STATICFILES_DIRS = find()", {}),
        ("STATICFILES_FINDERS = [\n'npm.finders.NpmFinder']", {"node_modules": 5}),
        (
            "STATICFILES_FINDERS = ['npm.finders.NpmFinder']\nNPM_ROOT_PATH = BASE_DIR / 'web'",
            {"web/node_modules": 4},
        ),
        (
            "STATICFILES_FINDERS = ['django_node_assets.finders.ManifestNodeModulesFinder']\n"
            "NODE_MODULES_ROOT = BASE_DIR / 'assets/node_modules'",
            {"assets/node_modules": 4},
        ),
        ("STATICFILES_FINDERS = ['compressor.finders.CompressorFinder']", {}),
        ("", {}),
    ],
)
def test_node_modules_that_are_collected(
    tmp_path: Path, text: str, expected: dict[str, int]
) -> None:
    settings = read(tmp_path, {"mysite/settings.py": OS_BASE + text})
    found = static_files.node_modules(settings, Search(tmp_path, tmp_path))
    assert found == tuple(
        Fact(path, f"mysite/settings.py:{line}") for path, line in expected.items()
    )


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("../node_modules/jquery", ["node_modules"]),
        ("../web/node_modules/a/dist", ["web/node_modules"]),
        ("../web/dist", []),
        ("/srv/assets/dist", []),
    ],
)
def test_node_modules_that_sources_link_to(
    tmp_path: Path, target: str, expected: list[str]
) -> None:
    settings = read(
        tmp_path, {"mysite/settings.py": OS_BASE + "STATICFILES_DIRS = [BASE_DIR / 'assets']"}
    )
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets/linked").symlink_to(target)
    found = static_files.node_modules(settings, Search(tmp_path, tmp_path))
    assert [fact.value for fact in found] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("STATICFILES_DIRS = [BASE_DIR / 'assets']", ("assets",), id="static"),
        pytest.param("STATICFILES_DIRS = [('media', BASE_DIR / 'a')]", ("a",), id="with-a-prefix"),
        pytest.param("STATICFILES_DIRS = [find(), '/srv/a']", ("/srv/a",), id="outside"),
        pytest.param(
            "TEMPLATES = [{'DIRS': [BASE_DIR / 'media/emails']}, {}]",
            ("media/emails",),
            id="templates",
        ),
        pytest.param("INSTALLED_APPS = ['shop.blog', 'django.x']", ("shop/blog",), id="app"),
        pytest.param("INSTALLED_APPS = ['shop.apps.Shop', 'b']", ("shop",), id="app-config"),
        pytest.param("INSTALLED_APPS = find()\nTEMPLATES = find()", (), id="unknown"),
    ],
)
def test_directories_that_settings_name_are_needed(
    tmp_path: Path, text: str, expected: tuple[str, ...]
) -> None:
    write(tmp_path, {"shop/apps.py": "", "shop/blog/models.py": ""})
    settings = read(tmp_path, {"mysite/settings.py": OS_BASE + text})
    assert static_files.needed(settings, Search(tmp_path, tmp_path)) == expected


def test_named_paths_are_those_below_the_root_in_any_setting(tmp_path: Path) -> None:
    text = (
        "A = {'x': [('p', BASE_DIR / 'a')], 'y': os.path.join(BASE_DIR, 'b/c')}\n"
        "B = [BASE_DIR, '/srv/x', 'relative', 1, None, len]\n"
        "class C:\n    def f(self): return BASE_DIR / 'not-a-setting'\n"
        "STATICFILES_DIRS = ['static']\n"
    )
    settings = read(tmp_path, {"mysite/settings.py": OS_BASE + text})
    found = static_files.named_paths(settings, Search(tmp_path, tmp_path))
    assert sorted(found) == ["a", "b/c", "static"]


@pytest.mark.parametrize(
    ("media_root", "manage", "needed", "expected"),
    [
        pytest.param(None, "manage.py", (), "media", id="usual"),
        pytest.param(None, "backend/manage.py", (), "backend/media", id="beside-manage"),
        pytest.param(None, "manage.py", ("static", "mediator"), "media", id="needs-another"),
        pytest.param(None, "manage.py", ("media",), None, id="is-needed"),
        pytest.param(None, "manage.py", ("media/static",), None, id="holds-what-is-needed"),
        pytest.param(None, "backend/manage.py", ("media",), "backend/media", id="not-that-one"),
        pytest.param("up", "manage.py", ("media",), "up", id="stated"),
        pytest.param("up", "manage.py", ("up/static",), None, id="stated-and-needed"),
        pytest.param("/data", "manage.py", (), None, id="outside"),
        pytest.param(".", "manage.py", (), None, id="everything"),
    ],
)
def test_uploads_directory_contains_nothing_needed(
    tmp_path: Path,
    media_root: str | None,
    manage: str,
    needed: tuple[str, ...],
    expected: str | None,
) -> None:
    found = project(
        tmp_path,
        manage=Fact(manage, f"{manage}:1"),
        media_root=Fact(media_root, "s:1") if media_root else None,
        needed=needed,
    )
    assert static_files.uploads(found) == expected


@pytest.mark.parametrize(
    ("line", "legacy"),
    [
        ("django==4.2.16", True),
        ("django>=4.2,<5", True),
        ("django~=5.0.1", True),
        ("django<5.1", True),
        ("django==5.0.*", True),
        ("django==5.1", False),
        ("django>=5.1.2,<5.2", False),
        ("django~=5.0", False),
        ("django==6.1.3", False),
        ("django>=4.2", False),
        ("django", False),
        ("gunicorn", True),
        (f"django=={'9' * 5000}", True),
    ],
    ids=lambda value: str(value)[:30],
)
def test_legacy_storage_setting_by_django_version(line: str, legacy: bool) -> None:
    assert static_files.reads_legacy_storage(packages(line)) is legacy
