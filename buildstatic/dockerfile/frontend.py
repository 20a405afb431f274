"""The front-end stage of the generated Dockerfile: its image, installation and copied files."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from buildstatic.dockerfile.quoting import copy_words, env_value
from buildstatic.project import Frontend

# nodejs.org/docs/latest-v25.x: "Corepack is no longer distributed".
WITHOUT_COREPACK = 25
# The image, the cache directory, and the commands that install with and without a lock file.
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
    # Before Yarn 4 the cache is in the project by default.
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


def frontend_context(frontend: Frontend | None, home: str) -> dict[str, object]:
    """Return the template context of *frontend*; *home* is the project's root in the image."""
    if frontend is None:
        return {"frontend": None, "static_sources": "COPY . .", "web_sources": "COPY . ."}
    image, cache, locked, unlocked = _INSTALL[
        frontend.manager if frontend.yarn == "classic" else "berry"
    ]
    directory = frontend.directory
    workdir = posixpath.normpath(posixpath.join(home, directory))
    static = web = f"COPY --from=frontend {home}/ ./"
    if frontend.modules and frontend.build:
        web = f"COPY --from=sources {home}/ ./"
    elif frontend.modules:
        modules = posixpath.join(workdir, "node_modules")
        static = f"COPY . .\nCOPY --from=frontend {copy_words(modules, modules)}"
        web = "COPY . ."
    names = ("package.json", *frontend.files)
    files = [*(posixpath.join(directory, name) for name in names), frontend.lock]
    copied = [
        copy_words(posixpath.normpath(posixpath.join(directory, name)), f"./{name}")
        for name in frontend.directories
    ]
    return {
        "frontend": frontend,
        "frontend_image": image.format(node=frontend.node),
        "has_corepack": frontend.node < WITHOUT_COREPACK,
        "frontend_workdir": env_value(workdir),
        "frontend_copy": copy_words(*(posixpath.normpath(file) for file in files if file), "./"),
        "frontend_directories": "".join(f"COPY {words}\n" for words in copied),
        # Without node_modules (Yarn PnP) the build reads packages from the cache.
        "frontend_cache": "" if frontend.yarn == "pnp" else cache,
        "frontend_install": locked if frontend.lock else unlocked,
        "static_sources": static,
        "web_sources": web,
    }


def frontend_notes(frontend: Frontend, home: str) -> Iterator[str]:
    """Yield a note if a configuration file is not copied because it contains a password."""
    if frontend.secret:
        file = frontend.secret.rpartition(":")[0]
        target = posixpath.normpath(posixpath.join(home, file))
        yield (
            f"Front-end: {frontend.secret} contains a password, so the file is not copied. Add "
            f"RUN --mount=type=secret,id=npm,target={target} to the install, and build with "
            f"--secret id=npm,src={file}."
        )
