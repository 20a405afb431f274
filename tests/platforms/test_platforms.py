"""What holds for every platform, including future ones."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from buildstatic import platforms
from buildstatic.errors import ConfigInvalid
from buildstatic.platforms import PLATFORMS, Platform, railway
from buildstatic.platforms.options import Options
from buildstatic.project import Fact, Process, Project, Variable
from buildstatic.templates import GeneratedFile
from buildstatic.workflows.generate import GenerateOptions, generate
from tests.platforms.projects import AWKWARD, GENERATED, full
from tests.platforms.reading import yaml_documents
from tests.samples import copy
from tests.test_golden import GOLDEN, RECORDED, SERVED

BROKEN = ("line\nbreak", "\x7f\x85\u2028\ufeff")
NAMES = (*AWKWARD, *BROKEN, "\"\"\" ''' {% x %} ${X:?}", "*a: &b")
MODULE = '''"""A platform."""
NAME = "podman"
IS_DEFAULT = False


def files(project, options):
    return ()
'''
each = pytest.mark.parametrize("platform", PLATFORMS, ids=lambda platform: platform.NAME)


def hostile(root: Path, name: str) -> Project:
    """Return a project that uses *name* wherever possible."""
    secret = Variable(name, True, "s.py:1")
    return replace(
        full(root),
        settings=Fact(f"{name}.settings", "s.py:1"),
        wsgi=Fact(f"{name}.wsgi:application", "s.py:1"),
        manage=Fact(f"{name}/manage.py", f"{name}/manage.py"),
        static_root=Fact(name, "s.py:1"),
        static_url=Fact(f"/{name}/", "s.py:1"),
        whitenoise=None,
        health=Fact(f"/{name}/", "s.py:1"),
        secret_key=secret,
        variables=(secret,),
        processes=Fact((Process("worker", f"echo {name}"),), "Procfile:1"),
    )


@each
def test_notes_say_what_allowed_hosts_needs(tmp_path: Path, platform: Platform) -> None:
    if platform.NAME == "gitignore":
        return
    found, options = full(tmp_path), Options(dockerfile=GENERATED)
    notes = [note for file in platform.files(found, options) for note in file.notes]
    if platform.NAME == "railway":
        notes += railway.notes(found, options)
    assert any("ALLOWED_HOSTS needs" in note for note in notes)


def texts(value: object) -> Iterator[str]:
    """Yield the strings in *value*."""
    match value:
        case dict():
            for inner in value.values():
                yield from texts(inner)
        case list():
            for inner in value:
                yield from texts(inner)
        case str():
            yield value


def parsed(file: GeneratedFile) -> object:
    """Parse *file* with the parser of its language."""
    match file.path.rpartition(".")[2]:
        case "yaml" | "yml":
            return yaml_documents(file.text)
        case "toml":
            return tomllib.loads(file.text)
        case "json":
            return json.loads(file.text)
        case "py":
            return ast.parse(file.text)
        case "sh":
            return subprocess.run(["sh", "-n"], input=file.text.encode(), check=True)
        case _:
            return None


@each
@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_files_are_valid_for_any_names(platform: Platform, name: str, tmp_path: Path) -> None:
    found, options = hostile(tmp_path, name), Options(dockerfile=GENERATED)
    refuses = name in BROKEN if platform.NAME == "procfile" else "\n" in name
    if platform.NAME in ("procfile", "deploy.sh") and refuses:
        with pytest.raises(ConfigInvalid, match="a line break"):
            platform.files(found, options)
        return
    for file in platform.files(found, options):
        content = parsed(file)
        if isinstance(content, dict | list) and "$schema" not in content:
            dollar = "$$" if platform.NAME in ("compose", "kubernetes") else "$"
            assert f"{name}.settings".replace("$", dollar) in texts(content)


def test_golden_files_exist_for_every_platform() -> None:
    for platform in PLATFORMS:
        first, *_ = platform.files(full(GOLDEN), Options(builder="railpack", dockerfile=GENERATED))
        for directory in (d for d in GOLDEN.iterdir() if d.name not in SERVED):
            assert (directory / first.path).is_file() is (platform.NAME in RECORDED)


def test_a_module_with_a_name_is_a_platform(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "podman.py").write_text(MODULE)
    monkeypatch.setattr(platforms, "__path__", [*platforms.__path__, str(tmp_path)])
    try:
        names = [platform.NAME for platform in platforms._find_platforms()]
    finally:
        sys.modules.pop("buildstatic.platforms.podman", None)
        vars(platforms).pop("podman", None)
    assert sorted(names) == sorted(["podman", *(platform.NAME for platform in PLATFORMS)])
    assert names[-4:] == ["podman", "railway-iac", "render", "systemd"]


@pytest.mark.parametrize(
    ("target", "created"),
    [
        ("compose", "postgres:"),
        ("digitalocean", "engine: PG"),
        ("heroku", "heroku-postgresql"),
        ("kamal", "accessories:"),
        ("render", "databases:"),
    ],
)
def test_external_database_is_not_created(tmp_path: Path, target: str, created: str) -> None:
    root = copy("services", tmp_path)
    texts = []
    for database in ("platform", "external"):
        options = GenerateOptions(database=database)
        generation = generate(root, ["dockerfile", target], options, mode="render")
        files = (file.text for file in generation.files if file.path != "Dockerfile")
        texts.append("".join((*files, *generation.notes)))
    assert created in texts[0]
    assert created not in texts[1]
    assert "DATABASE_URL" in texts[1]
