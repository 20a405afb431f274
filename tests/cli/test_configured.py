"""``[tool.buildstatic]`` sets the defaults of each command; the command line takes precedence."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from click.core import ParameterSource

from buildstatic.cli import generate
from buildstatic.cli.options import given
from buildstatic.errors import (
    ConfigInvalid,
    EngineNotFound,
    FilesConflict,
    ReferencesBroken,
    UnsupportedByBuilder,
)
from buildstatic.project.config import COMMANDS, PROJECT
from tests.checks.projects import clean_project
from tests.cli.conftest import Invoke
from tests.collect.sites import Ran, Site, contents, make_site, run
from tests.project.test_config import toml

MANIFEST = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
NO_ENGINE = {"DOCKER_HOST": "unix:///nonexistent/docker.sock", "PATH": os.defpath}


def configure(root: Path, text: str) -> None:
    (root / "pyproject.toml").write_text(f"[tool.buildstatic]\n{text}\n")


@pytest.mark.parametrize(
    ("line", "options"),
    [
        pytest.param('python = "3.12"', ["--python=3.12"], id="python"),
        pytest.param("port = 8080", ["--port=8080"], id="port"),
        pytest.param("cache_mounts = true", ["--cache-mounts"], id="cache_mounts"),
        pytest.param("multi_platform = true", ["--multi-platform"], id="multi_platform"),
        pytest.param('collector = "django"', ["--collector=django"], id="collector"),
        pytest.param('server = "uvicorn-worker"', ["--server=uvicorn-worker"], id="server"),
        pytest.param('serve = "nginx"', ["--serve=nginx"], id="serve"),
        pytest.param('collect_in = "release"', ["--collect-in=release"], id="collect_in"),
        pytest.param('builder = "railpack"', ["--builder=railpack"], id="builder"),
        pytest.param('chain = "build"', ["--chain=build"], id="chain"),
        pytest.param("legacy = true", ["--legacy"], id="legacy"),
        pytest.param('targets = ["procfile"]', ["procfile"], id="targets"),
    ],
)
def test_generate(site: Path, line: str, options: list[str], invoke: Invoke) -> None:
    is_for_railway = line.startswith(("chain", "legacy"))
    more = ["--stdout", *(["railway", "--builder=railpack"] if is_for_railway else [])]
    plain = invoke("generate", "--path", site, *more).out
    expected = invoke("generate", "--path", site, *more, *options).out
    configure(site, f"generate.{line}")
    assert invoke("generate", "--path", site, *more).out == expected != plain


def test_command_line_takes_precedence(site: Path, invoke: Invoke) -> None:
    command = ("generate", "dockerfile", "--stdout", "--path", site)
    plain = invoke(*command).out
    configure(site, "generate = {port = 8080, cache_mounts = true, multi_platform = true}")
    options = ("--port=8000", "--no-cache-mounts", "--no-multi-platform")
    assert invoke(*command, *options).out == plain


def test_defaults_in_the_file_change_nothing(site: Path, invoke: Invoke) -> None:
    plain = invoke("generate", "--stdout", "--path", site).out
    defaults = {name: key.default for name, key in PROJECT.items() if key.default is not None}
    tables = {
        command: {name: key.default for name, key in keys.items() if key.default is not None}
        for command, keys in COMMANDS.items()
    }
    (site / "pyproject.toml").write_text(f"tool.buildstatic = {toml({**defaults, **tables})}\n")
    assert invoke("generate", "--stdout", "--path", site).out == plain


def test_argument_without_values_is_not_given(site: Path) -> None:
    context = generate.command.make_context("buildstatic generate", ["--path", str(site)])
    # click 8.1 reports an argument without values as given.
    context.set_parameter_source("targets", ParameterSource.COMMANDLINE)
    assert given(context, ["targets"]) == {}
    context.params["targets"] = ("railway",)
    assert given(context, ["targets", "port"]) == {"targets": ("railway",)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('generate.targets = ["procfil"]', r"pyproject.toml:2: Unknown target 'procfil'"),
        ("[tool.buildstatic.generate]\nprot = 80", "pyproject.toml:3: "),
    ],
    ids=["target", "key"],
)
def test_error_names_the_line(site: Path, text: str, message: str, invoke: Invoke) -> None:
    configure(site, text)
    ran = invoke("generate", "--path", site)
    assert ran.code == ConfigInvalid.exit_code
    assert ran.err.startswith(f"error: {message}")
    assert "Did you mean p" in ran.err
    assert ran.err.count("\n") == 1


def test_check(tmp_path: Path, invoke: Invoke) -> None:
    table = '[tool.buildstatic.check]\nfail_level = "warning"\n'
    root = clean_project(tmp_path, {"pyproject.toml": table}, ("DEBUG = False", "DEBUG = True"))
    assert invoke("check", "--no-run", root).code == 1
    assert invoke("check", "--no-run", root, "--fail-level=error").code == 0


@pytest.fixture
def shop(tmp_path: Path) -> Site:
    return make_site(tmp_path / "site")


def command(name: str, site: Site, *options: str, cwd: Path | None = None) -> Ran:
    argv = (sys.executable, "-m", "buildstatic", name, *options)
    return run(*argv, cwd=cwd or site.root, environ=NO_ENGINE)


def collect(site: Site, *options: str) -> int:
    return command("collect", site, "--noinput", *options).code


def test_collect_strict(shop: Site) -> None:
    shop.app("shop", {"js/site.js": "another"})
    configure(shop.root, "collect.strict = true")
    assert collect(shop) == FilesConflict.exit_code
    assert collect(shop, "--no-strict") == 0


def test_collect_missing_maps(shop: Site) -> None:
    shop.storage(MANIFEST)
    shop.write({"static/js/lib.js": "x()\n//# sourceMappingURL=lib.js.map\n"})
    configure(shop.root, 'collect.missing_maps = "warn"')
    assert collect(shop) == 0
    assert collect(shop, "--missing-maps=fail") == ReferencesBroken.exit_code


def test_collect_prune(shop: Site) -> None:
    assert collect(shop) == 0
    (shop.root / "static/js/site.js").unlink()
    configure(shop.root, "collect.prune = true")
    assert collect(shop, "--no-prune") == 0
    assert (shop.tree / "js/site.js").exists()
    assert collect(shop) == 0
    assert not (shop.tree / "js/site.js").exists()


def test_collect_hardlinks(shop: Site) -> None:
    shop.storage(MANIFEST)
    configure(shop.root, "collect.hardlinks = true")
    assert collect(shop) == 0
    assert (shop.tree / "js/site.js").stat().st_nlink == 2
    assert collect(shop, "--clear", "--no-hardlinks") == 0
    assert (shop.tree / "js/site.js").stat().st_nlink == 1


def test_collect_cache_is_relative_to_the_root(shop: Site, tmp_path: Path) -> None:
    shop.storage("whitenoise.storage.CompressedStaticFilesStorage")
    shop.write({"static/js/long.js": "console.log('long');\n" * 200})
    configure(shop.root, 'collect.cache = "kept/cache"')
    options = ("--noinput", "--path", "site")
    assert command("collect", shop, *options, cwd=tmp_path).code == 0
    assert contents(shop.root / "kept/cache")
    assert command("collect", shop, *options, "--clear", "--cache=here", cwd=tmp_path).code == 0
    assert contents(tmp_path / "here")


def test_layer_compression_and_options_of_collect(shop: Site) -> None:
    shop.place()
    shop.app("shop", {"js/site.js": "another"})
    configure(shop.root, 'layer.compression = "zstd"')
    assert command("layer", shop, "-o", "one").code == 0
    assert (shop.root / "one").read_bytes()[:4] == b"\x28\xb5\x2f\xfd"
    assert command("layer", shop, "-o", "two", "--compression=none").code == 0
    assert b"ustar" in (shop.root / "two").read_bytes()[:512]
    configure(shop.root, "collect.strict = true")
    assert command("layer", shop, "-o", "three").code == FilesConflict.exit_code


@pytest.mark.slow
def test_base_is_used_with_a_tag_only(shop: Site) -> None:
    shop.place()
    configure(shop.root, 'layer.base = "oci:nowhere"\nbuild.base = "oci:nowhere"')
    assert "nowhere" in command("layer", shop, "--tag=oci:image").err
    assert command("layer", shop, "-o", "layer.tar").code == 0
    assert "nowhere" in command("build", shop, "--builder=embedded", "--tag=oci:image").err
    assert command("build", shop, "-o", "layer.tar").code == 0


@pytest.mark.parametrize("name", ["layer", "build"])
def test_image_is_kept_with_a_tag_only(shop: Site, name: str) -> None:
    shop.place()
    configure(shop.root, f'{name} = {{base = "oci:base", keep = "oci:nowhere"}}')
    more = ("--builder=embedded",) if name == "build" else ()
    assert "nowhere does not exist. Omit --keep" in command(name, shop, *more, "--tag=oci:x").err
    assert command(name, shop, "-o", "layer.tar").code == 0


def test_build_builder(shop: Site) -> None:
    shop.place()
    configure(shop.root, 'build = {builder = "embedded", cache_from = ["type=local,src=c"]}')
    built = command("build", shop)
    assert built.code == 0, built.err
    assert (shop.root / "static-layer.tar.gz").exists()
    assert command("build", shop, "--builder=remote", "--cache-from=x").code != 0
    ran = command("build", shop, "--cache-from=type=local,src=c")
    assert ran.code == UnsupportedByBuilder.exit_code


def test_build_options_for_an_engine(shop: Site) -> None:
    shop.place()
    shop.write({"requirements.txt": "Django\n", "mysite/wsgi.py": "application = None\n"})
    configure(shop.root, 'build = {cache_from = ["type=local,src=c"]}')
    assert command("build", shop).code == EngineNotFound.exit_code
    assert command("build", shop, "-o", "layer.tar").code == 0
