"""Chooses the builder of a request."""

from __future__ import annotations

from buildstatic.builders.base import Builder, BuildRequest
from buildstatic.builders.buildx import BuildxBuilder
from buildstatic.builders.buildx_queries import driver_of, is_available
from buildstatic.builders.embedded import NAME, EmbeddedBuilder, dockerfile_only_options
from buildstatic.builders.engine_api import EngineApiBuilder
from buildstatic.errors import EngineNotFound
from buildstatic.threads import Threads

_EMBEDDED_ADVICE = (
    "Without an engine, `buildstatic build --base IMAGE --tag IMAGE` adds the static files to an "
    "image."
)


def choose_builder(request: BuildRequest, embedded: EmbeddedBuilder | None = None) -> Builder:
    """Return the builder for *request*.

    That is *embedded* if the request names it; else buildx if it is installed, else the engine's
    API. If no engine responds, it is *embedded* again, unless the request names a builder, has a
    tag, or needs a Dockerfile. Without *embedded* there is no such fallback.

    Raises EngineNotFound, EngineUnusable, EngineFailed, or UnsupportedByBuilder if the engine's
    API does not support the request.
    """
    if embedded and request.options.builder == NAME:
        return embedded
    try:
        with Threads(2) as threads:
            driver = threads.submit(driver_of, request.options.builder)
            available = threads.submit(is_available)
            import docker  # noqa: F401 - takes as long as the two commands, and is needed next

            if available.result():
                return BuildxBuilder.connect(request, driver.result())
        return EngineApiBuilder.connect(request)
    except EngineNotFound as error:
        if embedded is None or request.options.builder:
            raise
        if request.options.tags or dockerfile_only_options(request.options):
            raise EngineNotFound(error.problem, f"{error.advice} {_EMBEDDED_ADVICE}") from error
        return embedded
