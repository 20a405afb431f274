"""The project's own manage.py runs: what it does to the process holds for the collector."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from buildstatic.workflows.check import check
from tests.collect.conftest import Collect
from tests.collect.sites import MANAGE, Ran, Site, contents, make_site, manage, plain_environ

pytestmark = pytest.mark.slow

IN_CHILD = ("--python", sys.executable)
CALL = "    execute_from_command_line(sys.argv)\n"
REQUIRED = 'import os\nGREETING = os.environ["GREETING"]\n'


def sys_path(site: Site) -> None:
    """The apps are in a directory of their own."""
    site.app("blog", {"blog/blog.css": "blog"})
    (site.root / "apps").mkdir()
    (site.root / "blog").rename(site.root / "apps" / "blog")
    line = 'sys.path.insert(0, os.path.join(os.path.dirname(__file__), "apps"))\n'
    site.write({"manage.py": MANAGE.replace("\nif ", f"\n{line}\nif ")})


def package_in_src(site: Site) -> None:
    (site.root / "src").mkdir()
    (site.root / "mysite").rename(site.root / "src" / "mysite")
    settings = site.root / "src" / "mysite" / "settings.py"
    settings.write_text(settings.read_text().replace(".parent.parent", ".parent.parent.parent"))
    line = 'sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "src"))\n'
    site.write({"manage.py": MANAGE.replace("\nif ", f"\n{line}\nif ")})


def dotenv(site: Site) -> None:
    site.append(REQUIRED)
    lines = "from dotenv import load_dotenv\n\nload_dotenv()\n"
    site.write(
        {".env": "GREETING=hello\n", "manage.py": MANAGE.replace("\nif ", f"\n{lines}\nif ")}
    )


def environment_default(site: Site) -> None:
    site.append(REQUIRED)
    line = '    os.environ.setdefault("GREETING", "hello")\n'
    site.write({"manage.py": MANAGE.replace("    from ", f"{line}    from ")})


def configurations(site: Site) -> None:
    lines = site.settings.read_text().replace("\n", "\n    ")
    site.settings.write_text(
        "from configurations import Configuration\n\n\n"
        f"class Production(Configuration):\n    {lines.rstrip()}\n"
    )
    line = '    os.environ.setdefault("DJANGO_CONFIGURATION", "Production")\n'
    script = MANAGE.replace("    from django.core.", f"{line}    from configurations.")
    site.write({"manage.py": script})


def symbolic_link(site: Site) -> None:
    """What is beside the file that the link leads to is imported, not what is beside the link."""
    (site.root / "code").mkdir()
    (site.root / "mysite").rename(site.root / "code" / "mysite")
    settings = site.root / "code" / "mysite" / "settings.py"
    settings.write_text(settings.read_text().replace(".parent.parent", ".parent.parent.parent"))
    (site.root / "manage.py").rename(site.root / "code" / "manage.py")
    (site.root / "manage.py").symlink_to("code/manage.py")


def another_name(site: Site) -> None:
    script = MANAGE.replace("import execute_from_command_line", "import ManagementUtility as Tool")
    site.write(
        {"manage.py": script.replace("execute_from_command_line(sys.argv)", "Tool().execute()")}
    )


def own_execute(site: Site) -> None:
    """A utility that finds and runs the command itself."""
    lines = (
        "    import django\n\n"
        "    class Own(Tool):\n"
        "        def execute(self):\n"
        "            django.setup()\n"
        "            self.fetch_command(self.argv[1]).run_from_argv(self.argv)\n\n"
        "    Own(sys.argv).execute()"
    )
    another_name(site)
    script = (site.root / "manage.py").read_text()
    site.write({"manage.py": script.replace("    Tool().execute()", lines)})


def other_program_first(site: Site) -> None:
    lines = '    import subprocess\n\n    subprocess.run(["echo", "collectstatic", "python"])\n'
    site.write({"manage.py": MANAGE.replace(CALL, f"{lines}{CALL}")})


def other_command_first(site: Site) -> None:
    lines = (
        '    execute_from_command_line(["manage.py", "check"])\n    execute_from_command_line(sys'
    )
    site.write({"manage.py": MANAGE.replace("    execute_from_command_line(sys", lines)})


def settings_in_arguments(site: Site) -> None:
    site.settings.rename(site.root / "mysite" / "live.py")
    site.write({"mysite/settings.py": "raise RuntimeError\n"})
    script = MANAGE.replace("(sys.argv)", '([*sys.argv, "--settings=mysite.live"])')
    site.write({"manage.py": script})


def catches_everything(site: Site) -> None:
    lines = (
        "    try:\n        execute_from_command_line(sys.argv)\n    except:\n        sys.exit(1)\n"
    )
    site.write({"manage.py": MANAGE.replace("    execute_from_command_line(sys.argv)\n", lines)})


def calls_the_command(site: Site) -> None:
    lines = (
        "    import django\n    from django.core.management import call_command\n\n"
        "    django.setup()\n    call_command(*sys.argv[1:])\n"
    )
    site.write({"manage.py": MANAGE.replace(CALL, lines)})


PROJECTS = [
    sys_path,
    package_in_src,
    dotenv,
    environment_default,
    configurations,
    symbolic_link,
    another_name,
    own_execute,
    other_program_first,
    other_command_first,
    settings_in_arguments,
    catches_everything,
    calls_the_command,
]


@pytest.mark.parametrize("change", PROJECTS, ids=lambda change: change.__name__)
def test_collects_what_djangos_command_collects(
    site: Site, collect: Collect, change: Callable[[Site], None]
) -> None:
    change(site)
    assert manage(site, "--noinput").code == 0
    expected = contents(site.tree)
    assert expected
    for where in ((), IN_CHILD):
        ran = collect(site, "--noinput", "--clear", *where)
        assert ran.code == 0, ran.err
        assert contents(site.tree) == expected


@pytest.mark.parametrize("change", [sys_path, dotenv, configurations], ids=lambda c: c.__name__)
def test_check_looks_inside_through_manage_py(site: Site, change: Callable[[Site], None]) -> None:
    site.write({"static/css/site.css": 'a { background: url("gone.png") }'})
    site.storage("django.contrib.staticfiles.storage.ManifestStaticFilesStorage")
    change(site)
    result = check(site.root)
    found = [finding.code for finding in result.findings]
    assert "reference-missing" in found
    assert not {"project-does-not-import", "collecting-fails"} & {*found}


@pytest.mark.parametrize("change", [sys_path, dotenv, configurations], ids=lambda c: c.__name__)
def test_app_collects_through_every_manage_py(
    site: Site, collect: Collect, change: Callable[[Site], None]
) -> None:
    app = '"django.contrib.staticfiles"'
    site.settings.write_text(site.settings.read_text().replace(app, f'"buildstatic.django", {app}'))
    change(site)
    ran = manage(site, "--noinput")
    assert ran.code == 0, ran.err
    through_manage_py = contents(site.tree)
    assert collect(site, "--noinput", "--clear").code == 0
    assert contents(site.tree) == through_manage_py


@pytest.mark.parametrize("way", ["option", "environment"])
def test_named_settings_take_precedence(site: Site, collect: Collect, way: str) -> None:
    site.write({"mysite/other.py": "from mysite.settings import *\nSTATIC_ROOT = BASE_DIR / 'o'\n"})
    assignment = 'os.environ["DJANGO_SETTINGS_MODULE"] = "mysite.settings"'
    setdefault = 'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")'
    site.write({"manage.py": MANAGE.replace(setdefault, assignment)})
    if way == "option":
        ran = collect(site, "--noinput", "--settings", "mysite.other")
    else:
        ran = collect(site, "--noinput", environ={"DJANGO_SETTINGS_MODULE": "mysite.other"})
    assert ran.code == 0, ran.err
    assert (site.root / "o" / "css" / "site.css").exists()
    assert not site.tree.exists()


def test_settings_module_may_come_from_a_file(site: Site, collect: Collect) -> None:
    dotenv(site)
    site.write({"mysite/other.py": "from mysite.settings import *\nSTATIC_ROOT = BASE_DIR / 'o'\n"})
    site.write({".env": "GREETING=hello\nDJANGO_SETTINGS_MODULE=mysite.other\n"})
    assert collect(site, "--noinput").code == 0
    assert (site.root / "o" / "css" / "site.css").exists()


NOTHING = MANAGE.replace(CALL, "")
RUN = '    sys.exit(subprocess.call([sys.executable, "real_manage.py", *sys.argv[1:]]))\n'
SPAWNED = '[sys.executable, "real_manage.py", *sys.argv[1:]]'
FAILURES = {
    "never-calls": (NOTHING, "manage.py does not call Django. It must call "),
    "not-main": (MANAGE.replace("__main__", "main"), "manage.py does not call Django. It must "),
    "exits-successfully": (
        MANAGE.replace("    from", "    sys.exit(0)\n    from"),
        "manage.py does not call Django. It must call ",
    ),
    "exec": (
        MANAGE.replace(CALL, '    os.execv(sys.executable, ["python", "real_manage.py"])\n'),
        f"manage.py:8 replaces its process with {sys.executable}. It must call ",
    ),
    "subprocess": (
        MANAGE.replace(CALL, f"    import subprocess\n\n{RUN}"),
        "manage.py:10 runs collectstatic in another process. It must call ",
    ),
    "spawn": (
        MANAGE.replace(CALL, f"    os.posix_spawn(sys.executable, {SPAWNED}, os.environ)\n"),
        "manage.py:8 runs collectstatic in another process. It must call ",
    ),
    "shell": (
        MANAGE.replace(CALL, '    os.system("python real_manage.py collectstatic --noinput")\n'),
        "manage.py:8 runs collectstatic in another process. It must call ",
    ),
    "exits": (
        MANAGE.replace("    from", "    sys.exit('not here')\n    from"),
        "manage.py cannot be run: manage.py:6: it ended the process (not here).",
    ),
    "raises": (
        MANAGE.replace("    from", "    1 / 0\n    from"),
        "manage.py cannot be run: manage.py:6: ZeroDivisionError: division by zero.",
    ),
    "no-module": (
        MANAGE.replace("    from", "    import nosuchmodule\n    from"),
        "No module named 'nosuchmodule'. None of the dependencies has it.",
    ),
    "variable": (
        MANAGE.replace("    from", "    os.environ['MODE']\n    from"),
        "manage.py:6 requires the environment variable MODE, which is not set.",
    ),
    "prompts": (
        MANAGE.replace("    from", "    input('Sure?')\n    from"),
        "manage.py asks for input, and standard input is closed.",
    ),
}


@pytest.mark.parametrize("name", FAILURES)
def test_failing_manage_py_is_reported(site: Site, collect: Collect, name: str) -> None:
    script, message = FAILURES[name]
    site.write({"manage.py": script, "real_manage.py": MANAGE})
    for where in ((), IN_CHILD) if name in ("never-calls", "exits") else ((),):
        ran = collect(site, "--noinput", *where)
        assert ran.code == (14 if name == "variable" else 13), ran.err
        assert message in ran.err
        assert "Traceback" not in ran.err
        assert not site.tree.exists()


def test_manage_py_that_loops_is_stopped(tmp_path: Path) -> None:
    site = make_site(tmp_path / "site")
    site.write({"manage.py": MANAGE.replace("    from", "    while True:\n        pass\n    from")})
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from buildstatic.manage_py import run\n"
        "run.TIME_LIMIT = 1\n"
        "run.run_manage_py(Path(sys.argv[1]), ['collectstatic'], None)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, site.root / "manage.py"],
        capture_output=True,
        encoding="utf-8",
        env=plain_environ(),
        timeout=60,
    )
    problem = r"manage.py has not called Django after 1 seconds; it is at line"
    assert f"SettingsInvalid: {problem}" in done.stderr


def test_check_does_not_wait_for_input(site: Site) -> None:
    site.write({"manage.py": FAILURES["prompts"][0]})
    reading, writing = os.pipe()  # a standard input that nobody writes to
    try:
        done = subprocess.run(
            [sys.executable, "-m", "buildstatic", "check"],
            cwd=site.root,
            env=plain_environ(),
            stdin=reading,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
        )
    finally:
        os.close(reading)
        os.close(writing)
    ran = Ran(done.returncode, done.stdout, done.stderr)
    assert "manage.py asks for input" in ran.out + ran.err
