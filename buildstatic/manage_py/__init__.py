"""Find a project's manage.py, and run it up to its command.

Shared by detection, the collector and what runs in the container, so it imports only the standard
library and, in a function, Django.
"""
