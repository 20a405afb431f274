"""``buildstatic verify``: what it prints, and its exit codes."""

from __future__ import annotations

import gzip
import json
import lzma
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest

from buildstatic.cli import run
from buildstatic.collect import codecs
from buildstatic.errors import (
    ImageNotFound,
    ImageReferenceInvalid,
    RegistryUnavailable,
    StaticLayerNotFound,
    VerificationFailed,
)
from buildstatic.oci.documents import digest_of
from tests.engine import build
from tests.oci.images import Base, manifest_of, tool
from tests.oci.tiny import registry, serving
from tests.running import free_port
from tests.samples import copy
from tests.verify.built import (
    TREE,
    appended,
    collected,
    copied,
    entry,
    plain,
    settle,
    tar,
    tarred,
    write,
)

if TYPE_CHECKING:
    from docker import DockerClient


def zstd(content: bytes) -> bytes:
    codec = codecs.load_codec("zst", "fast")
    assert codec is not None
    return codec.compress(content)


CHECKS = ["entries", "manifest", "fingerprints", "references", "variants", "times and owners"]
CHECKS += ["secrets"]
IMAGE_CHECKS = ["one layer", "not hidden", "parents"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return collected(tmp_path_factory.mktemp("site"))


@pytest.fixture
def layer(site: Path, tmp_path: Path) -> Path:
    return copied(site, tmp_path / "root")


def verify_json(capsys: pytest.CaptureFixture[str], *argv: str | Path) -> tuple[int, Any]:
    """Return the exit code and the document of ``verify --json``."""
    code = run(["verify", "--json", *map(str, argv)])
    return code, json.loads(capsys.readouterr().out)


def test_valid_layer_root(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", str(site)]) == 0
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert lines[0].startswith("static  22 files, ")
    assert [line.split("  ")[0] for line in lines if line.endswith("  passed")] == CHECKS
    assert captured.err == ""


def test_valid_image(site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = appended(tmp_path, tarred(site))
    code, document = verify_json(capsys, name)
    assert (code, document["name"], document["passed"]) == (0, name, True)
    (image,) = document["images"]
    assert (image["platform"], image["path"], image["files"]) == ("linux/amd64", f"/{TREE}", 22)
    assert image["diff_id"] != image["digest"]
    assert [each["check"] for each in image["checks"]] == CHECKS + IMAGE_CHECKS


def test_failed_check(layer: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(layer / TREE / ".env", "A=1")
    assert run(["verify", str(layer)]) == VerificationFailed.exit_code
    captured = capsys.readouterr()
    assert f"{TREE}/.env  it is a file of environment variables  Remove it" in captured.out
    assert "1 failed" in next(line for line in captured.out.splitlines() if "secrets" in line)
    assert captured.err == f"error: {layer}: 1 problem found.\n"


def test_json_has_all_findings(layer: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(30):
        write(layer / TREE / f"{number}/.env", "A=1")
    code, document = verify_json(capsys, layer)
    assert code == VerificationFailed.exit_code
    (secrets,) = [c for c in document["images"][0]["checks"] if c["check"] == "secrets"]
    assert len(secrets["findings"]) == 30
    assert set(secrets["findings"][0]) == {"check", "severity", "where", "what", "advice"}
    assert run(["verify", str(layer)]) == VerificationFailed.exit_code
    assert "and 10 more (secrets)" in capsys.readouterr().out


def test_warning_does_not_fail(layer: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = layer / TREE / "img/dot.svg"
    write(path, path.read_bytes())
    assert run(["verify", str(layer)]) == 0
    assert "passed, 1 warning" in capsys.readouterr().out


def test_no_source_maps_option(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", "--no-source-maps", str(site)]) == VerificationFailed.exit_code
    assert "it is a source map" in capsys.readouterr().out
    assert run(["verify", "--source-maps", str(site)]) == 0


def test_control_characters_in_names_are_escaped(
    layer: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (layer / TREE / os.fsdecode(b"\x1b[31m\xff")).mkdir(mode=0o700)
    settle(layer / TREE)
    assert run(["verify", str(layer)]) == VerificationFailed.exit_code
    assert r"\x1b[31m\udcff" in capsys.readouterr().out


def test_control_characters_of_an_image_are_escaped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    control = "\x1b[31m\x07"
    base, names = Base(tmp_path / "oci"), []
    for number in (1, 2):
        css = entry(f"srv/{control}/{control}.css", b"a {}" * number)
        layer = tar(entry(f"srv/{control}/staticfiles.json", b'{"paths": {}}'), css)
        base.write(base.config(layer, platform=f"{control}64"), layer, tag=str(number))
        names.append(f"oci:{tmp_path / 'oci'}:{number}")
    run(["verify", names[0]])
    run(["verify", *names])
    captured = capsys.readouterr()
    assert captured.out.count(r"\x1b[31m\x07") >= 3
    assert not {"\x1b", "\x07"} & set(captured.out + captured.err)


@contextmanager
def stalling_engine(socket: Path) -> Iterator[str]:
    """Serve an engine that never finishes saving an image; yield its DOCKER_HOST."""
    ended = Event()
    image = {"Id": f"sha256:{'1' * 64}"}
    engine = {"Version": "28.0.0", "ApiVersion": "1.48", "MinAPIVersion": "1.24", "Os": "linux"}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_image = self.path.endswith("/get")
            body = json.dumps(image if "/images/" in self.path else engine).encode()
            self.send_response(200)
            self.send_header("Api-Version", "1.48")
            self.send_header("Content-Length", str(1 << 20 if is_image else len(body)))
            self.end_headers()
            self.wfile.write(bytes(1000) if is_image else body)
            if is_image:
                ended.wait(60)

        def address_string(self) -> str:
            return "socket"

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingMixIn, UnixStreamServer):
        daemon_threads = True

    with serving(Server(str(socket), Handler)):
        yield f"unix://{socket}"
        ended.set()


@pytest.mark.parametrize("others", [(), ("docker:b",)], ids=["verify", "compare"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupt_removes_the_saved_image(
    tmp_path: Path, number: int, code: int, others: tuple[str, ...]
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    command = [sys.executable, "-m", "buildstatic", "verify", "docker:a", *others]
    with stalling_engine(tmp_path / "socket") as host:
        environ = {**os.environ, "DOCKER_HOST": host, "TMPDIR": str(temporary)}
        with subprocess.Popen(command, env=environ, stderr=subprocess.PIPE) as process:
            end = time.monotonic() + 60
            while not list(temporary.glob("buildstatic-*/image.tar")):
                assert time.monotonic() < end
                assert process.poll() is None
                time.sleep(0.02)
            process.send_signal(number)
            assert process.wait(60) == code
    assert list(temporary.iterdir()) == []


def test_compare(site: Path, layer: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(layer / TREE / "new.css", "a {}")
    assert run(["verify", str(site), str(layer)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["added", "new.css", "4", "bytes"]
    assert lines[-1] == "1 added, 0 removed, 0 changed."
    code, document = verify_json(capsys, site, layer)
    assert code == 0
    assert document["changes"] == [
        {"kind": "added", "name": "new.css", "before": None, "after": 4},
    ]
    assert run(["verify", str(site), str(site)]) == 0
    assert capsys.readouterr().out == "The same files.\n"


def test_oci_layout_without_prefix(
    site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain(tmp_path, tarred(site))
    code, document = verify_json(capsys, tmp_path / "oci")
    assert (code, document["images"][0]["platform"]) == (0, "linux/amd64")


@pytest.mark.parametrize("compress", [bytes, gzip.compress, zstd], ids=["tar", "gzip", "zstd"])
def test_layer_file(
    site: Path,
    tmp_path: Path,
    compress: Callable[[bytes], bytes],
    capsys: pytest.CaptureFixture[str],
) -> None:
    layer = tarred(site)
    file = tmp_path / "layer"
    file.write_bytes(compress(layer))
    code, document = verify_json(capsys, file)
    (found,) = document["images"]
    assert (code, found["path"], found["files"]) == (0, f"/{TREE}", 22)
    assert found["diff_id"] == digest_of(layer)
    assert found["digest"] == (None if compress is bytes else digest_of(file.read_bytes()))
    assert [each["check"] for each in found["checks"]] == CHECKS
    assert run(["verify", str(file), appended(tmp_path, layer)]) == 0
    assert capsys.readouterr().out == f"The same layer: {digest_of(layer)}.\n"


def test_manifest_of_a_front_end_is_no_archive(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "layer.tar"
    file.write_bytes(tar(entry("manifest.json", b'{"a.js": {}}'), entry("a.js", b"1")))
    _, document = verify_json(capsys, file)
    assert document["images"][0]["files"] == 2


@pytest.mark.parametrize("compress", [bytes, gzip.compress, lzma.compress])
@pytest.mark.parametrize("kind", ["oci-archive", "docker-archive"])
def test_archive_without_prefix(
    site: Path,
    tmp_path: Path,
    kind: str,
    compress: Callable[[bytes], bytes],
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "image"
    tool("skopeo", "copy", "--quiet", appended(tmp_path, tarred(site)), f"{kind}:{file}:site:1")
    file.write_bytes(compress(file.read_bytes()))
    code, document = verify_json(capsys, file)
    assert (code, document["images"][0]["platform"]) == (0, "linux/amd64")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("dist/layer.tar.gz", ImageNotFound),
        ("layer.tar", ImageNotFound),
        ("build/static/", ImageNotFound),
        ("oci:{}/none", ImageNotFound),
        ("docker-archive:{}/none.tar", ImageNotFound),
        ("./none", ImageNotFound),
        ("Not A Name", ImageReferenceInvalid),
        ("localhost:{port}/a:1", RegistryUnavailable),
    ],
)
def test_unreadable_image(
    tmp_path: Path, name: str, code: type[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["verify", name.format(tmp_path, port=free_port())]) == code.exit_code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert "Traceback" not in captured.err


def test_image_without_static_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = plain(tmp_path, tar(entry("etc/x", b"x")))
    assert run(["verify", name]) == StaticLayerNotFound.exit_code
    assert "--static-root /app/staticfiles" in capsys.readouterr().err


def test_archive_made_by_skopeo(
    site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = appended(tmp_path, tarred(site))
    archive = f"docker-archive:{tmp_path / 'image.tar'}"
    tool("skopeo", "copy", name, f"{archive}:site:1")
    code, document = verify_json(capsys, archive)
    assert (code, document["passed"]) == (0, True)


def test_registry(
    site: Path, layer: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [f"{registry()}/buildstatic-tests/{uuid.uuid4().hex[:8]}:{n}" for n in (1, 2)]
    write(layer / TREE / "new.css", "a {}")
    for name, root in zip(names, (site, layer), strict=True):
        made = appended(tmp_path / root.name, tarred(root))
        tool("skopeo", "copy", "--quiet", "--dest-tls-verify=false", made, f"docker://{name}")
    code, document = verify_json(capsys, names[0])
    assert (code, document["passed"], document["name"]) == (0, True, names[0])
    (image,) = document["images"]
    assert [each["check"] for each in image["checks"]] == CHECKS + IMAGE_CHECKS
    assert image["digest"] in [each["digest"] for each in manifest_of(names[0])["layers"]]
    code, document = verify_json(capsys, *names)
    assert [each["name"] for each in document["changes"]] == ["new.css"]
    assert run(["verify", names[0].replace(":1", ":3")]) == ImageNotFound.exit_code


@pytest.mark.engine
def test_image_of_the_generated_dockerfile(
    tmp_path: Path,
    engine: DockerClient,  # noqa: ARG001 - skips where there is none
    tag: Callable[[str], str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    root, name = copy("manifest", tmp_path), tag("verify")
    built = build(root, name)
    code, document = verify_json(capsys, f"docker:{name}")
    assert document["images"][0]["checks"], document
    assert (code, document["passed"]) == (0, True), document
    image = document["images"][0]
    assert image["diff_id"] == built.static["diff_id"]
    assert (image["path"], image["files"]) == (built.static["path"], built.static["files"])


@pytest.mark.engine
def test_hidden_file_of_a_later_layer_is_found_in_the_engine(
    site: Path,
    tmp_path: Path,
    engine: DockerClient,  # noqa: ARG001 - skips where there is none
    tag: Callable[[str], str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    name, later = tag("verify-small"), tag("verify-later")
    (tmp_path / "layer.tar").write_bytes(tarred(site))
    (tmp_path / ".env").write_text("A=1\n")
    lines = "FROM scratch AS small\nADD layer.tar /\nFROM small\nCOPY .env /app/staticfiles/.env\n"
    (tmp_path / "Dockerfile").write_text(lines)
    for options in (["--target=small", f"--tag={name}"], [f"--tag={later}"]):
        command = ["docker", "build", "--quiet", *options, str(tmp_path)]
        subprocess.run(command, check=True, capture_output=True)
    code, document = verify_json(capsys, f"docker:{later}")
    assert code == VerificationFailed.exit_code
    findings = [each for c in document["images"][0]["checks"] for each in c["findings"]]
    assert [(each["check"], each["where"]) for each in findings] == [
        ("not hidden", "/app/staticfiles/.env")
    ]
    assert run(["verify", f"docker:{name}", f"docker:{later}"]) == 0
    assert "The same layer" in capsys.readouterr().out
