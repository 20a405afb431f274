"""The static layer is below the code's only if no file of the code can replace one of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from buildstatic.dockerfile.dockerignore import generate_dockerignore
from buildstatic.dockerfile.generate import DockerfileOptions, generate_dockerfile
from buildstatic.dockerfile.layer_order import can_be_below_code
from buildstatic.project import Fact
from tests.dockerfile.variants import S3, SERVE, frontend, plain

STATIC, CODE = "COPY --link --from=static /layer/ /", "COPY . ."


def static_root(path: str) -> dict[str, Any]:
    return {"static_root": Fact(path, "mysite/settings.py:1")}


def storage(name: str) -> dict[str, Any]:
    return {"storage": Fact(name, "mysite/settings.py:1")}


@pytest.mark.parametrize(
    ("facts", "dockerignore", "expected"),
    [
        pytest.param({}, "staticfiles\n", True, id="excluded"),
        pytest.param({}, "**/static*\n!static\n", True, id="exception-elsewhere"),
        pytest.param({}, "", False, id="no-pattern"),
        pytest.param({}, "staticfiles/*.css\n", False, id="partly-excluded"),
        pytest.param({}, "staticfiles\n!staticfiles/robots.txt\n", False, id="exception"),
        pytest.param({}, "staticfiles\n!**/*.txt\n", False, id="exception-anywhere"),
        pytest.param({}, "staticfiles\n[\n", False, id="invalid-pattern"),
        pytest.param(static_root("/srv/static"), "", True, id="outside-of-the-code"),
        pytest.param(static_root("."), "*\n", False, id="root"),
        pytest.param({"static_root": None}, "staticfiles\n", False, id="unknown"),
        pytest.param(
            {"needed": ("staticfiles/vendor",)}, "staticfiles\n", False, id="with-sources"
        ),
        pytest.param({"frontends": frontend("npm")}, "staticfiles\n", False, id="front-end"),
        pytest.param(
            {"frontends": frontend("npm", build=())}, "staticfiles\n", True, id="packages-only"
        ),
        pytest.param(
            storage("whitenoise.storage.CompressedManifestStaticFilesStorage"),
            "staticfiles\n",
            True,
            id="known-storage",
        ),
        pytest.param(storage("mysite.storage.Own"), "staticfiles\n", False, id="other-storage"),
    ],
)
def test_static_layer_is_below_the_code_if_no_file_of_it_can_be_replaced(
    facts: dict[str, Any], dockerignore: str, expected: bool, tmp_path: Path
) -> None:
    assert can_be_below_code(plain(tmp_path, **facts), dockerignore) == expected


def test_generated_dockerignore_allows_it(tmp_path: Path) -> None:
    project = plain(tmp_path)
    assert can_be_below_code(project, generate_dockerignore(project).text)


@pytest.mark.parametrize(
    ("options", "copies"),
    [
        ({"static_first": True}, [STATIC, CODE]),
        ({}, [CODE, STATIC]),
        ({"static_first": True, "assets": "nginx"}, [CODE]),
    ],
)
def test_dockerfile_copies_the_static_files_in_this_order(
    options: dict[str, Any], copies: list[str], tmp_path: Path
) -> None:
    text = generate_dockerfile(plain(tmp_path), DockerfileOptions(SERVE, **options)).text
    lines = text[text.index("AS web") :].splitlines()
    assert [line for line in lines if line in (STATIC, CODE)] == copies


def test_remote_storage_has_no_static_layer(tmp_path: Path) -> None:
    options = DockerfileOptions(SERVE, static_first=True)
    assert STATIC not in generate_dockerfile(plain(tmp_path, **S3), options).text
