"""The chain in a container: collect, wait for the database, migrate under a lock, serve.

Nothing is imported here but the standard library, Django, and our errors, so that ``pip install
--no-deps buildstatic`` is enough of it in an image: ``python -m buildstatic.runtime start``.
"""
