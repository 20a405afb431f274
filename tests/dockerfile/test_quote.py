"""Names that mean something to a Dockerfile are the names of files again when it is built."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from buildstatic.dockerfile.quoting import copy_words, env_value, is_plain, pattern
from tests.oci.variants import ODD

ORDINARY = ("requirements.txt", "requirements/prod.txt", "./a-b_c", "a@b", "a+b", "1.0")


@pytest.mark.parametrize("word", ORDINARY)
def test_an_ordinary_name_stays_as_it_is(word: str) -> None:
    assert is_plain(word)
    assert copy_words(word, word) == f"{word} {word}"
    assert env_value(word) == word
    assert pattern(word) == word


@pytest.mark.parametrize("word", ODD)
def test_no_odd_name_goes_into_a_mount(word: str) -> None:
    assert not is_plain(word)


def every_name(where: str) -> str:
    """Return a Dockerfile that copies each file, from *where* and from below it, into a directory.

    The variable is there to be expanded by mistake.
    """
    lines = ["FROM scratch AS files", "COPY . /", "FROM scratch", "ENV HOME=/wrong"]
    for name in ODD:
        lines += [
            f"WORKDIR {env_value(f'/out/{name}')}",
            f"COPY {where} {copy_words(name, f'./copy of {name}')}",
            f"COPY {where} {copy_words(f'sub/{name}', './')}",
            f"COPY {where} {copy_words(f'{name} directory/', './')}",
        ]
    return "\n".join([*lines, ""])


@pytest.mark.engine
@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("where", ["", "--from=files"])
def test_docker_copies_what_was_named_and_nothing_else(where: str, tmp_path: Path) -> None:
    for name in ODD:
        for file in (name, f"sub/{name}", f"{name} directory/inside"):
            path = tmp_path / "context" / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file)
    # What the names would match as patterns.
    for decoy in ("starx", "star-x-", "ac", "ax"):
        (tmp_path / "context" / decoy).write_text("not me")
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text(every_name(where), encoding="utf-8")
    out = tmp_path / "out"
    output = f"--output=type=local,dest={out}"
    subprocess.run(
        ["docker", "buildx", "build", f"--file={dockerfile}", output, str(tmp_path / "context")],
        check=True,
        capture_output=True,
    )

    found = {
        path.relative_to(out / "out").as_posix(): path.read_text()
        for path in out.rglob("*")
        if path.is_file()
    }
    expected = {}
    for name in ODD:
        expected[f"{name}/copy of {name}"] = name
        expected[f"{name}/{name}"] = f"sub/{name}"
        expected[f"{name}/inside"] = f"{name} directory/inside"
    assert found == expected
