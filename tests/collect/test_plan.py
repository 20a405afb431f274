"""The plan: the first found wins, and an accident among the shadowed is pointed out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from buildstatic.collect.planning import Shadowed, make_plan
from buildstatic.collect.sources import Source
from buildstatic.collect.workers.read_task import PIECE
from tests.collect import inprocess
from tests.collect.conftest import Collect
from tests.collect.sites import Site


def test_the_first_source_of_a_path_wins() -> None:
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


def test_files_that_shadow_one_another_by_accident_are_named_with_their_places(
    site: Site, collect: Collect
) -> None:
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


def test_the_last_line_on_standard_output_is_djangos(site: Site, collect: Collect) -> None:
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
def test_what_is_meant_or_harmless_is_not_pointed_out(
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
def test_a_shadowed_pipe_is_waited_for_by_nobody(site: Site, collect: Collect, option: str) -> None:
    site.app("shop", {"css/other.css": ""})
    os.mkfifo(site.root / "shop/static/css/site.css")
    ran = collect(site, option)
    assert ran.code == 0
    assert not warnings(ran.err)


SIZES = [0, 5, PIECE, PIECE + 5]


@pytest.mark.parametrize("size", SIZES)
def test_files_are_told_apart_by_any_byte(tmp_path: Path, size: int) -> None:
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


def test_files_of_other_sizes_are_not_read_and_others_once(
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


def test_a_shadowed_file_that_cannot_be_read_stops_nothing(site: Site, collect: Collect) -> None:
    site.app("shop", {"css/other.css": ""})
    Path(site.root / "shop/static/css/site.css").symlink_to("nowhere")
    ran = collect(site, "--noinput")
    assert ran.code == 0
    assert not warnings(ran.err)
