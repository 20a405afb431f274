"""What .dockerignore keeps out of a build, and what it must never keep out."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from buildstatic.builders.context import read_context
from buildstatic.dockerfile.dockerignore import dockerignore
from buildstatic.project import Fact, Project
from tests.oci.variants import ODD, frontend, managed, plain

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
    "README.md",
)
KEPT_OUT = (
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
    "docker-compose.override.yml",
    ".dockerignore",
)


def fill(root: Path, *files: str) -> None:
    for file in files:
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file)


def by_the_api(root: Path, text: str) -> set[str]:
    """Return the files that are sent of *root*, as *text* is read here."""
    paths = read_context(root, text).paths
    return {path for path in paths if (root / path).is_file()} - {".dockerignore"}


def by_the_engine(root: Path, text: str, tmp_path: Path) -> set[str]:
    """Return the files that are sent of *root*, as a real build has them."""
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
    """Return a function from a project to the files that are sent of it."""
    if request.param == "engine":
        request.getfixturevalue("engine")

    def sent(project: Project, text: str | None = None) -> set[str]:
        text = text or dockerignore(project).text
        if request.param == "engine":
            return by_the_engine(project.root, text, tmp_path)
        return by_the_api(project.root, text)

    return sent


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    fill(root, *NEEDED, *KEPT_OUT)
    return root


@pytest.mark.parametrize("name", ["env", "ENV"])
def test_an_environment_in_the_root_is_kept_out_and_below_it_a_name_is_a_name(
    name: str, tmp_path: Path, sent: Any
) -> None:
    root = tmp_path / "project"
    fill(root, f"{name}/bin/python", f"static/{name}/site.css")
    assert sent(plain(root)) == {f"static/{name}/site.css"}


@pytest.mark.parametrize(
    "facts",
    [
        {"needed": ("env/static",)},
        {"manage": Fact("env/manage.py", "env/manage.py:1")},
        {"dependencies": managed("pip", "env")},
    ],
    ids=lambda facts: next(iter(facts)),
)
def test_a_directory_that_the_project_needs_is_sent_whatever_its_name(
    facts: dict[str, Any], tmp_path: Path
) -> None:
    fill(tmp_path, "env/static/site.css")
    text = dockerignore(plain(tmp_path, **facts)).text
    assert by_the_api(tmp_path, text) == {"env/static/site.css"}


def test_it_is_the_same_in_every_checkout(root: Path) -> None:
    before = dockerignore(plain(root))
    fill(root, "my env/pyvenv.cfg", "my env/bin/python", ".venv/pyvenv.cfg")
    after = dockerignore(plain(root))
    assert (after.text, before.notes) == (before.text, ())
    assert after.notes == (
        ".dockerignore: the virtual environment my env is not in it. Rename it: .venv is.",
    )


def test_a_build_of_this_checkout_is_sent_none_of_its_environments(root: Path) -> None:
    fill(root, "my env/pyvenv.cfg", "my env/bin/python")
    text = dockerignore(plain(root), here=True).text
    assert by_the_api(root, text) == set(NEEDED)


def test_what_a_build_needs_is_sent_and_nothing_else(root: Path, sent: Any) -> None:
    assert sent(plain(root)) == set(NEEDED)


def test_names_are_taken_literally(tmp_path: Path, sent: Any) -> None:
    root = tmp_path / "project"
    for index, name in enumerate(ODD):
        fill(root, f"{name}/pyvenv.cfg", f"{name}/bin/python", f"{name}y/kept", f"a{index}/{name}")
    decoys = ("starx", "ac/kept", "ax", "star-x-/kept")
    fill(root, *decoys)
    kept = {f"{name}y/kept" for name in ODD} | {f"a{i}/{name}" for i, name in enumerate(ODD)}
    text = dockerignore(plain(root), here=True).text
    assert sent(plain(root), text) == kept | set(decoys)


EDGES = (" space first", "tab last\t", "\u00a0no-break space\u3000", "line\nbreak", "a\rb", "a\tb")


@pytest.mark.parametrize("name", EDGES, ids=ascii)
def test_names_with_odd_edges_are_kept_out_too(name: str, tmp_path: Path, sent: Any) -> None:
    root = tmp_path / "project"
    fill(root, f"{name}/upload.png", "line/break", "kept")
    project = plain(root, media_root=Fact(name, "s:1"))
    assert sent(project) == {"line/break", "kept"}
    assert "\nbreak" not in dockerignore(project).text


@pytest.mark.parametrize("name", ODD)
def test_an_odd_tree_and_odd_media_are_kept_out(name: str, tmp_path: Path) -> None:
    fill(tmp_path, f"{name}/tree/x.css", f"{name}/media/x.png", f"{name}/settings.py")
    facts = {key: Fact(f"{name}/{key}", "s:1") for key in ("tree", "media")}
    project = plain(tmp_path, static_root=facts["tree"], media_root=facts["media"])
    assert by_the_api(tmp_path, dockerignore(project).text) == {f"{name}/settings.py"}


def test_an_app_of_the_name_media_stays(root: Path, sent: Any) -> None:
    fill(root, "media/__init__.py", "media/models.py")
    expected = {*NEEDED, "media/__init__.py", "media/models.py", "media/upload.pdf"}
    assert sent(plain(root)) == expected


@pytest.mark.parametrize("needed", ["media", "media/static"])
def test_what_a_build_needs_is_sent_from_media_too(needed: str, root: Path, sent: Any) -> None:
    fill(root, "media/static/logo.svg")
    expected = {*NEEDED, "media/static/logo.svg", "media/upload.pdf"}
    assert sent(plain(root, needed=(needed,))) == expected


def test_uploads_are_beside_manage_py(root: Path, sent: Any) -> None:
    fill(root, "src/media/upload.pdf")
    manage = Fact("src/manage.py", "src/manage.py:1")
    assert sent(plain(root, manage=manage)) == {*NEEDED, "media/upload.pdf"}


def test_uploads_are_kept_out_where_the_settings_put_them(root: Path) -> None:
    fill(root, "uploads/secret.pdf")
    text = dockerignore(plain(root, media_root=Fact("uploads", "s:1"))).text
    assert by_the_api(root, text) == {*NEEDED, "media/upload.pdf"}


@pytest.mark.parametrize("place", ["/srv/media", "."])
def test_uploads_outside_of_the_project_exclude_nothing(place: str, root: Path) -> None:
    text = dockerignore(plain(root, media_root=Fact(place, "s:1"))).text
    assert by_the_api(root, text) == {*NEEDED, "media/upload.pdf"}


def test_a_tree_outside_of_the_project_excludes_nothing(root: Path) -> None:
    text = dockerignore(plain(root, static_root=Fact("/srv/static", "s:1"))).text
    assert by_the_api(root, text) == {*NEEDED, "staticfiles/staticfiles.json"}


def test_a_tree_that_holds_sources_excludes_none_of_them(root: Path) -> None:
    fill(root, "assets/src/site.css")
    fact = Fact("assets", "s:1")
    text = dockerignore(plain(root, static_root=fact, needed=("assets/src",))).text
    assert "assets/src/site.css" in by_the_api(root, text)


def test_without_a_static_root_the_usual_tree_is_kept_out(root: Path) -> None:
    assert by_the_api(root, dockerignore(plain(root, static_root=None)).text) == set(NEEDED)


def test_modules_that_are_collected_are_sent_where_no_stage_installs_them(root: Path) -> None:
    modules = {"node_modules/react/index.js", "web/node_modules/react/index.js"}
    alone = plain(root, node_modules=Fact(True, "s:1"))
    assert by_the_api(root, dockerignore(alone).text) == {*NEEDED, *modules}

    installed = plain(root, node_modules=Fact(True, "s:1"), frontend=frontend("npm", modules=True))
    assert by_the_api(root, dockerignore(installed).text) == set(NEEDED)


def test_a_password_of_the_front_end_is_not_sent(root: Path) -> None:
    fill(root, "web/.npmrc", "web/package.json")
    project = plain(root, frontend=frontend("npm", "web", secret="web/.npmrc:1"))
    assert by_the_api(root, dockerignore(project).text) == {*NEEDED, "web/package.json"}


def test_it_is_short_and_says_why(root: Path) -> None:
    text = dockerignore(plain(root)).text
    assert text.startswith("# ")
    assert len(text.splitlines()) < 50
    assert "\n\n\n" not in text
    assert all(line == line.strip() for line in text.splitlines())
