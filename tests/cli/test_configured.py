"""``[tool.buildstatic]`` is what each command does by itself; its command line goes before it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from click.core import ParameterSource

from buildstatic.cli import generate, run
from buildstatic.cli.options import configured
from buildstatic.errors import EngineNotFound, FilesConflict, ReferencesBroken, UnsupportedByBuilder
from buildstatic.project.keys import COMMANDS, PROJECT
from tests.collect.sites import Ran, Site, contents, make_site
from tests.collect.sites import run as ran
from tests.project.test_keys import toml
from tests.samples import copy

MANIFEST = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
NOWHERE = {"DOCKER_HOST": "unix:///nonexistent/docker.sock", "PATH": os.defpath}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return copy("startproject", tmp_path)


def configure(root: Path, text: str) -> None:
    (root / "pyproject.toml").write_text(f"[tool.buildstatic]\n{text}\n")


def generated(root: Path, *arguments: str) -> str:
    assert run(["generate", "--path", str(root), "--force", *arguments]) == 0
    written = [p for p in sorted(root.rglob("*")) if p.is_file() and p.name != "pyproject.toml"]
    return "".join(f"{path.relative_to(root)}\n{path.read_text()}" for path in written)


@pytest.mark.parametrize(
    ("said", "options"),
    [
        pytest.param('python = "3.12"', ["--python=3.12"], id="python"),
        pytest.param("port = 8080", ["--port=8080"], id="port"),
        pytest.param("cache_mounts = false", ["--no-cache-mounts"], id="cache_mounts"),
        pytest.param("multi_platform = true", ["--multi-platform"], id="multi_platform"),
        pytest.param('collector = "django"', ["--collector=django"], id="collector"),
        pytest.param('server = "uvicorn-worker"', ["--server=uvicorn-worker"], id="server"),
        pytest.param('serve = "nginx"', ["--serve=nginx"], id="serve"),
        pytest.param('collect_in = "release"', ["--collect-in=release"], id="collect_in"),
        pytest.param('builder = "nixpacks"', ["--builder=nixpacks"], id="builder"),
        pytest.param('chain = "build"', ["--chain=build", "--builder=railpack"], id="chain"),
        pytest.param('targets = ["procfile"]', ["procfile"], id="targets"),
    ],
)
def test_generate_writes_what_the_file_says_as_if_it_were_on_the_command_line(
    tmp_path: Path, said: str, options: list[str]
) -> None:
    for name in ("asked", "configured", "plain"):
        (tmp_path / name).mkdir()
    more = [option for option in options if option == "--builder=railpack" and "chain" in said]
    asked = generated(copy("startproject", tmp_path / "asked"), *options)
    root = copy("startproject", tmp_path / "configured")
    configure(root, f"generate.{said}")
    assert generated(root, *more) == asked
    assert asked != generated(copy("startproject", tmp_path / "plain"), *more)


def test_targets_of_which_none_is_on_the_command_line_are_not_given(site: Path) -> None:
    configure(site, 'generate.targets = ["procfile"]')
    context = generate.command.make_context("buildstatic generate", ["--path", str(site)])
    # As click 8.1 has it.
    context.set_parameter_source("targets", ParameterSource.COMMANDLINE)
    assert configured(context, "generate", site, {"targets": ()}) == {"targets": ("procfile",)}
    context.params["targets"] = ("railway",)
    assert configured(context, "generate", site, {"targets": ("railway",)}) == {
        "targets": ("railway",)
    }


def test_a_target_that_there_is_not_is_refused_with_the_nearest(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(site, 'generate.targets = ["procfil"]')
    assert run(["generate", "--path", str(site)]) == 12
    assert "'procfil'. Did you mean procfile?" in capsys.readouterr().err


def test_the_command_line_goes_before_the_file(site: Path) -> None:
    configure(site, "generate = {port = 8080, cache_mounts = false, multi_platform = true}")
    text = generated(site, "dockerfile", "--port=8000", "--cache-mounts", "--no-multi-platform")
    configure(site, "")
    assert generated(site, "dockerfile") == text


def test_no_default_leaves_a_trace_in_what_is_generated(site: Path) -> None:
    plain = generated(site)
    assert [word for word in ("8000 ", "--compress", "--missing-maps") if word in plain] == []
    defaults = {name: key.default for name, key in PROJECT.items() if key.default is not None}
    tables = {
        command: {name: key.default for name, key in keys.items() if key.default is not None}
        for command, keys in COMMANDS.items()
    }
    (site / "pyproject.toml").write_text(f"tool.buildstatic = {toml({**defaults, **tables})}\n")
    assert generated(site) == plain


def test_what_the_file_says_wrong_is_one_line_with_its_place(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(site, "[tool.buildstatic.generate]\nprot = 80")
    assert run(["generate", "--path", str(site)]) == 12
    said = capsys.readouterr().err
    assert said == (
        "error: pyproject.toml:3: [tool.buildstatic.generate] has no key prot. Did you mean port?\n"
    )


@pytest.fixture
def shop(tmp_path: Path) -> Site:
    return make_site(tmp_path / "site")


def command(name: str, site: Site, *options: str, cwd: Path | None = None) -> Ran:
    argv = (sys.executable, "-m", "buildstatic", name, *options)
    return ran(*argv, cwd=cwd or site.root, environ=NOWHERE)


def collect(site: Site, *options: str) -> int:
    return command("collect", site, "--noinput", *options).code


def test_collect_fails_on_conflicts_where_the_file_is_strict(shop: Site) -> None:
    shop.app("shop", {"js/site.js": "another"})
    configure(shop.root, "collect.strict = true")
    assert collect(shop) == FilesConflict.exit_code
    assert collect(shop, "--no-strict") == 0


def test_collect_takes_missing_source_maps_as_the_file_does(shop: Site) -> None:
    shop.storage(MANIFEST)
    shop.write({"static/js/lib.js": "x()\n//# sourceMappingURL=lib.js.map\n"})
    assert collect(shop) == ReferencesBroken.exit_code
    configure(shop.root, 'collect.missing_maps = "warn"')
    assert collect(shop) == 0
    assert collect(shop, "--missing-maps=fail") == ReferencesBroken.exit_code


def test_collect_prunes_where_the_file_says_so(shop: Site) -> None:
    assert collect(shop) == 0
    (shop.root / "static/js/site.js").unlink()
    configure(shop.root, "collect.prune = true")
    assert collect(shop, "--no-prune") == 0
    assert (shop.tree / "js/site.js").exists()
    assert collect(shop) == 0
    assert not (shop.tree / "js/site.js").exists()


def test_collect_links_equal_files_where_the_file_says_so(shop: Site) -> None:
    shop.storage(MANIFEST)
    configure(shop.root, "collect.hardlinks = true")
    assert collect(shop) == 0
    assert (shop.tree / "js/site.js").stat().st_nlink == 2
    assert collect(shop, "--clear", "--no-hardlinks") == 0
    assert (shop.tree / "js/site.js").stat().st_nlink == 1


def test_the_cache_counts_from_the_root_and_that_of_the_command_line_from_here(
    shop: Site, tmp_path: Path
) -> None:
    shop.storage("whitenoise.storage.CompressedStaticFilesStorage")
    shop.write({"static/js/long.js": "console.log('long');\n" * 200})
    configure(shop.root, 'collect.cache = "kept/cache"')
    options = ("--noinput", "--path", "site")
    assert command("collect", shop, *options, cwd=tmp_path).code == 0
    assert contents(shop.root / "kept/cache")
    assert command("collect", shop, *options, "--clear", "--cache=here", cwd=tmp_path).code == 0
    assert contents(tmp_path / "here")


def test_a_layer_is_compressed_and_collected_as_the_file_says(shop: Site) -> None:
    shop.place()
    shop.app("shop", {"js/site.js": "another"})
    configure(shop.root, 'layer.compression = "zstd"')
    assert command("layer", shop, "-o", "one").code == 0
    assert (shop.root / "one").read_bytes()[:4] == b"\x28\xb5\x2f\xfd"
    assert command("layer", shop, "-o", "two", "--compression=none").code == 0
    assert b"ustar" in (shop.root / "two").read_bytes()[:512]
    configure(shop.root, "collect.strict = true")
    assert command("layer", shop, "-o", "three").code == FilesConflict.exit_code


def test_the_base_of_a_layer_is_the_files_where_there_is_a_tag(shop: Site) -> None:
    shop.place()
    configure(shop.root, 'layer.base = "oci:nowhere"\nbuild.base = "oci:nowhere"')
    assert "nowhere" in command("layer", shop, "--tag=oci:image").err
    assert command("layer", shop, "-o", "layer.tar").code == 0
    built = command("build", shop, "--builder=embedded", "--tag=oci:image")
    assert "nowhere" in built.err
    assert command("build", shop, "-o", "layer.tar").code == 0


def test_the_builder_of_the_file_builds_and_another_may_be_named(shop: Site) -> None:
    shop.place()
    configure(shop.root, 'build = {builder = "embedded", cache_from = ["type=local,src=c"]}')
    built = command("build", shop)
    assert built.code == 0, built.err
    assert (shop.root / "static-layer.tar.gz").exists()
    assert command("build", shop, "--builder=remote", "--cache-from=x").code != 0
    given = command("build", shop, "--cache-from=type=local,src=c")
    assert given.code == UnsupportedByBuilder.exit_code


def test_what_is_for_an_engine_waits_for_one(shop: Site) -> None:
    shop.place()
    shop.write({"requirements.txt": "Django\n", "mysite/wsgi.py": "application = None\n"})
    configure(shop.root, 'build = {cache_from = ["type=local,src=c"]}')
    assert command("build", shop).code == EngineNotFound.exit_code
    assert command("build", shop, "-o", "layer.tar").code == 0
