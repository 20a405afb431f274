"""conda's environment.yml."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildstatic.dockerfile.generate import DockerfileOptions, generate_dockerfile
from buildstatic.errors import ConfigInvalid
from buildstatic.project import Fact
from buildstatic.project.detect import detect
from buildstatic.project.packages import find_dependencies
from buildstatic.project.packages.python_version import find_python_version
from tests.project.tree import write

ENVIRONMENT = """\
name: shop
channels:
  - conda-forge
dependencies:
  - python=3.12
  - pip
  - conda-forge::django=5.2
  - gdal>=3.4
  - libffi=3.4.4=h6a678d5_1
  - _libgcc_mutex=0.1=main
  - pillow=11.1.0=py312hcec6c5f_1
  - pip:
      - gunicorn>=23  # the server
      - psycopg[binary]==3.2.3
      - pywin32==306
      - -r more.txt
"""
FILES = {"env/environment.yml": ENVIRONMENT, "env/more.txt": "whitenoise\n"}


def test_what_pip_can_install_is_installed(tmp_path: Path) -> None:
    root = write(tmp_path, FILES)
    found = find_dependencies(root, root / "env", "3.12")
    assert found.fact is not None
    value = found.fact.value
    assert (value.manager, value.file) == ("conda", "env/environment.yml")
    assert value.files == ("env/more.txt",)
    assert value.arguments == (
        *("django==5.2.*", "pillow==11.1.0", "gunicorn>=23", "psycopg[binary]==3.2.3"),
        *("-r", "./env/more.txt"),
    )
    names = {"django", "pillow", "gunicorn", "psycopg", "whitenoise"}
    assert found.packages.keys() == names
    assert found.packages["psycopg"].source == "env/environment.yml:14"
    (note,) = found.notes
    assert "pip cannot install them: gdal, libffi, _libgcc_mutex, pywin32. " in note


def test_exported_list_is_not_read_as_requirements(tmp_path: Path) -> None:
    lines = ["# This file may be used to create an environment using:"]
    lines += ["# $ conda create --name <env> --file <this file>", "# platform: linux-64"]
    lines += ["django=5.2=pyhd8ed1ab_0", "gunicorn=23.0.0=pypi_0", "openssl=3.0.15=h5eee18b_0"]
    lines += ["python=3.12.3=h996f2a0_1"]
    root = write(tmp_path, {"requirements.txt": "\n".join(lines)})
    found = find_dependencies(root, root, "3.13")
    assert found.fact is not None
    assert found.fact.value.arguments == ("django==5.2", "gunicorn==23.0.0")
    assert found.packages["gunicorn"].source == "requirements.txt:5"
    assert find_python_version(root, root) == Fact("3.12", "requirements.txt:7")


def test_python_of_the_environment(tmp_path: Path) -> None:
    root = write(tmp_path, FILES)
    assert find_python_version(root, root / "env") == Fact("3.12", "env/environment.yml:5")


def test_image_gets_the_packages(tmp_path: Path) -> None:
    files = {
        "manage.py": "DJANGO_SETTINGS_MODULE = 'shop.settings'\n",
        "shop/settings.py": "",
        "shop/wsgi.py": "application = None\n",
        "environment.yml": ENVIRONMENT,
        "more.txt": "whitenoise\n",
    }
    project = detect(write(tmp_path, files), settings="shop.settings")
    text = generate_dockerfile(project, DockerfileOptions(("gunicorn",))).text
    assert "source=more.txt,target=more.txt" in text
    assert "pip install 'django==5.2.*' pillow==11.1.0 'gunicorn>=23' " in text


@pytest.mark.parametrize(
    ("spec", "argument"),
    [
        ("django", "django"),
        ("django 5.2", "django==5.2"),
        ("django=5.2.*", "django==5.2.*"),
        ("django==5.2", "django==5.2"),
        ("django>=5,<6", "django<6,>=5"),
        ("django >=5", "django>=5"),
        ("django=5.2=py_0", "django==5.2"),
        ("django=5.1|5.2", "django"),
        ("pytorch=2.5", "torch==2.5.*"),
        ("Zope.Interface", "zope-interface"),
    ],
)
def test_specs_of_conda(tmp_path: Path, spec: str, argument: str) -> None:
    root = write(tmp_path, {"environment.yml": f'dependencies: ["{spec}"]'})
    found = find_dependencies(root, root, "3.13")
    assert found.fact is not None
    assert found.fact.value.arguments == (argument,)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("dependencies: [", "environment.yml:1: invalid YAML"),
        ("dependencies:\n  - ''\n", "environment.yml:1:  is not a valid"),
        ("dependencies:\n  - pip:\n    - =1\n", "environment.yml:3: =1 is not a valid"),
        ("dependencies:\n  - pip:\n    - -r no.txt\n", "environment.yml:3: file no.txt not found"),
    ],
)
def test_invalid_environment_is_an_error_with_line(tmp_path: Path, text: str, problem: str) -> None:
    root = write(tmp_path, {"environment.yml": text})
    with pytest.raises(ConfigInvalid) as caught:
        find_dependencies(root, root, "3.13")
    assert caught.value.problem.startswith(problem)
