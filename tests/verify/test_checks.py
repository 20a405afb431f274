"""Each check passes on what collect writes, and fails for its own reason."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from buildstatic.collect.publish import EPOCH
from buildstatic.errors import FileError, ImageNotFound, StaticLayerNotFound
from buildstatic.workflows.verify import VerifyOptions, verify
from tests.collect.rights import as_nobody, public_directory
from tests.verify.built import (
    TREE,
    appended,
    copied,
    failed_checks,
    named,
    remove,
    settle,
    tarred,
    verify_one,
    write,
)

KEY = """\
-----BEGIN RSA PRIVATE KEY-----
MIIEowIBAAKCAQEAyF3mXw1o7vQ0m2m2cJm1h2W8Cq3n0k5Jt0b9q8Tz4uQvYx1Z
"""
SECRET = "k3Jx8!vQz0pLm4Rt7Ws2Yb9Nd6Hf1Gc5"

Break = Callable[[Path], None]


def written(name: str, content: str) -> Break:
    return lambda layer: write(layer / TREE / name, content)


def rename(path: Path, name: str) -> None:
    path.rename(path.with_name(name))
    settle(path.parent)


def replace_text(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    write(path, text.replace(old, new))


def rename_in_manifest(layer: Path) -> None:
    name = named(layer, "css/print.*.css").name
    replace_text(layer / TREE / "staticfiles.json", f"css/{name}", "css/print.000000000000.css")


def change_fingerprint(layer: Path) -> None:
    """Give a file another fingerprint, in the manifest and in what refers to it as well."""
    path = named(layer, "img/dot.????????????.svg")
    replace_text(layer / TREE / "staticfiles.json", path.name, "dot.0123456789ab.svg")
    for variant in path.parent.glob(f"{path.name}*"):
        rename(variant, variant.name.replace(path.name, "dot.0123456789ab.svg"))
    write(path, (path.parent / "dot.svg").read_bytes())
    remove(path)
    write(path, (path.parent / "dot.svg").read_bytes())


def variant_of_other_file(suffix: str) -> Break:
    def break_(layer: Path) -> None:
        tree = layer / TREE
        write(tree / f"css/print.css{suffix}", (tree / f"css/site.css{suffix}").read_bytes())

    return break_


def truncate_variant(layer: Path) -> None:
    path = layer / TREE / "css/site.css.gz"
    write(path, path.read_bytes()[:-3])


CASES: list[tuple[str, Break, set[str]]] = [
    (
        "missing file",
        lambda layer: remove(named(layer, "css/print.*.css")),
        {"manifest", "references"},
    ),
    ("other name in manifest", rename_in_manifest, {"manifest"}),
    ("manifest is not JSON", written("staticfiles.json", "{"), {"manifest"}),
    ("manifest without paths", written("staticfiles.json", '{"paths": []}'), {"manifest"}),
    (
        "other content",
        lambda layer: write(named(layer, "css/print.*.css"), "body { margin: 1 }\n"),
        {"fingerprints"},
    ),
    ("other fingerprint", change_fingerprint, {"fingerprints"}),
    (
        "broken url()",
        written("css/more.css", ".a { background: url('none.png?v=1#x') }"),
        {"references"},
    ),
    ("broken @import", written("css/more.css", '@import "none.css";'), {"references"}),
    *(
        (f"other {s} variant", variant_of_other_file(s), {"variants"})
        for s in (".gz", ".br", ".zst")
    ),
    ("truncated variant", truncate_variant, {"variants"}),
    (
        "time of a file",
        lambda layer: os.utime(layer / TREE / "img/dot.svg", (EPOCH, EPOCH)),
        {"times and owners"},
    ),
    (
        "time of a directory",
        lambda layer: os.utime(layer / TREE / "css", (EPOCH, EPOCH + 1)),
        {"times and owners"},
    ),
    (
        "mode of a file",
        lambda layer: (layer / TREE / "img/dot.svg").chmod(0o600),
        {"times and owners"},
    ),
    (
        "mode of a directory",
        lambda layer: (layer / TREE / "css").chmod(0o775),
        {"times and owners"},
    ),
    (".env", written(".env", "DEBUG=1\n"), {"secrets"}),
    (".env.production", written(".env.production", "A=1\n"), {"secrets"}),
    ("private key", written("js/server.js", KEY), {"secrets"}),
    (
        "private key across chunks",
        written("js/server.js", " " * ((1 << 20) - 30) + KEY),
        {"secrets"},
    ),
    ("id_ed25519", written("id_ed25519", "x"), {"secrets"}),
    (
        "SECRET_KEY in a script",
        written("x.js", f'var c = {{"SECRET_KEY": "{SECRET}"}}'),
        {"secrets"},
    ),
    (
        "SECRET_KEY in variables",
        written("x.txt", f"A=1\nDJANGO_SECRET_KEY={SECRET}\n"),
        {"secrets"},
    ),
]


@pytest.mark.parametrize(
    ("break_", "checks"), [pytest.param(*case, id=name) for name, *case in CASES]
)
def test_only_the_affected_checks_fail_in_directory_and_image(
    layer: Path, tmp_path: Path, break_: Break, checks: set[str]
) -> None:
    break_(layer)
    for directory in [layer / "app", layer / TREE]:
        if checks != {"times and owners"}:
            settle(directory)
    directory_result = verify_one(layer)
    assert failed_checks(directory_result) == checks
    assert verify_one(appended(tmp_path, tarred(layer))).findings == directory_result.findings


def test_collected_layer_root_passes_every_check(site: Path) -> None:
    result = verify_one(site)
    assert result.findings == ()
    counts = {check.check: check.count for check in result.checks}
    assert min(counts.values()) > 4, counts
    assert result.path == f"{site}/{TREE}"


def test_git_repository_is_one_finding(layer: Path) -> None:
    for name in ("HEAD", "config", "objects/ab/cd"):
        write(layer / TREE / "vendor/.git" / name, "x")
    found = [each.where for each in verify_one(layer).findings if each.check == "secrets"]
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
def test_lookalikes_are_not_secrets(layer: Path, name: str, content: str) -> None:
    write(layer / TREE / name, content)
    assert verify_one(layer).findings == ()


def test_finding_does_not_contain_the_secret(layer: Path) -> None:
    write(layer / TREE / "x.js", f'SECRET_KEY = "{SECRET}"')
    (finding,) = verify_one(layer).findings
    assert SECRET not in str(finding)


def test_source_maps_are_forbidden_on_request(layer: Path) -> None:
    assert verify_one(layer).findings == ()
    findings = verify_one(layer, source_maps=False).findings
    assert {finding.check for finding in findings} == {"source maps"}
    assert all(finding.where.endswith(".map") for finding in findings)
    assert len(findings) == 2


def test_missing_source_map_is_a_warning(layer: Path) -> None:
    write(layer / TREE / "more.css", "a {}\n/*# sourceMappingURL=more.css.map */\n")
    (finding,) = verify_one(layer).findings
    assert (finding.check, finding.severity) == ("references", "warning")
    assert "more.css.map does not exist" in finding.what


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
def test_existing_and_external_references_pass(layer: Path, text: str) -> None:
    write(layer / TREE / "css/more.css", text)
    assert verify_one(layer).findings == ()


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
def test_absolute_references_are_checked_below_static_url(
    layer: Path, text: str, static_url: str | None, missing: list[str]
) -> None:
    dot = f"/static/img/{named(layer, 'img/dot.????????????.svg').name}"
    write(layer / TREE / "css/more.css", f"a {{ background: {text.format(dot=dot)} }}")
    findings = verify_one(layer, static_url=static_url).findings
    assert [each.what.rpartition(", but ")[2] for each in findings] == [
        f"{name} does not exist" for name in missing
    ]
    assert all((each.check, each.severity) == ("references", "error") for each in findings)


def test_site_root_is_not_detected_as_static_url(layer: Path) -> None:
    name = named(layer, "img/dot.????????????.svg").name
    write(layer / TREE / "css/more.css", f"a {{ background: url(/img/{name}) url(/media/a.png) }}")
    assert verify_one(layer).findings == ()


@pytest.mark.parametrize("digits", ["0123456789abcdef", "01234567", "0123456789abc-"])
def test_fingerprints_of_other_storages_are_skipped(layer: Path, digits: str) -> None:
    own = named(layer, "css/print.????????????.css")
    for path in (layer / TREE / "staticfiles.json", named(layer, "css/site.????????????.css")):
        write(path, path.read_text().replace(own.name, f"print.{digits}.css"))
    rename(own, f"print.{digits}.css")
    result = verify_one(layer)
    assert "manifest" not in failed_checks(result)
    assert not [each for each in result.findings if "print" in each.where]


def test_equal_files_that_are_not_links_are_a_warning(layer: Path) -> None:
    path = layer / TREE / "img/dot.svg"
    write(path, path.read_bytes())
    (finding,) = verify_one(layer).findings
    assert (finding.check, finding.severity) == ("times and owners", "warning")
    assert "2 files have this content" in finding.what


def test_symlink_in_a_layer_fails_and_is_not_followed(layer: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text(KEY)
    (layer / TREE / "key").symlink_to(tmp_path / "outside")
    settle(layer / TREE)
    assert failed_checks(verify_one(layer)) == {"entries"}
    assert failed_checks(verify_one(appended(tmp_path, tarred(layer)))) == {"entries"}


def test_times_of_a_collected_tree_are_not_checked(layer: Path, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    shutil.copytree(layer / TREE, tree, copy_function=shutil.copyfile)
    result = verify_one(tree)
    assert result.findings == ()
    assert "times and owners" not in {check.check for check in result.checks}
    next(tree.glob("css/print.*.css")).write_text("other {}")
    assert failed_checks(verify_one(tree)) == {"fingerprints"}


def test_symlinks_in_a_collected_tree_are_followed(layer: Path, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "site.css").symlink_to(layer / TREE / "css/site.css")
    write(tree / "site.css.gz", (layer / TREE / "css/site.css.gz").read_bytes())
    result = verify_one(tree)
    assert {check.check: check.count for check in result.checks}["variants"] == 1
    assert failed_checks(result) == set()


def test_static_root_makes_a_directory_a_layer_root(layer: Path) -> None:
    remove(layer / TREE / "staticfiles.json")
    assert "times and owners" not in {check.check for check in verify_one(layer).checks}
    result = verify_one(layer, static_root="/app/staticfiles")
    assert "times and owners" in {check.check for check in result.checks}
    assert failed_checks(result) == set()


def test_manifest_outside_of_the_tree_is_found(layer: Path) -> None:
    manifest = layer / TREE / "staticfiles.json"
    content = manifest.read_bytes()
    remove(manifest)
    write(layer / "app/staticfiles.json", content)
    result = verify_one(layer, static_root="/app/staticfiles")
    assert result.findings == ()
    names = len(json.loads(content)["paths"])
    assert {check.check: check.count for check in result.checks}["manifest"] == names


@pytest.mark.parametrize("static_root", ["/app/elsewhere", "/../root"])
def test_missing_static_root_is_an_error(layer: Path, static_root: str) -> None:
    with pytest.raises(StaticLayerNotFound, match="has no directory"):
        verify_one(layer, static_root=static_root)


@pytest.mark.parametrize("directory", [TREE, f"{TREE}/css", "app/private"])
def test_unreadable_directory_is_an_error(site: Path, directory: str) -> None:
    with public_directory() as public:
        layer = copied(site, public / "root")
        closed = layer / directory
        closed.mkdir(exist_ok=True)
        closed.chmod(0)
        with as_nobody(), pytest.raises(FileError, match=rf"{directory}: Permission"):
            verify(str(layer), VerifyOptions())
        closed.chmod(0o755)
        (layer / TREE / "css").chmod(0)
        with as_nobody(), pytest.raises(FileError, match="css: Permission"):
            verify(str(layer / TREE), VerifyOptions())


def test_missing_directory_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ImageNotFound, match="There is no file or directory"):
        verify_one(tmp_path / "none")
