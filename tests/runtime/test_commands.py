"""``start`` and ``release``: what they do, what they refuse, and their messages."""

from __future__ import annotations

import json
import signal
import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from buildstatic.errors import (
    BuildstaticError,
    CollectFailed,
    DatabaseInvalid,
    DatabaseUnreachable,
    LockUnsupported,
    MigrationsFailed,
    ProjectNotFound,
    ServerNotFound,
    SettingsInvalid,
    StaticfilesNotInstalled,
    StaticRootInvalid,
    VariablesMissing,
)
from tests.running import free_port
from tests.runtime.replicas import MODULE, SCRIPT, SECONDS, Place, place, until

pytestmark = pytest.mark.slow

DOORS = [pytest.param(SCRIPT, id="script"), pytest.param(MODULE, id="module")]
each_door = pytest.mark.parametrize("door", DOORS)
SERVED = ("--", "echo", "served")
CALL = "from django.core import management\nmanagement.execute_from_command_line()\n"


@pytest.fixture
def where(tmp_path: Path) -> Place:
    return place(tmp_path)


@each_door
def test_release_migrates_and_logs_the_time(door: tuple[str, ...], where: Place) -> None:
    done = where.run(*door, "release")
    assert done.returncode == 0, done.stderr
    assert "Applying shop.0003_slow... OK" in done.stdout
    said = done.stderr.rstrip("\n")
    assert said.startswith("buildstatic: migrated default in ")
    assert said.endswith(" s")
    assert "\n" not in said


def test_release_sends_post_migrate_every_time(where: Place) -> None:
    for _ in range(2):
        assert where.run(*MODULE, "release").returncode == 0
    with closing(sqlite3.connect(where.root / "db.sqlite3")) as database:
        rows = list(database.execute("SELECT name, count(*) FROM shop_run GROUP BY name"))
    assert rows == [("0002", 1), ("0003", 1), ("post_migrate", 2)]


@each_door
def test_start_runs_the_steps_in_order(door: tuple[str, ...], where: Place) -> None:
    done = where.run(*door, "start", "--migrate", *SERVED, STATIC_ROOT="static_root")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "served"
    steps = [line.partition(" in ")[0] for line in done.stderr.splitlines()]
    assert steps == [
        "buildstatic: collected the static files",
        "buildstatic: migrated default",
        "buildstatic: starting echo served",
    ]


def test_start_migrates_only_with_the_option(where: Place) -> None:
    assert where.run(*MODULE, "start", *SERVED).returncode == 0
    with closing(sqlite3.connect(where.root / "db.sqlite3")) as database:
        assert list(database.execute("SELECT name FROM sqlite_master")) == []


MANIFEST = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
PLAIN = "django.contrib.staticfiles.storage.StaticFilesStorage"


@pytest.mark.parametrize("storage", [MANIFEST, PLAIN], ids=["manifest", "plain"])
def test_files_are_collected_once_without_the_option(storage: str, where: Place) -> None:
    environ = {"STATIC_ROOT": "static_root", "STORAGE": storage}
    said = [
        where.run(*MODULE, "start", *more, *SERVED, **environ).stderr.splitlines()[0]
        for more in ((), (), ("--collect",))
    ]
    assert [line.partition(" in ")[0].partition(":")[2].partition(":")[0] for line in said] == [
        " collected the static files",
        " nothing to collect",
        " collected the static files",
    ]
    assert (where.root / "static_root" / "site.css").exists()


def test_missing_manifest_is_collected_again(where: Place) -> None:
    for _ in range(2):
        where.run(*MODULE, "start", *SERVED, STATIC_ROOT="static_root")
        (where.root / "static_root" / "staticfiles.json").unlink()


def test_remote_storage_is_not_collected(where: Place) -> None:
    (where.root / "elsewhere.py").write_text(
        "from django.core.files.storage import Storage\n\n\nclass Elsewhere(Storage):\n    pass\n"
    )
    done = where.run(*MODULE, "start", *SERVED, STORAGE="elsewhere.Elsewhere")
    assert (done.returncode, done.stdout) == (0, "served\n")
    assert "buildstatic: nothing to collect: the files are in remote storage" in done.stderr


def test_server_gets_the_environment_of_start(where: Place) -> None:
    script = 'echo "$PORT/${DJANGO_SETTINGS_MODULE-unset}/${PYTHONPATH-unset}"'
    argv = [*MODULE, "start", "--", "sh", "-c", script]
    assert where.run(*argv).stdout == "8000/unset/unset\n"
    assert where.run(*argv, PORT="").stdout == "8000/unset/unset\n"
    assert where.run(*argv, PORT="81", DJANGO_SETTINGS_MODULE="mysite.settings").stdout == (
        "81/mysite.settings/unset\n"
    )
    named = ["--settings", "mysite.settings", "--pythonpath", "."]
    done = where.run(*MODULE, "start", *named, "--", "sh", "-c", script)
    assert done.stdout == f"8000/mysite.settings/{where.root}\n"


def test_server_ignores_no_signal(where: Place) -> None:
    done = where.run(*MODULE, "start", "--", "grep", "SigIgn", "/proc/self/status")
    ignored = int(done.stdout.split()[1], 16)
    assert ignored & 1 << signal.SIGPIPE - 1 == 0
    assert ignored & 1 << signal.SIGTERM - 1 == 0


WSGI, ASGI = "mysite.wsgi:application", "mysite.asgi:application"


@pytest.mark.parametrize(
    ("server", "current", "expected"),
    [
        ("granian", ".", f"--interface wsgi --host 0.0.0.0 --port 81 --workers 3 {WSGI}"),
        ("uvicorn", ".", f"--host 0.0.0.0 --port 81 {ASGI}"),
        ("daphne", ".", f"--bind 0.0.0.0 --port 81 {ASGI}"),
        ("hypercorn", ".", f"--bind 0.0.0.0:81 --workers 3 wsgi:{WSGI}"),
        ("waitress-serve", "..", f"--listen=0.0.0.0:81 {WSGI}"),
    ],
)
def test_installed_server_is_run_without_gunicorn(
    server: str, current: str, expected: str, tmp_path: Path, where: Place
) -> None:
    (where.root / "mysite/asgi.py").touch()
    program = tmp_path / "bin" / server
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "{server} $* in $PWD"\n')
    program.chmod(0o755)
    # Without the programs beside this Python, among them gunicorn.
    code = f"import os, sys; os.chdir({current!r}); sys.executable = {str(program)!r}"
    code += "; from buildstatic.runtime import __main__"
    code += "; sys.exit(__main__.main(['start']))"
    path = f"{program.parent}:/usr/bin:/bin"
    done = where.run(MODULE[0], "-c", code, PATH=path, PORT="81", WEB_CONCURRENCY="3")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"{server} {expected} in {where.root}"


def test_exit_status_is_the_servers(where: Place) -> None:
    assert where.run(*MODULE, "start", "--", "sh", "-c", "exit 37").returncode == 37


def test_command_after_dashes_is_not_parsed(where: Place) -> None:
    words = ["--migrate", "--", "a b", "$HOME"]
    done = where.run(*SCRIPT, "start", "--", "printf", r"%s\n", *words)
    assert done.stdout.splitlines() == words


@pytest.mark.parametrize(
    ("below", "argv"),
    [
        pytest.param("", (), id="here"),
        pytest.param("src", (), id="one level below"),
        pytest.param("a/src", (), id="two levels below"),
        pytest.param("a/b/src", ("--manage", "a/b/src/manage.py"), id="named"),
    ],
)
def test_manage_py_is_found(below: str, argv: tuple[str, ...], tmp_path: Path) -> None:
    made = place(tmp_path)
    root = tmp_path / "root"
    (root / below).parent.mkdir(parents=True, exist_ok=True)
    made.root.rename(root / below)
    done = Place(root).run(*MODULE, "release", *argv)
    assert done.returncode == 0, done.stderr
    assert (root / below / "db.sqlite3").exists()


BEFORE_DJANGO = "    from django.core."
SECRET = 'SECRET_KEY = "not-secret"'
READ_SECRET = 'SECRET_KEY = os.environ["SECRET"]'


def sys_path(where: Place) -> None:
    (where.root / "apps").mkdir()
    (where.root / "shop").rename(where.root / "apps" / "shop")
    edit(where.root / "manage.py", BEFORE_DJANGO, f'    sys.path.append("apps")\n{BEFORE_DJANGO}')


def dotenv(where: Place) -> None:
    (where.root / ".env").write_text("SECRET=from-a-file\n")
    edit(where.root / SETTINGS, SECRET, READ_SECRET)
    lines = f"    from dotenv import load_dotenv\n\n    load_dotenv()\n{BEFORE_DJANGO}"
    edit(where.root / "manage.py", BEFORE_DJANGO, lines)


def configurations(where: Place) -> None:
    settings = where.root / SETTINGS
    body = "".join(f"    {line}\n" for line in settings.read_text().splitlines())
    settings.write_text(
        f"from configurations import Configuration\n\n\nclass Live(Configuration):\n{body}"
    )
    lines = '    os.environ.setdefault("DJANGO_CONFIGURATION", "Live")\n    from configurations.'
    edit(where.root / "manage.py", BEFORE_DJANGO, lines)


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    "change", [sys_path, dotenv, configurations], ids=lambda change: change.__name__
)
def test_manage_py_is_run(change: Callable[[Place], None], where: Place) -> None:
    change(where)
    done = where.run(*MODULE, "start", "--migrate", *SERVED, STATIC_ROOT="static_root")
    assert done.returncode == 0, done.stderr
    assert "buildstatic: migrated default in " in done.stderr
    assert (where.root / "static_root" / "site.css").exists()


def test_changes_of_manage_py_do_not_reach_the_server(where: Place) -> None:
    lines = f'    os.environ["ADDED"] = "1"\n    os.chdir("/")\n{BEFORE_DJANGO}'
    edit(where.root / "manage.py", BEFORE_DJANGO, lines)
    done = where.run(*MODULE, "start", "--", "sh", "-c", "pwd; echo ${ADDED:-unchanged}")
    assert done.stdout.splitlines() == [str(where.root), "unchanged"], done.stderr


def test_named_databases_are_migrated(tmp_path: Path) -> None:
    one, two = ({"ENGINE": "django.db.backends.sqlite3", "NAME": name} for name in ("one", "two"))
    where = place(tmp_path, DATABASES=json.dumps({"default": one, "other": two}))
    done = where.run(*MODULE, "release", "--database", "default", "--database", "other")
    assert done.returncode == 0, done.stderr
    assert [line.split(" in ")[0] for line in done.stderr.splitlines()] == [
        "buildstatic: migrated default",
        "buildstatic: migrated other",
    ]


def test_project_without_a_database(tmp_path: Path) -> None:
    where = place(tmp_path, DATABASES='{"default": {}}')
    assert where.run(*MODULE, "start", "--migrate", *SERVED).stdout == "served\n"
    done = where.run(*MODULE, "release")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "buildstatic: DATABASES has no database: nothing to wait for\n"


def test_unsupported_lock_is_an_error_in_start_only(tmp_path: Path) -> None:
    unsupported = {"ENGINE": "shop.odd", "NAME": "db"}
    where = place(tmp_path, DATABASES=json.dumps({"default": unsupported}))
    done = where.run(*MODULE, "start", "--migrate", *SERVED)
    assert (done.returncode, done.stdout) == (LockUnsupported.exit_code, "")
    done = where.run(*MODULE, "release")
    assert done.returncode == 0, done.stderr
    warning = "warning: migrating without a lock. Migration locks are not supported on odd"
    assert warning in done.stderr


CLOSED = {"ENGINE": "django.db.backends.postgresql", "HOST": "127.0.0.1", "NAME": "none"}


def test_database_options_that_cannot_be_copied(tmp_path: Path) -> None:
    where = place(tmp_path)
    settings = where.root / SETTINGS
    seconds = "class Seconds(float):\n    def __reduce_ex__(self, _):\n        raise TypeError\n"
    options = "DATABASES['default']['OPTIONS'] = {'timeout': Seconds(5)}\n"
    settings.write_text(f"{settings.read_text()}\n\n{seconds}\n\n{options}")
    done = where.run(*MODULE, "release")
    assert done.returncode == 0, done.stderr


def test_unreachable_database(tmp_path: Path) -> None:
    settings = {**CLOSED, "PORT": str(free_port()), "PASSWORD": "never-to-be-said"}
    where = place(tmp_path, settings)
    done = where.run(*MODULE, "release", "--wait", "1.5")
    assert (done.returncode, done.stdout) == (DatabaseUnreachable.exit_code, "")
    first, last = done.stderr.splitlines()
    address = f"the database default (127.0.0.1:{settings['PORT']})"
    assert first.startswith(f"buildstatic: waiting for {address}: ")
    assert last.startswith(f"error: No response from {address} in ")
    assert "refused" in first
    assert "refused" in last
    assert "never-to-be-said" not in done.stderr


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that takes connections, and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_database_that_never_answers(silent: int, tmp_path: Path) -> None:
    settings = {**CLOSED, "PORT": str(silent)}
    done = place(tmp_path, settings).run(*MODULE, "release", "--wait", "1")
    assert done.returncode == DatabaseUnreachable.exit_code
    assert "no answer within 5 s" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signal_ends_the_waiting(number: signal.Signals, tmp_path: Path) -> None:
    where = place(tmp_path, {**CLOSED, "PORT": str(free_port())})
    process = where.start(*MODULE, "start", *SERVED)
    assert process.stderr
    assert "nothing to collect" in process.stderr.readline()
    assert "waiting for the database" in process.stderr.readline()
    process.send_signal(number)
    out, err = process.communicate(timeout=SECONDS)
    assert (process.returncode, out) == (128 + number, "")
    assert err.endswith(f"buildstatic: ended by {number.name}\n")


def test_signal_ends_a_blocking_driver(tmp_path: Path) -> None:
    stuck = tmp_path / "stuck"
    where = place(tmp_path)
    process = where.start(*MODULE, "release", STUCK_IN="0002", STUCK=str(stuck))
    until(stuck.exists, process)
    process.terminate()
    process.communicate(timeout=SECONDS)
    assert process.returncode == 143
    assert where.run(*MODULE, "release", "--lock-timeout", "60").returncode == 0


SETTINGS = "mysite/settings.py"
UNKNOWN_OPTION = (
    "{'ENGINE': 'django.db.backends.sqlite3', 'NAME': 'db', 'OPTIONS': {'frobnicate': 1}}"
)
NO_DIRECTORY = "{'ENGINE': 'django.db.backends.sqlite3', 'NAME': '/no/db'}"
WRONG: list[tuple[str, type[BuildstaticError], tuple[str, ...], dict[str, str], str]] = [
    (
        "no such server",
        ServerNotFound,
        ("start", "--migrate", "--", "frobnicated", "x"),
        {},
        "error: The server frobnicated is not installed: PATH is ",
    ),
    (
        "a server that cannot run",
        ServerNotFound,
        ("start", "--", "./server"),
        {"server": "#!/nowhere/at/all\n"},
        "error: Cannot run the server ./server: No such file or directory. ",
    ),
    (
        "nothing to serve",
        ServerNotFound,
        ("start",),
        {
            "other/__init__.py": "SECRET_KEY = 'x'\n",
            "manage.py": f"import os\nos.environ['DJANGO_SETTINGS_MODULE'] = 'other'\n{CALL}",
        },
        "error: WSGI_APPLICATION is not set, and ",
    ),
    (
        "no such settings",
        SettingsInvalid,
        ("release", "--settings", "mysite.production"),
        {},
        "error: The settings module 'mysite.production' does not exist. ",
    ),
    (
        "a manage.py that names none",
        SettingsInvalid,
        ("release",),
        {"manage.py": CALL},
        "manage.py does not set a settings module. ",
    ),
    (
        "a manage.py that does not call Django",
        SettingsInvalid,
        ("release",),
        {"manage.py": "import os\n"},
        "error: manage.py does not call Django. It must call ",
    ),
    (
        "a manage.py that exits",
        SettingsInvalid,
        ("start", "--", "true"),
        {"manage.py": "raise SystemExit('not here')\n"},
        "manage.py:1: it ended the process (not here). ",
    ),
    (
        "settings that do not parse",
        SettingsInvalid,
        ("release",),
        {SETTINGS: "SECRET_KEY = \n"},
        "mysite/settings.py:1: SyntaxError: ",
    ),
    (
        "settings that import what is not there",
        SettingsInvalid,
        ("release",),
        {SETTINGS: "import frobnicate\n"},
        "mysite/settings.py:1: ModuleNotFoundError: No module named 'frobnicate'. Install ",
    ),
    (
        "a variable that is not set",
        VariablesMissing,
        ("release",),
        {SETTINGS: "import os\nSECRET_KEY = os.environ['SHOP_KEY']\n"},
        "settings.py:2 requires the environment variable SHOP_KEY, which is not set. ",
    ),
    (
        "an app that is not there",
        SettingsInvalid,
        ("release",),
        {SETTINGS: "SECRET_KEY = 'x'\nINSTALLED_APPS = ['frobnicate']\n"},
        "error: The apps in INSTALLED_APPS cannot be imported: ModuleNotFoundError: ",
    ),
    (
        "no such database",
        DatabaseInvalid,
        ("release", "--database", "reports"),
        {},
        "error: DATABASES has no alias 'reports'. It has: default.\n",
    ),
    (
        "a driver that is not installed",
        DatabaseInvalid,
        ("release",),
        {SETTINGS: "DATABASES = {'default': {'ENGINE': 'django.db.backends.oracle'}}\n"},
        "error: The database default cannot be used: ",
    ),
    (
        "an option that the driver does not know",
        DatabaseUnreachable,
        ("release",),
        {SETTINGS: f"DATABASES = {{'default': {UNKNOWN_OPTION}}}\n"},
        "error: the database default (db) cannot be queried: ",
    ),
    (
        "no place to collect to",
        StaticRootInvalid,
        ("start", "--collect", "--", "true"),
        {},
        "error: STATIC_ROOT is not set. Set it, or omit --collect.",
    ),
    (
        "no app that collects",
        StaticfilesNotInstalled,
        ("start", "--collect", "--", "true"),
        {SETTINGS: "SECRET_KEY = 'x'\n"},
        "error: django.contrib.staticfiles is not in INSTALLED_APPS",
    ),
    (
        "a SQLite directory that is not there",
        DatabaseUnreachable,
        ("release",),
        {SETTINGS: f"DATABASES = {{'default': {NO_DIRECTORY}}}\n"},
        "unable to open database file",
    ),
]


@pytest.mark.parametrize(
    ("kind", "argv", "files", "said"), [pytest.param(*case[1:], id=case[0]) for case in WRONG]
)
def test_error_is_one_line_with_its_exit_code(
    kind: type[BuildstaticError],
    argv: tuple[str, ...],
    files: dict[str, str],
    said: str,
    where: Place,
) -> None:
    for name, text in files.items():
        (where.root / name).parent.mkdir(exist_ok=True)
        (where.root / name).write_text(text)
        (where.root / name).chmod(0o755)
    done = where.run(*MODULE, *argv)
    assert (done.returncode, done.stdout) == (kind.exit_code, ""), done.stderr
    line = done.stderr.splitlines(keepends=True)[-1]
    assert line.startswith("error: ")
    assert said in line
    assert "Traceback" not in done.stderr


def test_nothing_runs_without_a_server(where: Place) -> None:
    done = where.run(*MODULE, "start", "--migrate", "--", "frobnicated", STATIC_ROOT="static_root")
    assert done.returncode == ServerNotFound.exit_code
    assert not (where.root / "static_root").exists()
    assert not (where.root / "db.sqlite3").exists()


@pytest.mark.parametrize(
    ("kind", "argv", "more"),
    [
        pytest.param(CollectFailed, ("--collect",), {"STORAGE": "no.Storage"}, id="collect"),
        pytest.param(MigrationsFailed, ("--migrate",), {"FAIL": "0002"}, id="migrate"),
        pytest.param(MigrationsFailed, ("--migrate",), {"FAIL": "post_migrate"}, id="afterwards"),
    ],
)
def test_failed_step_ends_start(
    kind: type[BuildstaticError], argv: tuple[str, ...], more: dict[str, str], where: Place
) -> None:
    done = where.run(*MODULE, "start", *argv, *SERVED, STATIC_ROOT="static_root", **more)
    assert done.returncode == kind.exit_code
    assert "served" not in done.stdout
    assert done.stderr.splitlines()[-1].startswith("error: ")


@each_door
def test_traceback_option(door: tuple[str, ...], where: Place) -> None:
    done = where.run(*door, "release", "--traceback", FAIL="0002")
    assert done.returncode == MigrationsFailed.exit_code
    assert 'raise ValueError("no luck today")' in done.stderr


@each_door
def test_directory_without_a_project(door: tuple[str, ...], tmp_path: Path) -> None:
    done = Place(tmp_path).run(*door, "release")
    assert (done.returncode, done.stdout) == (ProjectNotFound.exit_code, "")
    assert done.stderr.startswith(f"error: No manage.py found in {tmp_path} or up to two levels")


def test_several_projects(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        place(tmp_path / name).root.rename(tmp_path / name / "site")
    done = Place(tmp_path).run(*MODULE, "release")
    assert done.returncode == ProjectNotFound.exit_code
    assert "one/site/manage.py, two/site/manage.py" in done.stderr


@each_door
@pytest.mark.parametrize(
    "argv", [("release", "--", "x"), ("start", "x"), ("start", "--wait", "nan")]
)
def test_wrong_usage_exits_with_2(
    door: tuple[str, ...], argv: tuple[str, ...], where: Place
) -> None:
    done = where.run(*door, *argv)
    assert (done.returncode, done.stdout) == (2, "")
    assert "sage: " in done.stderr


def test_python_without_django(where: Place) -> None:
    (where.root / "django.py").write_text("")
    done = where.run(*MODULE, "release")
    assert done.returncode == 11
    assert "Install buildstatic in the project's environment, with --no-deps" in done.stderr
