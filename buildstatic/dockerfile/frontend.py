"""The front-end's part of the Dockerfile: the image, the install, and what is copied where."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from buildstatic.dockerfile.quoting import copy_words, env_value
from buildstatic.project import Frontend

# nodejs.org/docs/latest-v25.x: "Corepack is no longer distributed".
WITHOUT_COREPACK = 25
_INSTALL = {
    "npm": ("node:{node}-slim", "/root/.npm", "npm ci", "npm install"),
    "pnpm": (
        "node:{node}-slim",
        "/root/.local/share/pnpm/store",
        "pnpm install --frozen-lockfile",
        "pnpm install",
    ),
    "yarn": (
        "node:{node}-slim",
        "/usr/local/share/.cache/yarn",
        "yarn install --frozen-lockfile",
        "yarn install",
    ),
    # Its cache is in the project, before Yarn 4, unless it is told otherwise.
    "berry": (
        "node:{node}-slim",
        "/root/.yarn/berry/cache",
        "YARN_ENABLE_GLOBAL_CACHE=true yarn install --immutable",
        "YARN_ENABLE_GLOBAL_CACHE=true yarn install",
    ),
    "bun": (
        "oven/bun:1-slim",
        "/root/.bun/install/cache",
        "bun install --frozen-lockfile",
        "bun install",
    ),
}


def words(frontend: Frontend | None, home: str) -> dict[str, object]:
    """Return what the templates say of *frontend*, in an image whose project lies at *home*."""
    if frontend is None:
        return {"frontend": None, "static_sources": "COPY . .", "web_sources": "COPY . ."}
    key = frontend.manager if frontend.yarn == "classic" else "berry"
    image, cache, locked, unlocked = _INSTALL[key]
    static, web = _sources(frontend, home)
    names = ("package.json", *frontend.files)
    files = [*(posixpath.join(frontend.directory, name) for name in names), frontend.lock]
    return {
        "frontend": frontend,
        "frontend_image": image.format(node=frontend.node),
        "has_corepack": frontend.node < WITHOUT_COREPACK,
        "frontend_workdir": env_value(_workdir(frontend, home)),
        "frontend_copy": copy_words(*(posixpath.normpath(file) for file in files if file), "./"),
        "frontend_directories": _directories(frontend),
        # What there is no node_modules of is read from the cache, by the build too.
        "frontend_cache": "" if frontend.yarn == "pnp" else cache,
        "frontend_install": locked if frontend.lock else unlocked,
        "static_sources": static,
        "web_sources": web,
    }


def notes(frontend: Frontend, home: str) -> Iterator[str]:
    """Yield what the install lacks: a configuration with a password in it is not copied."""
    if frontend.secret:
        file = frontend.secret.rpartition(":")[0]
        target = posixpath.normpath(posixpath.join(home, file))
        yield (
            f"Front-end: {frontend.secret} holds a password, so the file is not copied. Let the "
            f"install have it with RUN --mount=type=secret,id=npm,target={target}, and build with "
            f"--secret id=npm,src={file}."
        )


def _directories(frontend: Frontend) -> str:
    copies = (
        copy_words(posixpath.normpath(posixpath.join(frontend.directory, name)), f"./{name}")
        for name in frontend.directories
    )
    return "".join(f"COPY {words}\n" for words in copies)


def _workdir(frontend: Frontend, home: str) -> str:
    return posixpath.normpath(posixpath.join(home, frontend.directory))


def _sources(frontend: Frontend, home: str) -> tuple[str, str]:
    """Return the COPY lines of the static and of the web stage."""
    built = f"COPY --from=frontend {home}/ ./"
    if not frontend.modules:
        return built, built
    if frontend.build:
        return built, f"COPY --from=sources {home}/ ./"
    modules = posixpath.join(_workdir(frontend, home), "node_modules")
    return f"COPY . .\nCOPY --from=frontend {copy_words(modules, modules)}", "COPY . ."
