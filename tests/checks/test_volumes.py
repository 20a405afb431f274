"""Volumes over the collected files: of Compose, Fly, Railway and Render."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildstatic.checks import Severity
from tests.checks.projects import codes, found, one, sound

OVER = "volume-over-tree"


def compose(*volumes: str, build: str = "build: .") -> str:
    lines = ["services:", "  web:", f"    {build}", "    volumes:"]
    return "\n".join([*lines, *(f"      {volume}" for volume in volumes), ""])


@pytest.mark.parametrize(
    "volumes",
    [
        pytest.param(["- static:/app/staticfiles"], id="the-tree"),
        pytest.param(["- static:/app/staticfiles/:rw"], id="slash-and-mode"),
        pytest.param(["- code:/app"], id="above"),
        pytest.param(["- /app/staticfiles"], id="anonymous"),
        pytest.param(['- "${STATIC:-static}:/app/staticfiles"'], id="a-variable"),
        pytest.param(["- {type: volume, source: static, target: /app/staticfiles}"], id="long"),
    ],
)
def test_a_volume_over_the_tree_is_found(tmp_path: Path, volumes: list[str]) -> None:
    finding = one(sound(tmp_path, {"compose.yaml": compose(*volumes)}), OVER)
    assert (finding.place, finding.severity) == ("compose.yaml:5", Severity.WARNING)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(compose("- data:/data"), id="elsewhere"),
        pytest.param(compose("- media:/app/media"), id="beside"),
        pytest.param(compose("- cache:/app/staticfiles/CACHE"), id="below"),
        pytest.param(compose("- s:/app/staticfiles", build="image: nginx"), id="another-image"),
        pytest.param("services: [\n", id="no-yaml"),
        pytest.param("services:\n  web: &w\n    <<: *w\n    build: .\n", id="in-a-circle"),
        pytest.param("services: &a {<<: {<<: *a}}\n", id="in-a-wider-circle"),
        pytest.param('services: "\\U00110000"\n', id="no-character"),
        pytest.param("", id="empty"),
    ],
)
def test_other_compose_files_are_well(tmp_path: Path, text: str) -> None:
    assert codes(sound(tmp_path, {"docker-compose.yml": text})) == []


def test_what_a_service_takes_from_an_anchor_counts(tmp_path: Path) -> None:
    text = (
        "x-app: &app\n  build: .\n  volumes:\n    - static:/app/staticfiles\n"
        "services:\n  web:\n    <<: *app\n    command: gunicorn\n"
    )
    assert one(sound(tmp_path, {"docker-compose.prod.yml": text}), OVER).line == 4


def test_a_service_that_runs_django_is_ours_wherever_its_image_is_from(tmp_path: Path) -> None:
    image = "image: registry.example.org/mysite:1\n    command: [gunicorn, mysite.wsgi]"
    text = compose("- static:/app/staticfiles", build=image)
    assert one(sound(tmp_path, {"compose.yml": text}), OVER).line == 6


def test_the_directory_of_the_project_itself_is_good_to_know(tmp_path: Path) -> None:
    finding = one(sound(tmp_path, {"compose.yml": compose("- .:/app")}), OVER)
    assert finding.severity == Severity.INFO


def test_the_place_in_the_image_is_that_of_its_dockerfile(tmp_path: Path) -> None:
    ignore = {".dockerignore": "staticfiles\n"}
    dockerfile = {"docker/Prod": "FROM a\nWORKDIR /srv/site\n", **ignore}
    build = "build: {context: ., dockerfile: docker/Prod}"
    files = {**dockerfile, "compose.yml": compose("- s:/srv/site/staticfiles", build=build)}
    assert codes(sound(tmp_path, files)) == [OVER]
    files = {**dockerfile, "compose.yml": compose("- s:/app/staticfiles", build=build)}
    assert codes(sound(tmp_path, files)) == []


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
            ".railway/railway.py",
            'service("web", volumeMounts={\n    "/app/staticfiles": volume("files"),\n})\n',
            2,
            id="railway.py",
        ),
        pytest.param(
            "render.yaml",
            "services:\n- type: web\n  disk:\n    name: data\n    mountPath: /app\n",
            5,
            id="render",
        ),
    ],
)
def test_a_volume_of_a_platform_over_the_tree_is_found(
    tmp_path: Path, file: str, text: str, line: int
) -> None:
    findings = {finding.code: finding for finding in found(sound(tmp_path, {file: text}))}
    assert set(findings) - {"railway-config-ends"} == {OVER}
    assert findings[OVER].place == f"{file}:{line}"


@pytest.mark.parametrize(
    ("file", "text"),
    [
        pytest.param("render.yaml", "services: [\n", id="no-yaml"),
        pytest.param("render.yaml", "services: {web: 1}\n", id="no-services"),
        pytest.param("render.yaml", "services:\n- type: web\n- x\n", id="no-disk"),
        pytest.param(".railway/railway.py", "service(\n", id="no-python"),
        pytest.param(
            ".railway/railway.py",
            "service(name, volumeMounts=MOUNTS, start=START, deploy={**A, 'x': f'{a}'})\n",
            id="no-plain-text",
        ),
        pytest.param("fly.toml", "mounts = 3\n", id="no-table"),
    ],
)
def test_what_cannot_be_read_of_a_platforms_file_is_its_own_matter(
    tmp_path: Path, file: str, text: str
) -> None:
    assert codes(sound(tmp_path, {file: text})) == []


@pytest.mark.parametrize("destination", ["/data", "/app/media", "/"])
def test_a_volume_at_the_data_is_well(tmp_path: Path, destination: str) -> None:
    text = f'[mounts]\nsource = "d"\ndestination = "{destination}"\n'
    assert codes(sound(tmp_path, {"fly.toml": text})) == []
