"""The files that the generated .dockerignore excludes, and those that it must not exclude."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from buildstatic.dockerfile.build_context import read_context
from buildstatic.dockerfile.dockerignore import generate_dockerignore
from buildstatic.project import Fact, Project
from tests.dockerfile.variants import SPECIAL_NAMES, frontend, managed, plain

NEEDED = (
    "manage.py",
    "requirements.txt",
    "requirements/base.txt",
    "pyproject.toml",
    "uv.lock",
    "poetry.lock",
    "pdm.lock",
    "Pipfile",
    "Pipfile.lock",
    ".python-version",
    "package.json",
    "package-lock.json",
    "mysite/settings.py",
    "mysite/static/mysite/site.css",
    "mysite/static/mysite/.well-known/security.txt",
    "mysite/templates/index.html",
    "mysite/migrations/0001_initial.py",
    "mysite/environment.py",
    "mysite/media.py",
    "mysite/media/__init__.py",
    "mysite/staticfiles/__init__.py",
    "env/__init__.py",
    "env/apps.py",
    "static/logo.svg",
    "static/vendor/dist/lib.js",
    "static/build/app.js",
    "locale/de/LC_MESSAGES/django.mo",
    "vendor/wheels/own-1.0-py3-none-any.whl",
    "compose_a_song/models.py",
    "config/settings.py",
    "config/deploy.py",
    "README.md",
)
EXCLUDED = (
    ".git/config",
    ".github/workflows/ci.yml",
    ".gitignore",
    ".env",
    ".env.production",
    "mysite/.env",
    ".envs/.production/.django",
    "mysite/.envs/.production/.postgres",
    ".envrc",
    ".netrc",
    "deploy/.pypirc",
    "db.sqlite3",
    "db.sqlite3-journal",
    "src/db.sqlite3",
    "media/upload.pdf",
    "staticfiles/staticfiles.json",
    ".venv/bin/python",
    "backend/.venv/bin/python",
    "venv/bin/python",
    ".virtualenv/bin/python",
    "node_modules/react/index.js",
    "web/node_modules/react/index.js",
    "__pycache__/manage.cpython-313.pyc",
    "mysite/__pycache__/settings.cpython-313.pyc",
    "mysite/old.pyc",
    ".pytest_cache/README.md",
    "mysite/.mypy_cache/x.json",
    ".ruff_cache/x",
    ".tox/py/x",
    ".coverage",
    "htmlcov/index.html",
    ".idea/x.xml",
    "Dockerfile",
    "Dockerfile.dev",
    "compose.yaml",
    "kubernetes.yaml",
    "cloud-run/service.yaml",
    "config/deploy.yml",
    ".do/app.yaml",
    "docker-compose.override.yml",
    ".dockerignore",
)


def fill(root: Path, *files: str) -> None:
    for file in files:
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file)


def included(project: Project, text: str | None = None) -> set[str]:
    """Return the files in the context of *project*, by our reading of its generated ignore file."""
    context = read_context(project.root, text or generate_dockerignore(project).text)
    return {path for path in context.paths if (project.root / path).is_file()} - {".dockerignore"}


def by_the_engine(root: Path, text: str, tmp_path: Path) -> set[str]:
    """Return the files of *root* in the context of a real build."""
    dockerfile = tmp_path / "elsewhere" / "Dockerfile"
    fill(dockerfile.parent, dockerfile.name)
    dockerfile.write_text("FROM scratch\nCOPY . /\n")
    Path(f"{dockerfile}.dockerignore").write_text(text, encoding="utf-8")
    out = tmp_path / "out"
    flags = [f"--file={dockerfile}", f"--output=type=local,dest={out}"]
    subprocess.run(
        ["docker", "buildx", "build", *flags, str(root)], check=True, capture_output=True
    )
    return {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}


@pytest.fixture(
    params=["api", pytest.param("engine", marks=pytest.mark.engine)],
)
def sent(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Return a function from a project to the files in its context."""
    if request.param == "engine":
        request.getfixturevalue("engine")

    def sent(project: Project, text: str | None = None) -> set[str]:
        text = text or generate_dockerignore(project).text
        if request.param == "engine":
            return by_the_engine(project.root, text, tmp_path)
        return included(project, text)

    return sent


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    fill(root, *NEEDED, *EXCLUDED)
    return root


@pytest.mark.parametrize("name", ["env", "ENV"])
def test_env_is_excluded_in_the_root_only(name: str, tmp_path: Path) -> None:
    root = tmp_path / "project"
    fill(root, f"{name}/bin/python", f"static/{name}/site.css")
    assert included(plain(root)) == {f"static/{name}/site.css"}


@pytest.mark.parametrize(
    "facts",
    [
        {"needed": ("env/static",)},
        {"manage": Fact("env/manage.py", "env/manage.py:1")},
        {"dependencies": managed("pip", "env")},
    ],
    ids=lambda facts: next(iter(facts)),
)
def test_needed_directory_named_env_is_included(facts: dict[str, Any], tmp_path: Path) -> None:
    fill(tmp_path, "env/static/site.css")
    assert included(plain(tmp_path, **facts)) == {"env/static/site.css"}


def test_output_is_the_same_in_every_checkout(root: Path) -> None:
    before = generate_dockerignore(plain(root))
    fill(root, "my env/pyvenv.cfg", "my env/bin/python", ".venv/pyvenv.cfg")
    after = generate_dockerignore(plain(root))
    assert (after.text, before.notes) == (before.text, ())
    assert after.notes == (
        ".dockerignore does not contain the virtual environment my env. Rename it to .venv.",
    )


def test_local_build_excludes_unusual_environments(root: Path) -> None:
    fill(root, "my env/pyvenv.cfg", "my env/bin/python")
    text = generate_dockerignore(plain(root), local=True).text
    assert included(plain(root), text) == set(NEEDED)


def test_needed_files_are_included_and_others_excluded(root: Path, sent: Any) -> None:
    assert sent(plain(root)) == set(NEEDED)


def test_special_names_match_literally(tmp_path: Path, sent: Any) -> None:
    root = tmp_path / "project"
    for index, name in enumerate(SPECIAL_NAMES):
        fill(root, f"{name}/pyvenv.cfg", f"{name}/bin/python", f"{name}y/kept", f"a{index}/{name}")
    decoys = ("starx", "ac/kept", "ax", "star-x-/kept")
    fill(root, *decoys)
    kept = {f"{name}y/kept" for name in SPECIAL_NAMES} | {
        f"a{i}/{name}" for i, name in enumerate(SPECIAL_NAMES)
    }
    text = generate_dockerignore(plain(root), local=True).text
    assert sent(plain(root), text) == kept | set(decoys)


EDGES = (" space first", "tab last\t", "\u00a0no-break space\u3000", "line\nbreak", "a\rb", "a\tb")


@pytest.mark.parametrize("name", EDGES, ids=ascii)
def test_names_with_whitespace_at_the_edges_are_excluded(
    name: str, tmp_path: Path, sent: Any
) -> None:
    root = tmp_path / "project"
    fill(root, f"{name}/upload.png", "line/break", "kept")
    project = plain(root, media_root=Fact(name, "s:1"))
    assert sent(project) == {"line/break", "kept"}
    assert "\nbreak" not in generate_dockerignore(project).text


@pytest.mark.parametrize("name", SPECIAL_NAMES)
def test_static_root_and_media_with_special_names_are_excluded(name: str, tmp_path: Path) -> None:
    fill(tmp_path, f"{name}/tree/x.css", f"{name}/media/x.png", f"{name}/settings.py")
    facts = {key: Fact(f"{name}/{key}", "s:1") for key in ("tree", "media")}
    project = plain(tmp_path, static_root=facts["tree"], media_root=facts["media"])
    assert included(project) == {f"{name}/settings.py"}


def test_app_named_media_is_included(root: Path) -> None:
    fill(root, "media/__init__.py", "media/models.py")
    expected = {*NEEDED, "media/__init__.py", "media/models.py", "media/upload.pdf"}
    assert included(plain(root)) == expected


@pytest.mark.parametrize("needed", ["media", "media/static"])
def test_needed_files_in_media_are_included(needed: str, root: Path) -> None:
    fill(root, "media/static/logo.svg")
    expected = {*NEEDED, "media/static/logo.svg", "media/upload.pdf"}
    assert included(plain(root, needed=(needed,))) == expected


def test_uploads_beside_manage_py_are_excluded(root: Path) -> None:
    fill(root, "src/media/upload.pdf")
    manage = Fact("src/manage.py", "src/manage.py:1")
    assert included(plain(root, manage=manage)) == {*NEEDED, "media/upload.pdf"}


def test_uploads_in_media_root_are_excluded(root: Path) -> None:
    fill(root, "uploads/secret.pdf")
    assert included(plain(root, media_root=Fact("uploads", "s:1"))) == {*NEEDED, "media/upload.pdf"}


@pytest.mark.parametrize("place", ["/srv/media", "."])
def test_media_root_outside_of_the_project_excludes_nothing(place: str, root: Path) -> None:
    assert included(plain(root, media_root=Fact(place, "s:1"))) == {*NEEDED, "media/upload.pdf"}


def test_static_root_outside_of_the_project_excludes_nothing(root: Path) -> None:
    assert included(plain(root, static_root=Fact("/srv/static", "s:1"))) == {
        *NEEDED,
        "staticfiles/staticfiles.json",
    }


def test_static_root_with_sources_excludes_nothing(root: Path) -> None:
    fill(root, "assets/src/site.css")
    fact = Fact("assets", "s:1")
    project = plain(root, static_root=fact, needed=("assets/src",))
    assert "assets/src/site.css" in included(project)


def test_default_static_root_is_excluded(root: Path) -> None:
    assert included(plain(root, static_root=None)) == set(NEEDED)


def test_collected_node_modules_are_included_unless_installed(root: Path) -> None:
    modules = (Fact("web/node_modules", "s:1"),)
    alone = plain(root, node_modules=modules, needed=("web/node_modules/react",))
    assert included(alone) == {*NEEDED, "web/node_modules/react/index.js"}

    installed = replace(alone, frontends=frontend("npm", "web", modules="web/node_modules"))
    assert included(installed) == set(NEEDED)


@pytest.mark.parametrize("directory", ["htmlcov", ".github/pages", "a/.venv", ".x_cache"])
def test_directory_of_static_files_is_never_excluded(root: Path, directory: str) -> None:
    fill(root, f"{directory}/site.css")
    assert f"{directory}/site.css" in included(plain(root, needed=(directory,)))


def test_files_of_front_ends_are_never_excluded(root: Path) -> None:
    paths = ("web/.venv/package.json", "web/.env.production", "web/ui_cache/.npmrc")
    fill(root, *paths, "web/.env", "web/.venv/bin")
    web = frontend("npm", "web", workspaces=("web/.venv",), public_environment=(".env.production",))
    assert included(plain(root, frontends=web)) == {*NEEDED, *paths}


def test_frontend_password_is_excluded(root: Path) -> None:
    fill(root, "web/.npmrc", "web/package.json")
    project = plain(root, frontends=frontend("npm", "web", secret="web/.npmrc:1"))
    assert included(project) == {*NEEDED, "web/package.json"}


def test_file_is_short_and_commented(root: Path) -> None:
    text = generate_dockerignore(plain(root)).text
    assert text.startswith("# ")
    assert len(text.splitlines()) < 50
    assert "\n\n\n" not in text
    assert all(line == line.strip() for line in text.splitlines())
