"""The page and the Markdown that ``verify`` writes about static files."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from tarfile import TarInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildstatic.cli import run
from buildstatic.cli.report import TILES, group_files, html_report, squarify
from buildstatic.errors import VerificationFailed
from buildstatic.verify.contents import Contents, EqualFiles, StaticFile
from buildstatic.workflows.verify import VerifyOptions, VerifyResult, verify
from tests.verify.built import TREE, appended, collected, copied, entry, settle, tar, tarred, write

HOSTILE = "<script>alert(1)<!--&\"'`|\u202e.css"
CONTENTS = VerifyOptions(contents=True)
BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return collected(tmp_path_factory.mktemp("site"))


@pytest.fixture
def layer(site: Path, tmp_path: Path) -> Path:
    return copied(site, tmp_path / "root")


class Page(HTMLParser):
    """The elements of a page, with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.ids += [value or "" for name, value in attrs if name == "id"]
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_contents_count_each_byte_once(site: Path) -> None:
    (result,) = verify(str(site), CONTENTS)
    assert result.contents is not None
    files = {file.name: file for file in result.contents.files}
    assert sum(file.stored for file in files.values()) == result.bytes
    assert set(files) >= {"css/site.css", "js/site.js.map", "staticfiles.json"}
    css = files["css/site.css"]
    assert css.variants > 0
    assert css.smallest < css.size < css.stored


def test_contents_list_equal_hidden_and_unreferenced_files(layer: Path, tmp_path: Path) -> None:
    write(layer / TREE / "img/same.svg", (layer / TREE / "img/dot.svg").read_bytes())
    below = tar(entry(f"{TREE}/img/same.svg", b"<svg/>"), entry("etc/x", b"x"))
    (result,) = verify(appended(tmp_path, tarred(layer), below), CONTENTS)
    assert result.contents is not None
    assert [group.names for group in result.contents.equal] == [("img/dot.svg", "img/same.svg")]
    assert result.contents.hidden == ("img/same.svg",)
    assert result.contents.unreferenced == ("img/same.svg",)


def test_files_are_grouped_by_the_apps_that_have_them(site: Path, tmp_path: Path) -> None:
    def source(directory: str, name: str, content: bytes = b"") -> tuple[TarInfo, bytes]:
        return entry(f"{directory}/static/{name}", content or (site / TREE / name).read_bytes())

    packages = "opt/venv/lib/python3.13/site-packages"
    lower = tar(
        source("app/shop", "css/site.css"),
        source("app", "img/dot.svg"),
        source(f"{packages}/maps/tiles", "js/site.js.map"),
        source("app/shop", "css/print.css", b"another size"),
        source("app/shop", "js/site.js"),
        source("app/other", "js/site.js"),
    )
    name = appended(tmp_path, tarred(site), lower)
    (result,) = verify(name, CONTENTS)
    assert result.contents is not None
    apps = {file.name: file.app for file in result.contents.files if file.app}
    expected = {"css/site.css": "shop", "img/dot.svg": "static", "js/site.js.map": "maps.tiles"}
    assert apps == expected
    page = tmp_path / "report.html"
    run(["verify", name, "--html", str(page)])
    text = page.read_text()
    assert all(f"<code>{group}</code>" in text for group in ("maps.tiles", "shop", "static", "js"))


def test_page_is_self_contained(layer: Path, tmp_path: Path) -> None:
    write(layer / TREE / ".env", "A=1")
    page = tmp_path / "report.html"
    assert run(["verify", str(layer), "--html", str(page)]) == VerificationFailed.exit_code
    shown = Page(page.read_text())
    assert {link[0] for link in shown.links} == {"#"}
    assert {link[1:] for link in shown.links} <= set(shown.ids)
    assert not {"script", "link", "img"} & set(shown.tags)
    assert "css/site.css" in shown.text
    assert "it is a file of environment variables" in shown.text


def test_names_are_text(layer: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(layer / TREE / "a" / HOSTILE, "a {}")
    page = tmp_path / "report.html"
    run(["verify", str(layer), "--html", str(page), "--format", "markdown"])
    text = page.read_text()
    assert Page(text).tags.count("script") == 0
    visible = HOSTILE.replace("\u202e", "\\u202e")
    assert visible in Page(text).text
    assert "\u202e" not in text + capsys.readouterr().out


def test_comparison_shows_changes_and_what_is_pushed(
    site: Path, layer: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(layer / TREE / "new.css", "a {}")
    names = [appended(tmp_path, tarred(root), tag=root.name) for root in (site, layer)]
    pushed = (tmp_path / f"{layer.name}.tar.gz").stat().st_size
    page = tmp_path / "report.html"
    assert run(["verify", *names, "--json", "--html", str(page)]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["pushed"], document["same_layer"]) == (pushed, False)
    text = Page(page.read_text()).text
    assert "1 added, 0 removed, 0 changed" in text
    assert "A push sends" in text
    assert run(["verify", *names, "--format", "markdown"]) == 0
    assert "| added | `new.css` |  | 4 bytes |" in capsys.readouterr().out
    assert run(["verify", names[0], names[0], "--format", "markdown"]) == 0
    assert "nothing of it is pushed" in capsys.readouterr().out


def test_markdown_names_problems(layer: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(layer / TREE / "a|b" / ".env", "A=1")
    settle(layer / TREE)
    assert run(["verify", str(layer), "--format", "markdown"]) == VerificationFailed.exit_code
    out = capsys.readouterr().out
    assert "7 checks, 1 problem." in out
    assert f"- `{TREE}/a\\|b/.env`" in out


def test_groups_are_first_directories() -> None:
    names = ["a", "b/x/1", "b/x/2", "b/y", "c/z", "d"]
    groups = group_files([StaticFile(name, 10, 5, 10, 1) for name in names])
    assert [(group.name, group.files, group.saved) for group in groups] == [
        ("b", 3, 15),
        ("(top level)", 2, 10),
        ("c", 1, 5),
    ]
    assert [part.name for part in groups[0].parts] == ["x/1", "x/2", "y"]


def test_parts_are_directories_if_there_are_too_many_files() -> None:
    names = [f"b/{directory}/{number}" for directory in "xy" for number in range(TILES)]
    (group,) = group_files([StaticFile(name, 1, 1, 1, 0) for name in sorted(names)])
    assert [(part.name, part.files) for part in group.parts] == [("x/", TILES), ("y/", TILES)]


@given(st.lists(st.integers(1, 10**9), max_size=60), st.floats(1, 2000), st.floats(1, 2000))
def test_boxes_fill_the_treemap(sizes: list[int], width: float, height: float) -> None:
    sizes.sort(reverse=True)
    boxes = squarify(sizes, width, height)
    assert len(boxes) == len(sizes)
    for size, box in zip(sizes, boxes, strict=True):
        assert min(box.left, box.top) >= -0.01
        assert max(box.left + box.width, box.top + box.height) <= 100.01
        area = 10_000 * size / sum(sizes)
        assert box.width * box.height == pytest.approx(area, rel=0.05, abs=0.3)


@pytest.mark.slow
@pytest.mark.skipif(not BROWSER, reason="needs Chromium")
def test_large_page_loads_in_two_seconds_without_overflow(tmp_path: Path) -> None:
    names = sorted(f"app{n % 90}/{n % 7}/{HOSTILE}-{n}-{'x' * 80}.css" for n in range(20_000))
    files = tuple(StaticFile(name, 9 * n, 5 * n, 14 * n, 1) for n, name in enumerate(names))
    equal = tuple(EqualFiles(pair, 5) for pair in pairwise(names))
    contents = Contents(files, equal, tuple(names), tuple(names))
    result = VerifyResult(None, "/app/staticfiles", 60_000, 1, None, None, (), (), contents)
    (tmp_path / "report.html").write_text(html_report([result]))
    (tmp_path / "frame.html").write_text(
        """<body><script>
        const found = [], widths = [390, 390, 390, 1280, 1280, 1280];
        function load(width) {
          const frame = document.createElement("iframe"), start = performance.now();
          frame.style.width = width + "px";
          frame.src = "report.html";
          frame.onload = () => {
            const page = frame.contentDocument;
            const names = [...page.querySelectorAll("code")].filter(
              each => each.textContent.includes("<script>alert(1)<!--&"));
            found.push([performance.now() - start, page.documentElement.scrollWidth - width,
              page.scripts.length, names.length > 0]);
            if (found.length < widths.length) load(widths[found.length]);
            document.title = JSON.stringify(found);
          };
          document.body.append(frame);
        }
        load(widths[0]);
        </script>"""
    )
    options = ["--headless=new", "--no-sandbox", "--allow-file-access-from-files"]
    options += [f"--user-data-dir={tmp_path / 'profile'}", "--timeout=10000", "--dump-dom"]
    done = subprocess.run(
        [BROWSER, *options, (tmp_path / "frame.html").as_uri()],
        capture_output=True,
        text=True,
        timeout=60,
    )
    found = json.loads(re.findall("<title>(.+)</title>", done.stdout)[0])
    assert len(found) == 6
    # The fastest, because other tests run at the same time.
    assert min(milliseconds for milliseconds, *_ in found) < 2000
    for _, overflow, scripts, is_shown in found:
        assert overflow <= 0
        assert (scripts, is_shown) == (0, True)
