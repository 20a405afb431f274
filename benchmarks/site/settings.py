"""A site with the admin, Django REST framework and Wagtail; the environment says the rest."""

import os

SECRET_KEY = "only-to-measure"
INSTALLED_APPS = [
    *(["buildstatic.django"] if os.environ.get("ENGINE") else []),
    "wagtail.contrib.forms",
    "wagtail.contrib.redirects",
    "wagtail.embeds",
    "wagtail.sites",
    "wagtail.users",
    "wagtail.snippets",
    "wagtail.documents",
    "wagtail.images",
    "wagtail.search",
    "wagtail.admin",
    "wagtail",
    "modelcluster",
    "taggit",
    "rest_framework",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    *filter(None, os.environ.get("APPS", "").split(",")),
]
STATIC_URL = "/static/"
STATIC_ROOT = os.environ["STATIC_ROOT"]
STATICFILES_DIRS = [os.environ["ASSETS"]]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": os.environ["STORAGE"]},
}
# For django-pipeline: without compressors of its own, only what its storage does is measured.
PIPELINE = {"CSS_COMPRESSOR": None, "JS_COMPRESSOR": None}
ROOT_URLCONF = "urls"  # debug_toolbar checks that it has URLs
WAGTAIL_SITE_NAME = "bench"
WAGTAILADMIN_BASE_URL = "http://bench.invalid"
