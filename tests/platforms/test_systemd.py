"""The units, read by the rules of systemd.syntax(7)."""

from __future__ import annotations

import re
import socket
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from buildstatic.platforms import systemd
from buildstatic.platforms.options import Options
from buildstatic.project import Fact, Process, Project
from tests.platforms.projects import AWKWARD, DEFAULTS, full, production, project
from tests.running import environment


def units(found: Project, options: Options = DEFAULTS) -> dict[str, dict[str, list[str]]]:
    """Return the entries of each unit of *found*, by its path."""
    parsed = {}
    for file in systemd.files(found, options):
        entries: dict[str, list[str]] = {}
        for line in file.text.split("\n"):
            if line and not line.startswith(("#", "[")):
                name, _, value = line.partition("=")
                entries.setdefault(name, []).append(value)
        parsed[file.path] = entries
    return parsed


def words(value: str, *, command: bool = True) -> list[str]:
    """Return the words of *value*, unquoted and without specifiers and variables."""
    found = []
    for quoted, plain in re.findall(r'"((?:[^"\\]|\\.)*)"|(\S+)', value):
        word = re.sub(
            r"\\(x[0-9a-f]{2}|.)",
            lambda match: chr(int(match[1][1:], 16)) if match[1][1:] else match[1],
            quoted or plain,
        )
        doubled = r"([%$])\1" if command else r"(%)\1"
        assert not re.search(r"[%$]" if command else "%", re.sub(doubled, "", word))
        found.append(re.sub(doubled, r"\1", word))
    return found


def test_server_runs_the_script(tmp_path: Path) -> None:
    root = tmp_path / "mysite"
    (web,) = units(project(root)).values()
    assert web["ExecStart"] == ["/srv/mysite/deploy.sh"]
    assert web["Type"] == ["notify"]
    (other,) = units(project(root), Options(server="uvicorn")).values()
    assert other["Type"] == ["exec"]


def test_other_processes_start_after_the_server(tmp_path: Path) -> None:
    processes = (Process("mail", "echo $HOME 50%"), Process("tidy", "true", "0 4 * * *"))
    options = Options(processes=processes)
    found = units(full(tmp_path / "mysite"), options)
    assert list(found) == [f"systemd/{name}.service" for name in ("web", "worker", "mail")]
    mail = found["systemd/mail.service"]
    assert mail["After"][-1].split()[-1] == "mysite-web.service"
    assert words(mail["ExecStart"][0]) == ["/bin/sh", "-c", "echo $HOME 50%"]
    (warning,) = systemd.files(full(tmp_path), options)[0].warnings
    assert "tidy" in warning


def test_required_variables_are_noted(tmp_path: Path) -> None:
    notes = systemd.files(full(tmp_path / "mysite"), DEFAULTS)[0].notes
    assert "set SECRET_KEY, DATABASE_URL, PAYMENTS_URL in /etc/mysite.env" in notes[-1]


def test_production_settings_are_set(tmp_path: Path) -> None:
    options = Options(processes=(Process("worker", "true"),))
    worker = units(production(tmp_path), options)["systemd/worker.service"]
    assert words(worker["Environment"][1], command=False) == [
        "DJANGO_SETTINGS_MODULE=mysite.settings.production"
    ]


@pytest.mark.parametrize("text", [*AWKWARD, "line\nbreak", "\x7f\t\r", "a\\x41$$%%n"])
def test_any_command_is_one_word_on_one_line(tmp_path: Path, text: str) -> None:
    found = replace(project(tmp_path), processes=Fact((Process("p", f"echo {text}"),), "P:1"))
    entries = units(found)["systemd/p.service"]
    assert words(entries["ExecStart"][0]) == ["/bin/sh", "-c", f"echo {text}"]


@pytest.mark.slow
def test_gunicorn_notifies_systemd_after_the_script(tmp_path: Path) -> None:
    """The script becomes gunicorn, so that the message is from the main process of the unit."""
    (tmp_path / "app.py").write_text("def application(environ, start_response):\n    return []\n")
    (tmp_path / "deploy.sh").write_text("set -eu\nexec gunicorn --bind 127.0.0.1:0 app\n")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(tmp_path / "notify"))
        notify.settimeout(60)
        given = {**environment(), "NOTIFY_SOCKET": str(tmp_path / "notify")}
        process = subprocess.Popen(["sh", "deploy.sh"], cwd=tmp_path, env=given)
        try:
            assert b"READY=1" in notify.recv(1000)
        finally:
            process.terminate()
            process.wait()
