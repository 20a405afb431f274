"""Collect the static files of a Django project.

To read in this order: `main` has what the other packages call, `project_setup` starts the project,
`staticfiles` loads its storage and finders, `layer_root` chooses the directories, `sources` lists
what the finders offer, `planning` decides which files are collected, `storages` how, `removal` what
may be removed. `django_command` runs Django's command with `collector` in place of its loop, which
locks the `tree` and opens the `spool`. Its steps are `reading` (`needles`), `outputs`
(`fingerprint`, `hashed_names`, `references`), `publish`, `compress` and `storages.manifest`;
`workers` has what they run in other processes.

This package runs in the project's own Python. It imports only the standard library, pathspec, the
codecs and, inside functions, the project's Django.
"""
