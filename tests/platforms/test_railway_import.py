"""Importing railway.json and railway.toml, evaluated by Railway's SDK."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from railway_sdk import create_railway_context

from buildstatic.errors import ConfigInvalid
from buildstatic.platforms import railway_iac
from buildstatic.platforms.options import Options
from buildstatic.templates import GeneratedFile
from buildstatic.templates.quoting import python_value
from tests.platforms.projects import AWKWARD, project
from tests.platforms.sdk import evaluated

FULL: dict[str, Any] = {
    "$schema": "https://railway.com/railway.schema.json",
    "build": {
        "builder": "RAILPACK",
        "buildCommand": 'python manage.py collectstatic --noinput && echo "it\'s $HOME"',
        "dockerfilePath": None,
        "watchPatterns": ["/back end/**", "!/docs/**"],
        "railpackVersion": "0.7.0",
    },
    "deploy": {
        "startCommand": "exec gunicorn mysite.wsgi",
        "preDeployCommand": ["python manage.py migrate", "true"],
        "healthcheckPath": "/healthz/?a=\u2028é",
        "healthcheckTimeout": 0,
        "restartPolicyType": "ON_FAILURE",
        "restartPolicyMaxRetries": 3,
        "numReplicas": 2,
        "multiRegionConfig": {"us-west1": {"numReplicas": 1}, "europe": {"numReplicas": 3}},
        "cronSchedule": "0 4 * * *",
        "overlapSeconds": "10",
        "drainingSeconds": 20,
        "sleepApplication": False,
        "limitOverride": {"containers": {"cpu": 0.5, "memoryBytes": 1000000000}},
    },
    "environments": {
        "staging": {"build": {"buildCommand": None}, "deploy": {"numReplicas": 1}},
        "it's $(id)": {"deploy": {"startCommand": 'say "hi"', "cronSchedule": None}},
        "empty": {},
        "null": None,
    },
}


def import_files(root: Path, *sources: tuple[str, str]) -> GeneratedFile:
    (file,) = railway_iac.files(
        project(root), Options(existing=sources or (("web", "railway.json"),))
    )
    return file


def services(root: Path, file: GeneratedFile, environment: str | None = None) -> dict[str, Any]:
    resources = evaluated(root, file, environment or "")["resources"]
    return {item["name"]: item for item in resources}


def without_nulls(table: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if value is not None}


def merged(old: dict[str, Any], part: str, environment: str | None) -> dict[str, Any]:
    """Return *part* as Railway merges it: the environment overrides key by key."""
    over = (old.get("environments") or {}).get(environment) or {}
    return without_nulls({**(old.get(part) or {}), **(over.get(part) or {})})


@pytest.mark.parametrize("environment", [None, "production", *FULL["environments"]])
def test_all_settings_are_kept_in_every_environment(
    tmp_path: Path, environment: str | None
) -> None:
    (tmp_path / "railway.json").write_text(json.dumps(FULL))
    file = import_files(tmp_path)
    web = services(tmp_path, file, environment)["web"]
    assert web["build"] == merged(FULL, "build", environment)
    assert web["deploy"] == merged(FULL, "deploy", environment)
    assert not file.warnings


def test_toml_is_imported(tmp_path: Path) -> None:
    (tmp_path / "railway.toml").write_text(
        '[build]\nbuilder = "DOCKERFILE"\ndockerfilePath = "a b/Dockerfile"\n'
        '[deploy]\nstartCommand = "x"\nnumReplicas = 2\n'
        '[environments.staging.deploy]\nstartCommand = """a\nb"""\n'
    )
    file = import_files(tmp_path, ("web", "railway.toml"))
    for environment, start in ((None, "x"), ("staging", "a\nb")):
        web = services(tmp_path, file, environment)["web"]
        assert web["build"] == {"builder": "DOCKERFILE", "dockerfilePath": "a b/Dockerfile"}
        assert web["deploy"] == {"startCommand": start, "numReplicas": 2}


def test_each_service_keeps_its_settings(tmp_path: Path) -> None:
    (tmp_path / "railway.json").write_text('{"deploy": {"startCommand": "a"}}')
    (tmp_path / "worker.json").write_text(
        '{"deploy": {"startCommand": "b"}, "environments": {"pr-1": {"deploy": {"region": "x"}}}}'
    )
    file = import_files(tmp_path, ("web", "railway.json"), ("it's a worker", "worker.json"))
    resources = services(tmp_path, file, "pr-1")
    assert {name: item["deploy"] for name, item in resources.items()} == {
        "web": {"startCommand": "a"},
        "it's a worker": {"startCommand": "b", "region": "x"},
    }
    notes = " ".join(file.notes)
    assert (
        "build, deploy and environment settings are carried over; volumes, domains, sources"
        in notes
    )
    assert "delete railway.json, worker.json" in notes


def test_settings_of_pull_requests_hold_if_the_cli_names_them(tmp_path: Path) -> None:
    old = {"deploy": {"startCommand": "a"}, "environments": {"pr": {"deploy": {"region": "x"}}}}
    (tmp_path / "railway.json").write_text(json.dumps(old))
    file = import_files(tmp_path)
    pull_request = SimpleNamespace(environment="pr-7", pr={"number": 7})
    # The SDK 0.7 has no attribute for it.
    entry = create_railway_context({"environment": "pr-7", "pr": {"number": 7}})
    other = SimpleNamespace(environment="pr-7")
    for context, region in ((pull_request, "x"), (entry, "x"), (other, None)):
        (web,) = evaluated(tmp_path, file, context)["resources"]
        assert web["deploy"].get("region") == region
    assert "environments.pr" in " ".join(file.warnings)


def test_settings_of_the_service_hold_without_a_context(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A CLI that gives none reads standard output."""
    (tmp_path / "railway.json").write_text(json.dumps(FULL))
    file = import_files(tmp_path)
    (web,) = evaluated(tmp_path, file, None)["resources"]
    assert web["deploy"] == without_nulls(FULL["deploy"])
    assert web["variables"]
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "does not name the environment" in printed.err


def test_later_cli_leaves_variables_alone(tmp_path: Path) -> None:
    (tmp_path / "railway.json").write_text(json.dumps(FULL))
    context = {"environment": "staging", "features": ["variables-policy"]}
    result = evaluated(tmp_path, import_files(tmp_path), create_railway_context(context))
    (web,) = result["resources"]
    assert result["variables"] == {"managed": False}
    assert "variables" not in web
    assert web["deploy"] == merged(FULL, "deploy", "staging")


def test_empty_file_is_a_service(tmp_path: Path) -> None:
    (tmp_path / "railway.json").write_text('{"build": null}')
    assert list(services(tmp_path, import_files(tmp_path))) == ["web"]


@pytest.mark.parametrize("value", [*AWKWARD, "line\nbreak", '"""', "{{ x }}", "\u2028", "😀"])
def test_any_string_is_kept(tmp_path: Path, value: str) -> None:
    old = {
        "build": {"buildCommand": value},
        "environments": {value: {"deploy": {"startCommand": value}}},
    }
    (tmp_path / "railway.json").write_text(json.dumps(old))
    web = services(tmp_path, import_files(tmp_path, (value, "railway.json")), value)[value]
    assert (web["build"]["buildCommand"], web["deploy"]["startCommand"]) == (value, value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@settings(deadline=None)
@given(json_values, st.integers(0, 8))
def test_python_value_round_trips_json(value: object, indent: int) -> None:
    written = f"value = {python_value(value, indent)}\n".encode()
    names: dict[str, object] = {"inf": float("inf")}
    exec(compile(written, "railway.py", "exec"), names)
    assert names["value"] == value


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        pytest.param(
            "railway.json", '{\n"build": {,}\n}', "railway.json:2: invalid JSON", id="json"
        ),
        pytest.param("railway.toml", "\n[build\n", "railway.toml:2: invalid TOML", id="toml"),
        pytest.param("railway.json", "[]", "railway.json:1: not a JSON object", id="a list"),
        pytest.param("railway.json", b"\xff\xfe\x00", "railway.json", id="no text"),
        pytest.param("railway.json", '{\n"build": "x"}', ":2: build is not a table", id="no table"),
        pytest.param(
            "railway.json",
            '{"environments": {\n"a": {\n"deploy": []}}}',
            ":3: environments.a.deploy is not a table",
            id="deeper",
        ),
        pytest.param(
            "railway.json",
            '{\n\n"biuld": {}}',
            ":3: railway.py does not support biuld. Did you mean build?",
            id="a key at the top",
        ),
        pytest.param(
            "railway.toml",
            "[environments.a]\nregion = 1\n",
            ":2: railway.py does not support environments.a.region.",
            id="a key of an environment",
        ),
        pytest.param(
            "railway.json",
            '{"build": {},\n"deploy": {},\n"build": {}}',
            "the key build occurs more than once",
            id="twice",
        ),
        pytest.param(
            "railway.toml", "[deploy]\na = 2026-12-01\n", ":2: deploy.a is a date", id="a date"
        ),
        pytest.param(
            "railway.toml", "[deploy]\na = inf\n", ":2: deploy.a is not a finite number", id="inf"
        ),
        pytest.param("railway.json", "[" * 100000, "nested too deeply", id="deep"),
        pytest.param("railway.json", None, "Cannot read railway.json", id="not there"),
    ],
)
def test_unsupported_settings_are_errors_with_lines(
    tmp_path: Path, name: str, text: str | bytes | None, message: str
) -> None:
    if text is not None:
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigInvalid) as caught:
        import_files(tmp_path, ("web", name))
    assert message in str(caught.value)


def test_undocumented_keys_are_kept_with_a_warning(tmp_path: Path) -> None:
    (tmp_path / "railway.json").write_text('{"deploy": {\n"numReplica": 2}}')
    file = import_files(tmp_path)
    assert services(tmp_path, file)["web"]["deploy"] == {"numReplica": 2}
    (warning,) = file.warnings
    assert warning.startswith(
        "railway.json:2: Railway does not document deploy.numReplica. It is kept"
    )
    assert "Did you mean numReplicas?" in warning


def test_pull_request_environments_are_warned_about(tmp_path: Path) -> None:
    (tmp_path / "railway.json").write_text('{"environments": {"pr": {"deploy": {"region": "x"}}}}')
    file = import_files(tmp_path)
    assert services(tmp_path, file, "pr")["web"]["deploy"] == {"region": "x"}
    assert "environments.pr applied to the environments of all" in " ".join(file.warnings)
