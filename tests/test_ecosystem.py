"""What other tools run: the GitHub Action's steps, the pre-commit hooks and the workflows."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.engine import REPOSITORY as IMAGES
from tests.pages import REPOSITORY
from tests.samples import copy
from tests.verify.built import entry, plain, tar

BIN = Path(sys.executable).parent
ACTION = yaml.safe_load((REPOSITORY / "action.yml").read_text(encoding="utf-8"))
GITHUB = REPOSITORY / ".github"
FORMS = ("bug", "feature")
WORKFLOWS = sorted(GITHUB.glob("workflows/*.yml"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_pin_actions_by_commit(path: Path) -> None:
    used = re.findall(r"uses: (\S+)(.*)", path.read_text(encoding="utf-8"))
    assert used
    for action, comment in used:
        assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}", action), action
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), action


def test_image_for_ci_passes_hadolint() -> None:
    subprocess.run([BIN / "hadolint", GITHUB / "Dockerfile"], check=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("github-workflows", WORKFLOWS),
        ("github-actions", [REPOSITORY / "action.yml"]),
        ("dependabot", [GITHUB / "dependabot.yml"]),
        ("github-issue-forms", [GITHUB / "ISSUE_TEMPLATE" / f"{name}.yml" for name in FORMS]),
        ("github-issue-config", [GITHUB / "ISSUE_TEMPLATE" / "config.yml"]),
    ],
)
def test_files_match_their_schemas(schema: str, files: list[Path]) -> None:
    command = [str(BIN / "check-jsonschema"), "--builtin-schema", f"vendor.{schema}"]
    subprocess.run([*command, *map(str, files)], check=True)


def run_step(name: str, inputs: dict[str, str], runner: Path) -> subprocess.CompletedProcess[str]:
    """Run the action's step *name* with *inputs*, as a runner does, and return the process."""
    (step,) = [each for each in ACTION["runs"]["steps"] if each["name"] == name]
    given: dict[str, Any] = {key: value["default"] for key, value in ACTION["inputs"].items()}
    values = {f"${{{{ inputs.{key} }}}}": value for key, value in (given | inputs).items()}
    script = runner / "step.sh"
    script.write_text(step["run"], encoding="utf-8")
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", script],
        env={
            **os.environ,
            **{variable: values[text] for variable, text in step["env"].items()},
            "GITHUB_ACTION_PATH": str(REPOSITORY),
            "GITHUB_OUTPUT": str(runner / "output"),
            "GITHUB_STEP_SUMMARY": str(runner / "summary"),
            "RUNNER_TEMP": str(runner),
        },
        capture_output=True,
        text=True,
    )


@pytest.fixture
def runner(tmp_path: Path) -> Path:
    """Return the directory of a runner on which the action has installed buildstatic."""
    directory = tmp_path / "runner temp"
    (directory / "buildstatic" / "bin").mkdir(parents=True)
    (directory / "buildstatic" / "bin" / "buildstatic").symlink_to(BIN / "buildstatic")
    return directory


@pytest.mark.slow
def test_action_annotates_findings(tmp_path: Path, runner: Path) -> None:
    project = copy("startproject", tmp_path)
    done = run_step("Check", {"path": str(project)}, runner)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^::warning .*file=\S*settings\.py,", done.stdout, re.M)
    done = run_step("Check", {"path": str(project), "fail-level": "warning"}, runner)
    assert done.returncode == 1


@pytest.mark.slow
def test_action_passes_inputs_as_options(runner: Path) -> None:
    """The words that the build gets, by a program in place of buildstatic that prints them."""
    program = runner / "buildstatic" / "bin" / "buildstatic"
    program.unlink()
    program.write_text("#!/bin/sh\nprintf '<%s>' \"$@\"\n", encoding="utf-8")
    program.chmod(0o755)
    inputs = {"tag": "x:1", "push": "true", "cache": "x:cache", "reuse": "x:0", "keep": "$(id)"}
    assert run_step("Build", inputs, runner).returncode == 0
    assert (runner / "output").read_text(encoding="utf-8") == (
        "report=<build><--tag><x:1><--reuse><x:0><--keep><$(id)>"
        "<--cache-from><type=registry,ref=x:cache><--push>"
        "<--cache-to><type=registry,ref=x:cache,mode=max><--json><.>\n"
    )


@pytest.mark.slow
def test_action_summarizes_the_static_layer(tmp_path: Path, runner: Path) -> None:
    manifest = entry("app/staticfiles/staticfiles.json", b'{"paths": {}}')
    before, after = (
        plain(tmp_path, tar(manifest, entry("app/staticfiles/a.css", b"a {}" * number)), tag=tag)
        for number, tag in ((1, "before"), (2, "after"))
    )

    def summary(**inputs: str) -> str:
        (runner / "summary").unlink(missing_ok=True)
        run_step("Summarize", {"push": "true", "tag": after, **inputs}, runner)
        return (runner / "summary").read_text(encoding="utf-8")

    assert "0 added, 0 removed, 1 changed" in summary(compare=before)
    for inputs in ({}, {"compare": f"{before}-none"}):
        text = summary(**inputs)
        assert "### Static layer" in text
        assert "checks" in text


@pytest.mark.engine
@pytest.mark.exhaustive
@pytest.mark.usefixtures("shared")
def test_action_installs_builds_and_reports(tmp_path: Path) -> None:
    runner = tmp_path / "runner"
    runner.mkdir()
    done = run_step("Install buildstatic", {}, runner)
    assert done.returncode == 0, done.stderr
    inputs = {"path": str(copy("startproject", tmp_path)), "tag": f"{IMAGES}:action"}
    done = run_step("Build", inputs, runner)
    assert done.returncode == 0, done.stderr
    report = (runner / "output").read_text(encoding="utf-8").removeprefix("report=")
    assert json.loads(report)["static"]["path"] == "/app/staticfiles"


@pytest.mark.engine
@pytest.mark.exhaustive
@pytest.mark.usefixtures("shared")
def test_image_for_ci_runs_buildstatic(tmp_path: Path) -> None:
    """Built for this platform; that for another one has the wheels of that one."""
    (tmp_path / ".github").mkdir()
    dockerfile = tmp_path / ".github/Dockerfile"
    # The exporter of BuildKit 0.13 may hang with all files of the base image.
    exported = "FROM scratch AS exported\nCOPY --from=install /opt/buildstatic /\n\n"
    before, last, after = (GITHUB / "Dockerfile").read_text().rpartition("FROM ")
    dockerfile.write_text(f"{before}{exported}{last}{after}")
    wheel = ["uv", "build", "--quiet", "--wheel", "--out-dir", str(tmp_path / "dist")]
    subprocess.run([sys.executable, "-m", *wheel, str(REPOSITORY)], check=True)
    build = ["docker", "buildx", "build", "--quiet", f"--file={dockerfile}", str(tmp_path)]
    tag = f"{IMAGES}:ci"
    subprocess.run([*build, "--load", f"--tag={tag}"], check=True)
    checked = subprocess.run(
        ["docker", "run", "--rm", tag, "generate", "--list"], capture_output=True, text=True
    )
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "dockerfile" in checked.stdout
    packages = tmp_path / "packages"
    other = ["--platform=linux/arm64", "--target=exported", f"--output=type=local,dest={packages}"]
    subprocess.run([*build, *other], check=True)
    assert list(packages.glob("lib/python3*/site-packages/_brotli.*aarch64*.so"))


@pytest.mark.exhaustive
def test_pre_commit_hooks_run(tmp_path: Path) -> None:
    """With the real pre-commit, from a repository with only what is packaged."""
    repository, project = tmp_path / "buildstatic", copy("startproject", tmp_path)
    shutil.copytree(
        REPOSITORY / "buildstatic",
        repository / "buildstatic",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    for name in (".pre-commit-hooks.yaml", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, repository)
    for directory in (repository, project):
        commit(directory)
    checked = run_hook("buildstatic-check", repository, project)
    assert checked.returncode == 0, checked.stdout
    assert "[debug-on]" in checked.stdout
    missing = run_hook("buildstatic-generate", repository, project)
    assert missing.returncode == 1
    assert "Dockerfile: new" in missing.stdout
    subprocess.run([BIN / "buildstatic", "generate"], cwd=project, check=True)
    assert run_hook("buildstatic-generate", repository, project).returncode == 0


def commit(directory: Path) -> None:
    """Make *directory* a git repository with one commit."""
    git = ("git", "-C", str(directory), "-c", "user.name=Test", "-c", "user.email=test@localhost")
    for words in (("init", "--quiet"), ("add", "--all"), ("commit", "--quiet", "--message=Start")):
        subprocess.run([*git, *words], check=True)


def run_hook(hook: str, repository: Path, project: Path) -> subprocess.CompletedProcess[str]:
    """Run *hook* of *repository* in *project*, whose Python is that of the tests."""
    command = [
        str(BIN / "pre-commit"),
        "try-repo",
        str(repository),
        hook,
        "--verbose",
        "--all-files",
    ]
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    environment |= {
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "PRE_COMMIT_HOME": str(repository.with_name("pre-commit")),
    }
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)
