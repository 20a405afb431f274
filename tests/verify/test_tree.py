"""What is verified of static files wherever they are: each promise kept, and broken alone."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from buildstatic.collect.layout import EPOCH
from buildstatic.errors import FileError, ImageNotFound, StaticLayerNotFound
from buildstatic.verify import VerifyOptions, verify
from tests.collect.rights import as_nobody, public_directory
from tests.verify.built import (
    TREE,
    appended,
    broken,
    copied,
    named,
    one,
    remove,
    settle,
    tarred,
    write,
)

KEY = """\
-----BEGIN RSA PRIVATE KEY-----
MIIEowIBAAKCAQEAyF3mXw1o7vQ0m2m2cJm1h2W8Cq3n0k5Jt0b9q8Tz4uQvYx1Z
"""
SECRET = "k3Jx8!vQz0pLm4Rt7Ws2Yb9Nd6Hf1Gc5"


def rename(path: Path, name: str) -> None:
    path.rename(path.with_name(name))
    settle(path.parent)


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    write(path, text.replace(old, new))


def rename_in_manifest(layer: Path) -> None:
    manifest = layer / TREE / "staticfiles.json"
    name = named(layer, "css/print.*.css").name
    change(manifest, f"css/{name}", "css/print.000000000000.css")


def misname(layer: Path) -> None:
    """Give a file another fingerprint, in the manifest and in what refers to it as well."""
    path = named(layer, "img/dot.????????????.svg")
    change(layer / TREE / "staticfiles.json", path.name, "dot.0123456789ab.svg")
    for variant in path.parent.glob(f"{path.name}*"):
        rename(variant, variant.name.replace(path.name, "dot.0123456789ab.svg"))
    write(path, (path.parent / "dot.svg").read_bytes())
    remove(path)
    write(path, (path.parent / "dot.svg").read_bytes())


def point_nowhere(layer: Path) -> None:
    write(layer / TREE / "css/more.css", ".a { background: url('none.png?v=1#x') }")


def import_nowhere(layer: Path) -> None:
    write(layer / TREE / "css/more.css", '@import "none.css";')


def variant_of_another(suffix: str) -> Callable[[Path], None]:
    def break_(layer: Path) -> None:
        tree = layer / TREE
        write(tree / f"css/print.css{suffix}", (tree / f"css/site.css{suffix}").read_bytes())

    return break_


def cut_variant(layer: Path) -> None:
    path = layer / TREE / "css/site.css.gz"
    write(path, path.read_bytes()[:-3])


BREAKS = [
    pytest.param(
        lambda layer: remove(named(layer, "css/print.*.css")),
        {"manifest", "references"},
        id="a file of the manifest is gone",
    ),
    pytest.param(rename_in_manifest, {"manifest"}, id="the manifest names another file"),
    pytest.param(
        lambda layer: write(layer / TREE / "staticfiles.json", "{"),
        {"manifest"},
        id="the manifest is no JSON",
    ),
    pytest.param(
        lambda layer: write(layer / TREE / "staticfiles.json", '{"paths": []}'),
        {"manifest"},
        id="the manifest has no paths",
    ),
    pytest.param(
        lambda layer: write(named(layer, "css/print.*.css"), "body { margin: 1 }\n"),
        {"fingerprints"},
        id="a content is not that of its name",
    ),
    pytest.param(misname, {"fingerprints"}, id="a name is not that of its content"),
    pytest.param(point_nowhere, {"references"}, id="url() leads nowhere"),
    pytest.param(import_nowhere, {"references"}, id="@import leads nowhere"),
    pytest.param(variant_of_another(".gz"), {"variants"}, id="a gzip variant of another file"),
    pytest.param(variant_of_another(".br"), {"variants"}, id="a brotli variant of another file"),
    pytest.param(variant_of_another(".zst"), {"variants"}, id="a zstd variant of another file"),
    pytest.param(cut_variant, {"variants"}, id="a variant is cut short"),
    pytest.param(
        lambda layer: os.utime(layer / TREE / "img/dot.svg", (EPOCH, EPOCH)),
        {"times and owners"},
        id="a file's time",
    ),
    pytest.param(
        lambda layer: os.utime(layer / TREE / "css", (EPOCH, EPOCH + 1)),
        {"times and owners"},
        id="a directory's time",
    ),
    pytest.param(
        lambda layer: (layer / TREE / "img/dot.svg").chmod(0o600),
        {"times and owners"},
        id="a file's mode",
    ),
    pytest.param(
        lambda layer: (layer / TREE / "css").chmod(0o775),
        {"times and owners"},
        id="a directory's mode",
    ),
    pytest.param(lambda layer: write(layer / TREE / ".env", "DEBUG=1\n"), {"secrets"}, id=".env"),
    pytest.param(
        lambda layer: write(layer / TREE / ".env.production", "A=1\n"),
        {"secrets"},
        id=".env.production",
    ),
    pytest.param(
        lambda layer: write(layer / TREE / "js/server.js", KEY), {"secrets"}, id="a private key"
    ),
    pytest.param(
        lambda layer: write(layer / TREE / "js/server.js", " " * ((1 << 20) - 30) + KEY),
        {"secrets"},
        id="a private key across two pieces",
    ),
    pytest.param(
        lambda layer: write(layer / TREE / "id_ed25519", "x"), {"secrets"}, id="id_ed25519"
    ),
    pytest.param(
        lambda layer: write(layer / TREE / "x.js", f'var c = {{"SECRET_KEY": "{SECRET}"}}'),
        {"secrets"},
        id="SECRET_KEY in a script",
    ),
    pytest.param(
        lambda layer: write(layer / TREE / "x.txt", f"A=1\nDJANGO_SECRET_KEY={SECRET}\n"),
        {"secrets"},
        id="SECRET_KEY in a file of variables",
    ),
]


@pytest.mark.parametrize(("break_", "checks"), BREAKS)
def test_a_promise_that_is_broken_is_found_and_no_other(
    layer: Path, break_: Callable[[Path], None], checks: set[str]
) -> None:
    break_(layer)
    for directory in [layer / "app", layer / TREE]:
        if checks != {"times and owners"}:
            settle(directory)
    assert broken(one(layer)) == checks


@pytest.mark.parametrize(("break_", "checks"), BREAKS)
def test_an_image_is_held_to_the_same_as_a_directory(
    layer: Path, tmp_path: Path, break_: Callable[[Path], None], checks: set[str]
) -> None:
    break_(layer)
    directory, image = one(layer), one(appended(tmp_path, tarred(layer)))
    assert broken(image) == broken(directory) >= checks
    assert image.findings == directory.findings


def test_what_collect_makes_keeps_every_promise(site: Path) -> None:
    verified = one(site)
    assert verified.findings == ()
    counts = {each.check: each.count for each in verified.checks}
    assert min(counts.values()) > 4, counts
    assert verified.path == f"{site}/{TREE}"


def test_a_git_repository_is_found_once(layer: Path) -> None:
    for name in ("HEAD", "config", "objects/ab/cd"):
        write(layer / TREE / "vendor/.git" / name, "x")
    found = [each.where for each in one(layer).findings if each.check == "secrets"]
    assert found == [f"{TREE}/vendor/.git"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (".env.example", f"SECRET_KEY={SECRET[:10]}\n"),
        ("environment.js", "export default {}"),
        ("forge.js", 'if (pem.includes("-----BEGIN RSA PRIVATE KEY-----")) { decode(pem) }'),
        ("a.pem", "-----BEGIN CERTIFICATE-----\n" + "A" * 64 + "\n"),
        ("settings.js", 'const SECRET_KEY = "the_name_of_the_setting_in_django";'),
        (
            "settings.js",
            "fail(\"Set SECRET_KEY: 'it is read from the environment, see the docs'\")",
        ),
        ("settings.js", "const SECRET_KEY = process.env.SECRET_KEY"),
        ("id_rsa.pub", "ssh-rsa AAAA"),
        (".gitignore", "x"),
    ],
)
def test_what_only_looks_like_a_secret_is_none(layer: Path, name: str, content: str) -> None:
    write(layer / TREE / name, content)
    assert one(layer).findings == ()


def test_a_finding_never_shows_the_secret(layer: Path) -> None:
    write(layer / TREE / "x.js", f'SECRET_KEY = "{SECRET}"')
    found = one(layer).findings
    assert len(found) == 1
    assert SECRET not in str(found)


def test_source_maps_are_looked_for_on_request_alone(layer: Path) -> None:
    assert one(layer).findings == ()
    found = one(layer, source_maps=False).findings
    assert {each.check for each in found} == {"source maps"}
    assert all(each.where.endswith(".map") for each in found)
    assert len(found) == 2


def test_a_missing_source_map_is_pointed_out_and_breaks_nothing(layer: Path) -> None:
    write(layer / TREE / "more.css", "a {}\n/*# sourceMappingURL=more.css.map */\n")
    (found,) = one(layer).findings
    assert (found.check, found.severity) == ("references", "warning")
    assert "more.css.map does not exist" in found.what


@pytest.mark.parametrize(
    "text",
    [
        "a { background: url(data:image/png;base64,AAAA) }",
        "a { background: url(https://example.com/a.png) }",
        "a { background: url(//example.com/a.png) }",
        "a { background: url(/media/a.png) }",
        "a { background: url(../../media/a.png) }",
        "a { fill: url(#gradient) }",
        "/* a { background: url(none.png) } */",
        "a { content: 'url(none.png)' }",
        '@import url("../css/site.css") screen;',
        "a { background: url( '../img/dot.svg?#iefix' ) }",
        "a { background: url(../img/d%6ft.svg) }",
    ],
)
def test_references_that_lead_somewhere_or_elsewhere_are_no_findings(
    layer: Path, text: str
) -> None:
    write(layer / TREE / "css/more.css", text)
    assert one(layer).findings == ()


@pytest.mark.parametrize(
    ("text", "static_url", "missing"),
    [
        ("url({dot}) url(/static/img/none.svg)", None, ["img/none.svg"]),
        ("url({dot}?#x) url('/static/img/d%6fts.svg')", None, ["img/dots.svg"]),
        ("url({dot}) url(/media/none.svg) url(/static/img/dot.svg)", None, []),
        ("url(/static/img/none.svg)", None, []),
        ("url(/static/img/none.svg)", "/static/", ["img/none.svg"]),
        ("url(/assets/img/none.svg) url({dot})", "/assets/", ["img/none.svg"]),
        ("url(https://cdn.example.com/s/a.svg)", "https://cdn.example.com/s/", ["a.svg"]),
        ("url(https://cdn.example.com/t/a.svg)", "https://cdn.example.com/s/", []),
    ],
)
def test_absolute_references_are_looked_for_below_static_url(
    layer: Path, text: str, static_url: str | None, missing: list[str]
) -> None:
    dot = f"/static/img/{named(layer, 'img/dot.????????????.svg').name}"
    write(layer / TREE / "css/more.css", f"a {{ background: {text.format(dot=dot)} }}")
    found = one(layer, static_url=static_url).findings
    assert [each.what.rpartition(", but ")[2] for each in found] == [
        f"{name} does not exist" for name in missing
    ]
    assert all((each.check, each.severity) == ("references", "error") for each in found)


def test_a_file_at_the_root_of_the_site_does_not_make_all_of_it_static(layer: Path) -> None:
    name = named(layer, "img/dot.????????????.svg").name
    write(layer / TREE / "css/more.css", f"a {{ background: url(/img/{name}) url(/media/a.png) }}")
    assert one(layer).findings == ()


@pytest.mark.parametrize("digits", ["0123456789abcdef", "01234567", "0123456789abc-"])
def test_fingerprints_of_other_storages_are_not_compared(layer: Path, digits: str) -> None:
    own = named(layer, "css/print.????????????.css")
    for path in (layer / TREE / "staticfiles.json", named(layer, "css/site.????????????.css")):
        write(path, path.read_text().replace(own.name, f"print.{digits}.css"))
    rename(own, f"print.{digits}.css")
    assert "manifest" not in broken(one(layer))
    assert not [each for each in one(layer).findings if "print" in each.where]


def test_equal_files_that_are_no_links_are_pointed_out_and_break_nothing(layer: Path) -> None:
    path = layer / TREE / "img/dot.svg"
    write(path, path.read_bytes())
    (found,) = one(layer).findings
    assert (found.check, found.severity) == ("times and owners", "warning")
    assert "2 files have this content" in found.what


def test_a_symlink_in_a_layer_is_broken_and_its_target_is_not_read(
    layer: Path, tmp_path: Path
) -> None:
    (tmp_path / "outside").write_text(KEY)
    (layer / TREE / "key").symlink_to(tmp_path / "outside")
    settle(layer / TREE)
    assert broken(one(layer)) == {"entries"}
    assert broken(one(appended(tmp_path, tarred(layer)))) == {"entries"}


def test_a_collected_tree_has_no_times_to_keep(layer: Path, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    shutil.copytree(layer / TREE, tree, copy_function=shutil.copyfile)
    verified = one(tree)
    assert verified.findings == ()
    assert "times and owners" not in {each.check for each in verified.checks}
    next(tree.glob("css/print.*.css")).write_text("other {}")
    assert broken(one(tree)) == {"fingerprints"}


def test_links_of_a_collected_tree_are_followed(layer: Path, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "site.css").symlink_to(layer / TREE / "css/site.css")
    write(tree / "site.css.gz", (layer / TREE / "css/site.css.gz").read_bytes())
    verified = one(tree)
    assert {each.check: each.count for each in verified.checks}["variants"] == 1
    assert broken(verified) == set()


def test_without_a_manifest_the_layer_root_is_told_by_the_static_root(layer: Path) -> None:
    remove(layer / TREE / "staticfiles.json")
    assert "times and owners" not in {each.check for each in one(layer).checks}
    verified = one(layer, static_root="/app/staticfiles")
    assert "times and owners" in {each.check for each in verified.checks}
    assert broken(verified) == set()


def test_a_manifest_beside_the_tree_is_found(layer: Path) -> None:
    manifest = layer / TREE / "staticfiles.json"
    content = manifest.read_bytes()
    remove(manifest)
    write(layer / "app/staticfiles.json", content)
    verified = one(layer, static_root="/app/staticfiles")
    assert verified.findings == ()
    names = len(json.loads(content)["paths"])
    assert {each.check: each.count for each in verified.checks}["manifest"] == names


@pytest.mark.parametrize("static_root", ["/app/elsewhere", "/../root"])
def test_a_static_root_that_is_not_there_is_an_error(layer: Path, static_root: str) -> None:
    with pytest.raises(StaticLayerNotFound, match="has no directory"):
        one(layer, static_root=static_root)


@pytest.mark.parametrize("directory", [TREE, f"{TREE}/css", "app/private"])
def test_a_directory_that_cannot_be_looked_into_is_an_error(site: Path, directory: str) -> None:
    with public_directory() as public:
        layer = copied(site, public / "root")
        closed = layer / directory
        closed.mkdir(exist_ok=True)
        closed.chmod(0)
        with as_nobody(), pytest.raises(FileError, match=rf"Cannot read .*{directory}: Permission"):
            verify(str(layer), VerifyOptions())
        closed.chmod(0o755)
        (layer / TREE / "css").chmod(0)
        with as_nobody(), pytest.raises(FileError, match=r"Cannot read .*css: Permission"):
            verify(str(layer / TREE), VerifyOptions())


def test_a_directory_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ImageNotFound, match="There is no directory"):
        one(tmp_path / "none")
