"""The options of a build on a real engine."""

from __future__ import annotations

import gzip
import uuid
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.oci.tiny import (
    BASE,
    DOCKERFILE,
    DOORS,
    FINAL,
    STATIC,
    WITHOUT_DOCKER,
    build,
    fetch,
    ids,
    manifest,
    registry,
    running,
    tiny,
)
from tests.running import free_port

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine")]

EXPORTED = f"{DOCKERFILE}FROM scratch AS export\nCOPY --from=static /layer/app/staticfiles/ /\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tiny(tmp_path / "tiny")


@DOORS
def test_every_tag_names_the_image_and_layers_are_reused(
    root: Path, door: Mapping[str, str], tag: Callable[[str], str], engine: DockerClient
) -> None:
    one, other = (tag(f"{name}-{len(door)}") for name in ("one", "other"))
    # Two builds of equal files at once leave two layers in BuildKit's cache, with other times.
    (root / "static/css/site.css").write_text(f"/* {uuid.uuid4()} */")

    def built() -> dict[str, Any]:
        return build(root, "--tag", one, "-t", other, "--json", environ=door).report

    first = built()
    assert first["image"] == one
    assert ids(engine, one) == ids(engine, other) == [first["id"]]
    again = built()
    (root / "static/js/site.js").write_text("other()")
    changed = built()
    statics = [report["static"] for report in (first, again, changed)]
    assert [static["reused"] for static in statics] == [None, True, False]
    assert statics[0]["diff_id"] == statics[1]["diff_id"] != statics[2]["diff_id"]


@DOORS
def test_id_names_an_image_without_a_tag(
    root: Path, door: Mapping[str, str], engine: DockerClient
) -> None:
    (root / "static/css/site.css").write_text(f"/* {uuid.uuid4()} */")
    report = build(root, "--json", environ=door).report
    try:
        assert report["image"] is None
        assert report["static"]["reused"] is None
        layers = engine.images.get(report["id"]).attrs["RootFS"]["Layers"]
        assert report["static"]["diff_id"] in layers
    finally:
        engine.images.remove(report["id"])


@DOORS
def test_target_and_build_arguments(
    tmp_path: Path, door: Mapping[str, str], tag: Callable[[str], str], engine: DockerClient
) -> None:
    assets = "FROM scratch AS assets\nCOPY manage.py /\nARG COLOUR=none\nARG SIZE=none\n"
    root = tiny(tmp_path / "tiny", f'{assets}LABEL arguments="$COLOUR $SIZE"\n{DOCKERFILE}')
    name = tag(f"target-{len(door)}")
    options = ("--build-arg", "COLOUR=a=b, c", "--build-arg", "SIZE=", "--target", "Assets")
    report = build(root, "--tag", name, *options, "--json", environ=door).report
    assert report["static"] is None
    assert [stage["name"] for stage in report["stages"]] == ["assets"]
    assert engine.images.get(name).labels["arguments"] == "a=b, c "


SECRET = (
    "--mount=type=secret,id=word,required=true mkdir -p /layer/app/staticfiles "
    "&& sha256sum /run/secrets/word > /layer/app/staticfiles/word.txt"
)


def test_secret_is_mounted(tmp_path: Path, tag: Callable[[str], str]) -> None:
    secret = tmp_path / "word"
    secret.write_text(str(uuid.uuid4()))
    digest = sha256(secret.read_bytes()).hexdigest()
    check = f'{SECRET} && grep "^{digest} " /layer/app/staticfiles/word.txt'
    root = tiny(tmp_path / "tiny", running(check))
    ran = build(root, "--tag", tag("secret"), "--secret", f"id=word,src={secret}")
    assert ran.code == 0, ran.err


@pytest.mark.parametrize(
    ("door", "code", "message"),
    [
        pytest.param({}, 43, "secret word: not found", id="buildx"),
        pytest.param(WITHOUT_DOCKER, 44, "buildx plugin, which supports this", id="api"),
    ],
)
def test_missing_secret_is_an_error(
    tmp_path: Path, door: Mapping[str, str], code: int, message: str
) -> None:
    ran = build(tiny(tmp_path / "tiny", running(SECRET)), environ=door)
    assert (ran.code, ran.out) == (code, "")
    assert message in ran.err
    assert "secret" in ran.err


@pytest.mark.parametrize(
    "door",
    [
        pytest.param({}, id="buildx"),
        pytest.param(WITHOUT_DOCKER, id="api", marks=pytest.mark.exhaustive),
    ],
)
def test_no_cache_runs_every_step_again(
    tmp_path: Path, door: Mapping[str, str], tag: Callable[[str], str]
) -> None:
    root = tiny(tmp_path / "tiny", running(f"echo {uuid.uuid4()}"))
    cached = []
    for options in ((), (), ("--no-cache",)):
        name = tag(f"cache-{len(door)}")
        report = build(root, "--tag", name, "--json", *options, environ=door).report
        cached += [stage["cached"] for stage in report["stages"] if stage["name"] == "static"]
    assert cached == [False, True, False]


@pytest.fixture
def local_base(engine: DockerClient) -> Iterator[str]:
    """Return the name of a local image whose registry does not respond."""
    name = f"127.0.0.1:{free_port()}/base:{uuid.uuid4().hex[:8]}"
    engine.images.get(BASE).tag(name)
    yield name
    engine.images.remove(name)


@DOORS
def test_pull_requests_a_local_base_image_from_its_registry(
    tmp_path: Path, door: Mapping[str, str], local_base: str, tag: Callable[[str], str]
) -> None:
    root = tiny(tmp_path / "tiny", f"FROM {local_base} AS static\n{STATIC}{FINAL}")
    name = tag(f"pull-{len(door)}")
    assert build(root, "--tag", name, environ=door).code == 0
    ran = build(root, "--tag", name, "--pull", environ=door)
    assert (ran.code, ran.out) == (43, "")
    assert f"load metadata for {local_base}" in ran.err
    assert "connection refused" in ran.err
    assert ran.err.endswith("Without --pull, a local image is used if there is one.\n")


@pytest.fixture
def pushed(engine: DockerClient) -> Iterator[tuple[str, str]]:
    """Return a repository and a tag in the local registry."""
    repository, reference = "buildstatic-tests/pushed", uuid.uuid4().hex[:8]
    host = registry()
    yield repository, reference
    for name in ids(engine, f"{host}/{repository}:{reference}"):
        assert name
        engine.images.remove(f"{host}/{repository}:{reference}")


def test_pushed_layer_has_the_digest_of_its_blob(tmp_path: Path, pushed: tuple[str, str]) -> None:
    repository, reference = pushed
    final = f"{FINAL}COPY manage.py /app/\n"
    root = tiny(tmp_path / "tiny", f"FROM scratch AS static\n{STATIC}{final}")
    name = f"{registry()}/{repository}:{reference}"
    static = build(root, "--tag", name, "--push", "--json").report["static"]
    assert static["digest"] in [blob["digest"] for blob in manifest(*pushed)["layers"]]
    _, blob = fetch(f"/v2/{repository}/blobs/{static['digest']}")
    assert f"sha256:{sha256(blob).hexdigest()}" == static["digest"]
    assert f"sha256:{sha256(gzip.decompress(blob)).hexdigest()}" == static["diff_id"]


def test_pushed_image_keeps_the_blob_of_the_earlier_one(
    tmp_path: Path, pushed: tuple[str, str]
) -> None:
    name = f"{registry()}/{pushed[0]}:{pushed[1]}"
    statics: list[dict[str, Any]] = []
    # The tag is moved, as that of the live release may be.
    for number, door in ((1, WITHOUT_DOCKER), (2, {}), (3, WITHOUT_DOCKER)):
        hashed = f"site.{number:012x}.css"
        files = {f"static/{hashed}": "", "static/staticfiles.json": dumps({"paths": {"x": hashed}})}
        root = tiny(tmp_path / str(number), files=files)
        before = [layer["digest"] for layer in manifest(*pushed)["layers"]] if statics else []
        keep = ("--keep", name, "--keep-releases=2") if statics else ()
        report = build(root, "--tag", name, "--push", "--json", *keep, environ=door).report
        layers = [layer["digest"] for layer in manifest(*pushed)["layers"]]
        assert report["static"]["earlier"] == [static["diff_id"] for static in statics]
        assert layers[1:-2] == before[1:]
        statics.append(report["static"])


def test_engine_api_pushes_without_a_digest(root: Path, pushed: tuple[str, str]) -> None:
    name = f"{registry()}/{pushed[0]}:{pushed[1]}"
    ran = build(root, "--tag", name, "--push", environ=WITHOUT_DOCKER)
    assert ran.code == 0, ran.err
    assert "digest  (not reported by the engine's API)\n" in ran.out
    assert len(manifest(*pushed)["layers"]) == 2


@pytest.mark.parametrize(
    ("door", "code"),
    [pytest.param({}, 43, id="buildx"), pytest.param(WITHOUT_DOCKER, 42, id="api")],
)
def test_failed_push_is_an_error(
    root: Path, door: Mapping[str, str], code: int, engine: DockerClient
) -> None:
    name = f"127.0.0.1:{free_port()}/tiny:{uuid.uuid4().hex[:8]}"
    ran = build(root, "--tag", name, "--push", environ=door)
    assert (ran.code, ran.out) == (code, "")
    assert name.rpartition(":")[0] in ran.err
    assert "connection refused" in ran.err
    if ids(engine, name):
        engine.images.remove(name)


@pytest.mark.parametrize("place", ["new/static", "."])
def test_export_adds_the_static_files_to_a_directory(tmp_path: Path, place: str) -> None:
    root = tiny(tmp_path / "tiny", EXPORTED)
    (tmp_path / "out").mkdir()
    target = tmp_path / "out" / place
    before = {"css/mine.css": "mine", "css/site.css": "old"} if place != "new/static" else {}
    for name, text in before.items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_text(text)
    if before:
        (target / "css").chmod(0o700)

    ran = build(root, "--export", str(target), "--json")
    assert ran.report["image"] is ran.report["id"] is ran.report["static"] is None
    assert "2 static files in " in ran.err
    files = {p.relative_to(target).as_posix(): p for p in target.rglob("*") if p.is_file()}
    assert set(files) == {"css/site.css", "js/site.js"} | set(before)
    assert files["css/site.css"].read_text() == "body {}\n"
    assert files["js/site.js"].stat().st_mode & 0o777 == 0o644
    if before:
        assert (target / "css").stat().st_mode & 0o777 == 0o700
    assert [path.name for path in (tmp_path / "out").iterdir() if path.name.startswith(".")] == []


def test_export_to_another_file_system(tmp_path: Path) -> None:
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("There is no other file system here.")
    root = tiny(tmp_path / "tiny", EXPORTED)
    target = memory / f"buildstatic-tests-{uuid.uuid4().hex}"
    target.mkdir()
    try:
        (tmp_path / "out").symlink_to(target)
        ran = build(root, "--export", str(tmp_path / "out"))
        assert ran.code == 0, ran.err
        assert sorted(path.name for path in target.iterdir()) == ["css", "js"]
    finally:
        for path in sorted(target.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        target.rmdir()


def test_failed_export_writes_nothing(tmp_path: Path) -> None:
    root = tiny(tmp_path / "tiny", running("false") + "FROM static AS export\n")
    ran = build(root, "--export", str(tmp_path / "out" / "static"))
    assert ran.code == 43
    assert [path.name for path in tmp_path.iterdir()] == ["tiny"]


def test_export_requires_an_export_stage(tmp_path: Path, root: Path) -> None:
    ran = build(root, "--export", str(tmp_path / "out"))
    assert ran.code == 12
    assert "The Dockerfile has no stage export." in ran.err
