from django.db import models


class Run(models.Model):
    """A step of migrating: the times are those of the clock, in seconds."""

    name = models.CharField(max_length=50)
    process = models.IntegerField()
    began = models.FloatField()
    ended = models.FloatField()
