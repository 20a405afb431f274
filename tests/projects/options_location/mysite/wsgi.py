import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")

django = get_wsgi_application()

from django.contrib.staticfiles.storage import staticfiles_storage  # noqa: E402
from whitenoise import WhiteNoise  # noqa: E402

application = WhiteNoise(django, root=staticfiles_storage.location, prefix="static/")
