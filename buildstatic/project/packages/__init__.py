"""The packages that a project depends on, as requirements and lock files state them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

# The image's Python if the project does not require one.
DEFAULT_PYTHON = "3.13"
MACHINES = ("x86_64", "aarch64")


@dataclass(frozen=True)
class Package:
    """A package: its canonical name, PEP 440 specifier set, extras and source (``file:line``)."""

    name: str
    specifier: str
    extras: frozenset[str]
    source: str


Packages = dict[str, Package]


def canonical(name: str) -> str:
    """Return *name* normalized as in PEP 503."""
    return str(canonicalize_name(name))


def package(requirement: Requirement, source: str) -> Package:
    """Return *requirement*, found at *source*, as a package."""
    extras = frozenset(map(canonical, requirement.extras))
    return Package(canonical(requirement.name), str(requirement.specifier), extras, source)


def join(packages: Iterable[Package]) -> Packages:
    """Return *packages* by name; extras and specifiers of duplicates are combined."""
    found: Packages = {}
    for new in packages:
        old = found.get(new.name, new)
        specifiers = dict.fromkeys(filter(None, (old.specifier, new.specifier)))
        found[new.name] = Package(
            new.name, ",".join(specifiers), old.extras | new.extras, old.source
        )
    return found


def marker_applies(marker: Marker | str | None, python: str, extras: Iterable[str] = ()) -> bool:
    """Return whether *marker* can hold on Linux with *python* (``3.13``, or ``3.13.2``).

    No marker and an invalid one always apply.
    """
    if not marker:
        return True
    minor = ".".join(python.split(".")[:2])
    full = f"{python}.99" if minor == python else python
    environment = {
        "os_name": "posix",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_release": "",
        "platform_version": "",
        "platform_python_implementation": "CPython",
        "implementation_name": "cpython",
        "implementation_version": full,
        "python_version": minor,
        "python_full_version": full,
    }
    try:
        parsed = Marker(marker) if isinstance(marker, str) else marker
        return any(
            parsed.evaluate({**environment, "platform_machine": machine, "extra": extra})
            for machine in MACHINES
            for extra in ("", *extras)
        )
    except ValueError:  # an invalid marker, or a number of thousands of digits
        return True
