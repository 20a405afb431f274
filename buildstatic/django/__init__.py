"""An app for INSTALLED_APPS: ``manage.py collectstatic`` becomes the engine, and nothing else."""
