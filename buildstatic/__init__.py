"""A Django project's static files, built once, into one image layer."""

__version__ = "0.1.0"
