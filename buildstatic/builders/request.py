"""Moved to `buildstatic.builders.base`."""

from buildstatic.builders.base import BuildRequest as BuildRequest
