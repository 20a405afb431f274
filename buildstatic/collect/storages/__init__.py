"""The families of storages that are known: one module each, which is all there is to say of it.

A module has ``PACKAGE``, whose code is known, and ``KINDS``, a `Kind` for each class by its dotted
name. An installed version of a package is what it says; where a family cannot follow it, ``Kind``
refuses.
"""

from __future__ import annotations

from buildstatic.collect.storages import django, servestatic, whitenoise
from buildstatic.collect.storages.kind import Kind

FAMILIES = (django, whitenoise, servestatic)
KINDS: dict[str, Kind] = {name: kind for family in FAMILIES for name, kind in family.KINDS.items()}
PACKAGES = tuple(family.PACKAGE for family in FAMILIES)
