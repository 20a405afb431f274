from django.db import models
from django.urls import reverse


class Sighting(models.Model):
    """Something that was seen: what, where and when."""

    class Kind(models.TextChoices):
        BIRD = "bird"
        PLANT = "plant"
        INSECT = "insect"

    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=10, choices=Kind)
    place = models.CharField(max_length=100)
    seen_on = models.DateField()
    note = models.TextField(blank=True)

    class Meta:
        ordering = ["-seen_on", "name"]

    def __str__(self) -> str:
        return f"{self.name}, {self.place}"

    def get_absolute_url(self) -> str:
        return reverse("sighting", args=[self.pk])
