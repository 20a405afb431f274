"""Debian packages that Python packages need."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildstatic.project import Package, SystemPackages
from buildstatic.project.detect import detect
from buildstatic.project.packages import find_dependencies
from buildstatic.project.packages.system import COMPILER, CPP_COMPILER, find_system_packages
from tests.project.tree import packages, project, write


@pytest.mark.parametrize(
    ("lines", "build", "run"),
    [
        (["django"], (), ()),
        (["uWSGI==2.0.*"], (*COMPILER, "libcrypt-dev"), ()),
        (["python-ldap"], (*COMPILER, "libldap-dev", "libsasl2-dev"), ("ldap-utils",)),
        (["python-magic", "pdf2image"], (), ("libmagic1", "poppler-utils")),
        (["django-weasyprint"], (), ("libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0")),
        (["djangosaml2"], (), ("xmlsec1",)),
        (["mssql-django"], (), ("unixodbc", "tdsodbc")),
        (["git+https://example.com/x.git"], (), ()),
        (["x @ git+https://example.com/x.git"], ("git",), ()),
        (["psycopg2-binary==2.9.3"], (*COMPILER, "libpq-dev"), ("libpq5",)),
        (["psycopg2-binary==2.9.11"], (), ()),
        (["psycopg2-binary>=2.9"], (), ()),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, list) else None,
)
def test_known_packages(
    lines: list[str], build: tuple[str, ...], run: tuple[str, ...], tmp_path: Path
) -> None:
    if lines[0].startswith("git+"):
        write(tmp_path, {"requirements.txt": lines[0]})
        found = find_dependencies(tmp_path, tmp_path, "3.13").packages
        assert find_system_packages(found, "3.13") == SystemPackages(("git",), run)
        return
    assert find_system_packages(packages(*lines), "3.13") == SystemPackages(build, run)


@pytest.mark.parametrize(
    ("name", "wheel", "build"),
    [
        ("uwsgi", True, ()),
        ("uwsgi", False, (*COMPILER, "libcrypt-dev")),
        ("other", None, ()),
        ("other", True, ()),
        ("other", False, CPP_COMPILER),
        ("psycopg2-binary", False, (*CPP_COMPILER, "libpq-dev")),
        ("pillow", False, (*CPP_COMPILER, "zlib1g-dev", "libjpeg-dev")),
        ("pillow", True, ()),
        ("django-other", False, ()),
    ],
)
def test_compiler_is_for_packages_without_a_wheel(
    name: str, wheel: bool | None, build: tuple[str, ...]
) -> None:
    found = {name: Package(name, "==1", frozenset(), "uv.lock:1", wheel)}
    assert find_system_packages(found, "3.13").build == build


FILES = {
    "uv": """\
[[package]]
name = "mysite"
source = { virtual = "." }
dependencies = [{ name = "django" }, { name = "built" }, { name = "repo" }]

[[package]]
name = "django"
version = "5.2"
wheels = [{ url = "https://example.com/django-5.2-py3-none-any.whl" }]

[[package]]
name = "repo"
version = "1"
source = { git = "https://example.com/repo.git" }

[[package]]
name = "built"
version = "1"
sdist = { url = "https://example.com/built-1.tar.gz" }
""",
    "poetry": """\
[[package]]
name = "django"
version = "5.2"
groups = ["main"]
files = [{ file = "django-5.2-py3-none-any.whl" }]

[[package]]
name = "repo"
version = "1"
groups = ["main"]
files = []

[package.source]
type = "git"
url = "https://example.com/repo.git"

[[package]]
name = "built"
version = "1"
groups = ["main"]
files = [{ file = "built-1.tar.gz" }]
""",
    "pdm": """\
[[package]]
name = "django"
version = "5.2"
groups = ["default"]
files = [{ file = "django-5.2-py3-none-any.whl" }]

[[package]]
name = "repo"
version = "1"
git = "https://example.com/repo.git"
groups = ["default"]

[[package]]
name = "built"
version = "1"
groups = ["default"]
files = [{ file = "built-1.tar.gz" }]
""",
}


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("requirements.txt", "-e git+ssh://git@example.com/owner/repo.git@v1#egg=repo\n"),
        ("pyproject.toml", '[project]\ndependencies = ["repo @ git+https://example.com/r.git"]\n'),
        (
            "pyproject.toml",
            '[project]\ndependencies = ["Repo"]\n'
            '[tool.uv.sources]\nrepo = [{ git = "https://example.com/r" }]\n',
        ),
        (
            "pyproject.toml",
            '[tool.poetry.dependencies]\nrepo = {git = "https://example.com/r"}\n',
        ),
        ("Pipfile", '[packages]\nrepo = { git = "https://example.com/r.git", ref = "main" }\n'),
        ("Pipfile.lock", '{"default": {"repo": {"git": "https://example.com/r.git"}}}'),
        ("setup.cfg", "[options]\ninstall_requires = repo @ git+https://example.com/r.git\n"),
    ],
    ids=["editable", "project", "uv", "poetry", "pipfile", "pipfile-lock", "setup"],
)
def test_packages_in_a_repository_require_git(tmp_path: Path, file: str, text: str) -> None:
    found = find_dependencies(write(tmp_path, {file: text}), tmp_path, "3.13").packages
    assert find_system_packages(found, "3.13").build == ("git",)


@pytest.mark.parametrize(
    ("file", "text", "program"),
    [
        ("requirements.txt", "-e hg+https://example.com/repo#egg=repo\n", "mercurial"),
        ("requirements.txt", "repo @ svn+https://example.com/repo/trunk\n", "subversion"),
        ("Pipfile", '[packages]\nrepo = { hg = "https://example.com/r" }\n', "mercurial"),
        (
            "pdm.lock",
            '[[package]]\nname = "repo"\ngroups = ["default"]\nsvn = "https://example.com/r"\n',
            "subversion",
        ),
    ],
)
def test_program_of_every_kind_of_repository(
    tmp_path: Path, file: str, text: str, program: str
) -> None:
    found = find_dependencies(write(tmp_path, {file: text}), tmp_path, "3.13").packages
    assert find_system_packages(found, "3.13").build == (program,)


@pytest.mark.parametrize("manager", FILES)
def test_lock_files_tell_wheels_and_repositories(tmp_path: Path, manager: str) -> None:
    write(tmp_path, {f"{manager}.lock": FILES[manager], "pyproject.toml": ""})
    found = find_dependencies(tmp_path, tmp_path, "3.13").packages
    assert {name: (item.wheel, item.vcs) for name, item in found.items()} == {
        "django": (True, ""),
        "repo": (None, "git"),
        "built": (False, ""),
    }


@pytest.mark.parametrize(
    ("wheel", "fits"),
    [
        ("built-1-cp313-cp313-manylinux_2_28_x86_64.whl", True),
        ("built-1-cp313-cp313-musllinux_1_2_x86_64.manylinux_2_17_aarch64.whl", True),
        ("built-1-1build-cp39-abi3-manylinux2014_x86_64.whl", True),
        ("built-1-py2.py3-none-any.whl", True),
        ("built-1-cp312-cp312-manylinux_2_28_x86_64.whl", False),
        ("built-1-cp314-abi3-manylinux_2_28_x86_64.whl", False),
        ("built-1-cp313-cp313-macosx_11_0_arm64.whl", False),
        ("built-1-cp313-cp313-win_amd64.whl", False),
        ("built-1-py2-none-any.whl", False),
    ],
)
def test_wheels_for_the_image(tmp_path: Path, wheel: str, fits: bool) -> None:
    files = f"""\
wheels = [{{ url = "https://example.com/{wheel}#sha256=1" }}]
"""
    write(tmp_path, {"uv.lock": FILES["uv"] + files, "pyproject.toml": ""})
    found = find_dependencies(tmp_path, tmp_path, "3.13").packages
    assert found["built"].wheel is fits


def test_configured_packages_are_added(tmp_path: Path) -> None:
    project(
        tmp_path,
        {
            "mysite/settings.py": "",
            "requirements.txt": "Django\npython-magic\n",
            "pyproject.toml": (
                '[tool.buildstatic]\nbuild-packages = ["make"]\nrun-packages = ["gettext"]\n'
            ),
        },
    )
    found = detect(tmp_path, environ={}).system
    assert found == SystemPackages(("make",), ("libmagic1", "gettext"))


def test_wheels_for_another_system_alone_need_no_compiler(tmp_path: Path) -> None:
    lock, _, _ = FILES["uv"].rpartition("sdist =")
    wheels = 'wheels = [{ url = "https://example.com/built-1-cp313-cp313-win_amd64.whl" }]\n'
    write(tmp_path, {"uv.lock": lock + wheels, "pyproject.toml": ""})
    found = find_dependencies(tmp_path, tmp_path, "3.13").packages
    assert find_system_packages(found, "3.13").build == ("git",)
