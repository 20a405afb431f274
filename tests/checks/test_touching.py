"""Settings that ask a database or the network while they are imported."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildstatic.checks import Severity
from tests.checks.projects import SETTINGS, codes, found, one, sound

DATABASE, NETWORK = "settings-touch-database", "settings-touch-network"
LINE = len(SETTINGS.splitlines())


@pytest.mark.parametrize(
    ("code", "text"),
    [
        pytest.param(NETWORK, "import requests\nA = requests.get('x').text", id="requests"),
        pytest.param(NETWORK, "from requests import get as g\nA = g('x')", id="renamed"),
        pytest.param(NETWORK, "import urllib.request\nurllib.request.urlopen('x')", id="urlopen"),
        pytest.param(
            NETWORK, "from urllib.request import urlopen\nwith urlopen('x') as f: pass", id="with"
        ),
        pytest.param(NETWORK, "import socket\nA = socket.gethostbyname('db')", id="socket"),
        pytest.param(
            NETWORK, "import boto3\nA = boto3.client('ssm').get_parameter(Name='a')", id="boto3"
        ),
        pytest.param(NETWORK, "import boto3\nc = boto3.client('s')\nA = c.get_it()", id="client"),
        pytest.param(NETWORK, "import httpx\nA = [httpx.get(u) for u in ('x',)]", id="list"),
        pytest.param(NETWORK, "import httpx\nclass A:\n  B = httpx.get('x')", id="class"),
        pytest.param(NETWORK, "import httpx\ndef f():\n  return httpx.get('x')\nA = f()", id="own"),
        pytest.param(NETWORK, "import httpx\ndef f(a=httpx.get('x')): pass", id="default"),
        pytest.param(DATABASE, "import psycopg\nc = psycopg.connect('')", id="psycopg"),
        pytest.param(
            DATABASE, "import psycopg2 as p\nwith p.connect('') as c: pass", id="psycopg2"
        ),
        pytest.param(
            DATABASE,
            "from django.db import connection\nwith connection.cursor() as c: pass",
            id="cursor",
        ),
        pytest.param(
            DATABASE, "from shop.models import Shop\nA = list(Shop.objects.all())", id="model"
        ),
    ],
)
def test_a_call_that_runs_at_import_is_found(tmp_path: Path, code: str, text: str) -> None:
    findings = found(sound(tmp_path, change=("", f"{text}\n")))
    assert {(item.code, item.severity) for item in findings} == {(code, Severity.ERROR)}
    assert findings[0].file == "mysite/settings.py"
    assert LINE < findings[0].line <= LINE + len(text.splitlines())


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("import requests\ndef f():\n  return requests.get('x')", id="function"),
        pytest.param("import requests\nA = lambda: requests.get('x')", id="lambda"),
        pytest.param("import boto3\nA = boto3.client('s3')", id="client-alone"),
        pytest.param("import boto3\nA = boto3.resource('s3').Bucket('x')", id="resource"),
        pytest.param("import os\nA = os.environ.get('x')", id="environ"),
        pytest.param(
            "import socket\nA = socket.gethostbyname_ex(socket.gethostname())", id="own-name"
        ),
        pytest.param(
            "if __name__ == '__main__':\n  import requests\n  requests.get('x')", id="main"
        ),
        pytest.param("A = {}\nrequests = {}\nB = requests.get('x')", id="a-dictionary"),
    ],
)
def test_what_asks_for_nothing_is_well(tmp_path: Path, text: str) -> None:
    assert codes(sound(tmp_path, change=("", f"{text}\n"))) == []


def test_what_the_settings_import_of_the_projects_own_is_looked_at(tmp_path: Path) -> None:
    files = {
        "mysite/secrets.py": "import requests\nKEY = requests.get('x').text\n",
        "mysite/other.py": "import requests\nKEY = requests.get('x').text\n",
    }
    root = sound(tmp_path, files, change=("", "from mysite.secrets import KEY\n"))
    assert one(root, NETWORK).place == "mysite/secrets.py:2"


def test_in_a_try_or_a_branch_it_is_a_warning_and_with_a_network_an_info(tmp_path: Path) -> None:
    text = "import requests\ntry:\n  requests.get('x')\nexcept OSError:\n  pass\n"
    root = sound(tmp_path, change=("", text))
    assert one(root, NETWORK).severity == Severity.WARNING
    branch = sound(tmp_path / "if", change=("", "import httpx\nif DEBUG:\n  httpx.get('x')\n"))
    assert one(branch, NETWORK).severity == Severity.WARNING
    (root / "pyproject.toml").write_text("[tool.buildstatic]\nnetwork = true\n")
    assert one(root, NETWORK).severity == Severity.INFO
