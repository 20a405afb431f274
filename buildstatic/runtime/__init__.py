"""What a container runs: collect, wait for the database, migrate under a lock, serve.

It imports only the standard library, Django and a few modules of buildstatic that do the same, so
that ``pip install --no-deps buildstatic`` is enough in an image: ``python -m buildstatic.runtime``.
"""
