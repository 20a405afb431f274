"""What a project's files say stays within the word of the generated files that it belongs to."""

from __future__ import annotations

import json
import re
import shlex
import tempfile
import tomllib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from buildstatic.dockerfile.dockerignore import generate_dockerignore
from buildstatic.dockerfile.generate import generate_dockerfile
from buildstatic.errors import BuildstaticError
from buildstatic.platforms import PLATFORMS
from buildstatic.platforms.options import Options, read_dockerfile
from buildstatic.project import (
    BuildScript,
    Connection,
    Fact,
    Process,
    Project,
    Server,
    Sqlite,
    Variable,
)
from buildstatic.workflows.generate import generate
from buildstatic.workflows.targets import TARGETS
from tests.dockerfile.variants import LOCKS, Variant, frontend, managed
from tests.platforms.projects import full
from tests.platforms.reading import yaml_documents
from tests.project.tree import project

pytestmark = pytest.mark.limited(seconds=0)  # each example has a deadline
LIMITED = settings(deadline=timedelta(seconds=30))
SITE = {
    "mysite/settings.py": 'INSTALLED_APPS = ["django.contrib.staticfiles"]\n'
    'STATIC_URL = "static/"\nSTATIC_ROOT = "staticfiles"\n',
    "mysite/wsgi.py": "from django.core.wsgi import get_wsgi_application as application\n",
}
LEAK = "leak"  # a command that no project asks for
PAYLOADS = (
    "x\nRUN leak\n",
    "x\rRUN leak",
    "x\\\nleak",
    "x'; leak; '",
    'x"; leak; "',
    "x; leak #",
    "x && leak",
    "x | leak",
    "$(leak)",
    "`leak`",
    '"$(leak)"',
    "${leak}",
    "x\0leak",
    "x\ud800leak",
    "x\u2028leak\u0085leak",
    "x: leak\n- leak",
    "x]\n[leak]\nleak = 1",
    "#leak",
    "{{ leak }}{% leak %}",
    "--mount=type=bind,source=/,target=/leak",
    "x,target=/leak",
    "<<leak",
    "x" * 10_000,
)
Make = Callable[[str], Variant]


def changed(name: str, value: object, **options: Any) -> Variant:
    """Return a project with the fact *name*."""
    return Variant({name: Fact(value, "x:1")}, options)


def locked(manager: str, directory: str = "", /, **more: Any) -> Variant:
    return Variant({"dependencies": managed(manager, directory, **more)})


def front(directory: str = ".", **more: Any) -> Variant:
    return Variant({"frontends": frontend("yarn", directory, **more)})


def placeholder(name: str, value: str) -> Variant:
    return Variant({}, {"environment": {name: value}, "collector": "django"})


def of_manager(manager: str, kind: str) -> Make:
    return lambda v: locked(manager, "", **{kind: (v,)})


def in_directory_of(manager: str) -> Make:
    return lambda v: locked(manager, v)


VALUES: dict[str, Make] = {
    "manage.py": lambda v: changed("manage", f"{v}/manage.py"),
    "selected manage.py": lambda v: Variant({"manage": Fact(f"{v}/manage.py", "--manage")}),
    "manage.py for Django": lambda v: changed("manage", f"{v}/manage.py", collector="django"),
    "settings": lambda v: changed("settings", v),
    "configuration": lambda v: changed("configuration", v),
    "python_path": lambda v: changed("python_path", (v,)),
    "static_root": lambda v: changed("static_root", v),
    "static_root for Django": lambda v: changed("static_root", v, collector="django"),
    "static_url for nginx": lambda v: changed("static_url", f"/{v}/", assets="nginx"),
    "static_url for caddy": lambda v: changed("static_url", f"/{v}/", assets="caddy"),
    "storage": lambda v: Variant({"storage": Fact(v, "x:1"), "remote": Fact(True, "x:1")}),
    "media_root": lambda v: changed("media_root", v),
    "log file": lambda v: Variant({"log_files": (Fact(f"{v}/x.log", "x:1"),)}),
    "SQLite file": lambda v: changed("sqlite", Sqlite(f"{v}/x.db", True)),
    "member": lambda v: locked("uv", member=v),
    **{
        f"{kind} of {manager}": of_manager(manager, kind)
        for manager in LOCKS
        for kind in ("groups", "extras", "additional", "local")
    },
    **{f"directory of {manager}": in_directory_of(manager) for manager in LOCKS},
    "front-end": lambda v: front(v, lock=f"{v}/yarn.lock"),
    "modules": lambda v: front(modules=v),
    "modules only": lambda v: front(modules=v, build=()),
    "script": lambda v: front(build=(BuildScript(v, "web"),)),
    "workspace": lambda v: front(workspaces=(v,), build=(BuildScript("build", v),), is_nested=True),
    "front-end files": lambda v: front(files=(v,), directories=(v,)),
    "front-end secret": lambda v: front(v, secret=f"{v}/.npmrc:1"),
    "front-end sources": lambda v: front(needs_sources=v),
    "placeholder": lambda v: placeholder("A", v),
    "variable of a placeholder": lambda v: placeholder(v, "x"),
    "variable": lambda v: Variant({"variables": (Variable(v, True, "x:1"),)}),
    "secret key": lambda v: Variant({"secret_key": Variable(v, True, "x:1")}),
    "database": lambda v: changed("connection", Connection("postgresql", v)),
    "database name": lambda v: changed("connection", Connection("sqlite", None, {"NAME": v})),
    "health": lambda v: changed("health", v),
    "schedule": lambda v: changed("processes", (Process("a", "true", v),)),
    "before": lambda v: Variant({}, {"before": (v,), "collector": "django"}),
    "after": lambda v: Variant({}, {"after": (v,), "collector": "django"}),
    "server": lambda v: Variant({}, {"serve": ("gunicorn", v)}),
    "specifier of the server": lambda v: changed("server", Server("gunicorn", v)),
    "installed server": lambda v: Variant({}, {"install": (f"gunicorn{v}",)}),
    "wsgi": lambda v: changed("wsgi", v),
    "asgi": lambda v: changed("asgi", v),
    "name of a process": lambda v: changed("processes", (Process(v, "true", "@daily"),)),
    "switch of the storage": lambda v: changed("storage_switch", (v, v)),
    "node_modules": lambda v: Variant({"node_modules": (Fact(v, "x:1"),)}),
    "unbuilt": lambda v: Variant({"unbuilt": (Fact(v, "x:1"),)}),
    "early import": lambda v: changed("early_import", v),
    "public files of the front-end": lambda v: front(public_environment=(v,)),
    "version of uv": lambda v: locked("uv", uv=v),
    **{
        f"{kind} of {manager}": of_manager(manager, kind)
        for manager in LOCKS
        for kind in ("left_out", "by_name", "servers")
    },
}


def generated(variant: Variant, root: Path) -> dict[str, str]:
    """Return the text of every file that is generated for *variant* and not refused."""
    hostile: Project = replace(full(root), **{"dependencies": managed("pip"), **variant.changes})
    options, files = Options(dockerfile=read_dockerfile("FROM scratch")), {}
    try:
        for file in (
            generate_dockerfile(hostile, variant.dockerfile_options),
            generate_dockerignore(hostile),
        ):
            files[file.path] = file.text
    except BuildstaticError:
        pass
    for platform in PLATFORMS:
        try:
            files |= {file.path: file.text for file in platform.files(hostile, options)}
        except BuildstaticError:
            continue
    return files


def check(path: str, text: str) -> None:
    """Raise AssertionError if *text* is not valid, or has the command `LEAK`."""
    if re.search("[\ud800-\udfff]", text):  # is not written
        return
    assert "\0" not in text
    name = path.rpartition("/")[2]
    if name == "Dockerfile":
        for instruction, operand in instructions(text):
            assert instruction in INSTRUCTIONS, operand
            operand = re.sub(r"^(?:--\S+\s+)*(?=\[)", "", operand)
            if operand.startswith("["):
                json.loads(operand)
            elif instruction == "RUN":
                assert_no_leak(operand)
            elif instruction in ("ENV", "COPY", "WORKDIR"):
                assert not re.search(r"(?<!\\)(?:\\\\)*\$[({]?leak", operand)
                shlex.split(operand)
    elif name.endswith(".json"):
        json.loads(text)
    elif name.endswith((".yaml", ".yml")):
        yaml_documents(text)
    elif name.endswith(".toml"):
        assert LEAK not in tomllib.loads(text)
    elif name.endswith(".py"):
        compile(text, path, "exec")
    elif name.endswith(".service"):
        assert all(re.match(r"[#\[A-Z]|$", line) for line in text.split("\n"))
    elif name == "Procfile":
        for line in re.split(r"[\r\n]", text):
            assert re.match(r"#|[\w-]+: |$", line)
            assert_no_leak("" if line.startswith("#") else line.partition(": ")[2])
    elif name in ("deploy.sh", "post_compile"):
        assert_no_leak(text)


INSTRUCTIONS = {
    *("ARG", "CMD", "COPY", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "RUN", "STOPSIGNAL", "USER"),
    "WORKDIR",
}


def instructions(text: str) -> list[tuple[str, str]]:
    """Return the instructions of a Dockerfile, without comments and here-documents."""
    text = re.sub(r'^COPY <<"EOF" (\S+)\n.*?^EOF$', r"COPY x \1", text, flags=re.M | re.S)
    lines = "\n".join(line for line in text.split("\n") if not line.lstrip().startswith("#"))
    joined = lines.replace("\\\n", " ")
    found = [line.strip().partition(" ") for line in re.split(r"[\r\n]", joined) if line.strip()]
    return [(word, operand.strip()) for word, _, operand in found]


def assert_no_leak(command: str) -> None:
    """Raise AssertionError if a shell would run `LEAK`, or expand its variable, in *command*."""
    bare = ""
    parts = re.compile(r"\\.|'[^']*'|\"((?:\\.|[^\"\\])*)\"|#[^\n]*|.", re.S)
    for part in parts.finditer(command):
        if part[1] is not None:  # in double quotes only an expansion counts
            bare += " ".join(re.findall(r"[$`][({]?leak", re.sub(r"\\.", "", part[1])))
        elif (part[0][0] == "#" and bare[-1:] not in ("", " ", "\n")) or part[0][0] not in "\\'#":
            bare += part[0]
    assert not re.search(r"(?:^|[;&|(`\n]|\$[({]?)\s*leak", bare), command
    shlex.split(command, comments=True)


@pytest.mark.parametrize("name", VALUES)
def test_plain_value_is_in_every_file(tmp_path: Path, name: str) -> None:
    files = generated(VALUES[name]("plain"), tmp_path)
    assert {"Dockerfile", "Procfile", "deploy.sh", "fly.toml", "compose.yaml"} <= set(files)
    for path, text in files.items():
        check(path, text)


@pytest.mark.slow
@LIMITED
@given(st.sampled_from(sorted(VALUES)), st.sampled_from(PAYLOADS) | st.text(max_size=30))
@example("SQLite file", "x\ud800leak")
@example("SQLite file", "x\0leak")
def test_hostile_value_stays_within_its_word(name: str, value: str) -> None:
    for path, text in generated(VALUES[name](value), Path("/nonexistent")).items():
        check(path, text)


def toml(value: str) -> str:
    return json.dumps(value.encode(errors="replace").decode())


def pyproject(table: str, more: str = "") -> dict[str, str]:
    return {
        "pyproject.toml": f"[project]\nname = 'x'\ndependencies = ['Django']\n{more}[tool.{table}\n"
    }


# The files in which a project says what generated files contain.
FILES: dict[str, Callable[[str], dict[str, str]]] = {
    ".python-version": lambda v: {".python-version": f"3.12{v}\n"},
    "requires-python": lambda v: pyproject("x]", f"requires-python = {toml('>=3.12' + v)}\n"),
    "dependency": lambda v: pyproject("x]", f"optional-dependencies.web = [{toml(v)}]\n"),
    "build-packages": lambda v: pyproject(f"buildstatic]\nbuild-packages = [{toml(v)}]"),
    "env": lambda v: pyproject(f"buildstatic.env]\nA = {toml(v)}\n{toml(v)} = 'x'"),
    "index of uv": lambda v: {
        "uv.lock": "version = 1\n",
        **pyproject(
            f"uv]\nindex-url = {toml(v)}\nallow-insecure-host = [{toml(v)}]\n"
            f"required-version = {toml(v)}\n[[tool.uv.index]]\nname = {toml(v)}\n"
            f"url = {toml('https://' + v)}\ndefault = true"
        ),
    },
    "source of Poetry": lambda v: {
        "poetry.lock": "",
        **pyproject(
            f"poetry]\n[[tool.poetry.source]]\nname = {toml(v)}\nurl = {toml('http://' + v)}"
        ),
    },
    "source of PDM": lambda v: {
        "pdm.lock": "",
        **pyproject(
            f"pdm]\n[[tool.pdm.source]]\nname = 'pypi'\nurl = {toml('http://' + v)}\n"
            "verify_ssl = false"
        ),
    },
    "Pipfile": lambda v: {
        "Pipfile": f"[[source]]\nname = {toml(v)}\nurl = {toml('http://$A@' + v)}\n"
        f"verify_ssl = false\n[packages]\nDjango = '*'\n{toml(v)} = {toml(v)}\n"
        f"[requires]\npython_version = {toml(v)}\n"
    },
    "options of requirements": lambda v: {
        "requirements.txt": f"--index-url http://{v}\n--trusted-host {v}\nDjango\n"
        f"--extra-index-url=https://${{A}}@{v}\nx[{v}]\n"
    },
    "pip.conf": lambda v: {
        "requirements.txt": "Django\n",
        "pip.conf": f"[global]\nindex-url = https://{v}\ntrusted-host = {v}\n",
    },
    "own Dockerfile": lambda v: {
        "requirements.txt": "Django\n",
        "docker/Dockerfile": f"FROM python:3.12{v}\nARG PIP_INDEX_URL=https://{v}\n"
        f"ENV PIP_TRUSTED_HOST={v}\nRUN apt-get install {v}\nEXPOSE {v}\n",
    },
    "environment.yml": lambda v: {
        "environment.yml": json.dumps({"dependencies": [v, f"{v}=1", {"pip": [v, "Django"]}]})
    },
    "packageManager": lambda v: {
        "requirements.txt": "Django\n",
        "package.json": json.dumps(
            {
                "packageManager": f"yarn@{v}",
                "engines": {"node": v, "yarn": v},
                "scripts": {"build": "vite build", f"build:{v}": f"sass {v}"},
                "dependencies": {v: v, "a": f"file:{v}"},
                "workspaces": [v],
            }
        ),
        "yarn.lock": "",
        "vite.config.js": 'export default { build: { outDir: "static/dist" } }',
        ".yarnrc.yml": f"npmAuthToken: ${{{v}}}\nnodeLinker: {v}\n",
        ".npmrc": f"//{v}/:_authToken=${{{v}}}\n_auth=${{A}}{v}\n",
    },
    "settings": lambda v: {
        "requirements.txt": "Django\n",
        "mysite/settings.py": f"import os\nV = {v!a}\nA = os.environ[V]\n"
        "SECRET_KEY = os.environ[V]\n"
        "INSTALLED_APPS = ['django.contrib.staticfiles']\nSTATIC_ROOT = MEDIA_ROOT = V\n"
        "STATIC_URL = f'/{V}/'\nSTATICFILES_DIRS = [V]\nROOT_URLCONF = WSGI_APPLICATION = V\n"
        "DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': V}}\n"
        "LOGGING = {'handlers': {'f': {'class': 'logging.FileHandler', 'filename': V}}}\n"
        "STORAGES = {'staticfiles': {'BACKEND': V}}\n",
    },
}


@pytest.mark.slow
@LIMITED
@given(st.sampled_from(sorted(FILES)), st.sampled_from(PAYLOADS) | st.text(max_size=30))
def test_hostile_file_stays_within_its_words(name: str, value: str) -> None:
    files = FILES[name](value).items()
    with tempfile.TemporaryDirectory() as directory:
        texts = {each: text.encode("utf-8", "surrogatepass") for each, text in files}
        root = project(Path(directory), {**SITE, **texts})
        for targets in (TARGETS, ["dockerfile"], ["dockerignore"], ["procfile"]):
            with suppress(BuildstaticError):
                for file in generate(root, targets, mode="render").files:
                    check(file.path, file.text)
                break  # with all of them
