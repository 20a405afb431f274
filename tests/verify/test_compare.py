"""What changed between two images' static files: a line for each file."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from buildstatic.verify import Comparison, VerifyOptions, compare
from tests.oci.images import Base
from tests.verify.built import (
    RULES,
    STATIC,
    TREE,
    appended,
    collected,
    copied,
    entry,
    folder,
    tar,
    tarred,
    write,
)


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the site with one file changed, one added and one removed, collected anew."""
    parent = tmp_path_factory.mktemp("after")
    more = {"css/site.css": STATIC["css/site.css"] + RULES, "css/new.css": "a {}"}
    return collected(parent, more)


def lines(compared: Comparison) -> list[tuple[str, str]]:
    return [(each.kind, each.name) for each in compared.changes]


def test_a_changed_file_is_one_line_whatever_its_fingerprint_and_variants(
    site: Path, after: Path
) -> None:
    compared = compare(str(site), str(after), VerifyOptions())
    assert lines(compared) == [
        ("added", "css/new.css"),
        ("changed", "css/site.css"),
        ("changed", "staticfiles.json"),
    ]
    (changed,) = [each for each in compared.changes if each.name == "css/site.css"]
    assert changed.before is not None
    assert changed.after is not None
    assert changed.after - changed.before == len(RULES)


def test_the_other_way_round_what_was_added_is_removed(site: Path, after: Path) -> None:
    compared = compare(str(after), str(site), VerifyOptions())
    assert ("removed", "css/new.css") in lines(compared)


def test_images_and_directories_are_compared_alike(site: Path, after: Path, tmp_path: Path) -> None:
    names = [
        appended(tmp_path, tarred(site), tag="one"),
        appended(tmp_path, tarred(after), tag="two"),
    ]
    images = compare(names[0], names[1], VerifyOptions())
    assert images.same_layer is False
    assert images.changes == compare(str(site), names[1], VerifyOptions()).changes
    assert images.changes == compare(str(site), str(after), VerifyOptions()).changes


def platforms(directory: Path, layer: bytes, *names: str) -> str:
    """Return the name of an image for several platforms, each with a file of its own."""
    base = Base(directory)
    own = (tar(folder(f"{TREE}/"), entry(f"{TREE}/{name}.css", b"a {}")) for name in names)
    images = [base.image(layer, one, platform=n) for n, one in zip(names, own, strict=True)]
    base.index(*(each.descriptor for each in images), tag="all")
    return f"oci:{directory}:all"


@pytest.mark.parametrize(
    ("before", "after", "taken"),
    [
        (("amd64", "arm64"), ("arm64",), ("arm64", "arm64")),
        (("arm64",), ("amd64", "arm64"), ("arm64", "arm64")),
        (("s390x", "arm64", "amd64"), ("amd64", "arm64"), ("arm64", "arm64")),
        (("s390x", "amd64"), ("arm64",), ("s390x", "arm64")),
    ],
)
def test_the_first_platform_that_both_have_is_compared(
    site: Path,
    tmp_path: Path,
    before: tuple[str, ...],
    after: tuple[str, ...],
    taken: tuple[str, str],
) -> None:
    layer = tarred(site)
    names = platforms(tmp_path / "1", layer, *before), platforms(tmp_path / "2", layer, *after)
    compared = compare(*names, VerifyOptions())
    found = compared.before.platform, compared.after.platform
    assert found == tuple(f"linux/{each}" for each in taken)


def test_the_same_layer_on_another_base_is_the_same(site: Path, tmp_path: Path) -> None:
    layer = tarred(site)
    names = [
        appended(tmp_path / "1", layer),
        appended(tmp_path / "2", layer, tar(entry("etc/x", b"x"))),
    ]
    compared = compare(names[0], names[1], VerifyOptions())
    assert (compared.same_layer, compared.changes) == (True, ())


def test_a_variant_that_alone_has_changed_is_a_line(site: Path, tmp_path: Path) -> None:
    other = copied(site, tmp_path / "other")
    write(other / TREE / "css/site.css.gz", b"other")
    assert lines(compare(str(site), str(other), VerifyOptions())) == [
        ("changed", "css/site.css.gz")
    ]


def test_without_a_manifest_each_name_is_a_file(site: Path, tmp_path: Path) -> None:
    trees = [tmp_path / "1", tmp_path / "2"]
    for tree in trees:
        shutil.copytree(site / TREE, tree)
        (tree / "staticfiles.json").unlink()
    (trees[1] / "img/dot.svg").write_text("<svg/>")
    (trees[1] / "img/dot.svg.br").unlink()
    assert lines(compare(str(trees[0]), str(trees[1]), VerifyOptions())) == [
        ("changed", "img/dot.svg"),
    ]
