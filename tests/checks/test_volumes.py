"""Checks of volumes that hide the collected files: Compose, Fly, Railway and Render."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildstatic.checks import Severity
from tests.checks.projects import clean_project, codes, findings, only

OVER = "volume-over-tree"


def compose(*volumes: str, build: str = "build: .") -> str:
    lines = ["services:", "  web:", f"    {build}", "    volumes:"]
    return "\n".join([*lines, *(f"      {volume}" for volume in volumes), ""])


DJANGO = "image: example/mysite:1\n    command: [gunicorn, mysite.wsgi]"
ANCHOR = (
    "x-app: &app\n  build: .\n  volumes:\n    - static:/app/staticfiles\n"
    "services:\n  web:\n    <<: *app\n    command: gunicorn\n"
)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param(compose("- static:/app/staticfiles"), 5, id="tree"),
        pytest.param(compose("- static:/app/staticfiles/:rw"), 5, id="slash-and-mode"),
        pytest.param(compose("- code:/app"), 5, id="parent"),
        pytest.param(compose("- /app/staticfiles"), 5, id="anonymous"),
        pytest.param(compose('- "${STATIC:-static}:/app/staticfiles"'), 5, id="variable"),
        pytest.param(
            compose("- {type: volume, source: static, target: /app/staticfiles}"), 5, id="long"
        ),
        pytest.param(compose("- static:/app/staticfiles", build=DJANGO), 6, id="django-image"),
        pytest.param(ANCHOR, 4, id="anchor"),
    ],
)
def test_compose_volume_over_the_tree(tmp_path: Path, text: str, line: int) -> None:
    finding = only(clean_project(tmp_path, {"compose.prod.yaml": text}), OVER)
    assert (finding.location, finding.severity) == (f"compose.prod.yaml:{line}", Severity.WARNING)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(compose("- data:/data"), id="elsewhere"),
        pytest.param(compose("- .:/app"), id="project-in-development"),
        pytest.param(
            compose("- ./s:/app/staticfiles", build="build: {context: ., target: dev}"), id="stage"
        ),
        pytest.param(compose("- ./src/mysite/:/app"), id="part-in-development"),
        pytest.param(compose("- media:/app/media"), id="sibling"),
        pytest.param(
            compose("- s:/app/staticfiles", build="build: .\n    command: manage.py runserver"),
            id="runserver",
        ),
        pytest.param(
            compose(
                "- s:/app/staticfiles",
                build='build: .\n    command: sh -c "./manage.py collectstatic && gunicorn x"',
            ),
            id="collected-at-the-start",
        ),
        pytest.param(compose("- cache:/app/staticfiles/CACHE"), id="below"),
        pytest.param(compose("- s:/app/staticfiles", build="image: nginx"), id="another-image"),
        pytest.param("services:\n  web: &w\n    <<: *w\n    build: .\n", id="circle"),
        pytest.param("services: &a {<<: {<<: *a}}\n", id="wider-circle"),
        pytest.param("", id="empty"),
    ],
)
def test_accepted_compose_files(tmp_path: Path, text: str) -> None:
    assert codes(clean_project(tmp_path, {"docker-compose.yml": text})) == []


@pytest.mark.parametrize(
    ("workdir", "expected"), [("/srv/site", [OVER]), ("/app", [])], ids=["over", "elsewhere"]
)
def test_the_tree_is_below_the_workdir_of_the_dockerfile(
    tmp_path: Path, workdir: str, expected: list[str]
) -> None:
    build = "build: {context: ., dockerfile: docker/Prod}"
    files = {
        "docker/Prod": f"FROM a\nWORKDIR {workdir}\n",
        ".dockerignore": "staticfiles\n",
        "compose.yml": compose("- s:/srv/site/staticfiles", build=build),
    }
    assert codes(clean_project(tmp_path, files)) == expected


@pytest.mark.parametrize(
    ("file", "text", "line"),
    [
        pytest.param("fly.toml", '[mounts]\nsource = "d"\ndestination = "/app"\n', 3, id="fly"),
        pytest.param(
            "fly.toml",
            '[[mounts]]\ndestination = "/data"\n[[mounts]]\ndestination = "/app/staticfiles"\n',
            4,
            id="fly-second",
        ),
        pytest.param(
            "railway.json",
            '{"deploy": {\n  "requiredMountPath": "/app/staticfiles"}}\n',
            2,
            id="railway.json",
        ),
        pytest.param(
            "railway.toml", '[deploy]\nrequiredMountPath = "/app"\n', 2, id="railway.toml"
        ),
        pytest.param(
            "render.yaml",
            "services:\n- type: web\n  disk:\n    name: data\n    mountPath: /app\n",
            5,
            id="render",
        ),
    ],
)
def test_platform_volume_over_the_tree(tmp_path: Path, file: str, text: str, line: int) -> None:
    found = {finding.code: finding for finding in findings(clean_project(tmp_path, {file: text}))}
    assert set(found) - {"railway-config-ends"} == {OVER}
    assert found[OVER].location == f"{file}:{line}"


@pytest.mark.parametrize(
    ("file", "text"),
    [
        pytest.param("render.yaml", "services: {web: 1}\n", id="no-services"),
        pytest.param("render.yaml", "services:\n- type: web\n- x\n", id="no-disk"),
        pytest.param("fly.toml", "mounts = 3\n", id="not-a-table"),
    ],
)
def test_platform_files_without_volumes_are_accepted(tmp_path: Path, file: str, text: str) -> None:
    assert codes(clean_project(tmp_path, {file: text})) == []


@pytest.mark.parametrize("destination", ["/data", "/app/media", "/"])
def test_volume_elsewhere_is_accepted(tmp_path: Path, destination: str) -> None:
    text = f'[mounts]\nsource = "d"\ndestination = "{destination}"\n'
    assert codes(clean_project(tmp_path, {"fly.toml": text})) == []
