"""The front-end stages of the generated Dockerfile: one for each image that they need."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from buildstatic.dockerfile import APP, Part
from buildstatic.errors import ConfigInvalid
from buildstatic.project import Frontend
from buildstatic.project.config import TABLE
from buildstatic.templates.quoting import continued, copy_words, env_value, is_plain, shell_word

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


@dataclass(frozen=True)
class _Step:
    """A command that is run in *workdir*, the files to copy before it, and its cache directory."""

    workdir: str
    command: str
    copies: tuple[str, ...] = ()
    cache: str = ""


@dataclass(frozen=True)
class _Stage:
    """A stage of the Dockerfile; it continues with the files of the *previous* one, if any.

    *early* steps install with the files that they copy, *late* ones install with the whole project,
    *reasons* say why, and build.
    """

    name: str
    image: str
    previous: str
    needs_git: bool
    activations: tuple[str, ...]
    early: tuple[_Step, ...]
    late: tuple[_Step, ...]
    reasons: tuple[str, ...]


def frontend_part(frontends: Sequence[Frontend]) -> Part:
    """Return the part that builds *frontends*, and copies the project with what they made."""
    stages, modules = _stages(frontends)
    is_built = any(frontend.build for frontend in frontends)
    built = stages[-1].name if is_built else ""
    sources = (built, f"{APP}/" if built else ".", "./" if built else ".")
    added = [module for module in modules if not is_built or module[1] != module[2]]
    removed = [_remove_modules(f, "") for f in frontends if f.modules]
    # A mount hides what is at its target, where a copy adds to it.
    can_mount = all(map(is_plain, chain(*added))) and all(
        posixpath.basename(target) == "node_modules" for *_, target in added
    )
    context = {
        "frontend_stages": stages,
        "frontend_is_built": is_built,
        "env_value": env_value,
        "frontend_removed": " \\\n && ".join(removed) if is_built else "",
        "static_sources": "\n".join(_copy(*each) for each in (sources, *added)),
        "static_mounts": "".join(_mount(*each) for each in (sources, *added)) if can_mount else "",
        "web_sources": _copy("sources", f"{APP}/", "./")
        if is_built and modules
        else _copy(*sources),
    }
    return Part(context, tuple(note for frontend in frontends for note in _notes(frontend)))


def _stages(frontends: Sequence[Frontend]) -> tuple[list[_Stage], list[tuple[str, str, str]]]:
    """Return a stage for each image, and the ``node_modules`` to collect.

    The latter are a stage, the directory in it, and the one in the project.
    """
    by_image: dict[str, list[Frontend]] = {}
    for frontend in frontends:
        image = _settings(frontend)[0].format(node=frontend.node)
        by_image.setdefault(image, []).append(frontend)
    stages: list[_Stage] = []
    modules: list[tuple[str, str, str]] = []
    for image, group in by_image.items():
        name = f"frontend-{len(stages) + 1}" if stages else "frontend"
        stages.append(_stage(name, image, group, stages[-1].name if stages else ""))
        modules += [
            (name, _path(f.directory, "node_modules"), _path(f.modules)) for f in group if f.modules
        ]
    return stages, modules


def _copy(stage: str, source: str, target: str) -> str:
    """Return the COPY of *source* in *stage*, or in the build context if it has no name."""
    return f"COPY {f'--from={stage} ' if stage else ''}{copy_words(source, target)}"


def _mount(stage: str, source: str, target: str) -> str:
    """Return the option of a RUN that shows the same there, and discards what the RUN writes."""
    place = f"from={stage},source={posixpath.normpath(source)}," if stage else ""
    return continued(f"--mount=type=bind,{place}target={posixpath.normpath(target)},rw")


def _notes(frontend: Frontend) -> Iterator[str]:
    """Yield what the build needs to install *frontend*, and what makes it slow."""
    if frontend.secret:
        file = frontend.secret.rpartition(":")[0]
        yield (
            f"Front-end: {frontend.secret} contains a password, so {file} is not copied but "
            "mounted while the packages are installed. Build with "
            f"--secret id={_secret_id(file)},src={file}"
        )
    for name in frontend.variables:
        yield (
            f"Front-end: the package manager's configuration in {frontend.directory} reads {name}. "
            f"Build with --secret id={name},env={name}"
        )
    if frontend.needs_sources:
        yield (
            f"Front-end: {frontend.needs_sources}, so the project is copied first, and each change "
            "to it installs the packages again. If the installation does not need the project, set "
            f"install_needs_sources = false in [[{TABLE}.frontend]]."
        )


def _settings(frontend: Frontend) -> tuple[str, str, str, str]:
    return _INSTALL[frontend.manager if frontend.yarn == "classic" else "berry"]


def _stage(name: str, image: str, group: Sequence[Frontend], previous: str) -> _Stage:
    builds: list[tuple[str, list[str]]] = []
    for frontend in group:
        for script in frontend.build:
            workdir = _path(script.directory)
            if not builds or builds[-1][0] != workdir:
                builds.append((workdir, []))
            command = f"{frontend.manager} run {shell_word(script.name)}"
            if frontend.needs_legacy_openssl:
                command = f"NODE_OPTIONS=--openssl-legacy-provider {command}"
            builds[-1][1].append(command)
        if frontend.build and not frontend.modules:
            builds[-1][1].append(_remove_modules(frontend, builds[-1][0]))
    late = [_install(frontend) for frontend in group if frontend.needs_sources]
    late += [_Step(place, " \\\n && ".join(commands)) for place, commands in builds]
    early = [_install(frontend) for frontend in group if not frontend.needs_sources]
    return _Stage(
        name=name,
        image=image,
        previous=previous,
        needs_git=any(frontend.needs_git for frontend in group),
        activations=tuple(dict.fromkeys(filter(None, map(_activation, group)))),
        early=tuple(early),
        late=tuple(late),
        reasons=tuple(" ".join(f.needs_sources.split()) for f in group if f.needs_sources),
    )


def _install(frontend: Frontend) -> _Step:
    directory = frontend.directory
    _, cache, locked, unlocked = _settings(frontend)
    names = [posixpath.join(directory, name) for name in ("package.json", *frontend.files)]
    copies = [(*map(posixpath.normpath, [*names, *filter(None, [frontend.lock])]), "./")]
    copies += [
        (posixpath.normpath(posixpath.join(directory, name)), f"./{name}")
        for name in frontend.directories
    ]
    for place in frontend.workspaces:
        target = posixpath.relpath(place, directory)
        copies.append((posixpath.join(place, "package.json"), f"./{target}/"))
    command = locked if frontend.lock else unlocked
    mounts = ""
    for name in frontend.variables:
        mounts += continued(f"--mount=type=secret,id={name}")
        command = f'{name}="$(cat /run/secrets/{name})" {command}'
    if frontend.secret:
        file = frontend.secret.rpartition(":")[0]
        target = _path(file)
        if not is_plain(target):
            raise ConfigInvalid(
                f"A secret cannot be mounted at {target!r}.",
                "Rename the directory: use letters, digits, dots, hyphens and underscores.",
            )
        mounts += continued(f"--mount=type=secret,id={_secret_id(file)},target={target}")
    return _Step(
        workdir=_path(directory),
        copies=() if frontend.needs_sources else tuple(copy_words(*words) for words in copies),
        # Without node_modules (Yarn PnP) the build reads packages from the cache.
        cache="" if frontend.yarn == "pnp" else cache,
        command=f"{mounts}{command}",
    )


def _activation(frontend: Frontend) -> str:
    """Return the command that makes the package manager available, if the image has it not."""
    if frontend.version:
        # Images before Node.js 26 may have a Yarn, which is replaced.
        force = "--force " if frontend.manager == "yarn" else ""
        return f"npm install --global {force}{frontend.manager}@{frontend.version}"
    if frontend.manager not in ("pnpm", "yarn"):
        return ""
    install = "npm install --global corepack@latest \\\n && "
    is_missing = frontend.node >= WITHOUT_COREPACK
    return f"{install if is_missing else ''}corepack enable {frontend.manager}"


def _remove_modules(frontend: Frontend, workdir: str) -> str:
    """Return the command that removes the ``node_modules`` of *frontend*, run in *workdir*."""
    place = _path(frontend.directory)
    if frontend.is_nested:
        start = "." if place == workdir else shell_word(place)
        return f"find {start} -name node_modules -prune -exec rm -rf {{}} +"
    modules = posixpath.join(place, "node_modules")
    return f"rm -rf {'node_modules' if place == workdir else shell_word(modules)}"


def _path(*parts: str) -> str:
    """Return the path of *parts*, relative to the project, in the image."""
    return posixpath.normpath(posixpath.join(APP, *parts))


def _secret_id(file: str) -> str:
    """Return npmrc for ``web/.npmrc``, and yarnrc for ``.yarnrc.yml``."""
    return posixpath.basename(file).strip(".").partition(".")[0]
