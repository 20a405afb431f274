import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
if "BOOT_FAIL" in os.environ:
    raise RuntimeError("does not boot")
application = get_wsgi_application()
