"""Moved to `buildstatic.builders.base`."""

from buildstatic.builders.base import Built as Built
from buildstatic.builders.base import Event as Event
from buildstatic.builders.base import Output as Output
from buildstatic.builders.base import Vertex as Vertex
