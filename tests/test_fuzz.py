"""Mutated files of a project, layers and events: an error that names them, or a result.

Each takes at most 30 seconds, and all of a test at most 1 GB more than at its start. ``make fuzz``
tries thousands of them.
"""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from buildstatic.builders.buildx_events import from_json, split_json
from buildstatic.builders.engine_api import from_protobuf
from buildstatic.builders.follow import find_failure
from buildstatic.builders.progress import Progress
from buildstatic.errors import BuildstaticError
from buildstatic.oci.earlier_releases import read_release
from buildstatic.oci.layer_reader import read_layer
from buildstatic.workflows.check import check
from buildstatic.workflows.generate import generate
from buildstatic.workflows.targets import TARGETS
from buildstatic.workflows.verify import verify
from tests.oci.scratch import tar
from tests.project.tree import MANAGE, write

pytestmark = pytest.mark.limited(seconds=0)  # each example has a deadline
LIMITED = settings(deadline=timedelta(seconds=30))
SETTINGS = """\
import os
from pathlib import Path
from split_settings.tools import include, optional
BASE_DIR = Path(__file__).resolve().parent.parent
DEBUG = os.environ.get("DEBUG", "") == "1"
SECRET_KEY = os.environ["SECRET_KEY"] if not DEBUG else "dev"
INSTALLED_APPS = ["django.contrib.staticfiles", *["shop", "blog"][:1]]
if DEBUG:
    INSTALLED_APPS += ["debug_toolbar"]
for name in ("a", "b"):
    INSTALLED_APPS.append(f"apps.{name}")
STORAGES = {"staticfiles": {"BACKEND": "whitenoise.storage.%s" % "CompressedStaticFilesStorage"}}
STATIC_URL, STATIC_ROOT = "static/", BASE_DIR / "staticfiles"
STATICFILES_DIRS = [str(BASE_DIR / "assets")]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db"}}
ROOT_URLCONF = "mysite.urls"
try:
    from .local import *
except ImportError:
    pass
"""
PYPROJECT = """\
[project]
name = "mysite"
version = "1"
requires-python = ">=3.12"
dependencies = ["Django>=5", "gunicorn[x]>=20; python_version > '3'", "psycopg"]
[dependency-groups]
dev = ["pytest", {include-group = "more"}]
more = []
[tool.buildstatic]
requirements = ["requirements.txt"]
[tool.poetry.group.dev.dependencies]
x = { version = "1", extras = ["a"] }
"""
PACKAGE = """\
{"name": "x", "packageManager": "pnpm@9.1.0", "engines": {"node": ">=18 <23 || ^20.1"},
 "workspaces": ["packages/*"], "scripts": {"build": "vite build && npm run css", "css": "sass a b"},
 "dependencies": {"a": "file:./a", "b": "git+ssh://x/y.git", "c": "^1.0"}}
"""
SEEDS = {
    "mysite/settings.py": SETTINGS,
    "mysite/urls.py": 'urlpatterns = [path("health/", include("health_check.urls"))]\n',
    "mysite/wsgi.py": 'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")\n',
    "manage.py": MANAGE.format(settings="mysite.settings"),
    "pyproject.toml": PYPROJECT,
    "requirements.txt": "-r base.txt\nDjango==5.2 \\\n  --hash=sha256:0\n-e ./libs/x\ngit+https://h/r@v#egg=n\n",
    "uv.lock": 'version = 1\n[[package]]\nname = "mysite"\nsource = { virtual = "." }\n'
    'dependencies = [{ name = "django", marker = "python_version > \'3\'" }]\n'
    '[[package]]\nname = "django"\nversion = "5"\nwheels = [{ url = "h/d-5-py3-none-any.whl" }]\n',
    "poetry.lock": '[[package]]\nname = "django"\nversion = "5"\ngroups = ["main"]\n',
    "Pipfile.lock": '{"default": {"django": {"version": "==5", "markers": "os_name"}}}',
    "package.json": PACKAGE,
    "pnpm-lock.yaml": "lockfileVersion: '9.0'\n",
    "pnpm-workspace.yaml": "packages:\n  - 'packages/*'\n  - '!a/**'\n",
    ".npmrc": "//registry.example.org/:_authToken=${TOKEN}\n",
    ".dockerignore": "*.pyc\n!a/*\n**/node_modules\nstat[i-k]c/**/x?\n",
    ".gitignore": "*.pyc\n/staticfiles/\n",
    ".staticignore": "*.scss\n!keep.scss\n",
    "Procfile": "release: python manage.py migrate\nweb: gunicorn a\nworker: celery -A x worker\n",
    "Dockerfile": "FROM python:3.12-slim AS static\nRUN --mount=type=cache a \\\n b\nENV PORT=80\n",
    "compose.yaml": "x: &x {volumes: ['data:/app']}\nservices:\n  web:\n    <<: *x\n    build: .\n",
    "render.yaml": "services:\n  - type: web\n    disk: {mountPath: /app}\n",
    "fly.toml": '[mounts]\ndestination = "/app"\n[processes]\napp = "gunicorn x"\n',
    "railway.json": '{"build": {"builder": "RAILPACK"}, "deploy": {"startCommand": "x"}}',
    "railpack.json": '{"deploy": {"startCommand": "python manage.py runserver"}}',
    "environment.yml": "dependencies:\n  - python=3.12\n  - pip:\n    - django\n",
    ".python-version": "3.12.1\n",
    ".nvmrc": "lts/iron\n",
    "vite.config.js": 'export default { build: { outDir: "static/dist" } }\n',
    "Pipfile": '[[source]]\nurl = "https://$A:$B@h/simple"\n[packages]\ndjango = {version = "*"}\n'
    '[requires]\npython_version = "3.12"\n',
    "pdm.lock": '[[package]]\nname = "django"\nversion = "5"\ngroups = ["default"]\n',
    "setup.cfg": "[metadata]\nname = x\n[options]\ninstall_requires =\n  django\n",
    "setup.py": "from setuptools import setup\nsetup(name='x', install_requires=['django'])\n",
    "pip.conf": "[global]\nindex-url = https://h/simple\ntrusted-host = h\n",
    "uv.toml": '[[index]]\nname = "h"\nurl = "https://h/simple"\ndefault = true\n',
    "runtime.txt": "python-3.12.1\n",
    "mise.toml": '[tools]\npython = "3.12"\n',
    ".yarnrc.yml": "nodeLinker: node-modules\nnpmAuthToken: ${TOKEN}\n",
    "bunfig.toml": '[install]\nregistry = "https://h"\n',
    "tsconfig.json": '{"compilerOptions": {"outDir": "static/js"}} // x\n',
    "app.json": '{"scripts": {"postdeploy": "x"}, "env": {"A": {"value": "1"}}, "addons": []}',
    "heroku.yml": "build:\n  docker:\n    web: Dockerfile\nrelease: {command: [x]}\n",
    "app.yaml": "runtime: python312\nhandlers: [{url: /static, static_dir: static}]\n",
    "kubernetes.yaml": "kind: Deployment\nspec: {template: {spec: {volumes: [{name: x}]}}}\n---\n",
    "cloud-run.yaml": "kind: Service\nspec: {template: {spec: {containers: [{image: x}]}}}\n",
    "config/deploy.yml": "service: x\nimage: x/y\nservers: [h]\nvolumes: ['data:/app']\n",
    ".railway/railway.py": "from railway_sdk import project\nmain = project('x', resources=[])\n",
    "shop/static/a.css": "a { background: url('b.png') }\n@import \"c.css\";\n",
}
LOCKS = {"uv.lock", "poetry.lock", "pdm.lock", "Pipfile", "Pipfile.lock", "environment.yml"}
TOKENS = (
    *("\0", "\n", "\r", '"', "'", "\\", "{", "}", "[", "]", "(", ")", "#", "%", "$", "&a ", "*a"),
    *(
        "<<: ",
        ": ",
        "- ",
        "!",
        "**/",
        "..",
        "/",
        "@",
        ";",
        "=",
        "==",
        "null",
        "-1",
        "1e999",
        "\ufeff",
    ),
    *("\ud800".encode("utf-8", "surrogatepass").decode("latin-1"), "é", "9" * 20, "a" * 300, "~"),
)
Mutation = tuple[float, int, str]
MUTATIONS = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 30), st.sampled_from(TOKENS) | st.text(max_size=5)),
    max_size=6,
)


def mutated(text: str, mutations: Sequence[Mutation]) -> bytes:
    """Return *text* with, at each position (of 1), some characters replaced."""
    for position, length, token in mutations:
        start = int(position * len(text))
        text = text[:start] + token + text[start + length :]
    return text.encode("utf-8", "surrogatepass")


@pytest.mark.slow
@LIMITED
@given(st.sampled_from(sorted(SEEDS)), MUTATIONS)
@example("uv.lock", [])
def test_mutated_project_file(name: str, mutations: list[Mutation]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        root = write(Path(directory), {"base.txt": "celery\n", "libs/x/setup.py": "", **SEEDS})
        write(root, {name: mutated(SEEDS[name], mutations)})
        # Lock files take precedence over each other.
        for lock in LOCKS - {name}:
            (root / lock).unlink()
        with suppress(BuildstaticError):
            check(root, run=False)
            generate(root, TARGETS, mode="render")


LAYER = tar({"app/staticfiles/a.css": b"a" * 700, "app/" + "x" * 150: b"", "é": b"b"})


@LIMITED
@given(st.lists(st.tuples(st.integers(0, len(LAYER) - 1), st.binary(max_size=12)), max_size=6))
def test_mutated_layer(mutations: list[tuple[int, bytes]]) -> None:
    layer = LAYER
    for start, content in mutations:
        layer = layer[:start] + content + layer[start + len(content) :]
    with suppress(BuildstaticError):
        read_layer(io.BytesIO(layer), "x")


@LIMITED
@given(
    st.binary(max_size=600) | st.builds(lambda a, b: a + b, st.binary(max_size=99), st.just(LAYER))
)
def test_layer_of_any_bytes(content: bytes) -> None:
    with suppress(BuildstaticError):
        read_layer(io.BytesIO(content), "x")


RELEASE = {
    "staticfiles.json": '{"paths": {"css/a.css": "css/a.0123456789ab.css"}, "version": "1.1"}',
    "manifest.json": '{"main.js": {"file": "main-AbCd.js", "css": ["main-12.css"]}}',
    "css/a.css": "a { background: url('../b.png') }\n@import \"c.css\";\n",
    "css/a.0123456789ab.css": "a { background: url(x.png) }\n/*# sourceMappingURL=a.css.map */\n",
    "main.js": "import './x.js';\n//# sourceMappingURL=main.js.map\n",
}


def release(files: Mapping[str, str]) -> bytes:
    return tar({f"app/staticfiles/{name}": text.encode("latin-1") for name, text in files.items()})


@LIMITED
@given(st.sampled_from(sorted(RELEASE)), MUTATIONS)
def test_mutated_static_file(name: str, mutations: list[Mutation]) -> None:
    layer = release({**RELEASE, name: mutated(RELEASE[name], mutations).decode("latin-1")})
    with tempfile.NamedTemporaryFile(suffix=".tar") as file:
        file.write(layer)
        file.flush()
        with suppress(BuildstaticError):
            verify(file.name)
    with suppress(BuildstaticError):
        read_release(io.BytesIO(layer), "x")


STATUS = json.dumps(
    {
        "vertexes": [
            {"digest": "sha256:0", "name": "[static 1/2] RUN x", "error": "exit code: 1"},
            {"digest": "sha256:1", "started": "2026-01-01T00:00:00Z", "cached": True},
            {"digest": "sha256:1", "completed": "2026-01-01T00:00:01.5+01:00"},
        ],
        "logs": [{"vertex": "sha256:0", "data": "bGluZQo="}],
    }
)
# A vertex with its digest, name, start and end, and a line of its output.
TRACE = b'\n\x12\n\x031:0\x1a\x01x*\x02\x08\x012\x02\x10\x05:\x00\x1a\x08\n\x031:0"\x01y'


@LIMITED
@given(MUTATIONS, st.lists(st.tuples(st.integers(0, len(TRACE) - 1), st.binary(max_size=3))))
def test_mutated_events(mutations: list[Mutation], bytes_: list[tuple[int, bytes]]) -> None:
    progress, trace = Progress(frozenset({"static"})), TRACE
    for start, content in bytes_:
        trace = trace[:start] + content + trace[start + len(content) :]
    lines = mutated(STATUS, mutations).decode(errors="replace").splitlines(keepends=True)
    for message in split_json(lines):
        if isinstance(message, dict):
            for event in from_json(message):
                progress.add(event)
    for event in from_protobuf(trace):
        progress.add(event)
    progress.stages()
    find_failure(progress)


def test_seeds_are_read(tmp_path: Path) -> None:
    root = write(tmp_path, {"base.txt": "celery\n", "libs/x/setup.py": "", **SEEDS})
    for lock in LOCKS - {"uv.lock"}:
        (root / lock).unlink()
    assert check(root, run=False).project.static_root
    assert len([*from_json(json.loads(STATUS)), *from_protobuf(TRACE)]) == 6
    assert len(read_release(io.BytesIO(release(RELEASE)), "x").fingerprinted) == 1
