"""Comparing the static files of two images or directories."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from buildstatic.workflows.verify import Comparison, VerifyOptions, compare
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
    """Return the layer root of the site with one file changed and one added."""
    parent = tmp_path_factory.mktemp("after")
    more = {"css/site.css": STATIC["css/site.css"] + RULES, "css/new.css": "a {}"}
    return collected(parent, more)


def changes(comparison: Comparison) -> list[tuple[str, str]]:
    return [(each.kind, each.name) for each in comparison.changes]


def test_changed_file_is_one_change_with_its_variants(site: Path, after: Path) -> None:
    comparison = compare(str(site), str(after), VerifyOptions())
    assert changes(comparison) == [
        ("added", "css/new.css"),
        ("changed", "css/site.css"),
        ("changed", "staticfiles.json"),
    ]
    assert ("removed", "css/new.css") in changes(compare(str(after), str(site), VerifyOptions()))
    (changed,) = [each for each in comparison.changes if each.name == "css/site.css"]
    assert changed.before is not None
    assert changed.after is not None
    assert changed.after - changed.before == len(RULES)


def test_images_and_directories_compare_equally(site: Path, after: Path, tmp_path: Path) -> None:
    names = [
        appended(tmp_path, tarred(site), tag="one"),
        appended(tmp_path, tarred(after), tag="two"),
    ]
    images = compare(names[0], names[1], VerifyOptions())
    assert images.same_layer is False
    assert images.changes == compare(str(site), names[1], VerifyOptions()).changes
    assert images.changes == compare(str(site), str(after), VerifyOptions()).changes


def platforms(directory: Path, layer: bytes, *names: str) -> str:
    """Write an image for several platforms, each with its own file; return its name."""
    base = Base(directory)
    own = (tar(folder(f"{TREE}/"), entry(f"{TREE}/{name}.css", b"a {}")) for name in names)
    images = [base.image(layer, one, platform=n) for n, one in zip(names, own, strict=True)]
    base.index(*(each.descriptor for each in images), tag="all")
    return f"oci:{directory}:all"


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (("amd64", "arm64"), ("arm64",), ("arm64", "arm64")),
        (("arm64",), ("amd64", "arm64"), ("arm64", "arm64")),
        (("s390x", "arm64", "amd64"), ("amd64", "arm64"), ("arm64", "arm64")),
        (("s390x", "amd64"), ("arm64",), ("s390x", "arm64")),
    ],
)
def test_first_common_platform_is_compared(
    site: Path,
    tmp_path: Path,
    before: tuple[str, ...],
    after: tuple[str, ...],
    expected: tuple[str, str],
) -> None:
    layer = tarred(site)
    names = platforms(tmp_path / "1", layer, *before), platforms(tmp_path / "2", layer, *after)
    comparison = compare(*names, VerifyOptions())
    found = comparison.before.platform, comparison.after.platform
    assert found == tuple(f"linux/{each}" for each in expected)


def test_same_layer_on_another_base_has_no_changes(site: Path, tmp_path: Path) -> None:
    layer = tarred(site)
    names = [
        appended(tmp_path / "1", layer),
        appended(tmp_path / "2", layer, tar(entry("etc/x", b"x"))),
    ]
    comparison = compare(names[0], names[1], VerifyOptions())
    assert (comparison.same_layer, comparison.changes) == (True, ())


def test_changed_variant_of_unchanged_file_is_a_change(site: Path, tmp_path: Path) -> None:
    other = copied(site, tmp_path / "other")
    write(other / TREE / "css/site.css.gz", b"other")
    assert changes(compare(str(site), str(other), VerifyOptions())) == [
        ("changed", "css/site.css.gz")
    ]


def test_without_manifest_each_name_is_a_file(site: Path, tmp_path: Path) -> None:
    trees = [tmp_path / "1", tmp_path / "2"]
    for tree in trees:
        shutil.copytree(site / TREE, tree)
        (tree / "staticfiles.json").unlink()
    (trees[1] / "img/dot.svg").write_text("<svg/>")
    (trees[1] / "img/dot.svg.br").unlink()
    assert changes(compare(str(trees[0]), str(trees[1]), VerifyOptions())) == [
        ("changed", "img/dot.svg"),
    ]
