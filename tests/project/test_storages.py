"""Local storages and remote ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildstatic.project.search import Search
from buildstatic.project.storages import is_remote
from tests.project.tree import write


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
def test_the_storages_that_are_known_are_known(
    tmp_path: Path, name: str, remote: bool | None
) -> None:
    assert is_remote(name, Search(tmp_path, tmp_path)) is remote


S3 = "from storages.backends.s3boto3 import S3Boto3Storage\n"


@pytest.mark.parametrize(
    ("text", "remote"),
    [
        pytest.param(S3 + "class Static(S3Boto3Storage):\n  location = 's'", True, id="s3"),
        pytest.param(
            "from storages.backends import s3\nclass Static(s3.S3Storage): pass", True, id="module"
        ),
        pytest.param(
            "import storages.backends.s3\nclass Static(storages.backends.s3.S3Storage): pass",
            True,
            id="dotted",
        ),
        pytest.param(
            S3 + "from django.contrib.staticfiles.storage import ManifestFilesMixin as M\n"
            "class Static(M, S3Boto3Storage): pass",
            True,
            id="mixin",
        ),
        pytest.param(
            S3 + "class Base(S3Boto3Storage): pass\nclass Static(Base): pass", True, id="grandchild"
        ),
        pytest.param(S3 + "Static = lambda: S3Boto3Storage(location='s')", True, id="lambda"),
        pytest.param(S3 + "def Static():\n  return S3Boto3Storage()", True, id="function"),
        pytest.param(
            S3 + "from functools import partial\nStatic = partial(S3Boto3Storage, location='s')",
            True,
            id="partial",
        ),
        pytest.param(S3 + "Static = S3Boto3Storage", True, id="alias"),
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
def test_a_class_of_the_project_is_what_its_bases_are(
    tmp_path: Path, text: str, remote: bool | None
) -> None:
    other = S3 + "class Static(S3Boto3Storage): pass\nRemote = Static"
    write(tmp_path, {"mysite/storage.py": text, "mysite/other.py": other})
    assert is_remote("mysite.storage.Static", Search(tmp_path, tmp_path)) is remote
