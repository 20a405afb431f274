"""What a build knows about the image before it runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildstatic.builders.base import ExpectedFiles
from buildstatic.project.detect import detect
from buildstatic.workflows.build import run_options
from buildstatic.workflows.build_request import expected_files
from tests.dockerfile.variants import plain
from tests.samples import copy

ONE_IMAGE = ("static", "web")
TWO_IMAGES = ("static", "assets", "manifest", "web")
REQUIRED = ExpectedFiles("staticfiles", required=True, is_in_context=False)
MANIFEST = ExpectedFiles(None, required=False, is_in_context=False)


@pytest.mark.parametrize(
    ("stages", "target", "expected"),
    [
        *((ONE_IMAGE, target, REQUIRED) for target in (None, "web", "WEB", "1")),
        *((ONE_IMAGE, target, None) for target in ("static", "0")),
        *((("static", ""), target, REQUIRED) for target in (None, "1")),
        *((("static", ""), target, None) for target in ("web", "static")),
        *((TWO_IMAGES, target, MANIFEST) for target in (None, "web", "3")),
        (TWO_IMAGES, "Assets", REQUIRED),
        (TWO_IMAGES, "static", None),
        (("build", "web"), None, None),
    ],
)
def test_static_files_are_expected_in_the_final_image_or_that_of_assets(
    stages: tuple[str, ...], target: str | None, expected: ExpectedFiles | None, tmp_path: Path
) -> None:
    assert expected_files(plain(tmp_path), stages, target, ()) == expected


@pytest.mark.parametrize(
    ("path", "is_in_context"),
    [("staticfiles", True), ("staticfiles/a.css", True), ("staticfiles.py", False)],
)
def test_static_files_in_the_build_context_are_known(
    path: str, is_in_context: bool, tmp_path: Path
) -> None:
    expected = expected_files(plain(tmp_path), ONE_IMAGE, None, ("manage.py", path))
    assert expected is not None
    assert expected.is_in_context == is_in_context


@pytest.mark.parametrize(
    ("settings", "variables"),
    [
        ("", []),
        ("import os\nos.environ['MAIL_HOST']\nos.environ.get('LEVEL')\n", ["MAIL_HOST"]),
        (
            "import dj_database_url\n"
            "DATABASES = {'default': dj_database_url.config(default='postgres:///x')}\n",
            ["DATABASE_URL"],
        ),
    ],
)
def test_image_is_run_with_required_variables_and_those_of_a_database_server(
    settings: str, variables: list[str], tmp_path: Path
) -> None:
    root = copy("startproject", tmp_path)
    with (root / "mysite/settings.py").open("a") as file:
        file.write(settings)
    expected = ["--publish=8000:8000", *(f"--env={name}" for name in variables)]
    assert list(run_options(detect(root), 8000)) == expected
