"""The part of the generated Dockerfile that installs the project's dependencies."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence

from buildstatic.dockerfile import Part
from buildstatic.project import Dependencies, Project
from buildstatic.project.packages.indexes import PASSWORD
from buildstatic.templates.quoting import continued, copy_words, env_value, is_plain, shell_word

# The version of uv if the project does not require one, which reads the lock files of older ones.
UV = "==0.13.*"
# Replaces the characters that end the part of a URL with the password.
ESCAPE = "sed 's|%|%25|g;s|/|%2F|g;s|?|%3F|g;s|#|%23|g'"
VARIABLE = r"\$\{(\w+)\}"
# The option for a directory with the dependency files other than the root.
_DIRECTORY_OPTIONS = {"uv": "--project", "poetry": "--directory", "pdm": "--project"}
_MISSING = (
    "No dependencies were found. The Dockerfile installs requirements.txt: create it, with Django"
    " and what else the project imports."
)


def dependencies_part(project: Project) -> Part:
    """Return the part for the dependencies of *project*, those in requirements.txt by default."""
    found = project.dependencies.value if project.dependencies else None
    dependencies = found or Dependencies("pip", "requirements.txt", ("requirements.txt",))
    manager, left_out = dependencies.manager, (*dependencies.left_out, *dependencies.by_name)
    is_edited = manager == "pip" and bool(left_out)
    context = {
        "manager": manager,
        "uv": f"uv{dependencies.uv or UV}",
        "dependency_file": dependencies.file,
        "is_locked": dependencies.file.endswith(".lock"),
        **_index_context(dependencies.index, dependencies.trusted_hosts),
        **_secrets_context(dependencies),
        "selection": _selection(dependencies),
        "requirements": _requirements(dependencies),
        "edits": _sed_arguments(dependencies) if is_edited else "",
        "left_out": left_out,
        "in_directory": _in_directory(dependencies),
        "member": f" --package={shell_word(dependencies.member)}" if dependencies.member else "",
        **_files_context(dependencies, is_edited),
    }
    return Part(context, () if found else (_MISSING,))


def _index_context(url: str, trusted_hosts: Sequence[str]) -> dict[str, object]:
    """Return the mounts and variables with which pip and uv read the index *url* in place of PyPI.

    The programs that the Dockerfile itself installs come from there, too.
    """

    def value(match: re.Match[str]) -> str:
        program = ESCAPE if PASSWORD.fullmatch(match[1]) else "cat"
        return f"$({program} /run/secrets/{match[1]})"

    def variables(index: str, hosts: str) -> str:
        settings = {index: url, hosts: " ".join(trusted_hosts)} if url else {}
        assigned = (f'{k}="{re.sub(VARIABLE, value, v)}"' for k, v in settings.items() if v)
        return continued(" ".join(assigned)) if url else ""

    names = dict.fromkeys(re.findall(VARIABLE, " ".join((url, *trusted_hosts)))) if url else ()
    return {
        "index_mounts": "".join(continued(f"--mount=type=secret,id={name}") for name in names),
        "pip_index": variables("PIP_INDEX_URL", "PIP_TRUSTED_HOST"),
        "uv_index": variables("UV_DEFAULT_INDEX", "UV_INSECURE_HOST"),
    }


def _secrets_context(dependencies: Dependencies) -> dict[str, object]:
    """Return the mounts and variables with which the project's dependencies are installed."""
    mounts = (continued(f"--mount=type=secret,id={name}") for name in dependencies.secrets)
    assignments = [f'{name}="$(cat /run/secrets/{name})"' for name in dependencies.secrets]
    hosts = " ".join(name for name in dependencies.trusted_hosts if not name.startswith("$"))
    if hosts:
        is_uv = dependencies.manager in ("uv", "pyproject")
        assignments.append(f'{"UV_INSECURE_HOST" if is_uv else "PIP_TRUSTED_HOST"}="{hosts}"')
    return {
        "secret_mounts": "".join(mounts),
        "index_variables": continued(" ".join(assignments)) if assignments else "",
    }


def _selection(dependencies: Dependencies) -> str:
    """Return the options that select groups and extras, each after a space."""
    groups, extras = dependencies.groups, dependencies.extras
    match dependencies.manager:
        case "uv":
            options = [f"--group={name}" for name in groups]
            options += [f"--extra={name}" for name in extras]
            options += [f"--no-install-package={name}" for name in dependencies.left_out]
        case "pyproject":
            place = "" if dependencies.file == "pyproject.toml" else f"{dependencies.file}:"
            options = [f"--group={place}{name}" for name in groups]
            options += [f"--extra={name}" for name in extras]
        case "poetry":
            options = [f"--only={','.join(('main', *groups))}"]
            options += [f"--extras={' '.join(extras)}"] if extras else []
        case "pdm":
            # With --prod, PDM refuses the groups for development that are named.
            options = [] if groups else ["--prod"]
            options += [f"--group={name}" for name in (*groups, *extras)]
        case "pipenv":
            options = [f"--categories={','.join(('packages', *groups))}"] if groups else []
        case _:
            options = []
    return "".join(f" {shell_word(option)}" for option in options)


def _requirements(dependencies: Dependencies) -> str:
    """Return the options with which pip, or uv, reads the requirements."""
    file = dependencies.file
    directory, name = posixpath.split(file)
    if name in ("setup.py", "setup.cfg"):
        extras = f"[{','.join(dependencies.extras)}]" if dependencies.extras else ""
        return f" --editable {shell_word((directory or '.') + extras)}"
    # A user's name in PIP_USER, which is pip's own variable for --user.
    is_pip = dependencies.manager in ("pip", "conda")
    isolated = " --isolated" if is_pip and "PIP_USER" in dependencies.secrets else ""
    if dependencies.manager == "conda":
        return isolated + "".join(f" {_pip_argument(each)}" for each in dependencies.arguments)
    names = (*(() if dependencies.groups_only else (file,)), *dependencies.additional)
    return isolated + "".join(f" --requirement {shell_word(name)}" for name in names)


def _pip_argument(text: str) -> str:
    """Return *text* as a word of a shell; pip expands ``${NAME}`` in requirements files only."""
    if not re.search(VARIABLE, text):
        return shell_word(text)
    escaped = re.sub(rf"(?!{VARIABLE})([\\\"`$])", r"\\\2", text)
    return '"' + re.sub(VARIABLE, r"$(cat /run/secrets/\1)", escaped) + '"'


def _sed_arguments(dependencies: Dependencies) -> str:
    """Return the arguments of sed that make the requirements files installable on Linux."""

    def alternatives(names: tuple[str, ...]) -> str:
        return "|".join(name.replace("-", "[-_.]+") for name in names)

    scripts = []
    if dependencies.left_out:
        names = alternatives(dependencies.left_out)
        scripts.append(f"/^[[:space:]]*({names})([^A-Za-z0-9._-]|$)/Id")
    if dependencies.by_name:
        name = rf"(({alternatives(dependencies.by_name)})(\[[^]]*])?)"
        scripts.append(rf"s/^[[:space:]]*{name}[[:space:]]*@[[:space:]]*file:[^;[:space:]]*/\1 /I")
    words = [f"--expression={script}" for script in scripts]
    return " ".join(map(shell_word, (*words, *dependencies.files))) if words else ""


def _in_directory(dependencies: Dependencies) -> str:
    """Return the option or variable for a directory of the files other than the root."""
    directory, manager = posixpath.dirname(dependencies.file), dependencies.manager
    if directory and manager == "pipenv":
        return f" \\\n    PIPENV_PIPFILE={env_value(f'{directory}/Pipfile')}"
    if directory and manager in _DIRECTORY_OPTIONS:
        return f" {_DIRECTORY_OPTIONS[manager]}={shell_word(directory)}"
    return ""


def _files_context(dependencies: Dependencies, is_edited: bool) -> dict[str, object]:
    """Return the mounts of the files, or if they cannot be mounted or are edited, their copies."""
    # A local package is built in its directory: writable, and discarded with the mount.
    files = dict.fromkeys(dependencies.files, "") | dict.fromkeys(dependencies.local, ",rw")
    mounted = all(map(is_plain, files)) and not is_edited
    binds = [continued(f"--mount=type=bind,source={f},target={f}{rw}") for f, rw in files.items()]
    copies = [f"COPY {copy_words(f, f'./{f}')}\n" for f in files]
    return {
        "dependency_binds": "".join(binds) if mounted else "",
        "dependency_copies": "" if mounted else "".join(copies),
    }
