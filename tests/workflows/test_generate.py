"""``generate`` as a function."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from buildstatic.errors import ConfigInvalid, FilesExist, RegistryUnavailable
from buildstatic.oci.documents import INDEX, make_document
from buildstatic.project.detect import detect
from buildstatic.templates.write import State
from buildstatic.workflows.generate import (
    GenerateOptions,
    Generation,
    configured_dockerfile,
    configured_targets,
    generate,
)
from tests.oci.proxy import Fault, proxy, write_certificate
from tests.samples import copy


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return copy("startproject", tmp_path)


def test_generate_writes_the_default_targets(root: Path) -> None:
    generation = generate(root)
    assert [file.path for file in generation.files][:3] == [
        "Dockerfile",
        ".dockerignore",
        "Procfile",
    ]
    assert {change.state for change in generation.changes} == {State.NEW}
    for file in generation.files:
        assert (root / file.path).read_text() == file.text


@pytest.mark.parametrize("mode", ["compare", "render"])
def test_other_modes_write_nothing(root: Path, mode: str) -> None:
    before = sorted(root.rglob("*"))
    generation = generate(root, ["procfile"], mode=mode)  # type: ignore[arg-type]
    assert len(generation.changes) == (mode == "compare")
    assert sorted(root.rglob("*")) == before


@pytest.mark.parametrize(
    ("targets", "existing", "is_first"),
    [
        pytest.param(["dockerfile", "dockerignore"], {}, True, id="both"),
        pytest.param(["dockerfile"], {}, False, id="no-ignore-file"),
        pytest.param(["dockerfile"], {".dockerignore": "staticfiles\n"}, True, id="existing"),
        pytest.param(["dockerfile"], {".dockerignore": "*.md\n"}, False, id="without-it"),
        pytest.param(
            ["dockerfile", "dockerignore"],
            {"Dockerfile.dockerignore": "*.md\n"},
            False,
            id="precedence",
        ),
    ],
)
def test_static_files_come_first_if_the_ignore_file_excludes_old_ones(
    root: Path, targets: list[str], existing: dict[str, str], is_first: bool
) -> None:
    for name, text in existing.items():
        (root / name).write_text(text)
    text = generate(root, targets, mode="render").files[0].text
    assert (text.index("--from=static /layer/ /\n") < text.index("COPY . .")) == is_first


def test_options_and_configuration(root: Path) -> None:
    (root / "pyproject.toml").write_text(
        '[tool.buildstatic.generate]\ntargets = ["dockerfile"]\nport = 9000\n'
    )
    assert configured_targets(root) == ("dockerfile",)
    (file,) = generate(root, mode="render").files
    assert "PORT=9000" in file.text
    options = GenerateOptions.configured(root, server="uvicorn-worker")
    assert (options.port, options.server) == (9000, "uvicorn-worker")
    (file,) = generate(root, options=GenerateOptions(port=9001), mode="render").files
    assert "PORT=9001" in file.text


def test_only_a_build_uses_cache_mounts_by_itself(root: Path) -> None:
    (file,) = generate(root, ["dockerfile"], mode="render").files
    assert "type=cache" not in file.text
    assert configured_dockerfile(detect(root)).cache_mounts
    (root / "pyproject.toml").write_text("[tool.buildstatic.generate]\ncache_mounts = false\n")
    assert not configured_dockerfile(detect(root)).cache_mounts


def test_dockerfile_runs_the_commands_around_collecting(root: Path) -> None:
    with (root / "mysite/settings.py").open("a") as settings:
        settings.write(
            "INSTALLED_APPS += ['sass_processor', 'compressor']\nCOMPRESS_OFFLINE = True\n"
        )
    django = GenerateOptions(collector="django")
    (file,) = generate(root, ["dockerfile"], mode="render").files
    assert '"--before", "compilescss", "--after", "compress"]' in file.text
    (file,) = generate(root, ["dockerfile"], django, mode="render").files
    assert command_order(file.text) == ["compilescss", "collectstatic --noinput", "compress"]

    (root / "pyproject.toml").write_text("[tool.buildstatic]\nbefore = ['a --b']\nafter = []\n")
    (file,) = generate(root, ["dockerfile"], mode="render").files
    assert "--before" not in file.text
    assert "--after" not in file.text
    (file,) = generate(root, ["dockerfile"], django, mode="render").files
    assert command_order(file.text) == ["a --b", "collectstatic --noinput"]


def test_django_that_is_too_old_for_buildstatic_collects_itself(root: Path) -> None:
    for pinned, command in (("4.1.13", ["collectstatic --noinput"]), ("4.2", [])):
        (root / "requirements.txt").write_text(f"gunicorn\nDjango=={pinned}\n")
        generation = generate(root, ["dockerfile"], mode="render")
        assert command_order(generation.files[0].text) == command
        noted = [note for note in generation.notes if "requirements.txt:2 has Django 4.1;" in note]
        assert bool(noted) == bool(command)
    (root / "requirements.txt").write_text("Django==4.1\n")
    with (root / "mysite/settings.py").open("a") as settings:
        settings.write("import os\nos.environ['MAIL_HOST']\nos.environ['STATIC_BUCKET']\n")
    (file,) = generate(root, ["dockerfile"], mode="render").files
    assert "MAIL_HOST=localhost" in file.text
    assert "STATIC_BUCKET" not in file.text
    given = GenerateOptions(collector="buildstatic")
    (file,) = generate(root, ["dockerfile"], given, mode="render").files
    assert command_order(file.text) == []


def command_order(dockerfile: str) -> list[str]:
    return re.findall(r"python manage\.py (.*)", dockerfile)


def test_warnings_notes_and_edits_are_returned(root: Path) -> None:
    (root / "requirements.txt").write_text("Django\n")
    generation = generate(root, ["railway"], mode="render")
    assert any("gunicorn" in text for text in generation.warnings)
    # The Dockerfile installs it.
    assert generate(root, ["dockerfile", "railway"], mode="render").warnings == ()
    assert generation.notes
    assert {edit.file for edit in generation.edits} >= {"requirements.txt"}


def test_errors_are_raised(root: Path) -> None:
    with pytest.raises(ConfigInvalid, match=r"Unknown target 'procfil'\. Did you mean procfile\?"):
        generate(root, ["procfil"])
    (root / "Procfile").write_text("web: mine\n")
    with pytest.raises(FilesExist):
        generate(root)
    assert not (root / "Dockerfile").exists()
    generate(root, force=True)
    assert "gunicorn" in (root / "Procfile").read_text()


@pytest.mark.engine
def test_base_images_are_pinned_and_newer_ones_reported(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate := write_certificate(tmp_path)))
    with proxy(certificate=certificate) as server:
        # The registry of the base image: Docker Hub, which tests cannot reach.
        monkeypatch.setattr("buildstatic.oci.stores.registry_client.DOCKER_HUB_HOST", server.host)

        def pin(tag: str, **options: Any) -> tuple[str, Generation]:
            body = make_document(INDEX, {"manifests": [], "tag": tag})
            headers = {"Content-Type": INDEX}
            path = "/v2/library/python/manifests/"
            server.faults = [Fault("GET", path, 9, 200, headers, body.content)]
            pinned = GenerateOptions(pin=True)
            return body.descriptor.digest, generate(root, ["dockerfile"], pinned, **options)

        digest, _ = pin("old")
        text = (root / "Dockerfile").read_text()
        assert len(re.findall(rf"^FROM python:[\d.]+-slim@{digest} AS base$", text, re.M)) == 1
        assert pin("old", mode="compare")[1].newer == ()
        newer, generation = pin("new", mode="compare")
        (sentence,) = generation.newer
        assert newer in sentence
        assert digest in sentence
        assert [change.state for change in generation.changes] == [State.DIFFERENT]
    # Without the option they stay, and nothing is asked.
    assert [change.state for change in generate(root, ["dockerfile"]).changes] == [State.UNCHANGED]


def test_images_that_cannot_be_pinned_are_an_error(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("buildstatic.oci.stores.registry_client.BACKOFF", 0.01)
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    before = sorted(root.rglob("*"))
    with pytest.raises(RegistryUnavailable, match=r"Cannot reach the registry .*docker\.io"):
        generate(root, options=GenerateOptions(pin=True))
    assert sorted(root.rglob("*")) == before
