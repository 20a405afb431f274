"""Planning: finders, ignored files, the first source of a path, conflicts, and the plan."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from buildstatic.collect.planning import Shadowed, make_plan
from buildstatic.collect.sources import Source
from buildstatic.collect.workers.file_tasks import CHUNK
from tests.collect import inprocess
from tests.collect.conftest import Collect
from tests.collect.sites import Site, contents, manage

FINDER = """\
from pathlib import Path

from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.base import ContentFile
from django.core.files.storage import Storage


class Memory(Storage):
    prefix = None

    def _open(self, name, mode="rb"):
        return ContentFile(b"from memory")


class Generated(BaseFinder):
    def check(self, **kwargs):
        return []

    def list(self, ignore_patterns):
        with Path("asked").open("a") as file:
            file.write("asked ")
        yield "generated/data.txt", Memory()


class Raising(Generated):
    def list(self, ignore_patterns):
        yield "generated/data.txt", Memory()
        raise LookupError("nothing found")


class Unmade(Generated):
    def __init__(self):
        raise LookupError("not made")
"""


def with_finder(site: Site, name: str) -> None:
    site.write({"mysite/finders.py": FINDER})
    site.append(
        "STATICFILES_FINDERS = [\n"
        '    "django.contrib.staticfiles.finders.FileSystemFinder",\n'
        f'    "mysite.finders.{name}",\n]\n'
    )


def test_each_finder_runs_once(site: Site, collect: Collect) -> None:
    with_finder(site, "Generated")
    # Django says which path a file is copied from, so it cannot copy from such a storage itself.
    site.write({"static/generated/data.txt": "on disk"})
    ran = collect(site, "--noinput")
    assert ran.code == 0
    assert (site.root / "asked").read_text() == "asked "
    assert "generated/data.txt in Memory is not" in ran.err
    assert (site.tree / "generated/data.txt").read_text() == "on disk"


@pytest.mark.parametrize(
    ("finder", "message"),
    [
        pytest.param("Raising", "mysite/finders.py:28: LookupError: nothing found.", id="list"),
        pytest.param("Unmade", "mysite/finders.py:33: LookupError: not made.", id="made"),
        pytest.param("NoSuch", 'does not define a "NoSuch" attribute/class', id="import"),
    ],
)
def test_finder_errors_are_reported_before_writing(
    site: Site, collect: Collect, finder: str, message: str
) -> None:
    with_finder(site, finder)
    ran = collect(site, "--noinput")
    assert ran.code == 23
    assert f"The finder mysite.finders.{finder} failed: " in ran.err
    assert message in ran.err
    assert not site.tree.exists()


@pytest.mark.parametrize(
    "options",
    [
        pytest.param((), id="default"),
        pytest.param(("--no-default-ignore",), id="no-default"),
        pytest.param(("-i", "*.css", "--ignore", "js"), id="patterns"),
        pytest.param(("--ignore", "vendor/*.js", "--no-default-ignore"), id="paths"),
        pytest.param(("--ignore=./vendor/",), id="normalised"),
    ],
)
def test_ignore_patterns_equal_djangos(
    site: Site, collect: Collect, options: tuple[str, ...]
) -> None:
    site.write(
        {
            "static/.hidden": "1",
            "static/.well-known/security.txt": "2",
            "static/CVS/entries": "3",
            "static/old~": "4",
            "static/vendor/a.js": "5",
            "static/vendor/deep/b.js": "6",
        }
    )
    assert manage(site, "--noinput", *options).code == 0
    expected = contents(site.tree)
    site.tree.rename(site.root / "expected")
    assert collect(site, "--noinput", *options).code == 0
    assert contents(site.tree) == expected


@pytest.mark.parametrize(
    ("patterns", "left"),
    [
        pytest.param("*.css", {"img/dot.svg", "js/site.js"}, id="anywhere"),
        pytest.param("/css/", {"img/dot.svg", "js/site.js"}, id="a directory"),
        pytest.param("site.*\n!*.js", {"img/dot.svg", "js/site.js"}, id="an exception"),
        pytest.param("# a comment\n\n", {"css/site.css", "img/dot.svg", "js/site.js"}, id="none"),
    ],
)
def test_staticignore_has_gitignore_syntax(
    site: Site, collect: Collect, patterns: str, left: set[str]
) -> None:
    site.write({".staticignore": patterns})
    assert collect(site, "--noinput").code == 0
    assert set(contents(site.tree)) == left


def test_staticignore_overrides_the_configuration(site: Site, collect: Collect) -> None:
    site.write({"pyproject.toml": '[tool.buildstatic]\nignore = ["*.css", "*.svg"]\n'})
    site.write({".staticignore": "!site.css\n"})
    assert collect(site, "--noinput").code == 0
    assert set(contents(site.tree)) == {"css/site.css", "js/site.js"}


@pytest.mark.parametrize(
    ("file", "pattern"),
    [
        (".staticignore", "!"),
        (".staticignore", "css\\"),
        (".staticignore", "\\"),
        ("pyproject.toml", "!"),
    ],
)
def test_invalid_patterns_are_reported_with_their_line(
    site: Site, collect: Collect, pattern: str, file: str
) -> None:
    config = f"[tool.buildstatic]\nignore = ['*.map', '{pattern}']\n"
    site.write({file: config if file == "pyproject.toml" else f"*.map\n{pattern}\n"})
    ran = collect(site, "--noinput")
    assert ran.code == 12
    assert f"error: {file}:2: {pattern} is not a valid gitignore pattern." in ran.err
    assert not site.tree.exists()


def test_own_code_does_not_collect_ignored_files(site: Site, collect: Collect) -> None:
    site.write({".staticignore": "*.css\n", "mysite/files.py": OWN_CODE})
    site.storage("mysite.files.Own")
    assert collect(site, "--noinput").code == 0
    assert set(contents(site.tree)) == {"img/dot.svg", "js/site.js"}


OWN_CODE = """\
from django.contrib.staticfiles.storage import StaticFilesStorage


class Own(StaticFilesStorage):
    def _save(self, name, content):
        return super()._save(name, content)
"""


def test_static_root_inside_a_source_is_ignored(site: Site, collect: Collect) -> None:
    site.append('STATIC_ROOT = BASE_DIR / "static" / "out"\n')
    for _ in range(3):
        assert collect(site, "--noinput").code == 0
    names = set(contents(site.root / "static/out"))
    assert names == {"css/site.css", "img/dot.svg", "js/site.js"}


def test_report_lists_ignored_files_with_their_rule(
    site: Site, collect: Collect, tmp_path: Path
) -> None:
    site.write({".staticignore": "\n*.css\n", "static/.hidden/a.txt": "", "static/b.txt~": ""})
    report = tmp_path / "report.json"
    assert collect(site, "--noinput", "--ignore", "*.svg", "--report", report).code == 0
    ignored = json.loads(report.read_text())["ignored"]
    assert {item["path"]: item["rule"] for item in ignored} == {
        "css/site.css": "*.css (.staticignore:2)",
        "img/dot.svg": "*.svg (Django)",
        ".hidden/a.txt": ".* (Django)",
        "b.txt~": "*~ (Django)",
    }


def test_first_source_of_a_path_wins() -> None:
    first, other, second, third = (Source(path, path, None) for path in "abaa")
    plan = make_plan((first, other, second, third))
    assert plan.wins == (first, other)
    assert [(shadow.source, shadow.by) for shadow in plan.shadowed] == [
        (second, first),
        (third, first),
    ]
    assert plan.offers == (first, other, second, third)


def warnings(err: str) -> list[str]:
    return [line for line in err.splitlines() if line.startswith("warning: ")]


def test_accidental_conflicts_are_reported(site: Site, collect: Collect) -> None:
    site.app("shop", {"css/site.css": "shop"})
    site.app("blog", {"css/site.css": "blog"})
    ran = collect(site, "--noinput")
    assert ran.code == 0
    [warning] = warnings(ran.err)
    for place in ("static", "shop/static", "blog/static"):
        assert str(site.root / place / "css/site.css") in warning
    assert f"{site.root / 'static/css/site.css'} is collected" in warning
    assert "static/<app>/css/site.css" in warning
    assert (site.tree / "css/site.css").read_text().startswith("body")


def test_last_line_is_djangos(site: Site, collect: Collect) -> None:
    site.app("shop", {"css/site.css": "shop"})
    ran = collect(site, "--noinput")
    assert warnings(ran.err)
    assert ran.out.endswith(f"\n3 static files copied to '{site.tree}'.\n")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        pytest.param("shop/site.css", "other", id="an-app-overridden-by-its-label"),
        pytest.param("django_like/site.css", "other", id="an-app-overridden-by-its-module"),
        pytest.param("css/site.css", "same", id="equal-content"),
    ],
)
def test_intended_and_harmless_conflicts_are_not_reported(
    site: Site, collect: Collect, path: str, text: str
) -> None:
    config = (
        "from django.apps import AppConfig\n\n\n"
        'class Labelled(AppConfig):\n    name = "vendor.django_like"\n    label = "shop"\n'
    )
    code = {"__init__.py": "", "django_like/__init__.py": "", "django_like/apps.py": config}
    site.app("vendor", {}, code)
    site.append('INSTALLED_APPS += ["vendor.django_like"]\n')
    site.write({f"static/{path}": "same", f"vendor/django_like/static/{path}": text})
    ran = collect(site, "--noinput")
    assert ran.code == 0
    assert not warnings(ran.err)


@pytest.mark.parametrize("option", ["--noinput", "--plan"])
def test_shadowed_named_pipes_are_not_read(site: Site, collect: Collect, option: str) -> None:
    site.app("shop", {"css/other.css": ""})
    os.mkfifo(site.root / "shop/static/css/site.css")
    ran = collect(site, option)
    assert ran.code == 0
    assert not warnings(ran.err)


SIZES = [0, 5, CHUNK, CHUNK + 5]


@pytest.mark.parametrize("size", SIZES)
def test_any_different_byte_is_a_conflict(tmp_path: Path, size: int) -> None:
    inprocess.start()
    same = b"x" * size
    files = {"one": same, "same": same, "longer": same + b"x"}
    if size:
        files |= {"last": same[:-1] + b"y", "first": b"y" + same[1:]}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    found = {
        name for name in files if Shadowed(source(tmp_path, name), source(tmp_path, "one")).differs
    }
    assert found == files.keys() - {"one", "same"}


def test_files_are_compared_with_as_few_reads_as_possible(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inprocess.start()
    for name, content in {"one": b"one", "other": b"two", "longer": b"longer"}.items():
        (tmp_path / name).write_bytes(content)
    reads: list[int] = []
    read = os.read

    def counted(descriptor: int, size: int) -> bytes:
        reads.append(size)
        return read(descriptor, size)

    monkeypatch.setattr(os, "read", counted)
    longer = Shadowed(source(tmp_path, "longer"), source(tmp_path, "one"))
    assert longer.differs
    assert not reads
    other = Shadowed(source(tmp_path, "other"), source(tmp_path, "one"))
    assert other.differs
    count = len(reads)
    assert other.differs
    assert len(reads) == count == 2


def source(root: Path, name: str) -> Source:
    from django.core.files.storage import FileSystemStorage

    return Source(name, name, FileSystemStorage(location=str(root)))


def test_unreadable_shadowed_files_are_ignored(site: Site, collect: Collect) -> None:
    site.app("shop", {"css/other.css": ""})
    Path(site.root / "shop/static/css/site.css").symlink_to("nowhere")
    ran = collect(site, "--noinput")
    assert ran.code == 0
    assert not warnings(ran.err)


def shadowed(site: Site) -> None:
    """Add two files with the path of another one; one of them is equal to it."""
    site.app("shop", {"css/site.css": (site.root / "static/css/site.css").read_text()})
    site.app("blog", {"css/site.css": "blog"})


def test_plan_is_printed_without_writing(site: Site, collect: Collect) -> None:
    shadowed(site)
    ran = collect(site, "--plan")
    assert ran.code == 0
    assert not site.tree.exists()
    rows = [line.split() for line in ran.out.splitlines()]
    assert ["collected", "js/site.js", str(site.root / "static/js/site.js")] in rows
    by = str(site.root / "static/css/site.css")
    places = {place: str(site.root / place / "static/css/site.css") for place in ("shop", "blog")}
    assert ["shadowed", "css/site.css", places["shop"], "equal,", "by", by] in rows
    assert ["shadowed", "css/site.css", places["blog"], "different,", "by", by] in rows


def test_report_contains_plan_and_summary(site: Site, collect: Collect, tmp_path: Path) -> None:
    shadowed(site)
    report = tmp_path / "report.json"
    assert collect(site, "--noinput", "--report", report).code == 0
    message = json.loads(report.read_text())
    names = {file["path"] for file in message["files"]}
    assert names == {"css/site.css", "img/dot.svg", "js/site.js"}
    assert [item["equal"] for item in message["shadowed"]] == [True, False]
    summary = message["summary"]
    assert (summary["files"], summary["copied"], summary["equal"]) == (3, 3, 1)
    assert summary["conflicts"] == ["css/site.css"]
    assert summary["bytes"] == sum(len(path.read_bytes()) for path in files(site.root / "static"))


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


def test_summary_lists_conflicts_but_not_equal_files(site: Site, collect: Collect) -> None:
    site.app("shop", {"js/site.js": (site.root / "static/js/site.js").read_text()})
    site.app("blog", {"css/site.css": "blog"})
    ran = collect(site, "--noinput")
    lines = [line.split(maxsplit=1) for line in ran.err.splitlines()]
    assert ["conflicts", "1: css/site.css"] in lines
    assert not any("js/site.js" in line for line in ran.err.splitlines())


def test_strict_fails_before_writing(site: Site, collect: Collect) -> None:
    site.app("blog", {"css/site.css": "blog"})
    ran = collect(site, "--noinput", "--strict")
    assert ran.code == 25
    assert str(site.root / "blog/static/css/site.css") in ran.err
    assert not site.tree.exists()


def test_strict_allows_equal_files(site: Site, collect: Collect) -> None:
    site.app("shop", {"js/site.js": (site.root / "static/js/site.js").read_text()})
    assert collect(site, "--noinput", "--strict").code == 0
