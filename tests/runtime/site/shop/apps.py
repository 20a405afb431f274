from django.apps import AppConfig
from django.db.models.signals import post_migrate


def afterwards(using, **kwargs):
    from shop.models import Run
    from shop.slow import recorded

    recorded(Run.objects.using(using), "post_migrate")


class ShopConfig(AppConfig):
    name = "shop"

    def ready(self):
        post_migrate.connect(afterwards, sender=self)
