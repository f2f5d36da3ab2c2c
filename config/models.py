"""What the service counts of itself, whichever process it happened in. Names of outcomes and tasks, never of people."""

from __future__ import annotations

from django.db import models


class Tally(models.Model):
    """How often something happened since the first start; *seconds* is the sum of how long it took."""

    name = models.CharField(max_length=40)
    label = models.CharField(max_length=100)
    # The upper bound in seconds of a histogram's bucket, or empty for what has no duration.
    bucket = models.CharField(max_length=10, blank=True)
    count = models.BigIntegerField(default=0)
    seconds = models.FloatField(default=0)

    class Meta:
        verbose_name_plural = "tallies"
        constraints = [models.UniqueConstraint(fields=["name", "label", "bucket"], name="one_tally_per_label")]

    def __str__(self) -> str:
        return f"{self.name} {self.label} {self.bucket}".rstrip()
