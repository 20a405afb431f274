"""``buildstatic build`` where the static files have a server, in an image of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.oci.tiny import DOCKERFILE, DOORS, FINAL, STATIC, build, tiny

NOWHERE = {"DOCKER_HOST": "unix:///nonexistent/docker.sock"}
COLLECTED = f"FROM scratch AS static\n{STATIC}"
NAMED = "COPY staticfiles.json /layer/app/staticfiles/\n"
ASSETS = "FROM scratch AS assets\nCOPY --link --from=static /layer/ /\n"
NAMES = "FROM scratch AS manifest\nCOPY staticfiles.json /manifest/app/staticfiles/\n"
NO_NAMES = "FROM scratch AS manifest\nWORKDIR /manifest\n"
APPLICATION = "FROM scratch AS web\nWORKDIR /app\nCOPY --link --from=manifest /manifest/ /\n"
ELSEWHERE = "The static files themselves are in another image: --target assets."
APART = COLLECTED + NAMED + ASSETS + NAMES + APPLICATION


def project(root: Path, dockerfile: str | None) -> Path:
    return tiny(root / "tiny", dockerfile, {"staticfiles.json": "{}\n"})


@pytest.mark.engine
@DOORS
def test_the_servers_image_has_the_files_and_the_applications_the_names(
    door: Mapping[str, str], tmp_path: Path, tag: Callable[[str], str]
) -> None:
    root, name = project(tmp_path, APART), tag(f"apart-{len(door)}")
    assets = build(root, "--tag", name, "--target", "assets", environ=door)
    assert assets.code == 0, assets.err
    assert "static  3 files, " in assets.out
    assert "names" not in assets.out
    assert ELSEWHERE not in assets.out

    for target in ([], ["--target", "web"]):
        final = build(root, "--tag", name, *target, environ=door)
        assert final.code == 0, final.err
        assert "static  1 file, 3 bytes, in /app/staticfiles: the names\n" in final.out
        assert final.out.splitlines()[-1] == ELSEWHERE


@pytest.mark.engine
def test_an_application_that_needs_no_names_has_none(
    tmp_path: Path, tag: Callable[[str], str]
) -> None:
    root = project(tmp_path, COLLECTED + ASSETS + NO_NAMES + APPLICATION)
    ran = build(root, "--tag", tag("no-names"))
    assert ran.code == 0, ran.err
    assert "static  " not in ran.out
    assert ran.out.splitlines()[-1] == ELSEWHERE
    assert build(root, "--tag", tag("no-names"), "--json").report["static"] is None


@pytest.mark.engine
def test_a_stage_of_the_projects_own_that_is_called_assets_is_none_of_ours(
    tmp_path: Path, tag: Callable[[str], str]
) -> None:
    root = project(tmp_path, f"FROM scratch AS assets\nCOPY static/ /x/\n{COLLECTED}{FINAL}")
    report = build(root, "--tag", tag("own-assets"), "--target", "assets", "--json").report
    assert report["static"] is None
    assert build(root, "--tag", tag("own-assets"), "--json").report["static"]["files"] == 2


def test_a_dockerfile_that_is_there_and_has_no_server_is_not_taken_for_one(tmp_path: Path) -> None:
    ran = build(project(tmp_path, DOCKERFILE), "--serve", "nginx", environ=NOWHERE)
    assert (ran.code, ran.out) == (12, "")
    assert "--serve nginx: the existing Dockerfile has no stages assets and manifest" in ran.err
    assert "`buildstatic generate dockerfile --serve nginx --force`" in ran.err


def test_the_generated_one_has_the_server_that_is_asked_for(tmp_path: Path) -> None:
    ran = build(project(tmp_path, None), "--serve", "nginx", "--target", "none", environ=NOWHERE)
    assert ran.code == 12
    assert ran.err.splitlines()[-1] == (
        "error: The Dockerfile has no stage none. It has: base, deps, buildstatic-wheels, "
        "buildstatic-previous, static, export, assets, manifest, web."
    )


def test_files_that_no_server_can_have_are_refused_before_the_build(tmp_path: Path) -> None:
    root = project(tmp_path, None)
    settings = root / "mysite" / "settings.py"
    settings.write_text(settings.read_text().replace('"static/"', '"static/?v=2"'))
    ran = build(root, "--serve", "nginx", environ=NOWHERE)
    assert (ran.code, ran.out) == (12, "")
    assert "mysite/settings.py:6: STATIC_URL" in ran.err


@pytest.mark.parametrize("option", [["--builder", "embedded"], ["--output", "layer.tar"]])
def test_the_embedded_builder_makes_no_server(tmp_path: Path, option: list[str]) -> None:
    ran = build(project(tmp_path, None), "--serve", "nginx", *option, environ=NOWHERE)
    assert ran.code == 2
    assert "The embedded builder makes no server: omit --serve." in ran.err


def test_without_an_engine_there_is_no_server(tmp_path: Path) -> None:
    ran = build(project(tmp_path, None), "--serve", "nginx", environ=NOWHERE)
    assert (ran.code, ran.out) == (40, "")


def test_that_the_url_is_not_known_is_said(tmp_path: Path) -> None:
    root = project(tmp_path, None)
    settings = root / "mysite" / "settings.py"
    settings.write_text(settings.read_text().replace('"static/"', "secrets.token_hex()"))
    ran = build(root, "--serve", "nginx", environ=NOWHERE)
    assert (
        "STATIC_URL cannot be determined from the settings: the files are served below /static/."
        in ran.err
    )
    assert "STATIC_URL cannot" not in build(root, environ={**NOWHERE, "CI": "1"}).err
