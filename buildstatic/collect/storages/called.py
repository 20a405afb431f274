"""What collecting calls on a storage: an override of anything else does not change the result.

The names are those that ``Command.collect`` of collectstatic, and ``post_process`` and ``save`` of
the storages, look up on the storage, directly or through each other. They were read in Django
(``contrib/staticfiles/management/commands/collectstatic.py``, ``contrib/staticfiles/storage.py``,
``core/files/storage/``), ``whitenoise/storage.py`` and ``servestatic/storage.py``, and
``tests/collect/test_called.py`` compares them with the installed packages.
"""

from __future__ import annotations

# Methods that read, write or name files: called for every storage.
FILE_METHODS = frozenset(
    {
        "_datetime_from_timestamp",
        "_ensure_location_group_id",
        "_open",
        "_save",
        "_value_or_setting",
        "delete",
        "exists",
        "get_alternative_name",
        "get_available_name",
        "get_modified_time",
        "is_name_available",
        "listdir",
        "open",
        "path",
        "save",
    }
)
# Those that only choose the name of a new file.
NAMING = frozenset({"get_alternative_name", "get_available_name", "is_name_available"})
# What `post_process` is, and what WhiteNoise's and ServeStatic's call to compress.
PROCESSING = frozenset({"create_compressor", "post_process"})
# Methods that `post_process` calls to fingerprint.
HOOKS = frozenset(
    {
        "_post_process",
        "_stored_name",
        "_url",
        "clean_name",
        "compress_files",
        "delete_files",
        "file_hash",
        "get_ignored_blocks",
        "hash_key",
        "hashed_name",
        "is_in_ignored_block",
        "make_helpful_exception",
        "post_process_with_compression",
        "save_manifest",
        "start_tracking_new_files",
        "stop_tracking_new_files",
        "url_converter",
    }
)
# What ServeStatic's `post_process` calls at the end, for the sizes and times of the files.
STATS = frozenset({"add_stats_to_manifest", "read_manifest", "stat_static_root"})
# Data that the collector takes from the storage whenever Django's code would.
SETTINGS = frozenset(
    {
        "base_url",
        "default_template",
        "directory_permissions_mode",
        "file_permissions_mode",
        "keep_intermediate_files",
        "keep_only_hashed_files",
        "manifest_name",
        "manifest_version",
        "max_post_process_passes",
    }
)
# Data that is changed while collecting, or depends on other data.
STATE = frozenset(
    {
        "OS_OPEN_FLAGS",
        "_allow_overwrite",
        "_base_url",
        "_directory_permissions_mode",
        "_error_msg",
        "_error_msg_re",
        "_file_permissions_mode",
        "_location",
        "_new_files",
        "_patterns",
        "base_location",
        "compressor",
        "hashed_files",
        "location",
        "manifest_hash",
        "manifest_storage",
    }
)
# `HashedFilesMixin._url` calls ``super().url``: only a class after that one can change it.
AFTER = {"url": "django.contrib.staticfiles.storage.HashedFilesMixin"}
# Special methods that collecting does not use; others may change everything.
UNUSED_SPECIAL = frozenset(
    {
        "__eq__",
        "__hash__",
        "__init__",
        "__init_subclass__",
        "__new__",
        "__repr__",
        "__str__",
    }
)
