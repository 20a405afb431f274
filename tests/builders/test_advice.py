"""The advice for steps that failed. `outputs/` has what the tools themselves printed, shortened."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from buildstatic.builders.advice import ADVICE, advice_for

OUTPUTS = Path(__file__).with_name("outputs")
PACKAGES = {
    "uwsgi": '["build-essential"]',
    "uv_uwsgi": '["build-essential"]',
    "python_ldap": '["build-essential"]',
    "pycairo": '["build-essential"]',
    "psycopg2": '["build-essential", "libpq-dev"]',
    "mysqlclient": '["build-essential", "default-libmysqlclient-dev", "pkg-config"]',
    "xmlsec": '["build-essential", "libxmlsec1-dev", "pkg-config"]',
    "python_ldap_headers": '["libldap-dev", "libsasl2-dev"]',
    "pycairo_headers": '["libcairo2-dev", "pkg-config"]',
    "lxml": '["libxml2-dev", "libxslt1-dev"]',
    "pillow": '["libjpeg-dev"]',
    "pyodbc": '["unixodbc-dev"]',
    "cffi": '["libffi-dev"]',
    "gdal": '["libgdal-dev"]',
    "gssapi": '["libkrb5-dev"]',
    "pycurl": '["libcurl4-openssl-dev", "libssl-dev"]',
    "orjson": '["cargo", "rustc"]',
    "pip_git": '["git"]',
    "uv_git": '["git"]',
}
PRINTED = {
    "npm_git": "--no-install-recommends ca-certificates git",
    "npm_git_refused": "allow-git=all",
    "pip_no_distribution": "No index has buildstatic-does-not-exist-xyz==9 ",
    "uv_no_distribution": "No index has buildstatic-does-not-exist-xyz ",
    "npm_no_package": "No index has buildstatic-no-such-package-xyz@1.0.0 ",
    "npm_no_version": "No index has is-odd@99.0.0 ",
    "pip_other_python": "is not for the Python of the image: django-ninja==0.1.",
    "pip_requires_python": "is not for the Python of the image: >=3.14.",
    "uv_no_python": "The project requires another Python: >=3.15.",
    "poetry_python": "another Python: >=3.14. In pyproject.toml:\n  [tool.buildstatic.generate]",
    "pip_hash": "  pip-compile --generate-hashes",
    "npm_integrity": "Lock it again",
    "npm_lock": "package-lock.json does not match package.json",
    "npm_no_lock": "package-lock.json is missing",
    "pnpm_lock": "  pnpm install",
    "yarn_lock": "  yarn install",
    "uv_lock": "  uv lock",
    "pdm_lock": "  pdm lock",
    "pipenv_lock": "  pipenv lock",
    "npm_engine": '"engines": {"node": ">=99"}',
    "yarn_engine": '"engines": {"node": ">=99"}',
    "node_memory": "NODE_OPTIONS=--max-old-space-size=4096",
    "npm_script": "package.json has no script build.",
    "npm_no_program": "The stage has no program vite.",
    "webpack_openssl": "NODE_OPTIONS=--openssl-legacy-provider",
    "pip_401_prompt": "The package index 127.0.0.1:8080 requires credentials.",
    "pip_401": "buildstatic build --secret",
    "uv_401": "buildstatic build --secret",
    "uv_403": "buildstatic build --secret",
    "npm_401": "buildstatic build --secret",
    "npm_403": "buildstatic build --secret",
    "pnpm_401": "buildstatic build --secret",
    "pip_http": "  --trusted-host packages.example.org",
    "pip_no_network": "cannot reach the network. Check ",
    "pip_no_host": "The builder cannot reach https://files.example.org/simple/odd.zip.",
    "pipenv_no_host": "The builder cannot reach packages.example.org.",
    "poetry_no_host": "The builder cannot reach packages.example.org.",
    "psycopg2_too_old": "psycopg2-binary does not compile for the Python of the image",
    "pip_no_file": "requirements/prod.txt is not in this stage",
    "pip_local_file": "refers to /home/x/foo-1.0.tar.gz,",
    "no_pkg_resources": "  setuptools<81",
    "apt_no_package": "Debian has no package no-such-package-xyz",
    "copy_no_file": "nofile is not in the build context",
}
# What cannot be printed here: the messages are those in the sources of each program.
MESSAGES = {
    "[internal] load metadata for x.example.org/base:1\n401 Unauthorized": "the base image",
    "process did not complete successfully: exit code: 137": "for lack of memory",
    "OSError: [Errno 28] No space left on device": "  docker builder prune",
    "failed to copy files: copy file range failed: no space left on device": "builder prune",
    "exec /bin/sh: exec format error": "binfmt --install all",
    "error: cannot run ssh: No such file or directory\nfatal: unable to fork": "GIT_TOKEN,env=",
    "git@github.com: Permission denied (publickey).": "git+https://${GIT_TOKEN}@HOST/",
    "fatal: could not read Username for 'https://github.com': No such device": "id=GIT_TOKEN",
    "SSLCertVerificationError: CERTIFICATE_VERIFY_FAILED": "PIP_CERT",
    "RUN --network=none x\nsocket.gaierror: Temporary failure in name resolution": "network =",
    "FileNotFoundError: [Errno 2] No such file or directory: 'git'": 'os.environ.get("VERSION"',
    "gyp ERR! find Python Python is not set from environment variable PYTHON": "g++ make python3",
    "CMake must be installed to build the following extensions": '["cmake"]',
    "error: command 'swig' failed: No such file or directory": '["swig"]',
    "a.c:1:10: fatal error: Python.h: No such file or directory": '["python3-dev"]',
    "a.c:1:10: fatal error: sasl/sasl.h: No such file or directory": '["libsasl2-dev"]',
    "a.c:1:10: fatal error: openssl/ssl.h: No such file or directory": '["libssl-dev"]',
    "a.c:1:10: fatal error: sqlite3.h: No such file or directory": '["libsqlite3-dev"]',
    "a.c:1:10: fatal error: graphviz/cgraph.h: No such file or dir": '["libgraphviz-dev"]',
    "a.c:1:10: fatal error: yaml.h: No such file or directory": '["libyaml-dev"]',
    "a.c:1:10: fatal error: pcre2.h: No such file or directory": '["libpcre2-dev"]',
    "a.c:1:10: fatal error: zlib.h: No such file or directory": '["zlib1g-dev"]',
    "a.c:1:10: fatal error: odd.h: No such file or directory": "are missing: odd.h.",
    "Package 'odd-1', required by 'x', not found in the pkg-config search path": "missing: odd-1.",
    "In --require-hashes mode, all requirements must have their versions pinned": "has no hash",
    "error: lockfile had changes, but lockfile is frozen": "  bun install",
    "pyproject.toml changed significantly since poetry.lock was last generated.": "  poetry lock",
    "decouple.UndefinedValueError: API_KEY not found. Declare it": '\n  API_KEY = "…"',
    "KeyError: 'API_KEY'": "[tool.buildstatic.env]",
    "[frontend 5/5] RUN --mount=type=cache npm run build:css\nError: x": "The script build:css of",
    "in get_files\nFileNotFoundError: [Errno 2] No such file or directory: '/app/static/css'": (
        "npm pkg set 'scripts.build=gulp build'"
    ),
    "mysite/settings.py:3 requires the environment variable API_KEY, which is not set.": "API_KEY",
}
NO_HOST = {
    "error: Failed to fetch: `https://a.example.org/x/`\n  dns error": "a.example.org/x/",
    "ENOTFOUND\nnpm error request to https://npm.example.org/x failed": "npm.example.org/x",
    "getaddrinfo EAI_AGAIN npm.example.org": "npm.example.org",
    "fatal: unable to access 'https://git.example.org/x/': Could not resolve host: git": "git.exam",
    "E: Temporary failure resolving 'deb.example.org'": "deb.example.org",
}
MOUNTS = "[deps 4/4] RUN --mount=type=bind,source=base.txt,target=base.txt --mount=type=bind,"
EVERY = {name: (OUTPUTS / f"{name}.txt").read_text("utf-8") for name in (*PACKAGES, *PRINTED)}


@pytest.mark.parametrize("name", PACKAGES)
def test_packages_that_a_compiled_package_needs(name: str) -> None:
    pasted = f"\n  [tool.buildstatic]\n  build-packages = {PACKAGES[name]}\n"
    assert pasted in advice_for(EVERY[name])


def test_secrets_that_the_step_reads_are_named() -> None:
    step = '[deps 3/3] RUN USER="$(cat /run/secrets/USER)" TOKEN="$(cat /run/secrets/TOKEN)" pip\n'
    line = "\n  buildstatic build --secret id=USER,env=USER --secret id=TOKEN,env=TOKEN"
    assert advice_for(step + EVERY["pip_401"]).endswith(line)


@pytest.mark.parametrize("name", PRINTED)
def test_advice_for_what_a_tool_printed(name: str) -> None:
    assert PRINTED[name] in advice_for(EVERY[name])


@pytest.mark.parametrize("message", MESSAGES)
def test_advice_for_a_message(message: str) -> None:
    assert MESSAGES[message] in advice_for(message)


@pytest.mark.parametrize("message", NO_HOST)
def test_address_that_cannot_be_reached(message: str) -> None:
    told = advice_for(message)
    assert re.match(rf"The builder cannot reach \S*{re.escape(NO_HOST[message])}\S*\. ", told)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("pip_no_host", "odd @ https://files.example.org/simple/odd.zip"),
        ("pipenv_no_host", 'url = "https://packages.example.org/simple"'),
        ("psycopg2_too_old", "psycopg2-binary==2.8.3"),
    ],
)
def test_line_that_names_what_failed(name: str, line: str, tmp_path: Path) -> None:
    (tmp_path / "base.txt").write_text("django\n")
    (tmp_path / "prod.txt").write_text(f"# {line}\npsycopg2-binary-x\n{line}\n")
    text = f"{MOUNTS}source=prod.txt,target=prod.txt x\n{EVERY[name]}"
    assert f" prod.txt:3 names it: {line}. " in advice_for(text, tmp_path)


def test_task_of_gulp_that_builds_a_missing_directory(tmp_path: Path) -> None:
    text = "in get_files\nFileNotFoundError: [Errno 2] No such file or directory: '/app/static/dev'"
    (tmp_path / "gulpfile.js").write_text("module.exports = { build, dev };\n")
    assert advice_for(text, tmp_path).endswith("\n  npm pkg set 'scripts.build=gulp dev'")


def test_version_with_a_wheel_is_named() -> None:
    assert advice_for(EVERY["psycopg2_too_old"]).endswith("wheel:\n  psycopg2-binary>=2.9.5")


@pytest.mark.parametrize(
    ("step", "printed", "command"),
    [
        ("npm run css", "sh: 1: sass: not found", "npm install --save-dev sass"),
        ("pnpm run css", "sh: 1: tsc: not found", "pnpm add --save-dev typescript"),
        ("yarn run css", "/bin/sh: 1: lessc: not found", "yarn add --dev less"),
        ("yarn run css", "command not found: postcss", "yarn add --dev postcss postcss-cli"),
        ("bun run css", "bun: command not found: ng", "bun add --dev @angular/cli"),
    ],
)
def test_command_that_adds_the_program_of_a_script(step: str, printed: str, command: str) -> None:
    text = f"[frontend 5/5] RUN --mount=type=cache,target=/x {step}\n> x@1.0.0 css\n{printed}"
    assert advice_for(text).endswith(f"\n  {command}")


def test_every_row_has_a_test() -> None:
    program = "[frontend 5/5] RUN npm run css\nsh: 1: sass: not found"
    texts = (*EVERY.values(), *MESSAGES, program)
    unused = [row.pattern for row in ADVICE if not any(re.search(row[0], t, re.M) for t in texts)]
    assert unused == []
    assert {path.stem for path in OUTPUTS.iterdir()} == {*PACKAGES, *PRINTED}


def test_no_advice_for_an_unknown_message() -> None:
    assert advice_for("Traceback (most recent call last):\nValueError: 3\nexit code: 1") == ""


def test_colors_do_not_hide_a_message() -> None:
    text = '\x1b[31mnpm error\x1b[0m code EBADENGINE\nRequired: \x1b[1m{"node":">=22"}\x1b[0m'
    assert '"engines": {"node": ">=22"}' in advice_for(text)
