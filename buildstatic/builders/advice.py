"""Advice for a step of a build that failed, made from what the step printed.

`ADVICE` is the only list of known messages. A row's first match counts, so causes stand before what
follows from them. The comment above a row says whose message it is.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from buildstatic.project.packages.system import WHEELS_SINCE

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_TOOLCHAIN = ("build-essential",)
_NODE_INSTALL = (
    "Install it in the stage before this step: "
    "RUN apt-get update && apt-get install --yes --no-install-recommends "
)
_SECRET = (
    "Pass the credentials as a secret that the step mounts, never in a file or a build argument:\n"
    "  buildstatic build {secrets}"
)
_PYTHON = 'In pyproject.toml:\n  [tool.buildstatic.generate]\n  python = "3.X"'
_COMMIT_LOCK = "Commit it after this command:\n  "
# The commands that add a development dependency to package.json and to its lock file.
_ADD = {
    "npm": "npm install --save-dev",
    "pnpm": "pnpm add --save-dev",
    "yarn": "yarn add --dev",
    "bun": "bun add --dev",
}
# The packages on npm with programs of another name, by `bin` of their package.json.
_PROGRAMS = {
    "cleancss": "clean-css-cli",
    "eleventy": "@11ty/eleventy",
    "grunt": "grunt grunt-cli",
    "lessc": "less",
    "ng": "@angular/cli",
    "parcel": "parcel",
    "postcss": "postcss postcss-cli",
    "run-p": "npm-run-all",
    "run-s": "npm-run-all",
    "swc": "@swc/core @swc/cli",
    "babel": "@babel/core @babel/cli",
    "tailwind": "tailwindcss",
    "tsc": "typescript",
    "uglifyjs": "uglify-js",
    "vue-cli-service": "@vue/cli-service",
    "webpack": "webpack webpack-cli",
}
# What was being installed or built when a step failed: pip, uv.
_FAILED_PACKAGE = re.compile(
    r"(?:╰─> (?!See |No )|Failed building wheel for |Failed to build `?)(?P<name>[A-Za-z][\w.-]*\w)"
)
# The addresses in messages of urllib3, uv, npm and git, getaddrinfo, curl, apt, and Poetry.
_ADDRESSES = (
    r"(?P<scheme>HTTPS?)ConnectionPool\(host='(?P<host>[^']+)', port=\d+\)"
    r": Max retries exceeded with url: (?P<path>/\S*)",
    r"HTTPS?Connection(?:Pool)?\(host='(?P<host>[^']+)'",
    r"(?:Failed to (?:fetch|download):? |request to |unable to access |for url \()[`'\"]?"
    r"(?P<host>https?://[^\s'\"`)]+)",
    r"(?:getaddrinfo \w+ |Could not resolve host: |Temporary failure resolving '"
    r"|All attempts to connect to )"
    r"(?P<host>[\w.-]*\w)",
)


class Advice(NamedTuple):
    """What to do about a message.

    *pattern* is a regular expression for the message, on one or several lines. *text* is the
    sentence, with the named groups of the pattern and the values of `_values` in braces, or empty
    if the step lacks Debian *packages* only.
    """

    pattern: str
    text: str = ""
    packages: tuple[str, ...] = ()


ADVICE = (
    # BuildKit's step that requests a base image from a registry
    Advice(
        r"^\[internal\] load metadata for ",
        "Check the name of the base image, the connection to its registry, and your login. "
        "Without --pull, a local image is used if there is one.",
    ),
    # Node.js (V8) and the kernel's OOM killer, as BuildKit and GCC report it
    Advice(
        r"JavaScript heap out of memory",
        "The front-end build needs more memory than Node allows. In package.json, for example:\n"
        '  "build": "NODE_OPTIONS=--max-old-space-size=4096 vite build"',
    ),
    Advice(
        r"exit code: 137\b|cannot allocate memory|Killed signal terminated program"
        r"|Cannot allocate memory",
        "The step was ended for lack of memory. Give the builder more (Docker Desktop: Settings, "
        "Resources), or install a version of the package that has a wheel.",
    ),
    # The kernel
    Advice(
        r"(?i:No space left on device)|ENOSPC: no space",
        "The builder's disk is full. `docker system df` shows what uses it; to free most of it:\n"
        "  docker builder prune",
    ),
    # BuildKit, solver/llbsolver (contenthash): COPY and bind mounts of a missing file
    Advice(
        r"(?:failed to calculate checksum of ref|failed to compute cache key)"
        r'[^"\n]*"/?(?P<file>[^"\n]+)": not found',
        "{file} is not in the build context: it does not exist, or .dockerignore excludes it. "
        "In the latter case add to the end of .dockerignore:\n  !{file}",
    ),
    # Linux, execve(2)
    Advice(
        r"exec format error",
        "The image is for another platform. Set --platform, or install the emulators on the "
        "builder's machine:\n"
        "  docker run --privileged --rm tonistiigi/binfmt --install all",
    ),
    # apt
    Advice(
        r"E: Unable to locate package (?P<name>\S+)",
        "Debian has no package {name} in the release of the base image. Correct build-packages or "
        "run-packages of [tool.buildstatic]; packages.debian.org finds its name.",
    ),
    # pip 25, which asks for the user's name; a build has no terminal
    Advice(
        r"^User for (?P<host>\S+): ",
        "The package index {host} requires credentials. " + _SECRET,
    ),
    # pip, uv, Poetry, npm 12, pnpm 9, Yarn 1
    Advice(
        r"\b(?:401|403) (?:Client )?Error\b[^\n]*|HTTP (?:status client )?error \(?40[13]\b[^\n]*"
        r"|\bE40[13]\b|\b40[13] (?:Unauthorized|Forbidden)|ERR_PNPM_FETCH_40[13]|YN0041",
        "A package index or registry requires credentials, or rejects those that it got. "
        + _SECRET,
    ),
    # pip, with an index that has no TLS
    Advice(
        r"The repository located at (?P<host>\S+) is not a trusted or secure host",
        "pip does not use the package index at {host}, as its address begins with http:. If it has "
        "none with https:, add to the requirements file:\n  --trusted-host {host}",
    ),
    # BuildKit and npm behind a proxy that replaces certificates (OpenSSL)
    Advice(
        r"CERTIFICATE_VERIFY_FAILED|SELF_SIGNED_CERT_IN_CHAIN|self[- ]signed certificate",
        "A certificate is not trusted, as behind a proxy that replaces certificates. Use base "
        "images that have its certificate authority (`buildstatic generate` takes them as they "
        "are named), or set PIP_CERT, REQUESTS_CA_BUNDLE, SSL_CERT_FILE and NODE_EXTRA_CA_CERTS.",
    ),
    # pip and uv with a requirement from a repository
    Advice(r"Cannot find command 'git'|Git executable not found", packages=("git",)),
    # git, over SSH and over HTTPS without credentials
    Advice(
        r"cannot run ssh: No such file|Host key verification failed|Permission denied \(publickey"
        r"|could not read Username for|fatal: Authentication failed for",
        "A repository requires credentials, which the build does not have. In a requirements file "
        "write git+https://${{GIT_TOKEN}}@HOST/…, and pass the token as a secret:\n"
        "  buildstatic build --secret id=GIT_TOKEN,env=GIT_TOKEN",
    ),
    # Python, running a module of the project
    Advice(
        r"No such file or directory: 'git'$",
        "The project runs git, which this stage does not have, and the repository is not in the "
        "build context either. Let the settings read a file or a variable instead:\n"
        '  VERSION = os.environ.get("VERSION", "unknown")',
    ),
    # npm
    Advice(
        r"\bEALLOWGIT\b",
        "This npm does not install packages from git unless it is allowed. Add to .npmrc:\n"
        "  allow-git=all",
    ),
    Advice(
        r"npm error syscall spawn git|spawn git ENOENT",
        "A package comes from a git repository, and the stage has no git. "
        + _NODE_INSTALL
        + "ca-certificates git",
    ),
    # node-gyp
    Advice(
        r"gyp ERR! find Python|gyp ERR!.*not found: make|gyp ERR!.*g\+\+",
        "A package of the front-end is compiled, and the stage has no compiler. "
        + _NODE_INSTALL
        + "g++ make python3",
    ),
    # GCC, for sources that use what this version of Python's C interface no longer has
    Advice(
        r"^\s*\S+\.(?:c|cc|cpp|cxx|h|hpp|pyx):\d+:\d+: error: ",
        "{package} does not compile for the Python of the image: its version is too old."
        "{place} Require a version that has a wheel:\n  {requirement}",
    ),
    # setuptools, distutils, uWSGI, meson, CMake
    Advice(
        r"command '[^']*(?:gcc|g\+\+|cc|c\+\+|clang)' failed"
        r"|No such file or directory: '[^']*(?:gcc|g\+\+|cc|make)'"
        r"|you need a C compiler|Unknown compiler\(s\)|No CMAKE_C(?:XX)?_COMPILER could be found"
        r"|\bmake: not found|unable to execute '[^']*(?:gcc|g\+\+|cc)'",
        packages=_TOOLCHAIN,
    ),
    # CMake, scikit-build-core; SWIG
    Advice(r"CMake must be installed|No such file or directory: 'cmake'", packages=("cmake",)),
    Advice(r"No such file or directory: 'swig'|command 'swig' failed", packages=("swig",)),
    # setuptools-rust, maturin, puccinialin
    Advice(
        r"can't find Rust compiler|Cargo, the Rust package manager, is not installed"
        r"|Rust not found, installing into a temporary directory",
        packages=("cargo", "rustc"),
    ),
    # glibc, musl, Python and Node, in a step that has no network
    Advice(
        r"--network=none(?s:.*)(?:name resolution|Name or service not known|EAI_AGAIN"
        r"|Network is unreachable)",
        "The step runs without network, and something in the project connects to a host. If "
        "collecting needs it, in pyproject.toml:\n  [tool.buildstatic]\n  network = true",
    ),
    Advice(
        r"Temporary failure in name resolution|Name or service not known|EAI_AGAIN|ENOTFOUND"
        r"|Failed to establish a new connection|Could not resolve host|dns error"
        r"|Temporary failure resolving",
        "The builder cannot reach {address}.{place} Check address and connection; behind a proxy, "
        "build with:\n"
        "  buildstatic build --build-arg HTTPS_PROXY=http://proxy.example.org:3128",
    ),
    # Poetry, which prints the same for a certificate that it does not trust
    Advice(
        r"All attempts to connect to \S+ failed",
        "The builder cannot reach {address}.{place} Check address and connection. Behind a proxy "
        "that replaces certificates, use a base image with REQUESTS_CA_BUNDLE; else build with:\n"
        "  buildstatic build --build-arg HTTPS_PROXY=http://proxy.example.org:3128",
    ),
    # mysqlclient, setup.py
    Advice(
        r"Can not find valid pkg-config name|mysql_config: not found|fatal error: mysql\.h",
        packages=(*_TOOLCHAIN, "default-libmysqlclient-dev", "pkg-config"),
    ),
    # psycopg2, setup.py
    Advice(
        r"pg_config executable not found|fatal error: libpq-fe\.h",
        packages=(*_TOOLCHAIN, "libpq-dev"),
    ),
    # xmlsec and meson without pkg-config
    Advice(
        r"Unable to invoke pkg-config|[Pp]kg-config for machine host machine not found"
        r"|pkg-config: not found|No such file or directory: 'pkg-config'",
        packages=("pkg-config",),
    ),
    # GCC for a header, meson and pkgconf for a module, and the configuration programs of libraries;
    # the packages are those of Debian 12 and 13 (packages.debian.org, contents)
    Advice(r"fatal error: Python\.h", packages=("python3-dev",)),
    Advice(r"fatal error: (?:lber|ldap)\.h", packages=("libldap-dev", "libsasl2-dev")),
    Advice(r"fatal error: sasl/sasl\.h", packages=("libsasl2-dev",)),
    Advice(r"fatal error: ffi\.h", packages=("libffi-dev",)),
    Advice(r"fatal error: openssl/\S+\.h", packages=("libssl-dev",)),
    Advice(r"fatal error: sql(?:ext)?\.h", packages=("unixodbc-dev",)),
    Advice(r"fatal error: sqlite3\.h", packages=("libsqlite3-dev",)),
    Advice(r"fatal error: graphviz/\S+\.h", packages=("libgraphviz-dev",)),
    Advice(r"fatal error: yaml\.h", packages=("libyaml-dev",)),
    Advice(r"fatal error: pcre2\.h", packages=("libpcre2-dev",)),
    Advice(
        r"libxml2 and libxslt development packages|fatal error: libx(?:ml|slt)/\S+\.h",
        packages=("libxml2-dev", "libxslt1-dev"),
    ),
    Advice(r"could not be found for jpeg|fatal error: jpeglib\.h", packages=("libjpeg-dev",)),
    Advice(r"could not be found for zlib|fatal error: zlib\.h", packages=("zlib1g-dev",)),
    Advice(r"Could not find gdal-config|fatal error: gdal\S*\.h", packages=("libgdal-dev",)),
    Advice(r"krb5-config: not found", packages=("libkrb5-dev",)),
    Advice(
        r"Could not run curl-config|fatal error: curl/\S+\.h",
        packages=("libcurl4-openssl-dev", "libssl-dev"),
    ),
    Advice(r"\bcairo\b[^\n]*(?:pkg-?config|not found)", packages=("libcairo2-dev", "pkg-config")),
    Advice(
        r"Package ['\"]?xmlsec1['\"]?[^\n]*not found|fatal error: xmlsec/\S+\.h"
        r"|Failed building wheel for xmlsec",
        packages=(*_TOOLCHAIN, "libxmlsec1-dev", "pkg-config"),
    ),
    # pkgconf and GCC, for a library that is not above
    Advice(
        r"Package ['\"]?(?P<name>[\w.+-]+)['\"]?[^\n]* not found in the pkg-config search path"
        r"|fatal error: (?P<header>\S+\.h): No such file",
        "The development files of a system library are missing: {name}{header}. Find the package "
        "that contains it (packages.debian.org, contents), and add it to pyproject.toml:\n"
        '  [tool.buildstatic]\n  build-packages = ["lib…-dev"]',
    ),
    # pip
    Advice(
        r"THESE PACKAGES DO NOT MATCH THE HASHES",
        "A requirement's hash is not that of the file on the index: it was published again, or the "
        "file with the hashes is old. Make the hashes again, and review what changed:\n"
        "  pip-compile --generate-hashes",
    ),
    Advice(
        r"In --require-hashes mode, all requirements must",
        "A requirement has no hash, but another has. Write all hashes:\n"
        "  pip-compile --generate-hashes",
    ),
    # uv, Poetry, npm, Yarn
    Advice(
        r"Hash mismatch for|not found in known hashes|\bEINTEGRITY\b|Integrity check failed",
        "A package is not the one that the lock file describes: it was published again, or a "
        "mirror or cache changed it. Lock it again, and review what changed.",
    ),
    # npm
    Advice(
        r"`?npm ci`? can only install packages when your package\.json",
        "package-lock.json does not match package.json. " + _COMMIT_LOCK + "npm install",
    ),
    Advice(
        r"`npm ci` command can only install with an existing",
        "package-lock.json is missing. " + _COMMIT_LOCK + "npm install",
    ),
    # pnpm, Yarn 1, Yarn 4, Bun
    Advice(
        r"ERR_PNPM_OUTDATED_LOCKFILE",
        "pnpm-lock.yaml does not match package.json. " + _COMMIT_LOCK + "pnpm install",
    ),
    Advice(
        r"lockfile needs to be updated, but yarn was run|YN0028",
        "yarn.lock does not match package.json. " + _COMMIT_LOCK + "yarn install",
    ),
    Advice(
        r"lockfile had changes, but lockfile is frozen",
        "bun.lock does not match package.json. " + _COMMIT_LOCK + "bun install",
    ),
    # uv
    Advice(
        r"lockfile at `uv\.lock` needs to be updated",
        "uv.lock does not match pyproject.toml. " + _COMMIT_LOCK + "uv lock",
    ),
    # Poetry
    Advice(
        r"pyproject\.toml changed significantly since poetry\.lock",
        "poetry.lock does not match pyproject.toml. " + _COMMIT_LOCK + "poetry lock",
    ),
    # Pipenv, PDM
    Advice(
        r"Pipfile\.lock\s+\([0-9a-f]+\)\s+is\s+out\s+of\s+date",
        "Pipfile.lock does not match Pipfile. " + _COMMIT_LOCK + "pipenv lock",
    ),
    Advice(
        r"Lock file hash doesn't match|run `pdm lock` to update",
        "pdm.lock does not match pyproject.toml. " + _COMMIT_LOCK + "pdm lock",
    ),
    # npm, pnpm, Yarn 1
    Advice(
        r"\bEBADENGINE\b(?s:.*?)Required: *\{[^}]*\"?node\"?: ?['\"](?P<wanted>[^'\"]+)"
        r"|ERR_PNPM_UNSUPPORTED_ENGINE(?s:.*?)Expected version: (?P<pnpm>[^\n]+)"
        r'|The engine "node" is incompatible[^\n]*Expected version "(?P<yarn>[^"]+)"',
        "The front-end requires another version of Node: {wanted}{pnpm}{yarn}. Put it into "
        "package.json, and generate the Dockerfile again:\n"
        '  "engines": {{"node": "{wanted}{pnpm}{yarn}"}}',
    ),
    # Node 17 and later with webpack 4 (OpenSSL 3)
    Advice(
        r"ERR_OSSL_EVP_UNSUPPORTED|digital envelope routines::unsupported",
        "This version of webpack is older than the stage's Node. Upgrade webpack to 5, or in "
        "package.json:\n"
        '  "build": "NODE_OPTIONS=--openssl-legacy-provider webpack"',
    ),
    # npm
    Advice(
        r'npm error Missing script: "(?P<name>[^"]+)"',
        "package.json has no script {name}. Name those that build it, in pyproject.toml:\n"
        '  [tool.buildstatic.frontend]\n  scripts = ["build"]',
    ),
    # pip
    Advice(
        r"requires a different Python: \S+ not in '(?P<wanted>[^']+)'"
        r"|Ignored the following versions that require a different python version"
        r"(?s:.*)No matching distribution found for (?P<name>\S+)",
        "A requirement is not for the Python of the image: {name}{wanted}. " + _PYTHON,
    ),
    # uv, Poetry
    Advice(
        r"No interpreter found for Python (?P<wanted>\S+)"
        r"|incompatible with the project's Python requirement: `(?P<uv>[^`]+)`"
        r"|is not allowed by the project \((?P<poetry>[^)]+)\)",
        "The project requires another Python: {wanted}{uv}{poetry}. " + _PYTHON,
    ),
    # pip, uv, Poetry, npm
    Advice(
        r"No matching distribution found for (?P<name>\S+)"
        r"|Because (?P<uv>\S+) was not found in the package registry"
        r"|Package (?P<poetry>\S+) \([^)]*\) not found"
        r"|The requested resource '(?P<npm>[^']+)' could not be found"
        r"|No matching version found for (?P<range>\S+?)\.?$",
        "No index has {name}{uv}{poetry}{npm}{range} for this version of Python or Node and this "
        "platform. Check its name and version, and whether it is in a private index.",
    ),
    # pip
    Advice(
        r"Could not open requirements file: [^\n]*'(?P<file>[^'\n]+)'",
        "{file} is not in this stage: it does not exist, or the Dockerfile does not mount it. "
        "Generate the Dockerfile again, and see what changes:\n"
        "  buildstatic generate dockerfile --diff",
    ),
    Advice(
        r"Could not install packages due to an OSError: [^\n]*'(?P<file>/[^'\n]+)'",
        "A requirement refers to {file}, which only exists on the machine that wrote it. Replace "
        "its line by the name and version of the package.",
    ),
    # Python 3.12 and later, whose virtual environments have no setuptools
    Advice(
        r"No module named '(?P<name>pkg_resources|distutils|setuptools)\b",
        "A package imports {name}, which this Python does not have. Add to the requirements:\n"
        "  setuptools<81",
    ),
    # buildstatic, django-environ, python-decouple, os.environ
    Advice(
        r"requires the environment variable (?P<name>\w+), which is not set"
        r"|Set the (?P<environ>\w+) environment variable"
        r"|UndefinedValueError: (?P<decouple>\w+) not found"
        r"|^KeyError: '(?P<key>[A-Z][A-Z0-9_]+)'$",
        "The settings require {name}{environ}{decouple}{key}. A placeholder for this stage is "
        "enough, in pyproject.toml:\n"
        '  [tool.buildstatic.env]\n  {name}{environ}{decouple}{key} = "…"',
    ),
    # Django before 4.0, listing a finder's directory
    Advice(
        r"in get_files\b(?s:.*)FileNotFoundError: [^\n]* directory: '/app/(?P<directory>[^'\n]+)'$",
        "{directory} is to be collected, but not in the image: no script of package.json builds "
        "it, or .dockerignore excludes it. For a task of gulp, add the script with this command:\n"
        "  npm pkg set 'scripts.build=gulp {task}'",
    ),
    # dash, Yarn 4 and Bun, running a script of package.json
    Advice(
        r"^\[[^\]\n]*\] RUN [^\n]*\b(?P<manager>npm|pnpm|yarn|bun) (?s:.*)"
        r"(?:^(?:/bin/)?sh: (?:\d+: )?(?P<program>[\w.-]+): not found"
        r"|command not found: (?P<command>[\w.-]+))",
        "A script of package.json runs {program}{command}, which none of its packages has. Commit "
        "what this command changes in the directory of package.json:\n  {add}",
    ),
    # dash
    Advice(
        r"^(?:/bin/)?sh: \d+: (?P<name>[\w.-]+): not found",
        "The stage has no program {name}. If a package provides it, add that to the project's "
        "dependencies (not the development ones), and lock them.",
    ),
    # A step of the generated Dockerfile; what the script itself printed is not known
    Advice(
        r"^\[[^\]\n]*\] RUN [^\n]*\b(?:npm|pnpm|yarn|bun) run (?P<name>[\w:./@+-]+)",
        "The script {name} of package.json failed. If the site can do without it, name those that "
        "it needs, in pyproject.toml:\n"
        '  [tool.buildstatic.frontend]\n  scripts = ["build"]',
    ),
)


def advice_for(text: str, context: Path | None = None) -> str:
    """Return the advice for a step that printed *text*, empty if nothing in it is known.

    *text* begins with the step's instruction. The files that this mounts are looked up in the
    directory *context*, for the line with what failed. Several rows may lack packages; then the
    advice lists all of them.
    """
    text = _ANSI.sub("", text)
    packages: dict[str, None] = {}
    for row in ADVICE:
        found = re.search(row.pattern, text, re.M)
        if found is None:
            continue
        if row.packages:
            packages.update(dict.fromkeys(row.packages))
        elif not packages:
            return row.text.format(**_values(found.groupdict(default=""), text, context))
    if not packages:
        return ""
    names = ", ".join(f'"{name}"' for name in sorted(packages))
    return (
        "A package is installed from its sources, for which this stage lacks a program or a "
        "library. In pyproject.toml:\n"
        f"  [tool.buildstatic]\n  build-packages = [{names}]\n"
        "A Dockerfile that you wrote has to install them itself before this step."
    )


def _values(groups: Mapping[str, str], text: str, context: Path | None) -> dict[str, str]:
    """Return *groups*, and what the sentence of a row may name beside them.

    *address* could not be reached, *package* could not be built, and *requirement* is a version of
    it with a wheel; *place* is a sentence with the line that names the address or the package.
    *secrets* are the options for those that the step reads. *add* is the command that adds the
    package of a program to package.json, *task* the task of gulp that may build a directory.
    """
    addresses = (re.search(pattern, text) for pattern in _ADDRESSES)
    found = next((match.groupdict() for match in addresses if match), {})
    host, path = found.get("host", ""), found.get("path", "")
    address = f"{found['scheme'].lower()}://{host}{path}" if path else host
    package = match["name"] if (match := _FAILED_PACKAGE.search(text)) else ""
    python = match[1] if (match := re.search(r"\bpython(3\.\d+)\b", text)) else ""
    since = WHEELS_SINCE.get(package, ({}, ()))[0].get(python)
    program = groups.get("program") or groups.get("command") or ""
    secrets = dict.fromkeys(re.findall(r"/run/secrets/(\w+)", text)) or ["NAME"]
    gulpfile = context / "gulpfile.js" if context else None
    tasks = gulpfile.read_text(errors="replace") if gulpfile and gulpfile.is_file() else ""
    named = posixpath.basename(groups.get("directory", ""))
    place = _place(
        (rf"^[^#]*{re.escape(word)}(?![\w-])" for word in (address, host, package) if word),
        text,
        context,
    )
    return {
        **groups,
        "address": address or "the network",
        "package": package or "A package",
        "requirement": f"{package}>={since}" if since else package or "…",
        "place": f" {place}." if place else "",
        "secrets": " ".join(f"--secret id={name},env={name}" for name in secrets),
        "task": named if named and re.search(rf"\b{re.escape(named)}\b", tasks) else "build",
        "add": f"{_ADD.get(groups.get('manager', ''), '')} {_PROGRAMS.get(program, program)}",
    }


def _place(patterns: Iterable[str], text: str, context: Path | None) -> str:
    """Return ``file:line names it: content`` for the first of *patterns* in the mounted files."""
    names = re.findall(r"--mount=type=bind,source=([^,\s]+),", text)
    for pattern in patterns:
        for name in names if context else ():
            path = Path(context or "", name)
            lines = path.read_text(errors="replace").splitlines() if path.is_file() else []
            for number, line in enumerate(lines, start=1):
                if re.search(pattern, line, re.IGNORECASE):
                    return f"{name}:{number} names it: {line.strip()}"
    return ""
