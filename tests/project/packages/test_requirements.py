"""Packages, environment markers and requirements files."""

from __future__ import annotations

from pathlib import Path

import pytest
from packaging.requirements import Requirement

from buildstatic.errors import ConfigInvalid
from buildstatic.project import Package
from buildstatic.project.packages.requirements import join, marker_applies, package, read
from tests.project.tree import write


def test_names_are_normalized() -> None:
    found = package(Requirement("Psycopg2_Binary[Some.Extra]>=2,<3"), "x:1")
    assert found == Package("psycopg2-binary", "<3,>=2", frozenset({"some-extra"}), "x:1")


def test_duplicates_are_joined() -> None:
    one = package(Requirement("psycopg[c]>=3"), "a:1")
    two = package(Requirement("psycopg[pool]<4"), "b:2")
    assert join([one, two]) == {
        "psycopg": Package("psycopg", ">=3,<4", frozenset({"c", "pool"}), "a:1")
    }


@pytest.mark.parametrize(
    ("marker", "expected"),
    [
        (None, True),
        ("", True),
        ("sys_platform == 'linux'", True),
        ("sys_platform == 'win32'", False),
        ("platform_system != 'Windows'", True),
        ("os_name == 'nt'", False),
        ("python_version >= '3.12'", True),
        ("python_version < '3.12'", False),
        ("python_full_version >= '3.12.1'", True),
        ("implementation_name == 'pypy'", False),
        ("platform_machine == 'aarch64'", True),
        ("platform_machine == 'arm64'", False),
        ("extra == 'dev'", False),
        ("no marker at all", True),
        ("nobody == 'knows'", True),
        (f"python_version >= '3.{'9' * 5000}'", True),
    ],
    ids=lambda value: str(value)[:40],
)
def test_markers_are_evaluated_for_linux(marker: str | None, expected: bool) -> None:
    assert marker_applies(marker, "3.12") is expected


def test_markers_with_extras() -> None:
    assert marker_applies("extra == 'dev'", "3.12", ["dev"])
    assert marker_applies("python_version >= '3'", "3.12", ["dev"])


@pytest.mark.parametrize(
    ("marker", "expected"),
    [
        ("python_version == '3.12'", True),
        ("python_full_version >= '3.12.4'", False),
        ("python_full_version < '3.12.4'", True),
    ],
)
def test_markers_with_patch_version(marker: str, expected: bool) -> None:
    assert marker_applies(marker, "3.12.3") is expected


def packages(root: Path, text: str | bytes, python: str = "3.13") -> dict[str, Package]:
    write(root, {"requirements.txt": text})
    return read(root / "requirements.txt", root, python).packages


@pytest.mark.parametrize(
    ("line", "name", "specifier", "extras"),
    [
        ("Django", "django", "", ()),
        ("Django>=4.2,<5  # comment", "django", "<5,>=4.2", ()),
        ("django==5.2 --hash=sha256:abc --hash=sha256:def", "django", "==5.2", ()),
        ("psycopg[binary,pool] >= 3.1", "psycopg", ">=3.1", ("binary", "pool")),
        ("Some_Package.Name~=1.0", "some-package-name", "~=1.0", ()),
        ("x @ https://example.com/x-1.0.zip", "x", "", ()),
        ("x @ git+https://example.com/x.git@main#subdirectory=a", "x", "", ()),
        ("git+https://example.com/y.git@v1#egg=x[a]", "x", "", ("a",)),
        ("-e git+https://example.com/y.git#egg=x", "x", "", ()),
        ("git+https://example.com/owner/x.git@v1", "x", "", ()),
        ("https://example.com/x-1.0-py3-none-any.whl", "x", "", ()),
        ("https://example.com/x-1.0.tar.gz", "x", "", ()),
        ("x==1 ; sys_platform == 'linux'", "x", "==1", ()),
        ("x==1 ; python_version >= '3.13'", "x", "==1", ()),
        ("x ; platform_machine == 'aarch64'", "x", "", ()),
        ("x \\\n  ==1.0 \\\n  --hash=sha256:abc", "x", "==1.0", ()),
    ],
)
def test_requirement_lines(
    tmp_path: Path, line: str, name: str, specifier: str, extras: tuple[str, ...]
) -> None:
    vcs = "git" if "git+" in line else ""
    expected = Package(name, specifier, frozenset(extras), "requirements.txt:2", vcs=vcs)
    assert packages(tmp_path, f"# first\n{line}\n") == {name: expected}


@pytest.mark.parametrize(
    "line",
    [
        "",
        "   # comment",
        "--index-url https://example.com/simple",
        "-i https://example.com/simple",
        "--extra-index-url=https://example.com/simple",
        "--find-links https://example.com/wheels",
        "-f /wheels",
        "--pre",
        "--require-hashes",
        "-r https://example.com/requirements.txt",
        "pywin32 ; sys_platform == 'win32'",
        "tomli ; python_version < '3.11'",
        "x ; platform_system == 'Darwin' and python_version > '3'",
        "x ; extra == 'dev'",
    ],
)
def test_lines_that_install_nothing(tmp_path: Path, line: str) -> None:
    assert packages(tmp_path, line) == {}


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"Django\r\ngunicorn\r\n", id="crlf"),
        pytest.param("\ufeffDjango\ngunicorn\n".encode(), id="bom"),
        pytest.param("Django\r\ngunicorn\r\n".encode("utf-16"), id="powershell"),
        pytest.param(b"Django\t# tab\n\tgunicorn", id="tabs"),
    ],
)
def test_encodings(tmp_path: Path, content: bytes) -> None:
    assert list(packages(tmp_path, content)) == ["django", "gunicorn"]


def test_included_files_are_relative_to_including_file(tmp_path: Path) -> None:
    files = {
        "requirements/production.txt": "-r base.txt\n--constraint=pins/all.txt\ngunicorn\n",
        "requirements/base.txt": "Django>=4.2\n-r production.txt\n",
        "requirements/pins/all.txt": "django<6\nunused==1\n",
    }
    write(tmp_path, files)
    found = read(tmp_path / "requirements/production.txt", tmp_path, "3.13")
    assert {item.name: (item.specifier, item.source) for item in found.packages.values()} == {
        "django": (">=4.2,<6", "requirements/base.txt:1"),
        "gunicorn": ("", "requirements/production.txt:3"),
    }
    assert [path.relative_to(tmp_path).as_posix() for path in found.files] == [
        "requirements/production.txt",
        "requirements/base.txt",
        "requirements/pins/all.txt",
    ]


@pytest.mark.parametrize(
    "option", ["-r base.txt", "-rbase.txt", "--requirement base.txt", "-r 'base.txt'"]
)
def test_spellings_of_requirement_option(tmp_path: Path, option: str) -> None:
    write(tmp_path, {"base.txt": "Django"})
    assert list(packages(tmp_path, option)) == ["django"]


def test_local_directories_and_archives(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "libs/shop/pyproject.toml": "",
            "wheels/blog-1.0-py3-none-any.whl": "",
            "requirements.txt": "-e .\n./libs/shop\nwheels/blog-1.0-py3-none-any.whl\n-f wheels\n",
        },
    )
    found = read(tmp_path / "requirements.txt", tmp_path, "3.13")
    assert [path.relative_to(tmp_path).as_posix() for path in found.local] == [
        ".",
        "libs/shop",
        "wheels",
    ]
    assert found.files[1:] == [tmp_path / "wheels/blog-1.0-py3-none-any.whl"]
    assert list(found.packages) == ["blog"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("\n-r missing.txt", "requirements.txt:2: file missing.txt not found."),
        ("-c missing.txt", "requirements.txt:1: file missing.txt not found."),
        ("-r ../other.txt", "requirements.txt:1: ../other.txt is outside of"),
        ("Django\nDjango=4.2", "requirements.txt:2: Django=4.2 is not a valid requirement"),
        ("<<<<<<< HEAD", "requirements.txt:1: <<<<<<< HEAD is not a valid requirement"),
        ("./missing", "requirements.txt:1: ./missing not found in the project."),
        ("-e git+git@h:a/b.git", "requirements.txt:1: git+git@h:a/b.git is not a URL that pip"),
        (b"Django\n\xe9t\xe9", "requirements.txt:2: not valid utf-8."),
        ("Django\n-r a\0b", "requirements.txt:2: contains a null byte"),
        (f"./{'a' * 300}", "requirements.txt:1: ./aaa"),
        (f"-r {'a' * 300}", "requirements.txt:1: file aaa"),
        ("a" + " " * 20_000 + "b", "requirements.txt:1: a "),
    ],
    ids=lambda value: str(value)[:40],
)
def test_invalid_requirements_are_an_error_with_line(
    tmp_path: Path, text: str | bytes, problem: str
) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        packages(tmp_path, text)
    assert caught.value.problem.startswith(problem)
    assert caught.value.advice


@pytest.mark.parametrize("line", ["-r loop.txt", "-e ./loop.txt", "-r out.txt"])
def test_symlink_loops_and_links_outside_are_an_error(tmp_path: Path, line: str) -> None:
    root = write(tmp_path / "root", {"requirements.txt": line})
    (root / "loop.txt").symlink_to("loop.txt")
    (root / "out.txt").symlink_to("../secrets.txt")
    write(tmp_path, {"secrets.txt": "Django"})
    with pytest.raises(ConfigInvalid, match=r"^requirements.txt:1: "):
        read(root / "requirements.txt", root, "3.13")


@pytest.mark.parametrize(
    ("lines", "left_out", "by_name"),
    [
        pytest.param("Django @ file:///croot/django_1690000000/work", [], ["django"], id="conda"),
        pytest.param("django @ file:///C:/wheels/django.whl", [], ["django"], id="windows-file"),
        pytest.param("Django @ file:../django", [], ["django"], id="outside"),
        pytest.param("Django\npywin32==306\nWMI==1.5", ["pywin32", "wmi"], [], id="windows"),
        pytest.param("Django\npyobjc_core==9.0", ["pyobjc-core"], [], id="macos"),
        pytest.param("Django\npkg_resources==0.0.0", ["pkg-resources"], [], id="debian"),
        pytest.param(
            "Django\npython-apt==2.4.0+ubuntu4\nufw==0.36.1", ["python-apt", "ufw"], [], id="ubuntu"
        ),
        pytest.param("Django\npywin32-ctypes==0.2\nshop @ file:shop-1.0.zip", [], [], id="here"),
    ],
)
def test_requirements_of_another_machine_are_reported(
    tmp_path: Path, lines: str, left_out: list[str], by_name: list[str]
) -> None:
    write(tmp_path, {"requirements.txt": lines, "shop-1.0.zip": ""})
    found = read(tmp_path / "requirements.txt", tmp_path, "3.13")
    assert (found.left_out, found.by_name) == (left_out, by_name)
    assert "django" in found.packages
    assert found.packages.keys().isdisjoint(left_out)
