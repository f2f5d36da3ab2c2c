"""For how long what a verifier learned may be kept: as its templates are registered, and as the citizen was told."""

from __future__ import annotations

from django.db.models import Max

from authorization.models import RequestTemplate


def longest_retention(organisation_id: int, vct: str | None) -> int:
    """Return the days that an approved template of the organisation states for certificates of *vct*; 0 without one.

    Without *vct*, that of any of its templates.
    """
    usable = RequestTemplate.objects.filter(
        organisation_id=organisation_id, approved_at__isnull=False, retired_at__isnull=True
    )
    fitting = usable if vct is None else usable.filter(credential_type__vct=vct)
    return fitting.aggregate(days=Max("retention_days"))["days"] or 0
