"""Projects and options of every kind that a Dockerfile is generated for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from buildstatic.dockerfile.assets import SERVERS
from buildstatic.dockerfile.generate import DockerfileOptions
from buildstatic.project import (
    BuildScript,
    Database,
    Dependencies,
    Fact,
    Frontend,
    Project,
    SystemPackages,
    Variable,
)
from tests.platforms.projects import project

SERVE = ("gunicorn", "--worker-tmp-dir", "/dev/shm", "mysite.wsgi:application")
SPECIAL_NAMES = (
    "with space",
    "it's",
    'say "hi"',
    "$HOME",
    "a`id`b",
    "back\\slash",
    "--dash",
    "#hash",
    "!bang",
    "star*[x]?",
    "or|b{1}*",
    "[ab]c",
    "a^b",
    "a,b=c",
    "ünïcødé-日本",
    "semi;colon&&or||",
    "(round){curly}+",
    "%%percent {{ brace }}",
    "space at the end ",
)
"""Names with characters that are special in a Dockerfile, pattern, shell, mount or Jinja."""

INDEX = "https://${INDEX_USER}:${INDEX_TOKEN}@packages.example.org/simple"
LOCKS = {
    "uv": ("uv.lock", "pyproject.toml"),
    "poetry": ("poetry.lock", "pyproject.toml"),
    "pdm": ("pdm.lock", "pyproject.toml"),
    "pipenv": ("Pipfile.lock", "Pipfile"),
    "pyproject": ("pyproject.toml",),
    "pip": ("requirements.txt",),
}


@dataclass(frozen=True)
class Variant:
    """The differences from the plain project, and from the default options."""

    changes: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)

    def project(self, root: Path) -> Project:
        return plain(root, **self.changes)

    @property
    def dockerfile_options(self) -> DockerfileOptions:
        return replace(DockerfileOptions(SERVE), **self.options)


def plain(root: Path, **changes: Any) -> Project:
    """Return a project with a requirements.txt at *root*, with *changes*."""
    return project(root, **{"dependencies": managed("pip"), **changes})


def managed(manager: str, directory: str = "", **more: Any) -> Fact[Dependencies]:
    """Return the dependency files of *manager* in *directory*."""
    names = tuple(f"{directory}/{name}" if directory else name for name in LOCKS[manager])
    return Fact(Dependencies(manager, names[0], names, **more), f"{names[0]}:1")


def frontend(
    manager: str, directory: str = ".", *names: str, **more: Any
) -> tuple[Fact[Frontend], ...]:
    """Return a front end with the build scripts *names*, ``build`` by default."""
    scripts = tuple(BuildScript(name, directory) for name in names or ("build",))
    found = Frontend(manager, directory, **{"lock": None, "build": scripts, **more})
    return (Fact(found, "package.json:3"),)


def with_names(name: str) -> dict[str, Any]:
    """Return the facts of a project in which everything is named *name*."""
    files = (f"{name}/{name}.txt", f"{name}/base.txt")
    return {
        "dependencies": Fact(Dependencies("pip", files[0], files, (f"libs/{name}",)), "x:1"),
        "manage": Fact(f"{name}/manage.py", f"{name}/manage.py:1"),
        "static_root": Fact(f"{name}/static", "settings.py:1"),
        "frontends": frontend(
            "npm", name, lock=f"{name}/package-lock.json", modules="node_modules"
        ),
    }


S3 = {"storage": Fact("storages.backends.s3.S3Storage", "s:1"), "remote": Fact(True, "s:1")}
CONDA = Dependencies(
    "conda", "environment.yml", ("more.txt",), arguments=("django==5.2.*", "-r", "./more.txt")
)
PSYCOPG2 = Fact(Database("psycopg2", ("gcc", "libpq-dev"), ("libpq5",)), "requirements.txt:4")

VARIANTS = {
    "default": Variant(),
    **{manager: Variant({"dependencies": managed(manager)}) for manager in LOCKS},
    **{
        f"{manager} in a directory": Variant({"dependencies": managed(manager, "back end")})
        for manager in LOCKS
    },
    "conda": Variant({"dependencies": Fact(CONDA, "environment.yml:1")}),
    "no dependencies": Variant({"dependencies": None}),
    "member of a workspace": Variant(
        {"dependencies": managed("uv", member="web", local=("packages/shop",))}
    ),
    "local packages": Variant({"dependencies": managed("pip", local=("libs/x", "."))}),
    **{
        f"{manager} without cache mounts": Variant(
            {"dependencies": managed(manager)}, {"cache_mounts": False}
        )
        for manager in LOCKS
    },
    **{
        f"{manager} builds the front-end": Variant({"frontends": frontend(manager)})
        for manager in ("npm", "pnpm", "yarn", "bun")
    },
    "pnpm on an older Node": Variant({"frontends": frontend("pnpm", node=20)}),
    "pnpm on a Node without corepack": Variant({"frontends": frontend("pnpm", node=26)}),
    "front-end with configuration": Variant(
        {
            "frontends": frontend(
                "yarn",
                "the web",
                lock="the web/yarn.lock",
                yarn="berry",
                files=(".yarnrc.yml",),
                directories=("patches", ".yarn/releases"),
            )
        }
    ),
    "front-end without node_modules": Variant({"frontends": frontend("yarn", yarn="pnp")}),
    "front-end with a password": Variant(
        {
            "frontends": frontend(
                "yarn",
                "web",
                files=(".yarnrc.yml",),
                secret="web/.npmrc:2",
                variables=("TOKEN",),
            )
        }
    ),
    "workspaces": Variant(
        {
            "frontends": frontend(
                "pnpm",
                "web",
                lock="web/pnpm-lock.yaml",
                build=(
                    BuildScript("build:js", "web/packages/ui"),
                    BuildScript("build", "web/packages/the app"),
                ),
                workspaces=("web/packages/ui", "web/packages/the app"),
                is_nested=True,
            )
        }
    ),
    "webpack 4": Variant({"frontends": frontend("npm", needs_legacy_openssl=True)}),
    "install script that reads the project": Variant(
        {"frontends": frontend("npm", needs_sources="package.json:4 runs postinstall")}
    ),
    "packages from git": Variant({"frontends": frontend("pnpm", needs_git=True, version="8")}),
    "several front-ends": Variant(
        {
            "frontends": (
                *frontend("npm", "a", "build:css", "build:js", lock="a/package-lock.json"),
                *frontend("yarn", "b", modules="b/node_modules"),
                *frontend("bun", "c"),
            )
        }
    ),
    "locked front-end": Variant(
        {"frontends": frontend("npm", "web", lock="web/package-lock.json")},
    ),
    "front-end in one stage for all platforms": Variant(
        {"frontends": frontend("npm", modules="node_modules")}, {"multi_platform": True}
    ),
    "modules that are built and collected": Variant(
        {"frontends": frontend("npm", modules="node_modules")}
    ),
    "modules that are collected without a build": Variant(
        {"frontends": frontend("npm", "web", build=(), modules="web/node_modules")}
    ),
    "remote": Variant(S3),
    "remote with a front-end": Variant(
        {**S3, "frontends": frontend("npm", modules="node_modules")}
    ),
    "remote with modules": Variant(
        {**S3, "frontends": frontend("npm", build=(), modules="web/node_modules")}
    ),
    "remote on all platforms": Variant(S3, {"multi_platform": True}),
    "django collects": Variant({}, {"collector": "django"}),
    "django collects with required variables": Variant(
        {"secret_key": Variable("DJANGO_KEY", True, "settings.py:3")},
        {"collector": "django", "environment": {"PAYMENTS": "https://x/?a=$b&c='d'"}},
    ),
    "django collects for all platforms": Variant(
        {"static_root": Fact("/srv/static", "s:1")},
        {"collector": "django", "multi_platform": True},
    ),
    "all platforms": Variant({"database": PSYCOPG2}, {"multi_platform": True}),
    "packages to build and to run": Variant({"database": PSYCOPG2}),
    **{
        f"{manager} with a private index": Variant(
            {"dependencies": managed(manager, secrets=("INDEX_USER", "INDEX_TOKEN"), index=INDEX)},
            {"install": ("gunicorn",)},
        )
        for manager in LOCKS
    },
    "packages that need a library": Variant(
        {"database": PSYCOPG2, "system": SystemPackages(("git", "gcc"), ("libmagic1",))}
    ),
    "packages of GeoDjango": Variant({"database": PSYCOPG2, "gis": Fact(("gdal-bin",), "s:1")}),
    **{
        f"{manager} without a server": Variant(
            {"dependencies": managed(manager)}, {"install": ("gunicorn", "psycopg[binary]")}
        )
        for manager in ("pip", "uv")
    },
    "network": Variant({}, {"network": True}),
    "another Python and port": Variant(
        {"python": Fact("3.12", ".python-version:1")}, {"python": "3.11", "port": 80}
    ),
    "settings for production": Variant(
        {"settings": Fact("mysite.settings.prod", "mysite/settings/prod.py:1")}
    ),
    "manage.py in a directory": Variant({"manage": Fact("src/manage.py", "src/manage.py:1")}),
    "manage.py that was selected": Variant({"manage": Fact("b/manage.py", "--manage")}),
    "modules in src": Variant(
        {"python_path": Fact(("src",), "src/mysite/settings.py:1")}, {"multi_platform": True}
    ),
    "no STATIC_ROOT": Variant({"static_root": None}),
    **{f"served by {server}": Variant({}, {"assets": server}) for server in SERVERS},
    **{
        f"served by {server} on all platforms": Variant(
            {"static_root": Fact("/srv/the files", "s:1"), "static_url": Fact("/", "s:1")},
            {"assets": server, "multi_platform": True, "collector": "django"},
        )
        for server in SERVERS
    },
    **{f"all is called {name}": Variant(with_names(name)) for name in SPECIAL_NAMES},
    **{
        f"all is called {name} and django collects": Variant(
            with_names(name), {"collector": "django"}
        )
        for name in SPECIAL_NAMES
    },
}
