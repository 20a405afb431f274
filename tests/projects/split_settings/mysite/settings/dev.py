from mysite.settings.base import *

SECRET_KEY = "django-insecure-only-for-development"
DEBUG = True
