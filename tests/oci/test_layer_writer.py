"""Layers equal BuildKit's, other tools read them, and bad trees are refused."""

from __future__ import annotations

import errno
import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import uuid
from collections.abc import Callable
from contextlib import closing
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from buildstatic.collect.layer_root import LayerRoot as Root
from buildstatic.collect.layer_root import normalize
from buildstatic.errors import FileError
from buildstatic.oci.layer_compressor import BLOCK_SIZES, Compression
from buildstatic.oci.layer_writer import WrittenLayer, descriptor, write_layer, write_tree
from buildstatic.oci.saved_images import read_saved_images
from buildstatic.oci.tar_headers import FILE, TarEntry, tar_header
from tests.collect.rights import disk
from tests.collect.sites import contents, run
from tests.oci.images import layer_image, tool, unpacked
from tests.oci.tiny import second_engine
from tests.verify.built import collected

if TYPE_CHECKING:
    from docker import DockerClient

COPY = """\
FROM scratch AS static
COPY {own} /layer
FROM scratch
COPY --link --from=static /layer/ /
"""
AT = PurePosixPath("/app/staticfiles")
COMPRESSIONS: tuple[Compression, ...] = ("gzip", "zstd", "none")
each_compression = pytest.mark.parametrize("compression", COMPRESSIONS)
LONG = (*(93, 94, 95), *range(97, 103), 148, 149, 155, 156, 254, 255)


def write(root: Path, name: str | bytes, content: bytes = b"x", mode: int = 0o644) -> bytes:
    """Write a file with a fixed time, and return its path."""
    path = os.path.join(os.fsencode(root), os.fsencode(name))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)
    os.chmod(path, mode)
    os.utime(path, (1_710_000_000, 1_710_000_000))
    return path


def settle_directories(root: Path) -> None:
    """Give every directory a fixed mode and time."""
    for directory, _, _ in os.walk(os.fsencode(root), topdown=False):
        os.chmod(directory, 0o755)
        os.utime(directory, (1_704_067_200, 1_704_067_200))


def layer_of(
    root: Path, compression: Compression = "none", threads: int = 1
) -> tuple[WrittenLayer, bytes]:
    output = io.BytesIO()
    layer = write_layer(root, output, compression, threads)
    return layer, output.getvalue()


def make_tree(root: Path) -> Path:
    for length in LONG:
        write(root, f"app/static/{'n' * length}")
        write(root, f"app/static/{'d' * length}/x")
        write(root, f"{'t' * length}/y")
    deep = "/".join(["p" * 60] * 6)
    first = write(root, f"app/static/{deep}/f", b"deep")
    for name in ("a", "b/c", "b-c", "b.c/d", "b0", "A", "sp ace", "new\nline", "tab\t", "a\\b"):
        write(root, f"app/static/order/{name}", name.encode())
    for name in ("é.css", "e\u0301.css", "日本/語.txt", "日" * 85, "é" * 49 + "/" + "é" * 60):
        write(root, f"app/static/{name}", b"unicode")
    write(root, b"app/static/invalid \xff\xfe")
    write(root, b"\xff/" + b"m" * 99 + b"/" + b"\xfe" * 30)
    write(root, "app/static/empty", b"")
    write(root, "app/static/large", os.urandom(8 * 1024 * 1024 + 1))
    write(root, "app/static/run", mode=0o755)
    for name in ("app/static/z", "app/static/0", "app/static/" + "l" * 200, "app/static/é link"):
        os.link(first, os.fsencode(root / name))
    os.makedirs(root / "app/static/nothing")
    settle_directories(root)
    return root


@pytest.mark.engine
def test_diff_id_is_buildkits_for_every_kind_of_name(
    tmp_path: Path, engine: DockerClient, tag: Callable[[str], str]
) -> None:
    root = make_tree(tmp_path / "layer")
    layer, _ = layer_of(root)
    assert layer.diff_id == buildx(tmp_path, engine, tag("layer-kinds"))


def buildx(context: Path, engine: DockerClient, tag: str) -> str:
    """Return the diffID of the layer that buildx makes of ``layer`` in *context*."""
    run_buildx(context, f"--tag={tag}")
    (diff_id,) = engine.images.get(tag).attrs["RootFS"]["Layers"]
    return str(diff_id)


def run_buildx(context: Path, *options: str, host: str | None = None) -> None:
    """Build an image of ``layer`` in *context*, on the engine or on that at *host*."""
    if shutil.which("docker") is None:
        pytest.skip("There is no docker command.")
    # BuildKit takes a file with the path, size and time of one that it received before for the
    # same, and a cached copy for one with other times.
    own = f"layer-{uuid.uuid4().hex}"
    (context / "layer").rename(context / own)
    command = ["docker", "buildx", "build", "--quiet", "--no-cache", "--file=-", *options]
    environ = {**os.environ, "DOCKER_HOST": host} if host else None
    dockerfile = COPY.format(own=own).encode()
    subprocess.run(
        [*command, context], input=dockerfile, check=True, capture_output=True, env=environ
    )
    (context / own).rename(context / "layer")


@pytest.mark.engine
@pytest.mark.parametrize("exported", [True, False], ids=["oci-archive", "containerd-store"])
def test_diff_id_is_that_of_the_containerd_store(tmp_path: Path, exported: bool) -> None:
    root = make_tree(tmp_path / "layer")
    layer, _ = layer_of(root)
    if exported:
        archive = tmp_path / "image.tar"
        options = ("--provenance=false", f"--output=type=oci,dest={archive}")
        run_buildx(tmp_path, *options, host=second_engine())
        with archive.open("rb") as stream:
            (image,) = read_saved_images(stream)
        assert [each.diff_id for each in image.layers] == [layer.diff_id]
    else:
        from docker import DockerClient

        name = f"buildstatic-tests:{uuid.uuid4().hex}"
        run_buildx(tmp_path, f"--tag={name}", "--provenance=false", host=second_engine())
        with closing(DockerClient(base_url=second_engine())) as second:
            try:
                layers = second.images.get(name).attrs["RootFS"]["Layers"]
            finally:
                second.images.remove(name)
        assert layers == [layer.diff_id]


@each_compression
def test_skopeo_decompresses_to_the_same_tar(tmp_path: Path, compression: Compression) -> None:
    root = make_tree(tmp_path / "layer")
    name = layer_image(tmp_path / "image", root, compression)
    copy = ("skopeo", "--insecure-policy", "copy", "--dest-decompress")
    tool(*copy, name, f"dir:{tmp_path}/copied")
    layer, plain = layer_of(root)
    assert (tmp_path / "copied" / layer.diff_id.removeprefix("sha256:")).read_bytes() == plain


ALPHABET = st.sampled_from([*"abAB0-._ ~é日\n\\=", "\u0301", "\U0001f600", "n" * 40, "d" * 90])
NAMES = (
    st.lists(ALPHABET, min_size=1, max_size=5)
    .map("".join)
    .filter(lambda name: len(name.encode()) <= 255 and name.strip(".") and name[:4] != ".wh.")
)
PATHS = st.lists(NAMES, min_size=1, max_size=5).map("/".join)


@pytest.mark.engine
@settings(
    max_examples=4,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    paths=st.lists(PATHS, min_size=40, max_size=120, unique=True),
    links=st.lists(st.tuples(st.integers(0, 500), NAMES), max_size=20),
    seconds=st.integers(0, 2**33 + 5),
)
def test_diff_id_is_buildkits_for_any_names_and_times(
    paths: list[str],
    links: list[tuple[int, str]],
    seconds: int,
    tmp_path_factory: pytest.TempPathFactory,
    engine: DockerClient,
    tag: Callable[[str], str],
) -> None:
    context = tmp_path_factory.mktemp("context")
    root = context / "layer"
    written = []
    for path in paths:
        try:
            written.append(write(root, f"app/{path}", path.encode()))
        except (NotADirectoryError, IsADirectoryError, FileExistsError):
            continue
        os.utime(written[-1], (seconds, seconds))
    for position, name in links:
        if not os.path.lexists(root / name):
            os.link(written[position % len(written)], os.fsencode(root / name))
    settle_directories(root)
    assert layer_of(root)[0].diff_id == buildx(context, engine, tag("layer-any"))


@pytest.fixture(scope="module")
def collected_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Collect a site, in which some files are equal, into a layer root."""
    more = {f"{n}.css": f"body {{ margin: {n % 3}px }}\n" * 40 for n in range(9)}
    return collected(tmp_path_factory.mktemp("site"), more)


@pytest.mark.engine
def test_diff_id_is_buildkits_for_collected_files(
    collected_root: Path, engine: DockerClient, tag: Callable[[str], str]
) -> None:
    layer, _ = layer_of(collected_root)
    assert layer.files > 60
    assert layer.diff_id == buildx(collected_root.parent, engine, tag("layer-collected"))


def test_collected_tree_gives_the_layer_of_its_layer_root(
    collected_root: Path, tmp_path: Path
) -> None:
    tree = tmp_path / "tree"
    shutil.copytree(collected_root / AT.relative_to("/"), tree)
    tree.chmod(0o2770)
    for path in tree.rglob("*"):
        os.utime(path, (1, 1))
        path.chmod(0o700)
    manifest = tree / "staticfiles.json"
    content = json.loads(manifest.read_bytes())
    content["paths"] = dict(reversed(content["paths"].items()))
    manifest.write_text(json.dumps(content))
    before = {path: path.lstat() for path in (tree, *tree.rglob("*"))}
    assert write_tree(tree, AT, io.BytesIO(), "none") == layer_of(collected_root)[0]
    assert {p: (s.st_ctime_ns, s.st_ino) for p, s in before.items()} == {
        p: (p.lstat().st_ctime_ns, p.lstat().st_ino) for p in (tree, *tree.rglob("*"))
    }


@pytest.mark.parametrize("place", ["/.static/files", "/srv/static.", "/a./.b./..c", "/...", "/a"])
def test_dots_in_the_target_path_are_kept(tmp_path: Path, place: str) -> None:
    root, tree = tmp_path / "layer", tmp_path / "tree"
    for directory in (root / place.strip("/"), tree):
        write(directory, "a.css", b"a")
    normalize(Root(root, None))
    assert layer_of(root)[0] == write_tree(tree, PurePosixPath(place), io.BytesIO(), "none")


def test_variants_have_the_time_of_their_original_in_tree_and_layer_root(tmp_path: Path) -> None:
    files = {"a.css": b"a" * 900, "b.css": b"b" * 900, "a.min.css": b"a" * 900}
    root, tree = tmp_path / "layer", tmp_path / "tree"
    for name, content in files.items():
        for place in (root / AT.relative_to("/"), tree):
            write(place, name, content)
            write(place, f"{name}.gz", gzip.compress(content, mtime=0))
    normalize(Root(root, None))
    assert layer_of(root)[0] == write_tree(tree, AT, io.BytesIO(), "none")
    times = {name: (root / AT.relative_to("/") / name).stat().st_mtime for name in files}
    assert len(set(times.values())) == 2
    for name, time in times.items():
        assert (root / AT.relative_to("/") / f"{name}.gz").stat().st_mtime == time


@each_compression
def test_digests_and_size_are_those_of_the_output(tmp_path: Path, compression: Compression) -> None:
    root = make_tree(tmp_path / "layer")
    layer, written = layer_of(root, compression)
    assert layer.size == len(written)
    assert layer.digest == f"sha256:{hashlib.sha256(written).hexdigest()}"
    plain = layer_of(root)[1]
    assert layer.diff_id == f"sha256:{hashlib.sha256(plain).hexdigest()}"
    described = descriptor(layer)
    assert described["annotations"]["containerd.io/uncompressed"] == layer.diff_id
    assert (described["digest"], described["size"]) == (layer.digest, layer.size)


@each_compression
def test_bytes_do_not_depend_on_the_number_of_threads(
    tmp_path: Path, compression: Compression
) -> None:
    for number in range(5):
        write(tmp_path, f"{number}", os.urandom(BLOCK_SIZES[compression] // 3 * number))
    one = layer_of(tmp_path, compression, 1)
    assert layer_of(tmp_path, compression, 5) == one


def test_gzip_header_has_no_time_or_name(tmp_path: Path) -> None:
    write(tmp_path, "a", os.urandom(3 * BLOCK_SIZES["gzip"]))
    written = layer_of(tmp_path, "gzip")[1]
    assert written[3:8] == bytes(5)
    assert gzip.decompress(written) == layer_of(tmp_path)[1]


def test_tarfile_reads_names_modes_times_and_links(tmp_path: Path) -> None:
    root = make_tree(tmp_path / "layer")
    with tarfile.open(fileobj=io.BytesIO(layer_of(root)[1])) as archive:
        members = archive.getmembers()
    below = {path.relative_to(root).as_posix() for path in root.rglob("*")}
    assert {member.name for member in members} == below
    for member in members:
        status = (root / member.name).stat()
        assert (member.uid, member.gid, member.uname, member.gname) == (0, 0, "", "")
        assert (member.mode, member.mtime) == (status.st_mode & 0o7777, status.st_mtime)
    assert sum(member.islnk() for member in members) == 4


def test_umoci_unpacks_the_same_files(tmp_path: Path) -> None:
    root = make_tree(tmp_path / "layer")
    shutil.rmtree(os.fsencode(root / os.fsdecode(b"\xff")))
    assert unpacked(layer_image(tmp_path / "image", root, "gzip"), tmp_path / "out") == contents(
        root
    )
    assert (tmp_path / "out/rootfs/app/static/0").stat().st_nlink == 5


def test_large_and_negative_numbers_are_in_a_pax_header() -> None:
    plain = tar_header(TarEntry(b"a", FILE, 0o644, 2**33 - 1, 2**33 - 1))
    assert len(plain) == 512
    large = tar_header(TarEntry(b"a", FILE, 0o644, -1, 2**33))
    assert large[512:].startswith(b"12 mtime=-1\n19 size=8589934592\n")
    assert tarfile.TarInfo.frombuf(large[-512:], "utf-8", "strict").size == 0


def test_hard_link_to_a_file_outside_is_a_file(tmp_path: Path) -> None:
    outside = write(tmp_path, "outside", b"content")
    (tmp_path / "layer").mkdir()
    os.link(outside, os.fsencode(tmp_path / "layer/inside"))
    layer, _ = layer_of(tmp_path / "layer")
    assert (layer.files, layer.bytes) == (1, 7)


@pytest.mark.parametrize(
    ("files", "tree"),
    [
        ({"app/static/a.css", "app/static/staticfiles.json"}, "/app/static"),
        ({"app/static/css/a.css", "app/static/css/b.css"}, "/app/static/css"),
        ({"app/static/css/a.css", "app/static/css-more/b.css"}, "/app/static"),
        ({"app/static/x/a.css", "app/static/staticfiles.json"}, "/app/static"),
        ({"app/static/x/staticfiles.json", "app/static/y/staticfiles.json"}, "/app/static"),
        ({"app/static/x/staticfiles.json", "app/static/y/a.css"}, "/app/static"),
        ({"a.css"}, ""),
        (set(), ""),
    ],
)
def test_tree_is_the_directory_that_contains_all_files(
    tmp_path: Path, files: set[str], tree: str
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    for name in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    with (tmp_path / "layer").open("wb") as output:
        assert write_layer(root, output).tree == tree
        assert write_tree(root, PurePosixPath("/srv/static"), output).tree == "/srv/static"


@pytest.mark.parametrize("kind", ["symlink", "directory-link", "fifo", "whiteout"])
@pytest.mark.parametrize("at", [None, AT], ids=["root", "at"])
def test_other_kinds_of_files_are_refused_by_name(
    tmp_path: Path, kind: str, at: PurePosixPath | None
) -> None:
    path = tmp_path / "tree" / "a" / (".wh.b" if kind == "whiteout" else "new\nline")
    write(tmp_path, "tree/a/file")
    match kind:
        case "symlink":
            path.symlink_to("file")
        case "directory-link":
            path.symlink_to(tmp_path)
        case "fifo":
            os.mkfifo(path)
        case _:
            path.touch()
    tree, output = tmp_path / "tree", io.BytesIO()
    with pytest.raises(FileError) as failure:
        write_tree(tree, at, output) if at else write_layer(tree, output)
    assert "\n" not in str(failure.value)
    assert "tree/a/" in str(failure.value)


class CallOnFirstWrite(io.BytesIO):
    """Calls a function when the first bytes are written."""

    def __init__(self, function: Callable[[], object]) -> None:
        super().__init__()
        self._function: Callable[[], object] | None = function

    def write(self, data: object) -> int:
        function, self._function = self._function, None
        if function:
            function()
        return super().write(data)  # type: ignore[arg-type]


def replace_by_symlink(root: Path) -> None:
    (root / "c").unlink()
    (root / "c").symlink_to("a")


def replace_by_fifo(root: Path) -> None:
    (root / "c").unlink()
    os.mkfifo(root / "c")


CHANGES: dict[str, Callable[[Path], object]] = {
    "truncated": lambda root: os.truncate(root / "b/large", 5),
    "longer": lambda root: os.truncate(root / "b/large", 200 << 20),
    "rewritten": lambda root: os.utime(root / "b/large"),
    "gone": lambda root: (root / "c").unlink(),
    "added": lambda root: (root / "b/another").touch(),
    "directory gone": lambda root: shutil.rmtree(root / "d"),
    "symlink": replace_by_symlink,
    "FIFO": replace_by_fifo,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_tree_that_changes_while_it_is_read_is_an_error(
    tmp_path: Path, change: Callable[[Path], object]
) -> None:
    root = tmp_path / "tree"
    for name in ("a", "c", "d/x"):
        write(root, name)
    write(root, "b/large", bytes(20 << 20))
    output: IO[bytes] = CallOnFirstWrite(lambda: change(root))
    with pytest.raises(FileError, match="changed while it was read"):
        write_layer(root, output, "none")


@pytest.mark.skipif(os.geteuid() == 0 and not shutil.which("setpriv"), reason="root reads all")
def test_unreadable_file_is_named(tmp_path: Path) -> None:
    write(tmp_path, "tree/secret", mode=0o000)
    for directory in (tmp_path, *tmp_path.parents):
        if directory.owner() == "root" and directory != Path("/") and directory != Path("/tmp"):
            directory.chmod(0o755)
    code = (
        "import io, pathlib; from buildstatic.oci.layer_writer import write_layer; "
        "write_layer(pathlib.Path('tree'), io.BytesIO())"
    )
    lower = ("setpriv", "--reuid=65534", "--clear-groups") if os.geteuid() == 0 else ()
    repository = str(Path(__file__).parents[2])
    ran = run(
        *lower, sys.executable, "-B", "-c", code, cwd=tmp_path, environ={"PYTHONPATH": repository}
    )
    assert "FileError" in ran.err
    assert "Cannot read tree/secret: Permission denied." in ran.err


def test_full_disk_is_an_error_of_the_output(tmp_path: Path) -> None:
    write(tmp_path, "tree/large", os.urandom(2 << 20))
    with (
        disk(tmp_path / "small", "size=1m") as small,
        pytest.raises(OSError, match="No space left") as failure,
        (small / "layer.tar").open("wb", buffering=0) as output,
    ):
        write_layer(tmp_path / "tree", output, "none")
    assert failure.value.errno == errno.ENOSPC


@pytest.mark.slow
def test_memory_does_not_grow_with_file_size(tmp_path: Path) -> None:
    write(tmp_path, "tree/large", b"")
    os.truncate(tmp_path / "tree/large", 450 << 20)
    code = (
        "import pathlib, resource; from buildstatic.oci.layer_writer import write_layer\n"
        "limit = 400 << 20\n"
        "resource.setrlimit(resource.RLIMIT_AS, (limit, limit))\n"
        "print(write_layer(pathlib.Path('tree'), open('/dev/null', 'wb'), 'zstd', 2).bytes)"
    )
    ran = run(sys.executable, "-c", code, cwd=tmp_path)
    assert ran.out == f"{450 << 20}\n", ran.err
