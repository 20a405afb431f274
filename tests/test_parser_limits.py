"""Project files that are made to take long: reading, checking and generating ends."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from buildstatic.errors import BuildstaticError
from buildstatic.workflows.check import check
from buildstatic.workflows.generate import generate
from buildstatic.workflows.targets import TARGETS
from tests.limits import run_limited
from tests.project.tree import project

pytestmark = [pytest.mark.slow, pytest.mark.limited]

SETTINGS = """\
INSTALLED_APPS = ["django.contrib.staticfiles", "shop"]
STATIC_URL = "static/"
STATIC_ROOT = "staticfiles"
"""
LOCKED = "".join(f'[[package]]\nname = "p{n}"\nversion = "1"\n' for n in range(2000))
MANY = {f"p{n}": "1" for n in range(2000)}
LAUGHS = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))
MERGES = "a0: &a0 {x: 1}\n" + "".join(
    f"a{n}: &a{n}\n  <<: [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40)
)
STARS = "**/" + "*a" * 40 + "b"
MARKERS = ["python_version > '3'"] * 5000
ODD = ("null", "[]", "1", '"x"', "[[]]", '{"a": [[{}]]}', '{"": {"": ""}}')
PACKAGE = {"name": "x", "scripts": {"build": "vite build"}}


def package(**more: object) -> str:
    return json.dumps({**PACKAGE, **more})


FILES: dict[str, Mapping[str, str | bytes]] = {
    "strings without an end": {"railpack.json": '"\\' * 200_000},
    ".npmrc of one line": {"package.json": package(), ".npmrc": "a_auth" * 50_000},
    ".npmrc of variables": {"package.json": package(), ".npmrc": "${A" * 100_000},
    ".npmrc of spaces": {"package.json": package(), ".npmrc": " " * 100_000 + "x"},
    "engines": {"package.json": package(engines={"node": "1" * 50_000})},
    "engines of signs": {"package.json": package(engines={"node": "<" * 50_000})},
    "engines of ranges": {"package.json": package(engines={"node": " - ".join("1" * 9999)})},
    "engines of spaces": {"package.json": package(engines={"node": "1" + " " * 50_000})},
    "engines of versions": {"package.json": package(engines={"node": "1.1.1 || " * 9999})},
    ".nvmrc": {"package.json": package(), ".nvmrc": "v" + "1." * 50_000},
    "dependencies of npm": {"package.json": package(dependencies=MANY, devDependencies=MANY)},
    "local dependencies": {
        "package.json": package(dependencies={n: f"file:./{n}" for n in MANY}),
    },
    "scripts": {"package.json": package(scripts={f"build:{n}": "vite build" for n in MANY})},
    "scripts that run others": {
        "package.json": package(
            scripts={f"s{n}": f"npm run s{n + 1} && npm run s{n + 1}" for n in range(400)}
            | {"build": "npm run s0"}
        ),
    },
    "workspaces": {"package.json": package(workspaces=["*/" * 30 + "*", "a/**/" * 30])},
    "a nested package.json": {"package.json": '{"a":' * 50_000 + "1" + "}" * 50_000},
    "numbers of JSON": {"package.json": '{"name": ' + "1" * 9000 + "}"},
    "uv.lock": {"uv.lock": LOCKED},
    "poetry.lock": {"poetry.lock": LOCKED, "pyproject.toml": "[tool.poetry]\nname = 'x'\n"},
    "pdm.lock": {"pdm.lock": LOCKED},
    "odd wheels": {
        "uv.lock": '[[package]]\nname = "a"\nversion = "1"\n'
        'wheels = [{ url = "x.whl" }, { url = "-.whl" }, { url = 1 }, {}]\n'
    },
    "Pipfile": {"Pipfile": "[packages]\n" + "".join(f'{n} = "*"\n' for n in MANY)},
    "Pipfile.lock": {"Pipfile.lock": json.dumps({"default": {n: {} for n in MANY}}, indent=1)},
    "pyproject.toml": {
        "pyproject.toml": "[project]\nname = 'x'\nversion = '1'\ndependencies = [\n"
        + "".join(f'"{n}",\n' for n in MANY)
        + "]\n"
    },
    "groups in circles": {
        "pyproject.toml": "[project]\nname = 'x'\ndependencies = ['django']\n[dependency-groups]\n"
        + "".join(
            f"g{n} = [{{include-group = 'g{(n + 1) % 400}'}}, {{include-group = 'g{n}'}}]\n"
            for n in range(400)
        )
    },
    "extras of themselves": {
        "pyproject.toml": "[project]\nname = 'x'\ndependencies = ['django', 'x[a]']\n"
        "[project.optional-dependencies]\na = ['x[b,a]']\nb = ['x[a]']\n"
    },
    "nested TOML": {"pyproject.toml": "a = " + "[" * 20_000},
    "dotted TOML": {"pyproject.toml": "a" + ".a" * 5_000 + " = 1\n"},
    "requirements.txt": {"requirements.txt": "".join(f"{n}==1\n" for n in MANY)},
    "requirements of one line": {"requirements.txt": "a" * 300_000 + "\n" + " " * 300_000 + "#"},
    "continued requirements": {"requirements.txt": "a \\\n" * 100_000},
    "a marker": {"requirements.txt": f"django; {'(' * 900}python_version > '3'{')' * 900}\n"},
    "markers": {
        "requirements.txt": f"django; {' or '.join(MARKERS)}\n",
    },
    "a version": {"requirements.txt": f"django=={'1.' * 20_000}1\n"},
    "an odd URL": {"requirements.txt": "django @ file://[::1\n-r http://[\ngit+https://[#egg=a\n"},
    "chained requirements": {
        "requirements.txt": "-r r0.txt\n",
        **{f"r{n}.txt": f"-r r{n + 1}.txt\n" for n in range(1200)},
        "r1200.txt": "django\n",
    },
    "constraints": {"requirements.txt": "-c c.txt\n" * 2000, "c.txt": "django\n" * 500},
    "an environment.yml": {"environment.yml": LAUGHS},
    "a merged environment.yml": {"environment.yml": MERGES},
    "pnpm-workspace.yaml": {"package.json": package(), "pnpm-workspace.yaml": LAUGHS},
    "compose.yaml": {"compose.yaml": f"{LAUGHS}services: *a39\n"},
    "merged compose.yaml": {"compose.yaml": f"{MERGES}services: {{web: *a39}}\n"},
    "render.yaml": {"render.yaml": f"{MERGES}services: [*a39]\n"},
    "nested YAML": {"compose.yaml": "[" * 20_000},
    ".dockerignore": {".dockerignore": f"{STARS}\n" * 20, f"shop/static/{'a' * 120}": "x"},
    "a class in .dockerignore": {".dockerignore": f"[{'a-z' * 9000}]*\n[z-a]\n"},
    "exceptions of .dockerignore": {".dockerignore": "".join(f"!{n}\n*{n}\n" for n in MANY)},
    ".gitignore": {".gitignore": f"{STARS}\n" * 20, f"shop/static/{'a' * 120}": "x"},
    ".staticignore": {".staticignore": f"{STARS}\n" * 20, f"shop/static/{'a' * 120}": "x"},
    "Procfile": {"Procfile": "".join(f"w{n}: python manage.py x\n" for n in range(5000))},
    "a line of the Procfile": {"Procfile": f"web: {'manage.py ' * 20_000}\n"},
    "a Dockerfile": {"Dockerfile": "FROM python:3\n" + "RUN x \\\n" * 50_000},
    "a Dockerfile of one line": {"Dockerfile": "FROM x\nRUN apt-get " + "install " * 50_000},
    "fly.toml": {"fly.toml": "[processes]\n" + "".join(f"p{n} = 'x'\n" for n in range(5000))},
    "a script": {"deploy.sh": "#!/bin/sh\n" + "python manage.py " * 20_000},
    "calls of the settings": {
        "mysite/settings.py": "import subprocess\n"
        + "".join(f"a{n} = b\nsubprocess.run(a{n})\n" for n in range(1000))
        + SETTINGS
    },
    "variables": {
        "mysite/settings.py": "import os\n"
        + "".join(f"A{n} = os.environ['A{n}']\n" for n in range(2000))
        + SETTINGS
    },
    "URLs": {
        "mysite/settings.py": f"ROOT_URLCONF = 'mysite.urls'\n{SETTINGS}",
        "mysite/urls.py": "urlpatterns = [\n" + "path('health/', x),\n" * 20_000 + "]\n",
    },
    "a null byte": {"shop/static/a.css": b"\0", "Procfile": b"web: \0\n"},
    **{
        f"{name} with {text}": {name: text}
        for name in (
            *("package.json", "railway.json", "railpack.json", "app.json", "Pipfile.lock"),
            *("compose.yaml", "environment.yml", "render.yaml"),
        )
        for text in ODD
    },
}


@pytest.mark.parametrize("files", FILES.values(), ids=FILES)
def test_reading_ends(tmp_path: Path, files: Mapping[str, str | bytes]) -> None:
    plain = {"mysite/settings.py": SETTINGS, "mysite/wsgi.py": "", "requirements.txt": "Django\n"}
    project(tmp_path, {**plain, **files})

    def read() -> None:
        for action in (
            lambda: check(tmp_path, run=False),
            lambda: generate(tmp_path, TARGETS, mode="render"),
        ):
            try:
                action()
            except BuildstaticError as error:
                if len(str(error)) > 2000:
                    raise

    run_limited(read)
