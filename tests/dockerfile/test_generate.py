"""The generated Dockerfile of each variant of a project."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from buildstatic.dockerfile.dependencies import ESCAPE
from buildstatic.dockerfile.generate import DockerfileOptions, generate_dockerfile
from buildstatic.dockerfile.pins import base_images, pin
from buildstatic.dockerfile.source import stage_names
from buildstatic.errors import ConfigInvalid
from buildstatic.project import Dependencies, Fact, Sqlite
from tests.dockerfile.variants import (
    CONDA,
    LOCKS,
    SERVE,
    VARIANTS,
    Variant,
    frontend,
    managed,
    plain,
    with_names,
)

HADOLINT = str(Path(sys.executable).with_name("hadolint"))
SECRETS = "/run/secrets"
INSTALLS_PROJECT = {
    "uv": "uv sync",
    "poetry": "poetry install",
    "pdm": "pdm sync",
    "pipenv": "pipenv install",
    "pyproject": "--requirement pyproject.toml",
    "pip": "--requirement requirements.txt",
}
every_variant = pytest.mark.parametrize(
    "variant", [pytest.param(variant, id=name) for name, variant in VARIANTS.items()]
)


def text_of(variant: Variant, root: Path = Path("/nowhere")) -> str:
    return generate_dockerfile(variant.project(root), variant.dockerfile_options).text


def stage(text: str, name: str) -> str:
    """Return the lines of the stage *name*."""
    found = re.search(rf"^FROM .* AS {name}\n(.*?)(?=^FROM |\Z)", text, re.S | re.M)
    assert found, f"no stage {name}"
    return found[1]


@pytest.mark.slow
def test_hadolint_reports_nothing(tmp_path: Path) -> None:
    for index, (name, variant) in enumerate(VARIANTS.items()):
        text = f"{text_of(variant)}# {name}\n"
        (tmp_path / f"{index}.Dockerfile").write_text(text, encoding="utf-8")
    # SC2016 warns of a $ in single quotes, which is part of a file name here.
    command = [HADOLINT, "--no-color", "--ignore=SC2016", *map(str, tmp_path.iterdir())]
    done = subprocess.run(command, encoding="utf-8", capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@every_variant
def test_whitespace_is_clean(variant: Variant) -> None:
    text = text_of(variant)
    assert "\n\n\n" not in text
    assert not re.search(r"[ \t]$", text, re.M)
    assert "\r" not in text
    assert "\t" not in re.sub(r'(?s)COPY <<"EOF" /etc/caddy/.*?^EOF$', "", text, flags=re.M)
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert text.count("Written by") == 1


@every_variant
def test_stages_are_named_and_copied_ones_exist(variant: Variant) -> None:
    text = text_of(variant)
    stages = stage_names(text)
    assert list(stages) == re.findall(r"^FROM .* AS (\S+)$", text, re.M)
    assert len(set(stages)) == len(stages)
    assert set(re.findall(r"[-,]from=([\w-]+)", text)) <= set(stages)
    assert stages[-1] == "web"


@every_variant
def test_final_stage_has_a_health_check_and_no_build_tools(variant: Variant) -> None:
    text = text_of(variant)
    web = stage(text, "web")
    for final in (stage(text, "runtime").split("\n\n")[0], web):
        assert "buildstatic" not in final
        assert "--mount" not in final
        assert "pip" not in final.replace("pipefail", "")
    assert "USER 10001:10001" in web
    assert re.search(r'^CMD \["gunicorn", ', web, re.M)
    assert re.search(r'HEALTHCHECK .*\\\n    CMD \["python", "-c"', web)


def test_output_is_independent_of_the_project_directory() -> None:
    texts = {text_of(VARIANTS["default"], Path(root)) for root in ("/a", "/b c")}
    assert len(texts) == 1
    assert not re.search(r"/a\b|/b c", texts.pop())


def test_default_dockerfile_is_minimal() -> None:
    text = text_of(VARIANTS["default"])
    usual = (
        "base",
        "deps",
        "runtime",
        "buildstatic-wheels",
        "buildstatic-previous",
        "static",
        "export",
        "web",
    )
    assert stage_names(text) == usual
    assert "--platform" not in text
    assert "DJANGO_SETTINGS_MODULE" not in text
    assert "apt-get" not in text
    assert "syntax=" not in text
    assert len(text.splitlines()) <= 62


def test_collecting_has_no_network_by_default() -> None:
    assert "--network=none" in stage(text_of(VARIANTS["default"]), "static")
    assert "--network=none" in stage(text_of(VARIANTS["django collects"]), "static")
    assert "network" not in text_of(VARIANTS["network"])


@pytest.mark.parametrize("manager", LOCKS)
def test_without_cache_mounts_no_cache_is_kept(manager: str) -> None:
    text = text_of(VARIANTS[f"{manager} without cache mounts"])
    assert "type=cache" not in text
    assert "type=bind" in text
    assert re.findall(r"pip install (?!--no-cache)|poetry install (?!.*--no-cache)", text) == []


@pytest.mark.parametrize("manager", LOCKS)
def test_dependency_files_in_a_directory(manager: str) -> None:
    deps = stage(text_of(VARIANTS[f"{manager} in a directory"]), "deps")
    installs = {
        "uv": "uv sync --locked --no-dev --project='back end'",
        "poetry": "poetry install --directory='back end'",
        "pdm": "pdm sync --project='back end' --prod --no-self",
        "pipenv": 'PIPENV_PIPFILE="back end/Pipfile"',
        "pyproject": "--requirement 'back end/pyproject.toml'",
        "pip": "--requirement 'back end/requirements.txt'",
    }
    assert installs[manager] in deps
    for name in LOCKS[manager]:
        assert f'COPY ["back end/{name}", "./back end/{name}"]' in deps


@pytest.mark.parametrize(
    ("manager", "command"),
    [
        ("pdm", "pdm sync --group=web --group=pg --no-self"),
        ("pipenv", "pipenv install --deploy --categories=packages,web"),
    ],
)
def test_groups_are_installed(tmp_path: Path, manager: str, command: str) -> None:
    found = plain(tmp_path, dependencies=managed(manager, groups=("web",), extras=("pg",)))
    assert command in generate_dockerfile(found, DockerfileOptions(SERVE)).text
    without = plain(tmp_path, dependencies=managed(manager))
    installed = stage(generate_dockerfile(without, DockerfileOptions(SERVE)).text, "deps")
    assert "categories" not in installed
    assert ("pdm sync --prod --no-self" in installed) == (manager == "pdm")


def test_packages_of_another_system_are_left_out_of_uv_lock(tmp_path: Path) -> None:
    found = plain(tmp_path, dependencies=managed("uv", left_out=("pywin32",)))
    deps = stage(generate_dockerfile(found, DockerfileOptions(SERVE)).text, "deps")
    assert "uv sync --locked --no-dev --no-install-package=pywin32 --no-install-project" in deps
    assert "sed" not in deps


def test_note_without_dependencies(tmp_path: Path) -> None:
    notes = generate_dockerfile(plain(tmp_path, dependencies=None), DockerfileOptions(SERVE)).notes
    assert any(note.startswith("No dependencies were found.") for note in notes)


def test_extras_of_setuptools_are_installed(tmp_path: Path) -> None:
    setup = Dependencies("pip", "lib/setup.py", ("lib/setup.py",), ("lib",), extras=("web", "pg"))
    found = plain(tmp_path, dependencies=Fact(setup, "lib/setup.py:1"))
    text = generate_dockerfile(found, DockerfileOptions(SERVE)).text
    assert "pip install --editable 'lib[web,pg]'" in text


def test_workspace_member_is_installed() -> None:
    deps = stage(text_of(VARIANTS["member of a workspace"]), "deps")
    assert "uv sync --locked --no-dev --package=web --no-install-project" in deps
    assert "source=packages/shop,target=packages/shop,rw" in deps


def test_build_packages_are_not_in_the_final_image() -> None:
    text = text_of(VARIANTS["packages to build and to run"])
    assert "libpq5" in stage(text, "base")
    assert "gcc libpq-dev" in stage(text, "deps")
    assert "apt-get" not in stage(text, "runtime") + stage(text, "web")


def test_missing_server_is_installed_in_the_virtual_environment() -> None:
    pip = stage(text_of(VARIANTS["pip without a server"]), "deps")
    assert "/opt/venv/bin/pip install gunicorn 'psycopg[binary]'" in pip
    uv = stage(text_of(VARIANTS["uv without a server"]), "deps")
    assert "uv pip install --python=/opt/venv gunicorn 'psycopg[binary]'" in uv


def test_system_packages_are_installed_where_they_are_needed() -> None:
    text = text_of(VARIANTS["packages that need a library"])
    assert "--no-install-recommends libpq5 libmagic1 \\" in stage(text, "base")
    assert "--no-install-recommends gcc libpq-dev git \\" in stage(text, "deps")


def test_requirements_of_another_machine_are_edited(tmp_path: Path) -> None:
    names = ("requirements.txt", "base.txt")
    dependencies = Dependencies(
        "pip", *names[:1], names, left_out=("pywin32", "pkg-resources"), by_name=("django",)
    )
    deps = stage(text_of(Variant({"dependencies": Fact(dependencies, "r:1")})), "deps")
    assert "COPY base.txt ./base.txt" in deps
    (tmp_path / "requirements.txt").write_text("PyWin32==306\npywin32-ctypes\npkg_resources==0\n")
    (tmp_path / "base.txt").write_text(
        "Django[x] @ file:///croot/django/work ; python_version > '3'\nasgiref @ file:///a\n"
    )
    command = next(line for line in deps.splitlines() if line.startswith("RUN sed"))
    subprocess.run(["sh", "-c", command.removeprefix("RUN ")], cwd=tmp_path, check=True)
    assert (tmp_path / "requirements.txt").read_text() == "pywin32-ctypes\n"
    assert (tmp_path / "base.txt").read_text() == (
        "Django[x]  ; python_version > '3'\nasgiref @ file:///a\n"
    )


@pytest.mark.parametrize("manager", LOCKS)
def test_credentials_of_a_private_index_are_secrets_of_the_installations(manager: str) -> None:
    text = text_of(VARIANTS[f"{manager} with a private index"])
    names = ("INDEX_USER", "INDEX_TOKEN")
    url = "https://$(cat /run/secrets/INDEX_USER):$(cat /run/secrets/INDEX_TOKEN)@packages"
    steps = [
        step
        for step in text.split("\nRUN ")
        if re.search(r"(pip|uv|poetry|pdm|env) (.* )?(install|sync) ", step)
    ]
    own = next(step for step in steps if INSTALLS_PROJECT[manager] in step)
    assert all(f'{name}="$(cat /run/secrets/{name})" ' in own for name in names)
    others = [step for step in steps if step != own]
    assert len(others) == (2 if manager == "pip" else 3)
    assert "gunicorn" in others[-2]
    assert "BUILDSTATIC" in others[-1]
    for step in others:
        command = next(line for line in step.splitlines() if "install " in line)
        variable = "UV_DEFAULT_INDEX" if command.strip().startswith("uv pip") else "PIP_INDEX_URL"
        assert f'{variable}="{url}' in step
    assert all(
        f"--mount=type=secret,id={name} " in step for name in names for step in (own, *others)
    )
    assert not re.search(r"^(ARG|ENV).*INDEX", text, re.M)


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        ("${UV_DEFAULT_INDEX}", "$(cat /run/secrets/UV_DEFAULT_INDEX)"),
        (
            "https://${UV_INDEX_X_USERNAME}:${UV_INDEX_X_PASSWORD}@h/simple",
            f"https://$(cat {SECRETS}/UV_INDEX_X_USERNAME):"
            f"$({ESCAPE} {SECRETS}/UV_INDEX_X_PASSWORD)@h/simple",
        ),
        ("https://mirror.example.org/simple", "https://mirror.example.org/simple"),
    ],
)
def test_uv_is_installed_from_the_index_that_replaces_pypi(index: str, expected: str) -> None:
    deps = stage(text_of(Variant({"dependencies": managed("uv", index=index)})), "deps")
    first, second = deps.split("RUN ")[1:]
    assert f'PIP_INDEX_URL="{expected}" \\\n    pip install' in first
    assert "INDEX" not in second
    assert [*re.findall("id=([A-Z_]+) ", first)] == re.findall(r"\{(\w+)", index)


@pytest.mark.parametrize("manager", ["pip", "uv"])
def test_hosts_that_are_trusted_are_so_for_each_installation(manager: str) -> None:
    hosts = ("mirror.example.org", "${TRUSTED}")
    found = managed(manager, index="http://mirror.example.org/simple", trusted_hosts=hosts)
    text = text_of(Variant({"dependencies": found}, {"install": ("gunicorn",)}))
    listed = f"mirror.example.org $(cat {SECRETS}/TRUSTED)"
    pip = f'PIP_INDEX_URL="http://mirror.example.org/simple" PIP_TRUSTED_HOST="{listed}" '
    assert text.count(pip) == 2
    assert text.count("--mount=type=secret,id=TRUSTED ") == (2 if manager == "pip" else 3)
    if manager == "uv":
        assert 'UV_INSECURE_HOST="mirror.example.org" \\\n    uv sync' in text
        assert f'UV_INSECURE_HOST="{listed}" \\\n    uv pip install' in text
    else:
        assert 'PIP_TRUSTED_HOST="mirror.example.org" \\\n    pip install' in text


def test_variables_in_the_arguments_of_pip_are_read_from_secrets() -> None:
    url = 'https://$x"`id`:${TOKEN}@h/simple'
    conda = replace(CONDA, arguments=("--extra-index-url", url, "a[b]"), secrets=("TOKEN",))
    deps = stage(text_of(Variant({"dependencies": Fact(conda, "environment.yml:1")})), "deps")
    arguments = deps.rpartition("pip install ")[2].removeprefix("--no-cache-dir ").strip()
    assert arguments.startswith("--extra-index-url ")
    printed = f"printf '%s|' {arguments}".replace("$(cat /run/secrets/TOKEN)", "$(echo secret)")
    shown = subprocess.run(["sh", "-c", printed], capture_output=True, text=True, check=True).stdout
    assert shown.split("|")[:3] == [
        "--extra-index-url",
        url.replace("${TOKEN}", "secret"),
        "a[b]",
    ]


def test_password_is_escaped_for_the_url_of_an_index(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("100%/a?b#c:d@e'\"$x")
    shown = subprocess.run(
        ["sh", "-c", f'echo "https://me:$({ESCAPE} password)@h/simple"'],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    netloc = urlsplit(shown).netloc
    assert unquote(netloc.rpartition("@")[0]) == "me:100%/a?b#c:d@e'\"$x"


def test_missing_server_without_a_wheel_is_compiled() -> None:
    text = text_of(Variant({}, {"install": ("uwsgi",)}))
    assert "--no-install-recommends gcc libc6-dev libcrypt-dev \\" in stage(text, "deps")


def test_geodjango_packages_are_in_the_final_image() -> None:
    base = stage(text_of(VARIANTS["packages of GeoDjango"]), "base")
    assert "install --yes --no-install-recommends libpq5 gdal-bin" in base


def test_platforms_share_one_static_stage() -> None:
    text = text_of(VARIANTS["all platforms"])
    assert re.findall(r"^FROM --platform=\$BUILDPLATFORM (\S+) AS (\S+)", text, re.M) == [
        ("python:3.14-slim", "build-base")
    ]
    assert "FROM build-base AS static" in text
    assert "--mount=type=bind,from=build-deps,source=/opt/venv" in stage(text, "static")
    assert "COPY --from=deps" in stage(text, "runtime")


@pytest.mark.parametrize("name", [name for name in VARIANTS if name.startswith("remote")])
def test_remote_storage_has_no_static_stage(name: str) -> None:
    text = text_of(VARIANTS[name])
    assert {"static", "export", "buildstatic-wheels"}.isdisjoint(stage_names(text))
    assert "--link" not in text
    assert "python manage.py collectstatic --noinput" in text


@pytest.mark.parametrize(
    "storage",
    [
        pytest.param("storages.backends.s3.S3Storage", id="usual"),
        pytest.param("a.very.long.dotted.path." * 8 + "Storage", id="long"),
        pytest.param("a\nRUN rm -rf /", id="with a line break"),
        pytest.param("a \\", id="with a backslash at its end"),
    ],
)
def test_storage_name_cannot_leave_its_comment(storage: str) -> None:
    facts = {"storage": Fact(storage, "s:1"), "remote": Fact(True, "s:1")}
    text = text_of(Variant(facts))
    usual = text_of(VARIANTS["remote"])
    named = f"#   {' '.join(storage.split())}"
    assert [named if "S3Storage" in line else line for line in usual.splitlines()] == (
        text.splitlines()
    )
    comments = [line for line in usual.splitlines() if line.startswith("#")]
    assert max(map(len, comments)) <= 100


def test_remote_storage_without_a_name() -> None:
    assert "#   its storage\n" in text_of(Variant({"remote": Fact(True, "s:1")}))


BREAKS = ["line\nbreak", "carriage\rreturn", "caf\udcff"]


@pytest.mark.parametrize("name", BREAKS, ids=ascii)
@pytest.mark.parametrize("fact", ["dependencies", "manage", "static_root", "frontends"])
def test_names_with_line_breaks_are_refused(name: str, fact: str) -> None:
    with pytest.raises(ConfigInvalid, match="cannot contain"):
        text_of(Variant({fact: with_names(name)[fact]}))


@pytest.mark.parametrize("value", BREAKS, ids=ascii)
def test_placeholders_with_line_breaks_are_refused_for_django_only(value: str) -> None:
    placeholders = {"environment": {"PEM": value}}
    assert "PEM" not in text_of(Variant({}, placeholders))
    with pytest.raises(ConfigInvalid, match="cannot contain"):
        text_of(Variant({}, {**placeholders, "collector": "django"}))


@pytest.mark.parametrize("name", ["my-key", "1ST", "a b", "KEY;id", "SCHLÜSSEL"])
def test_variables_that_a_shell_cannot_set_are_refused_for_django_only(name: str) -> None:
    options = {"environment": {name: "x"}, "collector": "django"}
    with pytest.raises(ConfigInvalid, match="which a shell cannot set"):
        text_of(Variant({}, options))
    assert text_of(Variant({}, {"environment": {name: "x"}})) == text_of(VARIANTS["default"])


def test_static_root_outside_of_the_project() -> None:
    fact = Fact("/srv/static", "settings.py:1")
    text = text_of(Variant({"static_root": fact}))
    assert "COPY --from=static /layer/srv/static/ /" in stage(text, "export")
    assert "COPY --link --from=static /layer/ /" in stage(text, "web")

    by_django = text_of(Variant({"static_root": fact}, {"collector": "django"}))
    assert "mv /srv/static /layer/srv" in stage(by_django, "static")


def test_django_collector_does_not_install_buildstatic() -> None:
    text = text_of(VARIANTS["django collects"])
    assert text.count("buildstatic") == 1
    assert "python manage.py collectstatic --noinput" in stage(text, "static")


def test_placeholders_are_in_the_collecting_step_only() -> None:
    text = text_of(VARIANTS["django collects with required variables"])
    assert text.count("DJANGO_KEY=only-to-collect") == 1
    assert """PAYMENTS='https://x/?a=$b&c='"'"'d'"'"''""" in stage(text, "static")
    assert "DJANGO_KEY" not in stage(text, "runtime") + stage(text, "web")


def test_settings_module_other_than_the_default_of_manage_py() -> None:
    text = text_of(VARIANTS["settings for production"])
    assert "DJANGO_SETTINGS_MODULE=mysite.settings.prod" in stage(text, "base")


@pytest.mark.parametrize(
    ("media_root", "static_root", "line"),
    [
        ("media", "staticfiles", "RUN install --directory --owner=app --group=app media"),
        ("my media", "staticfiles", "RUN install --directory --owner=app --group=app 'my media'"),
        ("public", "public/static", None),
        ("/srv/media", "staticfiles", None),
        (".", "staticfiles", None),
    ],
)
def test_application_may_write_to_media_root(
    media_root: str, static_root: str, line: str | None
) -> None:
    facts = {"media_root": Fact(media_root, "s:1"), "static_root": Fact(static_root, "s:2")}
    text = text_of(Variant(facts))
    assert ("--owner=app --group=app" in text.rpartition("COPY . .")[2]) == (line is not None)
    if line is not None:
        assert line in stage(text, "web").splitlines()


def test_directory_of_a_sqlite_database_exists_and_belongs_to_the_application() -> None:
    named = (Fact("data/tasks.sqlite3", "s:1"), Fact("db.sqlite3", "s:2"), Fact("shop/x.db", "s:3"))
    facts = {
        "sqlite_files": named,
        "sqlite": Fact(Sqlite("var/db/site", True), "s:4"),
        "needed": ("shop/static",),
    }
    generated = generate_dockerfile(
        Variant(facts).project(Path("/nowhere")), Variant().dockerfile_options
    )
    assert "RUN mkdir --parents data var/db" in stage(generated.text, "static").splitlines()
    owned = "RUN install --directory --owner=app --group=app data var/db"
    assert owned in stage(generated.text, "web").splitlines()
    (note,) = generated.notes
    assert note == (
        "SQLite: s:4 puts the database into /app/var/db, where it is lost with the container. "
        "Mount a volume there."
    )


def test_home_of_the_application_is_not_above_the_static_files() -> None:
    facts = {"static_root": Fact("/data/static", "s:1"), "media_root": Fact("/data/media", "s:2")}
    text = text_of(Variant(facts))
    assert "--home-dir /home/app --no-create-home" in stage(text, "runtime")
    assert " && install --directory --owner=app --group=app /home/app\n" in stage(text, "runtime")
    assert "RUN install --directory --owner=app --group=app /data/media\n" in stage(text, "web")


def test_application_may_write_its_log_files() -> None:
    names = ("logs/site.log", "logs/errors.log", "debug.log", "mysite/audit.log")
    facts = {
        "log_files": tuple(Fact(name, "s:1") for name in names),
        "needed": ("mysite/templates",),
    }
    text = text_of(Variant(facts))
    assert "RUN mkdir --parents logs" in stage(text, "static").splitlines()
    lines = stage(text, "web").splitlines()
    assert "RUN install --directory --owner=app --group=app logs" in lines
    assert "RUN touch debug.log mysite/audit.log \\" in lines
    assert " && chown app:app debug.log mysite/audit.log" in lines


def test_settings_module_for_a_package_that_imports_something() -> None:
    text = text_of(Variant({"early_import": Fact("mysite", "mysite/__init__.py:1")}))
    assert "DJANGO_SETTINGS_MODULE=mysite.settings" in stage(text, "base")


@pytest.mark.parametrize("source", ["mysite/wsgi.py:1", "manage.py:1"])
def test_settings_class_is_set_for_the_server(source: str) -> None:
    text = text_of(Variant({"configuration": Fact("Production", source)}))
    assert "DJANGO_CONFIGURATION=Production" in stage(text, "base")
    assert "DJANGO_SETTINGS_MODULE=mysite.settings" in stage(text, "base")


def test_src_directory_is_on_pythonpath() -> None:
    text = text_of(VARIANTS["modules in src"])
    assert "PYTHONPATH=/app/src" in stage(text, "base")
    assert "PYTHONPATH=/app/src" in stage(text, "build-base")
    assert "PYTHONPATH" not in text_of(VARIANTS["default"])


def test_manage_option_is_passed_to_the_collector() -> None:
    assert '"--manage", "b/manage.py"' in text_of(VARIANTS["manage.py that was selected"])
    assert "--manage" not in text_of(VARIANTS["manage.py in a directory"])


def test_python_and_port_options() -> None:
    text = text_of(VARIANTS["another Python and port"])
    assert "FROM python:3.11-slim AS base" in text
    assert "PORT=80\n" in text
    assert "EXPOSE 80\n" in text


def test_frontend_node_version_and_corepack() -> None:
    text = text_of(VARIANTS["pnpm on an older Node"])
    assert "FROM node:20-slim AS frontend" in text
    assert "RUN corepack enable pnpm" in text
    newer = text_of(VARIANTS["pnpm on a Node without corepack"])
    assert "RUN npm install --global corepack@latest \\\n && corepack enable pnpm" in newer


def test_frontend_configuration_is_copied_before_the_install() -> None:
    built = stage(text_of(VARIANTS["front-end with configuration"]), "frontend")
    before, _, after = built.partition("yarn install --immutable")
    files = '"the web/package.json", "the web/.yarnrc.yml", "the web/yarn.lock", "./"'
    assert f"COPY [{files}]" in before
    assert 'COPY ["the web/patches", "./patches"]' in before
    assert 'COPY ["the web/.yarn/releases", "./.yarn/releases"]' in before
    assert "target=/root/.yarn/berry/cache" in before
    assert "COPY . /app/" in after


def test_yarn_pnp_keeps_its_cache_in_the_stage() -> None:
    text = stage(text_of(VARIANTS["front-end without node_modules"]), "frontend")
    assert "RUN YARN_ENABLE_GLOBAL_CACHE=true yarn install\n" in text


def test_frontend_password_and_variable_are_secret_mounts() -> None:
    variant = VARIANTS["front-end with a password"]
    made = generate_dockerfile(variant.project(Path("/nowhere")), variant.dockerfile_options)
    install = stage(made.text, "frontend").partition("COPY . /app/")[0]
    assert "COPY web/package.json web/.yarnrc.yml ./" in install
    assert "--mount=type=secret,id=npmrc,target=/app/web/.npmrc" in install
    assert "--mount=type=secret,id=TOKEN" in install
    assert 'TOKEN="$(cat /run/secrets/TOKEN)" yarn install' in install
    password, variable = made.notes
    assert password.endswith("Build with --secret id=npmrc,src=web/.npmrc")
    assert variable.endswith("Build with --secret id=TOKEN,env=TOKEN")


def test_workspaces_are_installed_with_their_root() -> None:
    built = stage(text_of(VARIANTS["workspaces"]), "frontend")
    before, _, after = built.partition("COPY . /app/")
    assert "COPY web/package.json web/pnpm-lock.yaml ./\n" in before
    assert "COPY web/packages/ui/package.json ./packages/ui/\n" in before
    assert 'COPY ["web/packages/the app/package.json", "./packages/the app/"]\n' in before
    assert after == (
        "\nWORKDIR /app/web/packages/ui\nRUN pnpm run build:js\n"
        'WORKDIR "/app/web/packages/the app"\nRUN pnpm run build \\\n'
        " && find /app/web -name node_modules -prune -exec rm -rf {} +\n\n"
        "# Install from local wheels: docker build --build-context buildstatic-wheels=dist .\n"
    )


def test_install_script_runs_after_the_project_is_copied() -> None:
    made = VARIANTS["install script that reads the project"]
    built = stage(text_of(made), "frontend")
    assert built.startswith(
        "# The installation requires the project: package.json:4 runs postinstall.\n"
        "COPY . /app/\nWORKDIR /app\nRUN"
    )
    file = generate_dockerfile(made.project(Path("/nowhere")), made.dockerfile_options)
    assert "install_needs_sources = false in [[tool.buildstatic.frontend]]" in file.notes[0]


def test_front_ends_with_one_image_share_a_stage() -> None:
    text = text_of(VARIANTS["several front-ends"])
    built = stage(text, "frontend")
    assert built.index("npm ci") < built.index("yarn install") < built.index("COPY . /app/")
    assert re.findall(r"^WORKDIR (.+)$", built, re.M) == ["/app/a", "/app/b", "/app/a", "/app/b"]
    assert "npm run build:css \\\n && npm run build:js \\\n && rm -rf node_modules" in built
    assert "RUN yarn run build\n" in built
    assert "RUN rm -rf /app/b/node_modules\n" in stage(text, "sources")
    assert "--mount=type=bind,from=frontend-2,source=/app,target=.,rw" in stage(text, "static")
    assert "COPY --from=sources /app/ ./" in stage(text, "web")


def test_front_end_with_another_image_continues_with_the_output_so_far() -> None:
    text = text_of(VARIANTS["several front-ends"])
    assert "FROM oven/bun:1-slim AS frontend-2\n" in text
    assert "COPY --from=frontend /app/ /app/" in stage(text, "frontend-2")
    assert "FROM frontend-2 AS sources\n" in text


def test_packages_from_git_require_git() -> None:
    text = stage(text_of(VARIANTS["packages from git"]), "frontend")
    assert "install --yes --no-install-recommends ca-certificates git" in text


def test_webpack_4_builds_with_the_legacy_provider_of_openssl() -> None:
    text = stage(text_of(VARIANTS["webpack 4"]), "frontend")
    assert "RUN NODE_OPTIONS=--openssl-legacy-provider npm run build \\\n && rm -rf" in text


@pytest.mark.parametrize(
    ("manager", "version", "command"),
    [("pnpm", "8", "--global pnpm@8"), ("yarn", "1", "--global --force yarn@1")],
)
def test_version_of_the_package_manager(manager: str, version: str, command: str) -> None:
    found = frontend(manager, version=version)
    text = stage(text_of(Variant({"frontends": found})), "frontend")
    assert f"RUN npm install {command}\n" in text
    assert "corepack" not in text


def test_collected_node_modules_are_not_in_the_final_image() -> None:
    built = text_of(VARIANTS["modules that are built and collected"])
    assert "--mount=type=bind,from=frontend,source=/app,target=.,rw" in stage(built, "static")
    assert "COPY --from=sources /app/ ./" in stage(built, "web")

    unbuilt = text_of(VARIANTS["modules that are collected without a build"])
    modules = "/app/web/node_modules"
    mounted = f"from=frontend,source={modules},target={modules},rw"
    assert mounted in stage(unbuilt, "static")
    assert "node_modules" not in stage(unbuilt, "web")


@pytest.mark.parametrize(
    "overrides",
    [
        {"log_files": (Fact("logs/site.log", "s:1"),)},
        {"frontends": frontend("npm", build=(), modules="static/vendor")},
    ],
    ids=["directory of a log file", "modules in a source directory"],
)
def test_static_stage_copies_what_cannot_be_mounted(overrides: dict[str, Any]) -> None:
    static = stage(text_of(Variant(overrides)), "static")
    assert "\nCOPY . .\n" in static
    assert "target=.," not in static


def docker(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["docker", "buildx", "build", *words],
        env={**os.environ, **environment},
        capture_output=True,
        encoding="utf-8",
    )


@pytest.fixture(scope="module")
def checks() -> tuple[str, ...]:
    """Return the flags for checking a file, or for parsing it if buildx is older."""
    known = docker("--help").stdout
    return ("--call=check",) if "--call " in known else ("--print=targets",)


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize(
    "variant",
    [
        pytest.param(variant, id=name, marks=[pytest.mark.exhaustive] * name.startswith("all is"))
        for name, variant in VARIANTS.items()
    ],
)
def test_build_checks_report_nothing(
    variant: Variant, checks: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "Dockerfile").write_text(text_of(variant), encoding="utf-8")
    done = docker(*checks, str(tmp_path), BUILDX_EXPERIMENTAL="1")
    assert done.returncode == 0, done.stdout + done.stderr


MANAGE = """\
import pathlib, sys

assert sys.argv[1:] == ["collectstatic", "--noinput"]
tree = pathlib.Path(__file__).with_name("static")
tree.mkdir()
(tree / "site.css").write_text("collected")
"""


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("name", ["it's", 'say "hi"', "$HOME", "star*[x]?", "ünïcødé-日本 ", "#"])
def test_special_characters_in_all_names_build(name: str, tmp_path: Path) -> None:
    variant = Variant({**with_names(name), "frontends": ()}, {"collector": "django"})
    root = tmp_path / "project"
    found = variant.project(root)
    assert found.dependencies
    for file in (*found.dependencies.value.files, f"libs/{name}/kept"):
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (root / found.manage.value).write_text(MANAGE)
    (tmp_path / "Dockerfile").write_text(text_of(variant, root), encoding="utf-8")

    out = tmp_path / "out"
    flags = ("--target=export", f"--output=type=local,dest={out}")
    done = docker(*flags, f"--file={tmp_path / 'Dockerfile'}", str(root))
    assert done.returncode == 0, done.stderr
    assert {path.name: path.read_text() for path in out.iterdir()} == {"site.css": "collected"}


BACKEND = """\
import zipfile

def build_wheel(directory, settings=None, metadata=None):
    open("written-into-the-source", "w").close()
    name = "neighbour-1-py3-none-any.whl"
    with zipfile.ZipFile(f"{directory}/{name}", "w") as wheel:
        wheel.writestr("neighbour.py", "")
        for file, text in {
            "METADATA": "Metadata-Version: 2.1\\nName: neighbour\\nVersion: 1\\n",
            "WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
            "RECORD": "",
        }.items():
            wheel.writestr(f"neighbour-1.dist-info/{file}", text)
    return name
"""
PYPROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("directory", ["libs/x", "libs/with space"])
def test_local_package_is_installed(directory: str, tmp_path: Path) -> None:
    files = {
        "requirements.txt": f"./{directory}\n",
        f"{directory}/pyproject.toml": PYPROJECT,
        f"{directory}/backend.py": BACKEND,
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    dependencies = Dependencies("pip", "requirements.txt", ("requirements.txt",), (directory,))
    variant = Variant({"dependencies": Fact(dependencies, "requirements.txt:1")})
    check = "FROM deps AS check\nRUN /opt/venv/bin/python -c 'import neighbour'\n"
    (tmp_path / "Dockerfile").write_text(f"{text_of(variant)}\n{check}")
    done = docker("--target=check", str(tmp_path))
    assert done.returncode == 0, done.stderr


def test_each_base_image_is_pinned_and_no_stage() -> None:
    old, new = (f"sha256:{digit * 64}" for digit in "12")
    text = (
        "ARG ASSETS_IMAGE=debian:13-slim\n"
        "FROM python:3.14-slim AS base\n"
        f"FROM --platform=$BUILDPLATFORM 127.0.0.1:5000/a/node:24@{old} AS frontend\n"
        "FROM base AS deps\nFROM scratch AS export\nFROM $ASSETS_IMAGE AS assets\n"
    )
    node = "127.0.0.1:5000/a/node:24"
    assert base_images(text) == {"debian:13-slim": "", "python:3.14-slim": "", node: old}
    pinned = pin(text, {"debian:13-slim": new, node: new})
    assert base_images(pinned) == {"debian:13-slim": new, "python:3.14-slim": "", node: new}
    assert pinned.replace(f"slim@{new}", "slim").replace(new, old) == text
