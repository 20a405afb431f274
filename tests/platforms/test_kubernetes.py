"""kubernetes.yaml, against the schemas of the Kubernetes API."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest

from buildstatic.errors import ConfigInvalid
from buildstatic.platforms import kubernetes
from buildstatic.platforms.options import Dockerfile, Options
from buildstatic.project import Fact, Process, Project
from tests.platforms.projects import (
    AWKWARD,
    DEFAULTS,
    GENERATED,
    connected,
    full,
    in_directory,
    production,
    project,
    remote,
)
from tests.platforms.reading import only_file, yaml_documents
from tests.test_golden import GOLDEN

BUILT = Options(dockerfile=GENERATED)
MIGRATE = ["python", "manage.py", "migrate", "--noinput"]
# The oldest version that has every field, and the one that docs/how-to/kubernetes.md names.
VERSIONS = ("1.30", "1.37")
# Of a resource and a label (kubernetes.io/docs/concepts/overview/working-with-objects/names).
NAME = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
WAIT = ["/bin/sh", "-c", "until python manage.py migrate --check; do sleep 2; done"]

Resource = dict[str, Any]


def validate(document: Resource) -> None:
    """Validate *document* by the schema of its kind, in which unknown fields are errors."""
    for version in VERSIONS:
        kubernetes_validate.validate(document, version, strict=True)
    metadata = document["metadata"]
    for name in (metadata["name"], *metadata.get("labels", {}).values()):
        assert NAME.fullmatch(name), name


def resources(found: Project, options: Options = BUILT) -> dict[tuple[str, str], Resource]:
    """Return the valid resources of *found*, by kind and name."""
    documents = yaml_documents(only_file(kubernetes, found, options).text)
    for document in documents:
        validate(document)
    return {(item["kind"], item["metadata"]["name"]): item for item in documents}


def pod(resource: Resource) -> dict[str, Any]:
    spec = resource["spec"]
    spec = spec["jobTemplate"]["spec"] if "jobTemplate" in spec else spec
    found: dict[str, Any] = spec["template"]["spec"]
    return found


def web(found: Project, options: Options = BUILT) -> dict[str, Any]:
    """Return the pod of the server."""
    return pod(next(iter(resources(found, options).values())))


def environment(container: dict[str, Any]) -> dict[str, str]:
    return {item["name"]: item["value"] for item in container.get("env", ())}


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("*/kubernetes.yaml")), ids=lambda f: f.parent)
def test_golden_files_are_valid(file: Path) -> None:
    for document in yaml_documents(file.read_text()):
        validate(document)


def test_job_migrates_and_replicas_wait_for_it(tmp_path: Path) -> None:
    found = resources(full(tmp_path))
    (job,) = (item for (kind, _), item in found.items() if kind == "Job")
    assert pod(job)["containers"][0]["command"] == MIGRATE
    for (kind, _), item in found.items():
        if kind == "Deployment":
            assert [each["command"] for each in pod(item)["initContainers"]] == [WAIT]
    assert "kubectl delete job" in " ".join(only_file(kubernetes, full(tmp_path), BUILT).notes)


def test_single_replica_migrates_sqlite(tmp_path: Path) -> None:
    found = replace(
        connected(tmp_path, "sqlite", NAME="SQLITE"),
        processes=Fact((Process("worker", "true"),), "Procfile:1"),
    )
    kinds = [kind for kind, _ in resources(found)]
    assert kinds == ["Deployment", "Service", "PersistentVolumeClaim"]
    deployment = next(iter(resources(found).values()))["spec"]
    assert (deployment["replicas"], deployment["strategy"]["type"]) == (1, "Recreate")
    first, server = web(found)["initContainers"][0], web(found)["containers"][0]
    assert first["command"] == MIGRATE
    for container in (first, server):
        assert environment(container)["SQLITE"] == "/data/db.sqlite3"
        assert container["volumeMounts"] == [{"name": "data", "mountPath": "/data"}]
    assert "worker" in " ".join(only_file(kubernetes, found, BUILT).warnings)


def test_project_without_database_does_not_migrate(tmp_path: Path) -> None:
    found = connected(tmp_path, "dummy")
    assert [kind for kind, _ in resources(found)] == ["Deployment", "Service"]
    assert "initContainers" not in web(found)


def test_job_collects_into_remote_storage(tmp_path: Path) -> None:
    (job,) = (item for (kind, _), item in resources(remote(tmp_path)).items() if kind == "Job")
    line = f"python manage.py collectstatic --noinput && {shlex.join(MIGRATE)}"
    assert pod(job)["containers"][0]["command"] == ["/bin/sh", "-c", line]


def test_probe_uses_the_health_check_and_an_allowed_host(tmp_path: Path) -> None:
    probe = web(full(tmp_path))["containers"][0]["readinessProbe"]["httpGet"]
    assert probe["path"] == "/healthz/"
    assert {"name": "Host", "value": "localhost"} in probe["httpHeaders"]
    assert "and localhost" in only_file(kubernetes, full(tmp_path), BUILT).notes[-1]
    assert "tcpSocket" in web(project(tmp_path))["containers"][0]["readinessProbe"]


def test_port_of_the_image_is_used(tmp_path: Path) -> None:
    options = Options(dockerfile=Dockerfile(True, False, port=9000))
    (server,) = web(project(tmp_path), options)["containers"]
    assert server["ports"] == [{"name": "http", "containerPort": 9000}]
    assert environment(server) == {"PORT": "9000"}


def test_secret_holds_required_variables(tmp_path: Path) -> None:
    file = only_file(kubernetes, full(tmp_path), BUILT)
    for name in ("SECRET_KEY", "PAYMENTS_URL", "DATABASE_URL"):
        assert f"--from-literal={name}=…" in " ".join(file.notes)
        assert name not in file.text
    containers = [
        c
        for item in resources(full(tmp_path)).values()
        if "template" in item["spec"]
        for c in pod(item)["containers"]
    ]
    assert all("envFrom" in container for container in containers)
    assert "envFrom" not in web(project(tmp_path))["containers"][0]


def test_assets_image_is_a_deployment_of_its_own(tmp_path: Path) -> None:
    options = Options(dockerfile=Dockerfile(True, False, assets=True))
    sqlite = connected(tmp_path, "sqlite", NAME="SQLITE")
    found = resources(sqlite, options)
    name = next(iter(found))[1]
    assets = pod(found["Deployment", f"{name}-assets"])
    assert assets["containers"][0]["image"] == f"{name}-assets:latest"
    assert assets["volumes"] == [{"name": "tmp", "emptyDir": {}}]
    assert ("Service", f"{name}-assets") in found
    assert "Route /static/ to" in only_file(kubernetes, sqlite, options).notes[-1]
    assert not any(name.endswith("-assets") for _, name in resources(sqlite))


def test_production_settings_are_set(tmp_path: Path) -> None:
    given = environment(web(production(tmp_path))["containers"][0])
    assert given["DJANGO_SETTINGS_MODULE"] == "mysite.settings.production"


def test_processes_are_deployments_and_cron_jobs(tmp_path: Path) -> None:
    processes = (Process("Big_Mail", "echo $A"), Process("tidy" * 20, "echo $(B)", "0 4 * * *"))
    found = resources(full(tmp_path), Options(dockerfile=GENERATED, processes=processes))
    commands = {
        kind: pod(item)["containers"][0].get("command")
        for (kind, _), item in found.items()
        if kind in ("Deployment", "CronJob")
    }
    assert commands == {
        "Deployment": ["/bin/sh", "-c", "echo $$A"],
        "CronJob": ["/bin/sh", "-c", "echo $$(B)"],
    }
    assert any(name.endswith("-big-mail") for _, name in found)


@pytest.mark.parametrize("name", ["web", "Migrate", "assets"])
def test_reserved_process_names_are_changed(tmp_path: Path, name: str) -> None:
    found = replace(full(tmp_path), processes=Fact((Process(name, "true"),), "Procfile:1"))
    components = [
        item["metadata"]["labels"]["app.kubernetes.io/component"]
        for item in resources(found).values()
    ]
    assert components[:3] == ["web", "web", "migrate"]
    assert components[3].endswith("process")


@pytest.mark.parametrize("name", [*AWKWARD, "line\nbreak", "日本", "2048", "x" * 90])
def test_any_directory_name_is_valid(tmp_path: Path, name: str) -> None:
    root = tmp_path / name
    root.mkdir()
    (job,) = (
        item for (kind, _), item in resources(in_directory(root, name)).items() if kind == "Job"
    )
    command = " ".join(pod(job)["containers"][0]["command"])
    manage = f"{'./' if name.startswith('-') else ''}{name}/manage.py".replace("$", "$$")
    assert manage in command.replace("'\"'\"'", "'")


def test_requires_a_dockerfile(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match="generate dockerfile kubernetes"):
        kubernetes.files(project(tmp_path), DEFAULTS)
