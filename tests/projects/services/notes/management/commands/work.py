import time

from django.core.management import BaseCommand

from notes.models import Note


class Command(BaseCommand):
    help = "Write a note a second."

    def handle(self, **options: object) -> None:
        while True:
            Note.objects.create(text="from the worker")
            time.sleep(1)
